//! Views: the tables of the processes, as JSON and as files for spreadsheets (R116).

mod csv;
mod xlsx;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::diagnostic::did_you_mean;
use crate::engine::{Cell, hidden_fields};
use crate::model::limit::VIEW_FILE_ROWS_MAX;
use crate::model::{Language, Name, Title};
use crate::runtime::{Look, Looked};
use crate::workflow::{Column, Definition, Sort, View as Defined, Workflow};

use super::App;
use super::auth::{Asked, may_read};
use super::cell::Wording;
use super::error::{FORBIDDEN, INTERNAL, Problem, not_found};
use super::page;
use super::query::{Parameters, bad};
use super::view::View;

/// Says of a file that there were more cases than one request looks at.
const INCOMPLETE: HeaderName = HeaderName::from_static("gendan-incomplete");

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// The views of the workflows that the caller has a role in.
#[derive(Serialize, ToSchema)]
pub(super) struct ViewList {
    /// The views, by workflow.
    data: Vec<ViewHead>,
}

/// A view.
#[derive(Serialize, ToSchema)]
#[schema(as = View)]
pub(super) struct ViewHead {
    /// Its name.
    view: String,
    /// Its workflow.
    workflow: String,
    /// Its title, in the caller's language.
    title: String,
    /// Its columns, in order.
    columns: Vec<ColumnBody>,
    /// What its rows are sorted by, as columns or paths; `-` begins with the largest. Newest first without.
    sort: Vec<String>,
    /// The list of the case of which each row is one of the view.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<String>,
}

/// A column.
#[derive(Serialize, ToSchema)]
#[schema(as = Column)]
pub(super) struct ColumnBody {
    /// Its name.
    column: String,
    /// Its title, in the caller's language.
    title: String,
    /// Whether the caller may not see what stands in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    hidden: bool,
}

/// A page of a view.
#[derive(Serialize, ToSchema)]
pub(super) struct ViewPage {
    /// The view.
    #[serde(flatten)]
    view: ViewHead,
    /// Its rows.
    data: Vec<ViewRowBody>,
    /// The cursor of the next page, where nothing is sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Whether there may be a next page: with `cursor`, where it is sorted with `offset`.
    has_more: bool,
    /// How many rows there are in all, where it is sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    /// Whether there were more cases than one request looks at: the rest is not among the rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(default = false)]
    incomplete: bool,
}

/// A row of a view.
#[derive(Serialize, ToSchema)]
#[schema(as = ViewRow)]
pub(super) struct ViewRowBody {
    /// The id of the case.
    case: String,
    /// Its number.
    number: String,
    /// The place of the row in the list of the case; the first is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// A cell for each column: a value, `{value, title}` where it has a title, or `null`.
    #[schema(value_type = Vec<Object>)]
    cells: Vec<Value>,
    /// Why cells could not be worked out: the column, and the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<CellError>,
}

/// Why a cell could not be worked out.
#[derive(Serialize, ToSchema)]
pub(super) struct CellError {
    /// The column.
    column: String,
    /// The reason.
    message: String,
}

/// In which form a view is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Xlsx,
}

/// Lists the views of the workflows that the caller has a role in.
#[utoipa::path(
    get, path = "/v1/views", tag = "views", operation_id = "list_views",
    params(("lang" = Option<String>, Query, description = "`zh` or `en`; otherwise as `Accept-Language` says")),
    responses((status = 200, description = "the views", body = ViewList))
)]
async fn list(State(app): State<App>, asked: Asked) -> Result<Json<ViewList>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["lang"])?;
    let language = language(&parameters, &asked)?;
    let view = View::new(&app, &asked);
    let readable = view.definition().workflows.values().filter(|workflow| may_read(&asked.actor, Some(workflow)));
    let heads = readable.flat_map(|workflow| {
        let hidden = hidden_fields(workflow, &asked.actor);
        let heads: Vec<_> = workflow.views.values().map(|found| head(workflow, found, &hidden, language)).collect();
        heads
    });
    Ok(Json(ViewList { data: heads.collect() }))
}

