//! Workflows: what there is, for clients that build forms and menus from it.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::field::json_schema;
use crate::workflow::{ApprovalNeeded, By, Target, Task, Transition, Workflow};

use super::App;
use super::auth::{Asked, may_read};
use super::error::{Problem, not_found};
use super::query::Parameters;
use super::view::View;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// The workflows that the caller has a role in.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkflowList {
    /// The workflows.
    data: Vec<WorkflowName>,
}

/// A workflow in the list.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkflowName {
    /// Its name.
    workflow: String,
    /// Its title, in the caller's language.
    title: String,
}

/// A workflow.
#[derive(Serialize, ToSchema)]
#[schema(as = Workflow)]
pub(super) struct WorkflowBody {
    /// Its name.
    workflow: String,
    /// Its title, in the caller's language.
    title: String,
    /// The definition set.
    revision: String,
    /// The time zone of its days and times.
    zone: String,
    /// Its settings.
    #[schema(value_type = Object)]
    settings: Value,
    /// The JSON Schema (2020-12) of the fields that a client may write.
    #[schema(value_type = Object)]
    fields: Value,
    /// The fields that formulas compute.
    computed: Vec<String>,
    /// Who may open a case.
    open: TransitionBody,
    /// Its stages, in order.
    stages: Vec<StageBody>,
    /// Its transitions, in order.
    transitions: Vec<TransitionBody>,
}

/// A stage.
#[derive(Serialize, ToSchema)]
#[schema(as = Stage)]
pub(super) struct StageBody {
    /// Its name.
    stage: String,
    /// Its title, in the caller's language.
    title: String,
    /// Who it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Who>,
    /// How a case has ended here: `success`, `failure` or `cancelled`; absent where it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    end: Option<crate::workflow::definition::End>,
    /// The tasks in it, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<TaskBody>,
}

/// A task.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
pub(super) struct TaskBody {
    /// Its name.
    task: String,
    /// Its title, in the caller's language.
    title: String,
    /// Who may do it.
    by: Vec<Who>,
    /// The tasks and transitions whose doers may not do it.
    not_by: Vec<String>,
    /// The tasks that come before it.
    after: Vec<String>,
    /// The list of which it answers each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    each: Option<String>,
}

/// A step of an approval.
#[derive(Serialize, ToSchema)]
#[schema(as = ApprovalNeeded)]
pub(super) struct ApprovalNeededBody {
    /// Whose agreement counts.
    of: Vec<Who>,
    /// How many must agree.
    count: u32,
    /// The condition under which it is needed; always when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
}

/// A role, or the person that a field names.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Who {
    /// Whoever has this role.
    Role(String),
    /// The person in this field.
    Field(String),
}

/// A transition.
#[derive(Serialize, ToSchema)]
#[schema(as = Transition)]
pub(super) struct TransitionBody {
    /// Its name.
    transition: String,
    /// Its title, in the caller's language.
    title: String,
    /// The stages it leaves.
    from: Vec<String>,
    /// The stages it can lead to; none for one that stays.
    to: Vec<String>,
    /// Who may take it; nobody for one that the engine takes.
    by: Vec<Who>,
    /// The transitions whose takers may not take it.
    not_by: Vec<String>,
    /// The fields it asks for.
    ask: Vec<AskBody>,
    /// The fields that may be corrected on the way.
    change: Vec<String>,
    /// Whether the engine takes it by itself.
    auto: bool,
    /// Who must agree to it, one step after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<ApprovalNeededBody>,
}

/// A field that a transition asks for.
#[derive(Serialize, ToSchema)]
#[schema(as = Ask)]
pub(super) struct AskBody {
    /// The field.
    field: String,
    /// Whether it must be answered.
    required: bool,
}

