//! Shapes: what is known about a value before there is one.

use std::sync::Arc;

use crate::field::{Bounds, Items, Kind, Resource, Schema};
use crate::model::Name;

use super::operator::Op;

/// What a value is, as far as it is known when a file is loaded.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Not known: the run time decides.
    Any,
    /// `()`.
    Missing,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// An exact decimal.
    Decimal,
    /// A text.
    Text,
    /// A calendar day.
    Date,
    /// A moment.
    Datetime,
    /// A span of time.
    Duration,
    /// A map of names to texts.
    Texts,
    /// A map that the script made.
    Object,
    /// An array that the script made.
    Array(Box<Shape>),
    /// A list, with its subsets.
    List(Box<Shape>, Vec<Name>),
    /// A record.
    Row(Arc<Schema>, RowKind),
    /// Who commands.
    Actor,
    /// The last entry into each stage.
    Entered,
    /// The children by name.
    Children,
    /// One entry into a stage.
    Entry,
    /// What is seen of each task.
    Tasks,
    /// A range of whole numbers.
    Range,
    /// `resource`: everything that is finite.
    Supplies,
    /// One resource; `None` when it is not known which.
    Supply(Option<Arc<Resource>>),
    /// Which days and hours are worked.
    Calendar,
}

/// What a record is; it decides which of its fields are known to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// The case.
    Case,
    /// A row of this list.
    Line(Name),
    /// A row of this table.
    Table(Name),
    /// The settings: all of them are set.
    Settings,
    /// Parameters.
    Parameters,
    /// What a command brought: none of it is known to be set.
    Input,
    /// A case of this workflow, which is not the case itself.
    Kin(Name),
}

/// A value as far as it is known: its shape, whether it may be missing, and how it is written.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// What it is.
    pub(super) shape: Shape,
    /// Whether it may be missing.
    pub(super) optional: bool,
    /// How it is written (`it.parent`), when it is a name with properties.
    pub(super) path: Option<String>,
    /// The texts that it can be, when they are known: those of a choice, or the stages.
    pub(super) choices: Option<Arc<[Name]>>,
}

impl Typed {
    /// A value that is there.
    pub(super) fn set(shape: Shape) -> Self {
        Self { shape, optional: false, path: None, choices: None }
    }

    /// A value that may be missing.
    pub(super) fn maybe(shape: Shape) -> Self {
        Self { optional: true, ..Self::set(shape) }
    }

    /// The same value, which is one of these texts.
    pub(super) fn one_of<'n>(mut self, choices: impl Iterator<Item = &'n Name>) -> Self {
        self.choices = Some(choices.cloned().collect());
        self
    }

    /// The same value under this path.
    pub(super) fn at(mut self, path: Option<String>) -> Self {
        self.path = path;
        self
    }

    /// What is known of a value that is this one or another.
    pub(super) fn join(self, other: &Self) -> Self {
        let optional = self.optional || other.optional;
        let shape = match (self.shape, &other.shape) {
            (Shape::Missing, shape) => return Self::maybe(shape.clone()),
            (shape, Shape::Missing) => return Self::maybe(shape),
            (shape, other) => shape.join(other),
        };
        Self { optional, ..Self::set(shape) }
    }
}

