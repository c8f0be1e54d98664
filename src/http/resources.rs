//! Resources: what there is of each pool, who holds it, and what is set from outside.

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::Response;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::field::{Per, Resource};
use crate::model::limit::BULK_BYTES_MAX;
use crate::model::resource::Arrival;
use crate::model::{CaseId, Name, Pool, Title};
use crate::runtime::Failure;

use super::App;
use super::auth::{ADMIN, Asked, DATA};
use super::body::{self, Sent};
use super::error::{BAD_BODY, BAD_PARAMETER, Fault, INTERNAL, Problem};
use super::page::next_link;
use super::query::Parameters;
use super::tables::{bulk, of_one_row, require_reader};
use super::view::View;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(pools, put_many).layer(DefaultBodyLimit::max(BULK_BYTES_MAX)))
        .routes(routes!(pool, put))
}

/// The resources.
#[derive(Serialize, ToSchema)]
pub(super) struct ResourceList {
    /// The resources.
    data: Vec<ResourceBody>,
}

/// A resource: something finite of which cases hold a part.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(super) struct ResourceBody {
    /// Its name.
    resource: String,
    /// Its title, in the caller's language.
    title: String,
    /// The table whose rows are its pools; `day` for a pool for each calendar day.
    per: String,
    /// What is on hand in a pool that nobody has set.
    default: String,
}

/// A page of pools, by their keys: those to which something has happened.
#[derive(Serialize, ToSchema)]
pub(super) struct PoolPage {
    /// The pools.
    data: Vec<PoolBody>,
    /// Go on with `after` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
}

/// A pool.
#[derive(Serialize, ToSchema)]
#[schema(as = Pool)]
pub(super) struct PoolBody {
    /// Its resource.
    resource: String,
    /// Its key.
    key: String,
    /// What is there, what cases hold of it included.
    on_hand: String,
    /// What cases hold together.
    held: String,
    /// What is there and nobody holds; negative when cases hold more than there is.
    available: String,
    /// What will come, by its day.
    arrivals: Vec<ArrivalBody>,
    /// Grows with every change; 0 when nothing ever happened to it.
    version: u64,
    /// What somebody should look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// The cases that hold something of it, newest first; only of a single pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<HolderBody>>,
    /// Go on with `after` set to this; only of a single pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
}

/// What will come into a pool.
#[derive(Serialize, ToSchema)]
#[schema(as = Arrival)]
pub(super) struct ArrivalBody {
    /// What whoever announced it calls it.
    id: String,
    /// The day from which it counts.
    #[schema(format = Date)]
    on: String,
    /// How much.
    quantity: String,
}

/// A case that holds something of a pool.
#[derive(Serialize, ToSchema)]
#[schema(as = Holder)]
pub(super) struct HolderBody {
    /// The case.
    case: String,
    /// Its workflow.
    workflow: String,
    /// Its number.
    number: String,
    /// How much it holds.
    quantity: String,
}

/// How many pools were set.
#[derive(Serialize, ToSchema)]
pub(super) struct PoolCount {
    /// How many.
    rows: usize,
}

/// Lists the resources.
#[utoipa::path(get, path = "/v1/resources", tag = "resources", operation_id = "list_resources", responses((status = 200, description = "the resources", body = ResourceList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<ResourceList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let view = View::new(&app, &asked);
    require_reader(&asked, &view)?;
    let body = |resource: &Resource| ResourceBody {
        resource: resource.name.to_string(),
        title: view.title(&resource.title, &resource.name),
        per: match &resource.per {
            Per::Table(table) => table.to_string(),
            Per::Day => "day".to_owned(),
        },
        default: resource.default.to_string(),
    };
    Ok(Json(ResourceList { data: view.definition().resources.values().map(body).collect() }))
}

/// Lists the pools of a resource to which something has happened, in the order of their keys.
#[utoipa::path(
    get, path = "/v1/resources/{resource}", tag = "resources", operation_id = "list_pools",
    params(
        ("resource" = String, Path, description = "the resource"),
        ("after" = Option<String>, Query, description = "only pools after this key"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent")
    ),
    responses((status = 200, description = "a page", body = PoolPage))
)]
async fn pools(State(app): State<App>, Path(name): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["after", "limit"])?;
    let (after, limit) = (parameters.one("after")?, parameters.limit()?);
    require_reader(&asked, &View::new(&app, &asked))?;
    let resource = app.runtime.resource(&name)?;
    let mut found = app.runtime.pools(&name, after, limit.saturating_add(1))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_after = found.last().filter(|_| has_more).map(|(key, _)| key.to_string());
    let link = next_after.as_deref().and_then(|next| next_link(&asked.uri, "after", next));
    let data = found.iter().map(|(key, pool)| pool_body(&resource, key, pool, &asked)).collect();
    let mut response = Json(PoolPage { data, next_after, has_more }).into_response();
    response.headers_mut().extend(link);
    Ok(response)
}

