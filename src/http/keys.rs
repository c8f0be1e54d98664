//! API keys: shown once, stored as a hash, revocable. For the role `admin` alone.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::diagnostic::did_you_mean;
use crate::model::command::SYSTEM;
use crate::model::limit::KEY_BYTES_MAX;
use crate::model::{Name, Timestamp, Title};
use crate::store::KeyRecord;

use super::App;
use super::auth::{ADMIN, Asked, DATA};
use super::body::{Object, Sent};
use super::error::{BAD_HEADER, OWN_KEY, Problem};
use super::idempotency;
use super::query::Parameters;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// What makes a key.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct NewKey {
    /// Who it authenticates.
    user: String,
    /// The roles it gives.
    roles: Vec<String>,
    /// When it ends by itself; never, when absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// The keys.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyList {
    /// The keys.
    data: Vec<KeyBody>,
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyBody {
    /// Its public id.
    id: String,
    /// Its last four characters, to recognise it by.
    last4: String,
    /// Who it authenticates.
    user: String,
    /// The roles it gives.
    roles: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// The key itself: shown here once and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Lists every key, revoked ones too; never a secret.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", operation_id = "list_keys", responses((status = 200, description = "the keys", body = KeyList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<KeyList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    asked.require(&[ADMIN])?;
    Ok(Json(KeyList { data: app.runtime.keys().iter().map(|record| body(record, None)).collect() }))
}

/// Makes a key. It is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", operation_id = "create_key", request_body = NewKey,
    responses((status = 201, description = "made", body = KeyBody))
)]
async fn create(State(app): State<App>, sent: Sent) -> Result<Response<Body>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    sent.require(&[ADMIN])?;
    if idempotency::key(&sent.headers)?.is_some() {
        return Err(not_repeatable());
    }
    let mut object = sent.object()?;
    let user = user(&mut object);
    let roles = roles(&app, &mut object);
    let expires_at = expiry(app.runtime.now(), &mut object);
    object.finish()?;
    let (record, key) = app.runtime.create_key(&user, roles, expires_at).await?;
    tracing::info!(key = &*record.id, by = &*sent.actor.user, user = &*record.user, "key made");
    Ok((StatusCode::CREATED, Json(body(&record, Some(key)))).into_response())
}

/// Revokes a key at once.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys", operation_id = "revoke_key",
    params(("id" = String, Path, description = "the public id of the key")),
    responses((status = 200, description = "revoked", body = KeyBody))
)]
async fn revoke(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Json<KeyBody>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    asked.require(&[ADMIN])?;
    let own = asked.key.strip_prefix("gk_").and_then(|rest| rest.split_once('_'));
    if own.is_some_and(|(own, _)| own == id) {
        return Err(Problem::new(&OWN_KEY, OWN_KEY.about()));
    }
    let record = app.runtime.revoke_key(&id).await?;
    tracing::info!(key = &*record.id, by = &*asked.actor.user, "key revoked");
    Ok(Json(body(&record, None)))
}

fn user(object: &mut Object) -> Name {
    let user = object.required_text("user");
    let plain = |text: &str| {
        text.len() <= KEY_BYTES_MAX && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
    };
    if !plain(&user) {
        object.fault("user", "bad_user", "须为不含空白的短文本", "must be a short text without blanks");
    } else if &*user == SYSTEM {
        object.fault("user", "bad_user", "不能是引擎自身的 `system`", "can't be `system`, which is the engine itself");
    }
    user
}

fn roles(app: &App, object: &mut Object) -> BTreeSet<Name> {
    let live = app.runtime.library().live();
    let known: Vec<&str> = live.roles.keys().map(|role| &**role).chain([ADMIN, DATA, SYSTEM]).collect();
    let Some(roles) = object.texts("roles") else {
        object.fault("roles", "required", "必须填写", "is required");
        return BTreeSet::new();
    };
    for (index, role) in roles.iter().enumerate().filter(|(_, role)| !known.contains(&&***role)) {
        let near = did_you_mean(role, known.iter().copied());
        let (zh, en) = near.map_or((String::new(), String::new()), |near| {
            (format!("，是否指 `{near}`？"), format!(", did you mean `{near}`?"))
        });
        object.fault(
            &format!("roles[{index}]"),
            "unknown_role",
            &format!("没有角色 `{role}`{zh}"),
            &format!("names no role: `{role}`{en}"),
        );
    }
    roles.into_iter().collect()
}

fn expiry(now: Timestamp, object: &mut Object) -> Option<Timestamp> {
    let text = object.text("expires_at")?;
    match Timestamp::parse(&text) {
        Ok(moment) if moment > now => return Some(moment),
        Ok(_) => object.fault("expires_at", "past", "须在将来", "must be in the future"),
        Err(_) => object.fault(
            "expires_at",
            "not_a_datetime",
            "须为带时区的时刻，如 `2026-09-24T17:00:00+08:00`",
            "must be a moment with its offset, as `2026-09-24T17:00:00+08:00`",
        ),
    }
    None
}

fn not_repeatable() -> Problem {
    let detail = Title::new(
        "密钥只显示一次、从不保存，因此该接口不支持 `Idempotency-Key`",
        "a key is shown once and never stored, so `Idempotency-Key` is not taken here",
    );
    Problem::new(&BAD_HEADER, detail)
}

fn body(record: &KeyRecord, key: Option<String>) -> KeyBody {
    KeyBody {
        id: record.id.to_string(),
        last4: record.last4.to_string(),
        user: record.user.to_string(),
        roles: record.roles.iter().map(ToString::to_string).collect(),
        created_at: record.created_at.to_string(),
        expires_at: record.expires_at.map(|moment| moment.to_string()),
        revoked_at: record.revoked_at.map(|moment| moment.to_string()),
        key,
    }
}