impl Shape {
    /// The shape of a field's value. A list field knows the name of its list, so that its rows know theirs.
    pub(super) fn of(kind: &Kind, field: &Name, tables: &crate::field::Tables) -> Self {
        match kind {
            Kind::Integer(_) => Self::Integer,
            Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_) => Self::Decimal,
            Kind::Boolean => Self::Boolean,
            Kind::Date => Self::Date,
            Kind::Datetime => Self::Datetime,
            Kind::Duration => Self::Duration,
            Kind::Map => Self::Texts,
            Kind::Reference { table } => match tables.get(table) {
                Some(found) => Self::Row(Arc::clone(&found.columns), RowKind::Table(Name::clone(table))),
                None => Self::Any,
            },
            Kind::List(list) => {
                let item = match &list.of {
                    Items::Rows(schema) => Self::Row(Arc::clone(schema), RowKind::Line(Name::clone(field))),
                    Items::Plain(kind) => Self::of(kind, field, tables),
                };
                Self::List(Box::new(item), list.subsets.clone())
            }
            Kind::Text | Kind::Choice(_) | Kind::User { .. } | Kind::Phone | Kind::Email | Kind::Attachment => {
                Self::Text
            }
        }
    }

    /// The kind of value it is stored as, where one kind stands for it.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Boolean => Some(Kind::Boolean),
            Self::Integer => Some(Kind::Integer(Bounds::default())),
            Self::Decimal => Some(Kind::Decimal(Bounds::default())),
            Self::Text => Some(Kind::Text),
            Self::Date => Some(Kind::Date),
            Self::Datetime => Some(Kind::Datetime),
            Self::Duration => Some(Kind::Duration),
            Self::Texts => Some(Kind::Map),
            Self::Row(_, RowKind::Table(table)) => Some(Kind::Reference { table: Name::clone(table) }),
            Self::Row(..)
            | Self::Any
            | Self::Missing
            | Self::Object
            | Self::Array(_)
            | Self::List(..)
            | Self::Actor
            | Self::Entered
            | Self::Children
            | Self::Entry
            | Self::Tasks
            | Self::Range
            | Self::Supplies
            | Self::Supply(_)
            | Self::Calendar => None,
        }
    }

    /// What people call it.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Missing => "a missing value",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Decimal => "a decimal",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Datetime => "a datetime",
            Self::Duration => "a duration",
            Self::Texts => "a map",
            Self::Object => "an object",
            Self::Array(_) => "an array",
            Self::List(..) => "a list",
            Self::Row(..) => "a record",
            Self::Actor => "the actor",
            Self::Entered => "`entered`",
            Self::Children => "`children`",
            Self::Entry => "an entry",
            Self::Tasks => "`tasks`",
            Self::Range => "a range",
            Self::Supplies => "`resource`",
            Self::Supply(_) => "a resource",
            Self::Calendar => "the calendar",
        }
    }

    /// Whether it can be written into a text, as far as that is known.
    pub(super) fn is_written(&self) -> bool {
        match self {
            Self::Entered
            | Self::Children
            | Self::Entry
            | Self::Tasks
            | Self::Supplies
            | Self::Supply(_)
            | Self::Calendar
            | Self::Actor
            | Self::Range => false,
            Self::Any
            | Self::Missing
            | Self::Boolean
            | Self::Integer
            | Self::Decimal
            | Self::Text
            | Self::Date
            | Self::Datetime
            | Self::Duration
            | Self::Texts
            | Self::Object
            | Self::Array(_)
            | Self::List(..)
            | Self::Row(..) => true,
        }
    }

    /// The items, when it can be gone through.
    pub(super) fn item(&self) -> Option<Self> {
        match self {
            Self::Array(item) | Self::List(item, _) => Some((**item).clone()),
            Self::Range => Some(Self::Integer),
            Self::Any => Some(Self::Any),
            Self::Missing
            | Self::Boolean
            | Self::Integer
            | Self::Decimal
            | Self::Text
            | Self::Date
            | Self::Datetime
            | Self::Duration
            | Self::Texts
            | Self::Object
            | Self::Row(..)
            | Self::Actor
            | Self::Entered
            | Self::Children
            | Self::Entry
            | Self::Supplies
            | Self::Tasks
            | Self::Supply(_)
            | Self::Calendar => None,
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }

    /// What is known of a value that has this shape or another.
    pub(super) fn join(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::Integer, Self::Decimal) => Self::Decimal,
            (Self::Row(one, kind), Self::Row(two, other)) if Arc::ptr_eq(one, two) && kind == other => self,
            (Self::Row(..), _) => Self::Any,
            (Self::Decimal, Self::Integer) => self,
            (Self::Array(one), Self::Array(two)) => Self::Array(Box::new((**one).clone().join(two))),
            (Self::List(one, _), Self::List(two, _)) => Self::List(Box::new((**one).clone().join(two)), Vec::new()),
            (one, two) if std::mem::discriminant(one) == std::mem::discriminant(two) => self,
            _ => Self::Any,
        }
    }
}

/// The shape of the result of an operator; `None` when it does not go with these shapes.
pub(super) fn result(op: Op, left: &Shape, right: &Shape) -> Option<Shape> {
    match op {
        Op::Equal | Op::Unequal => equatable(left, right).then_some(Shape::Boolean),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => ordered(left, right).then_some(Shape::Boolean),
        Op::Contains => containing(left, right).then_some(Shape::Boolean),
        Op::Range | Op::RangeInclusive => {
            let whole = |shape: &Shape| matches!(shape, Shape::Integer | Shape::Any);
            (whole(left) && whole(right)).then_some(Shape::Range)
        }
        Op::And | Op::Or | Op::Xor => {
            let flag = |shape: &Shape| matches!(shape, Shape::Boolean | Shape::Any);
            (flag(left) && flag(right)).then_some(Shape::Boolean)
        }
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => arithmetic(op, left, right),
    }
}

