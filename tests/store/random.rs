//! Any groups at all, against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use gendan::engine;
use gendan::model::{CaseId, Pool, Recorded, Timestamp};
use gendan::store::{Answer, Fault, IndexKey, Item, Outcome, Position};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::bed::{Bed, Draft, answer, answer_key, comment, entry, id, opened, unique};
use crate::pools::{enough, released, reserved, set};

const CASES: u64 = 3;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// A command on cases, each of them once.
#[derive(Clone, Debug)]
struct Command {
    parts: Vec<Part>,
    /// A case that it was decided on, and so many versions behind.
    reads: Option<(u64, u64)>,
    answer: Option<usize>,
}

/// What a command does to a case; numbers stand for names.
#[derive(Clone, Debug)]
struct Part {
    case: u64,
    behind: u64,
    events: usize,
    add: Vec<usize>,
    remove: Vec<usize>,
    hold: Vec<usize>,
    release: Vec<usize>,
    series: u64,
    due: Option<i64>,
    /// The pool of which it wants to hold more, or less, and by how much.
    pool: Option<(usize, i64)>,
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Command>),
    Fault(bool, Vec<Command>),
    Forget,
    Set(usize, i64),
    Reopen,
}

fn part() -> impl Strategy<Value = Part> {
    let names = || prop::collection::vec(0..NAMES.len(), 0..3);
    let rare = prop_oneof![4 => Just(0_u64), 1 => Just(1)];
    let pool = prop::option::weighted(0.5, (0..NAMES.len(), prop_oneof![3 => 1..5_i64, 1 => -3..0_i64]));
    let rest = (0..5_u64, prop::option::of(-2..3_i64), pool);
    (0..CASES, rare, 0..4_usize, names(), names(), names(), names(), rest).prop_map(
        |(case, behind, events, add, remove, hold, release, (series, due, pool))| Part {
            case,
            behind,
            events,
            add,
            remove,
            hold,
            release,
            series,
            due,
            pool,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let parts = prop_oneof![3 => prop::collection::vec(part(), 1), 1 => prop::collection::vec(part(), 2..4)];
    let reads = prop::option::weighted(0.2, (0..CASES, prop_oneof![3 => Just(0_u64), 1 => Just(1)]));
    let answer = prop::option::weighted(0.2, 0..NAMES.len());
    (parts, reads, answer).prop_map(|(mut parts, reads, answer)| {
        let mut seen = BTreeSet::new();
        parts.retain(|part| seen.insert(part.case));
        Command { parts, reads, answer }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let group = || prop::collection::vec(command(), 1..5);
    prop_oneof![
        8 => group().prop_map(Step::Commit),
        2 => (any::<bool>(), group()).prop_map(|(tear, group)| Step::Fault(tear, group)),
        1 => Just(Step::Forget),
        2 => (0..NAMES.len(), 0..8_i64).prop_map(|(pool, on_hand)| Step::Set(pool, on_hand)),
        1 => Just(Step::Reopen),
    ]
}

/// What should be stored.
#[derive(Clone, Debug, Default)]
struct Model {
    histories: BTreeMap<CaseId, Vec<Recorded>>,
    index: BTreeSet<(usize, CaseId)>,
    holders: BTreeMap<usize, CaseId>,
    answers: BTreeMap<usize, Answer>,
    series: u64,
    log: Vec<(CaseId, u64)>,
    dues: BTreeMap<CaseId, Option<i64>>,
    on_hand: BTreeMap<usize, i64>,
    /// What each case holds of each pool.
    held: BTreeMap<(CaseId, usize), i64>,
    /// Items that were written.
    written: usize,
}

impl Model {
    fn apply(&mut self, command: &Command) -> (Item, Outcome) {
        let mut drafts: Vec<Draft> = command.parts.iter().map(|part| self.draft(part)).collect();
        let events: Vec<_> = drafts.iter().map(|draft| draft.0.events.clone()).collect();
        let body = format!("the answer at {}", self.log.len());
        let first = drafts.remove(0);
        let mut draft = drafts.into_iter().fold(first, Draft::with_leans);
        if let Some((case, behind)) = command.reads {
            draft = draft.reads(id(case), self.version(case).saturating_sub(behind));
        }
        if let Some(name) = command.answer {
            draft = draft.answer(&answer_key(NAMES[name]), &answer(&body, 5));
        }
        let item = draft.into();
        if let Some(refused) = self.refused(command) {
            return (item, refused);
        }
        for (part, new) in command.parts.iter().zip(events) {
            self.accept(part, new.to_vec());
        }
        self.answers.extend(command.answer.map(|name| (name, answer(&body, 5))));
        (item, Outcome::Done(self.position()))
    }

    fn version(&self, case: u64) -> u64 {
        u64::try_from(self.histories.get(&id(case)).map_or(0, Vec::len)).unwrap()
    }

    fn draft(&self, part: &Part) -> Draft {
        let case = id(part.case);
        let history = self.histories.get(&case).cloned().unwrap_or_default();
        let seen = self.version(part.case).saturating_sub(part.behind);
        let known = &history[..usize::try_from(seen).unwrap()];
        let mut events = vec![comment("x"); part.events.max(usize::from(seen == 0))];
        if seen == 0 {
            events[0] = opened("W");
        }
        let moved = self.moved(part);
        events.extend(moved.map(|(pool, more)| match more {
            1.. => reserved(NAMES[pool], &more.to_string()),
            _ => released(NAMES[pool], &(-more).to_string()),
        }));
        let entries = |names: &[usize]| names.iter().map(|name| entry("stage", NAMES[*name])).collect::<Vec<_>>();
        let mut draft = Draft::after(case, known, events).index(&entries(&part.add), &entries(&part.remove));
        draft = part.hold.iter().fold(draft, |draft, name| draft.hold(&unique(NAMES[*name])));
        draft = part.release.iter().fold(draft, |draft, name| draft.release(&unique(NAMES[*name])));
        if let Some((pool, more @ 1..)) = moved {
            let own = self.own(case, pool);
            draft = draft.leans(enough(NAMES[pool], &own.to_string(), &(own + more).to_string()));
        }
        part.due.into_iter().fold(draft.series("s", part.series), Draft::due)
    }

    fn own(&self, case: CaseId, pool: usize) -> i64 {
        self.held.get(&(case, pool)).copied().unwrap_or_default()
    }

    fn sum(&self, pool: usize) -> i64 {
        self.held.iter().filter(|((_, of), _)| *of == pool).map(|(_, held)| held).sum()
    }

    /// The pool that a part moves, and by how much: it gives back at most what it holds.
    fn moved(&self, part: &Part) -> Option<(usize, i64)> {
        let (pool, more) = part.pool?;
        let more = more.max(-self.own(id(part.case), pool));
        (more != 0).then_some((pool, more))
    }

    /// The first pool of which there is not enough, for one part or for all of them together.
    fn short(&self, command: &Command) -> Option<usize> {
        let moved: Vec<(usize, i64)> = command.parts.iter().filter_map(|part| self.moved(part)).collect();
        let on_hand = |pool: usize| self.on_hand.get(&pool).copied().unwrap_or_default();
        let lacks = |pool: usize, more: i64| self.sum(pool) + more > on_hand(pool);
        let wanted: Vec<(usize, i64)> = moved.iter().copied().filter(|(_, more)| *more > 0).collect();
        let one = wanted.iter().find(|(pool, more)| lacks(*pool, *more)).map(|(pool, _)| *pool);
        let all = |pool: usize| moved.iter().filter(|(of, _)| *of == pool).map(|(_, more)| more).sum();
        let pools: BTreeSet<usize> = wanted.iter().map(|(pool, _)| *pool).collect();
        one.or_else(|| pools.into_iter().find(|pool| lacks(*pool, all(*pool))))
    }

    /// Why nothing of a command is written.
    fn refused(&self, command: &Command) -> Option<Outcome> {
        if let Some(known) = command.answer.and_then(|name| self.answers.get(&name)) {
            return Some(Outcome::Answered(known.clone()));
        }
        let seen = command.reads.into_iter().chain(command.parts.iter().map(|part| (part.case, part.behind)));
        for (case, behind) in seen {
            let version = self.version(case);
            if behind > 0 && version > 0 {
                return Some(Outcome::Moved { version });
            }
        }
        let mut holders = self.holders.clone();
        let mut wanted = command.parts.iter().flat_map(|part| part.hold.iter().map(|name| (*name, id(part.case))));
        let held = wanted.find_map(|(name, case)| {
            let by = *holders.entry(name).or_insert(case);
            (by != case).then(|| Outcome::Held { hold: unique(NAMES[name]), by })
        });
        let short = |pool: usize| Outcome::Short { resource: "stock".into(), key: NAMES[pool].into() };
        held.or_else(|| self.short(command).map(short))
    }

    fn accept(&mut self, part: &Part, new: Vec<Recorded>) {
        let case = id(part.case);
        self.holders.retain(|name, by| *by != case || !part.release.contains(name));
        self.holders.extend(part.hold.iter().map(|name| (*name, case)));
        self.index.retain(|(name, other)| *other != case || !part.remove.contains(name));
        self.index.extend(part.add.iter().map(|name| (*name, case)));
        self.series = self.series.max(part.series);
        self.dues.insert(case, part.due);
        if let Some((pool, more)) = self.moved(part) {
            *self.held.entry((case, pool)).or_default() += more;
        }
        self.written += 1;
        self.log.extend(new.iter().map(|event| (case, event.version)));
        self.histories.entry(case).or_default().extend(new);
    }

    fn position(&self) -> Position {
        Position(u64::try_from(self.log.len()).unwrap())
    }

    fn compare_pools(&self, bed: &Bed) {
        let store = bed.store();
        for (pool, text) in NAMES.iter().enumerate() {
            let found: Pool = store.pool("stock", text).unwrap();
            let on_hand = self.on_hand.get(&pool).copied().unwrap_or_default();
            let known = (Decimal::from(on_hand), Decimal::from(self.sum(pool)));
            assert_eq!((found.on_hand(Decimal::ZERO), found.held), known);
            let holders = store.holders("stock", text, None, 10).unwrap();
            let own = self.held.iter().rev().filter(|((_, of), held)| *of == pool && **held > 0);
            assert_eq!(holders, own.map(|((case, _), held)| (*case, Decimal::from(*held))).collect::<Vec<_>>());
        }
    }

    fn compare(&self, bed: &Bed) {
        let store = bed.store();
        for case in (0..CASES).map(id) {
            let history = self.histories.get(&case).cloned().unwrap_or_default();
            assert_eq!(store.case(case).unwrap(), engine::fold(case, &history).map(Into::into));
            assert_eq!(bed.history(case), history);
        }
        for (name, text) in NAMES.iter().enumerate() {
            assert_eq!(store.holder(&unique(text)).unwrap(), self.holders.get(&name).copied());
            assert_eq!(store.answer(&answer_key(text)).unwrap(), self.answers.get(&name).cloned());
            let cases = self.index.iter().rev().filter(|(other, _)| *other == name).map(|(_, case)| *case);
            assert_eq!(bed.scan(Some(entry("stage", text))), cases.collect::<Vec<_>>());
        }
        let mut counts: BTreeMap<IndexKey, u64> = BTreeMap::new();
        self.index.iter().for_each(|(name, _)| *counts.entry(entry("stage", NAMES[*name])).or_default() += 1);
        assert_eq!(store.counts().unwrap(), counts.into_iter().collect::<Vec<_>>());
        assert_eq!(bed.scan(None), self.histories.keys().rev().copied().collect::<Vec<_>>());
        let log: Vec<_> = bed.log().iter().map(|logged| (logged.case, logged.recorded.version)).collect();
        assert_eq!(log, self.log);
        let dues: BTreeSet<_> = self.dues.iter().filter_map(|(case, due)| Some((Timestamp((*due)?), *case))).collect();
        let stored: Vec<_> = store.due(None, Timestamp(i64::MAX), 10).unwrap();
        assert_eq!(stored, dues.into_iter().collect::<Vec<_>>());
        self.compare_pools(bed);
        assert_eq!(store.series("s").unwrap(), self.series);
        assert_eq!(store.position(), self.position());
        bed.sound();
    }
}

fn run(mut bed: Bed, steps: Vec<Step>) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Commit(group) => {
                let (items, outcomes): (Vec<_>, Vec<_>) = group.iter().map(|command| model.apply(command)).unzip();
                assert_eq!(bed.commit(items), outcomes);
            }
            Step::Fault(tear, group) => fail(&mut bed, &mut model, tear, &group),
            Step::Forget => {
                model.answers.clear();
                bed.one(Item::ForgetAnswers { before: Timestamp(6) });
            }
            Step::Set(pool, on_hand) => {
                model.on_hand.insert(pool, on_hand);
                bed.one(set(NAMES[pool], &on_hand.to_string()));
            }
            Step::Reopen => bed.reopen(),
        }
        model.compare(&bed);
    }
    bed.reopen();
    model.compare(&bed);
}

/// A group whose write fails: after a crash it is as if it had never been. Only memory can be told to fail.
fn fail(bed: &mut Bed, model: &mut Model, tear: bool, group: &[Command]) {
    let Bed::Memory(store) = &bed else { return };
    let mut after = model.clone();
    let items: Vec<Item> = group.iter().map(|command| after.apply(command).0).collect();
    let writes = after.written > model.written;
    if writes {
        store.fault(1, if tear { Fault::Tear } else { Fault::Fail });
    }
    assert_eq!(bed.store().commit(items).is_err(), writes);
    bed.reopen();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_does_as_the_model(steps in prop::collection::vec(step(), 1..14)) {
        run(Bed::memory(), steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sled_does_as_the_model(steps in prop::collection::vec(step(), 1..14)) {
        run(Bed::folder(), steps);
    }
}
