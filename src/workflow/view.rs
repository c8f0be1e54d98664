//! A view, compiled: a table over the cases of a workflow.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::field::Kind;
use crate::model::{Name, Title};
use crate::rule::Expression;

/// A table over the cases of a workflow (R116).
#[derive(Clone, Debug)]
pub struct View {
    /// Its name, which no other view of the set has.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// The list of which each row is a row of the view; without one each case is.
    pub rows: Option<Name>,
    /// The stages of its cases; `None` is all.
    pub stages: Option<BTreeSet<Name>>,
    /// The condition on its cases.
    pub when: Option<Arc<Expression>>,
    /// What its rows are sorted by; newest first without.
    pub sort: Vec<Sort>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// A key by which rows are sorted.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The key.
    pub by: Column,
    /// Whether the largest comes first.
    pub down: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name: the path, or the name that its owner gave.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// How a value in it is shown.
    pub shown: Shown,
    /// What stands in it.
    pub value: ColumnValue,
    /// What it may read.
    pub reads: Reads,
}

/// How a value is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// As values of this kind are; `None` when only the value itself tells.
    Of(Option<Kind>),
    /// As the title of a stage.
    Stage,
}

/// What stands in a column.
#[derive(Clone, Debug)]
pub enum ColumnValue {
    /// When the case entered the stage it is in.
    EnteredAt,
    /// When its last event happened.
    UpdatedAt,
    /// How many events it has.
    Version,
    /// What the expression gives.
    Expression(Arc<Expression>),
}

/// The fields that an expression may read, those of rows as `lines.cost`: who may not see one of them may not see
/// what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub BTreeSet<Name>);

impl Reads {
    /// Whether one of them is hidden.
    #[must_use]
    pub fn any_of(&self, hidden: &BTreeSet<Name>) -> bool {
        self.0.iter().any(|read| hidden.contains(read))
    }
}
