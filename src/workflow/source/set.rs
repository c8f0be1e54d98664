//! The files beside the workflows, as written: roles, tables, the sentences of rules.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Node, What};

use super::field::{FieldSource, Where, fields};
use super::read::{Keys, check_name, entries, text, texts, title};

/// A table as written.
#[derive(Debug)]
pub(in crate::workflow) struct TableSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The column that is its key.
    pub(in crate::workflow) key: Option<At<Name>>,
    /// Its columns.
    pub(in crate::workflow) columns: Vec<FieldSource>,
}

/// Reads `workflows/roles.yaml`: each role and what it is for.
pub(in crate::workflow) fn roles(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<(At<Name>, Option<At<Title>>)> {
    let Some(keys) = Keys::of(root, "the file of roles", &["roles"], found) else { return Vec::new() };
    let Some(node) = keys.need("roles", "the file of roles", found) else { return Vec::new() };
    let mut roles = Vec::new();
    for entry in entries(node, "`roles`", found).unwrap_or_default() {
        check_name(&entry.key, "a role", found);
        if matches!(&*entry.key.value, "all" | "signal") {
            let error = entry.key.spot.error("E026", format!("`{}` is reserved and can't be a role", entry.key.value));
            found.push(error);
        }
        roles.push((entry.key.clone(), title(&entry.value, "what a role is for", found)));
    }
    roles
}

/// Reads a file of people: each with their roles.
pub(in crate::workflow) fn people(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<(At<Name>, Vec<At<Name>>)> {
    let Some(keys) = Keys::of(root, "the file of people", &["people"], found) else { return Vec::new() };
    let Some(node) = keys.need("people", "the file of people", found) else { return Vec::new() };
    let people = entries(node, "`people`", found).unwrap_or_default();
    people.iter().map(|entry| (entry.key.clone(), texts(&entry.value, "the roles of a person", found))).collect()
}

/// Reads `workflows/tables.yaml`.
pub(in crate::workflow) fn tables(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<TableSource> {
    let Some(keys) = Keys::of(root, "the file of tables", &["tables"], found) else { return Vec::new() };
    let Some(node) = keys.need("tables", "the file of tables", found) else { return Vec::new() };
    let mut tables = Vec::new();
    for entry in entries(node, "`tables`", found).unwrap_or_default() {
        check_name(&entry.key, "a table", found);
        let Some(keys) = Keys::of(&entry.value, "a table", &["title", "key", "columns"], found) else { continue };
        let columns = keys.need("columns", "a table", found);
        tables.push(TableSource {
            name: entry.key.clone(),
            title: keys.get("title").and_then(|node| title(node, "a title", found)),
            key: keys.need("key", "a table", found).and_then(|node| text(node, "`key`", found)),
            columns: columns.map(|node| fields(node, Where::Column, found)).unwrap_or_default(),
        });
    }
    tables
}

/// Reads the sentences of a rule: a title for each code.
pub(in crate::workflow) fn messages(
    root: &Node,
    found: &mut Vec<Diagnostic>,
) -> (BTreeMap<Name, Title>, Vec<At<Title>>) {
    let mut messages = BTreeMap::new();
    let mut titles = Vec::new();
    for entry in entries(root, "a file of messages", found).unwrap_or_default() {
        check_name(&entry.key, "a code", found);
        if matches!(entry.value.what, What::Broken) {
            continue;
        }
        if let Some(title) = title(&entry.value, "a sentence", found) {
            messages.insert(Name::clone(&entry.key.value), title.value.clone());
            titles.push(title);
        }
    }
    (messages, titles)
}
