//! Judging a group: each item after those before it, all of them into one batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::world::Hold;
use crate::model::{CaseId, Name, Record, Revision};
use crate::workflow::Files;

use super::codec::{
    self, AnswerRecord, CaseRecord, FIRST_LINK, FileRecord, HoldRecord, LiveRecord, LogRecord, RowRecord, Stored,
};
use super::kv::{self, Batch, Kv};
use super::{Answer, AnswerKey, CaseItem, Error, IndexKey, Item, Outcome, Position, keys};

/// Keys that one read of a range takes.
const RANGE_KEYS: usize = 1_024;

/// A group that is being judged.
#[derive(Debug)]
pub(super) struct Group<'a> {
    kv: &'a dyn Kv,
    /// What is to be written.
    pub(super) batch: Batch,
    /// The position of the last event, those of the group too.
    pub(super) tip: Position,
}

impl<'a> Group<'a> {
    /// A group that begins after a position.
    pub(super) fn new(kv: &'a dyn Kv, tip: Position) -> Self {
        Self { kv, batch: Batch::default(), tip }
    }

    /// Judges an item; what it writes is seen by those after it.
    pub(super) fn judge(&mut self, item: Item) -> Result<Outcome, Error> {
        match item {
            Item::Case(item) => return self.case(*item),
            Item::Rows { table, put, remove } => self.rows(&table, put, &remove)?,
            Item::Key(record) => self.batch.write(self.kv, keys::api_key(&record.id), &record)?,
            Item::Live { revision, files, at } => {
                let record = LiveRecord { revision, at, files: files.len() };
                self.files(&record.revision, files)?;
                self.batch.write(self.kv, keys::live(), &record)?;
            }
            Item::ForgetAnswers { before } => {
                let range = keys::expiries(before);
                self.forget(range)?;
            }
        }
        Ok(Outcome::Done(self.tip))
    }

    fn case(&mut self, item: CaseItem) -> Result<Outcome, Error> {
        if let Some((key, _)) = &item.answer
            && let Some(answer) = self.answer(key)?
        {
            return Ok(Outcome::Answered(answer));
        }
        let before: Option<CaseRecord> = self.read(&keys::case(item.case.id))?;
        let version = before.as_ref().map_or(0, |record| record.case.version);
        if version != item.expected {
            return Ok(Outcome::Moved { version });
        }
        for hold in &item.hold {
            if let Some(by) = self.holder(hold)?.filter(|by| *by != item.case.id) {
                return Ok(Outcome::Held { hold: hold.clone(), by });
            }
        }
        check(&item)?;
        self.accept(item, before)
    }

    fn accept(&mut self, item: CaseItem, before: Option<CaseRecord>) -> Result<Outcome, Error> {
        let id = item.case.id;
        let index = self.reindex(id, before.as_ref(), item.index_add, &item.index_remove)?;
        let holds = self.rehold(id, before.as_ref(), &item.hold, &item.release)?;
        if let Some((series, place)) = item.series {
            self.advance(&series, place)?;
        }
        if let Some((key, answer)) = item.answer {
            self.keep(key, answer)?;
        }
        let last = Position(self.tip.0.saturating_add(1));
        let events = u64::try_from(item.events.len()).unwrap_or(u64::MAX);
        let record = LogRecord {
            case: id,
            workflow: Name::clone(&item.case.workflow),
            previous: before.as_ref().map(|record| record.last),
            events: item.events.to_vec(),
        };
        let key = keys::log(last);
        let link = before.map_or(Ok(FIRST_LINK), |record| codec::parse_link(&key, &record.link))?;
        let (bytes, link) = codec::encode_log(&key, &link, &record)?;
        self.batch.put_new(key, bytes)?;
        let record =
            CaseRecord { case: Arc::unwrap_or_clone(item.case), last, link: codec::hexadecimal(&link), index, holds };
        self.batch.write(self.kv, keys::case(id), &record)?;
        self.tip = Position(self.tip.0.saturating_add(events));
        Ok(Outcome::Done(self.tip))
    }

    /// Writes the entries that really change, and gives all that the case has now.
    fn reindex(
        &mut self,
        id: CaseId,
        before: Option<&CaseRecord>,
        add: BTreeSet<IndexKey>,
        remove: &BTreeSet<IndexKey>,
    ) -> Result<Vec<(Name, Name, Name)>, Error> {
        let old: BTreeSet<IndexKey> = before.into_iter().flat_map(CaseRecord::index_keys).collect();
        let mut new: BTreeSet<IndexKey> = old.difference(remove).cloned().collect();
        new.extend(add);
        for entry in old.difference(&new) {
            self.batch.remove(self.kv, keys::index(entry, id))?;
        }
        for entry in new.difference(&old) {
            self.batch.mark(keys::index(entry, id));
        }
        Ok(new.into_iter().map(|entry| (entry.workflow, entry.facet, entry.value)).collect())
    }

