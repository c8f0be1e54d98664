//! Judging a group: each item after those before it, all of them into records of the journal and what follows
//! from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::resource::Lean;
use crate::model::world::Hold;
use crate::model::{CaseId, Name, Record, Revision, Timestamp};
use crate::workflow::Files;

use super::apply::Apply;
use super::codec::CaseRecord;
use super::entry::{self, AnswerEntry, CaseEntry, DeliveryEntry, Entry, Parts};
use super::journal::{Address, Draft, End, Journal};
use super::state::State;
use super::value::Changes;
use super::{Answer, AnswerKey, CaseItem, CommandItem, Error, IndexKey, Item, Outcome, PoolSet, Position, keys};

/// A group that is being judged.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// What follows from the items that were accepted.
    apply: Apply<'a>,
    /// Their records.
    drafts: Vec<Draft>,
    /// Where the next record will stand.
    next: Address,
    /// The position of the last event, those of the group too.
    tip: Position,
    /// Answers that this group gives: they can't be read from the journal yet.
    answers: BTreeMap<Vec<u8>, Answer>,
}

/// A group that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// Its records; none, when nothing is to be written.
    pub(super) drafts: Vec<Draft>,
    /// What follows from them.
    pub(super) changes: Changes,
}

impl<'a> Group<'a> {
    /// A group that begins where the journal ends.
    pub(super) fn new(state: &'a State, journal: &'a Journal, end: End) -> Self {
        let apply = Apply::new(state, journal);
        Self { apply, drafts: Vec::new(), next: end.address, tip: end.position, answers: BTreeMap::new() }
    }

    /// What is to be written.
    pub(super) fn done(self) -> Judged {
        Judged { drafts: self.drafts, changes: self.apply.done() }
    }

    /// Judges an item; what it writes is seen by those after it.
    pub(super) fn judge(&mut self, item: Item) -> Result<Outcome, Error> {
        match item {
            Item::Command(item) => return self.command(*item),
            Item::Rows { table, put, remove } => self.rows(table, put, remove)?,
            Item::Key(record) => self.write(Entry::Key(record), None)?,
            Item::Live { revision, files, at } => self.live(revision, files, at)?,
            Item::Pools { resource, put } => self.pools(resource, put)?,
            Item::ForgetAnswers { before } => {
                if self.apply.forget(before)? {
                    self.answers.retain(|_, answer| answer.at >= before);
                    self.draft(&Entry::Forget { before }, None, 0)?;
                }
            }
            Item::Notice { id, at, notice } => {
                if !self.apply.is_noticed(id)? {
                    self.write(Entry::Notice { id, at, notice: *notice }, None)?;
                }
            }
            Item::Delivery { id, at, change } => {
                if let Some(previous) = self.apply.follows(id, &change)? {
                    self.write(Entry::Delivery(DeliveryEntry { id, at, change, previous }), None)?;
                }
            }
            Item::Progress { of, reached } => self.write(Entry::Progress { of, reached }, None)?,
        }
        Ok(Outcome::Done(self.tip))
    }

    /// Judges all that a command does before any of it is accepted. Its records stand in one group of the journal,
    /// which is cut off whole when it is torn, so no part of a command survives without the rest.
    fn command(&mut self, item: CommandItem) -> Result<Outcome, Error> {
        let CommandItem { cases, reads, mut answer, files } = item;
        if let Some((key, _)) = &answer
            && let Some(answer) = self.answer(key)?
        {
            return Ok(Outcome::Answered(answer));
        }
        for (case, expected) in reads {
            let (_, version) = self.stand(case)?;
            if version != expected {
                return Ok(Outcome::Moved { version });
            }
        }
        let mut befores = Vec::with_capacity(cases.len());
        for item in &cases {
            let (before, version) = self.stand(item.case.id)?;
            if version != item.expected {
                return Ok(Outcome::Moved { version });
            }
            befores.push(before);
        }
        if let Some((hold, by)) = self.held(&cases)? {
            return Ok(Outcome::Held { hold, by });
        }
        for item in &cases {
            if let Some(lean) = self.fallen(&item.pools.leans)? {
                return Ok(Outcome::Short { resource: lean.resource, key: lean.key });
            }
        }
        // Each was judged on the pool as it was before the command, so together they may want more than there is.
        if let Some((resource, key)) = super::pool::shared(&cases) {
            return Ok(Outcome::Short { resource, key });
        }
        check(&cases)?;
        cases.iter().try_for_each(super::pool::granted)?;
        for (sha256, bytes) in files {
            self.file(&sha256, &bytes)?;
        }
        for (item, before) in cases.into_iter().zip(befores) {
            self.accept(item, before, answer.take())?;
        }
        Ok(Outcome::Done(self.tip))
    }

