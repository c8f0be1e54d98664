//! The stores under test, and drafts of what is written to them.

use std::collections::BTreeSet;

use gendan::engine;
use gendan::model::world::Hold;
use gendan::model::{CaseId, Changes, Event, Name, Record, Recorded, Revision, Timestamp, Value};
use gendan::store::{
    Answer, AnswerKey, CaseItem, CommandItem, IndexKey, Item, Ledger, Logged, Memory, Outcome, PoolUse, Position, Scan,
    Store,
};
use tempfile::TempDir;

/// A store that can be closed and opened again.
pub(crate) enum Bed {
    Memory(Memory),
    Folder(TempDir, Option<Ledger>),
}

impl Bed {
    pub(crate) fn memory() -> Self {
        Self::Memory(Memory::new())
    }

    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Ledger::open(&folder.path().join("data"), true).unwrap();
        Self::Folder(folder, Some(store))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store,
            Self::Folder(_, store) => store.as_ref().unwrap(),
        }
    }

    /// What the next process finds.
    pub(crate) fn reopen(&mut self) {
        match self {
            Self::Memory(store) => *store = store.crash().unwrap(),
            Self::Folder(folder, store) => {
                drop(store.take());
                *store = Some(Ledger::open(&folder.path().join("data"), false).unwrap());
            }
        }
    }

    pub(crate) fn commit(&self, items: impl IntoIterator<Item = Item>) -> Vec<Outcome> {
        self.store().commit(items.into_iter().collect()).unwrap()
    }

    pub(crate) fn one(&self, item: impl Into<Item>) -> Outcome {
        self.commit([item.into()]).remove(0)
    }

    pub(crate) fn history(&self, id: CaseId) -> Vec<Recorded> {
        self.store().history(id, 0, usize::MAX).unwrap().into_iter().map(|logged| logged.recorded).collect()
    }

    pub(crate) fn log(&self) -> Vec<Logged> {
        self.store().log(Position(0), usize::MAX).unwrap()
    }

    pub(crate) fn scan(&self, index: Option<IndexKey>) -> Vec<CaseId> {
        self.store().scan(&Scan { index, before: None, limit: 1_000 }).unwrap()
    }

    #[track_caller]
    pub(crate) fn sound(&self) {
        let mut seen = Vec::new();
        let damage = self.store().verify(&mut |done, all| seen.push((done, all))).unwrap();
        assert_eq!(damage, []);
        let all = self.store().position().0;
        assert_eq!(seen.last(), Some(&(all, all)));
    }
}

/// A command's item that is being written down: what it does to its case, and the rest.
pub(crate) struct Draft(pub(crate) CaseItem, Rest);

/// What else a command does.
#[derive(Default)]
struct Rest {
    others: Vec<CaseItem>,
    reads: Vec<(CaseId, u64)>,
    answer: Option<(AnswerKey, Answer)>,
}

impl From<Draft> for Item {
    fn from(Draft(item, rest): Draft) -> Self {
        let cases = std::iter::once(item).chain(rest.others).collect();
        Self::Command(Box::new(CommandItem { cases, reads: rest.reads, answer: rest.answer, files: Vec::new() }))
    }
}

pub(crate) fn id(number: u64) -> CaseId {
    CaseId::new(1_000 + i64::try_from(number).unwrap(), 7)
}

pub(crate) fn event(version: u64, event: Event) -> Recorded {
    let revision = Revision("r1".into());
    Recorded {
        version,
        at: Timestamp(5_000),
        by: "li".into(),
        on_behalf_of: None,
        revision,
        event,
        because: Vec::new(),
    }
}

pub(crate) fn opened(number: &str) -> Event {
    let mut changes = Changes::default();
    changes.set.set("amount".into(), Value::Integer(5));
    let (workflow, number, stage) = ("w".into(), number.into(), "new".into());
    Event::Opened { workflow, number, stage, changes, comment: None, parent: None }
}

pub(crate) fn comment(text: &str) -> Event {
    Event::Commented { text: text.into() }
}

impl Draft {
    /// What opens a case.
    pub(crate) fn open(id: CaseId, number: &str) -> Self {
        Self::after(id, &[], vec![opened(number)])
    }

    /// What follows `before`.
    pub(crate) fn after(id: CaseId, before: &[Recorded], events: Vec<Event>) -> Self {
        let expected = u64::try_from(before.len()).unwrap();
        let events: Vec<Recorded> = (expected + 1..).zip(events).map(|(version, what)| event(version, what)).collect();
        let case = engine::fold(id, before.iter().chain(&events)).unwrap();
        let item = CaseItem {
            expected,
            events: events.into(),
            case: case.into(),
            index_add: BTreeSet::new(),
            index_remove: BTreeSet::new(),
            hold: Vec::new(),
            release: Vec::new(),
            series: None,
            pools: PoolUse::default(),
            due: None,
        };
        Self(item, Rest::default())
    }

    /// What the same command does to other cases.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.1.others.push(other.0);
        self
    }

    /// A case that the command was decided on.
    pub(crate) fn reads(mut self, case: CaseId, version: u64) -> Self {
        self.1.reads.push((case, version));
        self
    }

    pub(crate) fn index(mut self, add: &[IndexKey], remove: &[IndexKey]) -> Self {
        self.0.index_add.extend(add.iter().cloned());
        self.0.index_remove.extend(remove.iter().cloned());
        self
    }

    pub(crate) fn hold(mut self, hold: &Hold) -> Self {
        self.0.hold.push(hold.clone());
        self
    }

    pub(crate) fn release(mut self, hold: &Hold) -> Self {
        self.0.release.push(hold.clone());
        self
    }

    pub(crate) fn due(mut self, at: i64) -> Self {
        self.0.due = Some(Timestamp(at));
        self
    }

    pub(crate) fn series(mut self, series: &str, place: u64) -> Self {
        self.0.series = Some((series.into(), place));
        self
    }

    pub(crate) fn answer(mut self, key: &AnswerKey, answer: &Answer) -> Self {
        self.1.answer = Some((key.clone(), answer.clone()));
        self
    }
}

pub(crate) fn entry(facet: &str, value: &str) -> IndexKey {
    IndexKey { workflow: "w".into(), facet: facet.into(), value: value.into() }
}

pub(crate) fn unique(value: &str) -> Hold {
    Hold { workflow: "w".into(), field: "external_id".into(), value: value.into() }
}

pub(crate) fn answer_key(key: &str) -> AnswerKey {
    AnswerKey { actor: "li".into(), key: key.into() }
}

pub(crate) fn answer(body: &str, at: i64) -> Answer {
    let headers = vec![("etag".into(), "\"1\"".into())];
    Answer { fingerprint: "f".into(), at: Timestamp(at), status: 201, headers, body: body.into() }
}

pub(crate) fn record(field: &str, text: &str) -> Record {
    [(Name::from(field), Value::text(text))].into_iter().collect()
}
