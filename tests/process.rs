//! The shipped process: that it compiles clean, that its main path leads to the end, and that each of its
//! refusals refuses. Tests name the requirements of `docs/requirements.yaml` that they prove.
#![cfg(test)]

#[path = "process/calendar.rs"]
mod calendar;
#[path = "process/files.rs"]
mod files;
#[path = "process/paths.rs"]
mod paths;
#[path = "process/play.rs"]
mod play;
#[path = "process/refusals.rs"]
mod refusals;
#[path = "process/rules.rs"]
mod rules;