/// A view: its rows as the cases stand now. `NAME.csv` and `NAME.xlsx` give files for spreadsheets.
#[utoipa::path(
    get, path = "/v1/views/{view}", tag = "views", operation_id = "read_view",
    params(
        ("view" = String, Path, description = "the view; with `.csv` or `.xlsx` behind it as a file"),
        ("sort" = Option<String>, Query, description = "columns by which to sort instead, with commas between; `-` before one begins with its largest; empty is newest first"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 20000, description = "rows; of JSON 50 when absent and at most 200, of a file 20000"),
        ("cursor" = Option<String>, Query, description = "where nothing is sorted: `next_cursor` of the page before"),
        ("offset" = Option<u32>, Query, description = "where it is sorted: rows to pass over"),
        ("lang" = Option<String>, Query, description = "`zh` or `en`; otherwise as `Accept-Language` says")
    ),
    responses((status = 200, description = "a page, or a file", content(
        (ViewPage = "application/json"), (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    )))
)]
async fn read(State(app): State<App>, Path(name): Path<String>, asked: Asked) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["sort", "limit", "cursor", "offset", "lang"])?;
    let (name, form) = form(&name);
    let definition = app.runtime.library().live();
    let (workflow, found) = find(&definition, name).ok_or_else(|| not_found("view", name))?;
    asked.require_reader(&definition, &workflow.name)?;
    let hidden = Arc::new(hidden_fields(workflow, &asked.actor));
    let language = language(&parameters, &asked)?;
    let (skip, limit) = (offset(&parameters)?, limit(&parameters, form)?);
    let sort = sort(&parameters, found, &hidden)?;
    let after = parameters.one("cursor")?.map(|cursor| page::read_cursor(&asked.uri, cursor)).transpose()?;
    if let (true, false) = (after.is_some(), sort.is_empty()) {
        return Err(bad("cursor", "仅用于未排序的视图；请用 `offset`", "goes with what is not sorted; use `offset`"));
    }
    if let (true, true) = (skip > 0, sort.is_empty()) {
        return Err(bad("offset", "仅用于已排序的视图；请用 `cursor`", "goes with what is sorted; use `cursor`"));
    }
    let look = Look {
        definition: Arc::clone(&definition),
        workflow: Name::clone(&workflow.name),
        view: Name::clone(&found.name),
        actor: asked.actor.clone(),
        hidden: Arc::clone(&hidden),
        sort,
        after,
        skip,
        limit,
    };
    let looked = app.runtime.view(look).await?;
    let seen = Seen { workflow: Arc::clone(workflow), view: found.clone(), hidden, language, looked };
    seen.respond(&asked, form, skip).await
}

/// What is written.
struct Seen {
    workflow: Arc<Workflow>,
    view: Defined,
    hidden: Arc<BTreeSet<Name>>,
    language: Language,
    looked: Looked,
}

impl Seen {
    async fn respond(self, asked: &Asked, form: Form, skip: usize) -> Result<Response<Body>, Problem> {
        let looked = &self.looked;
        let (incomplete, next) = (looked.incomplete, looked.next.map(|last| page::cursor(&asked.uri, last)));
        let passed = skip.saturating_add(looked.rows.len());
        let further = looked.count.is_some_and(|count| passed < count);
        let link = match &next {
            Some(next) => page::next_link(&asked.uri, "cursor", next),
            None if further => page::next_link(&asked.uri, "offset", &passed.to_string()),
            None => None,
        };
        let mut response = match form {
            Form::Json => Json(self.page(next, further)).into_response(),
            Form::Csv | Form::Xlsx => self.file(form).await?,
        };
        if incomplete {
            response.headers_mut().insert(INCOMPLETE, HeaderValue::from_static("true"));
        }
        response.headers_mut().extend(link);
        Ok(response)
    }

    /// The file, written where that may take its time.
    async fn file(self, form: Form) -> Result<Response<Body>, Problem> {
        let (ending, media) = match form {
            Form::Json | Form::Csv => ("csv", "text/csv; charset=utf-8"),
            Form::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        };
        let name = format!("attachment; filename=\"{}.{ending}\"", self.view.name);
        let written = tokio::task::spawn_blocking(move || match form {
            Form::Json | Form::Csv => Ok(csv::write(&self)),
            Form::Xlsx => xlsx::write(&self).map_err(|error| error.to_string()),
        });
        let bytes = written.await.unwrap_or_else(|error| Err(error.to_string())).map_err(|error| {
            tracing::error!(error, "a view could not be written as a file");
            Problem::new(&INTERNAL, INTERNAL.about())
        })?;
        let mut response = (StatusCode::OK, bytes).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        response.headers_mut().extend(HeaderValue::from_str(&name).ok().map(|name| (CONTENT_DISPOSITION, name)));
        Ok(response)
    }

    fn page(&self, next: Option<String>, further: bool) -> ViewPage {
        let wording = self.wording();
        let rows = self.looked.rows.iter().map(|row| {
            let columns = || self.view.columns.iter().zip(&row.cells);
            ViewRowBody {
                case: row.case.to_string(),
                number: row.number.to_string(),
                line: row.line,
                cells: columns().map(|(column, cell)| cell_json(wording, column, cell)).collect(),
                errors: columns().filter_map(|(column, cell)| error(column, cell)).collect(),
            }
        });
        ViewPage {
            view: head(&self.workflow, &self.view, &self.hidden, self.language),
            data: rows.collect(),
            has_more: next.is_some() || further,
            next_cursor: next,
            count: self.looked.count,
            incomplete: self.looked.incomplete,
        }
    }

    fn wording(&self) -> Wording<'_> {
        Wording { workflow: &self.workflow, language: self.language }
    }

    /// What the last line of a file says when something is not in it.
    fn remark(&self) -> Option<&'static str> {
        let remark = match self.language {
            Language::Zh => "单据过多，未全部列出",
            Language::En => "there were too many cases; some are left out",
        };
        self.looked.incomplete.then_some(remark)
    }
}

