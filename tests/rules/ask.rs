//! Questions to the engine, with answers in one line.

use gendan::diagnostic::Diagnostic;
use gendan::model::{Budget, Place, name};
use gendan::rule::{Facts, RuleEngine};

use crate::common::{environment, facts_with, fields};

pub(crate) fn facts() -> Facts {
    facts_with(fields(), Budget::operations(100_000))
}

pub(crate) fn place() -> Place {
    Place { file: name("workflows/sample.yaml"), line: 10, column: 12 }
}

/// What an expression gives: its value as JSON, `missing`, or why not, with the place.
pub(crate) fn value(engine: &RuleEngine, text: &str, facts: &Facts) -> String {
    let expression = match engine.expression(text, place(), &environment()) {
        Ok(expression) => expression,
        Err(found) => return found.iter().map(told).collect::<Vec<_>>().join("\n"),
    };
    match engine.evaluate(&expression, facts, None) {
        Ok(Some(value)) => value.to_json().to_string(),
        Ok(None) => "missing".to_owned(),
        Err(error) => format!("{} at {}:{}: {}", error.code, error.place.line, error.place.column, error.message),
    }
}

/// A diagnostic in one line.
pub(crate) fn told(found: &Diagnostic) -> String {
    let help = found.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let place = &found.place;
    format!("{} {}:{}:{}+{}: {}{help}", found.code, place.file, place.line, place.column, found.length, found.message)
}

/// Compiles an expression whose optional fields are all said to be set, so that the run time must refuse it; gives
/// the code of whatever refuses it, `run` or `load` before it.
pub(crate) fn refusal(engine: &RuleEngine, text: &str, facts: &Facts) -> String {
    let mut environment = environment();
    let names: Vec<_> = environment.schema.fields.keys().cloned().collect();
    environment.always.extend(names);
    environment.always.insert(name("lines.note"));
    match engine.expression(text, place(), &environment) {
        Err(found) => format!("load {}", found.first().map(|found| found.code.to_string()).unwrap_or_default()),
        Ok(expression) => match engine.evaluate(&expression, facts, None) {
            Err(error) => format!("run {}", error.code),
            Ok(value) => format!("passes with {value:?}"),
        },
    }
}

/// So many cases; a failing one is told and not written to a file.
pub(crate) fn cases(count: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { failure_persistence: None, ..proptest::test_runner::Config::with_cases(count) }
}
