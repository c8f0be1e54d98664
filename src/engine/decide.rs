//! One function per command. They collect every reason before they refuse.

mod answers;
mod approve;
mod attach;
mod comment;
mod edit;
mod open;
mod scheduled;
mod take;
mod task;
mod wake;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::action::Action;
use crate::field::{Items, Kind, Required};
use crate::model::Name;
use crate::workflow::{Target, Transition, Workflow};

pub(super) use approve::{approve, standing as approval_standing};
pub(super) use attach::attach;
pub(super) use comment::comment;
pub(super) use edit::edit;
pub use open::sample;
pub(super) use open::{given_users, open, unborn};
pub(super) use scheduled::scheduled;
pub(super) use take::{find_transition, take, takes};
pub(super) use task::{not_open, standing as task_standing, takes as task_takes, task};
pub(super) use wake::wake;

/// The fields that some transition asks for: they begin when they are asked.
pub(super) fn asked_by_some(workflow: &Workflow) -> BTreeSet<Name> {
    let transitions = workflow.transitions.iter().flat_map(|transition| &transition.ask);
    let tasks = workflow.tasks().flat_map(|task| &task.ask);
    transitions.chain(tasks).map(|ask| Arc::clone(&ask.field)).collect()
}

/// The fields that can be given at the opening: all that nobody else brings. Computed ones never; those that a
/// transition asks for or an action sets only when they are required, editable or asked at the opening too.
pub(super) fn opening_fields(workflow: &Workflow) -> BTreeSet<Name> {
    let mut later = asked_by_some(workflow);
    for transition in &workflow.transitions {
        later.extend(set_by(transition));
    }
    for task in workflow.tasks() {
        let outcomes = task.outcomes.iter().flat_map(|outcome| &outcome.actions);
        later.extend(set_by_actions(outcomes.chain(&task.actions)));
    }
    let editable: BTreeSet<&Name> = workflow.edit.iter().flat_map(|edit| &edit.fields).collect();
    let asked: BTreeSet<&Name> = workflow.open.ask.iter().map(|ask| &ask.field).collect();
    let fields = workflow.schema.fields.values().filter(|field| {
        let own = field.required == Required::Always || editable.contains(&field.name) || asked.contains(&field.name);
        !field.computed && (own || !later.contains(&field.name))
    });
    fields.map(|field| Arc::clone(&field.name)).collect()
}

fn set_by(transition: &Transition) -> Vec<Name> {
    let branches = match &transition.to {
        Target::Stay => &[][..],
        Target::Branches(branches) => branches,
    };
    set_by_actions(branches.iter().flat_map(|branch| &branch.actions).chain(&transition.actions))
}

fn set_by_actions<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<Name> {
    let mut fields = Vec::new();
    for action in actions {
        if let Action::Set(values) = action {
            fields.extend(values.iter().map(|(field, _)| Arc::clone(field)));
        }
    }
    fields
}

/// The JSON of a value without what formulas compute: so that a rule may give a row back as it saw it.
pub(super) fn without_computed(kind: &Kind, json: &Json) -> Json {
    let (Kind::List(list), Json::Array(items)) = (kind, json) else {
        return json.clone();
    };
    let Items::Rows(schema) = &list.of else {
        return json.clone();
    };
    let kept = |item: &Json| {
        let Json::Object(row) = item else { return item.clone() };
        let kept = row.iter().filter(|(name, _)| !schema.get(name).is_some_and(|field| field.computed));
        Json::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    Json::Array(items.iter().map(kept).collect())
}