    /// A case as it stands, and its version.
    fn stand(&self, case: CaseId) -> Result<(Option<Arc<CaseRecord>>, u64), Error> {
        let record = self.apply.case(case)?;
        let version = record.as_ref().map_or(0, |record| record.case.version);
        Ok((record, version))
    }

    /// The first unique value that one of the cases wants to take and another case has, or takes before it.
    fn held(&self, cases: &[CaseItem]) -> Result<Option<(Hold, CaseId)>, Error> {
        let wanted =
            cases.iter().enumerate().flat_map(|(number, item)| item.hold.iter().map(move |hold| (number, hold)));
        for (number, hold) in wanted {
            let mut others = cases.iter().take(number).filter(|other| other.hold.contains(hold));
            let by = match others.next() {
                Some(other) => Some(other.case.id),
                None => self.apply.holder(hold)?.filter(|by| cases.get(number).is_none_or(|item| item.case.id != *by)),
            };
            if let Some(by) = by {
                return Ok(Some((hold.clone(), by)));
            }
        }
        Ok(None)
    }

    fn accept(
        &mut self,
        item: CaseItem,
        before: Option<Arc<CaseRecord>>,
        answer: Option<(AnswerKey, Answer)>,
    ) -> Result<(), Error> {
        let CaseItem { events, case, mut index_add, mut index_remove, hold, release, series, pools, due, .. } = item;
        pools.reindex(&case.workflow, before.as_deref(), &mut index_add, &mut index_remove);
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        // Only what really changes is written down, for it is counted.
        let has = |entry: &IndexKey| before.as_ref().is_some_and(|before| before.index_keys().any(|old| old == *entry));
        let index_remove = index_remove.into_iter().filter(|old| has(old) && !index_add.contains(old));
        let index_remove = index_remove.map(IndexKey::into_parts).collect();
        let index_add = index_add.into_iter().filter(|new| !has(new)).map(IndexKey::into_parts).collect();
        let old = before.as_ref().and_then(|before| before.due);
        let entry = CaseEntry {
            case: case.id,
            workflow: Name::clone(&case.workflow),
            previous: before.as_ref().map(|record| record.last),
            events,
            index_add,
            index_remove,
            hold: hold.into_iter().map(parts).collect(),
            release: release.into_iter().map(parts).collect(),
            series,
            answer: answer.as_ref().map(|(key, answer)| AnswerEntry::new(key, answer)),
            due_add: due.filter(|_| due != old),
            due_remove: old.filter(|_| due != old),
        };
        let entry = Entry::Case(entry);
        let at = self.draft(&entry, answer.as_ref().map(|(_, answer)| answer.body.as_bytes()), count)?;
        if let Entry::Case(entry) = entry {
            self.apply.case_entry(entry, at, before, Some(case))?;
        }
        if let Some((key, answer)) = answer {
            self.answers.insert(keys::answer(&key), answer);
        }
        self.tip = Position(self.tip.0.saturating_add(count));
        Ok(())
    }

