//! Transitions: take one.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::runtime::Want;

use super::App;
use super::body::Sent;
use super::command::{self, DoneBody, readable_case};
use super::error::Problem;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(take))
}

/// What takes a transition.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct Taking {
    /// What it asks for, and the fields it may change; `GET /v1/cases/{id}/available` has the schema.
    #[schema(value_type = Object)]
    input: Option<Value>,
    /// A remark for the log.
    comment: Option<String>,
}

/// Takes a transition; with `dry_run=true` it is judged and nothing changes.
#[utoipa::path(
    post, path = "/v1/cases/{id}/transitions/{name}", tag = "cases", operation_id = "take_transition",
    params(
        ("id" = String, Path, description = "id or number"),
        ("name" = String, Path, description = "the transition"),
        ("dry_run" = Option<bool>, Query, description = "judge only")
    ),
    request_body = Taking,
    responses((status = 200, description = "taken", body = DoneBody))
)]
async fn take(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response<Body>, Problem> {
    let mut object = sent.object()?;
    let (input, comment) = (object.object("input"), object.text("comment"));
    object.finish()?;
    let case = readable_case(&app, &sent, &id).await?;
    let want = Want::Take { id: case.id, transition: name.into(), input, comment };
    command::run(&app, &sent, Some(&case), want).await
}
