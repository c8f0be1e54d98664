//! Reading: from what a client wrote to values, with every mistake at its path.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::diagnostic::did_you_mean;
use crate::model::limit::{LIST_ROWS_MAX, MAP_ENTRIES_MAX, TEXT_CHARS_MAX};
use crate::model::{Name, Record, Timestamp, Title, Value};

use super::{Bounds, Field, Items, Kind, ListKind, Required, Schema};

/// A mistake in what a client wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as `lines[0].discount`.
    pub path: String,
    /// The stable code.
    pub code: &'static str,
    /// The sentence, with what to do.
    pub message: Title,
}

/// Reads values; collects every mistake instead of stopping at the first.
pub struct Reader<'a> {
    /// The zone of times that are written without one.
    pub zone: Tz,
    /// Says whether a table has a row under a key.
    pub exists: &'a dyn Fn(&str, &str) -> bool,
    /// The mistakes so far.
    pub problems: Vec<Problem>,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("zone", &self.zone).field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    /// A reader in `zone` that looks rows up with `exists`.
    #[must_use]
    pub fn new(zone: Tz, exists: &'a dyn Fn(&str, &str) -> bool) -> Self {
        Self { zone, exists, problems: Vec::new() }
    }

    /// Reads an object by a schema: unknown, computed and mistyped fields are problems, missing required ones
    /// (`Required::Always`) too. `path` is empty at the top.
    pub fn record(&mut self, _schema: &Schema, _json: &serde_json::Map<String, Json>, _path: &str) -> Record {
        Record::new()
    }
}

/// Reads one value; `None` when it is `null` or wrong.
pub fn read_value(_reader: &mut Reader<'_>, _kind: &Kind, _json: &Json, _path: &str) -> Option<Value> {
    None
}

/// A cell of a CSV file as the JSON that [`read_value`] takes for this kind; an empty cell is `null`.
#[must_use]
pub fn cell_to_json(_kind: &Kind, _cell: &str) -> Json {
    Json::Null
}

/// Makes a computed value one of the kind (a whole number becomes a decimal, ...); `None` when it can't be.
#[must_use]
pub fn coerce(_kind: &Kind, _value: Value) -> Option<Value> {
    None
}
