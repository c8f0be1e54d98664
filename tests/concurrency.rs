//! Racing commands over a real runtime: exactly one winner, nothing lost, nothing twice, nothing that rests on what
//! is gone.
#![cfg(test)]

#[path = "concurrency/bed.rs"]
mod bed;
#[path = "concurrency/fair.rs"]
mod fair;
#[path = "concurrency/faults.rs"]
mod faults;
#[path = "concurrency/pools.rs"]
mod pools;
#[path = "concurrency/races.rs"]
mod races;
#[path = "concurrency/rows.rs"]
mod rows;
#[path = "concurrency/watched.rs"]
mod watched;
