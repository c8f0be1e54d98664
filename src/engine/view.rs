//! Views: which rows a case has in one, in which order they come, and what stands in them (R116).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::field::Kind;
use crate::model::{Case, Name, Value, VerdictError};
use crate::rule::Facts;
use crate::workflow::{Column, ColumnValue, Shown, Sort, View};

use super::Sight;

/// A row of a view before its cells are worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The place of the row in the list that the view goes through.
    pub line: Option<usize>,
    /// What it is sorted by; `None` is no value, which comes last.
    pub keys: Vec<Option<Value>>,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A value, or none.
    Value(Option<Value>),
    /// Something that this caller may not see.
    Hidden,
    /// Nothing, for it could not be worked out.
    Wrong(VerdictError),
}

impl Sight<'_> {
    /// The rows that a case has in a view: none, when it does not belong there. A condition that can't be judged
    /// keeps no case out, for nobody would miss it.
    #[must_use]
    pub fn rows(&self, view: &View, sort: &[Sort], case: &Case) -> Vec<Placed> {
        if view.stages.as_ref().is_some_and(|stages| !stages.contains(&case.stage)) {
            return Vec::new();
        }
        let facts = self.facts(case);
        let belongs = view.when.as_ref().is_none_or(|when| self.holds(when, &facts, None).unwrap_or(true));
        let lines = if belongs { Self::lines(view.rows.as_ref(), case) } else { Vec::new() };
        let placed = lines.into_iter().map(|line| Placed {
            line,
            keys: sort.iter().map(|sort| self.key(&sort.by, case, &facts, line)).collect(),
        });
        placed.collect()
    }

    /// The cells of some rows of a case; `lines` are their places. A row that is not there any more is left out.
    #[must_use]
    pub fn cells(
        &self,
        view: &View,
        hidden: &BTreeSet<Name>,
        case: &Case,
        lines: &[Option<usize>],
    ) -> Vec<(Option<usize>, Vec<Cell>)> {
        let facts = self.without(&self.facts(case), hidden);
        let there = Self::lines(view.rows.as_ref(), case);
        let rows = lines.iter().filter(|line| there.contains(line));
        let cell = |column, line| self.cell(column, hidden, case, &facts, line);
        rows.map(|line| (*line, view.columns.iter().map(|column| cell(column, *line)).collect())).collect()
    }

    fn cell(&self, column: &Column, hidden: &BTreeSet<Name>, case: &Case, facts: &Facts, line: Option<usize>) -> Cell {
        if column.reads.any_of(hidden) {
            return Cell::Hidden;
        }
        self.of_column(column, case, facts, line).map_or_else(Cell::Wrong, Cell::Value)
    }

    fn of_column(
        &self,
        column: &Column,
        case: &Case,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, VerdictError> {
        Ok(match &column.value {
            ColumnValue::EnteredAt => Some(Value::Datetime(case.entered_at())),
            ColumnValue::UpdatedAt => Some(Value::Datetime(case.updated_at)),
            ColumnValue::Version => i64::try_from(case.version).ok().map(Value::Integer),
            ColumnValue::Expression(expression) => self.value(expression, facts, line)?,
        })
    }

    /// What a row is sorted by. A choice and a stage are sorted as they were declared.
    fn key(&self, column: &Column, case: &Case, facts: &Facts, line: Option<usize>) -> Option<Value> {
        let value = self.of_column(column, case, facts, line).ok().flatten()?;
        let place = match (&column.shown, &value) {
            (Shown::Stage, Value::Text(stage)) => self.workflow.stages.get_index_of(stage),
            (Shown::Of(Some(Kind::Choice(of))), Value::Text(choice)) => of.get_index_of(choice),
            (Shown::Stage | Shown::Of(_), _) => return Some(value),
        };
        place.and_then(|place| i64::try_from(place).ok()).map(Value::Integer)
    }
}

/// The order of two rows by their keys. What has no value comes last, whichever way it is sorted.
#[must_use]
pub fn compare(sort: &[Sort], one: &[Option<Value>], other: &[Option<Value>]) -> Ordering {
    let pairs = sort.iter().zip(one.iter().zip(other));
    let each = pairs.map(|(sort, pair)| match pair {
        (Some(one), Some(other)) if sort.down => order(other, one),
        (Some(one), Some(other)) => order(one, other),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (None, None) => Ordering::Equal,
    });
    each.fold(Ordering::Equal, Ordering::then)
}

/// The order of two values. A column has values of one kind; lists and maps have no order.
fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Boolean(one), Value::Boolean(other)) => one.cmp(other),
        (Value::Date(one), Value::Date(other)) => one.cmp(other),
        (Value::Datetime(one), Value::Datetime(other)) => one.cmp(other),
        (Value::Duration(one), Value::Duration(other)) => one.cmp(other),
        // A number stands before what is none.
        _ => match (number(one), number(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        },
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        Value::Text(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_)
        | Value::List(_)
        | Value::Row(_)
        | Value::Map(_) => None,
    }
}
