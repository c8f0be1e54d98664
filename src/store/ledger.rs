//! The store over a backend of keys and values: what all backends of that kind have in common.
//!
//! One thread commits at a time; reads are concurrent and see whole groups. A read may see a group whose sync
//! is still under way; [`Store::log`] and [`Store::answer`], from which messages and acknowledgements follow,
//! never show what is not durable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Record, Revision};
use crate::workflow::Files;

use super::codec::{self, AnswerRecord, CaseRecord, FileRecord, HoldRecord, LiveRecord, LogRecord, RowRecord, Stored};
use super::group::Group;
use super::keys::KeyRange;
use super::kv::{self, Kv};
use super::{Answer, AnswerKey, Damage, Error, Item, KeyRecord, Logged, Outcome, Position, Scan, Store, keys};

/// Values that one read of a range takes.
const RANGE_VALUES: usize = 256;

/// What is done with each value of a range.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&[u8], Vec<u8>) -> Result<(), Error>;

/// A store over a backend.
#[derive(Debug)]
pub struct Ledger<K> {
    /// The backend.
    pub(super) kv: K,
    /// Held by the one who commits: the position of the last event, unless a failure left it unknown.
    writer: Mutex<Option<Position>>,
    /// Held while a batch is applied, so that reads of several keys see all of it or nothing.
    gate: RwLock<()>,
    /// The position of the last durable event.
    durable: AtomicU64,
}

impl<K: Kv> Ledger<K> {
    /// A store over an open backend, all of which is durable.
    pub(super) fn over(kv: K) -> Result<Self, Error> {
        let tip = tip(&kv)?;
        Ok(Self::at(kv, tip))
    }

    /// A store over an open backend whose log is known to end at a position.
    pub(super) fn at(kv: K, tip: Position) -> Self {
        Self { kv, writer: Mutex::new(Some(tip)), gate: RwLock::new(()), durable: AtomicU64::new(tip.0) }
    }

    /// Keeps batches from being applied while several keys are read.
    pub(super) fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a record of the log with its bytes.
    pub(super) fn log_record(&self, position: Position) -> Result<Option<(LogRecord, Vec<u8>)>, Error> {
        let key = keys::log(position);
        let Some(bytes) = kv::load(&self.get(), &key)? else { return Ok(None) };
        Ok(Some((codec::decode_log(&key, &bytes)?, bytes)))
    }

    /// Reads the snapshot of a case.
    pub(super) fn snapshot(&self, id: CaseId) -> Result<Option<CaseRecord>, Error> {
        self.read(&keys::case(id))
    }

