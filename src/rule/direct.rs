//! The short way: most scripts run without Rhai's evaluator, on a plan that is made when they are loaded.
//!
//! INVARIANT: a plan never says anything that Rhai would not say. Scripts are pure, so whatever a plan can't do or
//! does not allow (an error, a missing value, unlike types, a limit that comes near, a function that is rare) ends
//! it without an answer, and Rhai runs the script from its beginning: it alone explains errors and spends budgets.
//! Debug builds run every script both ways and compare.
//!
//! What it saves: names are places in a frame, fields are borrowed instead of converted, functions are found when
//! the script is loaded, and nothing is boxed.

mod compile;
mod equal;
mod evaluate;
mod function;
mod node;
mod operate;
mod row;
mod value;

use std::collections::BTreeMap;

use crate::model::limit::{RULE_DIRECT_STEP_OPERATIONS, RULE_DIRECT_STEPS_MAX};
use crate::model::{Finding, Name, Record, Title, Value};

use super::Facts;
use evaluate::Walk;
use row::Arena;
use value::Val;

pub(super) use compile::{expression, rule};
pub(super) use node::Plan;

/// The value of an expression; nothing when only Rhai can say. `line` is the list and the position of the row.
pub(super) fn value(plan: &Plan, facts: &Facts, line: Option<(&str, usize)>) -> Option<Option<Value>> {
    let arena = Arena::default();
    let mut walk = Walk::new(plan, facts, &arena, steps(facts), None);
    walk.line = line;
    let given = walk.expression(plan.entry.as_ref()?).ok()?;
    walk.stored(&given).ok()
}

/// What the function `check` of a rule finds; nothing when only Rhai can say.
pub(super) fn findings(
    plan: &Plan,
    facts: &Facts,
    with: Option<&Record>,
    messages: &BTreeMap<Name, Title>,
) -> Option<Vec<Finding>> {
    let arena = Arena::default();
    let mut walk = Walk::new(plan, facts, &arena, steps(facts), Some(messages));
    walk.function("check", with).ok()?;
    Some(walk.findings)
}

/// What the function `run` of a rule returns; nothing when only Rhai can say.
pub(super) fn returned(
    plan: &Plan,
    facts: &Facts,
    with: Option<&Record>,
    messages: &BTreeMap<Name, Title>,
) -> Option<serde_json::Map<String, serde_json::Value>> {
    let arena = Arena::default();
    let mut walk = Walk::new(plan, facts, &arena, steps(facts), Some(messages));
    let given = walk.function("run", with).ok()?;
    let Val::Map(_) = given else { return None };
    if let serde_json::Value::Object(fields) = walk.json(&given).ok()? { Some(fields) } else { None }
}

/// How many steps a plan may take: few enough that Rhai would never run out of operations or time on the way.
fn steps(facts: &Facts) -> u64 {
    (facts.world.rule_operations_max() / RULE_DIRECT_STEP_OPERATIONS).min(RULE_DIRECT_STEPS_MAX)
}

#[cfg(test)]
mod tests;
