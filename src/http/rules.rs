//! Rules: what one says about a case, without doing anything.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::field::{Field, Items, Kind};
use crate::model::{Name, Title};
use crate::runtime::Sample;

use super::App;
use super::auth::{ADMIN, Asked};
use super::body::{Object, Sent};
use super::command::readable_case;
use super::error::{FORBIDDEN, Problem, not_found};
use super::query::Parameters;
use super::view::{VerdictBody, View};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(evaluate))
}

/// On what a rule is evaluated: a case, or a workflow and fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Evaluate {
    /// A case, by id or number.
    case: Option<String>,
    /// The workflow of a case that would be opened.
    workflow: Option<String>,
    /// The fields of a case that would be opened.
    #[schema(value_type = Option<Object>)]
    fields: Option<Value>,
    /// The parameters of the rule.
    #[schema(value_type = Option<Object>)]
    with: Option<Value>,
    /// A draft of the script, instead of the live one; needs the role `admin`.
    source: Option<String>,
}

/// What the rule said.
#[derive(Serialize, ToSchema)]
#[schema(as = Evaluation)]
pub(super) struct EvaluationBody {
    /// What it said.
    verdict: VerdictBody,
    /// The definition set.
    revision: String,
}

/// What a rule, or a draft of one, says about a case. Nothing changes.
#[utoipa::path(
    post, path = "/v1/rules/{rule}/evaluate", tag = "rules", operation_id = "evaluate_rule",
    params(("rule" = String, Path, description = "the rule")),
    request_body = Evaluate,
    responses((status = 200, description = "the verdict", body = EvaluationBody))
)]
async fn evaluate(
    State(app): State<App>,
    Path(rule): Path<String>,
    sent: Sent,
) -> Result<Json<EvaluationBody>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    let mut object = sent.object()?;
    let (source, with) = (object.script("source"), object.optional_object("with"));
    let (workflow, sample) = sample(&app, &sent, &mut object).await?;
    object.finish()?;
    let view = View::new(&app, &sent);
    if source.is_some() {
        sent.require(&[ADMIN])?;
    } else if !view.definition().rules.contains_key(rule.as_str()) {
        return Err(not_found("rule", &rule));
    }
    if with.is_some() && !sees_all(&view, &workflow) {
        return Err(no_parameters());
    }
    let source = source.map(|source| source.to_string());
    let evaluation = app.runtime.evaluate(&sent.actor, &rule, source, sample, with.unwrap_or_default()).await?;
    Ok(Json(EvaluationBody {
        verdict: view.verdict(&workflow, &evaluation.verdict),
        revision: evaluation.revision.to_string(),
    }))
}

async fn sample(app: &App, asked: &Asked, object: &mut Object) -> Result<(Name, Sample), Problem> {
    let (case, workflow, fields) = (object.text("case"), object.text("workflow"), object.optional_object("fields"));
    match (case, workflow) {
        (Some(id), None) if fields.is_none() => {
            let case = readable_case(app, asked, &id).await?;
            Ok((case.workflow.clone(), Sample::Case(case.id)))
        }
        (None, Some(workflow)) => {
            let live = app.runtime.library().live();
            if !live.workflows.contains_key(&workflow) {
                return Err(not_found("workflow", &workflow));
            }
            asked.require_reader(&live, &workflow)?;
            Ok((Name::clone(&workflow), Sample::Draft { workflow, fields: fields.unwrap_or_default() }))
        }
        (Some(_), Some(_)) | (Some(_), None) => {
            object.fault(
                "case",
                "ambiguous",
                "不能与 `workflow` 或 `fields` 同时给出",
                "goes without `workflow` and `fields`",
            );
            object.refuse()
        }
        (None, None) => {
            object.fault("case", "required", "与 `workflow` 须给出其一", "or `workflow` is needed");
            object.refuse()
        }
    }
}

/// With parameters of one's own choice, a rule's answers would tell the values of hidden fields one by one.
fn sees_all(view: &View, workflow: &Name) -> bool {
    let Some(found) = view.definition().workflows.get(workflow) else { return true };
    found.schema.fields.values().flat_map(paths).all(|path| !view.hides(workflow, &path))
}

/// The path of a field, and of each column of its rows.
fn paths(field: &Field) -> Vec<String> {
    let mut paths = vec![field.name.to_string()];
    if let Kind::List(list) = &field.kind
        && let Items::Rows(rows) = &list.of
    {
        paths.extend(rows.fields.keys().map(|column| format!("{}.{column}", field.name)));
    }
    paths
}

fn no_parameters() -> Problem {
    Problem::new(
        &FORBIDDEN,
        Title::new("`with` 只供可查看全部字段者使用", "`with` is for those who may see every field of the workflow"),
    )
}
