//! Records: the case, rows of lists, rows of tables.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::evaluate::{Answer, Stop, Walk};
use super::node::{Member, Own};
use super::value::{EMPTY, Val};
use crate::field::{Items, Kind, Schema};
use crate::model::limit::RULE_DIRECT_ROWS_MAX;
use crate::model::{Name, Record, Value};

/// Keeps the rows of tables that a walk has looked at until it ends.
#[derive(Debug, Default)]
pub(super) struct Arena {
    first: OnceCell<Box<Kept>>,
}

#[derive(Debug)]
struct Kept {
    row: Arc<Record>,
    next: OnceCell<Box<Kept>>,
}

/// The rows of tables that a walk has named.
pub(super) struct Rows<'a> {
    named: Vec<Row<'a>>,
    numbers: Vec<(&'a Name, BTreeMap<Name, usize>)>,
    next: &'a OnceCell<Box<Kept>>,
}

/// A row of a table; it may not exist.
pub(super) struct Row<'a> {
    pub(super) key: Name,
    table: &'a Name,
    /// Once it was looked up.
    found: Option<Option<&'a Record>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(arena: &'a Arena) -> Self {
        Self { named: Vec::new(), numbers: Vec::new(), next: &arena.first }
    }

    /// A row that was named.
    pub(super) fn get(&self, number: usize) -> Option<&Row<'a>> {
        self.named.get(number)
    }
}

impl<'a> Walk<'a> {
    /// The row of `table` under `key`: the same two give the same number.
    pub(super) fn named(&mut self, table: &'a Name, key: &Name) -> Answer<'a> {
        let rows = &mut self.rows;
        let place = match rows.numbers.iter().position(|(known, _)| *known == table) {
            Some(place) => place,
            None => {
                rows.numbers.push((table, BTreeMap::new()));
                rows.numbers.len() - 1
            }
        };
        let Some((_, numbers)) = rows.numbers.get_mut(place) else { return Err(Stop::Slow) };
        if let Some(number) = numbers.get(key) {
            return Ok(Val::Table(*number));
        }
        let number = rows.named.len();
        if number >= RULE_DIRECT_ROWS_MAX {
            return Err(Stop::Slow);
        }
        numbers.insert(Name::clone(key), number);
        rows.named.push(Row { key: Name::clone(key), table, found: None });
        Ok(Val::Table(number))
    }

    /// The row with this number, if the table has it.
    pub(super) fn looked_up(&mut self, number: usize) -> Option<&'a Record> {
        let row = self.rows.named.get_mut(number)?;
        if let Some(found) = row.found {
            return found;
        }
        let found = self.facts.world.row(row.table, &row.key).map(|record| {
            let kept = self.rows.next.get_or_init(|| Box::new(Kept { row: record, next: OnceCell::new() }));
            self.rows.next = &kept.next;
            &*kept.row
        });
        row.found = Some(found);
        found
    }

    /// A property of a record.
    pub(super) fn property(&mut self, of: &Val<'a>, member: &'a Member) -> Answer<'a> {
        if let Val::Row(record, schema) = of {
            return self.member(record, *schema, member);
        }
        if let Val::Table(number) = of {
            let record = self.looked_up(*number).ok_or(Stop::Slow)?;
            let table = self.rows.get(*number).ok_or(Stop::Slow)?.table;
            let schema = self.facts.tables.get(table).map(|table| &*table.columns);
            return self.member(record, schema, member);
        }
        if let Val::Case = of {
            return self.field(member);
        }
        self.part(of, &member.name)
    }

    /// A field of the case.
    pub(super) fn field(&mut self, member: &'a Member) -> Answer<'a> {
        let facts = self.facts;
        match member.own {
            Some(Own::Number) => Ok(Val::Text(&facts.number)),
            Some(Own::Stage) => Ok(Val::Text(&facts.stage)),
            Some(Own::OpenedAt) => Ok(Val::Moment(facts.opened_at)),
            Some(Own::OpenedBy) => Ok(Val::Text(&facts.opened_by)),
            None => self.member(&facts.fields, Some(&facts.schema), member),
        }
    }

    fn member(&mut self, record: &'a Record, schema: Option<&'a Schema>, member: &'a Member) -> Answer<'a> {
        let kind = match schema {
            Some(schema) => Some(&member.field(schema).ok_or(Stop::Slow)?.kind),
            None => None,
        };
        match (kind, member.value(record)) {
            (Some(Kind::List(kind)), Some(Value::List(items))) => Ok(Val::List(items, Some(&kind.of))),
            (Some(Kind::List(kind)), _) => Ok(Val::List(&EMPTY, Some(&kind.of))),
            (Some(Kind::Map), None) => Ok(Val::Texts(None)),
            (Some(kind), Some(value)) => self.wrapped(kind, value),
            (None, Some(value)) => bare(value),
            (_, None) => Ok(Val::Unit),
        }
    }

    /// A value of this kind.
    fn wrapped(&mut self, kind: &'a Kind, value: &'a Value) -> Answer<'a> {
        match (kind, value) {
            (Kind::Reference { table }, Value::Text(key)) => self.named(table, key),
            (Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), Value::Integer(number)) => {
                Ok(Val::Decimal(Decimal::from(*number)))
            }
            (_, value) => bare(value),
        }
    }

    /// An item of a list.
    pub(super) fn item(&mut self, items: Option<&'a Items>, value: &'a Value) -> Answer<'a> {
        match (items, value) {
            (Some(Items::Plain(kind)), value) => self.wrapped(kind, value),
            (Some(Items::Rows(schema)), Value::Row(row)) => Ok(Val::Row(row, Some(schema))),
            (None, Value::Row(row)) => Ok(Val::Row(row, None)),
            (_, value) => bare(value),
        }
    }

    /// The row that is `line`.
    pub(super) fn line(&mut self) -> Answer<'a> {
        let facts = self.facts;
        let (list, position) = self.line.ok_or(Stop::Slow)?;
        let items = facts.fields.get(list).and_then(Value::as_list).and_then(|rows| rows.get(position));
        let kind = facts.schema.get(list).map(|field| &field.kind);
        let (Some(Value::Row(row)), Some(Kind::List(kind))) = (items, kind) else { return Err(Stop::Slow) };
        let Items::Rows(schema) = &kind.of else { return Err(Stop::Slow) };
        Ok(Val::Row(row, Some(schema)))
    }
}

/// A value whose kind nobody declared.
fn bare<'a>(value: &'a Value) -> Answer<'a> {
    match value {
        Value::Text(text) => Ok(Val::Text(text)),
        Value::Integer(number) => Ok(Val::Integer(*number)),
        Value::Decimal(number) => Ok(Val::Decimal(*number)),
        Value::Boolean(flag) => Ok(Val::Boolean(*flag)),
        Value::Date(day) => Ok(Val::Date(*day)),
        Value::Datetime(moment) => Ok(Val::Moment(*moment)),
        Value::Duration(seconds) => Ok(Val::Span(*seconds)),
        Value::Row(row) => Ok(Val::Row(row, None)),
        Value::Map(map) => Ok(Val::Texts(Some(map))),
        // Rhai makes a list of its own of these.
        Value::List(_) => Err(Stop::Slow),
    }
}