fn ordered(left: &Shape, right: &Shape) -> bool {
    match (left, right) {
        (Shape::Any, other) | (other, Shape::Any) => {
            !matches!(other, Shape::Missing | Shape::Boolean | Shape::Row(..) | Shape::List(..))
        }
        (Shape::Text, Shape::Text)
        | (Shape::Date, Shape::Date)
        | (Shape::Datetime, Shape::Datetime)
        | (Shape::Duration, Shape::Duration) => true,
        (left, right) => left.is_number() && right.is_number(),
    }
}

fn equatable(left: &Shape, right: &Shape) -> bool {
    match (left, right) {
        (Shape::Any, other) | (other, Shape::Any) => !matches!(other, Shape::Missing),
        (Shape::Row(_, RowKind::Table(_)), Shape::Text) | (Shape::Text, Shape::Row(_, RowKind::Table(_))) => true,
        (Shape::Row(_, RowKind::Table(one)), Shape::Row(_, RowKind::Table(two))) => one == two,
        (Shape::Row(..), Shape::Row(..)) | (Shape::Boolean, Shape::Boolean) | (Shape::Texts, Shape::Texts) => true,
        (Shape::Array(one) | Shape::List(one, _), Shape::Array(two) | Shape::List(two, _)) => equatable(one, two),
        (left, right) => ordered(left, right),
    }
}

fn containing(whole: &Shape, inside: &Shape) -> bool {
    match whole {
        Shape::Array(item) | Shape::List(item, _) => equatable(item, inside),
        Shape::Text | Shape::Texts | Shape::Object => matches!(inside, Shape::Text | Shape::Any),
        Shape::Range => matches!(inside, Shape::Integer | Shape::Any),
        Shape::Any => !matches!(inside, Shape::Missing),
        Shape::Missing
        | Shape::Boolean
        | Shape::Integer
        | Shape::Decimal
        | Shape::Date
        | Shape::Datetime
        | Shape::Duration
        | Shape::Row(..)
        | Shape::Actor
        | Shape::Entered
        | Shape::Children
        | Shape::Entry
        | Shape::Supplies
        | Shape::Tasks
        | Shape::Supply(_)
        | Shape::Calendar => false,
    }
}

fn arithmetic(op: Op, left: &Shape, right: &Shape) -> Option<Shape> {
    let (add, subtract) = (op == Op::Add, op == Op::Subtract);
    match (left, right) {
        (Shape::Missing, _) | (_, Shape::Missing) => None,
        (Shape::Any, other) | (other, Shape::Any) => {
            (!matches!(other, Shape::Boolean | Shape::Row(..) | Shape::List(..))).then_some(Shape::Any)
        }
        (Shape::Integer, Shape::Integer) => Some(if op == Op::Divide { Shape::Decimal } else { Shape::Integer }),
        (left, right) if left.is_number() && right.is_number() => Some(Shape::Decimal),
        (Shape::Text, Shape::Text) if add => Some(Shape::Text),
        (Shape::Array(one), Shape::Array(two)) if add => Some(Shape::Array(Box::new((**one).clone().join(two)))),
        (Shape::Date, Shape::Date) if subtract => Some(Shape::Integer),
        (Shape::Datetime, Shape::Datetime) if subtract => Some(Shape::Duration),
        (Shape::Date, Shape::Integer | Shape::Duration) if add || subtract => Some(Shape::Date),
        (Shape::Datetime, Shape::Duration) if add || subtract => Some(Shape::Datetime),
        (Shape::Duration, Shape::Duration) if add || subtract => Some(Shape::Duration),
        (Shape::Duration, Shape::Date) if add => Some(Shape::Date),
        (Shape::Duration, Shape::Datetime) if add => Some(Shape::Datetime),
        (Shape::Duration, number) | (number, Shape::Duration) if op == Op::Multiply && number.is_number() => {
            Some(Shape::Duration)
        }
        _ => None,
    }
}
