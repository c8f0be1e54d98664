//! The state: what follows from the journal, in memory as long as it is new, and in a backend of keys and values
//! behind it.
//!
//! ```text
//! commit ──> journal (durable) ──> active ──> frozen ──> backend
//!                                  └─ memory ─┘          └ may be lost: built again from the journal
//! ```
//!
//! What is committed stands in the *active* table at once. Now and then the table is *frozen*, a new one takes
//! its place, and the frozen one is written to the backend in small batches, the last of them with the end of the
//! journal that it stands for; a value that was replaced in the meantime is never written at all. Reads look into the active
//! table, then the frozen one, then the backend.
//!
//! INVARIANT: while a frozen table is written, every key of it is served from memory, so no read sees it half
//! written. A stop in the middle leaves a state that is ahead of what it says of itself in places; reading the
//! journal again from there ends where it should ([`super::apply`]). Whoever reads several keys that belong together holds the *gate*, which keeps tables
//! from being frozen and dropped meanwhile.

mod cache;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use crate::model::CaseId;
use crate::model::limit::{ANSWERS_FORGOTTEN_MAX, OVERLAY_BYTES_MAX, OVERLAY_WAIT_SECONDS_MAX};
use crate::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard};

use super::Error;
use super::codec::{self, AnswerRecord, CaseRecord, ExpiryRecord, Reached, Stored};
use super::counts::Counts;
use super::journal::End;
use super::keys::{self, KeyRange};
use super::kv::{self, Batch, Kv};
use super::value::{Changes, Value, Writes};

use cache::Cache;

/// The form in which the state is written: one of another form is built again from the journal.
const FORM: u32 = 3;

/// Writes that one batch has; a value and its pieces are never parted.
const BATCH_WRITES: usize = 32;

/// Values that one read of a range takes.
const RANGE_VALUES: usize = 256;

/// What a key costs in memory beside its value, in bytes.
const KEY_BYTES: usize = 160;

/// What is done with each value of a range.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&[u8], Value) -> Result<(), Error>;

/// The state.
#[derive(Debug)]
pub(super) struct State {
    kv: Arc<dyn Kv>,
    /// Held while several keys are read, and, by the one who freezes or drops a table, for a moment.
    gate: RwLock<()>,
    tables: RwLock<Tables>,
    cache: Mutex<Cache>,
    /// Held by the one who writes to the backend.
    writing: Mutex<()>,
    /// Whether commits may go on although much waits to be written.
    pressure: Mutex<Pressure>,
    eased: Condvar,
    /// What a read found to be wrong with the backend.
    damage: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Tables {
    active: Table,
    frozen: Option<Arc<Table>>,
}

/// Committed and not yet written to the backend.
#[derive(Debug, Default)]
struct Table {
    writes: Writes,
    /// About how much memory it takes.
    bytes: usize,
    /// The end of the journal that it stands for.
    end: End,
    /// The counts of the index at that end.
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pressure {
    /// Bytes in the active table.
    bytes: usize,
    /// Whether the backend failed to take the last batch.
    failing: bool,
}

impl State {
    /// A state over a backend that is open.
    pub(super) fn new(kv: Arc<dyn Kv>) -> Self {
        Self {
            kv,
            gate: RwLock::new(()),
            tables: RwLock::default(),
            cache: Mutex::default(),
            writing: Mutex::new(()),
            pressure: Mutex::default(),
            eased: Condvar::new(),
            damage: Mutex::default(),
        }
    }

    /// How far the backend has come; `None` when it has nothing, or what it has is of another form.
    pub(super) fn reached(&self) -> Result<Option<End>, Error> {
        let Some(bytes) = self.kv.get(&keys::reached())? else { return Ok(None) };
        let reached: Reached = codec::decode(&keys::reached(), &bytes)?;
        Ok((reached.form == FORM).then_some(reached.end))
    }

    /// Whether the backend has anything at all.
    pub(super) fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.kv.keys(&KeyRange { from: Vec::new(), to: vec![u8::MAX] }, 1)?.is_empty())
    }

