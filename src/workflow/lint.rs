//! Lint: what is wrong or doubtful about a workflow as a whole, though each of its parts is right.

mod graph;
mod title;
mod unused;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::model::Name;

use super::compile::{Sources, Used};

/// Looks at a whole set.
pub(super) fn lint(sources: &Sources, used: &BTreeMap<Name, Used>, found: &mut Vec<Diagnostic>) {
    for workflow in sources.workflows.values().flatten() {
        graph::lint(workflow, found);
        if let Some(used) = used.get(&workflow.name) {
            unused::fields(workflow, used, found);
        }
    }
    unused::roles_and_rules(sources, used, found);
    title::lint(sources, found);
}
