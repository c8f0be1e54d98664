//! The store: a journal, which is the truth, and a state behind it.
//!
//! One thread commits at a time: it judges a group, writes it to the journal, makes it durable there, and only
//! then makes it visible. Reads are concurrent and see nothing that is not durable. A thread of its own brings
//! the state up to date behind the journal (see [`super::applier`]).

use std::sync::{Arc, PoisonError};

use rust_decimal::Decimal;

use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Notice, Pool, Record, Revision, SendingId, Timestamp};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock};
use crate::workflow::Files;

use super::applier::Applier;
use super::apply::answer_at;
use super::codec::{HolderRecord, LiveRecord, PoolRecord, RowRecord, Stored};
use super::entry::{self, Entry, damaged};
use super::group::{Group, Judged};
use super::journal::{Address, Journal, Record as JournalRecord};
use super::keys::KeyRange;
use super::state::{State, decoded};
use super::{
    Answer, AnswerKey, Damage, Delivery, Error, Health, IndexKey, Item, KeyRecord, Logged, Outcome, Position, Scan,
    Store, Wanted, keys,
};

/// The store.
#[derive(Debug)]
pub struct Ledger {
    parts: Arc<Parts>,
    /// `None` where a test writes the state by hand.
    _applier: Option<Applier>,
}

/// What the store consists of.
#[derive(Debug)]
pub(super) struct Parts {
    /// The truth.
    pub(super) journal: Journal,
    /// What follows from it.
    pub(super) state: State,
    /// Held by the one who commits.
    pub(super) writer: Mutex<()>,
    /// While the state is built again: records done, and all of them.
    pub(super) rebuilding: Rebuilding,
    /// The position of the last event that can be seen.
    pub(super) visible: AtomicU64,
    /// What the people who look after the server should know.
    notices: RwLock<Vec<String>>,
    /// What keeps the state from being written, as long as it does.
    trouble: Mutex<Option<String>>,
}

/// How far the building of the state has come.
#[derive(Debug, Default)]
pub(super) struct Rebuilding {
    done: AtomicU64,
    all: AtomicU64,
}

impl Rebuilding {
    /// The state is not complete: so many bytes of the journal are in it.
    pub(super) fn set(&self, done: u64, all: u64) {
        self.done.store(done, Ordering::SeqCst);
        self.all.store(all.max(1), Ordering::SeqCst);
    }

    /// So much more of it is, while it is built.
    pub(super) fn advance(&self, done: u64) {
        self.done.store(done, Ordering::SeqCst);
    }

    /// The state is complete.
    pub(super) fn end(&self) {
        self.all.store(0, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), Error> {
        match self.all.load(Ordering::SeqCst) {
            0 => Ok(()),
            all => Err(Error::Rebuilding { done: self.done.load(Ordering::SeqCst), all }),
        }
    }
}

impl Parts {
    /// A store whose state is not looked at yet.
    pub(super) fn new(journal: Journal, state: State) -> Self {
        Self {
            journal,
            state,
            writer: Mutex::new(()),
            rebuilding: Rebuilding::default(),
            visible: AtomicU64::new(0),
            notices: RwLock::default(),
            trouble: Mutex::default(),
        }
    }

    /// Tells the people who look after the server, in the log and for as long as it runs.
    pub(super) fn notice(&self, notice: String) {
        tracing::warn!("{notice}");
        self.notices.write().unwrap_or_else(PoisonError::into_inner).push(notice);
    }

    /// Says what keeps the state from being written, or that nothing does any more.
    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The state, unless it is being built.
    pub(super) fn state(&self) -> Result<&State, Error> {
        self.rebuilding.check()?;
        Ok(&self.state)
    }

    /// Keeps others from committing.
    pub(super) fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of a case, newest first, each with the address of the one before it.
    pub(super) fn record(&self, at: Address) -> Result<(JournalRecord, entry::CaseEntry), Error> {
        let record = self.journal.read(at)?;
        match entry::decode(at, &record.body)?.0 {
            Entry::Case(entry) => Ok((record, entry)),
            Entry::Rows { .. }
            | Entry::Key(_)
            | Entry::File { .. }
            | Entry::Live { .. }
            | Entry::Forget { .. }
            | Entry::Pools { .. }
            | Entry::Notice { .. }
            | Entry::Delivery(_)
            | Entry::Progress { .. } => Err(damaged(at, "it is no case's")),
        }
    }

    /// Reads a value.
    pub(super) fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        let state = self.state()?;
        let _still = state.still();
        state.read(key)
    }

