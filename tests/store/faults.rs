//! What is left when writing fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gendan::store::{Error, Fault, Item, Memory, Outcome, Position, Store};

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
fn what_was_torn_is_not_acknowledged_and_does_not_survive() {
    let store = Memory::new();
    store.fault(2, Fault::Tear);
    store.commit(vec![open(1)]).unwrap();
    assert!(store.commit(vec![open(2), open(3)]).is_err());
    // It can be seen, but nothing that leads to an acknowledgement or a message shows it.
    assert!(store.case(id(2)).unwrap().is_some());
    assert_eq!(store.position(), Position(1));
    assert_eq!(store.log(Position(0), 10).unwrap().len(), 1);
    let after = Bed::Memory(store.crash().unwrap());
    assert_eq!(after.scan(None), [id(1)]);
    assert_eq!(after.store().holder(&unique("W2")).unwrap(), None);
    assert_eq!(after.store().series("w").unwrap(), 1);
    after.sound();
}

#[test]
fn what_was_torn_is_durable_once_a_later_commit_is() {
    for later in [vec![open(4)], vec![open(2)]] {
        let store = Memory::new();
        store.fault(1, Fault::Tear);
        assert!(store.commit(vec![open(2), open(3)]).is_err());
        let outcomes = store.commit(later).unwrap();
        let expected = [Outcome::Done(Position(3)), Outcome::Answered(answer("W2", 1))];
        assert!(expected.contains(&outcomes[0]), "{outcomes:?}");
        let after = Bed::Memory(store.crash().unwrap());
        assert_eq!(after.store().position(), store.position());
        assert!(after.store().case(id(2)).unwrap().is_some() && after.store().case(id(3)).unwrap().is_some());
        after.sound();
    }
}

#[test]
fn an_answer_is_given_again_only_when_it_is_durable() {
    let store = Memory::new();
    store.fault(1, Fault::Tear);
    assert!(store.commit(vec![open(1)]).is_err());
    assert_eq!(store.answer(&answer_key("W1")).unwrap(), Some(answer("W1", 1)));
    assert_eq!(store.crash().unwrap().answer(&answer_key("W1")).unwrap(), Some(answer("W1", 1)));
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

/// Whatever write the power fails at, in whatever way: what was acknowledged is there, in whole groups, and
/// nothing else.
#[test]
fn every_point_of_failure_leaves_whole_groups() {
    const GROUPS: u64 = 8;
    for fault in [Fault::Fail, Fault::Tear] {
        for nth in 1..=GROUPS {
            let store = Memory::new();
            store.fault(nth, fault);
            let mut acknowledged = Vec::new();
            for group in 0..GROUPS {
                let first = group * 2 + 1;
                match store.commit(vec![open(first), open(first + 1)]) {
                    Ok(_) => acknowledged.extend([first, first + 1]),
                    Err(_) => break,
                }
            }
            let after = Bed::Memory(store.crash().unwrap());
            let expected: Vec<_> = acknowledged.iter().rev().copied().map(id).collect();
            assert_eq!(after.scan(None), expected, "{fault:?} at {nth}");
            assert_eq!(after.log().len(), acknowledged.len());
            after.sound();
        }
    }
}

/// A case that is stored in pieces is read whole while it is written.
#[test]
fn readers_see_whole_groups() {
    for bed in [Bed::memory(), Bed::sled()] {
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
