//! What follows from an entry of the journal: the same whether it was committed just now or is read again after
//! a restart.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine;
use crate::model::world::Hold;
use crate::model::{Case, CaseId, Event, Name, Recorded, Timestamp};

use super::codec::{AnswerRecord, CaseRecord, LiveRecord, RowRecord, Stored};
use super::counts::Moved;
use super::entry::{AnswerEntry, CaseEntry, Entry, Parts, damaged};
use super::journal::{Address, Journal};
use super::state::{State, decoded};
use super::value::{Changes, Value, Writes};
use super::{Answer, Error, IndexKey, keys};

/// Writes that follow from entries, over the state before them.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    /// The state before them.
    pub(super) state: &'a State,
    /// The truth.
    pub(super) journal: &'a Journal,
    /// What follows.
    pub(super) writes: Writes,
    /// By how much the counts of the index change.
    moved: Moved,
}

impl<'a> Apply<'a> {
    /// Nothing yet, over a state.
    pub(super) fn new(state: &'a State, journal: &'a Journal) -> Self {
        Self { state, journal, writes: Writes::new(), moved: Moved::default() }
    }

    /// What followed.
    pub(super) fn done(self) -> Changes {
        Changes { writes: self.writes, moved: self.moved }
    }

    /// Applies an entry that stands at `at`.
    ///
    /// # Errors
    /// When it does not follow from what came before, or that can't be read.
    pub(super) fn entry(&mut self, entry: Entry, at: Address) -> Result<(), Error> {
        match entry {
            Entry::Case(entry) => {
                let before = self.case(entry.case)?;
                self.case_entry(entry, at, before, None)?;
            }
            Entry::Rows { table, put, remove } => {
                for key in remove {
                    self.writes.insert(keys::row(&table, &key), None);
                }
                for (key, row) in put {
                    let place = keys::row(&table, &key);
                    self.put(place, &RowRecord { table: Name::clone(&table), key, row })?;
                }
            }
            Entry::Key(record) => self.put(keys::api_key(&record.id), &record)?,
            Entry::File { sha256 } => self.put(keys::file(&sha256), &at)?,
            Entry::Live { revision, at, files } => self.put(keys::live(), &LiveRecord { revision, at, files })?,
            Entry::Forget { before } => drop(self.forget(before)?),
            Entry::Pools { resource, put } => self.set_pools(&resource, put, at)?,
            Entry::Notice { id, at: when, notice } => self.noticed(id, when, &notice, at)?,
            Entry::Delivery(entry) => self.delivery(&entry, at)?,
            Entry::Progress { of, reached } => self.put(keys::progress(&of), &reached.to_string())?,
        }
        Ok(())
    }

    /// Applies a command's outcome; `after` is the case after it, when it is known.
    pub(super) fn case_entry(
        &mut self,
        entry: CaseEntry,
        at: Address,
        before: Option<Arc<CaseRecord>>,
        after: Option<Arc<Case>>,
    ) -> Result<(), Error> {
        self.moved.entry(&entry);
        self.outgoing(&entry, at)?;
        if let Some(ahead) = before.as_deref().filter(|before| after.is_none() && before.last >= at) {
            return self.again(entry, at, ahead);
        }
        if entry.previous != before.as_ref().map(|record| record.last) {
            return Err(damaged(at, format!("it does not follow what is known of case {}", entry.case)));
        }
        let case = match after {
            Some(case) => case,
            None => Arc::new(folded(&entry, at, before.as_deref())?),
        };
        let before = before.as_deref();
        let index = self.reindex(entry.case, before, entry.index_add, entry.index_remove);
        let holds = self.rehold(entry.case, before, entry.hold, entry.release)?;
        self.move_pools(&entry.events, &case, at)?;
        self.numbered(&entry.events)?;
        self.noted(entry.series, entry.answer, at)?;
        let due = self.retime(entry.case, before, entry.due_add, entry.due_remove);
        let record = CaseRecord { case, last: at, index, holds, due };
        self.writes.insert(keys::case(entry.case), Some(Value::Case(Arc::new(record))));
        Ok(())
    }