    /// Reads a value.
    pub(super) fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        kv::read(&self.get(), key)
    }

    /// Reads every value of a range, a page at a time, and hands them on with their keys.
    pub(super) fn each(&self, mut range: KeyRange, visit: Visit<'_>) -> Result<(), Error> {
        loop {
            let still = self.still();
            let page = self.kv.range(&range, RANGE_VALUES)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            let next = range.clone().after(last);
            for (key, value) in page {
                let value = kv::whole(&self.get(), &key, value)?;
                visit(&key, value)?;
            }
            drop(still);
            range = next;
        }
    }

    fn get(&self) -> impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Error> + '_ {
        |key| self.kv.get(key)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Position>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all<T: Stored>(&self, range: KeyRange) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.each(range, &mut |key, value| {
            found.push(codec::decode(key, &value)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// After a failure: gets the backend to write again, and finds out where the log ends.
    fn heal(&self) -> Result<Position, Error> {
        let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.kv.heal()?;
        tip(&self.kv)
    }

    fn write(&self, group: &Group<'_>, settled: bool) -> Result<(), Error> {
        if !group.batch.writes.is_empty() {
            let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            self.kv.apply(&group.batch)?;
        } else if settled {
            return Ok(());
        }
        self.kv.sync()
    }
}

impl<K: Kv> Store for Ledger<K> {
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        let mut writer = self.writer();
        // Until this group is durable, nobody knows where the log ends: a failure leaves `None` behind.
        let known = writer.take();
        let start = match known {
            Some(position) => position,
            None => self.heal()?,
        };
        let mut judged = Group::new(&self.kv, start);
        let outcomes = group.into_iter().map(|item| judged.judge(item)).collect::<Result<Vec<_>, _>>();
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                *writer = known;
                return Err(error);
            }
        };
        self.write(&judged, known.is_some())?;
        self.durable.store(judged.tip.0, Ordering::Release);
        *writer = Some(judged.tip);
        Ok(outcomes)
    }

    fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error> {
        let _still = self.still();
        Ok(self.snapshot(id)?.map(|record| Arc::new(record.case)))
    }

    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        let record: Option<HoldRecord> = self.read(&keys::hold(hold))?;
        Ok(record.map(|record| record.case))
    }

    fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Error> {
        let still = self.still();
        let mut next = self.snapshot(id)?.map(|record| record.last);
        drop(still);
        // Newest first on the way back; only the oldest `limit` are kept.
        let mut found = std::collections::VecDeque::new();
        while let Some(position) = next {
            let (record, _) = self.log_record(position)?.ok_or_else(|| lost(position))?;
            let begins_after = record.events.first().is_some_and(|event| event.version > after.saturating_add(1));
            next = record.previous.filter(|_| begins_after);
            let events = logged(position, record).into_iter().rev();
            events.filter(|event| event.recorded.version > after).for_each(|event| found.push_front(event));
            found.truncate(limit);
        }
        Ok(found.into())
    }

    fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Error> {
        let (first, end) = (Position(after.0.saturating_add(1)), self.position());
        let mut found: Vec<Logged> = Vec::new();
        let Some((start, _)) = self.kv.last(&keys::log_up_to(first))? else { return Ok(found) };
        let mut range = keys::log_from(keys::log_position(&start).unwrap_or_default());
        while found.len() < limit {
            let page = self.kv.range(&range, limit.min(RANGE_VALUES))?;
            let Some((last, _)) = page.last() else { break };
            range = range.after(last);
            for (key, value) in page {
                let record = codec::decode_log(&key, &kv::whole(&self.get(), &key, value)?)?;
                let events = logged(keys::log_position(&key).unwrap_or_default(), record);
                found.extend(events.into_iter().filter(|event| event.position >= first && event.position <= end));
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn position(&self) -> Position {
        Position(self.durable.load(Ordering::Acquire))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<CaseId>, Error> {
        let all = scan.index.as_ref().map_or_else(keys::cases, keys::index_cases);
        let range = match scan.before {
            Some(id) => all.after(&scan.index.as_ref().map_or_else(|| keys::case(id), |entry| keys::index(entry, id))),
            None => all,
        };
        let found = self.kv.keys(&range, scan.limit)?;
        let id = |key: Vec<u8>| keys::case_at_end(&key).ok_or_else(|| codec::damaged(&key, "it names no case"));
        found.into_iter().map(id).collect()
    }

    fn series(&self, series: &str) -> Result<u64, Error> {
        Ok(self.read(&keys::series(series))?.unwrap_or(0))
    }

    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error> {
        let rows: Vec<RowRecord> = self.all(keys::rows())?;
        Ok(rows.into_iter().map(|row| (row.table, row.key, row.row)).collect())
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        let place = keys::answer(key);
        let found = |ledger: &Self| -> Result<Option<AnswerRecord>, Error> {
            let _still = ledger.still();
            ledger.read(&place)
        };
        if found(self)?.is_none() {
            return Ok(None);
        }
        // To give it again is to acknowledge it: wait for the group that may be on its way to the disk.
        let writer = self.writer();
        if writer.is_none() {
            self.heal()?;
            self.kv.sync()?;
        }
        Ok(found(self)?.map(|record| record.answer))
    }

    fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        self.all(keys::api_keys())
    }

    fn live(&self) -> Result<Option<(Revision, Files)>, Error> {
        // Files are never changed under their revision, so they need not be read in one go with its name.
        let Some(live) = self.read::<LiveRecord>(&keys::live())? else { return Ok(None) };
        let files: Vec<FileRecord> = self.all(keys::files(&live.revision))?;
        if files.len() != live.files {
            let reason = format!("revision {} has {} files instead of {}", live.revision, files.len(), live.files);
            return Err(codec::damaged(&keys::live(), reason));
        }
        Ok(Some((live.revision, files.into_iter().map(|file| (Name::clone(&file.path), file.bytes())).collect())))
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
        super::verify::verify(self, progress)
    }
}

/// The position of the last event that was written.
fn tip(kv: &dyn Kv) -> Result<Position, Error> {
    let Some((key, value)) = kv.last(&keys::log_up_to(Position(u64::MAX)))? else { return Ok(Position(0)) };
    let record = codec::decode_log(&key, &kv::whole(&|key| kv.get(key), &key, value)?)?;
    let begins = keys::log_position(&key).ok_or_else(|| codec::damaged(&key, "it has no position"))?;
    let events = u64::try_from(record.events.len()).unwrap_or(u64::MAX);
    Ok(Position(begins.0.saturating_add(events).saturating_sub(1)))
}

fn logged(begins: Position, record: LogRecord) -> Vec<Logged> {
    let LogRecord { case, workflow, events, .. } = record;
    let positions = (begins.0..).map(Position);
    let each = events.into_iter().zip(positions);
    each.map(|(recorded, position)| Logged { position, case, workflow: Name::clone(&workflow), recorded }).collect()
}

fn lost(position: Position) -> Error {
    codec::damaged(&keys::log(position), "it is missing")
}
