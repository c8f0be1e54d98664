//! A plan: the tree of a script with every name resolved.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_decimal::Decimal;

use crate::field::{Field, Schema};
use crate::model::{Name, Place, Record, Severity, Value};

use super::super::operator::Op;

/// A script that can go the short way.
#[derive(Debug, Default)]
pub(in crate::rule) struct Plan {
    /// What an expression computes.
    pub(super) entry: Option<Function>,
    /// The functions of the script and of the modules it uses.
    pub(super) functions: Vec<Function>,
    /// Those by which a rule is called.
    pub(super) named: BTreeMap<&'static str, usize>,
}

/// A function: its parameters are the first places of its frame.
#[derive(Debug)]
pub(super) struct Function {
    /// How many places its frame has.
    pub(super) places: usize,
    /// What it does.
    pub(super) body: Node,
}

/// The name of a field, with the positions at which it was found last.
#[derive(Debug)]
pub(super) struct Member {
    /// The name.
    pub(super) name: Name,
    /// What a case has under this name besides its fields.
    pub(super) own: Option<Own>,
    in_schema: AtomicUsize,
    in_record: AtomicUsize,
}

/// What a case has besides its fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Own {
    Number,
    Stage,
    OpenedAt,
    OpenedBy,
}

impl Member {
    pub(super) fn new(name: &str) -> Self {
        let own = match name {
            "number" => Some(Own::Number),
            "stage" => Some(Own::Stage),
            "opened_at" => Some(Own::OpenedAt),
            "opened_by" => Some(Own::OpenedBy),
            _ => None,
        };
        Self { name: name.into(), own, in_schema: AtomicUsize::new(0), in_record: AtomicUsize::new(0) }
    }

    /// The field of this name.
    pub(super) fn field<'a>(&self, schema: &'a Schema) -> Option<&'a Field> {
        let near = schema.fields.get_index(self.in_schema.load(Ordering::Relaxed));
        if let Some((name, field)) = near
            && *name == self.name
        {
            return Some(field);
        }
        let (position, _, field) = schema.fields.get_full(&self.name)?;
        self.in_schema.store(position, Ordering::Relaxed);
        Some(field)
    }

    /// The value of the field of this name.
    pub(super) fn value<'a>(&self, record: &'a Record) -> Option<&'a Value> {
        let near = self.in_record.load(Ordering::Relaxed);
        let (position, value) = record.get_near(&self.name, near);
        if position != near {
            self.in_record.store(position, Ordering::Relaxed);
        }
        value
    }
}

/// A name that the language owns.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    Today,
    Now,
    Stage,
    Number,
    OpenedAt,
    OpenedBy,
    Actor,
    Setting,
    Input,
    Entered,
    Line,
}

/// A function of the language with one argument.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    IsSet,
    Len,
    IsEmpty,
    Keys,
    Sum,
    First,
    Last,
    Date,
}

/// A function of the language with two arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfTwo {
    Table,
    Get,
    Min,
    Max,
    HasRole,
    StartsWith,
    EndsWith,
}

/// A function of a list and a closure.
#[derive(Clone, Copy, Debug)]
pub(super) enum Each {
    Map,
    Filter,
    Any,
    All,
    None,
    Count,
    Find,
    Sum,
}

/// `fail`, `warn` or `note`.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) severity: Severity,
    pub(super) place: Place,
    pub(super) code: Node,
    pub(super) path: Node,
    pub(super) facts: Option<Node>,
}

/// A part of a script.
#[derive(Debug)]
pub(super) enum Node {
    Unit,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(Name),
    /// A text with `${...}`.
    Written(Vec<Node>),
    Array(Vec<Node>),
    Map(Vec<(Name, Node)>),
    /// What stands in a place of the frame.
    Local(usize),
    Word(Word),
    /// A bare field.
    Field(Member),
    Property(Box<Node>, Member),
    Index(Box<(Node, Node)>),
    Operate(Op, Box<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Coalesce(Vec<Node>),
    If(Box<(Node, Node, Node)>),
    Block(Vec<Node>),
    /// Puts a value into a place.
    Put(usize, Box<Node>),
    /// `x += y`
    PutBy(Op, usize, Box<Node>),
    /// `x[y] = z`
    PutAt(usize, Box<(Node, Node)>),
    Push(usize, Box<Node>),
    /// A loop: the place of the item, that of its position, what it goes over, what it does.
    For(usize, Option<usize>, Box<(Node, Node)>),
    Return(Box<Node>),
    Break,
    Continue,
    Call(usize, Vec<Node>),
    Of(Of, Box<Node>),
    OfTwo(OfTwo, Box<(Node, Node)>),
    /// A list, the place of the closure's parameter, and the closure.
    Each(Each, usize, Box<(Node, Node)>),
    Report(Box<Report>),
}
