//! Health: for those who run the server and the tools that watch it. Open to everyone, and tells nothing of cases.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::metrics;
use super::serve::Ending;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(measures))
        .routes(routes!(version))
}

/// A state.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `alive`, `starting`, `ready`, `ending` or `not_ready`.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What happened to the data since the start that whoever looks after the server should know: something was
    /// mended, or could not be written for a while.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
}

/// What runs here.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    /// `gendan`.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Whether this is a demo.
    demo: bool,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", tag = "health", operation_id = "livez", responses((status = 200, description = "it does", body = Health)))]
async fn livez() -> Json<Health> {
    Json(Health { status: "alive", reason: None, notices: Vec::new() })
}

/// Whether commands can be taken now.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses((status = 200, description = "they can", body = Health), (status = 503, description = "they can't", body = Health))
)]
async fn readyz(State(app): State<App>, ending: Option<Extension<Ending>>) -> Response<Body> {
    let health = |status, reason| Json(Health { status, reason, notices: app.runtime.notices() });
    let not_ready = |status, reason| (StatusCode::SERVICE_UNAVAILABLE, health(status, reason)).into_response();
    if ending.is_some_and(|Extension(Ending(token))| token.is_cancelled()) {
        return not_ready("ending", None);
    }
    match app.runtime.ready() {
        Ok(()) => health("ready", None).into_response(),
        Err(reason) => not_ready("not_ready", Some(reason)),
    }
}

/// Counts and durations, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics", responses((status = 200, description = "the measures", body = String, content_type = "text/plain")))]
async fn measures() -> Response<Body> {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}

/// What runs here.
#[utoipa::path(get, path = "/version", tag = "health", operation_id = "version", responses((status = 200, description = "name and version", body = Version)))]
async fn version(State(app): State<App>) -> Json<Version> {
    Json(Version { name: "gendan", version: env!("CARGO_PKG_VERSION"), demo: app.demo })
}
