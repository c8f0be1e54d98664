//! What a plan computes with: borrowed from the facts wherever it can be.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::field::{Items, Schema};
use crate::model::{Entry, Name, Record, Timestamp, Value};

/// The list that is not there.
pub(super) static EMPTY: Vec<Value> = Vec::new();

/// A value; see the module's parent for what each is to a script.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Unit,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    /// A text of the facts or the script.
    Text(&'a Name),
    /// A text that the script made.
    Made(Name),
    Date(NaiveDate),
    Moment(Timestamp),
    Span(i64),
    Case,
    Row(&'a Record, Option<&'a Schema>),
    /// A row of a table, by its number in the walk; it may not exist.
    Table(usize),
    List(&'a Vec<Value>, Option<&'a Items>),
    /// A list that a function made.
    Items(Rc<Vec<Val<'a>>>),
    Array(Rc<Vec<Val<'a>>>),
    Map(Rc<BTreeMap<Name, Val<'a>>>),
    Texts(Option<&'a BTreeMap<Name, Name>>),
    Actor,
    Entered,
    Entrance(&'a Entry),
}

impl Val<'_> {
    /// The text, when it is one.
    pub(super) fn text(&self) -> Option<&Name> {
        if let Self::Text(text) = self {
            return Some(text);
        }
        if let Self::Made(text) = self { Some(text) } else { None }
    }

    /// The number as a decimal, when it is one.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        if let Self::Integer(number) = self {
            return Some(Decimal::from(*number));
        }
        if let Self::Decimal(number) = self { Some(*number) } else { None }
    }

    /// How many elements, and how many bytes of text, an array or map of a script has with those inside it.
    pub(super) fn weight(&self) -> (usize, usize) {
        let add = |(elements, bytes): (usize, usize), item: &Self| {
            let (more, long) = item.weight();
            (elements + 1 + more, bytes + long)
        };
        if let Self::Array(items) = self {
            return items.iter().fold((0, 0), add);
        }
        if let Self::Map(map) = self {
            return map.values().fold((0, 0), add);
        }
        (0, self.text().map_or(0, |text| text.len()))
    }
}
