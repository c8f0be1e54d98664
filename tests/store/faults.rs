//! What is left when writing fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gendan::store::journal::Options;
use gendan::store::{Applying, Error, Fault, Item, Memory, Outcome, Position, Store};

use crate::bed::{Bed, Draft, answer, answer_key, comment, entry, event, id, opened, unique};

fn open(number: u64) -> Item {
    let name = format!("W{number}");
    let draft = Draft::open(id(number), &name).hold(&unique(&name)).index(&[entry("stage", "new")], &[]);
    draft.series("w", number).answer(&answer_key(&name), &answer(&name, 1)).into()
}

#[test]
fn a_failed_commit_writes_nothing_and_the_next_one_works() {
    let store = Memory::new();
    store.fault(2, Fault::Fail);
    store.commit(vec![open(1)]).unwrap();
    assert!(matches!(store.commit(vec![open(2), open(3)]), Err(Error::Io(_))));
    assert_eq!(store.position(), Position(1));
    assert_eq!(store.case(id(2)).unwrap(), None);
    assert_eq!(store.commit(vec![open(2)]).unwrap(), [Outcome::Done(Position(2))]);
    Bed::Memory(store).sound();
}

#[test]
fn what_was_torn_is_not_seen_and_survives_whole_or_not_at_all() {
    for seed in 0..12 {
        let store = Memory::new();
        store.fault(2, Fault::Tear);
        store.commit(vec![open(1)]).unwrap();
        assert!(store.commit(vec![open(2), open(3)]).is_err());
        assert_eq!(store.case(id(2)).unwrap(), None);
        assert_eq!(store.holder(&unique("W2")).unwrap(), None);
        assert_eq!(store.answer(&answer_key("W2")).unwrap(), None);
        assert_eq!(store.position(), Position(1));
        assert_eq!(store.log(Position(0), 10).unwrap().len(), 1);
        let after = Bed::Memory(store.crash_to(seed, Options::default(), Applying::Thread).unwrap());
        let found = after.scan(None);
        assert!([vec![id(1)], vec![id(3), id(2), id(1)]].contains(&found), "{found:?}");
        assert_eq!(after.store().series("w").unwrap(), u64::try_from(found.len()).unwrap());
        after.sound();
    }
}

#[test]
fn after_a_torn_commit_the_next_one_takes_its_place() {
    for later in [vec![open(4)], vec![open(2), open(3)]] {
        let store = Memory::new();
        store.fault(1, Fault::Tear);
        assert!(store.commit(vec![open(2), open(3)]).is_err());
        let count = u64::try_from(later.len()).unwrap();
        assert_eq!(store.commit(later).unwrap().last(), Some(&Outcome::Done(Position(count))));
        for seed in 0..6 {
            let after = Bed::Memory(store.crash_to(seed, Options::default(), Applying::Thread).unwrap());
            assert_eq!(after.store().position(), Position(count));
            after.sound();
        }
    }
}

#[test]
fn a_stalled_commit_lets_readers_read_and_goes_on_later() {
    let store = Memory::new();
    store.commit(vec![open(1)]).unwrap();
    store.fault(1, Fault::Stall);
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| store.commit(vec![open(2)]));
        while !store.stalled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!commit.is_finished());
        store.resume();
        assert_eq!(commit.join().unwrap().unwrap(), [Outcome::Done(Position(2))]);
    });
    assert!(store.case(id(2)).unwrap().is_some());
}

/// Whatever group the disk fails at, in whatever way: what was acknowledged is there, in whole groups, and beside
/// it at most the group whose outcome was never told.
#[test]
fn every_point_of_failure_leaves_whole_groups() {
    const GROUPS: u64 = 8;
    for fault in [Fault::Fail, Fault::Tear] {
        for nth in 1..=GROUPS {
            let store = Memory::new();
            store.fault(nth, fault);
            let groups = (0..GROUPS).map(|group| [group * 2 + 1, group * 2 + 2]);
            let acknowledged: Vec<u64> = groups
                .take_while(|cases| store.commit(cases.iter().copied().map(open).collect()).is_ok())
                .flatten()
                .collect();
            let after = Bed::Memory(store.crash_to(nth, Options::default(), Applying::Thread).unwrap());
            let mut found: Vec<_> = after.scan(None);
            found.reverse();
            let expected: Vec<_> = acknowledged.iter().copied().map(id).collect();
            assert!(found.starts_with(&expected), "{fault:?} at {nth}: {found:?}");
            assert!([0, 2].contains(&(found.len() - expected.len())), "{fault:?} at {nth}: {found:?}");
            assert_eq!(after.log().len(), found.len());
            after.sound();
        }
    }
}

/// A case that is stored in pieces is read whole while it is written.
#[test]
fn readers_see_whole_groups() {
    for bed in [Bed::memory(), Bed::folder()] {
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| read_texts(bed.store(), &ended))).collect();
            write_texts(&bed);
            ended.store(true, Ordering::Relaxed);
            assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
        });
        bed.sound();
    }
}

fn read_texts(store: &dyn Store, ended: &AtomicBool) -> u64 {
    let mut reads = 0;
    while !ended.load(Ordering::Relaxed) || reads == 0 {
        let Some(case) = store.case(id(1)).unwrap() else { continue };
        let text = case.fields.text("text").unwrap_or("-");
        let letter = text.chars().next().unwrap();
        assert!(text.chars().all(|other| other == letter));
        let events = store.history(id(1), 0, 100).unwrap().len();
        assert!(events >= usize::try_from(case.version).unwrap());
        reads += 1;
    }
    reads
}

fn write_texts(bed: &Bed) {
    let mut history = vec![event(1, opened("W"))];
    bed.one(Draft::open(id(1), "W"));
    for (letter, length) in ('a'..='z').zip([100, 30_000, 9_000, 60_000].into_iter().cycle()) {
        let mut changes = gendan::model::Changes::default();
        changes.set.set("text".into(), gendan::model::Value::text(&letter.to_string().repeat(length)));
        let edited = gendan::model::Event::Edited { changes, comment: None };
        let draft = Draft::after(id(1), &history, vec![edited, comment("x")]);
        history.extend(draft.0.events.iter().cloned());
        bed.one(draft);
    }
}

/// Waits until `done`, which another thread will bring about.
fn until(done: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not happen");
}

#[test]
fn a_state_that_breaks_while_it_is_used_is_built_again_beside_the_work() {
    let store = Memory::new();
    for number in 1..20 {
        store.commit(vec![open(number)]).unwrap();
    }
    store.kv().damage("a page is gone");
    store.commit(vec![open(20)]).unwrap();
    until(|| store.health().notices.iter().any(|notice| notice.contains("built again from the journal")));
    assert_eq!(store.health().trouble, None);
    assert_eq!(store.commit(vec![open(21)]).unwrap(), [Outcome::Done(Position(21))]);
    Bed::Memory(store).sound();
}

#[test]
fn a_state_that_takes_nothing_holds_up_nobody_until_memory_is_full_and_recovers() {
    let store = Memory::new();
    store.kv().fail(3);
    store.commit(vec![open(1)]).unwrap();
    until(|| store.health().trouble.is_some());
    assert_eq!(store.commit(vec![open(2)]).unwrap(), [Outcome::Done(Position(2))]);
    assert!(store.case(id(1)).unwrap().is_some() && store.case(id(2)).unwrap().is_some());
    until(|| store.health().trouble.is_none());
    Bed::Memory(store).sound();
}
