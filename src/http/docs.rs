//! Documentation: the `OpenAPI` document that the handlers give, a page to read it offline, and a page for each code.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Response};
use axum::middleware::Next;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Content, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, ResponseBuilder,
    SecurityRequirement, Type,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::App;
use super::auth::language;
use super::error::{PROBLEM_JSON, Problem, known, not_found};

/// What belongs together, in the order in which a reader needs it.
const TAGS: [(&str, &str); 13] = [
    ("cases", "open, read, list, change"),
    ("workflows", "what there is to follow"),
    ("documents", "printable forms, numbered and frozen"),
    ("views", "tables over many cases"),
    ("measures", "numbers about many cases, and the cases behind them"),
    ("events", "what happened, as a log and live"),
    ("tables", "reference data"),
    ("resources", "what is finite, and who holds it"),
    ("rules", "what a rule says about a case"),
    ("definitions", "what is live, and what was refused"),
    ("keys", "who may call"),
    ("health", "for those who run the server"),
    ("docs", "this page"),
];

/// The page needs its own scripts, the styles that they write, and images that stand in its style sheet.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const TEXT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(document)).routes(routes!(problem))
}

/// The documentation page: offline, from what the binary carries.
pub(super) fn pages() -> Router<App> {
    let config = Config::from("/openapi.json")
        .persist_authorization(false)
        .try_it_out_enabled(true)
        .display_request_duration(true);
    Router::from(SwaggerUi::new("/docs").config(config)).layer(axum::middleware::from_fn(page_policy))
}

/// The document that the handlers are added to.
pub(super) fn beginning() -> OpenApi {
    let about = "Cases that follow workflows. A key is needed for everything under `/v1`. Lists have cursors; commands \
                 take an `Idempotency-Key` and `If-Match`; every answer that is not a success is a problem (RFC 9457).";
    let info = InfoBuilder::new().title("Gendan").version(env!("CARGO_PKG_VERSION")).description(Some(about)).build();
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new().info(info).tags(Some(tags)).build()
}

/// Adds what all operations have in common.
pub(super) fn complete(mut openapi: OpenApi, demo: bool) -> OpenApi {
    if let (true, Some(about)) = (demo, &mut openapi.info.description) {
        about.insert_str(0, "**This is a demo: its cases are made up, and they are gone when it ends.** ");
    }
    let components = openapi.components.get_or_insert_default();
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("gk_...").build();
    components.add_security_scheme("key", SecurityScheme::Http(key));
    let (name, schema) = problem_schema();
    components.schemas.extend(schema);
    for (path, item) in &mut openapi.paths.paths {
        let needs_key = path.starts_with("/v1");
        for (method, operation) in operations(item) {
            let otherwise = ResponseBuilder::new()
                .description("a problem")
                .content(PROBLEM_JSON, Content::new(Some(Ref::from_schema_name(&name))))
                .build();
            operation.responses.responses.insert("default".to_owned(), RefOr::T(otherwise));
            if needs_key {
                operation.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
            }
            if is_command(path, method) {
                operation.parameters.get_or_insert_default().extend(command_headers(path));
            }
        }
    }
    openapi
}

/// The operations of a path, by their method in capitals.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("PATCH", &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn is_command(path: &str, method: &str) -> bool {
    method == "PATCH" || (method == "POST" && (path.starts_with("/v1/cases/") || path.ends_with("/cases")))
}

fn command_headers(path: &str) -> Vec<RefOr<Parameter>> {
    let header = |name: &str, about: &str| {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .description(Some(about))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
            .build();
        RefOr::T(parameter)
    };
    let mut headers = vec![header(
        "Idempotency-Key",
        "the same key with the same request gives the first answer again; a refusal changed nothing, so it is judged again",
    )];
    if path.starts_with("/v1/cases/") {
        headers.push(header("If-Match", "the version that must be found, as `\"v3\"`; another one is a 412"));
    }
    headers
}

type Schemas = BTreeMap<String, RefOr<utoipa::openapi::Schema>>;

fn problem_schema() -> (String, Schemas) {
    use utoipa::{PartialSchema as _, ToSchema as _};
    type Body = super::error::ProblemBody;
    let mut schemas = Vec::new();
    Body::schemas(&mut schemas);
    let name = Body::name().into_owned();
    schemas.push((name.clone(), Body::schema()));
    (name, schemas.into_iter().collect())
}

/// This document: `OpenAPI` 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "docs", operation_id = "openapi", responses((status = 200, description = "the document", body = Object)))]
async fn document(State(app): State<App>) -> Response<Body> {
    let text: Arc<str> = app.openapi;
    ([(CONTENT_TYPE, "application/json")], text.to_string()).into_response()
}

/// A page that explains the code of a problem.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "docs", operation_id = "explain_problem",
    params(("code" = String, Path, description = "the code of a problem")),
    responses((status = 200, description = "the page", body = String, content_type = "text/html"))
)]
async fn problem(Path(code): Path<String>, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let code = known(&code).ok_or_else(|| not_found("code", &code))?;
    let language = language(&headers);
    let (title, about) = (code.title(), code.about());
    let (title, about) = (title.text(language), about.text(language));
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:1rem/1.6 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}</style>\
         <h1>{title}</h1><p>{about}</p><p><code>{}</code> · HTTP {}</p><p><a href=\"/docs/\">API</a></p>",
        code.code, code.status
    );
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, TEXT_POLICY)];
    Ok((headers, page).into_response())
}

async fn page_policy(request: axum::extract::Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}
