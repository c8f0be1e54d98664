//! What the model plays on: a store that judges versions, takes its time to become durable, and knows when it was
//! lied to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gendan::engine;
use gendan::model::world::Hold;
use gendan::model::{
    Case, CaseId, Changes, Event, Name, Notice, Pool, Record, Recorded, Revision, SendingId, Timestamp, Value,
};
use gendan::store::{
    Answer, AnswerKey, CaseItem, Damage, Delivery, Error, Health, IndexKey, Item, KeyRecord, Logged, Outcome, Position,
    Scan, Store, Waits, Wanted,
};
use gendan::sync::{Mutex, thread};
use gendan::workflow::Files;
use rust_decimal::Decimal;

/// The one row there is stands under this key.
pub(crate) const KEY: &str = "A";
/// What a row that is not there is called.
pub(crate) const GONE: &str = "gone";

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What was written, and what of it is durable.
    written: Kept,
    durable: Kept,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    versions: BTreeMap<CaseId, u64>,
    row: Option<Name>,
    /// Every value the row has ever had.
    rows: BTreeSet<Name>,
    position: u64,
}

impl Stage {
    /// The version of a case that readers see.
    pub(crate) fn version(&self, case: CaseId) -> u64 {
        self.state.lock().unwrap().written.versions.get(&case).copied().unwrap_or(0)
    }

    /// The version of a case that survives.
    pub(crate) fn durable_version(&self, case: CaseId) -> u64 {
        self.state.lock().unwrap().durable.versions.get(&case).copied().unwrap_or(0)
    }

    /// Whether the row durably had this value at some time.
    pub(crate) fn had_row(&self, row: &str) -> bool {
        row == GONE || self.state.lock().unwrap().durable.rows.contains(row)
    }
}

impl Kept {
    fn judge(&mut self, item: Item) -> Outcome {
        match item {
            Item::Command(command) => {
                let [item] = &command.cases[..] else { unreachable!("the model's commands have one case") };
                let version = self.versions.entry(item.case.id).or_insert(0);
                if *version != item.expected {
                    return Outcome::Moved { version: *version };
                }
                let now = self.row.as_deref().unwrap_or(GONE);
                assert_eq!(&*item.case.number, now, "{} was written on a row that is gone", item.case.id);
                *version = item.case.version;
                self.position += 1;
            }
            Item::Rows { put, remove, .. } => {
                if !remove.is_empty() {
                    self.row = None;
                }
                for (_, row) in put {
                    self.row = Some(row.text("value").unwrap().into());
                }
                self.rows.extend(self.row.clone());
            }
            Item::Key(_)
            | Item::Pools { .. }
            | Item::Progress { .. }
            | Item::Live { .. }
            | Item::ForgetAnswers { .. }
            | Item::Notice { .. }
            | Item::Delivery { .. } => {}
        }
        Outcome::Done(Position(self.position))
    }
}

impl Store for Stage {
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error> {
        if group.iter().any(|item| matches!(item, Item::Command(item) if item.cases[0].case.id == too_large())) {
            return Err(Error::TooLarge("the case is too large".to_owned()));
        }
        let mut state = self.state.lock().unwrap();
        let outcomes = group.into_iter().map(|item| state.written.judge(item)).collect();
        drop(state);
        thread::yield_now();
        let mut state = self.state.lock().unwrap();
        state.durable = state.written.clone();
        Ok(outcomes)
    }

    fn case(&self, _: CaseId) -> Result<Option<Arc<Case>>, Error> {
        Ok(None)
    }

    fn holder(&self, _: &Hold) -> Result<Option<CaseId>, Error> {
        Ok(None)
    }

    fn history(&self, _: CaseId, _: u64, _: usize) -> Result<Vec<Logged>, Error> {
        Ok(Vec::new())
    }

    fn log(&self, _: Position, _: usize) -> Result<Vec<Logged>, Error> {
        Ok(Vec::new())
    }

    fn position(&self) -> Position {
        Position(self.state.lock().unwrap().durable.position)
    }

    fn scan(&self, _: &Scan) -> Result<Vec<CaseId>, Error> {
        Ok(Vec::new())
    }

    fn counts(&self) -> Result<Vec<(IndexKey, u64)>, Error> {
        Ok(Vec::new())
    }

    fn due(&self, _: Option<(Timestamp, CaseId)>, _: Timestamp, _: usize) -> Result<Vec<(Timestamp, CaseId)>, Error> {
        Ok(Vec::new())
    }

    fn due_of(&self, _: CaseId) -> Result<Option<Timestamp>, Error> {
        Ok(None)
    }

    fn progress(&self, _: &str) -> Result<Option<Name>, Error> {
        Ok(None)
    }

    fn series(&self, _: &str) -> Result<u64, Error> {
        Ok(0)
    }

    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error> {
        Ok(Vec::new())
    }

    fn answer(&self, _: &AnswerKey) -> Result<Option<Answer>, Error> {
        Ok(None)
    }

    fn outbox(&self, _: &Wanted, _: usize) -> Result<Vec<Delivery>, Error> {
        Ok(Vec::new())
    }

    fn notice(&self, _: SendingId) -> Result<Option<Notice>, Error> {
        Ok(None)
    }

    fn keys(&self) -> Result<Vec<KeyRecord>, Error> {
        Ok(Vec::new())
    }

    fn live(&self) -> Result<Option<(Revision, Files)>, Error> {
        Ok(None)
    }

    fn pool(&self, _: &str, _: &str) -> Result<Pool, Error> {
        Ok(Pool::default())
    }

    fn pools(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<(Name, Pool)>, Error> {
        Ok(Vec::new())
    }

    fn holders(&self, _: &str, _: &str, _: Option<CaseId>, _: usize) -> Result<Vec<(CaseId, Decimal)>, Error> {
        Ok(Vec::new())
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn verify(&self, _: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error> {
        Ok(Vec::new())
    }
}

/// A case.
pub(crate) fn id(number: i64) -> CaseId {
    CaseId::new(number, 7)
}

/// The case that is always too large to be written.
pub(crate) fn too_large() -> CaseId {
    id(99)
}

/// A command on a case at a version, decided on a row. The case's number says which row that was.
pub(crate) fn command(id: CaseId, expected: u64, row: &str) -> Item {
    let event = Event::Opened {
        workflow: "w".into(),
        number: row.into(),
        stage: "new".into(),
        changes: Changes::default(),
        comment: None,
        parent: None,
    };
    let revision = Revision("r1".into());
    let recorded = Recorded {
        version: 1,
        at: Timestamp(0),
        by: "li".into(),
        on_behalf_of: None,
        revision,
        event,
        because: Vec::new(),
    };
    let case = Case { version: expected + 1, ..engine::fold(id, [&recorded]).unwrap() };
    Item::from(CaseItem {
        expected,
        events: [recorded].into(),
        case: case.into(),
        index_add: BTreeSet::new(),
        index_remove: BTreeSet::new(),
        hold: Vec::new(),
        release: Vec::new(),
        series: None,
        waits: Waits::default(),
        due: None,
    })
}

/// Puts the row, or takes it away.
pub(crate) fn change(row: &str) -> Item {
    let (mut put, mut remove) = (Vec::new(), Vec::new());
    if row == GONE {
        remove.push(KEY.into());
    } else {
        put.push((KEY.into(), [("value".into(), Value::text(row))].into_iter().collect()));
    }
    Item::Rows { table: "things".into(), put, remove }
}
