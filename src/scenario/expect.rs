//! Expectations: what was to come of a step, against what came.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::model::clock::ClockChange;
use crate::model::task::TaskState;
use crate::model::{Case, Event, Name, Place, Record, Value};
use crate::runtime::{self, Done};
use crate::store::Logged;
use crate::workflow::suite::{Expected, Path, PoolPart, Step};

use super::bed::Bed;
use super::play::Came;
use super::report::Failure;

/// Everything that is not as expected.
pub(super) async fn compare(bed: &Bed, step: &Step, came: &Came) -> Vec<Failure> {
    let refused = step.expect.iter().any(|expect| matches!(expect.what, Expected::Refused(_)));
    if let Some(outcome @ Err(_)) = &came.outcome
        && !refused
    {
        return vec![Failure::outcome(&step.place, "that it is done".to_owned(), outcome)];
    }
    let mut failures = Vec::new();
    for expect in &step.expect {
        failures.extend(one(bed, step, came, &expect.place, &expect.what).await);
    }
    failures
}

async fn one(bed: &Bed, step: &Step, came: &Came, place: &Place, what: &Expected) -> Option<Failure> {
    match what {
        Expected::Refused(codes) => refused(place, codes, came.outcome.as_ref()),
        Expected::Breached(slas) => {
            let breached = |change: &ClockChange| matches!(change, ClockChange::Breached { .. });
            sets(place, "to be breached", slas, &clocks(came, &breached))
        }
        Expected::Late(slas) => {
            let late = |change: &ClockChange| matches!(change, ClockChange::MetLate { .. });
            sets(place, "to be met late", slas, &clocks(came, &late))
        }
        Expected::Escalated(roles) => sets(place, "to be escalated to", roles, &escalated(came)),
        Expected::Warned(codes) => sets(place, "findings that refuse nothing", codes, &warned(came)),
        Expected::Notified(messages) => as_often(place, "messages", messages, notified(came)),
        Expected::Pool { resource, key, part, quantity } => pool(bed, place, (resource, key, *part), *quantity),
        Expected::Stage(_)
        | Expected::Field(..)
        | Expected::Available(_)
        | Expected::Task(..)
        | Expected::Children(..) => match &came.case {
            Some(case) => of_case(bed, step, case, place, what).await,
            None => Some(Failure::at(place, "a case".to_owned(), "none was opened".to_owned())),
        },
    }
}

/// What is expected of the case itself.
async fn of_case(bed: &Bed, step: &Step, case: &Case, place: &Place, what: &Expected) -> Option<Failure> {
    match what {
        Expected::Stage(stage) => differs(place, "the stage", stage, &case.stage),
        Expected::Field(path, value) => field(place, case, path, value.as_ref()),
        Expected::Available(names) => match bed.available(&step.actor, case.id).await {
            Ok(available) => sets(place, "to be available", names, &available),
            Err(failure) => Some(Failure::at(place, "what is available".to_owned(), String::new()).because(&failure)),
        },
        Expected::Task(task, state) => {
            differs(place, &format!("the task `{task}` to be"), state, task_state(case, task))
        }
        Expected::Children(role, count) => {
            let what = format!("the number of children `{role}`");
            differs(place, &what, &count.to_string(), &case.kin.children(role).count().to_string())
        }
        Expected::Refused(_)
        | Expected::Breached(_)
        | Expected::Late(_)
        | Expected::Escalated(_)
        | Expected::Warned(_)
        | Expected::Notified(_)
        | Expected::Pool { .. } => None,
    }
}

fn pool(bed: &Bed, place: &Place, (resource, key, part): (&str, &str, PoolPart), quantity: Decimal) -> Option<Failure> {
    let what = format!("`{}` of `{resource}` `{key}` to be", part.word());
    match bed.pool(resource, key, part) {
        Ok(found) => differs(place, &what, &quantity.normalize().to_string(), &found.normalize().to_string()),
        Err(failure) => Some(Failure::at(place, format!("{what} `{quantity}`"), String::new()).because(&failure)),
    }
}

fn refused(place: &Place, codes: &[Name], outcome: Option<&Result<Done, runtime::Failure>>) -> Option<Failure> {
    let expected = format!("to be refused: {}", list(codes));
    match outcome {
        Some(outcome @ Err(runtime::Failure::Refused(refusal))) => {
            let said: BTreeSet<&Name> = refusal.reasons.iter().map(|reason| &reason.code).collect();
            let all = codes.iter().all(|code| said.contains(code));
            (!all).then(|| Failure::outcome(place, expected, outcome))
        }
        Some(outcome) => Some(Failure::outcome(place, expected, outcome)),
        None => Some(Failure::at(place, expected, "nothing was tried".to_owned())),
    }
}

