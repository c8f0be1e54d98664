//! Tasks and approvals as they are compiled: what people do inside a stage, and who must agree.

use std::sync::Arc;

use crate::action::Action;
use crate::calendar::Recurring;
use crate::field::{Kind, Schema};
use crate::model::{Name, Place, Title};
use crate::rule::Expression;

use super::definition::{Ask, By, Check};

/// The one field of what a task keeps: its rows.
pub const ROWS: &str = "rows";

/// A task: human work inside a stage (R51, R69, R80).
#[derive(Debug)]
pub struct Task {
    /// Its name, unique within the workflow.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// Who may do it.
    pub by: Vec<By>,
    /// Whose doers may not do it (four eyes).
    pub not_by: Vec<NotBy>,
    /// The tasks of the stage that come before it.
    pub after: Vec<Name>,
    /// The list of which each row is answered; without one there is one answer.
    pub each: Option<Name>,
    /// The fields of the case that it asks for.
    pub ask: Vec<Ask>,
    /// What it asks for beyond that, and keeps as its own.
    pub answers: Arc<Answers>,
    /// The existing fields that may be corrected on the way.
    pub change: Vec<Name>,
    /// The condition under which it can be done.
    pub when: Option<Arc<Expression>>,
    /// The checks that judge it.
    pub checks: Vec<Check>,
    /// How it may end: the first that holds. Without any it is done.
    pub outcomes: Vec<Outcome>,
    /// What it does, after what its outcome does.
    pub actions: Vec<Action>,
    /// When it comes again after it was done (R80, R128).
    pub again: Option<Recurring>,
    /// Where it stands.
    pub place: Place,
}

/// What a task keeps as its own: rows of answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The fields of a row.
    pub row: Arc<Schema>,
    /// Those that must be answered here (`!`), and not only taken over from the row that is gone through.
    pub must: Vec<Name>,
    /// What expressions see of the task, with its `rows`.
    pub seen: Arc<Schema>,
}

/// Whom four eyes keep from a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBy {
    /// Everyone who did this task in the present round.
    Task(Name),
    /// Everyone who ever took this transition of the case; `open` is who opened it.
    Transition(Name),
}

/// How a task may end.
#[derive(Debug)]
pub struct Outcome {
    /// The condition; `None` always holds.
    pub when: Option<Arc<Expression>>,
    /// The task that has to be done again; without one the task is done.
    pub redo: Option<Name>,
    /// What it does, before what the task does.
    pub actions: Vec<Action>,
}

/// A step of an approval (R10, R109, R110).
#[derive(Clone, Debug)]
pub struct ApprovalNeeded {
    /// Whose agreement counts.
    pub of: Vec<By>,
    /// How many must agree.
    pub count: u32,
    /// The condition under which it is needed; `None` always is.
    pub when: Option<Arc<Expression>>,
    /// Where it stands.
    pub place: Place,
}

impl Answers {
    /// Whether the task keeps anything of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row.fields.is_empty()
    }

    /// The kind of `rows`.
    #[must_use]
    pub fn rows(&self) -> Option<&Kind> {
        self.seen.get(ROWS).map(|field| &field.kind)
    }
}

impl NotBy {
    /// The name of the task or transition.
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Task(name) | Self::Transition(name) => name,
        }
    }
}
