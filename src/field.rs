//! Field types: what a field may hold, how it is read from what a client wrote, and how it describes itself.
//!
//! A type is one arm of [`Kind`]; the arms delegate to the files of this folder.

mod describe;
mod read;
mod resource;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rust_decimal::Decimal;

use crate::model::{Name, Title};

pub use describe::json_schema;
pub use read::{Problem, Reader, cell_to_json, coerce, read_value};
pub use resource::{Per, Resource, Resources};

/// The fields of a workflow, of a list's row, or the columns of a table, in the order in which they were
/// written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The fields by name.
    pub fields: IndexMap<Name, Field>,
}

impl Schema {
    /// The field called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its title; empty when the owner gave none.
    pub title: Title,
    /// What it holds.
    pub kind: Kind,
    /// When it must be set.
    pub required: Required,
    /// Whether only one case of the workflow may have each value.
    pub unique: bool,
    /// Whether it keeps its first value for ever.
    pub write_once: bool,
    /// Whether rows may be added and none changed or removed (lists only).
    pub append_only: bool,
    /// Whether a formula computes it; nobody can write it.
    pub computed: bool,
}

/// When a field must be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Required {
    /// Never.
    #[default]
    Never,
    /// From the opening on (in a row or a table: always).
    Always,
    /// After these transitions.
    By(Vec<Name>),
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Free text.
    Text,
    /// A whole number within bounds.
    Integer(Bounds),
    /// An exact decimal within bounds.
    Decimal(Bounds),
    /// An amount of money.
    Money(Bounds),
    /// A percentage; 15 means 15 %.
    Percent(Bounds),
    /// Yes or no.
    Boolean,
    /// A calendar day.
    Date,
    /// A moment.
    Datetime,
    /// A span of elapsed time.
    Duration,
    /// One of some names.
    Choice(IndexMap<Name, Title>),
    /// The key of a row of a table.
    Reference {
        /// The table.
        table: Name,
    },
    /// A person.
    User {
        /// The role the person should have.
        role: Option<Name>,
    },
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// The content hash of an attachment: 64 hexadecimal digits of SHA-256.
    Attachment,
    /// Free names with a text each.
    Map,
    /// A list.
    List(Box<ListKind>),
}

/// Bounds of a number, both inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest value.
    pub min: Option<Decimal>,
    /// The largest value.
    pub max: Option<Decimal>,
}

/// What a list holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ListKind {
    /// The fewest items.
    pub min: usize,
    /// The most items.
    pub max: usize,
    /// What the items are.
    pub of: Items,
    /// The names of its subsets (`lines.short`).
    pub subsets: Vec<Name>,
}

/// The items of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    /// Rows with fields of their own.
    Rows(Arc<Schema>),
    /// Plain values.
    Plain(Kind),
}

/// A reference table: its schema, and the column that is its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// The column whose text is the key; always required.
    pub key: Name,
    /// Its columns.
    pub columns: Arc<Schema>,
}

/// All reference tables by name.
pub type Tables = BTreeMap<Name, Table>;
