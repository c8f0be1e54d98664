//! A value of a view for people: choices and stages by their titles, moments by the clock of the workflow.

use chrono_tz::Tz;
use serde_json::{Value as Json, json};

use crate::field::{Items, Kind};
use crate::model::{Language, Name, Record, Title, Value};
use crate::workflow::{Shown, Workflow};

/// What stands between the items of a list.
const BETWEEN_ITEMS: &str = "; ";
/// What stands between the values of one of them.
const BETWEEN_VALUES: &str = ", ";

/// Writes the values of one workflow in one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording<'a> {
    /// The workflow.
    pub(super) workflow: &'a Workflow,
    /// The language.
    pub(super) language: Language,
}

impl Wording<'_> {
    /// The value as clients read it; where it has a title, with that.
    pub(super) fn json(&self, shown: &Shown, value: &Value) -> Json {
        match self.title(shown, value) {
            Some(title) => json!({ "value": value.to_json(), "title": title }),
            None => value.to_json(),
        }
    }

    /// The value as text.
    pub(super) fn text(&self, shown: &Shown, value: &Value) -> String {
        match (self.title(shown, value), shown) {
            (Some(title), _) => title,
            (None, Shown::Of(Some(kind))) => self.of_kind(kind, value),
            (None, Shown::Of(None) | Shown::Stage) => self.plain(value),
        }
    }

    /// The zone of its days and times.
    pub(super) fn zone(&self) -> Tz {
        self.workflow.zone
    }

    fn title(&self, shown: &Shown, value: &Value) -> Option<String> {
        let name = value.as_text()?;
        let title = match shown {
            Shown::Stage => self.workflow.stages.get(name).map(|stage| &stage.title),
            Shown::Of(Some(Kind::Choice(of))) => of.get(name),
            Shown::Of(_) => None,
        };
        Some(self.titled(title?, name))
    }

    fn titled(&self, title: &Title, name: &str) -> String {
        let text = title.text(self.language);
        if text.is_empty() { name.to_owned() } else { text.to_owned() }
    }

    fn of_kind(&self, kind: &Kind, value: &Value) -> String {
        match (kind, value) {
            (Kind::Choice(of), Value::Text(name)) => {
                of.get(name).map_or_else(|| name.to_string(), |title| self.titled(title, name))
            }
            (Kind::List(list), Value::List(items)) => {
                let texts = items.iter().map(|item| match (&list.of, item) {
                    (Items::Plain(kind), item) => self.of_kind(kind, item),
                    (Items::Rows(schema), Value::Row(row)) => {
                        // In the order in which they were declared, which is the one people know.
                        let known =
                            schema.fields.values().filter_map(|field| Some((&field.kind, row.get(&field.name)?)));
                        known.map(|(kind, value)| self.of_kind(kind, value)).collect::<Vec<_>>().join(BETWEEN_VALUES)
                    }
                    (Items::Rows(_), item) => self.plain(item),
                });
                texts.collect::<Vec<_>>().join(BETWEEN_ITEMS)
            }
            _ => self.plain(value),
        }
    }

    fn plain(&self, value: &Value) -> String {
        match value {
            Value::Text(text) => text.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => number.to_string(),
            Value::Boolean(flag) => self.flag(*flag).to_owned(),
            Value::Date(day) => day.to_string(),
            Value::Datetime(moment) => moment.local(self.workflow.zone).format("%Y-%m-%d %H:%M:%S").to_string(),
            Value::Duration(seconds) => span(*seconds),
            Value::List(items) => items.iter().map(|item| self.plain(item)).collect::<Vec<_>>().join(BETWEEN_ITEMS),
            Value::Row(row) => self.row(row),
            Value::Map(map) => {
                let entry = |(key, text): (&Name, &Name)| format!("{key}: {text}");
                map.iter().map(entry).collect::<Vec<_>>().join(BETWEEN_ITEMS)
            }
        }
    }

    fn row(&self, row: &Record) -> String {
        row.iter().map(|(_, value)| self.plain(value)).collect::<Vec<_>>().join(BETWEEN_VALUES)
    }

    fn flag(&self, flag: bool) -> &'static str {
        match (self.language, flag) {
            (Language::Zh, true) => "是",
            (Language::Zh, false) => "否",
            (Language::En, true) => "yes",
            (Language::En, false) => "no",
        }
    }
}

/// A span as hours, minutes and seconds, which spreadsheets understand.
pub(super) fn span(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    format!("{sign}{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_span_is_hours_minutes_and_seconds() {
        for (seconds, expected) in [(0, "0:00:00"), (3_661, "1:01:01"), (-90, "-0:01:30"), (360_000, "100:00:00")] {
            assert_eq!(span(seconds), expected);
        }
        assert_eq!(span(i64::MIN), "-2562047788015215:30:08");
    }
}
