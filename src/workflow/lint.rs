//! Lint: what is wrong or doubtful about a workflow as a whole, though each of its parts is right.

mod graph;
mod kin;
mod title;
mod unused;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Level};
use crate::model::Name;

use super::compile::{Sources, Used};

/// Looks at a whole set. What a broken file leaves unused or out of reach is not worth saying.
pub(super) fn lint(sources: &Sources, used: &BTreeMap<Name, Used>, found: &mut Vec<Diagnostic>) {
    let wrong: BTreeSet<Name> = found
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Error)
        .map(|diagnostic| Name::clone(&diagnostic.place.file))
        .collect();
    // What is wrong with them has been said.
    let relations = super::compile::relations(sources, &mut Vec::new());
    for workflow in sources.workflows.values().flatten() {
        graph::mistakes(workflow, found);
        if !wrong.contains(&workflow.file.place.file) {
            graph::doubts(workflow, found);
            kin::ends(workflow, &relations, found);
            unused::fields(workflow, used.get(&workflow.name), found);
        }
    }
    if wrong.iter().all(|file| !file.starts_with("workflows")) {
        unused::roles_and_rules(sources, used, found);
        unused::messages(sources, used, found);
    }
    title::lint(sources, found);
}
