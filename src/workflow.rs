//! Workflows: from the files as written to a [`Definition`], or to every mistake in them.
//!
//! `walk` reads a file's events and refuses what YAML allows and we don't; `source` gives the types; `compile`
//! gives meaning; `lint` looks at the whole.

pub mod compile;
pub mod definition;
mod lint;
pub mod schedule;
mod source;
pub mod staff;
pub mod task;
pub mod timed;
mod walk;

pub use definition::suite;

pub use compile::{Compiled, Files, compile, revision};
pub use source::requirements;

pub use definition::{
    Ask, Branch, By, Check, Checked, Definition, Edge, Edit, End, Formula, Given, Initial, NumberFormat, Owner, Read,
    Role, Rung, Sla, Stage, Subset, Target, Transition, Warn, WarnAt, Watches, Workflow,
};
pub use schedule::Schedule;
pub use task::{Answers, ApprovalNeeded, NotBy, Outcome, Task};
pub use timed::{Anchor, Moment, Timed};
