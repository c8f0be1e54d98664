//! The shipped process: that its files are whole and sound, and that its calendar is the public one. What it does is
//! shown by its scenarios and the tests of its rules, which `tests/scenarios.rs` runs.
#![cfg(test)]

#[path = "process/calendar.rs"]
mod calendar;
#[path = "process/files.rs"]
mod files;
#[path = "process/records.rs"]
mod records;
