//! Verifying: is the journal what was written, and is the state what the journal says?

mod outbox;
mod pools;

use sha2::{Digest as _, Sha256};

use crate::engine;
use crate::model::CaseId;

use super::codec::{self, AnswerRecord, CaseRecord, ExpiryRecord, LiveRecord, RowRecord};
use super::entry::CaseEntry;
use super::journal::{End, Record};
use super::keys::{self, KeyRange};
use super::ledger::Parts;
use super::state::{State, decoded};
use super::value::Value;
use super::{Damage, Error, IndexKey};

/// Cases that one page takes.
const PAGE_CASES: usize = 256;

/// Keys that one page takes, when they are only counted.
const PAGE_KEYS: usize = 4_096;

/// Compares everything with everything; see [`super::Store::verify`].
pub(super) fn verify(parts: &Parts, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
    let state = parts.state()?;
    let mut check = Check { parts, state, end: parts.journal.end(), damage: Vec::new(), events: 0 };
    progress(0, check.end.position.0);
    check.journal()?;
    check.cases(progress)?;
    check.indexes()?;
    check.counts()?;
    check.holds()?;
    check.pools()?;
    check.wakes()?;
    check.answers()?;
    check.outbox()?;
    check.rest()?;
    progress(check.end.position.0, check.end.position.0);
    Ok(check.damage)
}

struct Check<'a> {
    parts: &'a Parts,
    state: &'a State,
    /// Where the journal ended at the beginning; what comes later is not looked at.
    end: End,
    damage: Vec<Damage>,
    /// How many events were folded, of those before the end.
    events: u64,
}

