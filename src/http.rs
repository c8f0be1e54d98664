//! The HTTP API: shapes, handlers and routers, a file per resource.
//!
//! A request passes, from the outside in: [`finish`] (its id, problems in the caller's language, careful headers,
//! measures), compression, a net for panics, a time limit, then its handler. A handler first learns who asks
//! ([`auth::Asked`], or [`body::Sent`] with the body), and answers with a value or an [`error::Problem`].
//!
//! INVARIANT: everything under `/v1` needs a valid key; the actor is always the authenticated one.

mod absences;
mod attachments;
mod auth;
mod available;
mod body;
mod cases;
mod cell;
mod command;
mod condition;
mod definitions;
mod deliveries;
mod docs;
mod documents;
mod error;
mod events;
mod finish;
mod health;
mod hello;
mod idempotency;
mod inbox;
mod json;
mod keys;
mod kin;
mod measures;
mod metrics;
mod moved;
mod page;
mod query;
mod resources;
mod rules;
mod serve;
mod shown;
mod slas;
mod starting;
mod tables;
mod tasks;
mod transitions;
mod verify;
mod view;
mod views;
mod workflows;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::model::limit::BODY_BYTES_MAX;
use crate::runtime::Runtime;

pub use attachments::AttachmentRules;
pub use hello::serve_hello;
pub use serve::serve;
pub use starting::Starting;
pub(crate) use tables::first_line;

/// What the shell may set about the HTTP side; limits that nobody needs to set stand in `model::limit`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether the banner of the documentation page shows that this is a demo.
    pub demo: bool,
    /// Which files may be attached.
    pub attachments: AttachmentRules,
}

/// What every handler can reach.
#[derive(Clone, Debug)]
pub(crate) struct App {
    runtime: Runtime,
    demo: bool,
    attachments: Arc<AttachmentRules>,
    openapi: Arc<str>,
}

/// The whole API as one router.
pub fn router(runtime: Runtime, settings: &Settings) -> Router {
    metrics::install();
    let (api, openapi) = api().split_for_parts();
    let openapi = serde_json::to_string(&docs::complete(openapi, settings.demo)).unwrap_or_default();
    let attachments = Arc::new(settings.attachments.clone());
    let app = App { runtime, demo: settings.demo, attachments, openapi: openapi.into() };
    api.merge(docs::pages())
        .fallback(finish::nowhere)
        // All in one layer: the router boxes each layer of its own for every request.
        .layer(
            ServiceBuilder::new()
                .layer(from_fn(finish::finish))
                // Answers are small, and a command must not cost as much again for a few bytes less.
                .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
                .layer(CatchPanicLayer::custom(finish::panicked))
                .layer(from_fn(finish::in_time))
                .layer(DefaultBodyLimit::max(BODY_BYTES_MAX)),
        )
        .with_state(app)
}

/// The `OpenAPI` document of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::complete(api().into_openapi(), false)
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::beginning())
        .merge(health::routes())
        .merge(workflows::routes())
        .merge(cases::routes())
        .merge(attachments::routes())
        .merge(transitions::routes())
        .merge(tasks::routes())
        .merge(absences::routes())
        .merge(events::routes())
        .merge(tables::routes())
        .merge(rules::routes())
        .merge(resources::routes())
        .merge(definitions::routes())
        .merge(keys::routes())
        .merge(verify::routes())
        .merge(deliveries::routes())
        .merge(inbox::routes())
        .merge(slas::routes())
        .merge(views::routes())
        .merge(measures::routes())
        .merge(documents::routes())
        .merge(docs::routes())
}
