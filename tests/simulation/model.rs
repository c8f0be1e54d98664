//! What should be stored: too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use gendan::engine;
use gendan::model::{Name, Recorded, Revision, Timestamp};
use gendan::store::{Answer, Error, Item, KeyRecord, Outcome, Position, Scan, Store};
use gendan::workflow::Files;

use crate::draft::{Draft, answer, answer_key, comment, entry, id, opened, record, unique};
use crate::work::{Command, Part};

/// How many cases there may be.
pub(crate) const CASES: u64 = 5;
/// The names of everything else.
pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What should be stored; numbers stand for names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    histories: BTreeMap<u64, Vec<Recorded>>,
    index: BTreeSet<(usize, u64)>,
    holders: BTreeMap<usize, u64>,
    answers: BTreeMap<usize, Answer>,
    /// Answers that may be forgotten: those that were written into the state together go together, with the last.
    lapsed: BTreeMap<usize, Answer>,
    series: BTreeMap<usize, u64>,
    rows: BTreeMap<usize, u64>,
    keys: BTreeMap<usize, KeyRecord>,
    live: Option<(Revision, Files)>,
    log: Vec<(u64, u64)>,
    /// How many commands there were.
    clock: i64,
}

impl Model {
    /// What a group is, what should become of it, and what should be stored then. The store is asked only which
    /// of the lapsed answers it still has.
    pub(crate) fn after(&self, group: &[Part], store: &dyn Store) -> (Vec<Item>, Vec<Outcome>, Self) {
        let mut after = self.clone();
        after.lapsed.retain(|name, _| store.answer(&answer_key(NAMES[*name])).unwrap().is_some());
        let (items, outcomes) = group.iter().map(|part| after.apply(part)).unzip();
        (items, outcomes, after)
    }

    /// The first thing in which a store is not what it should be.
    pub(crate) fn differs(&self, store: &dyn Store) -> Option<String> {
        let look = self.look(store);
        look.wrong.or_else(|| look.damaged.into_iter().next())
    }

    /// Looks at everything.
    pub(crate) fn look(&self, store: &dyn Store) -> Look {
        let mut look = Look::default();
        self.cases(store, &mut look);
        self.names(store, &mut look);
        self.rest(store, &mut look);
        look
    }

    fn apply(&mut self, part: &Part) -> (Item, Outcome) {
        let item = match part {
            Part::Command(command) => return self.command(command),
            Part::Rows { put, remove, text } => self.change_rows(put, remove, *text),
            Part::Key { number, last4 } => {
                let key = key(*number, *last4);
                self.keys.insert(*number, key.clone());
                Item::Key(key)
            }
            Part::Live { number } => {
                let (revision, files) = definitions(*number);
                self.live = Some((revision.clone(), files.clone()));
                Item::Live { revision, files, at: Timestamp(1) }
            }
            Part::Forget { behind } => {
                let before = Timestamp(self.clock - behind);
                let old = self.answers.extract_if(.., |_, answer| answer.at < before);
                self.lapsed.extend(old);
                Item::ForgetAnswers { before }
            }
        };
        (item, Outcome::Done(self.position()))
    }

    fn command(&mut self, command: &Command) -> (Item, Outcome) {
        self.clock += 1;
        let given = answer(&format!("{}, the {}th", command.case, self.clock), self.clock);
        let parts = || std::iter::once(command).chain(&command.others);
        let drafts: Vec<Draft> = parts().map(|part| draft(part, self.seen(part), &given)).collect();
        let events: Vec<_> = drafts.iter().map(|draft| draft.0.events.clone()).collect();
        let mut draft = drafts.into_iter().reduce(Draft::with).unwrap();
        if let Some((case, behind)) = command.reads {
            draft = draft.reads(id(case), self.version(case).saturating_sub(behind));
        }
        let item = draft.into();
        if let Some(refused) = self.refused(command) {
            return (item, refused);
        }
        parts().zip(events).for_each(|(part, new)| self.accept(part, &new));
        self.answers.extend(command.answer.map(|name| (name, given)));
        (item, Outcome::Done(self.position()))
    }

