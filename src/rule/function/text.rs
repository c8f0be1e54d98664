//! Texts: `len`, `trim`, `to_upper`, `starts_with`, `sub_string`, `replace`, `split`, `to_string`, ... None changes
//! the text it is given.

use rhai::{Array, Dynamic, ImmutableString, Module};

use super::super::convert::to_value;
use super::super::fault::{Fault, MISMATCH};
use super::super::host::{Row, RowRole};
use super::super::operator::type_name;
use super::super::run;
use super::{Answer, unquoted};
use crate::model::limit::RULE_STRING_BYTES_MAX;

/// Adds them.
pub(super) fn add(module: &mut Module) {
    super::add(module, "len", |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX));
    super::add(module, "is_empty", |text: &str| text.is_empty());
    super::add(module, "trim", |text: &str| text.trim().to_owned());
    super::add(module, "to_upper", |text: &str| text.to_uppercase());
    super::add(module, "to_lower", |text: &str| text.to_lowercase());
    super::add(module, "starts_with", |text: &str, part: &str| text.starts_with(part));
    super::add(module, "ends_with", |text: &str, part: &str| text.ends_with(part));
    super::add(module, "sub_string", |text: &str, start: i64, length: i64| {
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        text.chars().skip(count(start)).take(count(length)).collect::<String>()
    });
    super::add(module, "replace", replace);
    super::add(module, "split", |text: &str, between: &str| -> Array {
        text.split(between).map(|part| Dynamic::from(ImmutableString::from(part))).collect()
    });
    super::add(module, "to_string", |value: Dynamic| shown(&value));
    for name in ["print", "debug", "to_debug"] {
        super::add(module, name, |value: Dynamic| shown(&value));
    }
}

/// How a value is written into a text.
///
/// # Errors
/// When it is missing, or nothing that can be written.
pub(super) fn written(value: &Dynamic) -> Result<String, Fault> {
    if value.is_unit() {
        return Err(Fault::missing("a text"));
    }
    if let Some(row) = value.read_lock::<Row>() {
        return match row.role() {
            RowRole::Table { key, .. } => Ok(key.to_string()),
            RowRole::Case | RowRole::Plain | RowRole::Kin(_) => {
                Err(Fault::new(MISMATCH, "a record can't be written into a text"))
            }
        };
    }
    match to_value(value) {
        Ok(Some(value)) => Ok(unquoted(&value)),
        Ok(None) | Err(_) => Err(Fault::new(MISMATCH, format!("{} can't be written into a text", type_name(value)))),
    }
}

/// `to_string`, and what Rhai calls for `${...}`. There it would swallow a fault, so the fault is kept and ends
/// the run at its next operation.
fn shown(value: &Dynamic) -> String {
    match written(value) {
        Ok(text) => text,
        Err(fault) => {
            run::postpone(fault);
            String::new()
        }
    }
}

fn replace(text: &str, part: &str, by: &str) -> Answer<String> {
    let places = text.matches(part).count();
    run::spend(places)?;
    let length = places.saturating_mul(by.len()).saturating_add(text.len());
    if length > RULE_STRING_BYTES_MAX.saturating_mul(2) {
        return Err(Fault::budget("the text is too long").into());
    }
    Ok(text.replace(part, by))
}
