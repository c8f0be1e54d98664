//! The inbox: messages for the caller, as a person and in every role.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::Notice;
use crate::store::Delivery;

use super::App;
use super::auth::Asked;
use super::deliveries::{RecipientBody, case, read_id, recipient};
use super::error::Problem;
use super::page::{mark_text, next_link, read_marked};
use super::query::Parameters;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub(super) struct InboxPage {
    /// The messages.
    data: Vec<InboxItem>,
    /// Go on with `cursor` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A message.
#[derive(Serialize, ToSchema)]
pub(super) struct InboxItem {
    /// Its id.
    id: String,
    /// The message: the name of its file.
    message: String,
    /// Whom it is for: the caller or one of the caller's roles.
    to: RecipientBody,
    /// The case it is about; absent for a message about many.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
    /// Its subject, in the caller's language, unless the message is written in one alone.
    subject: String,
    /// Its text.
    body: String,
    /// When the caller has read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    read_at: Option<String>,
}

/// Lists the messages for the caller, the newest first.
#[utoipa::path(
    get, path = "/v1/inbox", tag = "messages", operation_id = "list_inbox",
    params(
        ("unread" = Option<bool>, Query, description = "only those that the caller has not read"),
        ("limit" = Option<u64>, Query, description = "at most this many"),
        ("cursor" = Option<String>, Query, description = "where the page before ended"),
    ),
    responses((status = 200, description = "the messages", body = InboxPage))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["unread", "limit", "cursor"])?;
    let after = match parameters.one("cursor")? {
        Some(cursor) => Some(read_id(&read_marked(&asked.uri, cursor)?, "message")?),
        None => None,
    };
    let (unread, limit) = (parameters.flag("unread")?, parameters.limit()?);
    let mut found = app.runtime.messages(&asked.actor, unread, after, limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| mark_text(&asked.uri, &last.id.to_string()));
    let link = next.as_deref().and_then(|next| next_link(&asked.uri, "cursor", next));
    let mut data = Vec::with_capacity(found.len());
    for delivery in &found {
        let words = app.runtime.words(delivery.id).await?;
        data.extend(words.map(|words| item(&asked, delivery, &words)));
    }
    Ok((link.map(|link| [link]), Json(InboxPage { data, next })).into_response())
}

/// Marks a message as read by the caller.
#[utoipa::path(
    post, path = "/v1/inbox/{id}/read", tag = "messages", operation_id = "read_message",
    params(("id" = String, Path, description = "the id of the message")),
    responses((status = 200, description = "it is read", body = InboxItem))
)]
async fn read(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let id = read_id(&id, "message")?;
    let delivery = app.runtime.mark_read(id, &asked.actor).await?;
    let words = app.runtime.words(id).await?;
    Ok(Json(words.map(|words| item(&asked, &delivery, &words))).into_response())
}

fn item(asked: &Asked, delivery: &Delivery, words: &Notice) -> InboxItem {
    let (subject, body, _) = words.words(asked.language);
    InboxItem {
        id: delivery.id.to_string(),
        message: delivery.message.to_string(),
        to: recipient(&delivery.to),
        case: case(delivery.id),
        at: delivery.at.to_string(),
        subject: subject.to_owned(),
        body: body.to_owned(),
        read_at: delivery.read.get(&asked.actor.user).map(ToString::to_string),
    }
}
