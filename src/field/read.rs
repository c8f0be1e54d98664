//! Reading: from what a client wrote to values, with every mistake at its path.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use crate::diagnostic::did_you_mean;
use crate::model::limit::{MAP_ENTRIES_MAX, TEXT_CHARS_MAX};
use crate::model::{Name, Record, Timestamp, Title, Value};

use super::{Bounds, Items, Kind, ListKind, Required, Schema};

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
    /// (`Required::Always`) too. `path` is empty at the top. What was read is returned whatever the problems.
    pub fn record(&mut self, schema: &Schema, json: &Map<String, Json>, path: &str) -> Record {
        let record = self.fields(schema, json, path);
        self.require(schema, &record, path);
        record
    }

    /// Like [`Self::record`] without asking for the required fields.
    pub fn fields(&mut self, schema: &Schema, json: &Map<String, Json>, path: &str) -> Record {
        let mut record = Record::new();
        for (name, value) in json {
            let path = join(path, name);
            let Some(field) = schema.get(name) else {
                self.unknown(schema, name, &path);
                continue;
            };
            if field.computed {
                self.problem(&path, "computed", "由公式计算,不能填写", "is computed by a formula; leave it out");
            } else if let Some(value) = read_value(self, &field.kind, value, &path) {
                record.set(Arc::clone(&field.name), value);
            }
        }
        record
    }

    /// Reports every `Required::Always` field that `record` or a row in it lacks. A field that was given and could not be read
    /// has been reported already.
    pub fn require(&mut self, schema: &Schema, record: &Record, path: &str) {
        for field in schema.fields.values() {
            let path = join(path, &field.name);
            match (record.get(&field.name), &field.kind) {
                (None, _) if field.required == Required::Always && !field.computed => self.require_one(&path),
                (Some(value), kind) => self.require_rows(kind, value, &path),
                (None, _) => {}
            }
        }
    }

    fn require_one(&mut self, path: &str) {
        if !self.problems.iter().any(|problem| problem.path.starts_with(path)) {
            self.problem(path, "required", "必填", "is required");
        }
    }

    /// Reports every required field that a row of the list `value` lacks; nothing for other kinds.
    pub fn require_rows(&mut self, kind: &Kind, value: &Value, path: &str) {
        let (Kind::List(list), Value::List(items)) = (kind, value) else { return };
        let Items::Rows(schema) = &list.of else { return };
        if !items.iter().any(|item| item.as_row().is_some_and(|row| lacks(schema, row))) {
            return;
        }
        for (index, row) in items.iter().enumerate() {
            if let Value::Row(row) = row {
                self.require(schema, row, &format!("{path}[{index}]"));
            }
        }
    }

    fn unknown(&mut self, schema: &Schema, name: &str, path: &str) {
        let writable = schema.fields.values().filter(|field| !field.computed).map(|field| &*field.name);
        let (zh, en) = match did_you_mean(name, writable) {
            Some(near) => {
                (format!("没有此字段,是否指 `{near}`?"), format!("is not a field here; did you mean `{near}`?"))
            }
            None => ("没有此字段".to_owned(), "is not a field here".to_owned()),
        };
        self.problem(path, "unknown_field", &zh, &en);
    }

    fn problem(&mut self, path: &str, code: &'static str, zh: &str, en: &str) {
        self.problems.push(Problem { path: path.to_owned(), code, message: Title::new(zh, en) });
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether the row, or a row in it, lacks a required field.
fn lacks(schema: &Schema, row: &Record) -> bool {
    schema.fields.values().any(|field| {
        if let (Kind::List(list), Some(Value::List(items))) = (&field.kind, row.get(&field.name)) {
            let Items::Rows(rows) = &list.of else { return false };
            return items.iter().any(|item| item.as_row().is_some_and(|row| lacks(rows, row)));
        }
        field.required == Required::Always && !field.computed && row.get(&field.name).is_none()
    })
}

/// Reads one value; `None` when it is `null` or wrong (then there is a problem more).
pub fn read_value(reader: &mut Reader<'_>, kind: &Kind, json: &Json, path: &str) -> Option<Value> {
    if json.is_null() {
        return None;
    }
    match kind {
        Kind::Text => text(reader, json, path).map(|text| Value::Text(text.into())),
        Kind::Integer(bounds) => integer(reader, *bounds, json, path),
        Kind::Decimal(bounds) | Kind::Money(bounds) | Kind::Percent(bounds) => decimal(reader, *bounds, json, path),
        Kind::Boolean => boolean(reader, json, path),
        Kind::Date => date(reader, json, path),
        Kind::Datetime => datetime(reader, json, path),
        Kind::Duration => duration(reader, json, path),
        Kind::Choice(of) => choice(reader, &mut of.keys(), json, path),
        Kind::Reference { table } => reference(reader, table, json, path),
        Kind::User { .. } => user(reader, json, path),
        Kind::Phone => phone(reader, json, path),
        Kind::Email => email(reader, json, path),
        Kind::Attachment => attachment(reader, json, path),
        Kind::Map => map(reader, json, path),
        Kind::List(list) => items(reader, list, json, path),
    }
}

fn text<'j>(reader: &mut Reader<'_>, json: &'j Json, path: &str) -> Option<&'j str> {
    let Some(text) = json.as_str() else {
        reader.problem(path, "not_a_text", "须为文本", "must be a text");
        return None;
    };
    if text.chars().count() > TEXT_CHARS_MAX {
        let (zh, en) = (format!("最多 {TEXT_CHARS_MAX} 个字符"), format!("has more than {TEXT_CHARS_MAX} characters"));
        reader.problem(path, "too_long", &zh, &en);
        return None;
    }
    // An empty text is an unset one: otherwise a required field could be "answered" with nothing.
    if text.trim().is_empty() { None } else { Some(text) }
}

fn integer(reader: &mut Reader<'_>, bounds: Bounds, json: &Json, path: &str) -> Option<Value> {
    let Some(number) = json.as_i64() else {
        reader.problem(path, "not_an_integer", "须为整数", "must be a whole number");
        return None;
    };
    within(reader, bounds, Decimal::from(number), path).then_some(Value::Integer(number))
}

fn decimal(reader: &mut Reader<'_>, bounds: Bounds, json: &Json, path: &str) -> Option<Value> {
    let number = match json {
        Json::Number(number) => parse_decimal(&number.to_string()),
        Json::String(text) => parse_decimal(text.trim()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    };
    let Some(number) = number else {
        reader.problem(path, "not_a_decimal", "须为十进制数,例如 \"12.50\"", "must be a decimal, such as \"12.50\"");
        return None;
    };
    within(reader, bounds, number, path).then_some(Value::Decimal(number))
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn within(reader: &mut Reader<'_>, bounds: Bounds, number: Decimal, path: &str) -> bool {
    if let Some(min) = bounds.min.filter(|min| number < *min) {
        reader.problem(path, "too_small", &format!("不得小于 {min}"), &format!("must be at least {min}"));
        return false;
    }
    if let Some(max) = bounds.max.filter(|max| number > *max) {
        reader.problem(path, "too_large", &format!("不得大于 {max}"), &format!("must be at most {max}"));
        return false;
    }
    true
}

fn boolean(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let flag = json.as_bool();
    if flag.is_none() {
        reader.problem(path, "not_a_boolean", "须为 true 或 false", "must be true or false");
    }
    flag.map(Value::Boolean)
}

fn date(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let day = json.as_str().and_then(|text| NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok());
    if day.is_none() {
        reader.problem(path, "not_a_date", "须为日期,例如 2026-09-24", "must be a date, such as 2026-09-24");
    }
    day.map(Value::Date)
}

fn datetime(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let moment = json.as_str().map(str::trim).and_then(|text| {
        let local = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let zoned = Timestamp::parse(text).ok();
        zoned.or_else(|| local.map(|local| Timestamp::from_local(local, reader.zone)))
    });
    if moment.is_none() {
        let example = "2026-09-24T09:00:00+08:00";
        let (zh, en) = (format!("须为日期时间,例如 {example}"), format!("must be a date and time, such as {example}"));
        reader.problem(path, "not_a_datetime", &zh, &en);
    }
    moment.map(Value::Datetime)
}

fn duration(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let seconds = json.as_i64().or_else(|| json.as_str().and_then(parse_span)).filter(|seconds| *seconds >= 0);
    if seconds.is_none() {
        let (zh, en) = ("须为秒数或时长,例如 90m、24h、2d", "must be seconds or a span, such as 90m, 24h, 2d");
        reader.problem(path, "not_a_duration", zh, en);
    }
    seconds.map(Value::Duration)
}

fn parse_span(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds)
}

fn choice(reader: &mut Reader<'_>, of: &mut dyn Iterator<Item = &Name>, json: &Json, path: &str) -> Option<Value> {
    let text = text(reader, json, path)?;
    let names: Vec<&Name> = of.collect();
    if let Some(name) = names.iter().find(|name| name.as_ref() == text) {
        return Some(Value::Text(Arc::clone(name)));
    }
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let near = did_you_mean(text, names.iter().map(|name| &***name));
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let en = format!("`{text}` is not one of {list}{hint}");
    reader.problem(path, "not_a_choice", &format!("`{text}` 不在可选值之中: {list}"), &en);
    None
}

fn reference(reader: &mut Reader<'_>, table: &Name, json: &Json, path: &str) -> Option<Value> {
    let key = text(reader, json, path)?;
    if (reader.exists)(table, key) {
        return Some(Value::text(key));
    }
    let (zh, en) = (format!("表 `{table}` 中没有 `{key}`"), format!("there is no `{key}` in the table `{table}`"));
    reader.problem(path, "unknown_reference", &zh, &en);
    None
}

fn user(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let text = text(reader, json, path)?;
    if text.chars().all(|letter| letter.is_alphanumeric() || "._-@+".contains(letter)) && text.chars().count() <= 100 {
        return Some(Value::text(text));
    }
    reader.problem(path, "not_a_user", "不是用户标识", "must be a user id: letters, digits and . _ - @ +");
    None
}

fn phone(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let text = text(reader, json, path)?;
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if (3..=20).contains(&digits) && text.chars().all(|letter| letter.is_ascii_digit() || "+-() .x/#".contains(letter))
    {
        return Some(Value::text(text.trim()));
    }
    reader.problem(path, "not_a_phone", "不是电话号码", "must be a telephone number");
    None
}

fn email(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let text = text(reader, json, path)?.trim();
    let parts = text.split_once('@');
    let sound = parts.is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
    });
    if sound && !text.contains(char::is_whitespace) {
        return Some(Value::text(text));
    }
    reader.problem(path, "not_an_email", "不是电子邮件地址", "must be an e-mail address");
    None
}

