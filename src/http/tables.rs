//! Reference tables: read, put and remove rows, one or many.

pub(super) mod bulk;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::field::{Table, json_schema};
use crate::model::limit::BULK_BYTES_MAX;
use crate::model::{Record, Title};
use crate::runtime::Failure;

use super::App;
use super::auth::{ADMIN, Asked, DATA, readable};
use super::body::{self, Sent};
use super::error::{BAD_BODY, FORBIDDEN, Fault, INTERNAL, INVALID, Problem, not_found};
use super::page::next_link;
use super::query::Parameters;
use super::view::View;

pub(crate) use bulk::first_line;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(rows, put_many).layer(DefaultBodyLimit::max(BULK_BYTES_MAX)))
        .routes(routes!(row, put, remove))
}

/// The tables.
#[derive(Serialize, ToSchema)]
pub(super) struct TableList {
    /// The tables.
    data: Vec<TableBody>,
}

/// A table.
#[derive(Serialize, ToSchema)]
#[schema(as = Table)]
pub(super) struct TableBody {
    /// Its name.
    table: String,
    /// Its title, in the caller's language.
    title: String,
    /// The column whose text is the key.
    key: String,
    /// The JSON Schema of a row.
    #[schema(value_type = Object)]
    row: Value,
}

/// A page of rows, by their keys.
#[derive(Serialize, ToSchema)]
pub(super) struct RowPage {
    /// The rows.
    data: Vec<RowBody>,
    /// Go on with `after` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
    /// Whether there is a next page.
    has_more: bool,
}

/// A row.
#[derive(Serialize, ToSchema)]
#[schema(as = Row)]
pub(super) struct RowBody {
    /// Its key.
    key: String,
    /// Its values.
    #[schema(value_type = Object)]
    row: Value,
}

/// How many rows were put.
#[derive(Serialize, ToSchema)]
pub(super) struct RowCount {
    /// How many.
    rows: usize,
}

/// Lists the tables.
#[utoipa::path(get, path = "/v1/tables", tag = "tables", operation_id = "list_tables", responses((status = 200, description = "the tables", body = TableList)))]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<TableList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let view = View::new(&app, &asked);
    require_reader(&asked, &view)?;
    let body = |table: &Table| TableBody {
        table: table.name.to_string(),
        title: view.title(&table.title, &table.name),
        key: table.key.to_string(),
        row: json_schema(&table.columns, asked.language),
    };
    Ok(Json(TableList { data: view.definition().tables.values().map(body).collect() }))
}

/// Lists the rows of a table in the order of their keys.
#[utoipa::path(
    get, path = "/v1/tables/{table}", tag = "tables", operation_id = "list_rows",
    params(
        ("table" = String, Path, description = "the table"),
        ("after" = Option<String>, Query, description = "only rows after this key"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "items on the page; 50 when absent")
    ),
    responses((status = 200, description = "a page", body = RowPage))
)]
async fn rows(State(app): State<App>, Path(table): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["after", "limit"])?;
    let (after, limit) = (parameters.one("after")?, parameters.limit()?);
    require_reader(&asked, &View::new(&app, &asked))?;
    let mut found = app.runtime.rows(&table, after, limit.saturating_add(1))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_after = found.last().filter(|_| has_more).map(|(key, _)| key.to_string());
    let link = next_after.as_deref().and_then(|next| next_link(&asked.uri, "after", next));
    let data = found.iter().map(|(key, row)| row_body(key, row)).collect();
    let mut response = Json(RowPage { data, next_after, has_more }).into_response();
    response.headers_mut().extend(link);
    Ok(response)
}

/// Puts many rows, all or none: NDJSON, or CSV with the names of the columns in its first row.
#[utoipa::path(
    post, path = "/v1/tables/{table}", tag = "tables", operation_id = "put_rows",
    params(("table" = String, Path, description = "the table")),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "put", body = RowCount))
)]
async fn put_many(State(app): State<App>, Path(table): Path<String>, sent: Sent) -> Result<Json<RowCount>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    sent.require(&[ADMIN, DATA])?;
    let schema = table_of(&app, &table)?;
    let format = bulk::Format::of(&body::media_type(&sent.headers))?;
    let bytes = sent.bytes.clone();
    // A large file takes a while to read, and other requests must not wait for it.
    let read = tokio::task::spawn_blocking(move || bulk::read(format, &schema, &bytes)).await;
    let rows = read.map_err(|_| Problem::new(&INTERNAL, INTERNAL.about()))?;
    let rows = rows.map_err(Failure::BadRows)?;
    Ok(Json(RowCount { rows: app.runtime.put_rows(&table, rows).await? }))
}

