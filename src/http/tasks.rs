//! Tasks and approvals: do them, and see what waits for the caller.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, Uri};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::{Work, WorkKind};
use crate::model::{Case, Name, TaskStep, Timestamp};
use crate::runtime::{InboxMark, InboxQuery, Want};

use super::App;
use super::auth::{Asked, readable};
use super::body::Sent;
use super::command::{self, DoneBody, readable_case};
use super::error::{Problem, not_found};
use super::page;
use super::query::{Parameters, bad};
use super::shown::Written;
use super::view::{CaseBody, View};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(claim))
        .routes(routes!(release))
        .routes(routes!(complete))
        .routes(routes!(approve))
}

/// What completes a task.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Completing {
    /// What it asks for; `GET /v1/cases/{id}/available` has the schema.
    #[schema(value_type = Object)]
    input: Option<Value>,
    /// A remark for the log.
    comment: Option<String>,
}

/// What answers a request for approval.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Approving {
    /// `true` agrees; `false` refuses, or takes back what the caller asked for.
    approve: bool,
    /// A remark for the log.
    comment: Option<String>,
}

/// What waits for the caller: by deadline, those without one last; then the longest waiting first.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkPage {
    /// The tasks and approvals.
    data: Vec<WorkBody>,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
    /// Whether so many cases may have work for the caller that only the oldest were looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    incomplete: bool,
}

/// Something that waits for the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Work)]
pub(super) struct WorkBody {
    /// `task` or `approval`.
    kind: &'static str,
    /// The task, or the transition that waits for approval.
    #[schema(value_type = String)]
    name: Name,
    /// Its title, in the caller's language.
    title: String,
    /// Its deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Written<Timestamp>>,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    since: Written<Timestamp>,
    /// Who has claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    claimed_by: Option<Name>,
    /// For whom the caller would do it, when that person is away.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<Name>,
    /// The case.
    case: CaseBody,
}

/// Lists the tasks that the caller could complete and the transitions that they could agree to: by deadline, those
/// without one last; then the longest waiting first.
#[utoipa::path(
    get, path = "/v1/tasks", tag = "tasks", operation_id = "list_work",
    params(
        ("workflow" = Option<String>, Query, description = "only cases of this workflow"),
        ("role" = Option<String>, Query, description = "only work that this role could do"),
        ("kind" = Option<String>, Query, description = "`task` or `approval`"),
        ("mine" = Option<bool>, Query, description = "only what the caller has claimed or is named for"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")
    ),
    responses((status = 200, description = "a page", body = WorkPage))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response<Body>, Problem> {
    let view = View::new(&app, &asked);
    let page = app.runtime.inbox(&asked.actor, query(&view, &asked)?).await?;
    let next = page.next.as_ref().map(|mark| page::sealed(&asked.uri, &written(mark)));
    let link = next.as_deref().and_then(|next| page::next_link(&asked.uri, "cursor", next));
    let body = WorkPage {
        data: page.work.iter().map(|(case, work)| work_body(&view, case, work)).collect(),
        has_more: next.is_some(),
        next_cursor: next,
        incomplete: page.incomplete,
    };
    let mut response = Json(body).into_response();
    response.headers_mut().extend(link);
    Ok(response)
}

/// Takes a task on: nobody else completes it before it is released.
#[utoipa::path(
    post, path = "/v1/cases/{id}/tasks/{name}/claim", tag = "tasks", operation_id = "claim_task",
    params(
        ("id" = String, Path, description = "id or number"), ("name" = String, Path, description = "the task"),
        ("dry_run" = Option<bool>, Query, description = "judge only")
    ),
    responses((status = 200, description = "claimed", body = DoneBody))
)]
async fn claim(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response<Body>, Problem> {
    sent.object()?.finish()?;
    run(&app, &sent, &id, name, TaskStep::Claim).await
}

/// Gives a task back.
#[utoipa::path(
    post, path = "/v1/cases/{id}/tasks/{name}/release", tag = "tasks", operation_id = "release_task",
    params(
        ("id" = String, Path, description = "id or number"), ("name" = String, Path, description = "the task"),
        ("dry_run" = Option<bool>, Query, description = "judge only")
    ),
    responses((status = 200, description = "released", body = DoneBody))
)]
async fn release(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response<Body>, Problem> {
    sent.object()?.finish()?;
    run(&app, &sent, &id, name, TaskStep::Release).await
}

/// Completes a task.
#[utoipa::path(
    post, path = "/v1/cases/{id}/tasks/{name}/complete", tag = "tasks", operation_id = "complete_task",
    params(
        ("id" = String, Path, description = "id or number"), ("name" = String, Path, description = "the task"),
        ("dry_run" = Option<bool>, Query, description = "judge only")
    ),
    request_body = Completing,
    responses((status = 200, description = "done", body = DoneBody))
)]
async fn complete(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let (input, comment) = (object.object("input"), object.text("comment"));
    object.finish()?;
    run(&app, &sent, &id, name, TaskStep::Complete { input, comment }).await
}

