//! Verifying: is what is stored what the events say, and are the events those that were written?

use std::collections::BTreeSet;

use crate::engine;
use crate::model::CaseId;

use super::codec::{self, AnswerRecord, CaseRecord, FIRST_LINK, FileRecord, HoldRecord, LogRecord, RowRecord};
use super::kv::Kv;
use super::ledger::Ledger;
use super::{Damage, Error, Position, Scan, Store, keys};

/// Cases that one page takes.
const PAGE_CASES: usize = 256;

/// Compares everything with everything; see [`Store::verify`].
pub(super) fn verify<K: Kv>(ledger: &Ledger<K>, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
    let mut check = Check { ledger, end: ledger.position(), damage: Vec::new(), reached: BTreeSet::new(), events: 0 };
    progress(0, check.end.0);
    check.cases(progress)?;
    check.log()?;
    check.indexes()?;
    check.holds()?;
    check.rest()?;
    progress(check.end.0, check.end.0);
    Ok(check.damage)
}

struct Check<'a, K> {
    ledger: &'a Ledger<K>,
    /// Where the log ended at the beginning; what comes later is not looked at.
    end: Position,
    damage: Vec<Damage>,
    /// The records to which a case led.
    reached: BTreeSet<Position>,
    /// How many events were folded.
    events: u64,
}

