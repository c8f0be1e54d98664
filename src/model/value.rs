//! Values: what a field of a case or a column of a table can hold.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::id::Name;
use super::time::Timestamp;

/// One value. An unset field has no value at all: it is absent from its [`Record`], and an expression that
/// leans on it is an error, never a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Text, choice, user, reference (a table row's key), phone, e-mail, attachment (its content hash).
    #[serde(rename = "t")]
    Text(Name),
    /// A whole number.
    #[serde(rename = "i")]
    Integer(i64),
    /// A decimal, an amount of money or a percentage: exact, never a float.
    #[serde(rename = "n")]
    Decimal(#[serde(with = "rust_decimal::serde::str")] Decimal),
    /// Yes or no.
    #[serde(rename = "b")]
    Boolean(bool),
    /// A calendar day.
    #[serde(rename = "d")]
    Date(NaiveDate),
    /// A moment.
    #[serde(rename = "at")]
    Datetime(Timestamp),
    /// A span of elapsed time, in seconds.
    #[serde(rename = "s")]
    Duration(i64),
    /// A list of rows or of plain values.
    #[serde(rename = "l")]
    List(Vec<Value>),
    /// A row of a list.
    #[serde(rename = "r")]
    Row(Record),
    /// Free names with a text each.
    #[serde(rename = "m")]
    Map(BTreeMap<Name, Name>),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items, when it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The row, when it is one.
    #[must_use]
    pub fn as_row(&self) -> Option<&Record> {
        if let Self::Row(row) = self { Some(row) } else { None }
    }

    /// The value as clients read it: decimals as strings (never a float), moments as RFC 3339, durations as
    /// seconds.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::Value::from(&**text),
            Self::Integer(number) => serde_json::Value::from(*number),
            Self::Decimal(number) => serde_json::Value::from(number.to_string()),
            Self::Boolean(flag) => serde_json::Value::from(*flag),
            Self::Date(day) => serde_json::Value::from(day.to_string()),
            Self::Datetime(moment) => serde_json::Value::from(moment.to_string()),
            Self::Duration(seconds) => serde_json::Value::from(*seconds),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Row(row) => row.to_json(),
            Self::Map(map) => {
                map.iter().map(|(key, text)| (key.to_string(), serde_json::Value::from(&**text))).collect()
            }
        }
    }
}

/// Named values in the order of their names. An unset field is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(BTreeMap<Name, Value>);

impl Record {
    /// A record without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `field`, or `None` when it is unset.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The text of `field`, when it is set and is a text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_text)
    }

    /// Sets `field`.
    pub fn set(&mut self, field: Name, value: Value) {
        self.0.insert(field, value);
    }

    /// Unsets `field`; says whether it was set.
    pub fn clear(&mut self, field: &str) -> bool {
        self.0.remove(field).is_some()
    }

    /// The values with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter()
    }

    /// How many values are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The record as clients read it; see [`Value::to_json`].
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(|(field, value)| (field.to_string(), value.to_json())).collect()
    }
}

impl FromIterator<(Name, Value)> for Record {
    fn from_iter<T: IntoIterator<Item = (Name, Value)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

impl IntoIterator for Record {
    type Item = (Name, Value);
    type IntoIter = std::collections::btree_map::IntoIter<Name, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