fn attachment(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let text = text(reader, json, path)?;
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Some(Value::text(text));
    }
    let (zh, en) =
        ("须为附件内容的 SHA-256(64 位十六进制)", "must be the SHA-256 of the attachment, 64 hexadecimal digits");
    reader.problem(path, "not_an_attachment", zh, en);
    None
}

fn map(reader: &mut Reader<'_>, json: &Json, path: &str) -> Option<Value> {
    let Some(object) = json.as_object() else {
        reader.problem(path, "not_a_map", "须为名称到文本的映射", "must be an object of names with a text each");
        return None;
    };
    if object.len() > MAP_ENTRIES_MAX {
        let en = format!("has more than {MAP_ENTRIES_MAX} entries");
        reader.problem(path, "too_many", &format!("最多 {MAP_ENTRIES_MAX} 项"), &en);
        return None;
    }
    let mut map: BTreeMap<Name, Name> = BTreeMap::new();
    for (name, value) in object {
        if let Some(value) = text(reader, value, &join(path, name)) {
            map.insert(name.as_str().into(), value.into());
        }
    }
    Some(Value::Map(map))
}

fn items(reader: &mut Reader<'_>, list: &ListKind, json: &Json, path: &str) -> Option<Value> {
    let Some(array) = json.as_array() else {
        reader.problem(path, "not_a_list", "须为列表", "must be a list");
        return None;
    };
    if array.len() < list.min || array.len() > list.max {
        let (min, max) = (list.min, list.max);
        let (zh, en) =
            (format!("须有 {min} 至 {max} 项"), format!("must have {min} to {max} items, has {}", array.len()));
        reader.problem(path, "wrong_count", &zh, &en);
        return None;
    }
    let mut items = Vec::with_capacity(array.len());
    for (index, item) in array.iter().enumerate() {
        items.extend(read_item(reader, &list.of, item, &format!("{path}[{index}]")));
    }
    Some(Value::List(items))
}