/// Lists the workflows that the caller has a role in.
#[utoipa::path(get, path = "/v1/workflows", tag = "workflows", operation_id = "list_workflows", responses((status = 200, description = "the workflows", body = WorkflowList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<WorkflowList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let view = View::new(&app, &asked);
    let readable = view.definition().workflows.values().filter(|workflow| may_read(&asked.actor, Some(workflow)));
    let name = |workflow: &Workflow| WorkflowName {
        workflow: workflow.name.to_string(),
        title: view.title(&workflow.title, &workflow.name),
    };
    Ok(Json(WorkflowList { data: readable.map(|workflow| name(workflow)).collect() }))
}

/// A workflow: its fields, stages and transitions.
#[utoipa::path(
    get, path = "/v1/workflows/{workflow}", tag = "workflows", operation_id = "read_workflow",
    params(("workflow" = String, Path, description = "the workflow")),
    responses((status = 200, description = "the workflow", body = WorkflowBody))
)]
async fn read(
    State(app): State<App>,
    Path(workflow): Path<String>,
    asked: Asked,
) -> Result<Json<WorkflowBody>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let view = View::new(&app, &asked);
    let definition = view.definition();
    let found = definition.workflows.get(workflow.as_str()).ok_or_else(|| not_found("workflow", &workflow))?;
    asked.require_reader(definition, &workflow)?;
    let computed = found.schema.fields.values().filter(|field| field.computed);
    Ok(Json(WorkflowBody {
        workflow: found.name.to_string(),
        title: view.title(&found.title, &found.name),
        revision: definition.revision.to_string(),
        zone: found.zone.name().to_owned(),
        settings: found.settings.to_json(),
        fields: json_schema(&found.schema, asked.language),
        computed: computed.map(|field| field.name.to_string()).collect(),
        open: transition(&view, &found.open),
        stages: found.stages.values().map(|found| stage(&view, found)).collect(),
        transitions: found.transitions.iter().map(|found| transition(&view, found)).collect(),
    }))
}

fn stage(view: &View, stage: &crate::workflow::Stage) -> StageBody {
    StageBody {
        stage: stage.name.to_string(),
        title: view.title(&stage.title, &stage.name),
        owner: stage.owner.as_ref().map(Who::from),
        end: stage.end,
        tasks: stage.tasks.iter().map(|found| task(view, found)).collect(),
    }
}

fn task(view: &View, task: &Task) -> TaskBody {
    TaskBody {
        task: task.name.to_string(),
        title: view.title(&task.title, &task.name),
        by: task.by.iter().map(Who::from).collect(),
        not_by: task.not_by.iter().map(|not_by| not_by.name().to_string()).collect(),
        after: task.after.iter().map(ToString::to_string).collect(),
        each: task.each.as_ref().map(ToString::to_string),
    }
}

impl From<&ApprovalNeeded> for ApprovalNeededBody {
    fn from(approval: &ApprovalNeeded) -> Self {
        let when = approval.when.as_ref().map(|when| when.text.to_string());
        Self { of: approval.of.iter().map(Who::from).collect(), count: approval.count, when }
    }
}

fn transition(view: &View, transition: &Transition) -> TransitionBody {
    let names = |names: &mut dyn Iterator<Item = &crate::model::Name>| names.map(ToString::to_string).collect();
    let to = match &transition.to {
        Target::Stay => Vec::new(),
        Target::Branches(branches) => names(&mut branches.iter().map(|branch| &branch.stage)),
    };
    TransitionBody {
        transition: transition.name.to_string(),
        title: view.title(&transition.title, &transition.name),
        from: names(&mut transition.from.iter()),
        to,
        by: transition.by.iter().map(Who::from).collect(),
        not_by: names(&mut transition.not_by.iter()),
        ask: transition.ask.iter().map(|ask| AskBody { field: ask.field.to_string(), required: ask.must }).collect(),
        change: names(&mut transition.change.iter()),
        auto: transition.auto,
        approvals: transition.approvals.iter().map(ApprovalNeededBody::from).collect(),
    }
}

impl From<&By> for Who {
    fn from(by: &By) -> Self {
        match by {
            By::Role(role) => Self::Role(role.to_string()),
            By::User(field) => Self::Field(field.to_string()),
        }
    }
}
