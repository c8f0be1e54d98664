//! The runtime: between the core, which decides, and the store, which keeps.
//!
//! Commands are decided on threads of their own, in parallel; one committer makes groups of them durable. No
//! success is answered before that.

mod absences;
mod attachments;
pub mod committer;
mod decide;
mod deciders;
pub mod dispatch;
mod document;
mod execute;
mod follow;
mod inbox;
mod judge;
mod keys;
mod list;
mod measure;
mod outbox;
mod pools;
mod request;
mod resources;
pub mod rows;
mod schedules;
mod series;
mod snapshot;
mod tables;
mod timers;
mod turn;
mod view;
mod waiting;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, oneshot};

use crate::clock::Clock;
use crate::engine;
use crate::library::Library;
use crate::model::limit::{COMMITS_WAITING_MAX, EVENTS_BUFFER_MAX};
use crate::model::world::Hold;
use crate::model::{Actor, Case, CaseId, Record, Revision, Timestamp, World};
use crate::store::content::Contents;
use crate::store::{self, AnswerKey, Damage, Item, Logged, Position, Shared};

use committer::{Committer, Pending};
use deciders::Deciders;
use keys::Keys;
use outbox::Outbox;
use rows::{Reads, Rows};
use schedules::Schedules;
use series::Series;
use snapshot::Snapshot;
use timers::Timers;
use turn::{Settled, Turns};
use waiting::Waiting;

pub use inbox::{InboxMark, InboxPage, InboxQuery};
pub use judge::Available;
pub use measure::{Counted, Tally, Wanted};
pub use request::{BadRow, Done, Evaluation, Failure, Page, Query, Render, Reply, Request, Retry, Sample, Want};
pub use view::{Look, Looked, ViewRow};

/// The runtime: a cheap handle to the parts that run.
#[derive(Clone, Debug)]
pub struct Runtime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Shared,
    library: Library,
    clock: Clock,
    rows: Rows,
    series: Arc<Series>,
    keys: Keys,
    deciders: Deciders,
    committer: Committer,
    /// Where the content of attachments is kept; `None` keeps none.
    contents: Option<Contents>,
    /// Requests whose idempotency key is being judged.
    in_flight: Mutex<BTreeSet<AnswerKey>>,
    turns: Turns,
    timers: Arc<Timers>,
    schedules: Schedules,
    measures: measure::Kepts,
    wake: broadcast::Sender<Position>,
    waiting: Arc<Waiting>,
    outbox: Outbox,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.waiting.end();
    }
}

impl Runtime {
    /// Starts the parts that run.
    ///
    /// # Errors
    /// When the store can't be read, or threads can't be started.
    pub fn start(store: Shared, library: Library, clock: Clock) -> Result<Self, store::Error> {
        Self::start_with(store, library, clock, None)
    }

    /// As [`Runtime::start`], with a place for the content of attachments.
    ///
    /// # Errors
    /// As [`Runtime::start`].
    pub fn start_with(
        store: Shared,
        library: Library,
        clock: Clock,
        contents: Option<Contents>,
    ) -> Result<Self, store::Error> {
        let (wake, _) = broadcast::channel(EVENTS_BUFFER_MAX);
        let rows = Rows::load(&store)?;
        let waking = wake.clone();
        // Nobody may be listening; then there is nobody to wake.
        let waking = Box::new(move |position| drop(waking.send(position)));
        let (shared, waiting) = (Arc::clone(&store), COMMITS_WAITING_MAX);
        let committer = Committer::start(shared, rows.clone(), waking, clock.clone(), waiting)?;
        let runtime = Self(Arc::new(Inner {
            series: Arc::new(Series::new(Arc::clone(&store))),
            keys: Keys::load(&store)?,
            deciders: Deciders::start()?,
            committer,
            rows,
            store,
            library,
            clock,
            contents,
            in_flight: Mutex::default(),
            turns: Turns::new(),
            timers: Arc::default(),
            schedules: Schedules::default(),
            measures: measure::Kepts::default(),
            wake,
            waiting: Arc::default(),
            outbox: Outbox::default(),
        }));
        runtime.wake_who_waits()?;
        Ok(runtime)
    }

