//! The stores under test, and drafts of what is written to them.

use std::collections::BTreeSet;

use gendan::engine;
use gendan::model::world::Hold;
use gendan::model::{CaseId, Changes, Event, Name, Record, Recorded, Revision, Timestamp, Value};
use gendan::store::{
    Answer, AnswerKey, CaseItem, IndexKey, Item, Logged, Memory, Outcome, Position, Scan, Sled, Store,
};
use tempfile::TempDir;

/// A store that can be closed and opened again.
pub enum Bed {
    Memory(Memory),
    Sled(TempDir, Option<Sled>),
}

impl Bed {
    pub fn memory() -> Self {
        Self::Memory(Memory::new())
    }

    pub fn sled() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sled::open(&folder.path().join("data"), true).unwrap();
        Self::Sled(folder, Some(store))
    }

    pub fn store(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store,
            Self::Sled(_, store) => store.as_ref().unwrap(),
        }
    }

    /// What the next process finds.
    pub fn reopen(&mut self) {
        match self {
            Self::Memory(store) => *store = store.crash().unwrap(),
            Self::Sled(folder, store) => {
                drop(store.take());
                *store = Some(Sled::open(&folder.path().join("data"), false).unwrap());
            }
        }
    }

    pub fn commit(&self, items: impl IntoIterator<Item = Item>) -> Vec<Outcome> {
        self.store().commit(items.into_iter().collect()).unwrap()
    }

    pub fn one(&self, item: impl Into<Item>) -> Outcome {
        self.commit([item.into()]).remove(0)
    }

    pub fn history(&self, id: CaseId) -> Vec<Recorded> {
        self.store().history(id, 0, usize::MAX).unwrap().into_iter().map(|logged| logged.recorded).collect()
    }

    pub fn log(&self) -> Vec<Logged> {
        self.store().log(Position(0), usize::MAX).unwrap()
    }

    pub fn scan(&self, index: Option<IndexKey>) -> Vec<CaseId> {
        self.store().scan(&Scan { index, before: None, limit: 1_000 }).unwrap()
    }

    #[track_caller]
    pub fn sound(&self) {
        let mut seen = Vec::new();
        let damage = self.store().verify(&mut |done, all| seen.push((done, all))).unwrap();
        assert_eq!(damage, []);
        let all = self.store().position().0;
        assert_eq!(seen.last(), Some(&(all, all)));
    }
}

/// A case item that is being written down.
pub struct Draft(pub CaseItem);

impl From<Draft> for Item {
    fn from(draft: Draft) -> Self {
        Self::Case(Box::new(draft.0))
    }
}

pub fn id(number: u64) -> CaseId {
    CaseId::new(1_000 + i64::try_from(number).unwrap(), 7)
}

pub fn event(version: u64, event: Event) -> Recorded {
    let revision = Revision("r1".into());
    Recorded { version, at: Timestamp(5_000), by: "li".into(), revision, event, because: Vec::new() }
}

pub fn opened(number: &str) -> Event {
    let mut changes = Changes::default();
    changes.set.set("amount".into(), Value::Integer(5));
    Event::Opened { workflow: "w".into(), number: number.into(), stage: "new".into(), changes, comment: None }
}

pub fn comment(text: &str) -> Event {
    Event::Commented { text: text.into() }
}

impl Draft {
    /// What opens a case.
    pub fn open(id: CaseId, number: &str) -> Self {
        Self::after(id, &[], vec![opened(number)])
    }

    /// What follows `before`.
    pub fn after(id: CaseId, before: &[Recorded], events: Vec<Event>) -> Self {
        let expected = u64::try_from(before.len()).unwrap();
        let events: Vec<Recorded> = (expected + 1..).zip(events).map(|(version, what)| event(version, what)).collect();
        let case = engine::fold(id, before.iter().chain(&events)).unwrap();
        Self(CaseItem {
            expected,
            events,
            case,
            index_add: BTreeSet::new(),
            index_remove: BTreeSet::new(),
            hold: Vec::new(),
            release: Vec::new(),
            series: None,
            answer: None,
        })
    }

    pub fn index(mut self, add: &[IndexKey], remove: &[IndexKey]) -> Self {
        self.0.index_add.extend(add.iter().cloned());
        self.0.index_remove.extend(remove.iter().cloned());
        self
    }

    pub fn hold(mut self, hold: &Hold) -> Self {
        self.0.hold.push(hold.clone());
        self
    }

    pub fn release(mut self, hold: &Hold) -> Self {
        self.0.release.push(hold.clone());
        self
    }

    pub fn series(mut self, series: &str, place: u64) -> Self {
        self.0.series = Some((series.into(), place));
        self
    }

    pub fn answer(mut self, key: &AnswerKey, answer: &Answer) -> Self {
        self.0.answer = Some((key.clone(), answer.clone()));
        self
    }
}

pub fn entry(facet: &str, value: &str) -> IndexKey {
    IndexKey { workflow: "w".into(), facet: facet.into(), value: value.into() }
}

pub fn unique(value: &str) -> Hold {
    Hold { workflow: "w".into(), field: "external_id".into(), value: value.into() }
}

pub fn answer_key(key: &str) -> AnswerKey {
    AnswerKey { actor: "li".into(), key: key.into() }
}

pub fn answer(body: &str, at: i64) -> Answer {
    let headers = vec![("etag".into(), "\"1\"".into())];
    Answer { fingerprint: "f".into(), at: Timestamp(at), status: 201, headers, body: body.into() }
}

pub fn record(field: &str, text: &str) -> Record {
    [(Name::from(field), Value::text(text))].into_iter().collect()
}
