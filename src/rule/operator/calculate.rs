//! Calculation: exact, and never silently wrong.

use chrono::{Days, NaiveDate};
use rhai::Dynamic;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::model::Timestamp;

use super::super::fault::Fault;
use super::super::host::{Date, Moment, Span, text};
use super::equal::{compare, contains, equal, unlike};

const SECONDS_OF_DAY: i64 = 86_400;

/// An operator of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Op {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `in` with its sides exchanged, and `contains`
    Contains,
    /// `..`
    Range,
    /// `..=`
    RangeInclusive,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
}

/// Applies an operator.
///
/// # Errors
/// When an operand is missing, the types are unlike, or the result can't be held.
pub(in super::super) fn calculate(op: Op, left: &Dynamic, right: &Dynamic) -> Result<Dynamic, Fault> {
    Ok(match op {
        Op::Equal => Dynamic::from(equal(left, right)?),
        Op::Unequal => Dynamic::from(!equal(left, right)?),
        Op::Less => Dynamic::from(compare(left, right)?.is_lt()),
        Op::LessOrEqual => Dynamic::from(compare(left, right)?.is_le()),
        Op::Greater => Dynamic::from(compare(left, right)?.is_gt()),
        Op::GreaterOrEqual => Dynamic::from(compare(left, right)?.is_ge()),
        Op::Contains => Dynamic::from(contains(left, right)?),
        Op::And | Op::Or | Op::Xor => flags(op, left, right)?,
        Op::Range | Op::RangeInclusive => range(op, left, right)?,
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => {
            return arithmetic(op, left, right)
                .unwrap_or_else(|| Err(unlike("calculated with each other", left, right)));
        }
    })
}

/// The exact quotient: a whole number when both are whole and nothing remains, else a decimal.
///
/// # Errors
/// When the divisor is zero, or the result can't be held.
pub(in super::super) fn divide(left: i64, right: i64) -> Result<Dynamic, Fault> {
    match left.checked_rem(right) {
        Some(0) => left.checked_div(right).map(Dynamic::from).ok_or_else(overflow),
        Some(_) | None => decimals(Op::Divide, Decimal::from(left), Decimal::from(right)),
    }
}

/// A number of any kind as a decimal.
pub(super) fn decimal(value: &Dynamic) -> Option<Decimal> {
    if let Ok(number) = value.as_int() {
        return Some(Decimal::from(number));
    }
    value.read_lock::<Decimal>().map(|number| *number)
}

fn overflow() -> Fault {
    Fault::script("the result is too large, or a division by zero")
}

/// `None` when the operator does not go with these types.
fn arithmetic(op: Op, left: &Dynamic, right: &Dynamic) -> Option<Result<Dynamic, Fault>> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Some(integers(op, left, right));
    }
    if let (Some(left), Some(right)) = (decimal(left), decimal(right)) {
        return Some(decimals(op, left, right));
    }
    if let (Op::Add, Some(left), Some(right)) = (op, written(left), written(right)) {
        return Some(Ok(text(&format!("{left}{right}"))));
    }
    if let (Op::Add, Ok(left), Ok(right)) = (op, left.as_array_ref(), right.as_array_ref()) {
        return Some(Ok(Dynamic::from_array(left.iter().chain(right.iter()).cloned().collect())));
    }
    times(op, left, right)
}

fn integers(op: Op, left: i64, right: i64) -> Result<Dynamic, Fault> {
    let result = if op == Op::Add {
        left.checked_add(right)
    } else if op == Op::Subtract {
        left.checked_sub(right)
    } else if op == Op::Multiply {
        left.checked_mul(right)
    } else if op == Op::Divide {
        return divide(left, right);
    } else {
        left.checked_rem(right)
    };
    result.map(Dynamic::from).ok_or_else(overflow)
}

fn decimals(op: Op, left: Decimal, right: Decimal) -> Result<Dynamic, Fault> {
    let result = if op == Op::Add {
        left.checked_add(right)
    } else if op == Op::Subtract {
        left.checked_sub(right)
    } else if op == Op::Multiply {
        left.checked_mul(right)
    } else if op == Op::Divide {
        left.checked_div(right).map(|quotient| quotient.normalize())
    } else {
        left.checked_rem(right)
    };
    result.map(Dynamic::from).ok_or_else(overflow)
}

