//! Absences: who is away, and who stands in for them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::absence::Absence;
use crate::model::limit::KEY_BYTES_MAX;
use crate::model::{Name, Timestamp, Title};

use super::App;
use super::auth::{ADMIN, Asked};
use super::body::{Object, Sent};
use super::error::{FORBIDDEN, Problem};
use super::query::Parameters;
use super::shown::Written;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// That somebody is away.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a body that is read key by key")]
pub(super) struct BeingAway {
    /// From when on; now when absent.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Until when; open when absent.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Who stands in.
    delegate: String,
}

/// Somebody is away.
#[derive(Serialize, ToSchema)]
#[schema(as = Absence)]
pub(super) struct AbsenceBody {
    /// Who.
    #[schema(value_type = String)]
    user: Name,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    from: Written<Timestamp>,
    /// Until when; open when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Written<Timestamp>>,
    /// Who stands in.
    #[schema(value_type = String)]
    delegate: Name,
    /// Whether it holds now.
    now: bool,
}

/// Everyone who is away.
#[derive(Serialize, ToSchema)]
pub(super) struct AbsenceList {
    /// The absences, by user.
    data: Vec<AbsenceBody>,
}

/// Lists the absences: all of them for an admin, else those of the caller and those in which they stand in.
#[utoipa::path(get, path = "/v1/absences", tag = "tasks", operation_id = "list_absences", responses((status = 200, description = "the absences", body = AbsenceList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<AbsenceList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let (me, all, now) = (&asked.actor.user, asked.actor.has(ADMIN), app.runtime.now());
    let mut absences = app.runtime.absences();
    absences.retain(|(user, absence)| all || user == me || absence.delegate == *me);
    Ok(Json(AbsenceList { data: absences.into_iter().map(|(user, absence)| body(user, absence, now)).collect() }))
}

/// Says that somebody is away and who stands in: by themselves, or by an admin. Work that waits for them by name or by
/// claim is their delegate's at once.
#[utoipa::path(
    put, path = "/v1/absences/{user}", tag = "tasks", operation_id = "put_absence",
    params(("user" = String, Path, description = "who is away")),
    request_body = BeingAway,
    responses((status = 200, description = "kept", body = AbsenceBody))
)]
async fn put(State(app): State<App>, Path(user): Path<String>, sent: Sent) -> Result<Json<AbsenceBody>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    own(&sent, &user)?;
    let mut object = sent.object()?;
    let now = app.runtime.now();
    let (from, until) = (moment(&mut object, "from"), moment(&mut object, "until"));
    let absence = Absence { from: from.unwrap_or(now), until, delegate: object.required_text("delegate") };
    if absence.until.is_some_and(|until| until <= absence.from) {
        object.fault("until", "before_from", "须晚于 `from`", "must be after `from`");
    }
    if *absence.delegate == *user {
        object.fault("delegate", "oneself", "须为另一人", "must be somebody else");
    }
    for (key, text) in [("user", &*user), ("delegate", &*absence.delegate)] {
        if text.len() > KEY_BYTES_MAX {
            object.fault(
                key,
                "too_long",
                &format!("最多 {KEY_BYTES_MAX} 字节"),
                &format!("has at most {KEY_BYTES_MAX} bytes"),
            );
        }
    }
    object.finish()?;
    let user: Name = user.into();
    app.runtime.set_absence(&user, Some(absence.clone())).await?;
    Ok(Json(body(user, absence, now)))
}

/// Says that somebody is there again: by themselves, or by an admin.
#[utoipa::path(
    delete, path = "/v1/absences/{user}", tag = "tasks", operation_id = "remove_absence",
    params(("user" = String, Path, description = "who is there")),
    responses((status = 204, description = "forgotten, if there was one"))
)]
async fn remove(State(app): State<App>, Path(user): Path<String>, asked: Asked) -> Result<StatusCode, Problem> {
    Parameters::read(&asked.uri, &[])?;
    own(&asked, &user)?;
    app.runtime.set_absence(&user.into(), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn own(asked: &Asked, user: &str) -> Result<(), Problem> {
    if *asked.actor.user == *user || asked.actor.has(ADMIN) {
        return Ok(());
    }
    let detail = Title::new("只有本人或管理员可以设置", "only they themselves or an admin may say so");
    Err(Problem::new(&FORBIDDEN, detail))
}

fn moment(object: &mut Object, key: &'static str) -> Option<Timestamp> {
    let text = object.text(key)?;
    let moment = Timestamp::parse(&text).ok();
    if moment.is_none() {
        let (zh, en) =
            ("须为带时区的时间,如 `2026-10-01T09:00:00+08:00`", "must be a time as `2026-10-01T09:00:00+08:00`");
        object.fault(key, "not_a_datetime", zh, en);
    }
    moment
}

fn body(user: Name, absence: Absence, now: Timestamp) -> AbsenceBody {
    AbsenceBody {
        user,
        from: Written(absence.from),
        until: absence.until.map(Written),
        now: absence.holds(now),
        delegate: absence.delegate,
    }
}
