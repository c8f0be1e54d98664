//! The functions of the language that plans know, and what becomes of the values they give.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;

use chrono::Datelike;

use super::super::operator::Op;
use super::equal::order;
use super::evaluate::{Answer, Stop, Walk, length, truth};
use super::node::{Each, Node, Of, OfTwo};
use super::operate::calculated;
use super::value::Val;
use crate::model::limit::RULE_STRING_BYTES_MAX;
use crate::model::{Name, Record, Value};

impl<'a> Walk<'a> {
    /// A function with one argument.
    pub(super) fn of(&mut self, of: Of, value: &Val<'a>) -> Answer<'a> {
        match of {
            Of::IsSet => Ok(Val::Boolean(is_set(value))),
            Of::Len => count(value).map(|count| Val::Integer(i64::try_from(count).unwrap_or(i64::MAX))),
            Of::IsEmpty => count(value).map(|count| Val::Boolean(count == 0)),
            Of::Keys => self.keys(value),
            Of::Sum => {
                let items = length(value).ok_or(Stop::Slow)?;
                self.spend(items)?;
                let mut total = None;
                for index in 0..items {
                    let item = self.item_at(value, index)?;
                    total = Some(added(total, item)?);
                }
                Ok(total.unwrap_or(Val::Integer(0)))
            }
            Of::First | Of::Last => match length(value).ok_or(Stop::Slow)? {
                0 => Ok(Val::Unit),
                items => self.item_at(value, if matches!(of, Of::First) { 0 } else { items - 1 }),
            },
            Of::Date => {
                let Val::Moment(moment) = value else { return Err(Stop::Slow) };
                Ok(Val::Date(moment.day(self.facts.zone)))
            }
        }
    }

    /// A function with two arguments.
    pub(super) fn of_two(&mut self, of: OfTwo, one: Val<'a>, other: Val<'a>) -> Answer<'a> {
        let texts = || one.text().zip(other.text()).ok_or(Stop::Slow);
        match of {
            OfTwo::Table => self.table(&one, &other),
            OfTwo::Get => self.at(&one, other.text().ok_or(Stop::Slow)?, true),
            OfTwo::Min => Ok(if order(&one, &other).ok_or(Stop::Slow)?.is_le() { one } else { other }),
            OfTwo::Max => Ok(if order(&one, &other).ok_or(Stop::Slow)?.is_ge() { one } else { other }),
            OfTwo::HasRole => {
                let (Val::Actor, Some(role)) = (&one, other.text()) else { return Err(Stop::Slow) };
                Ok(Val::Boolean(self.facts.actor.has(role)))
            }
            OfTwo::StartsWith => texts().map(|(text, part)| Val::Boolean(text.starts_with(&**part))),
            OfTwo::EndsWith => texts().map(|(text, part)| Val::Boolean(text.ends_with(&**part))),
        }
    }