    /// The live definitions.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.0.library
    }

    /// The live revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.library.live().revision.clone()
    }

    /// The moment, by the runtime's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A case by id or by number.
    ///
    /// # Errors
    /// When there is none, or the store can't be read.
    pub async fn case(&self, id_or_number: &str) -> Result<Arc<Case>, Failure> {
        if let Ok(id) = id_or_number.parse::<CaseId>()
            && let Some(case) = self.0.store.case(id).map_err(store_failure)?
        {
            return Ok(case);
        }
        let definition = self.0.library.live();
        for workflow in definition.workflows.keys() {
            let hold = Hold { workflow: Arc::clone(workflow), field: "number".into(), value: id_or_number.into() };
            if let Some(id) = self.0.store.holder(&hold).map_err(store_failure)? {
                return self.stored(id);
            }
        }
        Err(not_found("case", id_or_number))
    }

    /// The kin of a case, as they stand: the parent and the children that can be found.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn kin(&self, case: &Case) -> Result<Vec<Arc<Case>>, Failure> {
        if case.kin.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<CaseId> = case.kin.all().map(|name| name.case).collect();
        self.read(move |store| {
            let found = ids.into_iter().map(|id| store.case(id)).collect::<Result<Vec<_>, _>>()?;
            Ok(found.into_iter().flatten().collect())
        })
        .await
    }

    /// The fields of `case` that `actor` may see.
    #[must_use]
    pub fn visible(&self, actor: &Actor, case: &Case) -> Record {
        let definition = self.0.library.live();
        match definition.workflows.get(&case.workflow) {
            Some(workflow) => engine::visible(&engine::hidden_fields(workflow, actor), &case.fields),
            None => Record::new(),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.0.rows.now(), Arc::clone(&self.0.store), Arc::clone(&self.0.series))
    }

    fn world(&self) -> Arc<dyn World> {
        Arc::new(self.snapshot())
    }

    /// Makes an item that is no command durable, once.
    async fn commit(&self, item: Item, reads: Reads) -> Result<Settled<()>, Failure> {
        let (answer, answered) = oneshot::channel();
        let answer = Box::new(move |committed| drop(answer.send(committed)));
        self.0.committer.submit(Pending { item, reads, answer });
        Ok(match turn::settled(answered.await.map_err(|_| Failure::Store)?)? {
            Settled::Done(_) => Settled::Done(()),
            Settled::Lost(race) => Settled::Lost(race),
        })
    }

    fn stored(&self, id: CaseId) -> Result<Arc<Case>, Failure> {
        self.0.store.case(id).map_err(store_failure)?.ok_or_else(|| not_found("case", &id.to_string()))
    }

    /// The events of a case after a version.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Failure> {
        self.read(move |store| store.history(id, after, limit)).await
    }

    /// The events of all cases after a position.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Failure> {
        self.read(move |store| store.log(after, limit)).await
    }

    /// The position of the last event.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.store.position()
    }

    /// Wakes with the position of each group that became durable.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Position> {
        self.0.wake.subscribe()
    }

    /// Folds every case again and compares; see [`store::Store::verify`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn verify(&self) -> Result<Vec<Damage>, Failure> {
        self.read(|store| store.verify(&mut |_, _| ())).await
    }

    /// Whether commands can be taken now.
    ///
    /// # Errors
    /// The reason why not.
    pub fn ready(&self) -> Result<(), String> {
        match self.0.store.health().rebuilding {
            Some(rebuilding) => Err(rebuilding),
            None => self.0.committer.ready(),
        }
    }

    /// What happened to the store since the start, or keeps it from its work, that whoever looks after the server
    /// should know.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let health = self.0.store.health();
        health.trouble.into_iter().chain(health.notices).chain(self.0.outbox.notices()).collect()
    }

    /// Ends the committer after what it has begun; nothing is taken any more.
    pub fn stop(&self) {
        self.0.waiting.end();
        self.0.committer.stop();
    }

    /// Waits until nobody is to be woken any more because there is more of a resource. It blocks; for tests.
    pub fn quiet(&self) {
        self.0.waiting.quiet();
    }

    /// Reads from the store on a thread where that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn store::Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let store = Arc::clone(&self.0.store);
        let read = tokio::task::spawn_blocking(move || read(store.as_ref())).await;
        read.map_err(|_| Failure::Store)?.map_err(store_failure)
    }
}

fn not_found(what: &'static str, name: &str) -> Failure {
    Failure::NotFound { what, name: name.to_owned() }
}

/// The cause goes to the log, once, here; the client learns that it was not its fault.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn store_failure(error: store::Error) -> Failure {
    if let store::Error::Rebuilding { done, all } = error {
        return Failure::Rebuilding { done, all };
    }
    tracing::error!(%error, "the store failed");
    Failure::Store
}

fn random() -> Result<u128, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "no randomness");
        Failure::Store
    })?;
    Ok(u128::from_ne_bytes(bytes))
}

/// Where a thread sends what came of its work.
type Answering<T> = oneshot::Sender<T>;
