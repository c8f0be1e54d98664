//! Numbers: `abs`, `round`, `floor`, `ceiling`, `min`, `max`, `parse_integer`, `parse_decimal`.

use rhai::{Dynamic, Module};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::super::fault::{Fault, MISMATCH};
use super::super::operator::{compare, type_name};
use super::super::run;
use super::Answer;

/// Adds them.
pub(super) fn add(module: &mut Module) {
    super::add(module, "abs", |number: Dynamic| {
        let abs = number.as_int().ok().and_then(i64::checked_abs).map(Dynamic::from);
        abs.map_or_else(|| decimal(&number, "abs").map(|number| Dynamic::from(number.abs())), Ok)
    });
    super::add(module, "round", |number: Dynamic| whole(round(decimal(&number, "round")?, 0)));
    super::add(module, "round", |number: Dynamic, digits: i64| {
        let digits = u32::try_from(digits).ok().filter(|digits| *digits <= Decimal::MAX_SCALE);
        let digits = digits.ok_or_else(|| Fault::script("digits are between 0 and 28"))?;
        decimal(&number, "round").map(|number| Dynamic::from(round(number, digits)))
    });
    super::add(module, "floor", |number: Dynamic| whole(decimal(&number, "floor")?.floor()));
    super::add(module, "ceiling", |number: Dynamic| whole(decimal(&number, "ceiling")?.ceil()));
    super::add(module, "min", |a: Dynamic, b: Dynamic| -> Answer<Dynamic> {
        Ok(if compare(&a, &b)?.is_le() { a } else { b })
    });
    super::add(module, "max", |a: Dynamic, b: Dynamic| -> Answer<Dynamic> {
        Ok(if compare(&a, &b)?.is_ge() { a } else { b })
    });
    super::add(module, "parse_integer", |text: &str| parsed(text.trim().parse::<i64>().ok().map(Dynamic::from)));
    super::add(module, "parse_decimal", |text: &str| parsed(text.trim().parse::<Decimal>().ok().map(Dynamic::from)));
}

/// Rounds as people do: a half goes away from zero.
fn round(number: Decimal, digits: u32) -> Decimal {
    number.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

/// A whole number as an integer.
fn whole(number: Decimal) -> Answer<Dynamic> {
    let whole = number.to_i64().map(Dynamic::from);
    Ok(whole.ok_or_else(|| Fault::script("the number is too large for an integer"))?)
}

fn decimal(value: &Dynamic, function: &str) -> Answer<Decimal> {
    if value.is_unit() {
        return Err(Fault::missing(&format!("`{function}`")).into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(Decimal::from(number));
    }
    let number = value.read_lock::<Decimal>().map(|number| *number);
    let wrong = || Fault::new(MISMATCH, format!("`{function}` takes a number, and this is {}", type_name(value)));
    Ok(number.ok_or_else(wrong)?)
}

/// A number that a text may not hold.
fn parsed(number: Option<Dynamic>) -> Dynamic {
    if number.is_none() {
        run::remember_missing(None);
    }
    number.unwrap_or(Dynamic::UNIT)
}