    /// Keeps tables from being frozen or dropped while several keys are read.
    pub(super) fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key. The caller holds the gate.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        if let Some(written) = self.written(key) {
            return Ok(written);
        }
        Ok(self.load(key)?.map(|bytes| Value::Bytes(bytes.into())))
    }

    /// Reads and decodes a value. The caller holds the gate.
    pub(super) fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        let value = self.get(key)?;
        self.noted(value.map(|value| decoded(key, &value)).transpose())
    }

    /// A case. The caller holds the gate.
    pub(super) fn case(&self, id: CaseId) -> Result<Option<Arc<CaseRecord>>, Error> {
        let key = keys::case(id);
        match self.written(&key) {
            Some(Some(Value::Case(record))) => return Ok(Some(record)),
            Some(_) => return Ok(None),
            None => {}
        }
        if let Some(record) = self.cache().get(id) {
            return Ok(Some(record));
        }
        let Some(bytes) = self.load(&key)? else { return Ok(None) };
        let record: Arc<CaseRecord> = Arc::new(self.noted(codec::decode(&key, &bytes))?);
        let gone = self.cache().put(id, &record, bytes.len());
        drop(gone);
        Ok(Some(record))
    }

    /// Where an answer stands. The caller holds the gate.
    pub(super) fn answer(&self, key: &[u8]) -> Result<Option<AnswerRecord>, Error> {
        match self.written(key) {
            Some(Some(Value::Answer(record))) => Ok(Some(record)),
            Some(_) => Ok(None),
            None => {
                let bytes = self.load(key)?;
                self.noted(bytes.map(|bytes| codec::decode(key, &bytes)).transpose())
            }
        }
    }

    /// The first keys of a range, in their order, as they stand now.
    pub(super) fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut found = Vec::new();
        let mut range = range.clone();
        while found.len() < limit {
            let _still = self.still();
            let page = self.noted(self.kv.keys(&range, limit))?;
            let to = if page.len() < limit { None } else { page.last().cloned() };
            let mut merged: BTreeMap<Vec<u8>, bool> = page.into_iter().map(|key| (key, true)).collect();
            self.over(&range, to.as_deref(), &mut |key, value| {
                merged.insert(key.to_vec(), value.is_some());
            });
            found.extend(merged.into_iter().filter_map(|(key, there)| there.then_some(key)));
            match to {
                Some(last) => range = range.after(&last),
                None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Reads every value of a range, a page at a time, and hands them on with their keys.
    pub(super) fn each(&self, mut range: KeyRange, visit: Visit<'_>) -> Result<(), Error> {
        loop {
            let still = self.still();
            let page = self.noted(self.kv.range(&range, RANGE_VALUES))?;
            let to = if page.len() < RANGE_VALUES { None } else { page.last().map(|(key, _)| key.clone()) };
            let mut merged: BTreeMap<Vec<u8>, Option<Value>> = BTreeMap::new();
            for (key, value) in page {
                let value = Value::Bytes(self.noted(kv::whole(&*self.kv, &key, value))?.into());
                merged.insert(key, Some(value));
            }
            self.over(&range, to.as_deref(), &mut |key, value| {
                merged.insert(key.to_vec(), value.clone());
            });
            drop(still);
            for (key, value) in merged.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                visit(&key, value)?;
            }
            match to {
                Some(last) => range = range.after(&last),
                None => return Ok(()),
            }
        }
    }

    /// Begins to follow the journal from where the backend has come.
    ///
    /// # Errors
    /// When the backend can't be read.
    pub(super) fn begin(&self, from: End) -> Result<(), Error> {
        let key = keys::counts();
        let counts = if from == End::default() { None } else { self.load(&key)? };
        let counts = counts.map(|bytes| codec::decode(&key, &bytes)).transpose()?;
        let active = &mut self.tables_mut().active;
        (active.end, active.counts) = (from, counts.unwrap_or_default());
        Ok(())
    }

    /// How many cases are under each entry of the index now.
    pub(super) fn counts(&self) -> Counts {
        self.tables().active.counts.clone()
    }

    /// Makes visible what the journal has made durable. `bytes` is about what it takes in memory.
    pub(super) fn publish(&self, changes: Changes, bytes: usize, end: End) {
        let Changes { writes, moved } = changes;
        let mut tables = self.tables_mut();
        let bytes = bytes.saturating_add(writes.len().saturating_mul(KEY_BYTES));
        let active = &mut tables.active;
        active.bytes = active.bytes.saturating_add(bytes);
        active.end = end;
        active.counts.add(&moved);
        if active.writes.is_empty() {
            active.writes = writes;
        } else {
            active.writes.extend(writes);
        }
        self.pressure().bytes = active.bytes;
    }

    /// Waits until there is room for another group.
    ///
    /// # Errors
    /// When the backend takes nothing and the memory set aside for what waits is full.
    pub(super) fn room(&self) -> Result<(), Error> {
        let pressure = self.pressure();
        if pressure.bytes <= OVERLAY_BYTES_MAX {
            return Ok(());
        }
        let patience = std::time::Duration::from_secs(OVERLAY_WAIT_SECONDS_MAX);
        let full = |pressure: &mut Pressure| pressure.bytes > OVERLAY_BYTES_MAX && !pressure.failing;
        let waited = self.eased.wait_timeout_while(pressure, patience, full);
        let (pressure, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if pressure.bytes <= OVERLAY_BYTES_MAX {
            return Ok(());
        }
        Err(Error::Io("too much waits to be written into the state; see the log".to_owned()))
    }

    /// About how much waits to be written, in bytes.
    pub(super) fn waiting(&self) -> usize {
        self.pressure().bytes
    }

    /// Writes what is committed to the backend; says how far that came. One at a time does it.
    ///
    /// # Errors
    /// When the backend does not take it; it stays in memory, and the next call tries again.
    pub(super) fn flush(&self) -> Result<End, Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let frozen = self.freeze();
        let written = self.batches(&frozen).and_then(|(batches, sizes)| {
            batches.iter().try_for_each(|batch| self.kv.apply(batch))?;
            Ok(sizes)
        });
        let failing = written.is_err();
        if let Ok(sizes) = written.as_ref() {
            self.thaw(&frozen, sizes);
        }
        self.pressure().failing = failing;
        self.eased.notify_all();
        written.map(|_| frozen.end)
    }

    /// Makes durable what was flushed, so that a restart need not read it from the journal again.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.kv.sync()
    }

    /// Opens the backend again after a failure.
    pub(super) fn reopen(&self) -> Result<(), Error> {
        let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.cache().clear();
        self.kv.open()
    }

    /// Puts the backend's content aside and forgets everything; says where it was put.
    pub(super) fn renew(&self) -> Result<String, Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let aside = self.kv.renew()?;
        self.cache().clear();
        *self.tables_mut() = Tables::default();
        self.pressure().bytes = 0;
        Ok(aside)
    }

    /// The table that is to be written: the one whose writing failed, or all that was committed since.
    fn freeze(&self) -> Arc<Table> {
        let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut tables = self.tables_mut();
        if let Some(frozen) = &tables.frozen {
            return Arc::clone(frozen);
        }
        let next = Table { end: tables.active.end, counts: tables.active.counts.clone(), ..Table::default() };
        let frozen = Arc::new(std::mem::replace(&mut tables.active, next));
        tables.frozen = Some(Arc::clone(&frozen));
        self.pressure().bytes = 0;
        frozen
    }

    /// Forgets a table that the backend has; its cases stay in the cache.
    fn thaw(&self, table: &Table, sizes: &[usize]) {
        let closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        let (mut cache, mut gone) = (self.cache(), Vec::new());
        let cases = table.writes.values().filter_map(|value| match value {
            Some(Value::Case(record)) => Some(record),
            Some(Value::Answer(_) | Value::Bytes(_) | Value::Mark) | None => None,
        });
        for (record, size) in cases.zip(sizes) {
            gone.extend(cache.put(record.case.id, record, *size));
        }
        drop(cache);
        self.tables_mut().frozen = None;
        drop(closed);
        drop(gone);
    }

    /// The batches that a table makes, and how large each of its cases is, in bytes. They are small, for the
    /// backend lets nobody read while it takes one; the last one says how far the state has come, so that whatever
    /// is cut off before it is applied again.
    fn batches(&self, table: &Table) -> Result<(Vec<Batch>, Vec<usize>), Error> {
        let (mut batches, mut batch, mut sizes) = (Vec::new(), Batch::default(), Vec::new());
        let mut expiry: Option<(crate::model::Timestamp, ExpiryRecord)> = None;
        for (key, value) in &table.writes {
            match value {
                None => batch.remove(&*self.kv, key)?,
                Some(Value::Mark) => batch.put_small(key, Vec::new()),
                Some(Value::Answer(record)) => {
                    batch.put_small(key, codec::encode(key, record)?);
                    let (last, given) = expiry.get_or_insert_with(|| (record.at, ExpiryRecord::default()));
                    *last = record.at.max(*last);
                    given.answers.push(String::from_utf8_lossy(key).into_owned());
                }
                Some(Value::Case(record)) => {
                    let bytes = codec::encode(key, &**record)?;
                    sizes.push(bytes.len());
                    batch.put(&*self.kv, key, bytes)?;
                }
                Some(Value::Bytes(bytes)) => batch.put(&*self.kv, key, bytes.to_vec())?,
            }
            if batch.writes.len() >= BATCH_WRITES {
                batches.push(std::mem::take(&mut batch));
            }
        }
        if let Some((last, given)) = expiry {
            let key = keys::expiry(last, table.end.address);
            batch.put(&*self.kv, &key, codec::encode(&key, &given)?)?;
        }
        let key = keys::counts();
        batch.put(&*self.kv, &key, codec::encode(&key, &table.counts)?)?;
        let key = keys::reached();
        batch.put_small(&key, codec::encode(&key, &Reached { form: FORM, end: table.end })?);
        batches.push(batch);
        Ok((batches, sizes))
    }

    /// The answers that were given before a moment, or some of them when there are many: what removes them.
    pub(super) fn forget(&self, before: crate::model::Timestamp) -> Result<Writes, Error> {
        let (mut writes, mut answers) = (Writes::new(), Vec::new());
        let range = keys::expiries(before);
        for key in self.keys(&range, RANGE_VALUES)? {
            let _still = self.still();
            let given: Option<ExpiryRecord> = self.read(&key)?;
            answers.extend(given.into_iter().flat_map(|given| given.answers));
            writes.insert(key, None);
            if answers.len() >= ANSWERS_FORGOTTEN_MAX {
                break;
            }
        }
        let _still = self.still();
        let tables = self.tables();
        let fresh = [Some(&tables.active), tables.frozen.as_deref()].into_iter().flatten();
        answers.extend(
            fresh
                .flat_map(|table| table.writes.range(range_of(&keys::answers())))
                .filter_map(|(key, _)| String::from_utf8(key.clone()).ok()),
        );
        drop(tables);
        for key in answers.into_iter().map(String::into_bytes) {
            // A key that was used again after it had been forgotten has a newer answer.
            if self.answer(&key)?.is_some_and(|record| record.at < before) {
                writes.insert(key, None);
            }
        }
        Ok(writes)
    }

    /// What reads found to be wrong with the backend since it was asked last.
    pub(super) fn take_damage(&self) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.noted(kv::load(&*self.kv, key))
    }

    /// Remembers damage, so that the backend is built again.
    fn noted<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        read.inspect_err(|error| {
            if matches!(error, Error::Damaged { .. }) {
                *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        })
    }

    /// What the tables in memory say about a key: nothing, that it is gone, or its value.
    #[expect(clippy::option_option, reason = "not known here, known to be gone, and known are three things")]
    fn written(&self, key: &[u8]) -> Option<Option<Value>> {
        let tables = self.tables();
        let frozen = || tables.frozen.as_ref().and_then(|table| table.writes.get(key));
        tables.active.writes.get(key).or_else(frozen).cloned()
    }

    /// What the tables in memory have in a range, up to `to` and with it: the frozen one first, so that the
    /// active one has the last word.
    fn over(&self, range: &KeyRange, to: Option<&[u8]>, visit: &mut dyn FnMut(&[u8], &Option<Value>)) {
        let tables = self.tables();
        let end = to.map_or(Bound::Excluded(range.to.as_slice()), Bound::Included);
        for table in [tables.frozen.as_deref(), Some(&tables.active)].into_iter().flatten() {
            for (key, value) in table.writes.range::<[u8], _>((Bound::Included(range.from.as_slice()), end)) {
                visit(key, value);
            }
        }
    }

    fn tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables_mut(&self) -> crate::sync::RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pressure(&self) -> MutexGuard<'_, Pressure> {
        self.pressure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decodes a value that is encoded.
pub(super) fn decoded<T: Stored>(key: &[u8], value: &Value) -> Result<T, Error> {
    match value {
        Value::Bytes(bytes) => codec::decode(key, bytes),
        Value::Case(_) | Value::Answer(_) | Value::Mark => codec::decode(key, &value.encode(key)?),
    }
}

fn range_of(range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    (Bound::Included(range.from.clone()), Bound::Excluded(range.to.clone()))
}
