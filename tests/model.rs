//! The committer under every schedule that shuttle draws: random ones, and those with few changes of thread at the
//! worst places (PCT).
//!
//! Clients send commands that have seen a row, another one changes the row, and two threads end the committer while
//! they do. Whatever the schedule: everything submitted is answered exactly once; a success is durable and can be
//! seen by the one who is told, in the order of its case's versions; no command that has seen another row than the
//! one that stands at its commit is written; nobody sees a row that is not durable; nothing succeeds once `stop` has
//! returned; who is too large fails alone; nobody waits for ever.
//!
//! `hasty.rs` holds committers with one mistake each, which the same checks must find: a model that can't fail
//! proves nothing.
//!
//! Run with `cargo test --features model --test model`. A failing schedule is printed; `shuttle::replay` runs it
//! again.
#![cfg(test)]

#[path = "model/hasty.rs"]
mod hasty;
#[path = "model/play.rs"]
mod play;
#[path = "model/stage.rs"]
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hasty::Haste;
use play::{Play, Tally, play};

/// Schedules of each kind that are tried.
const SCHEDULES: usize = 5_000;
/// Changes of thread that PCT places.
const CHANGES: usize = 3;

/// Plays every schedule, and gives how often what came of it.
fn all_schedules(waiting: usize, haste: Option<Haste>) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    let random = Play { waiting, haste, tally: Arc::clone(&tally) };
    let pct = random.clone();
    shuttle::check_random(move || play(&random), SCHEDULES);
    shuttle::check_pct(move || play(&pct), SCHEDULES, CHANGES);
    tally
}

#[test]
fn the_committer_keeps_its_promises() {
    for waiting in [1, 64] {
        let tally = all_schedules(waiting, None);
        // Nothing is proved by what never came to pass.
        let rare = tally.rarest();
        assert!(rare.1 > SCHEDULES / 100, "{rare:?} of {tally:?}");
    }
}

#[test]
fn a_hasty_committer_is_found_out() {
    let check = |haste: Haste, broken: &str| {
        let found = catch_unwind(AssertUnwindSafe(|| all_schedules(64, Some(haste))));
        let panic = found.expect_err("the model did not see it");
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        assert!(text.contains(broken), "{haste:?} was found out by: {text}");
    };
    check(Haste::PublishesFirst, "a row that is not durable was seen");
    check(Haste::PublishesLast, "a row that was changed is not seen by the one who was told");
    check(Haste::AnswersFirst, "what was answered is not durable");
    check(Haste::TrustsReads, "was written on a row that is gone");
    check(Haste::ChecksReadsOnce, "was written on a row that is gone");
    check(Haste::LeavesAtStop, "a success after the end");
    check(Haste::DropsAtStop, "nobody answered");
}
