//! A disk that fails, as a client sees it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gendan::clock::Clock;
use gendan::http::{Settings, router};
use gendan::library::Library;
use gendan::model::{Name, Timestamp};
use gendan::runtime::Runtime;
use gendan::store::journal::Options;
use gendan::store::{Applying, Machine, Memory, Shared, SimDisk};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

use crate::server::Home;

/// The API over a machine whose disk can be made to fail.
struct Api {
    router: Router,
    runtime: Runtime,
    machine: Machine,
    key: String,
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    replayed: bool,
    json: Json,
}

impl Api {
    async fn start(home: &Home, machine: Machine) -> Self {
        let store: Shared = Arc::new(Memory::start(&machine, Options::default(), Applying::Thread).unwrap());
        let clock = Clock::manual(Timestamp::parse("2026-09-24T01:00:00Z").unwrap());
        let library = Library::open(home.path().to_owned(), Arc::clone(&store), clock.clone()).unwrap();
        let runtime = Runtime::start(store, library, clock).unwrap();
        let roles = ["worker", "admin"].into_iter().map(Name::from).collect();
        let (_, key) = runtime.create_key("li", roles, None).await.unwrap();
        Self { router: router(runtime.clone(), &Settings::default()), runtime, machine, key }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    async fn open(&self, name: &str) -> Answer {
        self.post("/v1/workflows/job/cases", name, &json!({ "fields": { "name": name } })).await
    }

    async fn post(&self, path: &str, key: &str, body: &Json) -> Answer {
        let request = Request::post(path).header("idempotency-key", key).header("content-type", "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let request = request.header("authorization", format!("Bearer {}", self.key)).header("x-request-id", "r1");
        let mut response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let bytes = axum::body::to_bytes(std::mem::take(response.body_mut()), 10_000_000).await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: response.status().as_u16(),
            retry_after: header("retry-after"),
            replayed: header("idempotency-replayed").is_some(),
            json: serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))),
        }
    }

    /// Everything that can be read is answered as ever, and there are so many cases.
    async fn reads(&self, case: &str, count: usize) {
        for path in [case, &format!("{case}/events"), "/v1/tables/places", "/v1/workflows", "/livez", "/metrics"] {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        }
        let cases = self.get("/v1/cases").await;
        assert_eq!(cases.status, 200);
        assert_eq!(cases.json["data"].as_array().unwrap().len(), count, "{}", cases.json);
    }
}

fn shown(answer: &Answer) -> String {
    let Answer { status, retry_after, json, .. } = answer;
    format!("{status}, retry after {retry_after:?}\n{}", serde_json::to_string_pretty(json).unwrap())
}

#[tokio::test]
async fn a_full_disk_refuses_commands_and_nothing_else_until_there_is_room() {
    let home = Home::new();
    let api = Api::start(&home, Machine::new(SimDisk::seeded(7))).await;
    let first = api.open("first").await;
    assert_eq!(first.status, 201, "{}", first.json);
    let case = format!("/v1/cases/{}", first.json["case"]["id"].as_str().unwrap());
    for kind in [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other] {
        let name = format!("{kind:?}");
        api.machine.steps().fail_from(1, u64::MAX / 2, kind);
        let count = if kind == std::io::ErrorKind::Other { 2 } else { 1 };
        let refused = api.open(&name).await;
        if count == 1 {
            insta::assert_snapshot!(shown(&refused), @r#"
            503, retry after Some("1")
            {
              "type": "/problems/store",
              "title": "the store failed",
              "status": 503,
              "detail": "the store failed just now; send the request again in a moment, a command with the same Idempotency-Key: whatever became of it, it is done once",
              "code": "store",
              "instance": "r1",
              "retryable": true
            }
            "#);
            insta::assert_snapshot!(shown(&api.get("/readyz").await), @r#"
            503, retry after None
            {
              "status": "not_ready",
              "reason": "the store can't write; the log says why"
            }
            "#);
        }
        assert_eq!(api.get("/readyz").await.status, 503);
        for _ in 0..3 {
            assert_eq!(api.open(&name).await.status, 503);
            assert_eq!(api.post(&format!("{case}/comments"), &name, &json!({ "text": name })).await.status, 503);
            api.reads(&case, count).await;
        }
        let row = Request::put("/v1/tables/places/A").header("content-type", "application/json");
        assert_eq!(api.send(row, Body::from(json!({ "name": name }).to_string())).await.status, 503);
        assert_eq!(api.get("/v1/tables/places/A").await.status, 404 - 204 * u16::from(count == 2));
        api.machine.steps().heal();
        let done = api.open(&name).await;
        assert_eq!((done.status, done.replayed), (201, false), "{}", done.json);
        assert_eq!(api.get("/readyz").await.status, 200);
        let row = Request::put("/v1/tables/places/A").header("content-type", "application/json");
        assert_eq!(api.send(row, Body::from(json!({ "name": name }).to_string())).await.status, 200);
        let again = api.open(&name).await;
        assert_eq!((again.status, again.replayed, &again.json), (201, true, &done.json));
        api.reads(&case, count + 1).await;
    }
    api.runtime.stop();
    let api = Api::start(&home, api.machine.after_power_loss(3)).await;
    api.reads(&case, 3).await;
    assert!(api.open("StorageFull").await.replayed);
    assert_eq!(api.runtime.verify().await.unwrap(), []);
}
