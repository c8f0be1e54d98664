//! What a workflow times: from where to where, within what, and what follows when it is late.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::action::Action;
use crate::calendar::Limit;
use crate::model::{Name, Place, Title};
use crate::rule::Expression;

use super::Owner;

/// A service level: a clock that starts, and must be stopped in time.
#[derive(Debug)]
pub struct Sla {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// What starts a clock; each time a new one.
    pub from: Edge,
    /// What stops it.
    pub until: Edge,
    /// The condition under which it starts.
    pub when: Option<Arc<Expression>>,
    /// How long it may run.
    pub within: Limit,
    /// How that is written.
    pub within_text: Name,
    /// Who owes it.
    pub owner: Option<Owner>,
    /// The stages in which it stands still.
    pub pauses: BTreeSet<Name>,
    /// The stages from which it can still be stopped without starting anew; anywhere else it is void.
    pub alive: BTreeSet<Name>,
    /// What happens before the deadline.
    pub warn: Option<Warn>,
    /// What happens after it, rung by rung.
    pub breach: Vec<Rung>,
    /// Where it stands.
    pub place: Place,
}

/// What starts or stops a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The case is opened.
    Opened,
    /// It enters one of these stages.
    Enters(BTreeSet<Name>),
    /// It leaves one of these stages.
    Leaves(BTreeSet<Name>),
    /// A transition is taken.
    Transition(Name),
    /// A field gets a value.
    Field(Name),
    /// A task is done.
    Task(Name),
}

/// What happens before a deadline.
#[derive(Debug)]
pub struct Warn {
    /// When.
    pub at: WarnAt,
    /// What.
    pub actions: Vec<Action>,
}

/// When a clock warns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarnAt {
    /// When so much of an amount of time has counted, or so much of the time to a day or a time of it has passed, in
    /// hundredths.
    Percent(u8),
    /// So many milliseconds before the deadline.
    Before(i64),
}

/// What happens after a deadline.
#[derive(Debug)]
pub struct Rung {
    /// How long after it; at once when absent.
    pub after: Option<Limit>,
    /// What.
    pub actions: Vec<Action>,
}
