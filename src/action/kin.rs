//! Actions that reach other cases: `open` and `signal` (R67, R103, R111).

use std::sync::Arc;

use crate::model::{Name, Place};
use crate::rule::Expression;
use crate::workflow::Given;

/// Opens child cases.
#[derive(Clone, Debug)]
pub struct Open {
    /// The workflow that they follow.
    pub workflow: Name,
    /// What the parent calls them: `children.NAME`.
    pub role: Name,
    /// One for each row of this list, instead of one; an expression may then name `line`.
    pub each: Option<Each>,
    /// Whether one is opened; asked for each row.
    pub when: Option<Arc<Expression>>,
    /// The fields that they get.
    pub with: Vec<(Name, Given)>,
    /// Whether they become children of this case's parent instead of its own.
    pub under_parent: bool,
    /// Where it stands.
    pub place: Place,
}

/// The rows for which children are opened.
#[derive(Clone, Debug)]
pub struct Each {
    /// The list.
    pub list: Name,
    /// A subset of it: `lines.short`.
    pub subset: Option<Name>,
}

/// Takes a transition of other cases, whose `by` has `signal`.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Which cases.
    pub to: Whom,
    /// The transition.
    pub take: Name,
    /// Its input.
    pub with: Vec<(Name, Given)>,
    /// Whether a case that can't take it is left as it is, instead of refusing the whole command.
    pub optional: bool,
    /// Where it stands.
    pub place: Place,
}

/// Who gets a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The parent.
    Parent,
    /// Every child of one kind, those that have ended too.
    Children(Name),
}