fn written(value: &Dynamic) -> Option<String> {
    if let Ok(letter) = value.as_char() {
        return Some(letter.to_string());
    }
    value.as_immutable_string_ref().ok().map(|text| text.to_string())
}

/// Days, moments and spans.
fn times(op: Op, left: &Dynamic, right: &Dynamic) -> Option<Result<Dynamic, Fault>> {
    if op == Op::Multiply {
        return scaled(left, right);
    }
    if !matches!(op, Op::Add | Op::Subtract) {
        return None;
    }
    let sign = if op == Op::Add { 1 } else { -1 };
    if let Some(day) = left.read_lock::<Date>() {
        if let (Op::Subtract, Some(other)) = (op, right.read_lock::<Date>()) {
            return Some(Ok(Dynamic::from(day.0.signed_duration_since(other.0).num_days())));
        }
        return Some(whole_days(right)?.and_then(|days| moved(day.0, sign, days)));
    }
    if let Some(moment) = left.read_lock::<Moment>() {
        if let (Op::Subtract, Some(other)) = (op, right.read_lock::<Moment>()) {
            return Some(Ok(Dynamic::from(Span((moment.0.0 - other.0.0) / 1_000))));
        }
        let span = right.read_lock::<Span>()?.0;
        let millis = span.checked_mul(1_000).and_then(|span| moment.0.0.checked_add(sign * span));
        return Some(millis.map(|millis| Dynamic::from(Moment(Timestamp(millis)))).ok_or_else(overflow));
    }
    let span = left.read_lock::<Span>()?.0;
    if let Some(other) = right.read_lock::<Span>() {
        let sum = sign.checked_mul(other.0).and_then(|other| span.checked_add(other));
        return Some(sum.map(|sum| Dynamic::from(Span(sum))).ok_or_else(overflow));
    }
    // A span before a day or a moment can only be added.
    if op == Op::Add && (right.is::<Date>() || right.is::<Moment>()) { times(op, right, left) } else { None }
}

fn scaled(left: &Dynamic, right: &Dynamic) -> Option<Result<Dynamic, Fault>> {
    let (span, factor) = match (left.read_lock::<Span>(), right.read_lock::<Span>()) {
        (Some(span), None) => (span.0, decimal(right)?),
        (None, Some(span)) => (span.0, decimal(left)?),
        _ => return None,
    };
    let seconds = Decimal::from(span).checked_mul(factor).and_then(|seconds| seconds.round().to_i64());
    Some(seconds.map(|seconds| Dynamic::from(Span(seconds))).ok_or_else(overflow))
}

/// A count of days: a whole number, or a span that is a multiple of a day.
fn whole_days(value: &Dynamic) -> Option<Result<i64, Fault>> {
    if let Ok(days) = value.as_int() {
        return Some(Ok(days));
    }
    let span = value.read_lock::<Span>()?.0;
    if span % SECONDS_OF_DAY == 0 {
        return Some(Ok(span / SECONDS_OF_DAY));
    }
    Some(Err(Fault::new(super::MISMATCH, "only whole days can be added to a date")))
}

fn moved(day: NaiveDate, sign: i64, days: i64) -> Result<Dynamic, Fault> {
    let days = days.checked_mul(sign).ok_or_else(overflow)?;
    let distance = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(distance) } else { day.checked_add_days(distance) };
    moved.map(|day| Dynamic::from(Date(day))).ok_or_else(overflow)
}

fn flags(op: Op, left: &Dynamic, right: &Dynamic) -> Result<Dynamic, Fault> {
    let (Ok(a), Ok(b)) = (left.as_bool(), right.as_bool()) else {
        return Err(unlike("combined", left, right));
    };
    let combined = if op == Op::And {
        a & b
    } else if op == Op::Or {
        a | b
    } else {
        a ^ b
    };
    Ok(Dynamic::from(combined))
}

fn range(op: Op, left: &Dynamic, right: &Dynamic) -> Result<Dynamic, Fault> {
    let (Ok(from), Ok(to)) = (left.as_int(), right.as_int()) else {
        return Err(unlike("the ends of a range", left, right));
    };
    Ok(if op == Op::Range { Dynamic::from(from..to) } else { Dynamic::from(from..=to) })
}
