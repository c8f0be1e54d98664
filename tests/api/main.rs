//! The API as a client sees it: the whole router over a memory store, a clock that stands still, and a small set of
//! definitions (`tests/api/set`). One module for each resource; what a client reads is a snapshot.
#![cfg(test)]

mod attachments;
mod cases;
mod contract;
mod definitions;
mod documents;
mod duties;
mod events;
mod fuzz;
mod keys;
mod kin;
mod measures;
mod resources;
mod rules;
mod serve;
mod slas;
mod tables;
mod transitions;
mod views;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use gendan::clock::Clock;
use gendan::http::{Settings, router};
use gendan::library::Library;
use gendan::model::{Name, Timestamp};
use gendan::runtime::Runtime;
use gendan::store::content::Contents;
use gendan::store::{Memory, Shared};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

/// Who asks, with their roles.
const PEOPLE: &[(&str, &[&str])] = &[
    ("ann", &["clerk"]),
    ("eve", &["clerk"]),
    ("bob", &["boss"]),
    ("max", &["clerk", "boss"]),
    ("aud", &["auditor"]),
    ("bot", &["service"]),
    ("dat", &["data"]),
    ("root", &["admin"]),
];

/// A running API.
struct Api {
    router: Router,
    runtime: Runtime,
    clock: Clock,
    keys: BTreeMap<String, String>,
    /// Where the contents of attachments are.
    data: tempfile::TempDir,
}

impl Api {
    /// The API over the set of this test, with one thing in its table and a key for everyone.
    async fn start() -> Self {
        Self::over(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/set")).await
    }

    async fn over(folder: PathBuf) -> Self {
        Self::with(folder, &Settings::default()).await
    }

    async fn with(folder: PathBuf, settings: &Settings) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::parse("2026-09-24T01:00:00Z").unwrap());
        let store: Shared = Arc::new(Memory::new());
        let library = Library::open(folder, Arc::clone(&store), clock.clone()).unwrap();
        let contents = Some(Contents::of(data.path()));
        let runtime = Runtime::start_with(store, library, clock.clone(), contents).unwrap();
        let mut keys = BTreeMap::new();
        for (user, roles) in PEOPLE {
            let roles: BTreeSet<Name> = roles.iter().map(|role| Name::from(*role)).collect();
            let (_, key) = runtime.create_key(user, roles, None).await.unwrap();
            keys.insert((*user).to_owned(), key);
        }
        let api = Self { router: router(runtime.clone(), settings), runtime, clock, keys, data };
        let put = api.put("dat", "/v1/tables/things/A", json!({ "name": "Anvil", "least": 10 })).await;
        assert_eq!(put.status, StatusCode::OK, "{put}");
        api
    }

    async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path).send(self).await
    }

    async fn post(&self, who: &str, path: &str, body: Json) -> Answer {
        self.ask(who, "POST", path).json(body).send(self).await
    }

    async fn put(&self, who: &str, path: &str, body: Json) -> Answer {
        self.ask(who, "PUT", path).json(body).send(self).await
    }

    async fn patch(&self, who: &str, path: &str, body: Json) -> Answer {
        self.ask(who, "PATCH", path).json(body).send(self).await
    }

    /// A request of `who`; nobody is the empty name.
    fn ask(&self, who: &str, method: &str, path: &str) -> Ask {
        let ask = Ask { headers: Vec::new(), method: method.to_owned(), path: path.to_owned(), body: Vec::new() };
        let ask = ask.header("x-request-id", "r1");
        match self.keys.get(who) {
            Some(key) => ask.header("authorization", &format!("Bearer {key}")),
            None => ask,
        }
    }

    /// Opens a request of ann's and gives its address.
    async fn opened(&self) -> String {
        let body = json!({ "fields": { "thing": "A", "amount": 5 } });
        let answer = self.post("ann", "/v1/workflows/request/cases", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
        answer.headers["location"].to_str().unwrap().to_owned()
    }

    /// Opens a request and submits it.
    async fn submitted(&self) -> String {
        let case = self.opened().await;
        let answer = self.post("ann", &format!("{case}/transitions/submit"), json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer}");
        case
    }
}

/// A request.
struct Ask {
    headers: Vec<(String, String)>,
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Ask {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn json(self, body: Json) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    async fn send(self, api: &Api) -> Answer {
        let mut request = Request::builder().method(&*self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = api.router.clone().oneshot(request.body(Body::from(self.body)).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(std::mem::take(response.body_mut()), 10_000_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: response.status(), headers: response.headers().clone(), text }
    }
}

/// An answer. It is shown with what varies from run to run replaced.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status and each fault: code, pointer, message.
    fn faults(&self) -> String {
        let body = self.json();
        let head = format!("{} {}: {}\n", self.status.as_u16(), body["code"].as_str().unwrap(), body["detail"]);
        let faults = body["errors"].as_array().cloned().unwrap_or_default();
        let fault = |fault: Json| {
            let line = fault["line"].as_u64().map(|line| format!("line {line}: ")).unwrap_or_default();
            let text = |member: &str| fault[member].as_str().unwrap().to_owned();
            format!("- {line}{} {} {}\n", text("code"), text("pointer"), text("message"))
        };
        faults.into_iter().map(fault).fold(head, |text, fault| text + fault.as_str())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status.as_u16())?;
        for name in ["allow", "etag", "link", "location", "idempotency-replayed", "retry-after", "www-authenticate"] {
            if let Some(value) = self.header(name) {
                writeln!(f, "{name}: {}", steady(value))?;
            }
        }
        match serde_json::from_str::<Json>(&self.text) {
            Ok(json) => f.write_str(&steady(&serde_json::to_string_pretty(&json).unwrap())),
            Err(_) => f.write_str(&steady(&self.text)),
        }
    }
}

/// Replaces ids, revisions and keys, which vary, by words.
fn steady(text: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut steady = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        steady.push_str(match (word.len(), word) {
            (26, word) if word.starts_with("01") => "<case>",
            (34, word) if word.starts_with("01") => "<cursor>",
            (64, _) => "<revision>",
            (_, word) if word.starts_with("gk_") => "<key>",
            (12, word) if word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "<key id>",
            (_, word) => word,
        });
        let after_end = after.chars().next().map_or(0, char::len_utf8);
        let (mark, next) = after.split_at(after_end);
        steady.push_str(mark);
        rest = next;
    }
    steady
}