impl<K: Kv> Check<'_, K> {
    fn found(&mut self, case: Option<CaseId>, what: impl Into<String>) {
        self.damage.push(Damage { case, what: what.into() });
    }

    /// Keeps a value, or notes why it can't be read. That a disk fails is no damage, but the end of verifying.
    fn readable<T>(&mut self, case: Option<CaseId>, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error @ (Error::Damaged { .. } | Error::Newer { .. } | Error::TooLarge(_))) => {
                self.found(case, error.to_string());
                Ok(None)
            }
            Err(error @ (Error::Io(_) | Error::InUse(_))) => Err(error),
        }
    }

    fn cases(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let mut scan = Scan { index: None, before: None, limit: PAGE_CASES };
        loop {
            let page = self.ledger.scan(&scan)?;
            let Some(last) = page.last() else { return Ok(()) };
            scan.before = Some(*last);
            for id in page {
                let _still = self.ledger.still();
                self.case(id)?;
                progress(self.events.min(self.end.0), self.end.0);
            }
        }
    }

    fn case(&mut self, id: CaseId) -> Result<(), Error> {
        let snapshot = self.ledger.snapshot(id);
        let Some(Some(snapshot)) = self.readable(Some(id), snapshot)? else { return Ok(()) };
        let chain = self.chain(id, &snapshot);
        if let Some(chain) = self.readable(Some(id), chain)? {
            self.history(id, &snapshot, &chain);
        }
        for entry in snapshot.index_keys() {
            if self.ledger.kv.get(&keys::index(&entry, id))?.is_none() {
                self.found(Some(id), format!("its index entry {} `{}` is missing", entry.facet, entry.value));
            }
        }
        for hold in snapshot.hold_keys() {
            let holder = self.ledger.holder(&hold);
            if self.readable(Some(id), holder)?.is_some_and(|holder| holder != Some(id)) {
                self.found(Some(id), format!("its unique {} `{}` is not noted as its own", hold.field, hold.value));
            }
        }
        Ok(())
    }

    /// The records of a case, oldest first, with their links checked.
    fn chain(&mut self, id: CaseId, snapshot: &CaseRecord) -> Result<Vec<LogRecord>, Error> {
        let mut chain = Vec::new();
        let mut next = Some(snapshot.last);
        while let Some(position) = next {
            let missing = || codec::damaged(&keys::log(position), format!("a record of case {id} is missing"));
            let (record, bytes) = self.ledger.log_record(position)?.ok_or_else(missing)?;
            self.reached.insert(position);
            next = record.previous.filter(|previous| *previous < position);
            chain.push((position, record, bytes));
        }
        chain.reverse();
        let mut link = FIRST_LINK;
        for (position, record, bytes) in &chain {
            let (written, computed) = codec::links(&keys::log(*position), &link, bytes)?;
            if written != computed || record.case != id {
                let what = format!("log record {} is not the one that was written: its hash does not fit", position.0);
                self.found(Some(id), what);
            }
            link = written;
        }
        if codec::hexadecimal(&link) != snapshot.link {
            self.found(Some(id), "the hash of its last record is not the one in its snapshot");
        }
        Ok(chain.into_iter().map(|(_, record, _)| record).collect())
    }

    fn history(&mut self, id: CaseId, snapshot: &CaseRecord, chain: &[LogRecord]) {
        let events = chain.iter().flat_map(|record| &record.events);
        let versions: Vec<u64> = events.clone().map(|event| event.version).collect();
        self.events = self.events.saturating_add(u64::try_from(versions.len()).unwrap_or(u64::MAX));
        if !versions.iter().copied().eq(1..=snapshot.case.version) {
            self.found(Some(id), format!("its events are not those from 1 to {}", snapshot.case.version));
        }
        if engine::fold(id, events).as_ref() != Some(&snapshot.case) {
            self.found(Some(id), "its snapshot is not what its events say");
        }
    }

    /// Each record begins where the one before it ends, and belongs to a case.
    fn log(&mut self) -> Result<(), Error> {
        let (mut expected, end) = (1, self.end);
        let mut entries = Vec::new();
        self.ledger.each(keys::log_from(Position(0)), &mut |key, bytes| {
            let record = codec::decode_log(key, &bytes).map(|record| record.events.len());
            entries.push((keys::log_position(key).unwrap_or_default(), record));
            Ok(())
        })?;
        for (position, events) in entries.into_iter().filter(|(position, _)| *position <= end) {
            if position.0 != expected {
                self.found(None, format!("the log goes on at {} instead of {expected}", position.0));
            }
            let events = self.readable(None, events)?.unwrap_or(1);
            expected = position.0.saturating_add(u64::try_from(events).unwrap_or(u64::MAX));
            if !self.reached.contains(&position) {
                self.found(None, format!("log record {} belongs to no case", position.0));
            }
        }
        if expected <= end.0 {
            self.found(None, format!("the log ends before {expected} instead of after {}", end.0));
        }
        Ok(())
    }

    /// No entry of the index leads to a case that should not be there.
    fn indexes(&mut self) -> Result<(), Error> {
        let ledger = self.ledger;
        let known = |key: &[u8]| {
            let id = keys::case_at_end(key);
            let snapshot = id.map_or(Ok(None), |id| ledger.snapshot(id));
            // A snapshot that can't be read was noted with its case.
            let Ok(snapshot) = snapshot else { return (id, true) };
            let has =
                |(id, record): (CaseId, &CaseRecord)| record.index_keys().any(|entry| keys::index(&entry, id) == key);
            (id, id.zip(snapshot.as_ref()).is_some_and(has))
        };
        let mut strays = Vec::new();
        ledger.each(keys::indexes(), &mut |key, _| {
            strays.extend((!known(key).1).then(|| key.to_vec()));
            Ok(())
        })?;
        self.strays(strays, &known, "index entry")
    }

    /// No unique value is noted for a case that does not have it.
    fn holds(&mut self) -> Result<(), Error> {
        let ledger = self.ledger;
        let known = |key: &[u8]| {
            let record = ledger.kv.get(key).ok().flatten().map(|bytes| codec::decode::<HoldRecord>(key, &bytes));
            let Some(Ok(record)) = record else { return (None, false) };
            let Ok(snapshot) = ledger.snapshot(record.case) else { return (Some(record.case), true) };
            let has = snapshot.is_some_and(|snapshot| snapshot.hold_keys().any(|hold| keys::hold(&hold) == key));
            (Some(record.case), has)
        };
        let mut strays = Vec::new();
        ledger.each(keys::holds(), &mut |key, _| {
            strays.extend((!known(key).1).then(|| key.to_vec()));
            Ok(())
        })?;
        self.strays(strays, &known, "unique value")
    }

    /// Looks again at what seemed to be nobody's, while nothing is written: a commit in between may have moved
    /// it.
    fn strays(
        &mut self,
        strays: Vec<Vec<u8>>,
        known: &impl Fn(&[u8]) -> (Option<CaseId>, bool),
        what: &str,
    ) -> Result<(), Error> {
        for key in strays {
            let _still = self.ledger.still();
            let (case, its_own) = known(&key);
            if !its_own && self.ledger.kv.get(&key)?.is_some() {
                self.found(case, format!("the {what} {} is none of its own", keys::show(&key)));
            }
        }
        Ok(())
    }

    /// Everything else can be read.
    fn rest(&mut self) -> Result<(), Error> {
        let mut broken = Vec::new();
        let mut note = |error: Option<Error>| broken.extend(error.map(|error| error.to_string()));
        self.ledger.each(keys::rows(), &mut |key, bytes| {
            note(codec::decode::<RowRecord>(key, &bytes).err());
            Ok(())
        })?;
        self.ledger.each(keys::api_keys(), &mut |key, bytes| {
            note(codec::decode::<super::KeyRecord>(key, &bytes).err());
            Ok(())
        })?;
        self.ledger.each(keys::answers(), &mut |key, bytes| {
            note(codec::decode::<AnswerRecord>(key, &bytes).err());
            Ok(())
        })?;
        self.ledger.each(keys::all_files(), &mut |key, bytes| {
            note(codec::decode::<FileRecord>(key, &bytes).err());
            Ok(())
        })?;
        for what in broken {
            self.found(None, what);
        }
        let live = self.ledger.live();
        self.readable(None, live).map(|_| ())
    }
}