    /// Gives back and takes unique values, and gives all that the case has now.
    fn rehold(
        &mut self,
        id: CaseId,
        before: Option<&CaseRecord>,
        take: &[Hold],
        release: &[Hold],
    ) -> Result<Vec<(Name, Name, Name)>, Error> {
        let old: BTreeSet<Hold> = before.into_iter().flat_map(CaseRecord::hold_keys).collect();
        let mut new = old.clone();
        for hold in release {
            new.remove(hold);
        }
        new.extend(take.iter().cloned());
        for hold in old.difference(&new) {
            self.batch.remove(self.kv, keys::hold(hold))?;
        }
        for hold in new.difference(&old) {
            self.batch.write(self.kv, keys::hold(hold), &HoldRecord { case: id, hold: parts(hold) })?;
        }
        Ok(new.iter().map(parts).collect())
    }

    fn advance(&mut self, series: &str, place: u64) -> Result<(), Error> {
        let key = keys::series(series);
        let used: u64 = self.read(&key)?.unwrap_or(0);
        if place > used { self.batch.write(self.kv, key, &place) } else { Ok(()) }
    }

    fn keep(&mut self, key: AnswerKey, answer: Answer) -> Result<(), Error> {
        let place = keys::answer(&key);
        self.batch.mark(keys::expiry(answer.at, &place));
        self.batch.write(self.kv, place, &AnswerRecord::new(key, answer))
    }

    fn rows(&mut self, table: &Name, put: Vec<(Name, Record)>, remove: &[Name]) -> Result<(), Error> {
        for key in remove {
            self.batch.remove(self.kv, keys::row(table, key))?;
        }
        for (key, row) in put {
            let place = keys::row(table, &key);
            self.batch.write(self.kv, place, &RowRecord { table: Name::clone(table), key, row })?;
        }
        Ok(())
    }

    /// Keeps the files of a revision; those it has already are never written again.
    fn files(&mut self, revision: &Revision, files: Files) -> Result<(), Error> {
        for (path, bytes) in files {
            let key = keys::file(revision, &path);
            if self.batch.get(self.kv, &key)?.is_none() {
                self.batch.write(self.kv, key, &FileRecord::new(path, &bytes))?;
            }
        }
        Ok(())
    }

    /// Removes the answers whose entries stand in a range, those given earlier in the group too.
    fn forget(&mut self, mut range: keys::KeyRange) -> Result<(), Error> {
        let given = self.batch.writes.range(range.from.clone()..range.to.clone());
        let mut entries: Vec<Vec<u8>> = given.map(|(key, _)| key.clone()).collect();
        loop {
            let page = self.kv.keys(&range, RANGE_KEYS)?;
            let last = page.last().cloned();
            entries.extend(page);
            match last {
                Some(last) => range = range.after(&last),
                None => break,
            }
        }
        for entry in entries {
            if let Some(answer) = keys::expiry_answer(&entry) {
                self.batch.remove(self.kv, answer.to_vec())?;
            }
            self.batch.remove(self.kv, entry)?;
        }
        Ok(())
    }

    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error> {
        let record: Option<AnswerRecord> = self.read(&keys::answer(key))?;
        Ok(record.map(|record| record.answer))
    }

    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error> {
        let record: Option<HoldRecord> = self.read(&keys::hold(hold))?;
        Ok(record.map(|record| record.case))
    }

    fn read<T: Stored>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        kv::read(&|key| self.batch.get(self.kv, key), key)
    }
}

fn parts(hold: &Hold) -> (Name, Name, Name) {
    (Name::clone(&hold.workflow), Name::clone(&hold.field), Name::clone(&hold.value))
}

/// What could not be read back is not written: an item's events must follow the version it expects and lead
/// to its case.
fn check(item: &CaseItem) -> Result<(), Error> {
    let follows =
        item.events.iter().zip(item.expected.saturating_add(1)..).all(|(event, version)| event.version == version);
    let last = item.events.last().map(|event| event.version);
    if follows && last == Some(item.case.version) {
        return Ok(());
    }
    let place = format!("case {}", item.case.id);
    Err(Error::Damaged { place, reason: format!("its new events don't lead from version {} on", item.expected) })
}
