//! Cases: open, list, read, edit, comment, and what can be done now.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::http::{Response, StatusCode, Uri};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::Availability;
use crate::model::{Name, Timestamp, Title};
use crate::runtime::{Available, Query, Want};

use super::App;
use super::auth::{Asked, readable};
use super::available::{self, AvailableApproval, AvailableTask};
use super::body::Sent;
use super::command::{self, DoneBody, readable_case, tagged};
use super::condition;
use super::error::{FORBIDDEN, FaultBody, Problem, UNKNOWN_PARAMETER, not_found};
use super::page;
use super::query::{Parameters, bad, unknown};
use super::shown::Written;
use super::view::{CaseBody, StepBody, VerdictBody, View};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(list))
        .routes(routes!(read, edit))
        .routes(routes!(show_available))
        .routes(routes!(comment))
}

/// What opens a case.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Opening {
    /// The fields; `GET /v1/workflows/{workflow}` has their schema.
    #[schema(value_type = Object)]
    fields: Value,
    /// A remark for the log.
    comment: Option<String>,
}

/// What changes fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Editing {
    /// The new values; `null` unsets a field.
    #[schema(value_type = Object)]
    fields: Value,
    /// A remark for the log.
    comment: Option<String>,
}

/// A remark.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Remark {
    /// The text.
    text: String,
}

/// A page of cases, newest first unless `sort` says otherwise.
#[derive(Serialize, ToSchema)]
pub(super) struct CasePage {
    /// The cases.
    data: Vec<CaseBody>,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
    /// How many match in all, when `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// Whether more cases had to be looked at than one request may: the page then ends early and the next one goes
    /// on, and more than `count` may match.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    incomplete: bool,
}

/// What the caller can do with a case now.
#[derive(Serialize, ToSchema)]
#[schema(as = Available)]
pub(super) struct AvailableBody {
    /// The case.
    case: CaseBody,
    /// Each transition of its workflow.
    transitions: Vec<AvailableTransition>,
    /// The tasks of the stage that it is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<AvailableTask>,
    /// How the caller stands to what waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<AvailableApproval>,
}

/// Whether the caller can take a transition now, and if not, why not.
#[derive(Serialize, ToSchema)]
pub(super) struct AvailableTransition {
    /// The transition.
    transition: String,
    /// Its title, in the caller's language.
    title: String,
    /// Whether it leaves the stage that the case is in.
    here: bool,
    /// Whether the caller can take it now, given an answer to what it asks.
    possible: bool,
    /// Every reason why not.
    reasons: Vec<FaultBody>,
    /// What the checks said that could be judged before the input is known.
    verdicts: Vec<VerdictBody>,
    /// The JSON Schema of its input.
    #[schema(value_type = Object)]
    input: Value,
    /// The stages it can lead to.
    to: Vec<String>,
    /// Who must agree to it as things stand, one step after the other: taking it only asks for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<StepBody>,
    /// When the engine takes it by itself, unless somebody does before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Written<Timestamp>>,
}

/// Opens a case. A refusal lists everything that was found.
#[utoipa::path(
    post, path = "/v1/workflows/{workflow}/cases", tag = "cases", operation_id = "open_case",
    params(("workflow" = String, Path, description = "the workflow"), ("dry_run" = Option<bool>, Query, description = "judge only")),
    request_body = Opening,
    responses((status = 201, description = "opened", body = DoneBody), (status = 200, description = "judged only", body = DoneBody))
)]
async fn open(State(app): State<App>, Path(workflow): Path<String>, sent: Sent) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let want =
        Want::Open { workflow: workflow.into(), fields: object.object("fields"), comment: object.text("comment") };
    object.finish()?;
    command::run(&app, &sent, None, want).await
}

