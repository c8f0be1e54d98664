//! The clocks of a case: what it owes by when, and why then.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::sla::{ToldClock, ToldSpan, explain};
use crate::model::{Clock, ClockChange, Event, Name, Outcome, Pause, Timestamp};

use super::App;
use super::auth::Asked;
use super::command::readable_case;
use super::error::Problem;
use super::query::Parameters;
use super::shown::Written;
use super::view::View;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(of_case))
}

/// The clocks of a case.
#[derive(Serialize, ToSchema)]
pub(super) struct ClockPage {
    /// The clocks, in the order in which they were started.
    data: Vec<ClockBody>,
}

/// A clock.
#[derive(Serialize, ToSchema)]
pub(super) struct ClockBody {
    /// The SLA.
    #[schema(value_type = String)]
    sla: Name,
    /// Its title.
    title: String,
    /// Which of its clocks, from 1.
    number: u32,
    /// How long it may run, as it is written.
    #[schema(value_type = String)]
    within: Name,
    /// `running`, `paused`, `undetermined`, `met`, `met_late` or `void`.
    state: &'static str,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    started: Written<Timestamp>,
    /// The deadline; absent while it is paused, or a year is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Written<Timestamp>>,
    /// The year of which the calendar knows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_year: Option<i32>,
    /// When it was warned of the deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    warned: Option<Written<Timestamp>>,
    /// When each rung of its breach was reached.
    #[schema(value_type = Vec<String>)]
    breached: Vec<Written<Timestamp>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closed: Option<Written<Timestamp>>,
    /// When it stood still.
    pauses: Vec<PauseBody>,
    /// Every stretch from the start to the deadline, end to end, with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<Vec<SpanBody>>,
}

/// A stretch in which a clock stood still.
#[derive(Serialize, ToSchema)]
pub(super) struct PauseBody {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    from: Written<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Written<Timestamp>>,
    /// The stage that caused it.
    #[schema(value_type = String)]
    cause: Name,
}

/// A stretch of time that counted, or was skipped.
#[derive(Serialize, ToSchema)]
pub(super) struct SpanBody {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    from: Written<Timestamp>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    to: Written<Timestamp>,
    /// Whether it counts.
    counted: bool,
    /// The stable code of the reason.
    code: &'static str,
    /// The reason, in the caller's language.
    why: String,
}

/// What an event of a clock tells.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ClockData {
    /// The SLA.
    #[schema(value_type = String)]
    sla: Name,
    /// Which of its clocks, from 1.
    number: u32,
    /// What caused it: a stage, a transition, a task, a field, `opened`, `time` or `calendar`.
    #[schema(value_type = String)]
    cause: Name,
    /// The deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Written<Timestamp>>,
    /// The deadline before it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_before: Option<Written<Timestamp>>,
    /// The rung of the breach, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<u32>,
    /// The year of which the calendar knows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_year: Option<i32>,
    /// Why what is done on a warning or a breach could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    why: Option<Name>,
}

/// Before whom an event puts the case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EscalationData {
    /// The role.
    #[schema(value_type = String)]
    to: Name,
    /// Whoever should have done it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    owner: Option<Name>,
    /// The SLA that was breached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    sla: Option<Name>,
}

impl ClockData {
    /// What the event tells, when it is one of a clock.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Event::Clock { sla, number, change, cause } = event else { return None };
        let (sla, number, cause) = (Name::clone(sla), *number, Name::clone(cause));
        let mut data =
            Self { sla, number, cause, due: None, due_before: None, rung: None, unknown_year: None, why: None };
        match change {
            ClockChange::Started { due }
            | ClockChange::Resumed { due }
            | ClockChange::Met { due }
            | ClockChange::MetLate { due } => data.due = due.map(Written),
            ClockChange::Moved { from, to } => (data.due_before, data.due) = (from.map(Written), to.map(Written)),
            ClockChange::Warned { due } => data.due = Some(Written(*due)),
            ClockChange::Breached { due, rung } => (data.due, data.rung) = (Some(Written(*due)), Some(*rung)),
            ClockChange::Undetermined { year } => data.unknown_year = Some(*year),
            ClockChange::Failed { why } => data.why = Some(Name::clone(why)),
            ClockChange::Paused | ClockChange::Void => {}
        }
        Some(data)
    }
}

impl EscalationData {
    /// What the event tells, when it is an escalation.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Event::Escalated { to, owner, sla } = event else { return None };
        Some(Self { to: Name::clone(to), owner: owner.clone(), sla: sla.clone() })
    }
}

/// The clocks of a case: what runs, what was met or missed, and with `explain=true` every stretch that counted or was
/// skipped, with its reason.
#[utoipa::path(
    get, path = "/v1/cases/{id}/slas", tag = "cases", operation_id = "list_case_slas",
    params(
        ("id" = String, Path, description = "id or number"),
        ("explain" = Option<bool>, Query, description = "with every stretch from the start to the deadline")
    ),
    responses((status = 200, description = "the clocks", body = ClockPage))
)]
async fn of_case(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let with_spans = Parameters::read(&asked.uri, &["explain"])?.flag("explain")?;
    let case = readable_case(&app, &asked, &id).await?;
    let view = View::new(&app, &asked);
    let told = explain(view.definition(), &case);
    let data = told.into_iter().map(|told| body(&view, told, with_spans)).collect();
    Ok(Json(ClockPage { data }).into_response())
}

fn body(view: &View, told: ToldClock, with_spans: bool) -> ClockBody {
    let state = state(&told);
    let clock = told.clock;
    ClockBody {
        title: view.title(&told.title, &clock.sla),
        sla: clock.sla,
        number: clock.number,
        within: told.within,
        state,
        started: Written(clock.started),
        due: told.due.map(Written),
        unknown_year: clock.unknown_year,
        warned: clock.warned.map(Written),
        breached: clock.breached.into_iter().map(Written).collect(),
        closed: clock.closed.map(|closed| Written(closed.at)),
        pauses: clock.pauses.into_iter().map(pause).collect(),
        spans: with_spans.then(|| told.spans.into_iter().map(|told| span(view, told)).collect()),
    }
}

fn state(told: &ToldClock) -> &'static str {
    let clock: &Clock = &told.clock;
    match clock.closed.map(|closed| closed.how) {
        Some(Outcome::Met) => "met",
        Some(Outcome::MetLate) => "met_late",
        Some(Outcome::Void) => "void",
        None if clock.is_paused() => "paused",
        None if told.due.is_none() => "undetermined",
        None => "running",
    }
}

fn pause(pause: Pause) -> PauseBody {
    PauseBody { from: Written(pause.from), to: pause.to.map(Written), cause: pause.cause }
}

fn span(view: &View, told: ToldSpan) -> SpanBody {
    let why = view.text(&told.why);
    SpanBody { from: Written(told.from), to: Written(told.to), counted: told.counted, code: told.code, why }
}
