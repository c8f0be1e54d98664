//! The tests of a set, as compiled: scenarios of a workflow, tests of a rule. Every name in them has been looked up.

use std::collections::BTreeMap;
use std::fmt;

use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::model::command::Input;
use crate::model::limit::LIST_ROWS_MAX;
use crate::model::{Actor, Attachment, Name, Place, Severity, TaskStep, Timestamp, Value};

/// Rows of reference tables, in the order in which they were written.
pub type Rows = Vec<(Name, Vec<Input>)>;

/// All tests of a set.
#[derive(Clone, Debug, Default)]
pub struct Tests {
    /// The scenarios of each workflow.
    pub scenarios: Vec<Suite>,
    /// The tests of each rule.
    pub rules: Vec<RuleSuite>,
}

/// The scenarios of one workflow.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The workflow: the file's name.
    pub workflow: Name,
    /// The zone of the times in it.
    pub zone: Tz,
    /// Who there is, with their roles.
    pub people: BTreeMap<Name, Actor>,
    /// The scenarios in the order in which they were written.
    pub scenarios: Vec<Scenario>,
}

/// One scenario: people take turns, and after each turn something is expected.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub name: Name,
    /// Where it stands.
    pub place: Place,
    /// The requirements that it covers: `R22`.
    pub covers: Vec<Name>,
    /// When it begins.
    pub clock: Timestamp,
    /// The rows of the tables.
    pub tables: Rows,
    /// What there is of each pool: rows of each resource.
    pub pools: Rows,
    /// The stage that it begins in, after a way that the engine finds.
    pub at: Option<At>,
    /// The turns.
    pub steps: Vec<Step>,
}

/// A stage to begin in.
#[derive(Clone, Debug)]
pub struct At {
    /// The stage.
    pub stage: Name,
    /// Where it stands.
    pub place: Place,
    /// The fields with which the case is opened.
    pub opening: Input,
    /// The answers to what is asked on the way.
    pub answers: Input,
}

/// One turn.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it stands.
    pub place: Place,
    /// Who acts; the engine where nobody does.
    pub actor: Actor,
    /// The case that it is about.
    pub on: Whose,
    /// What is done.
    pub deed: Deed,
    /// What is expected then.
    pub expect: Vec<Expect>,
}

/// A case of a scenario: one that a turn has opened, or one of its kin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// By which name its opening gave it the way begins; `None` for the case that was opened last by a turn.
    pub name: Option<Name>,
    /// The way from there.
    pub way: Vec<Kinship>,
}

impl fmt::Display for Whose {
    /// As it is written, `NAME.ROLE.0`; empty for the case that was opened last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kin = self.way.iter().map(|kinship| match kinship {
            Kinship::Parent => "parent".to_owned(),
            Kinship::Child { role, at: None } => role.to_string(),
            Kinship::Child { role, at: Some(at) } => format!("{role}.{at}"),
        });
        let path: Vec<String> = self.name.iter().map(ToString::to_string).chain(kin).collect();
        f.write_str(&path.join("."))
    }
}

/// One step of a way from a case to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// To the case that opened it.
    Parent,
    /// To a child of this name.
    Child {
        /// The name under which it was opened.
        role: Name,
        /// Which of them, from 0 in the order of their opening; `None` for the newest.
        at: Option<usize>,
    },
}

/// What is done in a turn.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A case is opened.
    Open {
        /// The workflow.
        workflow: Name,
        /// The name of the case in this scenario.
        name: Option<Name>,
        /// Its fields.
        fields: Input,
    },
    /// A transition is taken.
    Take {
        /// The transition.
        transition: Name,
        /// Its input.
        with: Changed,
    },
    /// Fields are changed outside a transition.
    Edit(Changed),
    /// A remark is left.
    Comment(Name),
    /// Time passes: so many seconds.
    Wait(i64),
    /// Time passes until a moment.
    WaitUntil(Timestamp),
    /// Something is done with a task.
    Task {
        /// The task.
        task: Name,
        /// What.
        step: TaskStep,
    },
    /// What waits for approval is agreed to, or refused.
    Approve(bool),
    /// Pools are set: rows of each resource.
    Pools(Rows),
    /// Nothing: only a look.
    Look,
}

/// Fields that a turn gives: whole ones, and parts of the values that the case has then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Whole fields.
    pub whole: Input,
    /// Parts, by their path.
    pub parts: Vec<(Path, serde_json::Value)>,
    /// The files among them, which are attached before.
    pub files: Vec<Attachment>,
}

/// The way to a part of a value: `lines.0.amount`.
pub type Path = Vec<Name>;

