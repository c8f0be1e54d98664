//! Workflows: from the files as written to a [`Definition`], or to every mistake in them.
//!
//! `walk` reads a file's events and refuses what YAML allows and we don't; `source` gives the types; `compile`
//! gives meaning; `lint` looks at the whole.

pub mod compile;
pub mod definition;
mod document;
mod lint;
mod measure;
pub mod schedule;
mod source;
pub mod staff;
pub mod task;
pub mod timed;
mod view;
mod walk;

pub use definition::suite;

pub use compile::{Compiled, Files, compile, revision};
pub use source::requirements;

pub use definition::{
    Ask, Branch, By, Check, Checked, Column, ColumnValue, Definition, Document, Edge, Edit, End, Figure, Formula,
    Given, Initial, Measure, Measured, NumberFormat, Owner, Read, Reads, Role, Rung, Shown, Sla, Sort, Stage, Subset,
    Target, Transition, View, Warn, WarnAt, Watches, Workflow,
};
pub use schedule::Schedule;
pub use task::{Answers, ApprovalNeeded, NotBy, Outcome, Task};
pub use timed::{Anchor, Moment, Timed};