/// Agrees to the transition that waits for approval, or refuses it; who asked for it takes it back.
#[utoipa::path(
    post, path = "/v1/cases/{id}/approvals", tag = "tasks", operation_id = "approve",
    params(("id" = String, Path, description = "id or number"), ("dry_run" = Option<bool>, Query, description = "judge only")),
    request_body = Approving,
    responses((status = 200, description = "answered", body = DoneBody))
)]
async fn approve(State(app): State<App>, Path(id): Path<String>, sent: Sent) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let (approve, comment) = (object.required_flag("approve"), object.text("comment"));
    object.finish()?;
    let case = readable_case(&app, &sent, &id).await?;
    command::run(&app, &sent, Some(&case), Want::Approve { id: case.id, approve, comment }).await
}

async fn run(app: &App, sent: &Sent, id: &str, task: String, step: TaskStep) -> Result<Response<Body>, Problem> {
    let case = readable_case(app, sent, id).await?;
    command::run(app, sent, Some(&case), Want::Task { id: case.id, task: task.into(), step }).await
}

fn work_body(view: &View, case: &Case, work: &Work) -> WorkBody {
    WorkBody {
        kind: work.kind.word(),
        name: Name::clone(&work.name),
        title: view.title(&work.title, &work.name),
        due: work.due.map(Written),
        since: Written(work.since),
        claimed_by: work.claimed_by.clone(),
        on_behalf_of: work.on_behalf_of.clone(),
        case: view.case(case),
    }
}

fn query(view: &View, asked: &Asked) -> Result<InboxQuery, Problem> {
    let parameters = Parameters::read(&asked.uri, &["workflow", "role", "kind", "mine", "limit", "cursor"])?;
    let workflow: Option<Name> = parameters.one("workflow")?.map(Name::from);
    if let Some(workflow) = &workflow {
        if !view.definition().workflows.contains_key(workflow) {
            return Err(not_found("workflow", workflow));
        }
        asked.require_reader(view.definition(), workflow)?;
    }
    Ok(InboxQuery {
        workflow,
        role: parameters.one("role")?.map(Name::from),
        kind: kind(&parameters)?,
        mine: parameters.flag("mine")?,
        after: parameters.one("cursor")?.map(|cursor| mark(&asked.uri, cursor)).transpose()?,
        limit: parameters.limit()?,
        readable: readable(&asked.actor, view.definition()),
    })
}

fn kind(parameters: &Parameters) -> Result<Option<WorkKind>, Problem> {
    match parameters.one("kind")? {
        None => Ok(None),
        Some("task") => Ok(Some(WorkKind::Task)),
        Some("approval") => Ok(Some(WorkKind::Approval)),
        Some(_) => Err(bad("kind", "须为 `task` 或 `approval`", "must be `task` or `approval`")),
    }
}

fn written((due, since, case, name): &InboxMark) -> String {
    format!("{}.{}.{case}.{name}", due.0, since.0)
}

fn mark(uri: &Uri, cursor: &str) -> Result<InboxMark, Problem> {
    let text = page::unsealed(uri, cursor)?;
    let mut parts = text.splitn(4, '.');
    let mut next = || parts.next().unwrap_or_default();
    let (due, since, case, name) = (next().parse().ok(), next().parse().ok(), next().parse().ok(), next());
    match (due, since, case) {
        (Some(due), Some(since), Some(case)) => Ok((Timestamp(due), Timestamp(since), case, name.into())),
        _ => Err(page::bad_cursor()),
    }
}
