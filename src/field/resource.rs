//! A resource as it is defined: what its pools are, and how a row names a pool and a quantity of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{Bounds, Field, Items, Kind, ListKind, Required, Schema, Table};
use crate::model::limit::LIST_ROWS_MAX;
use crate::model::{Name, Record, Title, Value};

/// All resources by name.
pub type Resources = BTreeMap<Name, Resource>;

/// A resource: something finite of which cases hold a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// What its pools are.
    pub per: Per,
    /// The field of a row that names the pool.
    pub key: Name,
    /// The field of a row that says how much.
    pub quantity: Name,
    /// What is on hand in a pool that nobody has set.
    pub default: Decimal,
}

/// What the pools of a resource are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Per {
    /// The rows of a table.
    Table(Name),
    /// Calendar days.
    Day,
}

impl Resource {
    /// The key of the pool that a value names; `None` for one that names none.
    #[must_use]
    pub fn key_of(&self, value: &Value) -> Option<Name> {
        match (&self.per, value) {
            (Per::Table(_), Value::Text(key)) => Some(Name::clone(key)),
            (Per::Day, Value::Date(day)) => Some(day.to_string().into()),
            (Per::Day, Value::Text(day)) => day.parse::<NaiveDate>().ok().map(|day| day.to_string().into()),
            (
                Per::Table(_) | Per::Day,
                Value::Integer(_)
                | Value::Decimal(_)
                | Value::Boolean(_)
                | Value::Date(_)
                | Value::Datetime(_)
                | Value::Duration(_)
                | Value::List(_)
                | Value::Row(_)
                | Value::Map(_),
            ) => None,
        }
    }

    /// The key of the pool that a row names, and how much of it the row says; what it does not say is `None`.
    #[must_use]
    pub fn of_row(&self, row: &Record) -> (Option<Name>, Option<Decimal>) {
        (row.get(&self.key).and_then(|key| self.key_of(key)), row.get(&self.quantity).and_then(number))
    }

    /// A pool as a row that is read: its key, what is on hand, what arrives.
    #[must_use]
    pub fn table(&self) -> Table {
        let number = || Kind::Decimal(Bounds::default());
        let arrivals = [
            field("id", Kind::Text, Required::Always),
            field("on", Kind::Date, Required::Always),
            field("quantity", number(), Required::Always),
        ];
        let of = Items::Rows(Arc::new(Schema { fields: arrivals.into() }));
        let arrivals = ListKind { min: 0, max: LIST_ROWS_MAX, of, subsets: Vec::new() };
        let columns = [
            field("key", self.key_kind(), Required::Always),
            field("on_hand", number(), Required::Never),
            field("arrivals", Kind::List(Box::new(arrivals)), Required::Never),
        ];
        let columns = Arc::new(Schema { fields: columns.into() });
        Table { name: Name::clone(&self.name), title: self.title.clone(), key: "key".into(), columns }
    }

    /// What keeps rows with these fields from naming a pool and a quantity, said to a person.
    #[must_use]
    pub fn unfit(&self, rows: &Schema) -> Option<String> {
        let (key, quantity) = (rows.get(&self.key), rows.get(&self.quantity));
        if !key.is_some_and(|key| self.takes_key(&key.kind)) {
            let wanted = match &self.per {
                Per::Table(table) => format!("a reference to `{table}`"),
                Per::Day => "a date".to_owned(),
            };
            return Some(format!("have no field `{}` that is {wanted}", self.key));
        }
        if !quantity.is_some_and(|quantity| is_number(&quantity.kind)) {
            return Some(format!("have no field `{}` that is a number", self.quantity));
        }
        None
    }

    /// Whether a value of this kind names a pool.
    #[must_use]
    pub fn takes_key(&self, kind: &Kind) -> bool {
        *kind == self.key_kind()
    }

    /// The kind of value that names a pool.
    #[must_use]
    pub fn key_kind(&self) -> Kind {
        match &self.per {
            Per::Table(table) => Kind::Reference { table: Name::clone(table) },
            Per::Day => Kind::Date,
        }
    }
}

fn field(name: &str, kind: Kind, required: Required) -> (Name, Field) {
    let field = Field {
        name: name.into(),
        title: Title::default(),
        kind,
        required,
        unique: false,
        write_once: false,
        append_only: false,
        computed: false,
    };
    (name.into(), field)
}

/// The number that a value is.
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

fn is_number(kind: &Kind) -> bool {
    matches!(kind, Kind::Integer(_) | Kind::Decimal(_))
}
