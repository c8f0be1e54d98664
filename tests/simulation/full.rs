//! The disk is full, or fails, from any step on for any number of steps, and nobody starts the store again.

use std::io::ErrorKind;

use gendan::store::Applying;

use crate::dice::Dice;
use crate::work::{self, Action};
use crate::world::World;

/// Steps at which failing begins.
const STEPS: u64 = 200;

/// A workload without troubles of its own and without restarts that has `nth` steps and a few more.
fn steady(dice: &mut Dice, nth: u64) -> Vec<Action> {
    let steady = |action: &Action| !matches!(action, Action::Fail(..) | Action::Restart(_));
    work::work(dice, 12 + nth * 3 / 4).into_iter().filter(steady).collect()
}

/// Fails `count` steps from the `nth` on. What failed is not seen, what was acknowledged is; when the disk is well
/// again, so is the store, and what it holds then is what the next process finds.
fn fail(seed: u64, nth: u64, count: u64, kind: ErrorKind) -> u64 {
    let told = format!("seed {seed}: {count} steps from {nth} on, {kind}");
    let mut dice = Dice(seed.wrapping_mul(131).wrapping_add(nth));
    let mut world = World::new(seed, Applying::ByHand, told.clone());
    world.machine.steps().fail_from(nth, count, kind);
    world.live(&[]);
    for action in steady(&mut Dice(seed), nth) {
        world.go_on(&[action]);
        if world.machine.steps().count() > nth + count {
            break;
        }
    }
    assert!(world.machine.steps().count() > nth, "{told}: it was never reached");
    world.machine.steps().heal();
    let failed = world.failed;
    world.go_on(&work::quiet(&mut dice, 2));
    assert_eq!(world.failed, failed, "{told}: the disk is well, and the store is not");
    world.check();
    world.stop(work::restart(&mut dice));
    world.live(&work::quiet(&mut dice, 1));
    world.check();
    failed
}

#[test]
fn whatever_fails_is_refused_and_goes_well_again_by_itself() {
    let mut refused = 0;
    for nth in 1..=STEPS {
        let mut dice = Dice(nth);
        let count = if nth % 2 == 0 { 1 } else { 2 + dice.below(20) };
        refused += fail(1 + nth % 8, nth, count, work::kind(&mut dice));
    }
    println!("{STEPS} beginnings, {refused} groups refused");
    assert!(refused > STEPS, "only {refused} groups failed");
}