    /// Applies an entry to a state that has its case as it was later on: the process was stopped while the state was
    /// being written. What else follows from the entry may be missing; all of it is as the later case says.
    fn again(&mut self, entry: CaseEntry, at: Address, ahead: &CaseRecord) -> Result<(), Error> {
        for moved in entry.index_add.into_iter().chain(entry.index_remove) {
            let there = ahead.index.contains(&moved).then_some(Value::Mark);
            self.writes.insert(keys::index(&IndexKey::from_parts(moved), entry.case), there);
        }
        for moved in entry.due_add.into_iter().chain(entry.due_remove) {
            let there = (ahead.due == Some(moved)).then_some(Value::Mark);
            self.writes.insert(keys::wake(moved, entry.case), there);
        }
        for moved in entry.hold.iter().chain(&entry.release) {
            let key = hold_key(moved);
            if ahead.holds.contains(moved) {
                self.put(key, &entry.case)?;
            } else if self.read::<CaseId>(&key)? == Some(entry.case) {
                self.writes.insert(key, None);
            }
        }
        self.move_pools(&entry.events, &ahead.case, at)?;
        self.numbered(&entry.events)?;
        self.noted(entry.series, entry.answer, at)
    }

    /// The places in number series that documents have.
    fn numbered(&mut self, events: &[Recorded]) -> Result<(), Error> {
        for recorded in events {
            if let Event::Issued { series, place, .. } = &recorded.event {
                self.advance(series, *place)?;
            }
        }
        Ok(())
    }

    /// The place in a number series, and where an answer stands.
    fn noted(&mut self, series: Option<(Name, u64)>, answer: Option<AnswerEntry>, at: Address) -> Result<(), Error> {
        if let Some((series, place)) = series {
            self.advance(&series, place)?;
        }
        if let Some(answer) = answer {
            let record = AnswerRecord { record: at, at: answer.at };
            self.writes.insert(keys::answer(&answer.answer_key()), Some(Value::Answer(record)));
        }
        Ok(())
    }

    /// A case as it stands after what was applied.
    pub(super) fn case(&self, id: CaseId) -> Result<Option<Arc<CaseRecord>>, Error> {
        if let Some(Some(Value::Case(record))) = self.writes.get(&keys::case(id)) {
            return Ok(Some(Arc::clone(record)));
        }
        let _still = self.state.still();
        self.state.case(id)
    }