fn read_item(reader: &mut Reader<'_>, of: &Items, json: &Json, path: &str) -> Option<Value> {
    match (of, json) {
        (Items::Rows(schema), Json::Object(row)) => Some(Value::Row(reader.fields(schema, row, path))),
        (Items::Rows(_), _) => {
            reader.problem(path, "not_a_row", "须为一行(对象)", "must be a row: an object with fields");
            None
        }
        (Items::Plain(_), Json::Null) => {
            reader.problem(path, "required", "不得为空", "must not be null");
            None
        }
        (Items::Plain(kind), json) => read_value(reader, kind, json, path),
    }
}

/// A cell of a CSV file as the JSON that [`read_value`] takes for this kind; an empty cell is `null`. Lists of
/// plain values are separated by `|`; rows, maps and lists of rows are JSON.
#[must_use]
pub fn cell_to_json(kind: &Kind, cell: &str) -> Json {
    let cell = cell.trim();
    if cell.is_empty() {
        return Json::Null;
    }
    match kind {
        Kind::Integer(_) => cell.parse::<i64>().map_or_else(|_| Json::from(cell), Json::from),
        Kind::Boolean => match cell.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "是" => Json::from(true),
            "false" | "no" | "0" | "否" => Json::from(false),
            _ => Json::from(cell),
        },
        Kind::Duration => cell.parse::<i64>().map_or_else(|_| Json::from(cell), Json::from),
        Kind::Map => serde_json::from_str(cell).unwrap_or_else(|_| Json::from(cell)),
        Kind::List(list) => match &list.of {
            Items::Plain(_) if !cell.starts_with('[') => {
                Json::Array(cell.split('|').map(|item| item_to_json(list, item)).collect())
            }
            Items::Plain(_) | Items::Rows(_) => serde_json::from_str(cell).unwrap_or_else(|_| Json::from(cell)),
        },
        Kind::Text
        | Kind::Decimal(_)
        | Kind::Money(_)
        | Kind::Percent(_)
        | Kind::Date
        | Kind::Datetime
        | Kind::Choice(_)
        | Kind::Reference { .. }
        | Kind::User { .. }
        | Kind::Phone
        | Kind::Email
        | Kind::Attachment => Json::from(cell),
    }
}

