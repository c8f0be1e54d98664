//! Pools of resources: what is granted is there, in whatever group, and pools follow from what cases moved.

use std::collections::BTreeSet;

use gendan::model::resource::{Arrival, Demand, Lean, Said};
use gendan::model::{CaseId, Event, Pool};
use gendan::store::{CommandItem, Error, IndexKey, Item, Outcome, PoolSet, Position, WAITS};
use rust_decimal::Decimal;

use crate::bed::{Bed, Draft, comment, id, opened};

macro_rules! on_every_store {
    ($($check:ident)*) => {
        mod memory { $(#[test] fn $check() { super::$check(crate::bed::Bed::memory()); })* }
        mod folder { $(#[test] fn $check() { super::$check(crate::bed::Bed::folder()); })* }
    };
}

on_every_store! {
    a_grant_is_judged_after_those_before_it
    two_cases_of_one_command_never_share_a_pool
    what_a_decision_leaned_on_must_still_be_so
    pools_follow_what_cases_move
    a_pool_is_set_and_set_again
    a_reservation_that_nobody_judged_is_not_written
    who_waits_is_in_the_index
}

pub(crate) fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// So much is on hand in a pool.
pub(crate) fn set(key: &str, on_hand: &str) -> Item {
    let put = PoolSet { on_hand: Some(number(on_hand)), arrivals: None };
    Item::Pools { resource: "stock".into(), put: vec![(key.into(), put)] }
}

pub(crate) fn reserved(key: &str, quantity: &str) -> Event {
    Event::Reserved { resource: "stock".into(), quantities: [(key.into(), number(quantity))].into() }
}

fn consumed(key: &str, quantity: &str) -> Event {
    let quantities = [(key.into(), number(quantity))].into();
    Event::Consumed { resource: "stock".into(), quantities, used_as: None }
}

fn released(key: &str, quantity: &str) -> Event {
    Event::Released { resource: "stock".into(), quantities: [(key.into(), number(quantity))].into() }
}

fn lean(key: &str, said: Said) -> Lean {
    Lean { resource: "stock".into(), key: key.into(), said }
}

/// That there is enough for a case that holds so much already.
pub(crate) fn enough(key: &str, own: &str, wanted: &str) -> Lean {
    let (default, moved) = (Decimal::ZERO, Decimal::ZERO);
    lean(key, Said::Enough(Demand { default, own: number(own), moved, wanted: number(wanted), until: None }, true))
}

fn leaning(mut draft: Draft, leans: impl IntoIterator<Item = Lean>) -> Draft {
    draft.0.pools.leans.extend(leans);
    draft
}

/// Opens a case that reserves so much.
fn opening(number: u64, key: &str, quantity: &str) -> Item {
    let draft = Draft::after(id(number), &[], vec![opened(&format!("W{number}")), reserved(key, quantity)]);
    leaning(draft, [enough(key, "0", quantity)]).into()
}

fn short(key: &str) -> Outcome {
    Outcome::Short { resource: "stock".into(), key: key.into() }
}

fn pool(bed: &Bed, key: &str) -> Pool {
    bed.store().pool("stock", key).unwrap()
}

fn holders(bed: &Bed, key: &str) -> Vec<(CaseId, String)> {
    let holders = bed.store().holders("stock", key, None, 100).unwrap();
    holders.into_iter().map(|(id, held)| (id, held.to_string())).collect()
}

fn done(position: u64) -> Outcome {
    Outcome::Done(Position(position))
}

fn a_grant_is_judged_after_those_before_it(mut bed: Bed) {
    let group =
        [set("a", "10"), opening(1, "a", "6"), opening(2, "a", "4.5"), opening(3, "a", "4"), opening(4, "b", "1")];
    assert_eq!(bed.commit(group), [done(0), done(2), short("a"), done(4), short("b")]);
    for _ in 0..2 {
        assert_eq!((pool(&bed, "a").held, pool(&bed, "a").version), (number("10"), 3));
        assert_eq!(holders(&bed, "a"), [(id(3), "4".to_owned()), (id(1), "6".to_owned())]);
        assert_eq!(bed.store().case(id(2)).unwrap(), None);
        assert_eq!(pool(&bed, "b"), Pool::default());
        bed.sound();
        bed.reopen();
    }
}

fn two_cases_of_one_command_never_share_a_pool(bed: Bed) {
    bed.one(set("a", "10"));
    bed.one(set("b", "10"));
    let together = |other: &str| {
        let case = |item: Item| if let Item::Command(command) = item { command.cases } else { Vec::new() };
        let mut cases = case(opening(1, "a", "6"));
        cases.extend(case(opening(2, other, "6")));
        Item::Command(Box::new(CommandItem { cases, reads: Vec::new(), answer: None, files: Vec::new() }))
    };
    assert_eq!(bed.commit([together("a")]), [short("a")]);
    assert_eq!(pool(&bed, "a").held, number("0"));
    assert!(matches!(bed.commit([together("b")])[..], [Outcome::Done(_)]));
    assert_eq!((pool(&bed, "a").held, pool(&bed, "b").held), (number("6"), number("6")));
    bed.sound();
}

fn what_a_decision_leaned_on_must_still_be_so(bed: Bed) {
    bed.one(set("a", "10"));
    let comment = |number: u64, said: Said| {
        let draft = Draft::after(id(number), &[], vec![opened(&format!("W{number}"))]);
        Item::from(leaning(draft, [lean("a", said)]))
    };
    let demand = |wanted: &str| {
        let (default, own, moved) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        Demand { default, own, moved, wanted: number(wanted), until: None }
    };
    let group = [
        comment(1, Said::All(1)),
        opening(2, "a", "4"),
        comment(3, Said::All(1)),
        comment(4, Said::Enough(demand("6"), true)),
        comment(5, Said::Enough(demand("7"), true)),
        comment(6, Said::Enough(demand("7"), false)),
        comment(7, Said::All(2)),
    ];
    assert_eq!(bed.commit(group), [done(1), done(3), short("a"), done(4), short("a"), done(5), done(6)]);
    bed.sound();
}

fn pools_follow_what_cases_move(mut bed: Bed) {
    bed.commit([set("a", "10"), opening(1, "a", "6")]);
    let history = bed.history(id(1));
    let events = vec![consumed("a", "2.5"), released("a", "1"), reserved("a", "0.5")];
    let draft = Draft::after(id(1), &history, events);
    assert_eq!(bed.one(leaning(draft, [enough("a", "6", "3")])), done(5));
    let put = Event::Put { resource: "stock".into(), quantities: [("a".into(), number("20"))].into() };
    bed.one(Draft::after(id(2), &[], vec![opened("W2"), put]));
    for _ in 0..2 {
        let pool = pool(&bed, "a");
        assert_eq!((pool.held, pool.on_hand(Decimal::ZERO)), (number("3"), number("27.5")));
        assert_eq!(holders(&bed, "a"), [(id(1), "3".to_owned())]);
        bed.sound();
        bed.reopen();
    }
    let history = bed.history(id(1));
    bed.one(Draft::after(id(1), &history, vec![released("a", "3")]));
    assert_eq!((holders(&bed, "a"), pool(&bed, "a").held), (Vec::new(), Decimal::ZERO));
    bed.sound();
}

fn a_pool_is_set_and_set_again(mut bed: Bed) {
    bed.commit([set("a", "10"), opening(1, "a", "6"), set("b", "1"), set("a", "10.0")]);
    assert_eq!(pool(&bed, "a").version, 2, "to set it to what it is changes nothing");
    let arrival = Arrival { id: "po1".into(), on: "2026-10-01".parse().unwrap(), quantity: number("5") };
    let arrivals = PoolSet { on_hand: None, arrivals: Some(vec![arrival.clone()]) };
    let twice = PoolSet { on_hand: Some(number("4")), arrivals: None };
    let put = vec![("a".into(), arrivals), ("a".into(), twice)];
    bed.one(Item::Pools { resource: "stock".into(), put });
    for _ in 0..2 {
        // Less than is held: nothing more is granted, and nothing is taken away.
        let pool = pool(&bed, "a");
        assert_eq!(
            (pool.available(Decimal::ZERO), pool.version, &*pool.arrivals),
            (number("-2"), 3, &[arrival.clone()][..])
        );
        let keys: Vec<_> = bed.store().pools("stock", None, 9).unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a".into(), "b".into()]);
        assert_eq!(bed.store().pools("stock", Some("a"), 9).unwrap().len(), 1);
        assert_eq!(bed.store().pools("stoc", None, 9).unwrap(), []);
        bed.sound();
        bed.reopen();
    }
    assert_eq!(bed.one(opening(2, "a", "0.1")), short("a"));
}

fn a_reservation_that_nobody_judged_is_not_written(bed: Bed) {
    bed.one(set("a", "10"));
    let draft = Draft::after(id(1), &[], vec![opened("W1"), reserved("a", "1")]);
    let other = leaning(draft, [enough("b", "0", "0")]);
    let refused = bed.store().commit(vec![other.into()]);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    assert_eq!(pool(&bed, "a").held, Decimal::ZERO);
    bed.sound();
}

fn who_waits_is_in_the_index(mut bed: Bed) {
    let waits = |names: &[&str]| Some(names.iter().map(|name| (*name).into()).collect::<BTreeSet<_>>());
    let entry = |value: &str| Some(IndexKey { workflow: "w".into(), facet: WAITS.into(), value: value.into() });
    let mut draft = Draft::open(id(1), "W1");
    draft.0.pools.waits = waits(&["stock/a", "stock/b"]);
    bed.one(draft);
    assert_eq!(bed.scan(entry("stock/b")), [id(1)]);
    let mut draft = Draft::after(id(1), &bed.history(id(1)), vec![comment("x")]);
    draft.0.pools.waits = waits(&["stock/a"]);
    bed.one(draft);
    // What says nothing of it leaves it as it is.
    bed.one(Draft::after(id(1), &bed.history(id(1)), vec![comment("y")]));
    bed.reopen();
    assert_eq!((bed.scan(entry("stock/a")), bed.scan(entry("stock/b"))), (vec![id(1)], vec![]));
    let mut draft = Draft::after(id(1), &bed.history(id(1)), vec![comment("z")]);
    draft.0.pools.waits = waits(&[]);
    bed.one(draft);
    assert_eq!(bed.scan(entry("stock/a")), []);
    bed.sound();
}
