//! Equality, order and containment. Unlike types have neither; asking is a fault.

use std::cmp::Ordering;

use rhai::Dynamic;

use super::super::fault::{Fault, MISMATCH};
use super::super::host::{Date, List, Moment, Row, RowRole, Span, Texts};
use super::super::run;
use super::type_name;

/// Whether two values are equal. A row of a table equals its key.
///
/// # Errors
/// When one is missing, or their types are unlike.
pub(in super::super) fn equal(left: &Dynamic, right: &Dynamic) -> Result<bool, Fault> {
    if let Some(order) = order(left, right) {
        return Ok(order == Ordering::Equal);
    }
    if let (Ok(left), Ok(right)) = (left.as_bool(), right.as_bool()) {
        return Ok(left == right);
    }
    let (left_row, right_row) = (left.read_lock::<Row>(), right.read_lock::<Row>());
    match (&left_row, &right_row) {
        (Some(left), Some(right)) => return Ok(left.same(right)),
        (Some(row), None) => return key_equal(row, right).ok_or_else(|| unlike("compared", left, right)),
        (None, Some(row)) => return key_equal(row, left).ok_or_else(|| unlike("compared", left, right)),
        (None, None) => {}
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Texts>(), right.read_lock::<Texts>()) {
        return Ok(left.0 == right.0);
    }
    match (items(left), items(right)) {
        (Some(left), Some(right)) => all_equal(&left, &right),
        _ => Err(unlike("compared", left, right)),
    }
}

/// The order of two values.
///
/// # Errors
/// When one is missing, their types are unlike, or the type has no order.
pub(in super::super) fn compare(left: &Dynamic, right: &Dynamic) -> Result<Ordering, Fault> {
    order(left, right).ok_or_else(|| unlike("compared", left, right))
}

/// Whether `inside` is in `whole`: an item of a list, a key of a map, a part of a text.
///
/// # Errors
/// When one is missing, or such a thing can't be in such a whole.
pub(in super::super) fn contains(whole: &Dynamic, inside: &Dynamic) -> Result<bool, Fault> {
    if whole.is_unit() || inside.is_unit() {
        return Err(Fault::missing("`in` or `contains`"));
    }
    if let Some(items) = items(whole) {
        run::spend(items.len())?;
        for item in &items {
            if equal(item, inside)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if let Ok(range) = whole.read_lock::<std::ops::Range<i64>>().ok_or(()) {
        return inside.as_int().map(|number| range.contains(&number)).map_err(|_| unlike("looked up", whole, inside));
    }
    if let Ok(range) = whole.read_lock::<std::ops::RangeInclusive<i64>>().ok_or(()) {
        return inside.as_int().map(|number| range.contains(&number)).map_err(|_| unlike("looked up", whole, inside));
    }
    let part = letters(inside).ok_or_else(|| unlike("looked up", whole, inside))?;
    if let Some(texts) = whole.read_lock::<Texts>() {
        return Ok(texts.0.contains_key(part.as_str()));
    }
    if let Ok(map) = whole.as_map_ref() {
        return Ok(map.contains_key(part.as_str()));
    }
    if let Ok(text) = whole.as_immutable_string_ref() {
        return Ok(text.contains(part.as_str()));
    }
    Err(unlike("looked up", whole, inside))
}

/// The fault of two values that don't go together.
pub(super) fn unlike(done: &str, left: &Dynamic, right: &Dynamic) -> Fault {
    if left.is_unit() || right.is_unit() {
        return Fault::missing(if done == "compared" { "a comparison" } else { "a calculation" });
    }
    let message = format!("{} and {} can't be {done}", type_name(left), type_name(right));
    Fault::new(MISMATCH, message)
}

/// The items of a list or an array.
fn items(value: &Dynamic) -> Option<Vec<Dynamic>> {
    if let Some(list) = value.read_lock::<List>() {
        return Some(list.iter().collect());
    }
    value.as_array_ref().ok().map(|items| items.iter().cloned().collect())
}

fn all_equal(left: &[Dynamic], right: &[Dynamic]) -> Result<bool, Fault> {
    run::spend(left.len())?;
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !equal(left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn key_equal(row: &Row, other: &Dynamic) -> Option<bool> {
    let RowRole::Table { key, .. } = row.role() else { return None };
    let text = other.as_immutable_string_ref().ok()?;
    Some(&**key == text.as_str())
}

/// The order of two values of like types that have one.
fn order(left: &Dynamic, right: &Dynamic) -> Option<Ordering> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (super::calculate::decimal(left), super::calculate::decimal(right)) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (letters(left), letters(right)) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Date>(), right.read_lock::<Date>()) {
        return Some(left.0.cmp(&right.0));
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Moment>(), right.read_lock::<Moment>()) {
        return Some(left.0.cmp(&right.0));
    }
    let (left, right) = (left.read_lock::<Span>()?, right.read_lock::<Span>()?);
    Some(left.0.cmp(&right.0))
}

/// A text or a letter as text.
fn letters(value: &Dynamic) -> Option<rhai::ImmutableString> {
    if let Ok(letter) = value.as_char() {
        return Some(letter.to_string().into());
    }
    value.as_immutable_string_ref().ok().map(|text| text.clone())
}
