//! What somebody may see of a case.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Actor, Name, Record, Value};
use crate::workflow::{Read, Workflow};

/// The fields that `actor` may not see; those of rows as `lines.unit_price`. Somebody with several roles sees
/// what any of them sees; a role that no `read` entry names sees everything.
#[must_use]
pub fn hidden_fields(workflow: &Workflow, actor: &Actor) -> BTreeSet<Name> {
    let known = workflow.roles();
    let mut roles = actor.roles.iter().filter(|role| known.contains(*role));
    let Some(first) = roles.next() else {
        return BTreeSet::new();
    };
    roles.fold(hidden_from(workflow, first), |hidden, role| {
        hidden.intersection(&hidden_from(workflow, role)).cloned().collect()
    })
}

fn hidden_from(workflow: &Workflow, role: &Name) -> BTreeSet<Name> {
    let about = |read: &&Read| read.roles.as_ref().is_none_or(|roles| roles.contains(role));
    workflow.read.iter().filter(about).flat_map(|read| read.hide.iter().cloned()).collect()
}

/// The record without the hidden fields.
#[must_use]
pub fn visible(hidden: &BTreeSet<Name>, record: &Record) -> Record {
    let shown = record.iter().filter(|(name, _)| !hidden.contains(*name));
    shown.map(|(name, value)| (Arc::clone(name), shown_value(hidden, name, value))).collect()
}

fn shown_value(hidden: &BTreeSet<Name>, list: &Name, value: &Value) -> Value {
    let prefix = format!("{list}.");
    let columns: BTreeSet<Name> = hidden.iter().filter_map(|path| path.strip_prefix(&prefix)).map(Name::from).collect();
    let (Value::List(items), false) = (value, columns.is_empty()) else {
        return value.clone();
    };
    let shown = |item: &Value| {
        let Some(row) = item.as_row() else { return item.clone() };
        let shown = row.iter().filter(|(name, _)| !columns.contains(*name));
        Value::Row(shown.map(|(name, value)| (Arc::clone(name), value.clone())).collect())
    };
    Value::List(items.iter().map(shown).collect())
}