/// Sets many pools, all or none: NDJSON, or CSV with the columns `key`, `on_hand` and `arrivals`.
#[utoipa::path(
    post, path = "/v1/resources/{resource}", tag = "resources", operation_id = "put_pools",
    params(("resource" = String, Path, description = "the resource")),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "set", body = PoolCount))
)]
async fn put_many(State(app): State<App>, Path(name): Path<String>, sent: Sent) -> Result<Json<PoolCount>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    sent.require(&[ADMIN, DATA])?;
    let resource = app.runtime.resource(&name)?;
    let format = bulk::Format::of(&body::media_type(&sent.headers))?;
    let (table, bytes) = (resource.table(), sent.bytes.clone());
    // A large file takes a while to read, and other requests must not wait for it.
    let read = tokio::task::spawn_blocking(move || bulk::read(format, &table, &bytes)).await;
    let rows = read.map_err(|_| Problem::new(&INTERNAL, INTERNAL.about()))?;
    let rows = rows.map_err(Failure::BadRows)?;
    Ok(Json(PoolCount { rows: app.runtime.put_pools(&resource, rows).await? }))
}

/// A pool, and a page of those who hold it.
#[utoipa::path(
    get, path = "/v1/resources/{resource}/{key}", tag = "resources", operation_id = "read_pool",
    params(
        ("resource" = String, Path, description = "the resource"),
        ("key" = String, Path, description = "the key"),
        ("after" = Option<String>, Query, description = "only holders after this case"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "holders on the page; 50 when absent")
    ),
    responses((status = 200, description = "the pool", body = PoolBody))
)]
async fn pool(
    State(app): State<App>,
    Path((name, key)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<PoolBody>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["after", "limit"])?;
    require_reader(&asked, &View::new(&app, &asked))?;
    let after = parameters.one("after")?.map(str::parse::<CaseId>).transpose();
    let after = after.map_err(|error| Problem::new(&BAD_PARAMETER, Title::both(&error.to_string())))?;
    Ok(Json(one(&app, &asked, (&name, &key), after, parameters.limit()?)?))
}

/// Sets a pool: `on_hand`, `arrivals`, or both; what is left out stays as it is. To set it to what it is changes
/// nothing.
#[utoipa::path(
    put, path = "/v1/resources/{resource}/{key}", tag = "resources", operation_id = "put_pool",
    params(("resource" = String, Path, description = "the resource"), ("key" = String, Path, description = "the key")),
    request_body = Object,
    responses((status = 200, description = "set", body = PoolBody))
)]
async fn put(
    State(app): State<App>,
    Path((name, key)): Path<(String, String)>,
    sent: Sent,
) -> Result<Json<PoolBody>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    sent.require(&[ADMIN, DATA])?;
    let resource = app.runtime.resource(&name)?;
    let mut row = body::object(&sent.headers, &sent.bytes)?;
    let named = row.entry("key").or_insert_with(|| Value::from(key.as_str()));
    if named.as_str() != Some(&key) {
        let message = Title::new(
            &format!("`key` 须与路径中的 `{key}` 相同，或不填"),
            &format!("`key` must be `{key}` as in the path, or be left out"),
        );
        return Err(Problem::of(&BAD_BODY, vec![Fault::at("key", "other_key", message)]));
    }
    app.runtime.put_pools(&resource, vec![(1, row)]).await.map_err(of_one_row)?;
    Ok(Json(one(&app, &sent, (&name, &key), None, crate::model::limit::PAGE_ITEMS_DEFAULT)?))
}

fn one(
    app: &App,
    asked: &Asked,
    (name, key): (&str, &str),
    after: Option<CaseId>,
    limit: usize,
) -> Result<PoolBody, Problem> {
    let resource = app.runtime.resource(name)?;
    let pool = app.runtime.pool(&resource, key)?;
    let mut found = app.runtime.holders(name, key, after, limit.saturating_add(1))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_after = found.last().filter(|_| has_more).map(|(case, _)| case.id.to_string());
    let holders = found.iter().map(|(case, held)| HolderBody {
        case: case.id.to_string(),
        workflow: case.workflow.to_string(),
        number: case.number.to_string(),
        quantity: held.to_string(),
    });
    let holders = Some(holders.collect());
    Ok(PoolBody { holders, next_after, ..pool_body(&resource, &Name::from(key), &pool, asked) })
}

fn pool_body(resource: &Resource, key: &Name, pool: &Pool, asked: &Asked) -> PoolBody {
    let available = pool.available(resource.default);
    let overdrawn = available.is_sign_negative() && !available.is_zero();
    let warning = Title::new(
        "占用超过现有数量；补足之前不再预留",
        "more is held than is there; nothing is granted until there is more",
    );
    let arrival = |arrival: &Arrival| ArrivalBody {
        id: arrival.id.to_string(),
        on: arrival.on.to_string(),
        quantity: arrival.quantity.to_string(),
    };
    PoolBody {
        resource: resource.name.to_string(),
        key: key.to_string(),
        on_hand: pool.on_hand(resource.default).to_string(),
        held: pool.held.to_string(),
        available: available.to_string(),
        arrivals: pool.arrivals.iter().map(arrival).collect(),
        version: pool.version,
        warning: overdrawn.then(|| warning.text(asked.language).to_owned()),
        holders: None,
        next_after: None,
    }
}