    fn version(&self, case: u64) -> u64 {
        u64::try_from(self.histories.get(&case).map_or(0, Vec::len)).unwrap()
    }

    /// What a command has seen of its case.
    fn seen(&self, command: &Command) -> &[Recorded] {
        let seen = self.version(command.case).saturating_sub(command.behind);
        let history = self.histories.get(&command.case).map(Vec::as_slice).unwrap_or_default();
        &history[..usize::try_from(seen).unwrap()]
    }

    /// Why nothing of a command is written.
    fn refused(&self, command: &Command) -> Option<Outcome> {
        let known = command.answer.and_then(|name| self.answers.get(&name).or_else(|| self.lapsed.get(&name)));
        if let Some(known) = known {
            return Some(Outcome::Answered(known.clone()));
        }
        let parts = || std::iter::once(command).chain(&command.others);
        let seen = command.reads.into_iter().chain(parts().map(|part| (part.case, part.behind)));
        let mut moved = seen.filter(|(case, behind)| *behind > 0 && self.version(*case) > 0);
        if let Some((case, _)) = moved.next() {
            return Some(Outcome::Moved { version: self.version(case) });
        }
        let mut holders = self.holders.clone();
        let mut wanted = parts().flat_map(|part| part.hold.iter().map(|name| (*name, part.case)));
        wanted.find_map(|(name, case)| {
            let by = *holders.entry(name).or_insert(case);
            (by != case).then(|| Outcome::Held { hold: unique(NAMES[name]), by: id(by) })
        })
    }

    fn accept(&mut self, command: &Command, new: &[Recorded]) {
        let case = command.case;
        self.holders.retain(|name, by| *by != case || !command.release.contains(name));
        self.holders.extend(command.hold.iter().map(|name| (*name, case)));
        self.index.retain(|(name, other)| *other != case || !command.remove.contains(name));
        self.index.extend(command.add.iter().map(|name| (*name, case)));
        if let Some((name, place)) = command.series.filter(|(_, place)| *place > 0) {
            let used = self.series.entry(name).or_default();
            *used = place.max(*used);
        }
        self.log.extend(new.iter().map(|event| (case, event.version)));
        self.histories.entry(case).or_default().extend(new.iter().cloned());
    }

    fn change_rows(&mut self, put: &[usize], remove: &[usize], text: u64) -> Item {
        self.rows.retain(|name, _| !remove.contains(name));
        self.rows.extend(put.iter().map(|name| (*name, text)));
        Item::Rows {
            table: "t".into(),
            put: put.iter().map(|name| (NAMES[*name].into(), record("text", &text.to_string()))).collect(),
            remove: remove.iter().map(|name| NAMES[*name].into()).collect(),
        }
    }

    fn position(&self) -> Position {
        Position(u64::try_from(self.log.len()).unwrap())
    }

    fn cases(&self, store: &dyn Store, look: &mut Look) {
        for case in 0..CASES {
            let history = self.histories.get(&case).cloned().unwrap_or_default();
            let snapshot = engine::fold(id(case), &history).map(Arc::new);
            let found = store.history(id(case), 0, usize::MAX);
            let found = found.map(|found| found.into_iter().map(|logged| logged.recorded).collect());
            look.same(&format!("case {case}"), store.case(id(case)), snapshot);
            look.same(&format!("the history of case {case}"), found, history);
        }
        let scan = Scan { limit: 100, ..Scan::default() };
        look.same("all cases", store.scan(&scan), self.histories.keys().rev().copied().map(id).collect());
        let log = store.log(Position(0), usize::MAX);
        let log =
            log.map(|log| log.into_iter().map(|logged| (logged.case, logged.recorded.version)).collect::<Vec<_>>());
        look.same("the log", log, self.log.iter().map(|(case, version)| (id(*case), *version)).collect());
    }

