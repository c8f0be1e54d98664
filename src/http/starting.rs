//! What is answered while the data is being opened: the port is taken already, so that whoever waits is told how
//! far it has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::model::Title;

use super::error::{Problem, STARTING};
use super::finish;

/// How far the opening has come.
#[derive(Clone, Debug, Default)]
pub struct Starting(Arc<(AtomicU64, AtomicU64)>);

impl Starting {
    /// So many bytes of the journal were read, of so many.
    pub fn set(&self, done: u64, all: u64) {
        self.0.0.store(done, Ordering::Relaxed);
        self.0.1.store(all, Ordering::Relaxed);
    }

    /// Answers everything with a 503 that says so, but `/livez`, for the process lives.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/livez", get(|| async { Json(json!({ "status": "alive" })) }))
            .route("/readyz", get(not_ready))
            .fallback(not_yet)
            .layer(from_fn(finish::finish))
            .with_state(self.clone())
    }

    fn reason(&self) -> Title {
        reason(self.0.0.load(Ordering::Relaxed), self.0.1.load(Ordering::Relaxed))
    }
}

/// How far it has come, for people.
pub(super) fn reason(done: u64, all: u64) -> Title {
    match u128::from(done.min(all)).saturating_mul(100).checked_div(u128::from(all)) {
        Some(percent) => Title::new(
            &format!("正在从日志重建数据，已完成 {percent}%"),
            &format!("the state is being built from the journal; {percent}% is done"),
        ),
        None => Title::new("正在打开数据", "the data is being opened"),
    }
}

async fn not_ready(State(starting): State<Starting>) -> (StatusCode, Json<Value>) {
    let reason = starting.reason();
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "starting", "reason": reason.en })))
}

async fn not_yet(State(starting): State<Starting>) -> impl IntoResponse {
    Problem::new(&STARTING, starting.reason())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(starting: &Starting, path: &str) -> (u16, Option<String>, String) {
        let request = Request::builder().uri(path).header("x-request-id", "r1").body(Body::empty()).unwrap();
        let response = starting.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, after, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn whoever_asks_while_the_data_is_opened_is_told_how_far_it_is() {
        let starting = Starting::default();
        let (status, _, body) = ask(&starting, "/readyz").await;
        insta::assert_snapshot!(format!("{status} {body}"), @r#"503 {"status":"starting","reason":"the data is being opened"}"#);
        starting.set(430_000_000, 1_000_000_000);
        let (status, _, body) = ask(&starting, "/readyz").await;
        insta::assert_snapshot!(format!("{status} {body}"), @r#"503 {"status":"starting","reason":"the state is being built from the journal; 43% is done"}"#);
        let (status, after, body) = ask(&starting, "/v1/cases").await;
        insta::assert_snapshot!(format!("{status} {after:?} {body}"), @r#"503 Some("1") {"type":"/problems/starting","title":"starting","status":503,"detail":"the state is being built from the journal; 43% is done","code":"starting","instance":"r1","retryable":true}"#);
        assert_eq!(ask(&starting, "/livez").await.0, 200);
    }
}
