//! From what a script gives to values and JSON.

use std::sync::Arc;

use rhai::Dynamic;
use rust_decimal::Decimal;

use crate::model::{Record, Value};

use super::fault::{Fault, MISMATCH};
use super::host::{Date, List, Moment, Row, RowRole, Span, Texts};

/// The value that a script gave; `None` when it is missing.
///
/// # Errors
/// When it is nothing that a field can hold.
pub(super) fn to_value(given: &Dynamic) -> Result<Option<Value>, Fault> {
    if given.is_unit() {
        return Ok(None);
    }
    if let Some(value) = scalar(given) {
        return Ok(Some(value));
    }
    if let Some(row) = given.read_lock::<Row>() {
        return row_value(&row).map(Some);
    }
    if let Some(list) = given.read_lock::<List>() {
        return match list.stored() {
            Some(values) => Ok(Some(Value::List(values))),
            None => Ok(Some(Value::List(all(list.iter())?))),
        };
    }
    if let Some(texts) = given.read_lock::<Texts>() {
        return Ok(Some(Value::Map((*texts.0).clone())));
    }
    if let Ok(items) = given.as_array_ref() {
        return Ok(Some(Value::List(all(items.iter().cloned())?)));
    }
    if let Ok(map) = given.as_map_ref() {
        return Ok(Some(Value::Row(record(&map)?)));
    }
    Err(Fault::new(MISMATCH, format!("a field can't hold {}", super::operator::type_name(given))))
}

/// The record that a script wrote as `#{ ... }`; missing values are left out.
///
/// # Errors
/// When one of its values is nothing that a field can hold.
pub(super) fn record(map: &rhai::Map) -> Result<Record, Fault> {
    let mut record = Record::new();
    for (name, given) in map {
        if let Some(value) = to_value(given)? {
            record.set(name.as_str().into(), value);
        }
    }
    Ok(record)
}

/// What a rule returned, as JSON for the field types to read; missing values are `null`.
///
/// # Errors
/// When a value is nothing that a field can hold.
pub(super) fn to_json(given: &Dynamic) -> Result<serde_json::Value, Fault> {
    if let Ok(map) = given.as_map_ref() {
        return map.iter().map(|(name, value)| Ok((name.to_string(), to_json(value)?))).collect();
    }
    if let Ok(items) = given.as_array_ref() {
        return items.iter().map(to_json).collect();
    }
    Ok(to_value(given)?.map_or(serde_json::Value::Null, |value| value.to_json()))
}

fn all(items: impl Iterator<Item = Dynamic>) -> Result<Vec<Value>, Fault> {
    let missing = || Fault::missing("a list");
    items.map(|item| to_value(&item)?.ok_or_else(missing)).collect()
}

fn scalar(given: &Dynamic) -> Option<Value> {
    if let Ok(flag) = given.as_bool() {
        return Some(Value::Boolean(flag));
    }
    if let Ok(number) = given.as_int() {
        return Some(Value::Integer(number));
    }
    if let Ok(letter) = given.as_char() {
        return Some(Value::Text(letter.to_string().into()));
    }
    if let Ok(text) = given.as_immutable_string_ref() {
        return Some(Value::Text(text.as_str().into()));
    }
    if let Some(number) = given.read_lock::<Decimal>() {
        return Some(Value::Decimal(*number));
    }
    if let Some(day) = given.read_lock::<Date>() {
        return Some(Value::Date(day.0));
    }
    if let Some(moment) = given.read_lock::<Moment>() {
        return Some(Value::Datetime(moment.0));
    }
    given.read_lock::<Span>().map(|span| Value::Duration(span.0))
}

fn row_value(row: &Row) -> Result<Value, Fault> {
    match row.role() {
        RowRole::Table { key, .. } => Ok(Value::Text(Arc::clone(key))),
        RowRole::Plain => Ok(Value::Row(row.record().cloned().unwrap_or_default())),
        RowRole::Case | RowRole::Kin(_) => Err(Fault::new(MISMATCH, "a field can't hold a whole case")),
    }
}