/// Lists cases of the workflows that the caller has a role in.
#[utoipa::path(
    get, path = "/v1/cases", tag = "cases", operation_id = "list_cases",
    params(
        ("workflow" = Option<String>, Query, description = "only this workflow"),
        ("stage" = Option<Vec<String>>, Query, description = "only these stages; may be given several times"),
        ("owner" = Option<String>, Query, description = "only cases that wait for this role or person"),
        ("parent" = Option<String>, Query, description = "only children of this case, by its id or number"),
        ("q" = Option<String>, Query, description = "only cases whose number or texts contain this"),
        ("field.{name}" = Option<String>, Query, description = "only cases whose field has this value"),
        ("sort" = Option<String>, Query, description = "`-opened_at` (newest first, the default) or `opened_at`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("count" = Option<bool>, Query, description = "count all matches")
    ),
    responses((status = 200, description = "a page", body = CasePage))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response<Body>, Problem> {
    let view = View::new(&app, &asked);
    let mut query = query(&view, &asked)?;
    if let Some(parent) = Parameters::read(&asked.uri, PARAMETERS)?.one("parent")? {
        query.parent = Some(readable_case(&app, &asked, parent).await?.id);
    }
    let page = app.runtime.list(query).await?;
    let next = page.next.map(|last| page::cursor(&asked.uri, last));
    let link = next.as_deref().and_then(|next| page::next_link(&asked.uri, "cursor", next));
    let body = CasePage {
        data: page.cases.iter().map(|case| view.case(case)).collect(),
        has_more: next.is_some(),
        next_cursor: next,
        count: page.count,
        incomplete: page.incomplete,
    };
    let mut response = Json(body).into_response();
    response.headers_mut().extend(link);
    Ok(response)
}

/// A case, by its id or its number.
#[utoipa::path(
    get, path = "/v1/cases/{id}", tag = "cases", operation_id = "read_case",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "the case", body = CaseBody), (status = 304, description = "as `If-None-Match` has it"))
)]
async fn read(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let case = readable_case(&app, &asked, &id).await?;
    // Where its kin stand is no part of its version.
    if case.kin.is_empty() && condition::unchanged(&asked.headers, case.version) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, condition::etag(case.version))]).into_response());
    }
    let kin = app.runtime.kin(&case).await?;
    Ok(tagged(case.version, View::new(&app, &asked).case_with_kin(&case, &kin)))
}

/// Changes fields that the stage lets the caller edit.
#[utoipa::path(
    patch, path = "/v1/cases/{id}", tag = "cases", operation_id = "edit_case",
    params(("id" = String, Path, description = "id or number"), ("dry_run" = Option<bool>, Query, description = "judge only")),
    request_body = Editing,
    responses((status = 200, description = "changed", body = DoneBody))
)]
async fn edit(State(app): State<App>, Path(id): Path<String>, sent: Sent) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let (fields, comment) = (object.object("fields"), object.text("comment"));
    object.finish()?;
    let case = readable_case(&app, &sent, &id).await?;
    command::run(&app, &sent, Some(&case), Want::Edit { id: case.id, fields, comment }).await
}

/// What the caller can do with a case now, and for everything else every reason why not.
#[utoipa::path(
    get, path = "/v1/cases/{id}/available", tag = "cases", operation_id = "available_transitions",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "each transition and task", body = AvailableBody))
)]
async fn show_available(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let id = readable_case(&app, &asked, &id).await?.id;
    let Available { case, transitions, duties } = app.runtime.available(&asked.actor, id, asked.language).await?;
    let view = View::new(&app, &asked);
    let body = AvailableBody {
        case: view.case(&case),
        transitions: transitions.iter().map(|found| transition(&view, &case.workflow, found)).collect(),
        tasks: duties.tasks.iter().map(|found| available::task(&view, &case.workflow, found)).collect(),
        approval: duties.approval.as_ref().map(|found| available::approval(&view, &case.workflow, found)),
    };
    Ok(tagged(case.version, body))
}

