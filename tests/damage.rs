//! Files that were damaged: every outcome is an error that names the place and changes nothing, or everything is
//! there; never a wrong answer.
//!
//! `GENDAN_DAMAGE_ROUNDS` says how many times something is damaged (200), `GENDAN_SEED` which round is played alone.
#![cfg(test)]

#[path = "simulation/dice.rs"]
mod dice;
#[path = "store/bed.rs"]
#[expect(dead_code, reason = "the drafts are shared with the tests of the stores, their stores are not used here")]
mod draft;
#[path = "damage/folder.rs"]
mod folder;
#[path = "damage/harm.rs"]
mod harm;
#[path = "damage/journal.rs"]
mod journal;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/work.rs"]
#[expect(dead_code, reason = "here nothing fails, it is damaged")]
mod work;
#[path = "simulation/world.rs"]
mod world;

#[expect(clippy::disallowed_methods, reason = "how long a test takes is decided by whoever runs it")]
fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The rounds to play: one, or a part of so many hundredths of all.
fn rounds(hundredths: u64) -> std::ops::Range<u64> {
    match number_from_environment("GENDAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from_environment("GENDAN_DAMAGE_ROUNDS").unwrap_or(200) * hundredths / 100,
    }
}
