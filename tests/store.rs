//! One contract, every backend: what holds for one store holds for all of them.
#![cfg(test)]

#[path = "store/bed.rs"]
mod bed;
#[path = "store/clock.rs"]
mod clock;
#[path = "store/contract.rs"]
mod contract;
#[path = "store/duty.rs"]
mod duty;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/folder.rs"]
mod folder;
#[path = "store/golden.rs"]
mod golden;
#[path = "store/outbox.rs"]
mod outbox;
#[path = "store/pools.rs"]
mod pools;
#[path = "store/random.rs"]
mod random;
#[path = "store/tamper.rs"]
mod tamper;