impl Check<'_> {
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
            Err(error @ (Error::Io(_) | Error::InUse(_) | Error::Rebuilding { .. })) => Err(error),
        }
    }

    /// Every record of the journal has its checksum and its place in the chain.
    fn journal(&mut self) -> Result<(), Error> {
        let report = self.parts.journal.verify(&mut |_, _| ())?;
        for flaw in report.flaws {
            self.found(None, flaw.to_string());
        }
        Ok(())
    }

    fn cases(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let mut range = keys::cases();
        loop {
            let page = self.state.keys(&range, PAGE_CASES)?;
            let Some(last) = page.last() else { break };
            range = range.after(last);
            for key in page {
                match keys::case_at_end(&key) {
                    Some(id) => self.case(id)?,
                    None => self.found(None, format!("{} names no case", keys::show(&key))),
                }
                progress(self.events.min(self.end.position.0), self.end.position.0);
            }
        }
        if self.events != self.end.position.0 {
            let (events, all) = (self.events, self.end.position.0);
            self.found(None, format!("the cases have {events} of the {all} events in the journal"));
        }
        Ok(())
    }

    fn case(&mut self, id: CaseId) -> Result<(), Error> {
        let still = self.state.still();
        let read = self.state.case(id);
        drop(still);
        let Some(Some(snapshot)) = self.readable(Some(id), read)? else { return Ok(()) };
        let chain = self.chain(id, &snapshot);
        if let Some(chain) = self.readable(Some(id), chain)? {
            self.history(id, &snapshot, &chain);
            self.caused(id, &chain)?;
        }
        for entry in snapshot.index_keys() {
            if !self.there(&keys::index(&entry, id), id, &snapshot)? {
                self.found(Some(id), format!("its index entry {} `{}` is missing", entry.facet, entry.value));
            }
        }
        if let Some(due) = snapshot.due
            && !self.there(&keys::wake(due, id), id, &snapshot)?
        {
            self.found(Some(id), format!("that it wants to be woken at {due} is missing"));
        }
        self.documents(id, &snapshot)?;
        for hold in snapshot.hold_keys() {
            let holder: Result<Option<CaseId>, Error> = self.parts.read(&keys::hold(&hold));
            let others = self.readable(Some(id), holder)?.is_some_and(|holder| holder != Some(id));
            if others && self.unmoved(id, &snapshot)? {
                self.found(Some(id), format!("its unique {} `{}` is not noted as its own", hold.field, hold.value));
            }
        }
        self.case_holdings(id, &snapshot)
    }

    /// What was printed is still there, to the last byte.
    fn documents(&mut self, id: CaseId, snapshot: &CaseRecord) -> Result<(), Error> {
        for issued in snapshot.case.documents.values().flatten() {
            let bytes = self.parts.file(&issued.sha256);
            let Some(bytes) = self.readable(Some(id), bytes)? else { continue };
            if super::hexadecimal(&Sha256::digest(&bytes)) != *issued.sha256 {
                self.found(Some(id), format!("the document {} is not what was printed", issued.number));
            }
        }
        Ok(())
    }

    fn there(&self, key: &[u8], id: CaseId, snapshot: &CaseRecord) -> Result<bool, Error> {
        let still = self.state.still();
        let there = self.state.get(key)?.is_some();
        drop(still);
        Ok(there || !self.unmoved(id, snapshot)?)
    }

    /// Whether the case is still the one that was looked at: the work goes on meanwhile.
    fn unmoved(&self, id: CaseId, snapshot: &CaseRecord) -> Result<bool, Error> {
        let _still = self.state.still();
        Ok(self.state.case(id)?.is_some_and(|now| now.last == snapshot.last))
    }

    /// The records of a case, oldest first.
    fn chain(&self, id: CaseId, snapshot: &CaseRecord) -> Result<Vec<(Record, CaseEntry)>, Error> {
        let mut chain = Vec::new();
        let mut next = Some(snapshot.last);
        while let Some(at) = next {
            let (record, entry) = self.parts.record(at)?;
            if entry.case != id {
                return Err(super::entry::damaged(at, format!("it is not case {id}'s")));
            }
            next = entry.previous.filter(|previous| *previous < at);
            chain.push((record, entry));
        }
        chain.reverse();
        Ok(chain)
    }

    fn history(&mut self, id: CaseId, snapshot: &CaseRecord, chain: &[(Record, CaseEntry)]) {
        let before = chain.iter().filter(|(record, _)| record.position < self.end.position);
        let count = before.map(|(record, _)| record.events).fold(0, u64::saturating_add);
        self.events = self.events.saturating_add(count);
        let events = chain.iter().flat_map(|(_, entry)| entry.events.iter());
        if !events.clone().map(|event| event.version).eq(1..=snapshot.case.version) {
            self.found(Some(id), format!("its events are not those from 1 to {}", snapshot.case.version));
        }
        if engine::fold(id, events).as_ref() != Some(&*snapshot.case) {
            self.found(Some(id), "its snapshot is not what its events say");
        }
        let due = chain.iter().fold(None, |due, (_, entry)| entry.due_add.or(due.filter(|_| entry.due_remove != due)));
        if due != snapshot.due {
            self.found(Some(id), "the moment at which it wants to be woken is not what its records say");
        }
    }

    /// No entry of the index leads to a case that should not be there.
    fn indexes(&mut self) -> Result<(), Error> {
        let state = self.state;
        let known = |key: &[u8], _: &Value| {
            let id = keys::case_at_end(key);
            let snapshot = id.map_or(Ok(None), |id| state.case(id));
            // A snapshot that can't be read was noted with its case.
            let Ok(snapshot) = snapshot else { return (id, true) };
            let has =
                |(id, record): (CaseId, &CaseRecord)| record.index_keys().any(|entry| keys::index(&entry, id) == key);
            (id, id.zip(snapshot.as_deref()).is_some_and(has))
        };
        self.strays(keys::indexes(), &known, "index entry")
    }

    /// The counts are those of the keys. What does not fit is counted again while nobody commits.
    fn counts(&mut self) -> Result<(), Error> {
        if self.miscounted()?.is_empty() {
            return Ok(());
        }
        let parts = self.parts;
        let _writer = parts.writer();
        for what in self.miscounted()? {
            self.found(None, what);
        }
        Ok(())
    }

    fn miscounted(&self) -> Result<Vec<String>, Error> {
        let (mut wrong, mut sum) = (Vec::new(), 0);
        for (parts, count) in self.state.counts().each() {
            let entry = IndexKey::from_parts(parts.clone());
            let keys = self.count(keys::index_cases(&entry))?;
            sum += keys;
            if keys != count {
                wrong.push(format!("{count} cases are counted as {} `{}`; there are {keys}", entry.facet, entry.value));
            }
        }
        let all = self.count(keys::indexes())?;
        if all != sum {
            wrong.push(format!("{} entries of the index are in no count", all.saturating_sub(sum)));
        }
        Ok(wrong)
    }

    fn count(&self, mut range: KeyRange) -> Result<u64, Error> {
        let mut count = 0_u64;
        loop {
            let page = self.state.keys(&range, PAGE_KEYS)?;
            count = count.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            match page.last() {
                Some(last) if page.len() == PAGE_KEYS => range = range.after(last),
                _ => return Ok(count),
            }
        }
    }

    /// No unique value is noted for a case that does not have it.
    fn holds(&mut self) -> Result<(), Error> {
        let state = self.state;
        let known = |key: &[u8], value: &Value| {
            let Ok(id) = decoded::<CaseId>(key, value) else { return (None, false) };
            let Ok(snapshot) = state.case(id) else { return (Some(id), true) };
            let has = snapshot.is_some_and(|snapshot| snapshot.hold_keys().any(|hold| keys::hold(&hold) == key));
            (Some(id), has)
        };
        self.strays(keys::holds(), &known, "unique value")
    }

    /// Nobody is noted to be woken who does not want it.
    fn wakes(&mut self) -> Result<(), Error> {
        let state = self.state;
        let known = |key: &[u8], _: &Value| {
            let Some((at, id)) = keys::wake_parts(key) else { return (None, false) };
            let Ok(snapshot) = state.case(id) else { return (Some(id), true) };
            (Some(id), snapshot.is_some_and(|snapshot| snapshot.due == Some(at)))
        };
        self.strays(keys::wakes(), &known, "wake")
    }

    /// Notes what is nobody's. It is looked at again while nothing moves: a commit in between may have moved it.
    fn strays(
        &mut self,
        range: KeyRange,
        known: &impl Fn(&[u8], &Value) -> (Option<CaseId>, bool),
        what: &str,
    ) -> Result<(), Error> {
        let mut strays = Vec::new();
        self.state.each(range, &mut |key, value| {
            let _still = self.state.still();
            strays.extend((!known(key, &value).1).then(|| key.to_vec()));
            Ok(())
        })?;
        for key in strays {
            let still = self.state.still();
            let stray = self.state.get(&key)?.map(|value| known(&key, &value)).filter(|(_, its_own)| !its_own);
            drop(still);
            if let Some((case, _)) = stray {
                self.found(case, format!("the {what} {} is none of its own", keys::show(&key)));
            }
        }
        Ok(())
    }

    /// Every answer stands in the journal.
    fn answers(&mut self) -> Result<(), Error> {
        let mut broken = Vec::new();
        self.state.each(keys::answers(), &mut |key, value| {
            let read = decoded::<AnswerRecord>(key, &value);
            let read = read.and_then(|record| super::apply::answer_at(&self.parts.journal, record.record));
            broken.extend(read.err().map(|error| error.to_string()));
            Ok(())
        })?;
        broken.into_iter().for_each(|what| self.found(None, what));
        Ok(())
    }

    /// Everything else can be read.
    fn rest(&mut self) -> Result<(), Error> {
        let mut broken = Vec::new();
        let mut note = |error: Option<Error>| broken.extend(error.map(|error| error.to_string()));
        self.state.each(keys::rows(), &mut |key, value| {
            note(decoded::<RowRecord>(key, &value).err());
            Ok(())
        })?;
        self.state.each(keys::api_keys(), &mut |key, value| {
            note(decoded::<super::KeyRecord>(key, &value).err());
            Ok(())
        })?;
        self.state.each(keys::all_expiries(), &mut |key, value| {
            note(decoded::<ExpiryRecord>(key, &value).err());
            Ok(())
        })?;
        self.state.each(keys::progresses(), &mut |key, value| {
            note(decoded::<String>(key, &value).err());
            Ok(())
        })?;
        broken.into_iter().for_each(|what| self.found(None, what));
        let live = self.parts.read::<LiveRecord>(&keys::live());
        let Some(Some(live)) = self.readable(None, live)? else { return Ok(()) };
        for (path, sha256) in live.files {
            let file = self.parts.file(&sha256);
            let Some(bytes) = self.readable(None, file)? else { continue };
            let found = codec::hexadecimal(&Sha256::digest(&bytes));
            if found != *sha256 {
                self.found(None, format!("the file `{path}` of the live definitions is not the one that was written"));
            }
        }
        Ok(())
    }
}
