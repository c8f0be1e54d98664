//! Deliveries: what became of every message, and sending a dead one again. For the role `admin` alone.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, Uri};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::{Recipient, SendingId, Timestamp};
use crate::runtime::Failure;
use crate::store::{Delivery, DeliveryState, Wanted};

use super::App;
use super::auth::{ADMIN, Asked};
use super::error::{BAD_CURSOR, Problem};
use super::page::{mark_text, next_link, read_marked};
use super::query::{Parameters, bad};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryPage {
    /// The deliveries.
    data: Vec<DeliveryBody>,
    /// Go on with `cursor` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A message to one recipient on one channel, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryBody {
    /// Its id, the same for ever.
    id: String,
    /// The message.
    message: String,
    /// `inbox`, `email`, `sms`, `webhook` or `log`.
    channel: &'static str,
    /// Whom it is for.
    to: RecipientBody,
    /// The case it is about; absent for a message about many.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
    /// `pending`, `sent` or `dead`.
    state: &'static str,
    /// When it is tried next, was sent or died.
    #[schema(format = DateTime)]
    since: String,
    /// How often it was tried.
    tries: u32,
    /// Why the last try failed, or it can't be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who had it sent again last.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_by: Option<String>,
}

/// Whom a message is for.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub(super) struct RecipientBody {
    /// `role`, `user`, `email`, `phone` or `nobody`.
    kind: &'static str,
    /// The role, the person, the address or the number.
    name: String,
}

/// Lists deliveries: those that wait (the next one first), were sent, or are dead (the newest first).
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "messages", operation_id = "list_deliveries",
    params(
        ("state" = Option<String>, Query, description = "`pending` (the default), `sent` or `dead`"),
        ("limit" = Option<u64>, Query, description = "at most this many"),
        ("cursor" = Option<String>, Query, description = "where the page before ended"),
    ),
    responses((status = 200, description = "the deliveries", body = DeliveryPage))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["state", "limit", "cursor"])?;
    asked.require(&[ADMIN])?;
    let after = parameters.one("cursor")?.map(|cursor| read_place(&asked.uri, cursor)).transpose()?;
    let wanted = match parameters.one("state")? {
        None | Some("pending") => Wanted::Pending(after),
        Some("sent") => Wanted::Sent(after),
        Some("dead") => Wanted::Dead(after),
        Some(_) => return Err(bad("state", "须为 `pending`、`sent` 或 `dead`", "must be `pending`, `sent` or `dead`")),
    };
    let limit = parameters.limit()?;
    let mut found = app.runtime.deliveries(wanted, limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|last| format!("{}.{}", last.moment().0, last.id));
    let next = last.map(|last| mark_text(&asked.uri, &last));
    let link = next.as_deref().and_then(|next| next_link(&asked.uri, "cursor", next));
    let page = DeliveryPage { data: found.iter().map(body).collect(), next };
    Ok((link.map(|link| [link]), Json(page)).into_response())
}

/// Sends a dead message again, under the same id.
#[utoipa::path(
    post, path = "/v1/deliveries/{id}/retry", tag = "messages", operation_id = "retry_delivery",
    params(("id" = String, Path, description = "the id of the delivery")),
    responses((status = 200, description = "it waits to be sent", body = DeliveryBody))
)]
async fn retry(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Json<DeliveryBody>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    asked.require(&[ADMIN])?;
    let delivery = app.runtime.send_again(read_id(&id, "delivery")?, &asked.actor).await?;
    tracing::info!(delivery = %delivery.id, by = &*asked.actor.user, "a message is sent again");
    Ok(Json(body(&delivery)))
}

/// Reads the id of a delivery; what is none is not there.
pub(super) fn read_id(id: &str, what: &'static str) -> Result<SendingId, Problem> {
    id.parse().map_err(|_| Problem::from(Failure::NotFound { what, name: id.to_owned() }))
}

fn read_place(uri: &Uri, cursor: &str) -> Result<(Timestamp, SendingId), Problem> {
    let text = read_marked(uri, cursor)?;
    let place = text.split_once('.').and_then(|(at, id)| Some((Timestamp(at.parse().ok()?), id.parse().ok()?)));
    place.ok_or_else(|| Problem::new(&BAD_CURSOR, BAD_CURSOR.about()))
}

fn body(delivery: &Delivery) -> DeliveryBody {
    let state = match delivery.state {
        DeliveryState::Pending { .. } => "pending",
        DeliveryState::Sent { .. } => "sent",
        DeliveryState::Dead { .. } => "dead",
    };
    DeliveryBody {
        id: delivery.id.to_string(),
        message: delivery.message.to_string(),
        channel: delivery.channel.name(),
        to: recipient(&delivery.to),
        case: case(delivery.id),
        at: delivery.at.to_string(),
        state,
        since: delivery.moment().to_string(),
        tries: delivery.tries,
        reason: delivery.reason.as_ref().map(ToString::to_string),
        again_by: delivery.again_by.as_ref().map(ToString::to_string),
    }
}

/// The case that a sending is about.
pub(super) fn case(id: SendingId) -> Option<String> {
    (id.version > 0).then(|| id.source.to_string())
}

/// Whom a message is for.
pub(super) fn recipient(to: &Recipient) -> RecipientBody {
    let kind = match to {
        Recipient::Role(_) => "role",
        Recipient::User(_) => "user",
        Recipient::Email(_) => "email",
        Recipient::Phone(_) => "phone",
        Recipient::Nobody => "nobody",
    };
    RecipientBody { kind, name: to.name().to_owned() }
}