    /// The first pool that does not say any more what a command leaned on.
    fn fallen(&self, leans: &[Lean]) -> Result<Option<Lean>, Error> {
        for lean in leans {
            if !lean.holds(&self.apply.pool(&lean.resource, &lean.key)?) {
                return Ok(Some(lean.clone()));
            }
        }
        Ok(None)
    }

    /// Sets pools; those that are so already are left alone.
    fn pools(&mut self, resource: Name, put: Vec<(Name, PoolSet)>) -> Result<(), Error> {
        // Of a pool that is named twice, what was said last counts.
        let mut said: BTreeMap<Name, PoolSet> = BTreeMap::new();
        put.into_iter().for_each(|(key, set)| said.entry(key).or_default().then(set));
        let mut changed = Vec::with_capacity(said.len());
        for (key, set) in said {
            let pool = self.apply.pool(&resource, &key)?;
            changed.extend((set.over(&pool) != pool).then_some((key, set)));
        }
        if changed.is_empty() { Ok(()) } else { self.write(Entry::Pools { resource, put: changed }, None) }
    }

    fn rows(&mut self, table: Name, put: Vec<(Name, Record)>, remove: Vec<Name>) -> Result<(), Error> {
        if put.is_empty() && remove.is_empty() {
            return Ok(());
        }
        self.write(Entry::Rows { table, put, remove }, None)
    }

    /// Keeps the files of a revision; those that are kept already are never written again.
    fn live(&mut self, revision: Revision, files: Files, at: Timestamp) -> Result<(), Error> {
        let mut named = Vec::with_capacity(files.len());
        for (path, bytes) in files {
            let sha256: Name = super::codec::hexadecimal(&Sha256::digest(&bytes)).into();
            self.file(&sha256, &bytes)?;
            named.push((path, sha256));
        }
        self.write(Entry::Live { revision, at, files: named }, None)
    }

    /// Keeps a file, unless it is kept already.
    fn file(&mut self, sha256: &Name, bytes: &[u8]) -> Result<(), Error> {
        if self.apply.read::<Address>(&keys::file(sha256))?.is_some() {
            return Ok(());
        }
        self.write(Entry::File { sha256: Name::clone(sha256) }, Some(bytes))
    }

    fn write(&mut self, entry: Entry, behind: Option<&[u8]>) -> Result<(), Error> {
        let at = self.draft(&entry, behind, 0)?;
        self.apply.entry(entry, at)
    }

    /// Adds a record; says where it will stand.
    fn draft(&mut self, entry: &Entry, behind: Option<&[u8]>, events: u64) -> Result<Address, Error> {
        let body = entry::encode(entry, behind)?;
        let at = self.next;
        self.next = Address(at.0.saturating_add(Journal::record_bytes(body.len())));
        self.drafts.push(Draft { events, body });
        Ok(at)
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        let key = keys::answer(key);
        match self.answers.get(&key) {
            Some(answer) => Ok(Some(answer.clone())),
            None => self.apply.answer(&key),
        }
    }
}

fn parts(hold: Hold) -> Parts {
    (hold.workflow, hold.field, hold.value)
}

/// What could not be read back is not written: each case stands once, and its events must follow the version it
/// expects and lead to the case after them.
fn check(cases: &[CaseItem]) -> Result<(), Error> {
    let damaged = |item: &CaseItem, reason| Err(Error::Damaged { place: format!("case {}", item.case.id), reason });
    for (number, item) in cases.iter().enumerate() {
        if cases.iter().take(number).any(|other| other.case.id == item.case.id) {
            return damaged(item, "one command would write it twice".to_owned());
        }
        let mut versions = item.expected.saturating_add(1)..;
        let follows = item.events.iter().all(|event| Some(event.version) == versions.next());
        let last = item.events.last().map_or(item.expected, |event| event.version);
        if !follows || last == 0 || last != item.case.version {
            return damaged(item, format!("its new events don't lead from version {} on", item.expected));
        }
    }
    Ok(())
}