/// One thing that is expected.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Where it stands.
    pub place: Place,
    /// What.
    pub what: Expected,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The turn is refused, with each of these codes among the reasons.
    Refused(Vec<Name>),
    /// The case is in this stage.
    Stage(Name),
    /// A field, or a part of one, has this value; `None` for no value.
    Field(Path, Option<Value>),
    /// These transitions, and no others, can be taken by the one whose turn it was.
    Available(Vec<Name>),
    /// Checks that refuse nothing found these codes in this turn, and no others.
    Warned(Vec<Name>),
    /// The task stands so: `open`, `done`, `waiting`, `dropped`, or `none` where it was never open.
    Task(Name, Name),
    /// The limits that were passed in this turn, and no others.
    Breached(Vec<Name>),
    /// The limits that were met late in this turn, and no others.
    Late(Vec<Name>),
    /// The roles to which it was escalated in this turn, and no others.
    Escalated(Vec<Name>),
    /// The messages that were sent in this turn, each as often as it stands here, and no others.
    Notified(Vec<Name>),
    /// So many children of this name, whatever became of them.
    Children(Name, usize),
    /// So much is on hand, held or available of a pool.
    Pool {
        /// The resource.
        resource: Name,
        /// The key of the pool.
        key: Name,
        /// What of it.
        part: PoolPart,
        /// How much.
        quantity: Decimal,
    },
}

/// What is expected of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolPart {
    /// What is there.
    OnHand,
    /// What cases hold of it.
    Held,
    /// What is there and nobody holds.
    Available,
}

impl PoolPart {
    /// Each by its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("on_hand", Self::OnHand), ("held", Self::Held), ("available", Self::Available)];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, part)| *part == self).map_or("on_hand", |(word, _)| word)
    }
}

/// How a task can stand, as it is written.
pub const TASK_STATES: [&str; 5] = ["open", "done", "waiting", "dropped", "none"];

/// The tests of one rule.
#[derive(Clone, Debug)]
pub struct RuleSuite {
    /// The rule: the file's name.
    pub rule: Name,
    /// The workflow whose case it judges.
    pub workflow: Name,
    /// The tests in the order in which they were written.
    pub tests: Vec<RuleTest>,
}

/// One test of a rule.
#[derive(Clone, Debug)]
pub struct RuleTest {
    /// What it shows.
    pub name: Name,
    /// Where it stands.
    pub place: Place,
    /// The requirements that it covers.
    pub covers: Vec<Name>,
    /// The moment.
    pub clock: Timestamp,
    /// The rows of the tables.
    pub tables: Rows,
    /// What there is of each pool: rows of each resource.
    pub pools: Rows,
    /// Who acts.
    pub actor: Actor,
    /// The fields of the case.
    pub given: Input,
    /// The parameters, over those that the workflow gives.
    pub with: Input,
    /// What must come of it.
    pub outcome: RuleOutcome,
}

/// What must come of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOutcome {
    /// It finds these things, in this order, and no others.
    Finds(Vec<Found>),
    /// It gives these fields, and no others.
    Returns(Input),
    /// It can't be judged, with this code.
    Error(Name),
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its code.
    pub code: Name,
    /// How grave it is, when the test says so.
    pub severity: Option<Severity>,
    /// The path, when the test says so.
    pub path: Option<Name>,
    /// Facts that it must have, as text.
    pub facts: Vec<(Name, Name)>,
}

/// Puts `value` at `path`: `lines.0.amount` reaches into the first row; what is not there yet is made.
pub fn put(input: &mut Input, path: &[Name], value: &serde_json::Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let place = input.entry(first.to_string()).or_insert(serde_json::Value::Null);
    put_in(place, rest, value);
}

fn put_in(place: &mut serde_json::Value, path: &[Name], value: &serde_json::Value) {
    let Some((first, rest)) = path.split_first() else {
        *place = value.clone();
        return;
    };
    if let Ok(position) = first.parse::<usize>() {
        if !place.is_array() {
            *place = serde_json::Value::Array(Vec::new());
        }
        if let Some(items) = place.as_array_mut() {
            if position >= items.len() && position < LIST_ROWS_MAX {
                items.resize(position.saturating_add(1), serde_json::Value::Null);
            }
            if let Some(item) = items.get_mut(position) {
                put_in(item, rest, value);
            }
        }
        return;
    }
    if !place.is_object() {
        *place = serde_json::Value::Object(Input::new());
    }
    if let Some(object) = place.as_object_mut() {
        put(object, path, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reaches_into_rows_and_maps() {
        let check = |path: &str, value: &str, gives: &str| {
            let mut input: Input = serde_json::from_str(r#"{"a":1,"rows":[{"x":1},{"x":2}]}"#).unwrap();
            let path: Vec<Name> = path.split('.').map(Name::from).collect();
            put(&mut input, &path, &serde_json::from_str(value).unwrap());
            assert_eq!(serde_json::Value::Object(input).to_string(), gives);
        };
        check("a", "2", r#"{"a":2,"rows":[{"x":1},{"x":2}]}"#);
        check("rows.1.x", "3", r#"{"a":1,"rows":[{"x":1},{"x":3}]}"#);
        check("rows.2.x", "3", r#"{"a":1,"rows":[{"x":1},{"x":2},{"x":3}]}"#);
        check("rows.0.m.k", "3", r#"{"a":1,"rows":[{"x":1,"m":{"k":3}},{"x":2}]}"#);
        check("new.0", "3", r#"{"a":1,"rows":[{"x":1},{"x":2}],"new":[3]}"#);
        check("rows.99999.x", "3", r#"{"a":1,"rows":[{"x":1},{"x":2}]}"#);
    }
}
