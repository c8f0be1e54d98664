//! Measures: shares and times by month, and the cases behind every number (R132, R133, R134).

mod figures;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::{Judged, Month, Part, hidden_fields};
use crate::model::{CaseId, Language, Name, Title};
use crate::runtime::{Tally, Wanted};
use crate::workflow::{Definition, Measure, Measured, Workflow};

use super::App;
use super::auth::{Asked, may_read};
use super::error::{FORBIDDEN, Problem, not_found};
use super::page;
use super::query::{Parameters, bad};
use super::views::language;

use figures::{MonthBody, by_month, total};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(cases))
}

/// The measures of the workflows that the caller has a role in.
#[derive(Serialize, ToSchema)]
pub(super) struct MeasureList {
    /// The measures, by workflow.
    data: Vec<MeasureHead>,
}

/// A measure.
#[derive(Serialize, ToSchema)]
#[schema(as = Measure)]
pub(super) struct MeasureHead {
    /// Its name.
    measure: String,
    /// Its workflow.
    workflow: String,
    /// Its title, in the caller's language.
    title: String,
    /// `share` or `times`.
    kind: &'static str,
    /// The list of the case of which each row is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<String>,
}

/// A measure with its numbers.
#[derive(Serialize, ToSchema)]
pub(super) struct MeasureBody {
    /// The measure.
    #[serde(flatten)]
    measure: MeasureHead,
    /// The time zone of its months.
    zone: String,
    /// The months that have something to count, the earliest first; the latest 240 of them.
    months: Vec<MonthBody>,
    /// All of these months together.
    total: MonthBody,
    /// What belongs to no month, for the day that decides it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    undated: Option<MonthBody>,
}

/// A page of what is behind a number.
#[derive(Serialize, ToSchema)]
pub(super) struct CountedPage {
    /// The cases, or rows of them, the newest case first.
    data: Vec<CountedBody>,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
}

/// A case, or a row of it, as a measure counts it.
#[derive(Serialize, ToSchema)]
pub(super) struct CountedBody {
    /// The id of the case.
    case: String,
    /// Its number.
    number: String,
    /// The place of the row in the list of the case; the first is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The month, as `2026-09`; absent where the day that decides it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// `count`, `rest` or `unknown`.
    part: &'static str,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
}

/// Lists the measures of the workflows that the caller has a role in; those over hidden fields are left out.
#[utoipa::path(
    get, path = "/v1/measures", tag = "measures", operation_id = "list_measures",
    params(("lang" = Option<String>, Query, description = "`zh` or `en`; otherwise as `Accept-Language` says")),
    responses((status = 200, description = "the measures", body = MeasureList))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<MeasureList>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["lang"])?;
    let language = language(&parameters, &asked)?;
    let definition = app.runtime.library().live();
    let mut data = Vec::new();
    for workflow in definition.workflows.values().filter(|workflow| may_read(&asked.actor, Some(workflow))) {
        let hidden = hidden_fields(workflow, &asked.actor);
        let seen = workflow.measures.values().filter(|measure| !measure.reads.any_of(&hidden));
        data.extend(seen.map(|measure| head(workflow, measure, language)));
    }
    Ok(Json(MeasureList { data }))
}

/// A measure: its numbers by month.
#[utoipa::path(
    get, path = "/v1/measures/{measure}", tag = "measures", operation_id = "read_measure",
    params(
        ("measure" = String, Path, description = "the measure"),
        ("from" = Option<String>, Query, description = "the first month, as `2026-01`"),
        ("to" = Option<String>, Query, description = "the last month"),
        ("lang" = Option<String>, Query, description = "`zh` or `en`; otherwise as `Accept-Language` says")
    ),
    responses((status = 200, description = "its numbers", body = MeasureBody))
)]
async fn read(State(app): State<App>, Path(name): Path<String>, asked: Asked) -> Result<Json<MeasureBody>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["from", "to", "lang"])?;
    let (language, from, to) = (language(&parameters, &asked)?, month(&parameters, "from")?, month(&parameters, "to")?);
    let definition = app.runtime.library().live();
    let (workflow, measure) = seen(&definition, &asked, &name)?;
    let tally = app.runtime.tally(&definition, &workflow.name, &measure.name).await?;
    let ranged = from.is_some() || to.is_some();
    let within = |month: &Month| from.is_none_or(|from| from <= *month) && to.is_none_or(|to| *month <= to);
    let mut months = by_month(&tally, &measure.what);
    let undated = months.remove(&None).filter(|_| !ranged);
    months.retain(|month, _| month.as_ref().is_some_and(within));
    while months.len() > figures::MONTHS_MAX {
        months.pop_first();
    }
    Ok(Json(MeasureBody {
        measure: head(workflow, measure, language),
        zone: workflow.zone.name().to_owned(),
        total: total(months.values(), &measure.what).body(None, &measure.what),
        months: months.iter().map(|(month, sum)| sum.body(*month, &measure.what)).collect(),
        undated: undated.map(|sum| sum.body(None, &measure.what)),
    }))
}