fn item_to_json(list: &ListKind, item: &str) -> Json {
    match &list.of {
        Items::Plain(kind) => cell_to_json(kind, item),
        Items::Rows(_) => Json::from(item),
    }
}

/// Makes a computed value one of the kind: a whole number becomes a decimal, a whole decimal an integer;
/// everything else must be of the kind already. `None` when it is not.
#[must_use]
pub fn coerce(kind: &Kind, value: Value) -> Option<Value> {
    match (kind, value) {
        (Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), Value::Integer(number)) => {
            Some(Value::Decimal(Decimal::from(number)))
        }
        (Kind::Integer(_), Value::Decimal(number)) if number.is_integer() => {
            i64::try_from(number.trunc()).ok().map(Value::Integer)
        }
        // What a calculation left behind the last digit that counts is no part of the amount.
        (Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), Value::Decimal(number)) => {
            Some(Value::Decimal(number.normalize()))
        }
        (Kind::Choice(of), Value::Text(text)) => of.contains_key(&text).then_some(Value::Text(text)),
        (Kind::List(list), Value::List(items)) => {
            let items: Option<Vec<Value>> = items.into_iter().map(|item| coerce_item(&list.of, item)).collect();
            items.map(Value::List)
        }
        (kind, value) => fits(kind, &value).then_some(value),
    }
}

fn coerce_item(of: &Items, item: Value) -> Option<Value> {
    match (of, item) {
        (Items::Plain(kind), item) => coerce(kind, item),
        (Items::Rows(schema), Value::Row(row)) => {
            let mut coerced = Record::new();
            for (name, value) in row {
                coerced.set(Arc::clone(&name), coerce(&schema.get(&name)?.kind, value)?);
            }
            Some(Value::Row(coerced))
        }
        (Items::Rows(_), _) => None,
    }
}

fn fits(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Text
        | Kind::Choice(_)
        | Kind::Reference { .. }
        | Kind::User { .. }
        | Kind::Phone
        | Kind::Email
        | Kind::Attachment => matches!(value, Value::Text(_)),
        Kind::Integer(_) => matches!(value, Value::Integer(_)),
        Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_) => matches!(value, Value::Decimal(_)),
        Kind::Boolean => matches!(value, Value::Boolean(_)),
        Kind::Date => matches!(value, Value::Date(_)),
        Kind::Datetime => matches!(value, Value::Datetime(_)),
        Kind::Duration => matches!(value, Value::Duration(_)),
        Kind::Map => matches!(value, Value::Map(_)),
        Kind::List(_) => matches!(value, Value::List(_)),
    }
}

#[cfg(test)]
mod tests;
