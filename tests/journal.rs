//! The journal on disks that fail, stall, lose their power, and rot.
#![cfg(test)]

#[path = "journal/archive.rs"]
mod archive;
#[path = "journal/bed.rs"]
mod bed;
#[path = "journal/damage.rs"]
mod damage;
#[path = "journal/faults.rs"]
mod faults;
#[path = "journal/golden.rs"]
mod golden;
#[path = "journal/plain.rs"]
mod plain;
#[path = "journal/power.rs"]
mod power;
