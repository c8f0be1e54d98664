//! What every store does.

use std::collections::BTreeMap;
use std::sync::Arc;

use gendan::model::{CaseId, Name, Recorded, Revision, Timestamp};
use gendan::store::{Answer, AnswerKey, Item, KeyRecord, Outcome, Position, Scan};

use crate::bed::{Bed, Draft, answer, answer_key, comment, entry, event, id, opened, record, unique};

/// Runs each check on every backend.
macro_rules! on_every_store {
    ($($check:ident)*) => {
        mod memory { $(#[test] fn $check() { super::$check(crate::bed::Bed::memory()); })* }
        mod folder { $(#[test] fn $check() { super::$check(crate::bed::Bed::folder()); })* }
    };
}

on_every_store! {
    an_empty_store_knows_nothing
    a_case_reads_back_as_it_was_written
    a_lost_race_writes_nothing_and_tells_the_version
    a_case_may_move_twice_in_a_group
    a_unique_value_has_one_holder
    a_unique_value_is_judged_within_the_group
    a_command_on_several_cases_stands_or_falls_whole
    a_command_on_several_cases_is_read_back
    a_command_leans_on_the_versions_it_has_read
    a_released_value_can_be_taken_again
    an_answer_is_given_once_and_forgotten_in_time
    the_history_is_read_in_pages
    the_log_has_every_event_in_order
    cases_are_scanned_newest_first_in_pages
    an_index_entry_comes_and_goes
    a_series_never_goes_back
    rows_are_put_and_removed
    api_keys_are_kept_and_changed
    the_live_definitions_are_kept_with_their_files
    a_refused_item_leaves_nothing_behind
    large_values_read_back_and_shrink_again
    odd_names_are_kept_apart
    events_that_do_not_follow_are_refused
    a_case_is_found_when_it_wants_to_be_woken
    when_a_case_wants_to_be_woken_is_said_anew_by_each_command
    background_work_remembers_how_far_it_came
    a_value_beyond_the_limit_is_refused
}

fn done(position: u64) -> Outcome {
    Outcome::Done(Position(position))
}

fn an_empty_store_knows_nothing(mut bed: Bed) {
    for _ in 0..2 {
        let store = bed.store();
        assert_eq!(store.position(), Position(0));
        assert_eq!(store.case(id(1)).unwrap(), None);
        assert_eq!(store.holder(&unique("x")).unwrap(), None);
        assert_eq!(store.answer(&answer_key("x")).unwrap(), None);
        assert_eq!(store.series("x").unwrap(), 0);
        assert_eq!(store.live().unwrap(), None);
        assert!(store.rows().unwrap().is_empty() && store.keys().unwrap().is_empty());
        assert!(bed.scan(None).is_empty() && bed.log().is_empty() && bed.history(id(1)).is_empty());
        bed.sound();
        bed.reopen();
    }
}

fn a_case_reads_back_as_it_was_written(mut bed: Bed) {
    let draft = Draft::open(id(1), "W1").hold(&unique("a")).index(&[entry("stage", "new")], &[]);
    let (case, events) = (draft.0.case.clone(), draft.0.events.clone());
    assert_eq!(bed.one(draft), done(1));
    for _ in 0..2 {
        assert_eq!(bed.store().case(id(1)).unwrap(), Some(case.clone()));
        assert_eq!(bed.history(id(1)), events.to_vec());
        assert_eq!(bed.store().holder(&unique("a")).unwrap(), Some(id(1)));
        assert_eq!(bed.scan(Some(entry("stage", "new"))), [id(1)]);
        assert_eq!(bed.store().position(), Position(1));
        bed.sound();
        bed.reopen();
    }
    let more = Draft::after(id(1), &events, vec![comment("a"), comment("b")]);
    assert_eq!(bed.one(more), done(3));
    assert_eq!(bed.history(id(1)).len(), 3);
    bed.sound();
}

fn a_lost_race_writes_nothing_and_tells_the_version(bed: Bed) {
    assert_eq!(
        bed.one(Draft::after(id(1), &[event(1, opened("W1"))], vec![comment("x")])),
        Outcome::Moved { version: 0 }
    );
    bed.one(Draft::open(id(1), "W1"));
    let late = Draft::open(id(1), "W1").hold(&unique("a")).series("s", 5).answer(&answer_key("k"), &answer("b", 1));
    assert_eq!(bed.one(late), Outcome::Moved { version: 1 });
    assert_eq!(bed.store().holder(&unique("a")).unwrap(), None);
    assert_eq!(bed.store().series("s").unwrap(), 0);
    assert_eq!(bed.store().answer(&answer_key("k")).unwrap(), None);
    assert_eq!(bed.store().position(), Position(1));
    bed.sound();
}

fn a_case_may_move_twice_in_a_group(bed: Bed) {
    let first = Draft::open(id(1), "W1").index(&[entry("stage", "new")], &[]);
    let events = first.0.events.clone();
    let second =
        Draft::after(id(1), &events, vec![comment("x")]).index(&[entry("stage", "old")], &[entry("stage", "new")]);
    let late = Draft::after(id(1), &events, vec![comment("y")]);
    assert_eq!(
        bed.commit([first.into(), second.into(), late.into()]),
        [done(1), done(2), Outcome::Moved { version: 2 }]
    );
    assert_eq!(bed.scan(Some(entry("stage", "new"))), []);
    assert_eq!(bed.scan(Some(entry("stage", "old"))), [id(1)]);
    bed.sound();
}

fn a_unique_value_has_one_holder(bed: Bed) {
    bed.one(Draft::open(id(1), "W1").hold(&unique("a")));
    let second = Draft::open(id(2), "W2").hold(&unique("b")).hold(&unique("a"));
    assert_eq!(bed.one(second), Outcome::Held { hold: unique("a"), by: id(1) });
    assert_eq!(bed.store().holder(&unique("b")).unwrap(), None);
    assert_eq!(bed.store().case(id(2)).unwrap(), None);
    // Its own value is no obstacle, and another's is not given back.
    let again = Draft::after(id(1), &bed.history(id(1)), vec![comment("x")]).hold(&unique("a"));
    assert_eq!(bed.one(again), done(2));
    bed.one(Draft::open(id(3), "W3").release(&unique("a")));
    assert_eq!(bed.store().holder(&unique("a")).unwrap(), Some(id(1)));
    bed.sound();
}

fn a_unique_value_is_judged_within_the_group(bed: Bed) {
    let outcomes = bed.commit([
        Draft::open(id(1), "W1").hold(&unique("a")).into(),
        Draft::open(id(2), "W2").hold(&unique("a")).into(),
        Draft::after(id(1), &[event(1, opened("W1"))], vec![comment("x")]).release(&unique("a")).into(),
        Draft::open(id(3), "W3").hold(&unique("a")).into(),
    ]);
    assert_eq!(outcomes, [done(1), Outcome::Held { hold: unique("a"), by: id(1) }, done(2), done(3)]);
    assert_eq!(bed.store().holder(&unique("a")).unwrap(), Some(id(3)));
    bed.sound();
}

/// Two cases that one command opens.
fn two_cases(bed: &Bed, key: &AnswerKey) {
    let both = Draft::open(id(1), "W1").hold(&unique("a")).index(&[entry("stage", "new")], &[]).series("s", 3);
    let both = both.with(Draft::open(id(2), "W2").hold(&unique("b")).series("t", 4)).answer(key, &answer("both", 1));
    assert_eq!(bed.one(both), done(2));
}

/// What one command does to both of them.
fn move_both(one: &[Recorded], two: &[Recorded], hold: &str) -> Draft {
    let other = Draft::after(id(2), two, vec![comment("y"), comment("z")]).release(&unique("b"));
    let other = other.hold(&unique(hold)).index(&[entry("stage", "new")], &[]);
    Draft::after(id(1), one, vec![comment("x")]).hold(&unique("c")).with(other)
}

fn a_command_on_several_cases_stands_or_falls_whole(bed: Bed) {
    let key = answer_key("k");
    two_cases(&bed, &key);
    let (one, two) = (bed.history(id(1)), bed.history(id(2)));
    // Whatever stands in the way of one of them keeps back all of them.
    let ahead = [two[0].clone(), event(2, comment("a"))];
    assert_eq!(bed.one(move_both(&one, &ahead, "d")), Outcome::Moved { version: 1 });
    assert_eq!(bed.one(move_both(&one, &two, "a")), Outcome::Held { hold: unique("a"), by: id(1) });
    assert_eq!(bed.one(move_both(&one, &two, "c")), Outcome::Held { hold: unique("c"), by: id(1) });
    let third = Draft::open(id(3), "W3").with(Draft::open(id(4), "W4")).answer(&key, &answer("again", 2));
    assert_eq!(bed.one(third), Outcome::Answered(answer("both", 1)));
    assert_eq!(bed.scan(None), [id(2), id(1)]);
    assert_eq!(bed.store().holder(&unique("c")).unwrap(), None);
    assert_eq!(bed.store().position(), Position(2));
    bed.sound();
}

fn a_command_on_several_cases_is_read_back(mut bed: Bed) {
    let key = answer_key("k");
    two_cases(&bed, &key);
    let (one, two) = (bed.history(id(1)), bed.history(id(2)));
    let next = Draft::after(id(1), &one, vec![comment("w")]);
    assert_eq!(bed.commit([move_both(&one, &two, "d").into(), next.into()]), [done(5), Outcome::Moved { version: 2 }]);
    for _ in 0..2 {
        let log: Vec<_> = bed.log().iter().map(|logged| (logged.case, logged.recorded.version)).collect();
        assert_eq!(log, [(id(1), 1), (id(2), 1), (id(1), 2), (id(2), 2), (id(2), 3)]);
        assert_eq!((bed.store().series("s").unwrap(), bed.store().series("t").unwrap()), (3, 4));
        assert_eq!(bed.store().answer(&key).unwrap(), Some(answer("both", 1)));
        assert_eq!(bed.store().holder(&unique("d")).unwrap(), Some(id(2)));
        assert_eq!(bed.scan(Some(entry("stage", "new"))), [id(2), id(1)]);
        bed.sound();
        bed.reopen();
    }
}

fn a_command_leans_on_the_versions_it_has_read(bed: Bed) {
    bed.one(Draft::open(id(1), "W1"));
    let opens = |case: u64, read: u64, version: u64| Draft::open(id(case), "W").reads(id(read), version);
    assert_eq!(bed.one(opens(2, 1, 0)), Outcome::Moved { version: 1 });
    assert_eq!(bed.one(opens(2, 1, 2)), Outcome::Moved { version: 1 });
    assert_eq!(bed.one(opens(2, 9, 1)), Outcome::Moved { version: 0 });
    // What comes before it in its group has moved what it leans on.
    let first = Draft::after(id(1), &bed.history(id(1)), vec![comment("x")]);
    let outcomes = bed.commit([first.into(), opens(2, 1, 1).into(), opens(3, 1, 2).into(), opens(4, 9, 0).into()]);
    assert_eq!(outcomes, [done(2), Outcome::Moved { version: 2 }, done(3), done(4)]);
    // Who changes what it has read leans on it as it was before.
    let both = Draft::after(id(1), &bed.history(id(1)), vec![comment("y")]).reads(id(1), 2).reads(id(3), 1);
    assert_eq!(bed.one(both), done(5));
    bed.sound();
}

fn a_released_value_can_be_taken_again(mut bed: Bed) {
    bed.one(Draft::open(id(1), "W1").hold(&unique("a")));
    bed.one(Draft::after(id(1), &bed.history(id(1)), vec![comment("x")]).release(&unique("a")).hold(&unique("b")));
    bed.reopen();
    assert_eq!(bed.one(Draft::open(id(2), "W2").hold(&unique("a"))), done(3));
    assert_eq!(bed.store().holder(&unique("b")).unwrap(), Some(id(1)));
    // Given back and taken in one go, it stays.
    bed.one(Draft::after(id(2), &bed.history(id(2)), vec![comment("x")]).release(&unique("a")).hold(&unique("a")));
    assert_eq!(bed.store().holder(&unique("a")).unwrap(), Some(id(2)));
    bed.sound();
}

fn an_answer_is_given_once_and_forgotten_in_time(mut bed: Bed) {
    let (old, new) = (answer("old", 100), answer("new", 200));
    bed.one(Draft::open(id(1), "W1").answer(&answer_key("k"), &old));
    // The answer counts for more than the race that its repetition must lose.
    let repeated = Draft::open(id(1), "W1").answer(&answer_key("k"), &new);
    assert_eq!(bed.one(repeated), Outcome::Answered(old.clone()));
    // Answers that were written together are forgotten together, with the last of them.
    bed.reopen();
    bed.one(Draft::open(id(2), "W2").answer(&answer_key("l"), &new));
    bed.reopen();
    let known = |bed: &Bed| -> Vec<Option<Answer>> {
        ["k", "l"].iter().map(|key| bed.store().answer(&answer_key(key)).unwrap()).collect()
    };
    assert_eq!(known(&bed), [Some(old.clone()), Some(new.clone())]);
    bed.one(Item::ForgetAnswers { before: Timestamp(100) });
    assert_eq!(known(&bed), [Some(old), Some(new.clone())]);
    assert_eq!(bed.one(Item::ForgetAnswers { before: Timestamp(101) }), done(2));
    assert_eq!(known(&bed), [None, Some(new)]);
    // Given earlier in the same group is forgotten too.
    let third = Draft::open(id(3), "W3").answer(&answer_key("k"), &answer("third", 50));
    bed.commit([third.into(), Item::ForgetAnswers { before: Timestamp(1_000) }]);
    assert_eq!(known(&bed), [None, None]);
    bed.sound();
}

fn the_history_is_read_in_pages(bed: Bed) {
    bed.one(Draft::open(id(1), "W1"));
    for step in 0..5 {
        bed.one(Draft::open(id(10 + step), "other"));
        let two = vec![comment("a"), comment("b")];
        bed.one(Draft::after(id(1), &bed.history(id(1)), two));
    }
    for after in 0..12 {
        for limit in [0, 1, 3, 100] {
            let versions: Vec<u64> = bed
                .store()
                .history(id(1), after, limit)
                .unwrap()
                .iter()
                .map(|logged| {
                    assert_eq!(logged.case, id(1));
                    logged.recorded.version
                })
                .collect();
            let expected: Vec<u64> = (after + 1..=11).take(limit).collect();
            assert_eq!(versions, expected, "after {after}, at most {limit}");
        }
    }
    let positions: Vec<u64> =
        bed.store().history(id(1), 0, 5).unwrap().iter().map(|logged| logged.position.0).collect();
    assert_eq!(positions, [1, 3, 4, 6, 7]);
}

fn the_log_has_every_event_in_order(mut bed: Bed) {
    for case in 1..=300 {
        bed.one(Draft::after(id(case), &[], vec![opened("W"), comment("x")]));
    }
    bed.reopen();
    let all = bed.log();
    assert_eq!(all.iter().map(|logged| logged.position.0).collect::<Vec<_>>(), (1..=600).collect::<Vec<_>>());
    assert!(all.iter().enumerate().all(|(place, logged)| logged.case == id(1 + u64::try_from(place / 2).unwrap())));
    for (after, limit) in [(0, 1), (1, 1), (2, 3), (299, 200), (599, 5), (600, 5), (9_999, 5)] {
        let page = bed.store().log(Position(after), limit).unwrap();
        let from = usize::try_from(after).unwrap().min(all.len());
        assert_eq!(page, all[from..(from + limit).min(all.len())], "after {after}, at most {limit}");
    }
}

fn cases_are_scanned_newest_first_in_pages(mut bed: Bed) {
    let found: Vec<CaseId> = [3, 1, 5, 2, 4].map(id).into();
    for (place, case) in found.iter().enumerate() {
        let stage = if place % 2 == 0 { "even" } else { "odd" };
        bed.one(Draft::open(*case, "W").index(&[entry("stage", stage), entry("stage", "eve")], &[]));
    }
    bed.reopen();
    let rows = [
        (None, None, 10, [5, 4, 3, 2, 1].as_slice()),
        (None, None, 2, &[5, 4]),
        (None, Some(4), 2, &[3, 2]),
        (None, Some(1), 2, &[]),
        (Some(entry("stage", "even")), None, 10, &[5, 4, 3]),
        (Some(entry("stage", "even")), Some(5), 1, &[4]),
        (Some(entry("stage", "odd")), Some(2), 10, &[1]),
        (Some(entry("stage", "od")), None, 10, &[]),
        (Some(entry("owner", "even")), None, 10, &[]),
    ];
    for (index, before, limit, expected) in rows {
        let scan = Scan { index, before: before.map(id), limit };
        let expected: Vec<CaseId> = expected.iter().copied().map(id).collect();
        assert_eq!(bed.store().scan(&scan).unwrap(), expected, "{scan:?}");
    }
}

fn an_index_entry_comes_and_goes(mut bed: Bed) {
    bed.one(Draft::open(id(1), "W1").index(&[entry("stage", "new"), entry("owner", "sales")], &[]));
    let moved = Draft::after(id(1), &bed.history(id(1)), vec![comment("x")]);
    bed.one(moved.index(&[entry("stage", "old")], &[entry("stage", "new"), entry("stage", "never")]));
    bed.reopen();
    assert_eq!(bed.scan(Some(entry("stage", "new"))), []);
    for kept in [entry("stage", "old"), entry("owner", "sales")] {
        assert_eq!(bed.scan(Some(kept)), [id(1)]);
    }
    bed.sound();
}

fn a_series_never_goes_back(mut bed: Bed) {
    for (case, place, used) in [(1, 1, 1), (2, 7, 7), (3, 4, 7)] {
        bed.one(Draft::open(id(case), "W").series("w/20260924", place));
        assert_eq!(bed.store().series("w/20260924").unwrap(), used);
    }
    bed.reopen();
    assert_eq!(bed.store().series("w/20260924").unwrap(), 7);
    assert_eq!(bed.store().series("w/20260925").unwrap(), 0);
}

fn rows_are_put_and_removed(mut bed: Bed) {
    let rows = |table: &str, put: &[(&str, &str)], remove: &[&str]| Item::Rows {
        table: table.into(),
        put: put.iter().map(|(key, text)| (Name::from(*key), record("name", text))).collect(),
        remove: remove.iter().map(|key| Name::from(*key)).collect(),
    };
    bed.commit([rows("a", &[("1", "one"), ("2", "two")], &[]), rows("b", &[("1", "other")], &[])]);
    bed.one(rows("a", &[("2", "zwei"), ("3", "drei")], &["1", "9"]));
    bed.reopen();
    let found: BTreeMap<(Name, Name), _> =
        bed.store().rows().unwrap().into_iter().map(|(table, key, row)| ((table, key), row)).collect();
    let expected = [(("a", "2"), "zwei"), (("a", "3"), "drei"), (("b", "1"), "other")];
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|((table, key), text)| ((Name::from(table), Name::from(key)), record("name", text)))
        .collect();
    assert_eq!(found, expected);
    bed.sound();
}

fn api_keys_are_kept_and_changed(mut bed: Bed) {
    let mut key = KeyRecord {
        id: "gd_1".into(),
        secret_sha256: "aa".into(),
        last4: "wxyz".into(),
        user: "li".into(),
        roles: ["sales".into()].into(),
        created_at: Timestamp(1),
        expires_at: None,
        revoked_at: None,
    };
    bed.one(Item::Key(key.clone()));
    bed.one(Item::Key(KeyRecord { id: "gd_2".into(), ..key.clone() }));
    key.revoked_at = Some(Timestamp(9));
    bed.one(Item::Key(key.clone()));
    bed.reopen();
    assert_eq!(bed.store().keys().unwrap(), [key.clone(), KeyRecord { id: "gd_2".into(), revoked_at: None, ..key }]);
}

fn the_live_definitions_are_kept_with_their_files(mut bed: Bed) {
    let files = |text: &[u8]| {
        let long = "x".repeat(50_000).into_bytes();
        let files: [(Name, Arc<[u8]>); 3] = [
            ("workflows/a.yaml".into(), text.into()),
            ("workflows/b.yaml".into(), [0xff, 0xfe].as_slice().into()),
            ("rules/long.rhai".into(), long.into()),
        ];
        gendan::workflow::Files::from(files)
    };
    let live = |revision: &str, text: &[u8]| Item::Live {
        revision: Revision(revision.into()),
        files: files(text),
        at: Timestamp(1),
    };
    for (revision, text) in [("r1", "one"), ("r2", "two"), ("r1", "one")] {
        bed.one(live(revision, text.as_bytes()));
        bed.reopen();
        assert_eq!(bed.store().live().unwrap(), Some((Revision(revision.into()), files(text.as_bytes()))));
        bed.sound();
    }
}

fn a_refused_item_leaves_nothing_behind(bed: Bed) {
    bed.one(Draft::open(id(1), "W1").hold(&unique("a")));
    let refused = Draft::open(id(2), "W2")
        .hold(&unique("c"))
        .hold(&unique("a"))
        .index(&[entry("stage", "new")], &[])
        .series("s", 3)
        .answer(&answer_key("k"), &answer("b", 1));
    let outcomes = bed.commit([refused.into(), Draft::open(id(3), "W3").into()]);
    assert_eq!(outcomes, [Outcome::Held { hold: unique("a"), by: id(1) }, done(2)]);
    assert_eq!(bed.scan(None), [id(3), id(1)]);
    assert_eq!(bed.scan(Some(entry("stage", "new"))), []);
    assert_eq!(bed.store().holder(&unique("c")).unwrap(), None);
    assert_eq!(bed.store().series("s").unwrap(), 0);
    assert_eq!(bed.store().answer(&answer_key("k")).unwrap(), None);
    bed.sound();
}

fn large_values_read_back_and_shrink_again(mut bed: Bed) {
    let long = "长".repeat(200_000);
    bed.one(Draft::after(id(1), &[], vec![opened("W1"), comment(&long)]));
    let large = |text: &str| Item::Rows {
        table: "t".into(),
        put: vec![("k".into(), record("name", text))],
        remove: Vec::new(),
    };
    bed.commit([large(&long), Draft::open(id(2), "W2").answer(&answer_key("k"), &answer(&long, 5)).into()]);
    bed.reopen();
    assert_eq!(bed.history(id(1))[1].event, comment(&long));
    assert_eq!(bed.store().rows().unwrap(), [("t".into(), "k".into(), record("name", &long))]);
    assert_eq!(bed.store().answer(&answer_key("k")).unwrap(), Some(answer(&long, 5)));
    // Larger, smaller, small: in one group and in several.
    bed.commit([large(&long.repeat(2)), large("short"), large(&"y".repeat(20_000))]);
    bed.one(Item::ForgetAnswers { before: Timestamp(6) });
    bed.reopen();
    assert_eq!(bed.store().rows().unwrap(), [("t".into(), "k".into(), record("name", &"y".repeat(20_000)))]);
    assert_eq!(bed.store().answer(&answer_key("k")).unwrap(), None);
    bed.sound();
}

fn odd_names_are_kept_apart(mut bed: Bed) {
    let (long, longer) = ("v".repeat(5_000), "v".repeat(5_001));
    let values = ["", "a", "a\0b", "a\u{1}", "é", "/", &long, &longer];
    for (number, value) in (0..).zip(values) {
        let draft = Draft::open(id(number), "W").hold(&unique(value)).index(&[entry("stage", value)], &[]);
        bed.one(draft.answer(&answer_key(value), &answer(value, 1)).series(value, number + 1));
    }
    bed.reopen();
    for (number, value) in (0..).zip(values) {
        assert_eq!(bed.store().holder(&unique(value)).unwrap(), Some(id(number)));
        assert_eq!(bed.scan(Some(entry("stage", value))), [id(number)]);
        assert_eq!(bed.store().answer(&answer_key(value)).unwrap(), Some(answer(value, 1)));
        assert_eq!(bed.store().series(value).unwrap(), number + 1);
    }
    bed.sound();
}

fn a_case_is_found_when_it_wants_to_be_woken(mut bed: Bed) {
    let due = |bed: &Bed, after, until| bed.store().due(after, Timestamp(until), 10).unwrap();
    let ids = |found: Vec<(Timestamp, CaseId)>| found.into_iter().map(|(at, id)| (at.0, id)).collect::<Vec<_>>();
    for (number, at) in [(1, 30), (2, -5), (3, 20), (4, 20)] {
        bed.one(Draft::open(id(number), &format!("W{number}")).due(at));
    }
    bed.one(Draft::open(id(5), "W5"));
    for _ in 0..2 {
        let all = [(-5, id(2)), (20, id(3)), (20, id(4)), (30, id(1))];
        assert_eq!(ids(due(&bed, None, i64::MAX)), all);
        assert_eq!(ids(due(&bed, None, 20)), all[..3]);
        assert_eq!(ids(due(&bed, Some((Timestamp(20), id(3))), 30)), all[2..]);
        assert_eq!(ids(due(&bed, Some((Timestamp(30), id(1))), 20)), []);
        assert_eq!(ids(bed.store().due(None, Timestamp(99), 1).unwrap()), all[..1]);
        assert_eq!(bed.store().due_of(id(1)).unwrap(), Some(Timestamp(30)));
        assert_eq!(bed.store().due_of(id(5)).unwrap(), None);
        bed.sound();
        bed.reopen();
    }
}

fn when_a_case_wants_to_be_woken_is_said_anew_by_each_command(mut bed: Bed) {
    let due = |bed: &Bed| {
        let found = bed.store().due(None, Timestamp(99), 10).unwrap();
        found.into_iter().map(|(at, id)| (at.0, id)).collect::<Vec<_>>()
    };
    for (number, at) in [(1, 30), (2, -5), (3, 20), (4, 20)] {
        bed.one(Draft::open(id(number), &format!("W{number}")).due(at));
    }
    // Or that it is never; so may one without events.
    let first = bed.history(id(1));
    assert_eq!(bed.one(Draft::after(id(1), &first, vec![comment("a")])), done(5));
    assert_eq!(bed.one(Draft::after(id(3), &bed.history(id(3)), Vec::new()).due(40)), done(5));
    assert_eq!(bed.one(Draft::open(id(4), "W4").due(50)), Outcome::Moved { version: 1 });
    for _ in 0..2 {
        assert_eq!(due(&bed), [(-5, id(2)), (20, id(4)), (40, id(3))]);
        assert_eq!(bed.history(id(3)).len(), 1);
        assert_eq!(bed.store().history(id(1), 1, 9).unwrap().len(), 1);
        assert_eq!(bed.log().len(), 5);
        bed.sound();
        bed.reopen();
    }
    bed.one(Draft::after(id(3), &bed.history(id(3)), vec![comment("b")]));
    assert_eq!(bed.history(id(3)).len(), 2);
    bed.sound();
}

fn background_work_remembers_how_far_it_came(mut bed: Bed) {
    let progress = |of: &str, reached: &str| Item::Progress { of: of.into(), reached: reached.into() };
    assert_eq!(bed.store().progress("a").unwrap(), None);
    bed.commit([progress("a", "1"), progress("b", "2"), progress("a", "3")]);
    for _ in 0..2 {
        assert_eq!(bed.store().progress("a").unwrap().as_deref(), Some("3"));
        assert_eq!(bed.store().progress("b").unwrap().as_deref(), Some("2"));
        bed.sound();
        bed.reopen();
    }
}

fn events_that_do_not_follow_are_refused(bed: Bed) {
    let twice = Draft::open(id(5), "W5").with(Draft::open(id(5), "W6"));
    bed.store().commit(vec![twice.into()]).unwrap_err();
    assert_eq!(bed.store().case(id(5)).unwrap(), None);
    let mut gap = Draft::open(id(1), "W1");
    Arc::get_mut(&mut gap.0.events).unwrap()[0].version = 2;
    let mut none = Draft::open(id(1), "W1");
    none.0.events = [].into();
    let mut ahead = Draft::open(id(1), "W1");
    Arc::get_mut(&mut ahead.0.case).unwrap().version = 2;
    for draft in [gap, none, ahead] {
        let error = bed.store().commit(vec![Draft::open(id(2), "W2").into(), draft.into()]).unwrap_err();
        assert!(error.to_string().contains("its new events don't lead from version 0 on"), "{error}");
        assert_eq!(bed.scan(None), []);
    }
    assert_eq!(bed.one(Draft::open(id(1), "W1")), done(1));
}

fn a_value_beyond_the_limit_is_refused(bed: Bed) {
    let huge = "x".repeat(gendan::model::limit::STORED_BYTES_MAX);
    let error = bed.store().commit(vec![Draft::after(id(1), &[], vec![opened("W"), comment(&huge)]).into()]);
    assert!(matches!(error, Err(gendan::store::Error::TooLarge(_))), "{error:?}");
    assert_eq!(bed.store().position(), Position(0));
    assert_eq!(bed.one(Draft::open(id(1), "W1")), done(1));
    bed.sound();
}