    fn names(&self, store: &dyn Store, look: &mut Look) {
        for (name, text) in NAMES.iter().enumerate() {
            let index = self.index.iter().rev().filter(|(other, _)| *other == name).map(|(_, case)| id(*case));
            let scan = Scan { index: Some(entry("stage", text)), before: None, limit: 100 };
            look.same(&format!("the index of {text}"), store.scan(&scan), index.collect());
            let holder = self.holders.get(&name).copied().map(id);
            look.same(&format!("the holder of {text}"), store.holder(&unique(text)), holder);
            let given = store.answer(&answer_key(text));
            let lapsed = given.as_ref().is_ok_and(|given| given.is_some() && given.as_ref() == self.lapsed.get(&name));
            let answer = self.answers.get(&name).or_else(|| self.lapsed.get(&name).filter(|_| lapsed));
            look.same(&format!("the answer under {text}"), given, answer.cloned());
            let series = self.series.get(&name).copied().unwrap_or_default();
            look.same(&format!("the series {text}"), store.series(text), series);
        }
    }

    fn rest(&self, store: &dyn Store, look: &mut Look) {
        let found = store.rows().map(|rows| rows.into_iter().map(|(_, key, row)| (key, row)).collect());
        let row = |(name, text): (&usize, &u64)| (Name::from(NAMES[*name]), record("text", &text.to_string()));
        let rows: BTreeMap<_, _> = self.rows.iter().map(row).collect();
        look.same("the rows", found, rows);
        look.same("the keys", store.keys(), self.keys.values().cloned().collect());
        look.same("the live definitions", store.live(), self.live.clone());
        look.same("the position", Ok(store.position()), self.position());
    }
}

/// What was seen in a store.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The first thing that is not what it should be.
    pub(crate) wrong: Option<String>,
    /// What says of itself that it is damaged.
    pub(crate) damaged: Vec<String>,
}

impl Look {
    fn same<T: PartialEq + Debug>(&mut self, what: &str, found: Result<T, Error>, expected: T) {
        match found {
            Ok(found) if found == expected => {}
            Err(Error::Damaged { place, reason }) => self.damaged.push(format!("{what}: {place}: {reason}")),
            found => {
                let mut told = format!("{what}: found {found:?}, expected {expected:?}");
                told.truncate(told.floor_char_boundary(2_000));
                self.wrong.get_or_insert(told);
            }
        }
    }
}

fn draft(command: &Command, known: &[Recorded], given: &Answer) -> Draft {
    let entries = |names: &[usize]| names.iter().map(|name| entry("stage", NAMES[*name])).collect::<Vec<_>>();
    let text = |(text, bytes): &(u64, usize)| comment(&format!("{text} {}", "x".repeat(*bytes)));
    let mut events: Vec<_> = command.events.iter().map(text).collect();
    if known.is_empty() {
        events[0] = opened(&format!("W{}", command.events[0].0));
    }
    let mut draft = Draft::after(id(command.case), known, events);
    draft = draft.index(&entries(&command.add), &entries(&command.remove));
    draft = command.hold.iter().fold(draft, |draft, name| draft.hold(&unique(NAMES[*name])));
    draft = command.release.iter().fold(draft, |draft, name| draft.release(&unique(NAMES[*name])));
    draft = command.series.iter().fold(draft, |draft, (name, place)| draft.series(NAMES[*name], *place));
    command.answer.iter().fold(draft, |draft, name| draft.answer(&answer_key(NAMES[*name]), given))
}

fn key(number: usize, last4: u64) -> KeyRecord {
    KeyRecord {
        id: NAMES[number].into(),
        secret_sha256: "aa".into(),
        last4: last4.to_string().as_str().into(),
        user: "li".into(),
        roles: ["sales".into()].into(),
        created_at: Timestamp(1),
        expires_at: None,
        revoked_at: None,
    }
}

/// A set of definitions; sets share some of their files.
fn definitions(number: u64) -> (Revision, Files) {
    let own: Arc<[u8]> = format!("definitions {number} {}", "y".repeat(300)).into_bytes().into();
    let shared: Arc<[u8]> = format!("shared {}", number / 2).into_bytes().into();
    let files: [(Name, Arc<[u8]>); 2] = [("workflows/own.yaml".into(), own), ("rules/shared.rhai".into(), shared)];
    (Revision(format!("r{number}").as_str().into()), files.into())
}
