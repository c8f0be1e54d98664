//! Commands: the one way from a request to the runtime and back.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Case, CaseId, Name, Timestamp};
use crate::runtime::{Done, Failure, Render, Reply, Request, Want};
use crate::store::Answer;

use super::App;
use super::auth::Asked;
use super::body::Sent;
use super::condition;
use super::error::Problem;
use super::idempotency::{IDEMPOTENCY_REPLAYED, retry};
use super::metrics;
use super::query::Parameters;
use super::view::{CaseBody, EventBody, EventData, VerdictBody, View};

/// Headers of a usual answer, so that the map of them needs no room while it is filled.
const HEADERS_USUAL: usize = 12;

/// What was done, or would be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Done)]
pub(super) struct DoneBody {
    /// The case after it.
    case: CaseBody,
    /// What happened, in order; automatic transitions too.
    events: Vec<EventData>,
    /// What the checks said.
    verdicts: Vec<VerdictBody>,
    /// Whether it was only judged: nothing changed and nothing was sent.
    dry_run: bool,
}

/// The case that a path names, by id or number, when the caller may read it.
pub(super) async fn readable_case(app: &App, asked: &Asked, id_or_number: &str) -> Result<Arc<Case>, Problem> {
    let case = app.runtime.case(id_or_number).await?;
    asked.require_reader_of(&app.runtime.library().live(), &case)?;
    Ok(case)
}

/// Runs a command on `case` (`None` opens one) and answers what it did.
pub(super) async fn run(app: &App, sent: &Sent, case: Option<&Case>, want: Want) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&sent.uri, &["dry_run"])?;
    let dry_run = parameters.flag("dry_run")?;
    let act = act(&want);
    let workflow = match (&want, case) {
        (Want::Open { workflow, .. }, _) => Name::clone(workflow),
        (
            Want::Take { .. }
            | Want::Edit { .. }
            | Want::Comment { .. }
            | Want::Wake { .. }
            | Want::Task { .. }
            | Want::Approve { .. }
            | Want::Attach { .. }
            | Want::Scheduled { .. },
            case,
        ) => case.map(|case| Name::clone(&case.workflow)).unwrap_or_default(),
    };
    let present = case.map_or(0, |case| case.version);
    let request = Request {
        actor: sent.actor.clone(),
        want,
        expected: case.map(|case| condition::expected(&sent.headers, case.version)).transpose()?.flatten(),
        retry: retry(sent)?,
        dry_run,
    };
    tracing::debug!(act, present, dry_run, "command");
    let view = View::new(app, sent);
    let created = case.is_none() && !dry_run;
    let render: Render = Box::new({
        let view = view.clone();
        move |done| render(&view, done, dry_run, created)
    });
    match app.runtime.execute(request, render).await {
        Ok(reply) => {
            metrics::commanded(act, if reply.replayed { "replayed" } else { outcome_of_success(dry_run) });
            answer(reply)
        }
        Err(failure) => {
            metrics::commanded(act, if matches!(failure, Failure::Refused(_)) { "refused" } else { "failed" });
            Err(problem(&view, &workflow, failure))
        }
    }
}

/// The address of a case.
pub(super) fn address(id: CaseId) -> String {
    format!("/v1/cases/{id}")
}

/// A JSON answer with the version of the case as its tag.
pub(super) fn tagged(version: u64, body: impl Serialize) -> Response<Body> {
    ([(ETAG, condition::etag(version))], Json(body)).into_response()
}

fn act(want: &Want) -> &'static str {
    match want {
        Want::Open { .. } => "open",
        Want::Take { .. } => "take",
        Want::Edit { .. } => "edit",
        Want::Comment { .. } => "comment",
        Want::Attach { .. } => "attach",
        Want::Wake { .. } => "wake",
        Want::Task { step, .. } => step.word(),
        Want::Approve { .. } => "approve",
        Want::Scheduled { .. } => "schedule",
    }
}

fn outcome_of_success(dry_run: bool) -> &'static str {
    if dry_run { "judged" } else { "done" }
}

fn render(view: &View, done: &Done, dry_run: bool, created: bool) -> Answer {
    let case = &done.case;
    let body = DoneBody {
        case: view.case(case),
        events: done.events.iter().map(|recorded| view.recorded(&case.workflow, recorded)).collect(),
        verdicts: view.verdicts(&case.workflow, &done.because),
        dry_run,
    };
    let mut headers: Vec<(Name, Name)> = Vec::new();
    if !dry_run {
        headers.push(("etag".into(), condition::etag(case.version).into()));
    }
    if created {
        headers.push(("location".into(), address(case.id).into()));
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Answer {
        fingerprint: "".into(),
        at: Timestamp(0),
        status: status.as_u16(),
        headers,
        body: serde_json::to_string(&body).unwrap_or_default().into(),
    }
}

fn answer(reply: Reply) -> Result<Response<Body>, Problem> {
    let status = StatusCode::from_u16(reply.answer.status).unwrap_or(StatusCode::OK);
    let mut response = Response::new(Body::from(Bytes::from_owner(Text(reply.answer.body))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS_USUAL);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &reply.answer.headers {
        let known = [ETAG, LOCATION].into_iter().find(|known| known.as_str() == &**name);
        if let (Some(name), Ok(value)) = (known, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if reply.replayed {
        headers.insert(HeaderName::from_static(IDEMPOTENCY_REPLAYED), HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The text of an answer, which is sent from where it stands.
struct Text(Name);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A stale command is told what happened since, a refused one nothing of hidden fields.
pub(super) fn problem(view: &View, workflow: &Name, failure: Failure) -> Problem {
    match failure {
        Failure::Refused(mut refusal) => {
            refusal.reasons = refusal.reasons.iter().map(|reason| view.told(workflow, reason)).collect();
            Failure::Refused(refusal).into()
        }
        Failure::Stale { expected, since, version } => {
            let events: Vec<EventBody> = since.iter().map(|logged| view.event(logged)).collect();
            let problem = Problem::from(Failure::Stale { expected, since, version });
            problem.with("since", serde_json::to_value(events).unwrap_or_default())
        }
        other @ (Failure::NotFound { .. }
        | Failure::Forbidden(_)
        | Failure::InFlight
        | Failure::KeyReused
        | Failure::BadRows(_)
        | Failure::BadScript(_)
        | Failure::BadQuery(_)
        | Failure::Overloaded
        | Failure::Rebuilding { .. }
        | Failure::Store) => other.into(),
    }
}