    /// Reads every value of a range.
    pub(super) fn all<T: Stored>(&self, range: KeyRange) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.state()?.each(range, &mut |key, value| {
            found.push(decoded(key, &value)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Reads the first values of a range; what is removed meanwhile is left out.
    pub(super) fn some<T: Stored>(&self, range: &KeyRange, limit: usize) -> Result<Vec<T>, Error> {
        let state = self.state()?;
        let keys = state.keys(range, limit)?;
        let _still = state.still();
        keys.iter().filter_map(|key| state.read(key).transpose()).collect()
    }

    /// The bytes of a file of a definition set.
    pub(super) fn file(&self, sha256: &str) -> Result<Arc<[u8]>, Error> {
        let key = keys::file(sha256);
        let missing = || super::codec::damaged(&key, "a file of the definitions is missing");
        let at: Address = self.read(&key)?.ok_or_else(missing)?;
        let record = self.journal.read(at)?;
        match entry::decode(at, &record.body)? {
            (Entry::File { sha256: written }, bytes) if *written == *sha256 => Ok(bytes.into()),
            _ => Err(damaged(at, format!("it is not the file {sha256}"))),
        }
    }
}

impl Ledger {
    /// A store whose state is complete; `applier` says whether a thread brings it up to date from now on.
    pub(super) fn over(parts: Arc<Parts>, applier: bool) -> Result<Self, Error> {
        let applier = applier.then(|| Applier::start(Arc::clone(&parts))).transpose()?;
        Ok(Self { parts, _applier: applier })
    }

    /// What it consists of.
    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Brings the state up to the end of the journal now, and makes it durable.
    ///
    /// # Errors
    /// When the state can't be written.
    pub fn settle(&self) -> Result<(), Error> {
        self.parts.state()?.flush()?;
        self.parts.state.sync()
    }

    /// Compresses the closed files of the journal, all but the newest `keep`; says how many.
    ///
    /// # Errors
    /// When one of them is damaged, and when the disk says no.
    pub fn archive(&self, keep: usize) -> Result<usize, Error> {
        self.parts.journal.archive(keep)
    }
}

impl Store for Ledger {
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        let parts = self.parts();
        let state = parts.state()?;
        state.room()?;
        let _writer = parts.writer();
        let mut judged = Group::new(state, &parts.journal, parts.journal.end());
        let outcomes = group.into_iter().map(|item| judged.judge(item)).collect::<Result<Vec<_>, _>>()?;
        let Judged { drafts, changes } = judged.done();
        let bytes = drafts.iter().map(|draft| draft.body.len()).sum();
        let end = if drafts.is_empty() { parts.journal.end() } else { parts.journal.append(&drafts)? };
        if !changes.writes.is_empty() {
            state.publish(changes, bytes, end);
            parts.visible.store(end.position.0, Ordering::SeqCst);
        }
        Ok(outcomes)
    }

    fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error> {
        let state = self.parts.state()?;
        let _still = state.still();
        Ok(state.case(id)?.map(|record| Arc::clone(&record.case)))
    }

    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        self.parts.read(&keys::hold(hold))
    }

    fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Error> {
        let state = self.parts.state()?;
        let still = state.still();
        let mut next = state.case(id)?.map(|record| record.last);
        drop(still);
        // Newest first on the way back; only the oldest `limit` are kept.
        let mut found = std::collections::VecDeque::new();
        while let Some(at) = next {
            let (record, entry) = self.parts.record(at)?;
            // A record without events only moves the next wake.
            let begins_after = entry.events.first().is_none_or(|event| event.version > after.saturating_add(1));
            next = entry.previous.filter(|_| begins_after);
            let events = logged(record.position, entry).into_iter().rev();
            events.filter(|event| event.recorded.version > after).for_each(|event| found.push_front(event));
            found.truncate(limit);
        }
        Ok(found.into())
    }

    fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Error> {
        let (journal, first) = (&self.parts.journal, Position(after.0.saturating_add(1)));
        let (mut found, end) = (Vec::new(), self.position());
        if first > end {
            return Ok(found);
        }
        let Some(mut next) = journal.find(first)? else { return Ok(found) };
        while found.len() < limit {
            let record = journal.read(next)?;
            if record.position >= end {
                break;
            }
            next = record.end.address;
            if record.events > 0
                && let (Entry::Case(entry), _) = entry::decode(record.address, &record.body)?
            {
                found.extend(logged(record.position, entry).into_iter().filter(|event| event.position >= first));
            }
            if record.end.position >= end {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn position(&self) -> Position {
        Position(self.parts.visible.load(Ordering::SeqCst))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<CaseId>, Error> {
        let all = scan.index.as_ref().map_or_else(keys::cases, keys::index_cases);
        let range = match scan.before {
            Some(id) => all.after(&scan.index.as_ref().map_or_else(|| keys::case(id), |entry| keys::index(entry, id))),
            None => all,
        };
        let found = self.parts.state()?.keys(&range, scan.limit)?;
        let id = |key: Vec<u8>| keys::case_at_end(&key).ok_or_else(|| super::codec::damaged(&key, "it names no case"));
        found.into_iter().map(id).collect()
    }

    fn counts(&self) -> Result<Vec<(IndexKey, u64)>, Error> {
        let counts = self.parts.state()?.counts();
        Ok(counts.each().map(|(parts, count)| (IndexKey::from_parts(parts.clone()), count)).collect())
    }

    fn due(
        &self,
        after: Option<(Timestamp, CaseId)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, CaseId)>, Error> {
        let all = keys::wakes_until(until);
        let range = match after {
            Some((at, id)) => all.after(&keys::wake(at, id)),
            None => all,
        };
        if range.from >= range.to {
            return Ok(Vec::new());
        }
        let found = self.parts.state()?.keys(&range, limit)?;
        let damaged = |key: &[u8]| super::codec::damaged(key, "it names no moment and case");
        found.iter().map(|key| keys::wake_parts(key).ok_or_else(|| damaged(key))).collect()
    }

    fn due_of(&self, id: CaseId) -> Result<Option<Timestamp>, Error> {
        let state = self.parts.state()?;
        let _still = state.still();
        Ok(state.case(id)?.and_then(|record| record.due))
    }

    fn progress(&self, of: &str) -> Result<Option<Name>, Error> {
        Ok(self.parts.read::<String>(&keys::progress(of))?.map(Name::from))
    }

    fn series(&self, series: &str) -> Result<u64, Error> {
        Ok(self.parts.read(&keys::series(series))?.unwrap_or(0))
    }

    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error> {
        let rows: Vec<RowRecord> = self.parts.all(keys::rows())?;
        Ok(rows.into_iter().map(|row| (row.table, row.key, row.row)).collect())
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        let state = self.parts.state()?;
        let still = state.still();
        let record = state.answer(&keys::answer(key))?;
        drop(still);
        record.map(|record| answer_at(&self.parts.journal, record.record)).transpose()
    }

    fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        self.parts.all(keys::api_keys())
    }

    fn live(&self) -> Result<Option<(Revision, Files)>, Error> {
        let Some(live) = self.parts.read::<LiveRecord>(&keys::live())? else { return Ok(None) };
        let files = live.files.into_iter().map(|(path, sha256)| Ok((path, self.parts.file(&sha256)?)));
        Ok(Some((live.revision, files.collect::<Result<_, Error>>()?)))
    }

    fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error> {
        let record: Option<PoolRecord> = self.parts.read(&keys::pool(resource, key))?;
        Ok(record.map(|record| record.pool).unwrap_or_default())
    }

    fn pools(&self, resource: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Pool)>, Error> {
        let range = keys::pools_of(resource);
        let range = after.map_or_else(|| range.clone(), |after| range.clone().after(&keys::pool(resource, after)));
        let records: Vec<PoolRecord> = self.parts.some(&range, limit)?;
        Ok(records.into_iter().map(|record| (record.key, record.pool)).collect())
    }

    fn holders(
        &self,
        resource: &str,
        key: &str,
        after: Option<CaseId>,
        limit: usize,
    ) -> Result<Vec<(CaseId, Decimal)>, Error> {
        let range = keys::holders_of(resource, key);
        let range = after.map_or_else(|| range.clone(), |id| range.clone().after(&keys::holder(resource, key, id)));
        let records: Vec<HolderRecord> = self.parts.some(&range, limit)?;
        Ok(records.into_iter().map(|record| (record.case, record.held)).collect())
    }

    fn outbox(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Delivery>, Error> {
        self.parts.outbox(wanted, limit)
    }

    fn notice(&self, id: SendingId) -> Result<Option<Notice>, Error> {
        self.parts.words(id)
    }

    fn file(&self, sha256: &str) -> Result<Option<Arc<[u8]>>, Error> {
        match self.parts.read::<Address>(&keys::file(sha256))? {
            Some(_) => self.parts.file(sha256).map(Some),
            None => Ok(None),
        }
    }

    fn health(&self) -> Health {
        let notices = self.parts.notices.read().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = self.parts.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rebuilding = self.parts.rebuilding.check().err().map(|error| error.to_string());
        Health { rebuilding, trouble, notices }
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
        super::verify::verify(self.parts(), progress)
    }
}

/// The events of a record, with their positions; `before` is that of the last event before it.
pub(super) fn logged(before: Position, entry: entry::CaseEntry) -> Vec<Logged> {
    let entry::CaseEntry { case, workflow, events, .. } = entry;
    let positions = (before.0.saturating_add(1)..).map(Position);
    let each = events.iter().cloned().zip(positions);
    each.map(|(recorded, position)| Logged { position, case, workflow: Name::clone(&workflow), recorded }).collect()
}
