//! Values: what a field of a case or a column of a table can hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
///
/// A clone shares the values until one of the two is changed, so that a case, its rows and what is decided on them
/// are handed around for the price of a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(Arc<Vec<(Name, Value)>>);

impl Record {
    /// A record without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `field`, or `None` when it is unset.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(self.place(field).ok()?).map(|(_, value)| value)
    }

    /// The value of `field`, looked for first at the position where it was, or would have been, in another record of
    /// this kind; and its position here.
    pub(crate) fn get_near(&self, field: &str, near: usize) -> (usize, Option<&Value>) {
        let found = self.0.get(near);
        if let Some((name, value)) = found
            && **name == *field
        {
            return (near, Some(value));
        }
        let before = near.checked_sub(1).and_then(|before| self.0.get(before));
        let above = |(name, _): &(Name, Value)| **name > *field;
        if found.is_none_or(above) && (near == 0 || before.is_some_and(|before| !above(before) && *before.0 != *field))
        {
            return (near, None);
        }
        match self.place(field) {
            Ok(place) => (place, self.0.get(place).map(|(_, value)| value)),
            Err(place) => (place, None),
        }
    }

    /// The text of `field`, when it is set and is a text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_text)
    }

    /// Sets `field`.
    pub fn set(&mut self, field: Name, value: Value) {
        let place = self.place(&field);
        let values = Arc::make_mut(&mut self.0);
        match place {
            Ok(place) => {
                if let Some((_, old)) = values.get_mut(place) {
                    *old = value;
                }
            }
            Err(place) => values.insert(place, (field, value)),
        }
    }

    /// Unsets `field`; says whether it was set.
    pub fn clear(&mut self, field: &str) -> bool {
        let place = self.place(field);
        place.is_ok_and(|place| {
            Arc::make_mut(&mut self.0).remove(place);
            true
        })
    }

    /// Whether both are one and the same: a clone of which neither was changed.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The values with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
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
        self.iter().map(|(field, value)| (field.to_string(), value.to_json())).collect()
    }

    /// Where `field` stands, or would stand.
    fn place(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| (**name).cmp(field))
    }
}

impl FromIterator<(Name, Value)> for Record {
    /// Of two values under one name, the later one counts.
    fn from_iter<T: IntoIterator<Item = (Name, Value)>>(values: T) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        if !values.is_sorted_by(|(one, _), (next, _)| one < next) {
            values = values.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
        }
        Self(Arc::new(values))
    }
}

impl IntoIterator for Record {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Values)
    }
}

/// Reads a [`Record`].
struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("named values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut values = Vec::new();
        while let Some(entry) = map.next_entry()? {
            values.push(entry);
        }
        Ok(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(values: &[(&str, i64)]) -> Record {
        values.iter().map(|(name, number)| (Name::from(*name), Value::Integer(*number))).collect()
    }

    #[test]
    fn values_stand_in_the_order_of_their_names_and_the_later_of_two_counts() {
        let rows: [(&[(&str, i64)], &str); 4] = [
            (&[], "{}"),
            (&[("b", 1), ("a", 2)], r#"{"a":{"i":2},"b":{"i":1}}"#),
            (&[("a", 1), ("a", 2), ("a", 3)], r#"{"a":{"i":3}}"#),
            (&[("b", 1), ("a", 2), ("b", 3), ("a", 4)], r#"{"a":{"i":4},"b":{"i":3}}"#),
        ];
        for (values, json) in rows {
            let mut set = Record::new();
            values.iter().for_each(|(name, number)| set.set(Name::from(*name), Value::Integer(*number)));
            assert_eq!(set, record(values));
            assert_eq!(serde_json::to_string(&set).unwrap(), json);
            assert_eq!(serde_json::from_str::<Record>(json).unwrap(), set);
        }
        assert_eq!(serde_json::from_str::<Record>(r#"{"b":{"i":1},"a":{"i":2},"b":{"i":3}}"#).unwrap(), {
            record(&[("a", 2), ("b", 3)])
        });
    }

    #[test]
    fn wherever_it_is_looked_for_a_value_is_found_or_not() {
        let values = record(&[("b", 1), ("d", 2), ("f", 3)]);
        for (field, place) in [("a", 0), ("b", 0), ("c", 1), ("d", 1), ("e", 2), ("f", 2), ("g", 3)] {
            for near in 0..6 {
                assert_eq!(values.get_near(field, near), (place, values.get(field)), "{field} near {near}");
            }
        }
        assert_eq!(Record::new().get_near("a", 2), (0, None));
    }

    #[test]
    fn a_clone_keeps_its_values_when_the_other_changes() {
        let before = record(&[("a", 1), ("b", 2)]);
        let mut after = before.clone();
        after.set("a".into(), Value::Integer(3));
        assert!(after.clear("b") && !after.clear("b"));
        assert_eq!((before, after), (record(&[("a", 1), ("b", 2)]), record(&[("a", 3)])));
    }
}
