//! Operators: those that are common, where they can't fail.

use chrono::Days;
use rust_decimal::Decimal;

use super::super::operator::Op;
use super::equal::order;
use super::evaluate::{Answer, Stop, Walk};
use super::node::Node;
use super::value::Val;
use crate::model::Timestamp;
use crate::model::limit::RULE_STRING_BYTES_MAX;

impl<'a> Walk<'a> {
    /// Applies an operator.
    pub(super) fn operate(&mut self, op: Op, left: &Val<'a>, right: &Val<'a>) -> Answer<'a> {
        let compare = || order(left, right).ok_or(Stop::Slow);
        Ok(match op {
            Op::Equal => Val::Boolean(self.equal(left, right)?),
            Op::Unequal => Val::Boolean(!self.equal(left, right)?),
            Op::Less => Val::Boolean(compare()?.is_lt()),
            Op::LessOrEqual => Val::Boolean(compare()?.is_le()),
            Op::Greater => Val::Boolean(compare()?.is_gt()),
            Op::GreaterOrEqual => Val::Boolean(compare()?.is_ge()),
            Op::Contains => Val::Boolean(self.contains(left, right)?),
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => {
                return calculated(op, left, right).ok_or(Stop::Slow);
            }
            Op::Range | Op::RangeInclusive | Op::And | Op::Or | Op::Xor => return Err(Stop::Slow),
        })
    }

    /// `-x`
    pub(super) fn negated(&mut self, operand: &'a Node) -> Answer<'a> {
        let value = self.walk(operand)?;
        if let Val::Integer(number) = value {
            return number.checked_neg().map(Val::Integer).ok_or(Stop::Slow);
        }
        if let Val::Decimal(number) = value { Ok(Val::Decimal(-number)) } else { Err(Stop::Slow) }
    }
}

/// The result; `None` when there is none, or a rare one.
pub(super) fn calculated<'a>(op: Op, left: &Val<'a>, right: &Val<'a>) -> Option<Val<'a>> {
    match (left, right) {
        (Val::Integer(left), Val::Integer(right)) => integers(op, *left, *right),
        (Val::Date(left), Val::Date(right)) if op == Op::Subtract => {
            Some(Val::Integer(left.signed_duration_since(*right).num_days()))
        }
        (Val::Date(day), Val::Integer(days)) if op == Op::Add && *days >= 0 => {
            day.checked_add_days(Days::new(days.unsigned_abs())).map(Val::Date)
        }
        (Val::Moment(left), Val::Moment(right)) if op == Op::Subtract => Some(Val::Span((left.0 - right.0) / 1_000)),
        (Val::Moment(moment), Val::Span(span)) if op == Op::Add => {
            let millis = span.checked_mul(1_000).and_then(|span| moment.0.checked_add(span));
            millis.map(|millis| Val::Moment(Timestamp(millis)))
        }
        _ => {
            if let (Op::Add, Some(left), Some(right)) = (op, left.text(), right.text()) {
                let text = format!("{left}{right}");
                return (text.len() <= RULE_STRING_BYTES_MAX).then(|| Val::Made(text.into()));
            }
            decimals(op, left.decimal()?, right.decimal()?)
        }
    }
}

fn integers<'a>(op: Op, left: i64, right: i64) -> Option<Val<'a>> {
    if op == Op::Divide && left.checked_rem(right)? != 0 {
        return decimals(op, Decimal::from(left), Decimal::from(right));
    }
    let result = match op {
        Op::Add => left.checked_add(right),
        Op::Subtract => left.checked_sub(right),
        Op::Multiply => left.checked_mul(right),
        Op::Divide => left.checked_div(right),
        Op::Remainder => left.checked_rem(right),
        Op::Equal
        | Op::Unequal
        | Op::Less
        | Op::LessOrEqual
        | Op::Greater
        | Op::GreaterOrEqual
        | Op::Contains
        | Op::Range
        | Op::RangeInclusive
        | Op::And
        | Op::Or
        | Op::Xor => None,
    };
    result.map(Val::Integer)
}

fn decimals<'a>(op: Op, left: Decimal, right: Decimal) -> Option<Val<'a>> {
    let result = match op {
        Op::Add => left.checked_add(right),
        Op::Subtract => left.checked_sub(right),
        Op::Multiply => left.checked_mul(right),
        Op::Divide => left.checked_div(right).map(|quotient| quotient.normalize()),
        Op::Remainder => left.checked_rem(right),
        Op::Equal
        | Op::Unequal
        | Op::Less
        | Op::LessOrEqual
        | Op::Greater
        | Op::GreaterOrEqual
        | Op::Contains
        | Op::Range
        | Op::RangeInclusive
        | Op::And
        | Op::Or
        | Op::Xor => None,
    };
    result.map(Val::Decimal)
}