    /// A function of a list and a closure.
    pub(super) fn each(&mut self, each: Each, list: &Val<'a>, place: usize, body: &'a Node) -> Answer<'a> {
        let (mut kept, mut total) = (Vec::new(), None);
        for index in 0..length(list).ok_or(Stop::Slow)? {
            self.spend(1)?;
            let item = self.item_at(list, index)?;
            let given = self.closure(place, item.clone(), body)?;
            match each {
                Each::Map => kept.push(given),
                Each::Sum => total = Some(added(total, given)?),
                Each::Filter | Each::Count => kept.extend(truth(&given)?.then_some(item)),
                Each::Find if truth(&given)? => return Ok(item),
                Each::Any if truth(&given)? => return Ok(Val::Boolean(true)),
                Each::All if !truth(&given)? => return Ok(Val::Boolean(false)),
                Each::None if truth(&given)? => return Ok(Val::Boolean(false)),
                Each::Find | Each::Any | Each::All | Each::None => {}
            }
        }
        // Lists in lists have a limit, which Rhai knows.
        if kept.iter().any(|item| length(item).is_some() || matches!(item, Val::Map(_))) {
            return Err(Stop::Slow);
        }
        Ok(match each {
            Each::Map | Each::Filter => Val::Items(Rc::new(kept)),
            Each::Count => Val::Integer(i64::try_from(kept.len()).unwrap_or(i64::MAX)),
            Each::Sum => total.unwrap_or(Val::Integer(0)),
            Each::Find => Val::Unit,
            Each::Any => Val::Boolean(false),
            Each::All | Each::None => Val::Boolean(true),
        })
    }

    /// `x[y]`
    pub(super) fn index(&mut self, of: &Val<'a>, at: &Val<'a>) -> Answer<'a> {
        if let (Val::Integer(index), Some(items)) = (at, length(of)) {
            let items = i64::try_from(items).unwrap_or(i64::MAX);
            let index = if *index < 0 { items.checked_add(*index).ok_or(Stop::Slow)? } else { *index };
            return self.item_at(of, usize::try_from(index).map_err(|_| Stop::Slow)?);
        }
        self.at(of, at.text().ok_or(Stop::Slow)?, false)
    }

    /// A property of something that is no record.
    pub(super) fn part(&mut self, of: &Val<'a>, name: &Name) -> Answer<'a> {
        let number = |number: u32| Ok(Val::Integer(i64::from(number)));
        match (of, &**name) {
            (Val::Entered, stage) => Ok(self.facts.entered.get(stage).map_or(Val::Unit, Val::Entrance)),
            (Val::Entrance(entry), "at") => Ok(Val::Moment(entry.at)),
            (Val::Entrance(entry), "by") => Ok(Val::Text(&entry.by)),
            (Val::Entrance(entry), "times") => number(entry.times),
            (Val::Actor, "user") => Ok(Val::Text(&self.facts.actor.user)),
            (Val::Date(day), "year") => Ok(Val::Integer(i64::from(day.year()))),
            (Val::Date(day), "month") => number(day.month()),
            (Val::Date(day), "day") => number(day.day()),
            (Val::Date(day), "weekday") => number(day.weekday().number_from_monday()),
            (Val::Span(seconds), "seconds") => Ok(Val::Integer(*seconds)),
            _ => self.at(of, name, false),
        }
    }

    /// What a map has under a key. Only `get` may find nothing in a map of a script.
    fn at(&mut self, of: &Val<'a>, key: &Name, lenient: bool) -> Answer<'a> {
        match (of, lenient) {
            (Val::Texts(texts), _) => Ok(texts.and_then(|texts| texts.get(key)).map_or(Val::Unit, Val::Text)),
            (Val::Map(map), true) => Ok(map.get(key).cloned().unwrap_or(Val::Unit)),
            (Val::Map(map), false) => map.get(key).cloned().ok_or(Stop::Slow),
            _ => Err(Stop::Slow),
        }
    }

    fn keys(&mut self, of: &Val<'a>) -> Answer<'a> {
        if let Val::Texts(texts) = of {
            let keys = texts.iter().flat_map(|texts| texts.keys()).map(Val::Text).collect();
            return self.bounded(Val::Array(Rc::new(keys)));
        }
        let Val::Map(map) = of else { return Err(Stop::Slow) };
        self.bounded(Val::Array(Rc::new(map.keys().map(|key| Val::Made(Name::clone(key))).collect())))
    }

    fn table(&mut self, name: &Val<'a>, key: &Val<'a>) -> Answer<'a> {
        let name = name.text().ok_or(Stop::Slow)?;
        let facts = self.facts;
        let (table, _) = facts.tables.get_key_value(name).ok_or(Stop::Slow)?;
        let key = if let Val::Table(number) = key {
            Name::clone(&self.rows.get(*number).ok_or(Stop::Slow)?.key)
        } else {
            Name::clone(key.text().ok_or(Stop::Slow)?)
        };
        let row = self.named(table, &key)?;
        let Val::Table(number) = row else { return Err(Stop::Slow) };
        Ok(if self.looked_up(number).is_some() { row } else { Val::Unit })
    }

    /// A text with `${...}`.
    pub(super) fn written(&mut self, parts: &'a [Node]) -> Answer<'a> {
        let mut text = String::new();
        for part in parts {
            let value = self.walk(part)?;
            let done = match (&value, value.text()) {
                (_, Some(part)) => text.write_str(part),
                (Val::Boolean(flag), _) => write!(text, "{flag}"),
                (Val::Integer(number) | Val::Span(number), _) => write!(text, "{number}"),
                (Val::Decimal(number), _) => write!(text, "{number}"),
                (Val::Date(day), _) => write!(text, "{day}"),
                (Val::Moment(moment), _) => write!(text, "{moment}"),
                (Val::Table(number), _) => text.write_str(&self.rows.get(*number).ok_or(Stop::Slow)?.key),
                _ => return Err(Stop::Slow),
            };
            done.map_err(|_| Stop::Slow)?;
        }
        if text.len() > RULE_STRING_BYTES_MAX {
            return Err(Stop::Slow);
        }
        Ok(Val::Made(text.into()))
    }

    /// The value that a field can hold; `None` when it is missing.
    pub(super) fn stored(&mut self, value: &Val<'a>) -> Result<Option<Value>, Stop<'a>> {
        Ok(Some(match value {
            Val::Unit => return Ok(None),
            Val::Boolean(flag) => Value::Boolean(*flag),
            Val::Integer(number) => Value::Integer(*number),
            Val::Decimal(number) => Value::Decimal(*number),
            Val::Text(text) => Value::Text(Name::clone(text)),
            Val::Made(text) => Value::Text(Name::clone(text)),
            Val::Date(day) => Value::Date(*day),
            Val::Moment(moment) => Value::Datetime(*moment),
            Val::Span(seconds) => Value::Duration(*seconds),
            Val::Row(row, _) => Value::Row((*row).clone()),
            Val::Table(number) => Value::Text(Name::clone(&self.rows.get(*number).ok_or(Stop::Slow)?.key)),
            Val::List(values, _) => Value::List((*values).clone()),
            Val::Items(items) | Val::Array(items) => {
                let item = |item| self.stored(item)?.ok_or(Stop::Slow);
                Value::List(items.iter().map(item).collect::<Result<_, _>>()?)
            }
            Val::Map(map) => Value::Row(self.record(map)?),
            Val::Texts(texts) => Value::Map(texts.cloned().unwrap_or_default()),
            Val::Case | Val::Actor | Val::Entered | Val::Entrance(_) => return Err(Stop::Slow),
        }))
    }

    /// The record that a script wrote as `#{ ... }`; missing values are left out.
    pub(super) fn record(&mut self, map: &BTreeMap<Name, Val<'a>>) -> Result<Record, Stop<'a>> {
        let mut record = Vec::with_capacity(map.len());
        for (name, value) in map {
            record.extend(self.stored(value)?.map(|value| (Name::clone(name), value)));
        }
        Ok(record.into_iter().collect())
    }

    /// What a rule returned, as JSON for the field types to read; missing values are `null`.
    pub(super) fn json(&mut self, value: &Val<'a>) -> Result<serde_json::Value, Stop<'a>> {
        if let Val::Map(map) = value {
            return map.iter().map(|(name, value)| Ok((name.to_string(), self.json(value)?))).collect();
        }
        if let Val::Array(items) = value {
            return items.iter().map(|item| self.json(item)).collect();
        }
        Ok(self.stored(value)?.map_or(serde_json::Value::Null, |value| value.to_json()))
    }
}

fn added<'a>(total: Option<Val<'a>>, item: Val<'a>) -> Answer<'a> {
    match total {
        Some(total) => calculated(Op::Add, &total, &item).ok_or(Stop::Slow),
        None if matches!(item, Val::Unit) => Err(Stop::Slow),
        None => Ok(item),
    }
}

fn is_set(value: &Val<'_>) -> bool {
    if let Some(items) = length(value)
        && !matches!(value, Val::Array(_))
    {
        return items > 0;
    }
    if let Val::Texts(texts) = value {
        return texts.is_some_and(|texts| !texts.is_empty());
    }
    !matches!(value, Val::Unit)
}

fn count<'a>(value: &Val<'a>) -> Result<usize, Stop<'a>> {
    if let Val::Texts(texts) = value {
        return Ok(texts.map_or(0, BTreeMap::len));
    }
    if let Val::Map(map) = value {
        return Ok(map.len());
    }
    if let Some(text) = value.text() {
        return Ok(text.chars().count());
    }
    length(value).ok_or(Stop::Slow)
}
