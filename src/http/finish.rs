//! What every answer passes on its way out: the id of the request, problems in the caller's language, headers that
//! keep browsers careful, and measures.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use tracing::Instrument as _;

use crate::clock::Watch;
use crate::model::limit::REQUEST_SECONDS_MAX;

use super::auth::language;
use super::error::{INTERNAL, PROBLEM_JSON, Problem, TIMEOUT};
use super::metrics;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 128;
/// Nothing that the API answers is a page that may load or run anything.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What the ids of requests begin with in this process.
static PROCESS: OnceLock<u64> = OnceLock::new();
/// What the id of the next request ends with.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Runs a request and finishes its answer.
pub(super) async fn finish(request: Request, next: Next) -> Response<Body> {
    let id = request_id(request.headers());
    let language = language(request.headers());
    let is_api = request.uri().path().starts_with("/v1");
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = %id.to_str().unwrap_or_default(), %method, route);
    let watch = Watch::start();
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(problem) = problem(&mut response) {
        for code in problem.fault_codes() {
            metrics::refused(code);
        }
        let mut kept = std::mem::take(response.headers_mut());
        kept.retain_only(&ALLOW);
        response = problem.respond(language, id.to_str().unwrap_or_default(), kept);
        span.in_scope(|| tracing::debug!(code = problem.code(), "problem"));
    }
    metrics::answered(&method, route, response.status(), watch.elapsed());
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), elapsed = ?watch.elapsed(), "answered"));
    add_headers(response.headers_mut(), id, is_api);
    response
}

/// Cuts off a request that is not received and answered in time. The body of an answer, such as a stream of
/// events, may take longer.
pub(super) async fn in_time(request: Request, next: Next) -> Response<Body> {
    // Verifying takes as long as there is to verify; only an admin can ask for it.
    if request.uri().path() == super::verify::PATH {
        return next.run(request).await;
    }
    match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(&TIMEOUT, TIMEOUT.about()).into_response(),
    }
}

/// The answer when a handler panicked: the process lives on, and the client learns nothing of the cause.
#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
pub(super) fn panicked(cause: Box<dyn Any + Send>) -> Response<Body> {
    let cause = cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
    tracing::error!(cause = cause.unwrap_or("unknown"), "a handler panicked");
    Problem::new(&INTERNAL, INTERNAL.about()).into_response()
}

/// The problem that a response carries, or that a framework's answer without a body of ours stands for.
fn problem(response: &mut Response<Body>) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    let ours =
        response.headers().get("content-type").is_some_and(|kind| kind == PROBLEM_JSON || kind == "application/json");
    (status.is_client_error() || status.is_server_error()).then_some(status).filter(|_| !ours).map(Problem::of_status)
}

trait RetainOnly {
    fn retain_only(&mut self, name: &HeaderName);
}

impl RetainOnly for HeaderMap {
    fn retain_only(&mut self, name: &HeaderName) {
        let kept = self.remove(name);
        self.clear();
        if let Some(value) = kept {
            self.insert(name.clone(), value);
        }
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the id is only less useful in the log.
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// The id that the client or a proxy chose, when it is a short plain word, else a new one: the process's own random
/// beginning, and a number.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let given = headers
        .get(X_REQUEST_ID)
        .filter(|value| (1..=REQUEST_ID_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain));
    given.cloned().unwrap_or_else(|| {
        let id = format!("{:016x}{:016x}", PROCESS.get_or_init(random), NEXT.fetch_add(1, Ordering::Relaxed));
        HeaderValue::from_maybe_shared(id).unwrap_or(HeaderValue::from_static("none"))
    })
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue, is_api: bool) {
    headers.insert(X_REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(VARY, HeaderValue::from_static("accept-language"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(API_POLICY));
    }
    if is_api && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The answer for a path that nobody serves.
pub(super) async fn nowhere() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    fn router() -> Router {
        async fn teapot() -> impl IntoResponse {
            (StatusCode::BAD_REQUEST, "plain text")
        }
        async fn bug() -> &'static str {
            panic!("a bug")
        }
        Router::new()
            .route("/v1/fine", get(|| async { "fine" }))
            .route("/v1/plain", get(teapot))
            .route("/v1/bug", get(bug))
            .fallback(nowhere)
            .layer(axum::middleware::from_fn(in_time))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(axum::middleware::from_fn(finish))
    }

    async fn check(method: &str, path: &str, headers: &[(&str, &str)]) -> (Response<Body>, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(std::mem::take(response.body_mut()), 10_000).await.unwrap();
        (response, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn nothing_answers_plain_text() {
        let id = [("x-request-id", "r1")];
        for (method, path, status, code) in [
            ("GET", "/nowhere", 404, "not_found"),
            ("POST", "/v1/fine", 405, "method_not_allowed"),
            ("GET", "/v1/plain", 400, "bad_request"),
            ("GET", "/v1/bug", 500, "internal"),
        ] {
            let (response, body) = check(method, path, &id).await;
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(response.headers()["content-type"], PROBLEM_JSON, "{path}");
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((body["code"].as_str(), body["instance"].as_str()), (Some(code), Some("r1")), "{path}");
            assert_eq!(response.headers().contains_key(ALLOW), status == 405, "{path}");
        }
        let (_, body) = check("GET", "/nowhere", &[("accept-language", "zh"), ("x-request-id", "r1")]).await;
        insta::assert_snapshot!(body, @r#"{"type":"/problems/not_found","title":"不存在","status":404,"detail":"没有这个资源；请检查路径中的名称或编号","code":"not_found","instance":"r1","retryable":false}"#);
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_careful_headers() {
        let (response, _) = check("GET", "/v1/fine", &[("x-request-id", "trace-1")]).await;
        let headers = response.headers();
        assert_eq!(headers[X_REQUEST_ID], "trace-1");
        assert_eq!(
            (&headers[CACHE_CONTROL], &headers[X_CONTENT_TYPE_OPTIONS]),
            (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap())
        );
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        for strange in ["a b", "", "<x>", &"x".repeat(129)] {
            let (response, _) = check("GET", "/v1/fine", &[("x-request-id", strange)]).await;
            assert_eq!(response.headers()[X_REQUEST_ID].len(), 32, "{strange}");
        }
    }
}
