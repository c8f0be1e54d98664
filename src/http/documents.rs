//! Documents of a case: printable pages, numbered and frozen when they were issued, drafts before that.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::engine::hidden_fields;
use crate::model::{Actor, Case, Language, Name, Title};
use crate::workflow::{Document, Workflow};

use super::App;
use super::auth::Asked;
use super::command::readable_case;
use super::error::{CONFLICT, FORBIDDEN, INVALID, Problem, not_found};
use super::query::Parameters;
use super::view::View;

/// Says that what is shown is a draft.
const DRAFT: HeaderName = HeaderName::from_static("gendan-draft");
/// The number of a document.
const NUMBER: HeaderName = HeaderName::from_static("gendan-document-number");
/// A page brings its own styles and images, and loads and runs nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'; sandbox allow-modals";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

/// The documents of a case.
#[derive(Serialize, ToSchema)]
pub(super) struct DocumentList {
    /// Each document of its workflow.
    data: Vec<DocumentBody>,
}

/// A document.
#[derive(Serialize, ToSchema)]
#[schema(as = Document)]
pub(super) struct DocumentBody {
    /// Its name.
    document: String,
    /// Its title, in the caller's language.
    title: String,
    /// What was issued of it, the latest last.
    issued: Vec<IssuedBody>,
}

/// A document that was issued.
#[derive(Serialize, ToSchema)]
#[schema(as = Issued)]
pub(super) struct IssuedBody {
    /// Its number.
    number: String,
    /// The SHA-256 of what was printed.
    sha256: String,
    /// When it was issued.
    at: String,
    /// Who brought it about.
    by: String,
}

/// The documents of a case, issued or not; those that show hidden fields are left out.
#[utoipa::path(
    get, path = "/v1/cases/{id}/documents", tag = "documents", operation_id = "list_documents",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "the documents", body = DocumentList))
)]
async fn list(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Json<DocumentList>, Problem> {
    Parameters::read(&asked.uri, &[])?;
    let case = readable_case(&app, &asked, &id).await?;
    let view = View::new(&app, &asked);
    let Some(workflow) = view.definition().workflows.get(&case.workflow) else {
        return Err(not_found("workflow", &case.workflow));
    };
    let seen = workflow.documents.values().filter(|document| may_see(workflow, document, &asked.actor));
    let body = |document: &Document| DocumentBody {
        document: document.name.to_string(),
        title: view.title(&document.title, &document.name),
        issued: issued(&case, &document.name),
    };
    Ok(Json(DocumentList { data: seen.map(body).collect() }))
}

/// A document as HTML: as it was frozen when it was issued, else a draft that says so.
#[utoipa::path(
    get, path = "/v1/cases/{id}/documents/{document}", tag = "documents", operation_id = "read_document",
    params(
        ("id" = String, Path, description = "id or number"),
        ("document" = String, Path, description = "the document"),
        ("number" = Option<String>, Query, description = "the one with this number, of several that were issued; otherwise the latest"),
        ("draft" = Option<bool>, Query, description = "a draft of what would be printed now, also when one was issued")
    ),
    responses((status = 200, description = "the page", content_type = "text/html", body = String))
)]
async fn read(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response<Body>, Problem> {
    let parameters = Parameters::read(&asked.uri, &["number", "draft"])?;
    let (number, draft) = (parameters.one("number")?, parameters.flag("draft")?);
    let case = readable_case(&app, &asked, &id).await?;
    let definition = app.runtime.library().live();
    let workflow = definition.workflows.get(&case.workflow).ok_or_else(|| not_found("workflow", &case.workflow))?;
    let document = workflow.documents.get(name.as_str()).ok_or_else(|| not_found("document", &name))?;
    if !may_see(workflow, document, &asked.actor) {
        let (zh, en) = (
            format!("单证 `{name}` 含无权查看的字段"),
            format!("the document `{name}` shows fields that are hidden from you"),
        );
        return Err(Problem::new(&FORBIDDEN, Title::new(&zh, &en)));
    }
    let all = case.documents.get(&document.name).map(Vec::as_slice).unwrap_or_default();
    let found = match number {
        Some(number) => {
            let found = all.iter().find(|issued| &*issued.number == number);
            Some(found.ok_or_else(|| not_found("document", number))?)
        }
        None => all.last().filter(|_| !draft),
    };
    match found {
        Some(issued) => {
            let bytes = app.runtime.file(&issued.sha256).await?;
            let mut response = page(bytes.to_vec());
            let headers = [(NUMBER, Name::clone(&issued.number)), (ETAG, format!("\"{}\"", issued.sha256).into())];
            for (name, value) in headers {
                response
                    .headers_mut()
                    .extend(HeaderValue::from_bytes(value.as_bytes()).ok().map(|value| (name, value)));
            }
            Ok(response)
        }
        None => drafted(&app, &asked, &definition, &case, document).await,
    }
}

async fn drafted(
    app: &App,
    asked: &Asked,
    definition: &Arc<crate::workflow::Definition>,
    case: &Arc<Case>,
    document: &Document,
) -> Result<Response<Body>, Problem> {
    let name = &document.name;
    match app.runtime.draft(definition, case, name, &asked.actor).await? {
        Ok(Some(text)) => {
            let mut response = page(format!("{text}{}", watermark(document.language)).into_bytes());
            response.headers_mut().insert(DRAFT, HeaderValue::from_static("true"));
            Ok(response)
        }
        Ok(None) => {
            let (zh, en) = (
                format!("单证 `{name}` 尚未开具，现在也不能开具"),
                format!("the document `{name}` was not issued, and can't be as things stand"),
            );
            Err(Problem::new(&CONFLICT, Title::new(&zh, &en)))
        }
        Err(wrong) => {
            let (zh, en) = (
                format!("单证 `{name}` 无法打印: {wrong}"),
                format!("the document `{name}` can't be printed: {wrong}"),
            );
            Err(Problem::new(&INVALID, Title::new(&zh, &en)))
        }
    }
}

/// Whether somebody may see all that a document shows.
fn may_see(workflow: &Workflow, document: &Document, actor: &Actor) -> bool {
    !document.reads.any_of(&hidden_fields(workflow, actor))
}

fn issued(case: &Case, document: &Name) -> Vec<IssuedBody> {
    let all = case.documents.get(document).into_iter().flatten();
    let body = all.map(|issued| IssuedBody {
        number: issued.number.to_string(),
        sha256: issued.sha256.to_string(),
        at: issued.at.to_string(),
        by: issued.by.to_string(),
    });
    body.collect()
}

fn page(bytes: Vec<u8>) -> Response<Body> {
    let mut response = (StatusCode::OK, bytes).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// What marks a draft on every printed page, whatever its template says.
fn watermark(language: Language) -> String {
    let word = match language {
        Language::Zh => "草稿",
        Language::En => "DRAFT",
    };
    format!(
        "<div style=\"position:fixed;top:40%;left:0;width:100%;text-align:center;font:bold 96px sans-serif;\
         color:rgba(200,0,0,.25);transform:rotate(-30deg);pointer-events:none\">{word}</div>\n"
    )
}
