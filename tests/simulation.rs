//! What holds whatever happens, as seeds decide it.
//!
//! A store that is stopped at every step by which something comes to stay, or whose disk fails there: nothing that
//! was acknowledged is lost, nothing that was never asked for is there, and no command is there by half.
//!
//! And the whole engine, see `simulation/whole.rs`.
//!
//! `GENDAN_CRASH_POINTS` says how many stops there are at least (1,000), `GENDAN_SEED` which one workload is played
//! instead; a seed that fails is in the message.
#![cfg(test)]

#[path = "simulation/crash.rs"]
mod crash;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "store/bed.rs"]
#[expect(dead_code, reason = "the drafts are shared with the tests of the stores, their stores are not used here")]
mod draft;
#[path = "simulation/full.rs"]
mod full;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/whole.rs"]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each part of the book looks at a few of the events, and one that is new is judged by the parts that come with it"
)]
mod whole;
#[path = "simulation/work.rs"]
mod work;
#[path = "simulation/world.rs"]
mod world;
