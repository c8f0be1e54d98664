//! Values as clients read them, written straight into the answer: nothing is copied on the way.
//!
//! INVARIANT: what is written here is `engine::visible` of the fields, as `Record::to_json` has it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::model::{Name, Record, Value};

/// The fields of a workflow that somebody may not see, those of rows as `lines.unit_price`.
pub(super) type Hidden = Arc<BTreeSet<Name>>;

/// The fields of a case that somebody may see.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    record: Record,
    hidden: Hidden,
}

/// Something that clients read as the text that it displays as.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written<T>(pub(super) T);

impl Fields {
    /// What is left of `record` without what is hidden.
    pub(super) fn new(record: &Record, hidden: Hidden) -> Self {
        Self { record: record.clone(), hidden }
    }

    /// The text of a field, when it is seen and holds one.
    pub(super) fn text(&self, field: &str) -> Option<Name> {
        if self.hidden.contains(field) { None } else { self.record.text(field).map(Name::from) }
    }
}

impl<T: Display> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.record.iter().filter(|(name, _)| !self.hidden.contains(*name)) {
            match value.as_list().filter(|_| self.hidden.iter().any(|path| column(path, name).is_some())) {
                Some(items) => map.serialize_entry(&**name, &Items { items, list: name, hidden: &self.hidden })?,
                None => map.serialize_entry(&**name, &Plain(value))?,
            }
        }
        map.end()
    }
}

/// The items of a list of which some columns are hidden.
struct Items<'a> {
    items: &'a [Value],
    list: &'a str,
    hidden: &'a BTreeSet<Name>,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|item| Item { item, of: self }))
    }
}

struct Item<'a> {
    item: &'a Value,
    of: &'a Items<'a>,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(row) = self.item.as_row() else { return Plain(self.item).serialize(serializer) };
        let is_hidden = |name: &str| self.of.hidden.iter().any(|path| column(path, self.of.list) == Some(name));
        serializer.collect_map(row.iter().filter(|(name, _)| !is_hidden(name)).map(entry))
    }
}

/// The column that `path` names, when it is one of `list`.
fn column<'a>(path: &'a str, list: &str) -> Option<&'a str> {
    path.strip_prefix(list)?.strip_prefix('.')
}

/// A value of which nothing is hidden.
struct Plain<'a>(&'a Value);

fn entry<'a>((name, value): (&'a Name, &'a Value)) -> (&'a str, Plain<'a>) {
    (name, Plain(value))
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Integer(number) | Value::Duration(number) => serializer.serialize_i64(*number),
            Value::Decimal(number) => serializer.collect_str(number),
            Value::Boolean(flag) => serializer.serialize_bool(*flag),
            Value::Date(day) => serializer.collect_str(day),
            Value::Datetime(moment) => serializer.collect_str(moment),
            Value::List(items) => serializer.collect_seq(items.iter().map(Plain)),
            Value::Row(row) => serializer.collect_map(row.iter().map(entry)),
            Value::Map(map) => serializer.collect_map(map.iter().map(|(key, text)| (&**key, &**text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;
    use crate::model::Timestamp;

    fn record(fields: &[(&str, Value)]) -> Record {
        fields.iter().map(|(name, value)| (Name::from(*name), value.clone())).collect()
    }

    fn all_kinds() -> Record {
        let row = record(&[("a", Value::Integer(-7)), ("b", Value::text("\"乙\n"))]);
        let nested = record(&[("rows", Value::List(vec![Value::Row(row.clone())]))]);
        record(&[
            ("text", Value::text("文 \\ \u{1}")),
            ("decimal", Value::Decimal("12.50".parse().unwrap())),
            ("flag", Value::Boolean(true)),
            ("day", Value::Date("2026-09-24".parse().unwrap())),
            ("moment", Value::Datetime(Timestamp(1_500))),
            ("span", Value::Duration(90)),
            ("rows", Value::List(vec![Value::Row(row.clone()), Value::text("no row")])),
            ("nested", Value::List(vec![Value::Row(nested)])),
            ("row", Value::Row(row)),
            ("map", Value::Map([("k".into(), "v".into())].into())),
            ("empty", Value::List(Vec::new())),
        ])
    }

    #[test]
    fn what_is_written_is_what_is_visible() {
        let record = all_kinds();
        for hidden in [
            &[][..],
            &["text"],
            &["rows"],
            &["rows.a"],
            &["rows.a", "rows.b", "row.a", "nested.rows", "decimal"],
            &["row", "map.k", "rows.a.b", "unknown"],
        ] {
            let hidden: Hidden = Arc::new(hidden.iter().map(|path| Name::from(*path)).collect());
            let expected = serde_json::to_string(&engine::visible(&hidden, &record).to_json()).unwrap();
            let fields = Fields::new(&record, Arc::clone(&hidden));
            assert_eq!(serde_json::to_string(&fields).unwrap(), expected, "{hidden:?}");
            assert_eq!(fields.text("text").is_some(), !hidden.contains("text"), "{hidden:?}");
        }
        assert_eq!(Fields::new(&record, Hidden::default()).text("flag"), None);
    }
}
