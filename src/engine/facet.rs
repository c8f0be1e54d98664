//! Facets: under what a case can be found quickly.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::limit::KEY_BYTES_MAX;
use crate::model::{Case, Name, TaskState, Value};

use super::work::WorkKind;

/// The facet of the stage that a case is in: every case has it once.
pub const STAGE: &str = "stage";

/// The facet of the parent of a case: a child has it once.
pub const PARENT: &str = "parent";

/// Returns the (facet, value) pairs of a case.
///
/// They are its stage, its open tasks and what waits for approval, by their names, and its parent: who each waits for follows under
/// whatever definition is live, and so a change of definition never leaves an index behind.
#[must_use]
pub fn facets(case: &Case) -> BTreeSet<(Name, Name)> {
    let stage = (STAGE.into(), Arc::clone(&case.stage));
    let open = case.tasks.iter().filter(|(_, task)| task.state == TaskState::Open);
    let tasks = open.map(|(name, _)| (WorkKind::Task.word().into(), Arc::clone(name)));
    let approval = case.approval.iter();
    let approval = approval.map(|pending| (WorkKind::Approval.word().into(), Arc::clone(&pending.transition)));
    let parent = case.kin.parent.iter().map(|bond| (PARENT.into(), bond.case.case.to_string().into()));
    std::iter::once(stage).chain(tasks).chain(approval).chain(parent).collect()
}

/// Writes a value as the text under which it is compared, held and found, cut to `KEY_BYTES_MAX`.
#[must_use]
pub fn value_text(value: &Value) -> Name {
    let text = match value {
        Value::Text(text) => Arc::clone(text),
        Value::Decimal(number) => number.normalize().to_string().into(),
        Value::Integer(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_)
        | Value::List(_)
        | Value::Row(_)
        | Value::Map(_) => {
            let json = value.to_json();
            json.as_str().map_or_else(|| json.to_string().into(), Name::from)
        }
    };
    if text.len() <= KEY_BYTES_MAX {
        return text;
    }
    text.chars()
        .scan(0, |bytes, letter| {
            *bytes += letter.len_utf8();
            (*bytes <= KEY_BYTES_MAX).then_some(letter)
        })
        .collect::<String>()
        .into()
}
