//! One contract, every backend: what holds for one store holds for all of them.
#![cfg(test)]

#[path = "store/bed.rs"]
mod bed;
#[path = "store/contract.rs"]
mod contract;
