//! Definitions: what is live, and what became of the last attempt to change it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::diagnostic::{Diagnostic, Level};

use super::App;
use super::auth::Asked;
use super::error::Problem;
use super::query::Parameters;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// The state of the definitions.
#[derive(Serialize, ToSchema)]
pub(super) struct Definitions {
    /// The live revision.
    revision: String,
    /// Since when it is live.
    #[schema(format = DateTime)]
    since: String,
    /// The last attempt to load the files.
    attempt: AttemptBody,
}

/// An attempt to load the files.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(super) struct AttemptBody {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// The revision of the files that were tried.
    revision: String,
    /// Whether they went live (or are live). When not, the last good set goes on.
    accepted: bool,
    /// Everything that was found in them, warnings too.
    diagnostics: Vec<DiagnosticBody>,
}

/// One mistake or doubt in a definition file.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnostic)]
pub(super) struct DiagnosticBody {
    /// `error` or `warning`.
    #[schema(value_type = String)]
    level: Level,
    /// Its stable code.
    code: String,
    /// The file.
    file: String,
    /// The line; 0 when it is about the whole file.
    line: u32,
    /// The column.
    column: u32,
    /// How many characters of the line it is about.
    length: u32,
    /// What is wrong.
    message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl From<&Diagnostic> for DiagnosticBody {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            level: diagnostic.level,
            code: diagnostic.code.to_string(),
            file: diagnostic.place.file.to_string(),
            line: diagnostic.place.line,
            column: diagnostic.place.column,
            length: diagnostic.length,
            message: diagnostic.message.to_string(),
            help: diagnostic.help.as_ref().map(ToString::to_string),
        }
    }
}

/// What is live, and every diagnostic of the last attempt, refused or not.
#[utoipa::path(get, path = "/v1/definitions", tag = "definitions", operation_id = "read_definitions", responses((status = 200, description = "the state", body = Definitions)))]
async fn read(State(app): State<App>, asked: Asked) -> Result<Json<Definitions>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let status = app.runtime.library().status();
    let attempt = &status.attempt;
    Ok(Json(Definitions {
        revision: status.revision.to_string(),
        since: status.since.to_string(),
        attempt: AttemptBody {
            at: attempt.at.to_string(),
            revision: attempt.revision.to_string(),
            accepted: attempt.accepted,
            diagnostics: attempt.diagnostics.iter().map(DiagnosticBody::from).collect(),
        },
    }))
}
