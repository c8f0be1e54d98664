//! A store that notes what was written in which order, and that can let a command lose.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gendan::model::world::Hold;
use gendan::model::{Case, CaseId, Name, Notice, Pool, Record, Revision, SendingId, Timestamp};
use gendan::store::{
    Answer, AnswerKey, Damage, Delivery, Error, Health, IndexKey, Item, KeyRecord, Logged, Outcome, Position, Scan,
    Shared, Store, Wanted,
};
use gendan::workflow::Files;
use rust_decimal::Decimal;

/// Something that was written.
#[derive(Clone, Debug)]
pub(crate) enum Wrote {
    Rows { table: Name, put: Vec<(Name, Record)>, remove: Vec<Name> },
    Case(Arc<Case>),
}

/// The store, and what was written to it.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Shared,
    wrote: Mutex<Vec<Wrote>>,
    /// How many commands find that another one was faster.
    losers: AtomicUsize,
    /// Whether it panics instead of writing.
    panics: AtomicBool,
}

impl Watched {
    pub(crate) fn over(inner: Shared) -> Self {
        Self { inner, wrote: Mutex::default(), losers: AtomicUsize::new(0), panics: AtomicBool::new(false) }
    }

    /// The next `count` commands that come to be written lose.
    pub(crate) fn let_lose(&self, count: usize) {
        self.losers.store(count, Ordering::SeqCst);
    }

    /// The next write panics.
    pub(crate) fn panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// What was written, in order.
    pub(crate) fn wrote(&self) -> Vec<Wrote> {
        self.wrote.lock().unwrap().clone()
    }

    fn loses(&self, item: &Item) -> bool {
        let lost = |left: usize| left.checked_sub(1);
        matches!(item, Item::Command(_)) && self.losers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost).is_ok()
    }
}

impl Store for Watched {
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        assert!(!self.panics.load(Ordering::SeqCst), "the store was told to panic");
        if group.iter().any(is_large) {
            return Err(Error::TooLarge("a case was told to be too large".to_owned()));
        }
        let mut wrote = self.wrote.lock().unwrap();
        if group.iter().any(|item| self.loses(item)) {
            return Ok(group.iter().map(|_| Outcome::Moved { version: 99 }).collect());
        }
        let writes: Vec<Option<Wrote>> = group.iter().map(write).collect();
        let outcomes = self.inner.commit(group)?;
        let done = writes.into_iter().zip(&outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
        wrote.extend(done.filter_map(|(write, _)| write));
        Ok(outcomes)
    }

    fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error> {
        self.inner.case(id)
    }

    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        self.inner.holder(hold)
    }

    fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Error> {
        self.inner.history(id, after, limit)
    }

    fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Error> {
        self.inner.log(after, limit)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<CaseId>, Error> {
        self.inner.scan(scan)
    }

    fn counts(&self) -> Result<Vec<(IndexKey, u64)>, Error> {
        self.inner.counts()
    }

    fn due(
        &self,
        after: Option<(Timestamp, CaseId)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, CaseId)>, Error> {
        self.inner.due(after, until, limit)
    }

    fn due_of(&self, id: CaseId) -> Result<Option<Timestamp>, Error> {
        self.inner.due_of(id)
    }

    fn progress(&self, of: &str) -> Result<Option<Name>, Error> {
        self.inner.progress(of)
    }

    fn series(&self, series: &str) -> Result<u64, Error> {
        self.inner.series(series)
    }

    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error> {
        self.inner.rows()
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        self.inner.answer(key)
    }

    fn outbox(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Delivery>, Error> {
        self.inner.outbox(wanted, limit)
    }

    fn notice(&self, id: SendingId) -> Result<Option<Notice>, Error> {
        self.inner.notice(id)
    }

    fn file(&self, sha256: &str) -> Result<Option<Arc<[u8]>>, Error> {
        self.inner.file(sha256)
    }

    fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        self.inner.keys()
    }

    fn live(&self) -> Result<Option<(Revision, Files)>, Error> {
        self.inner.live()
    }

    fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error> {
        self.inner.pool(resource, key)
    }

    fn pools(&self, resource: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Pool)>, Error> {
        self.inner.pools(resource, after, limit)
    }

    fn holders(
        &self,
        resource: &str,
        key: &str,
        after: Option<CaseId>,
        limit: usize,
    ) -> Result<Vec<(CaseId, Decimal)>, Error> {
        self.inner.holders(resource, key, after, limit)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
        self.inner.verify(progress)
    }
}

/// Cases that are noted to be large can't be written.
fn is_large(item: &Item) -> bool {
    matches!(item, Item::Command(item) if item.cases[0].case.fields.text("note") == Some("large"))
}

fn write(item: &Item) -> Option<Wrote> {
    match item {
        Item::Command(item) => Some(Wrote::Case(Arc::clone(&item.cases[0].case))),
        Item::Rows { table, put, remove } => {
            Some(Wrote::Rows { table: Name::clone(table), put: put.clone(), remove: remove.clone() })
        }
        Item::Key(_)
        | Item::Live { .. }
        | Item::ForgetAnswers { .. }
        | Item::Pools { .. }
        | Item::Progress { .. }
        | Item::Notice { .. }
        | Item::Delivery { .. } => None,
    }
}