fn field(place: &Place, case: &Case, path: &Path, value: Option<&Value>) -> Option<Failure> {
    let found = at(&case.fields, path);
    let same = match (value, &found) {
        (Some(value), Some(found)) => fits(value, found),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let shown =
        |value: Option<&Value>| value.map_or_else(|| "no value".to_owned(), |value| value.to_json().to_string());
    let expected = || format!("`{}` to be {}", path.join("."), shown(value));
    (!same).then(|| Failure::at(place, expected(), shown(found.as_ref())))
}

/// What stands at a path, if anything does.
fn at(record: &Record, path: &[Name]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    within(record.get(first)?, rest)
}

fn within(value: &Value, path: &[Name]) -> Option<Value> {
    let Some((first, rest)) = path.split_first() else { return Some(value.clone()) };
    match value {
        Value::List(items) => within(items.get(first.parse::<usize>().ok()?)?, rest),
        Value::Row(row) => at(row, path),
        Value::Map(map) => map.get(first).map(|text| Value::Text(Name::clone(text))).filter(|_| rest.is_empty()),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_) => None,
    }
}

/// Whether a value is what was expected: of a row, only the fields that the expectation names.
fn fits(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::List(expected), Value::List(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(one, other)| fits(one, other))
        }
        (Value::Row(expected), Value::Row(found)) => {
            expected.iter().all(|(name, value)| found.get(name).is_some_and(|found| fits(value, found)))
        }
        (one, other) => one == other,
    }
}

/// The codes of what was found and refused nothing.
fn warned(came: &Came) -> Vec<Name> {
    let Some(Ok(done)) = &came.outcome else { return Vec::new() };
    done.because.iter().flat_map(|verdict| &verdict.findings).map(|finding| Name::clone(&finding.code)).collect()
}

/// How a task stands, in the word of the language.
fn task_state(case: &Case, task: &str) -> &'static str {
    match case.tasks.get(task).map(|task| task.state) {
        Some(TaskState::Open) => "open",
        Some(TaskState::Done) => "done",
        Some(TaskState::Waiting) => "waiting",
        Some(TaskState::Dropped) => "dropped",
        None => "none",
    }
}

/// The limits whose clocks changed so in this step.
fn clocks(came: &Came, so: &dyn Fn(&ClockChange) -> bool) -> Vec<Name> {
    let changed = |logged: &Logged| {
        let Event::Clock { sla, change, .. } = &logged.recorded.event else { return None };
        so(change).then(|| Name::clone(sla))
    };
    came.news.iter().filter_map(changed).collect()
}

/// The roles to which something was escalated in this step.
fn escalated(came: &Came) -> Vec<Name> {
    let to = |logged: &Logged| {
        let Event::Escalated { to, .. } = &logged.recorded.event else { return None };
        Some(Name::clone(to))
    };
    came.news.iter().filter_map(to).collect()
}

/// The messages that were sent in this step, about any case or about many. One that could not be written is none that was sent.
fn notified(came: &Came) -> Vec<Name> {
    let message = |logged: &Logged| {
        let Event::Notified { notice } = &logged.recorded.event else { return None };
        Some(match &notice.failed {
            Some(why) => format!("{} (could not be written: {why})", notice.message).into(),
            None => Name::clone(&notice.message),
        })
    };
    came.news.iter().filter_map(message).chain(came.letters.iter().cloned()).collect()
}

fn differs(place: &Place, what: &str, expected: &str, found: &str) -> Option<Failure> {
    (expected != found).then(|| Failure::at(place, format!("{what} `{expected}`"), format!("`{found}`")))
}

/// Whether two lists hold the same, in any order.
fn sets(place: &Place, what: &str, expected: &[Name], found: &[Name]) -> Option<Failure> {
    let (one, other): (BTreeSet<_>, BTreeSet<_>) = (expected.iter().collect(), found.iter().collect());
    (one != other).then(|| Failure::at(place, format!("{what}: {}", list(expected)), list(found)))
}

/// Whether two lists hold the same, each as often, in any order.
fn as_often(place: &Place, what: &str, expected: &[Name], mut found: Vec<Name>) -> Option<Failure> {
    let mut sorted = expected.to_vec();
    sorted.sort();
    found.sort();
    (sorted != found).then(|| Failure::at(place, format!("{what}: {}", list(expected)), list(&found)))
}

fn list(names: &[Name]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