/// A row.
#[utoipa::path(
    get, path = "/v1/tables/{table}/{key}", tag = "tables", operation_id = "read_row",
    params(("table" = String, Path, description = "the table"), ("key" = String, Path, description = "the key")),
    responses((status = 200, description = "the row", body = RowBody))
)]
async fn row(
    State(app): State<App>,
    Path((table, key)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<RowBody>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    require_reader(&asked, &View::new(&app, &asked))?;
    Ok(Json(row_body(&key, &*app.runtime.row(&table, &key)?)))
}

/// Puts a row; the column of the key may be left out.
#[utoipa::path(
    put, path = "/v1/tables/{table}/{key}", tag = "tables", operation_id = "put_row",
    params(("table" = String, Path, description = "the table"), ("key" = String, Path, description = "the key")),
    request_body = Object,
    responses((status = 200, description = "put", body = RowBody))
)]
async fn put(
    State(app): State<App>,
    Path((table, key)): Path<(String, String)>,
    sent: Sent,
) -> Result<Json<RowBody>, Problem> {
    Parameters::read(&sent.uri, &[])?;
    sent.require(&[ADMIN, DATA])?;
    let column = Arc::clone(&table_of(&app, &table)?.key);
    let mut row = body::object(&sent.headers, &sent.bytes)?;
    let named = row.entry(column.to_string()).or_insert_with(|| Value::from(key.as_str()));
    if named.as_str() != Some(&key) {
        let message = Title::new(
            &format!("`{column}` 须与路径中的 `{key}` 相同，或不填"),
            &format!("`{column}` must be `{key}` as in the path, or be left out"),
        );
        return Err(Problem::of(&BAD_BODY, vec![Fault::at(&column, "other_key", message)]));
    }
    app.runtime.put_rows(&table, vec![(1, row)]).await.map_err(of_one_row)?;
    Ok(Json(row_body(&key, &*app.runtime.row(&table, &key)?)))
}

/// Removes a row.
#[utoipa::path(
    delete, path = "/v1/tables/{table}/{key}", tag = "tables", operation_id = "remove_row",
    params(("table" = String, Path, description = "the table"), ("key" = String, Path, description = "the key")),
    responses((status = 204, description = "removed"))
)]
async fn remove(
    State(app): State<App>,
    Path((table, key)): Path<(String, String)>,
    asked: Asked,
) -> Result<StatusCode, Problem> {
    Parameters::read(&asked.uri, &[])?;
    asked.require(&[ADMIN, DATA])?;
    app.runtime.remove_row(&table, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of a single row nobody wants to know the line.
pub(super) fn of_one_row(failure: Failure) -> Problem {
    let Failure::BadRows(rows) = failure else { return failure.into() };
    let problems = rows.into_iter().flat_map(|row| row.problems);
    Problem::of(&INVALID, problems.map(Fault::from).collect())
}

/// Whoever has a role in some workflow may read the tables that its rules lean on.
pub(super) fn require_reader(asked: &Asked, view: &View) -> Result<(), Problem> {
    let some_workflow = readable(&asked.actor, view.definition()).is_none_or(|workflows| !workflows.is_empty());
    if some_workflow || asked.actor.has(DATA) {
        return Ok(());
    }
    let detail = Title::new("需要某个流程的角色", "a role of some workflow is needed");
    Err(Problem::new(&FORBIDDEN, detail))
}

fn table_of(app: &App, name: &str) -> Result<Table, Problem> {
    let live = app.runtime.library().live();
    live.tables.get(name).cloned().ok_or_else(|| not_found("table", name))
}

fn row_body(key: &str, row: &Record) -> RowBody {
    RowBody { key: key.to_owned(), row: row.to_json() }
}