/// The cases behind a number of a measure.
#[utoipa::path(
    get, path = "/v1/measures/{measure}/cases", tag = "measures", operation_id = "list_counted_cases",
    params(
        ("measure" = String, Path, description = "the measure"),
        ("month" = Option<String>, Query, description = "only this month, as `2026-01`; `none` is what has none"),
        ("part" = Option<String>, Query, description = "only these: `count`, `rest` (not counted) or `unknown` (can't be judged)"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "cases on the page; 50 when absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")
    ),
    responses((status = 200, description = "a page", body = CountedPage))
)]
async fn cases(State(app): State<App>, Path(name): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["month", "part", "limit", "cursor"])?;
    let (part, limit) = (part(&parameters)?, parameters.limit()?);
    let undated = parameters.one("month")? == Some("none");
    let month = if undated { None } else { month(&parameters, "month")? };
    let after = parameters.one("cursor")?.map(|cursor| page::read_cursor(&asked.uri, cursor)).transpose()?;
    let definition = app.runtime.library().live();
    let (workflow, measure) = seen(&definition, &asked, &name)?;
    let tally = app.runtime.tally(&definition, &workflow.name, &measure.name).await?;
    let is = |judged: &Judged| judged.is(month, part) && (!undated || judged.month.is_none());
    let (found, more) = some(&tally, after, limit, is);
    let numbers = app.runtime.numbers(found.iter().map(|(case, _)| *case).collect()).await?;
    let next = found.last().filter(|_| more).map(|(last, _)| page::cursor(&asked.uri, *last));
    let link = next.as_deref().and_then(|next| page::next_link(&asked.uri, "cursor", next));
    let bodies = found.iter().flat_map(|(case, judged)| {
        let number = numbers.get(case).map(ToString::to_string).unwrap_or_default();
        judged.iter().map(move |judged| counted(*case, &number, judged)).collect::<Vec<_>>()
    });
    let body = CountedPage { data: bodies.collect(), has_more: next.is_some(), next_cursor: next };
    let mut response = Json(body).into_response();
    response.headers_mut().extend(link);
    Ok(response)
}

/// Some cases of which something is wanted, and whether there are more of them.
fn some(
    tally: &Tally,
    after: Option<CaseId>,
    limit: usize,
    is: impl Fn(&Judged) -> bool,
) -> (Vec<(CaseId, Vec<Judged>)>, bool) {
    let wanted = tally.newest_first(after).filter_map(|(case, judged)| {
        let wanted: Vec<Judged> = judged.iter().filter(|judged| is(judged)).copied().collect();
        (!wanted.is_empty()).then_some((case, wanted))
    });
    let mut found: Vec<_> = wanted.take(limit.saturating_add(1)).collect();
    let more = found.len() > limit;
    found.truncate(limit);
    (found, more)
}

fn counted(case: CaseId, number: &str, judged: &Judged) -> CountedBody {
    let seconds = if let Part::Time(seconds) = judged.part { Some(seconds) } else { None };
    CountedBody {
        case: case.to_string(),
        number: number.to_owned(),
        line: judged.line,
        month: judged.month.map(|month| month.to_string()),
        part: match Wanted::of(judged.part) {
            Wanted::Count => "count",
            Wanted::Rest => "rest",
            Wanted::Unknown => "unknown",
        },
        seconds,
    }
}

/// The measure, when the caller may see all that it reads: a number would tell something of what is hidden.
fn seen<'a>(
    definition: &'a Arc<Definition>,
    asked: &Asked,
    name: &str,
) -> Result<(&'a Arc<Workflow>, &'a Measure), Problem> {
    let mut all = definition.workflows.values();
    let found = all.find_map(|workflow| Some((workflow, workflow.measures.get(name)?)));
    let (workflow, measure) = found.ok_or_else(|| not_found("measure", name))?;
    asked.require_reader(definition, &workflow.name)?;
    let hidden: BTreeSet<Name> = hidden_fields(workflow, &asked.actor);
    if measure.reads.any_of(&hidden) {
        let detail = Title::new(
            &format!("指标 `{name}` 依据无权查看的字段"),
            &format!("the measure `{name}` leans on fields that are hidden from you"),
        );
        return Err(Problem::new(&FORBIDDEN, detail));
    }
    Ok((workflow, measure))
}

fn head(workflow: &Workflow, measure: &Measure, language: Language) -> MeasureHead {
    let title = measure.title.text(language);
    MeasureHead {
        measure: measure.name.to_string(),
        workflow: workflow.name.to_string(),
        title: if title.is_empty() { measure.name.to_string() } else { title.to_owned() },
        kind: match measure.what {
            Measured::Share(_) => "share",
            Measured::Times { .. } => "times",
        },
        rows: measure.rows.as_ref().map(ToString::to_string),
    }
}

fn month(parameters: &Parameters, name: &str) -> Result<Option<Month>, Problem> {
    let read =
        |text| Month::read(text).ok_or_else(|| bad(name, "须为月份，例如 2026-09", "must be a month, such as 2026-09"));
    parameters.one(name)?.map(read).transpose()
}

fn part(parameters: &Parameters) -> Result<Option<Wanted>, Problem> {
    match parameters.one("part")? {
        None => Ok(None),
        Some("count") => Ok(Some(Wanted::Count)),
        Some("rest") => Ok(Some(Wanted::Rest)),
        Some("unknown") => Ok(Some(Wanted::Unknown)),
        Some(_) => Err(bad("part", "须为 `count`、`rest` 或 `unknown`", "must be `count`, `rest` or `unknown`")),
    }
}