fn cell_json(wording: Wording<'_>, column: &Column, cell: &Cell) -> Value {
    match cell {
        Cell::Value(Some(value)) => wording.json(&column.shown, value),
        Cell::Value(None) | Cell::Hidden | Cell::Wrong(_) => Value::Null,
    }
}

fn error(column: &Column, cell: &Cell) -> Option<CellError> {
    match cell {
        Cell::Wrong(error) => Some(CellError { column: column.name.to_string(), message: error.message.to_string() }),
        Cell::Value(_) | Cell::Hidden => None,
    }
}

fn head(workflow: &Workflow, view: &Defined, hidden: &BTreeSet<Name>, language: Language) -> ViewHead {
    let column = |column: &Column| ColumnBody {
        column: column.name.to_string(),
        title: titled(&column.title, &column.name, language),
        hidden: column.reads.any_of(hidden),
    };
    let key = |sort: &Sort| format!("{}{}", if sort.down { "-" } else { "" }, sort.by.name);
    ViewHead {
        view: view.name.to_string(),
        workflow: workflow.name.to_string(),
        title: titled(&view.title, &view.name, language),
        columns: view.columns.iter().map(column).collect(),
        sort: view.sort.iter().map(key).collect(),
        rows: view.rows.as_ref().map(ToString::to_string),
    }
}

fn titled(title: &Title, name: &str, language: Language) -> String {
    let text = title.text(language);
    if text.is_empty() { name.to_owned() } else { text.to_owned() }
}

fn form(name: &str) -> (&str, Form) {
    match name.rsplit_once('.') {
        Some((name, "csv")) => (name, Form::Csv),
        Some((name, "xlsx")) => (name, Form::Xlsx),
        Some(_) | None => (name, Form::Json),
    }
}

fn find<'a>(definition: &'a Definition, name: &str) -> Option<(&'a Arc<Workflow>, &'a Defined)> {
    definition.workflows.values().find_map(|workflow| Some((workflow, workflow.views.get(name)?)))
}

fn limit(parameters: &Parameters, form: Form) -> Result<usize, Problem> {
    if form == Form::Json {
        return parameters.limit();
    }
    let Some(limit) = parameters.number("limit")? else { return Ok(VIEW_FILE_ROWS_MAX) };
    usize::try_from(limit).ok().filter(|limit| (1..=VIEW_FILE_ROWS_MAX).contains(limit)).ok_or_else(|| {
        bad("limit", &format!("须为 1 至 {VIEW_FILE_ROWS_MAX}"), &format!("must be 1 to {VIEW_FILE_ROWS_MAX}"))
    })
}

fn offset(parameters: &Parameters) -> Result<usize, Problem> {
    Ok(parameters.number("offset")?.map_or(0, |offset| usize::try_from(offset).unwrap_or(usize::MAX)))
}

/// The language that `lang` names, else the one that the caller reads best.
pub(super) fn language(parameters: &Parameters, asked: &Asked) -> Result<Language, Problem> {
    match parameters.one("lang")? {
        None => Ok(asked.language),
        Some("zh") => Ok(Language::Zh),
        Some("en") => Ok(Language::En),
        Some(_) => Err(bad("lang", "须为 `zh` 或 `en`", "must be `zh` or `en`")),
    }
}

/// What it is sorted by. The order would tell what is hidden.
fn sort(parameters: &Parameters, view: &Defined, hidden: &BTreeSet<Name>) -> Result<Vec<Sort>, Problem> {
    let sort = match parameters.one("sort")? {
        None => view.sort.clone(),
        Some(keys) => {
            let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
            keys.map(|key| sorted_by(view, key)).collect::<Result<_, _>>()?
        }
    };
    match sort.iter().find(|sort| sort.by.reads.any_of(hidden)) {
        None => Ok(sort),
        Some(Sort { by, .. }) => {
            let name = &by.name;
            let (zh, en) = (
                format!("无权查看 `{name}`，不能按其排序；请用 `sort` 指定其他列"),
                format!("`{name}` is hidden from you, so nothing is sorted by it; choose other columns with `sort`"),
            );
            Err(Problem::new(&FORBIDDEN, Title::new(&zh, &en)))
        }
    }
}

fn sorted_by(view: &Defined, key: &str) -> Result<Sort, Problem> {
    let (name, down) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
    if let Some(column) = view.columns.iter().find(|column| &*column.name == name) {
        return Ok(Sort { by: column.clone(), down });
    }
    let (zh, en) = match did_you_mean(name, view.columns.iter().map(|column| &*column.name)) {
        Some(near) => (format!("，是否指 `{near}`？"), format!("; did you mean `{near}`?")),
        None => Default::default(),
    };
    Err(bad("sort", &format!("中没有列 `{name}`{zh}"), &format!("names no column `{name}`{en}")))
}
