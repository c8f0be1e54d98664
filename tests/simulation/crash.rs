//! Everything stops in the middle of every step, twice.

use std::collections::BTreeMap;

use gendan::store::Applying;

use crate::dice::Dice;
use crate::work::{self, Action, Command, Part, Restart};
use crate::world::World;

/// Groups of a workload.
const GROUPS: u64 = 14;
/// Kinds of steps at which something must have stopped, at least.
const KINDS: usize = 25;

/// At how many steps of each kind everything stopped.
type Kinds = BTreeMap<String, u64>;

/// Stops a workload at its `nth` step, and the life after it at a step that chance decides. Then life goes on.
fn crash(seed: u64, nth: u64, workload: &[Action], kinds: &mut Kinds) -> bool {
    let told = format!("GENDAN_SEED={seed}, stopped at step {nth}");
    let mut dice = Dice(seed.wrapping_mul(31).wrapping_add(nth));
    let mut world = World::new(seed, Applying::ByHand, told);
    world.machine.steps().stop_at(nth);
    world.live(workload);
    let Some(kind) = world.stopped() else { return false };
    *kinds.entry(kind).or_default() += 1;
    world.stop(work::restart(&mut dice));
    world.machine.steps().stop_at(1 + dice.below(24));
    world.live(&work::quiet(&mut dice, 3));
    if let Some(kind) = world.stopped() {
        *kinds.entry(kind).or_default() += 1;
    }
    world.stop(work::restart(&mut dice));
    world.machine.steps().heal();
    world.live(&[]);
    world.check();
    world.stop(work::restart(&mut dice));
    world.live(&work::quiet(&mut dice, 3));
    world.check();
    true
}

/// Stops a workload at each of its steps.
fn crash_everywhere(seed: u64, kinds: &mut Kinds) {
    let workload = work::work(&mut Dice(seed), GROUPS);
    let reached = (1..).take_while(|nth| crash(seed, *nth, &workload, kinds)).count();
    assert!(reached > 20, "GENDAN_SEED={seed} has only {reached} steps");
}

#[expect(clippy::disallowed_methods, reason = "how long a test takes is decided by whoever runs it")]
pub(crate) fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whatever_stops_where_nothing_acknowledged_is_lost() {
    let mut kinds = Kinds::new();
    if let Some(seed) = number_from_environment("GENDAN_SEED") {
        return crash_everywhere(seed, &mut kinds);
    }
    let points = number_from_environment("GENDAN_CRASH_POINTS").unwrap_or(1_000);
    let mut workloads = 0;
    while kinds.values().sum::<u64>() < points || kinds.len() < KINDS {
        assert!(workloads < points, "only {} kinds of steps: {kinds:#?}", kinds.len());
        workloads += 1;
        crash_everywhere(workloads, &mut kinds);
    }
    for (kind, count) in &kinds {
        println!("{count:7}  {kind}");
    }
    println!("{} stops at {} kinds of steps, {workloads} workloads", kinds.values().sum::<u64>(), kinds.len());
}

/// A journal that is larger than what is built at a time: the state is stopped between its batches, and built on
/// from there, or from nothing.
#[test]
fn a_state_that_is_built_is_stopped_between_its_batches() {
    const COMMANDS: u64 = 40;
    const BYTES: usize = 1_200_000;
    let mut world = World::new(3, Applying::ByHand, "a large journal".to_owned());
    world.live(&[]);
    for number in 0..COMMANDS {
        let command = Command { case: number % 5, events: vec![(number, BYTES)], ..Command::default() };
        world.go_on(&[Action::Commit(vec![Part::Command(command)])]);
    }
    let (mut kinds, mut nth) = (Kinds::new(), 0);
    loop {
        nth += 1;
        world.stop(Restart { kill: nth % 3 == 0, seed: nth, damage: nth % 5 != 0 });
        world.machine.steps().stop_at(nth);
        world.live(&[]);
        match world.stopped() {
            Some(kind) => *kinds.entry(kind).or_default() += 1,
            // A state that is not damaged is built on, and soon there is nothing left to do.
            None if nth > 11 => break,
            None => {}
        }
    }
    println!("{kinds:#?}");
    assert!(kinds.get("opening: batch the state").is_some_and(|count| *count > 1), "{kinds:#?}");
    world.machine.steps().heal();
    world.check();
}
