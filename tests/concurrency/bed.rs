//! What the races run on: a runtime over a store that is watched, and requests to it.

use std::path::Path;
use std::sync::Arc;

use gendan::clock::Clock;
use gendan::library::Library;
use gendan::model::command::Input;
use gendan::model::{Actor, CaseId, Name, Timestamp};
use gendan::runtime::{Done, Failure, Render, Reply, Request, Retry, Runtime, Want};
use gendan::store::{Answer, Ledger, Memory, Shared};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::watched::Watched;

/// The kinds of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sled,
}

/// A runtime over a store.
pub(crate) struct Bed {
    pub(crate) runtime: Runtime,
    pub(crate) store: Arc<Watched>,
    pub(crate) clock: Clock,
    /// The folder of the embedded store, as long as it is needed.
    _folder: Option<TempDir>,
}

impl Bed {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Memory => Self::over(Arc::new(Memory::new()), None),
            Kind::Sled => {
                let folder = tempfile::tempdir().unwrap();
                let store = Ledger::open(&folder.path().join("data"), true).unwrap();
                Self::over(Arc::new(store), Some(folder))
            }
        }
    }

    pub(crate) fn over(inner: Shared, folder: Option<TempDir>) -> Self {
        let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/concurrency/set");
        let clock = Clock::manual(Timestamp::parse("2026-09-24T01:00:00Z").unwrap());
        let store = Arc::new(Watched::over(inner));
        let shared: Shared = Arc::clone(&store) as Shared;
        let library = Library::open(set, Arc::clone(&shared), clock.clone()).unwrap();
        let runtime = Runtime::start(shared, library, clock.clone()).unwrap();
        Self { runtime, store, clock, _folder: folder }
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Result<Reply, Failure> {
        let (request, render) = ask.parts();
        self.runtime.execute(request, render).await
    }

    /// Puts one thing, of an edition.
    pub(crate) async fn put_thing(&self, code: &str, edition: i64) {
        let row = input(json!({ "code": code, "edition": edition }));
        self.runtime.put_rows("things", vec![(1, row)]).await.unwrap();
    }

    /// Ends the runtime and verifies what it has left behind.
    pub(crate) async fn end(self) {
        let damage = self.runtime.verify().await.unwrap();
        assert!(damage.is_empty(), "{damage:?}");
        self.runtime.stop();
    }
}

/// A request that is being put together.
pub(crate) struct Ask {
    user: &'static str,
    want: Want,
    expected: Option<u64>,
    retry: Option<Retry>,
    render: Render,
}

impl Ask {
    pub(crate) fn open(workflow: &str, fields: Json) -> Self {
        Self::new(Want::Open { workflow: workflow.into(), fields: input(fields), comment: None })
    }

    pub(crate) fn edit(id: CaseId, fields: Json) -> Self {
        Self::new(Want::Edit { id, fields: input(fields), comment: None })
    }

    pub(crate) fn take(id: CaseId, transition: &str) -> Self {
        Self::new(Want::Take { id, transition: transition.into(), input: Input::new(), comment: None })
    }

    pub(crate) fn new(want: Want) -> Self {
        Self { user: "ann", want, expected: None, retry: None, render: Box::new(render) }
    }

    pub(crate) fn by(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    pub(crate) fn expecting(self, version: u64) -> Self {
        Self { expected: Some(version), ..self }
    }

    pub(crate) fn under(self, key: &str, fingerprint: &str) -> Self {
        Self { retry: Some(Retry { key: key.into(), fingerprint: fingerprint.into() }), ..self }
    }

    /// Calls `seen` each time the request has been decided, before it is committed.
    pub(crate) fn watched(self, seen: impl Fn(&Done) + Send + Sync + 'static) -> Self {
        let watched = move |done: &Done| {
            seen(done);
            render(done)
        };
        Self { render: Box::new(watched), ..self }
    }

    fn parts(self) -> (Request, Render) {
        let Self { user, want, expected, retry, render } = self;
        (Request { actor: Actor::new(user, &["clerk"]), want, expected, retry, dry_run: false }, render)
    }
}

/// What a reply says about its case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) id: CaseId,
    pub(crate) version: u64,
    /// The place in the number series.
    pub(crate) place: u64,
}

pub(crate) fn told(reply: &Reply) -> Told {
    let mut words = reply.answer.body.split(' ');
    let mut word = || words.next().unwrap();
    Told {
        id: word().parse().unwrap(),
        version: word().parse().unwrap(),
        place: word().trim_start_matches(char::is_alphabetic).parse().unwrap(),
    }
}

fn render(done: &Done) -> Answer {
    Answer {
        fingerprint: Name::from(""),
        at: Timestamp(0),
        status: 200,
        headers: Vec::new(),
        body: format!("{} {} {}", done.case.id, done.case.version, done.case.number).into(),
    }
}

fn input(json: Json) -> Input {
    json.as_object().unwrap().clone()
}

/// A runtime with threads enough to race.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().block_on(future)
}
