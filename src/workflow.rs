//! Workflows: from the files as written to a [`Definition`], or to every mistake in them.
//!
//! `walk` reads a file's events and refuses what YAML allows and we don't; `source` gives the types; `compile`
//! gives meaning; `lint` looks at the whole.

pub mod compile;
pub mod definition;
mod lint;
mod source;
pub mod task;
mod walk;

pub use compile::{Compiled, Files, compile, revision};
pub use definition::{
    Ask, Branch, By, Check, Checked, Definition, Edge, Edit, End, Formula, Given, Initial, NumberFormat, Owner, Read,
    Role, Rung, Sla, Stage, Subset, Target, Transition, Warn, WarnAt, Workflow,
};
pub use task::{Answers, ApprovalNeeded, NotBy, Outcome, Task};