/// Leaves a remark on a case.
#[utoipa::path(
    post, path = "/v1/cases/{id}/comments", tag = "cases", operation_id = "comment_on_case",
    params(("id" = String, Path, description = "id or number"), ("dry_run" = Option<bool>, Query, description = "judge only")),
    request_body = Remark,
    responses((status = 200, description = "left", body = DoneBody))
)]
async fn comment(State(app): State<App>, Path(id): Path<String>, sent: Sent) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let text = object.required_text("text");
    object.finish()?;
    let case = readable_case(&app, &sent, &id).await?;
    command::run(&app, &sent, Some(&case), Want::Comment { id: case.id, text }).await
}

fn transition(view: &View, workflow: &Name, found: &Availability) -> AvailableTransition {
    AvailableTransition {
        transition: found.transition.to_string(),
        title: view.title(&found.title, &found.transition),
        here: found.here,
        possible: found.possible,
        reasons: found.reasons.iter().map(|reason| view.reason(workflow, reason)).collect(),
        verdicts: view.verdicts(workflow, &found.because),
        input: found.input.clone(),
        to: found.to.iter().map(ToString::to_string).collect(),
        approvals: found.approvals.iter().map(StepBody::from).collect(),
        at: found.at.map(Written),
    }
}

const PARAMETERS: &[&str] =
    &["workflow", "stage", "owner", "parent", "q", "sort", "limit", "cursor", "count", "field."];

fn query(view: &View, asked: &Asked) -> Result<Query, Problem> {
    let parameters = Parameters::read(&asked.uri, PARAMETERS)?;
    let workflow: Option<Name> = parameters.one("workflow")?.map(Name::from);
    if let Some(workflow) = &workflow {
        if !view.definition().workflows.contains_key(workflow) {
            return Err(not_found("workflow", workflow));
        }
        asked.require_reader(view.definition(), workflow)?;
    }
    let fields = parameters.family("field.");
    check_fields(view, workflow.as_ref(), fields.iter().map(|(field, _)| field))?;
    Ok(Query {
        workflow,
        stages: parameters.all("stage").map(Name::from).collect(),
        owner: parameters.one("owner")?.map(Name::from),
        fields,
        text: parameters.one("q")?.filter(|text| !text.is_empty()).map(str::to_owned),
        oldest_first: oldest_first(&parameters)?,
        after: cursor(&asked.uri, &parameters)?,
        parent: None,
        limit: parameters.limit()?,
        count: parameters.flag("count")?,
        readable: readable(&asked.actor, view.definition()),
        hidden: view.all_hidden(),
    })
}

/// A filter by a field that the caller may not see would tell its value.
fn check_fields<'a>(
    view: &View,
    workflow: Option<&Name>,
    mut fields: impl Iterator<Item = &'a Name>,
) -> Result<(), Problem> {
    let Some(workflow) = workflow else {
        let without = |_| bad("workflow", "按字段筛选时必须填写", "is needed to filter by fields");
        return fields.next().map_or(Ok(()), |field| Err(without(field)));
    };
    let Some(schema) = view.definition().workflows.get(workflow).map(|found| Arc::clone(&found.schema)) else {
        return Ok(());
    };
    fields.try_for_each(|field| {
        if schema.get(field).is_none() {
            let known: Vec<String> = schema.fields.keys().map(|known| format!("field.{known}")).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Problem::of(&UNKNOWN_PARAMETER, vec![unknown(&format!("field.{field}"), &known)]));
        }
        if view.hides(workflow, field) {
            let detail =
                Title::new(&format!("无权查看字段 `{field}`"), &format!("the field `{field}` is hidden from you"));
            return Err(Problem::new(&FORBIDDEN, detail));
        }
        Ok(())
    })
}

fn oldest_first(parameters: &Parameters) -> Result<bool, Problem> {
    match parameters.one("sort")? {
        None | Some("-opened_at") => Ok(false),
        Some("opened_at") => Ok(true),
        Some(_) => Err(bad("sort", "须为 `opened_at` 或 `-opened_at`", "must be `opened_at` or `-opened_at`")),
    }
}

fn cursor(uri: &Uri, parameters: &Parameters) -> Result<Option<crate::model::CaseId>, Problem> {
    parameters.one("cursor")?.map(|cursor| page::read_cursor(uri, cursor)).transpose()
}