    /// The case that has a unique value after what was applied.
    pub(super) fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        self.read(&keys::hold(hold))
    }

    /// The answer that stands under the key of an answer, unless it was only just given.
    pub(super) fn answer(&self, key: &[u8]) -> Result<Option<Answer>, Error> {
        if let Some(None) = self.writes.get(key) {
            return Ok(None);
        }
        let still = self.state.still();
        let record = self.state.answer(key)?;
        drop(still);
        record.map(|record| answer_at(self.journal, record.record)).transpose()
    }

    /// Reads a value after what was applied.
    pub(super) fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        match self.writes.get(key) {
            Some(written) => written.as_ref().map(|value| decoded(key, value)).transpose(),
            None => {
                let _still = self.state.still();
                self.state.read(key)
            }
        }
    }

    /// Forgets answers that were given before a moment; says whether there were any.
    pub(super) fn forget(&mut self, before: Timestamp) -> Result<bool, Error> {
        let old = |value: &Option<Value>| matches!(value, Some(Value::Answer(record)) if record.at < before);
        let given: Vec<_> = self.writes.iter().filter(|(_, value)| old(value)).map(|(key, _)| key.clone()).collect();
        let mut forgotten = self.state.forget(before)?;
        forgotten.extend(given.into_iter().map(|key| (key, None)));
        let any = !forgotten.is_empty();
        self.writes.extend(forgotten);
        Ok(any)
    }

    pub(super) fn put<T: Stored>(&mut self, key: Vec<u8>, value: &T) -> Result<(), Error> {
        let value = Value::of(&key, value)?;
        self.writes.insert(key, Some(value));
        Ok(())
    }

    /// Writes the entries of the index that really change, and gives all that the case has now.
    fn reindex(&mut self, id: CaseId, before: Option<&CaseRecord>, add: Vec<Parts>, remove: Vec<Parts>) -> Vec<Parts> {
        let old = before.map(|record| record.index.as_slice()).unwrap_or_default();
        if add.is_empty() && remove.is_empty() {
            return old.to_vec();
        }
        let mut new: BTreeSet<Parts> = old.iter().filter(|entry| !remove.contains(entry)).cloned().collect();
        new.extend(add);
        for entry in old.iter().filter(|entry| !new.contains(*entry)) {
            self.writes.insert(keys::index(&IndexKey::from_parts(entry.clone()), id), None);
        }
        for entry in new.iter().filter(|entry| !old.contains(entry)) {
            self.writes.insert(keys::index(&IndexKey::from_parts(entry.clone()), id), Some(Value::Mark));
        }
        new.into_iter().collect()
    }

    /// Gives back and takes unique values, and gives all that the case has now.
    fn rehold(
        &mut self,
        id: CaseId,
        before: Option<&CaseRecord>,
        take: Vec<Parts>,
        release: Vec<Parts>,
    ) -> Result<Vec<Parts>, Error> {
        let old = before.map(|record| record.holds.as_slice()).unwrap_or_default();
        if take.is_empty() && release.is_empty() {
            return Ok(old.to_vec());
        }
        let mut new: BTreeSet<Parts> = old.iter().filter(|hold| !release.contains(hold)).cloned().collect();
        new.extend(take);
        for hold in old.iter().filter(|hold| !new.contains(*hold)) {
            self.writes.insert(hold_key(hold), None);
        }
        for hold in new.iter().filter(|hold| !old.contains(hold)) {
            self.put(hold_key(hold), &id)?;
        }
        Ok(new.into_iter().collect())
    }

    /// Writes when the case wants to be woken, where that changes.
    fn retime(
        &mut self,
        id: CaseId,
        before: Option<&CaseRecord>,
        add: Option<Timestamp>,
        remove: Option<Timestamp>,
    ) -> Option<Timestamp> {
        if let Some(old) = remove {
            self.writes.insert(keys::wake(old, id), None);
        }
        if let Some(new) = add {
            self.writes.insert(keys::wake(new, id), Some(Value::Mark));
        }
        add.or(before.and_then(|before| before.due).filter(|old| remove != Some(*old)))
    }

    fn advance(&mut self, series: &str, place: u64) -> Result<(), Error> {
        let key = keys::series(series);
        let used: u64 = self.read(&key)?.unwrap_or(0);
        if place > used { self.put(key, &place) } else { Ok(()) }
    }
}

/// The answer in a record of the journal.
pub(super) fn answer_at(journal: &Journal, at: Address) -> Result<Answer, Error> {
    let record = journal.read(at)?;
    let (entry, behind) = super::entry::decode(at, &record.body)?;
    let body = std::str::from_utf8(behind).map_err(|error| damaged(at, error.to_string()))?;
    match entry {
        Entry::Case(CaseEntry { answer: Some(answer), .. }) => Ok(answer.with_body(body)),
        Entry::Case(_)
        | Entry::Rows { .. }
        | Entry::Key(_)
        | Entry::File { .. }
        | Entry::Live { .. }
        | Entry::Forget { .. }
        | Entry::Pools { .. }
        | Entry::Notice { .. }
        | Entry::Delivery(_)
        | Entry::Progress { .. } => Err(damaged(at, "no answer was given there")),
    }
}

fn folded(entry: &CaseEntry, at: Address, before: Option<&CaseRecord>) -> Result<Case, Error> {
    let before = before.map(|record| Case::clone(&record.case));
    let version = before.as_ref().map_or(0, |case| case.version);
    let follows = entry.events.iter().zip(version.saturating_add(1)..).all(|(event, next)| event.version == next);
    let fold = |case, event| engine::evolve(entry.case, case, event);
    let case = entry.events.iter().fold(before, fold).filter(|_| follows);
    case.ok_or_else(|| damaged(at, format!("its events don't follow version {version} of case {}", entry.case)))
}

fn hold_key((workflow, field, value): &Parts) -> Vec<u8> {
    keys::hold(&Hold { workflow: Name::clone(workflow), field: Name::clone(field), value: Name::clone(value) })
}
