//! Equality, order and containment, where there are any.

use std::cmp::Ordering;

use super::evaluate::{Stop, Walk, length};
use super::value::Val;

impl<'a> Walk<'a> {
    /// Whether two values are equal. A row of a table equals its key.
    pub(super) fn equal(&mut self, left: &Val<'a>, right: &Val<'a>) -> Result<bool, Stop<'a>> {
        if let Some(order) = order(left, right) {
            return Ok(order == Ordering::Equal);
        }
        match (left, right) {
            (Val::Boolean(left), Val::Boolean(right)) => Ok(left == right),
            (Val::Table(left), Val::Table(right)) => Ok(left == right),
            (Val::Table(number), text) | (text, Val::Table(number)) if text.text().is_some() => {
                let row = self.rows.get(*number).ok_or(Stop::Slow)?;
                Ok(text.text() == Some(&row.key))
            }
            (Val::Row(left, _), Val::Row(right, _)) => Ok(left == right),
            (Val::Texts(left), Val::Texts(right)) => match (left, right) {
                (Some(left), Some(right)) => Ok(left == right),
                (one, other) => Ok(one.or(*other).is_none_or(|texts| texts.is_empty())),
            },
            _ => self.equal_items(left, right),
        }
    }

    fn equal_items(&mut self, left: &Val<'a>, right: &Val<'a>) -> Result<bool, Stop<'a>> {
        let (Some(count), Some(other)) = (length(left), length(right)) else { return Err(Stop::Slow) };
        self.spend(count)?;
        if count != other {
            return Ok(false);
        }
        for index in 0..count {
            let (left, right) = (self.item_at(left, index)?, self.item_at(right, index)?);
            if !self.equal(&left, &right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_among(&mut self, whole: &Val<'a>, count: usize, inside: &Val<'a>) -> Result<bool, Stop<'a>> {
        self.spend(count)?;
        for index in 0..count {
            let item = self.item_at(whole, index)?;
            if self.equal(&item, inside)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `inside` is in `whole`.
    pub(super) fn contains(&mut self, whole: &Val<'a>, inside: &Val<'a>) -> Result<bool, Stop<'a>> {
        if matches!(inside, Val::Unit) {
            return Err(Stop::Slow);
        }
        if let Some(count) = length(whole) {
            return self.is_among(whole, count, inside);
        }
        let part = inside.text().ok_or(Stop::Slow)?;
        if let Val::Texts(texts) = whole {
            return Ok(texts.is_some_and(|texts| texts.contains_key(part)));
        }
        if let Val::Map(map) = whole {
            return Ok(map.contains_key(part));
        }
        let text = whole.text().ok_or(Stop::Slow)?;
        self.spend(text.len() / 64)?;
        Ok(text.contains(&**part))
    }
}

/// The order of two values of like types that have one.
pub(super) fn order(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    match (left, right) {
        (Val::Integer(left), Val::Integer(right)) => Some(left.cmp(right)),
        (Val::Date(left), Val::Date(right)) => Some(left.cmp(right)),
        (Val::Moment(left), Val::Moment(right)) => Some(left.cmp(right)),
        (Val::Span(left), Val::Span(right)) => Some(left.cmp(right)),
        _ => {
            if let (Some(left), Some(right)) = (left.text(), right.text()) {
                return Some(left.cmp(right));
            }
            Some(left.decimal()?.cmp(&right.decimal()?))
        }
    }
}
