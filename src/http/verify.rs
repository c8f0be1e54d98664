//! Verifying beside the work: is what is stored what the events say? For the role `admin` alone.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::auth::{ADMIN, Asked};
use super::error::Problem;
use super::query::Parameters;

/// Where it is asked for.
pub(super) const PATH: &str = "/v1/verify";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// What came of verifying.
#[derive(Serialize, ToSchema)]
pub(super) struct Verified {
    /// Whether nothing is damaged.
    ok: bool,
    /// How many events there were when it began.
    checked: u64,
    /// How many contents of attachments were read.
    attachments: u64,
    /// What is damaged.
    damages: Vec<DamageBody>,
    /// The SHA-256 of contents that no case has; they are no damage.
    orphans: Vec<String>,
}

/// One damage.
#[derive(Serialize, ToSchema)]
#[schema(as = Damage)]
struct DamageBody {
    /// The case, when it is one case's.
    case: Option<String>,
    /// What is wrong.
    what: String,
}

/// Folds the events of every case again and compares with what is stored. Work goes on meanwhile.
#[utoipa::path(post, path = "/v1/verify", tag = "health", operation_id = "verify", responses((status = 200, description = "what was found", body = Verified)))]
async fn verify(State(app): State<App>, asked: Asked) -> Result<Json<Verified>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    asked.require(&[ADMIN])?;
    let checked = app.runtime.position().0;
    let mut damages = app.runtime.verify().await?;
    let contents = app.runtime.verify_contents().await?;
    damages.extend(contents.damages);
    let orphans = contents.orphans.iter().map(ToString::to_string).collect();
    let body =
        |damage: crate::store::Damage| DamageBody { case: damage.case.map(|id| id.to_string()), what: damage.what };
    let attachments = contents.checked;
    let ok = damages.is_empty();
    Ok(Json(Verified { ok, checked, attachments, damages: damages.into_iter().map(body).collect(), orphans }))
}
