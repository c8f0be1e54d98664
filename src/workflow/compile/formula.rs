//! Formulas, in an order in which each comes after those it reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::Field;
use crate::model::Name;
use crate::workflow::definition::Formula;
use crate::workflow::source::{Code, FieldSource};

use super::words::words;
use super::workflow::Compiler;

/// What a formula computes: the list, if any, and the field or subset.
type Key = (Option<Name>, Name);

/// A formula, or the condition of a subset, as a node of the graph.
#[derive(Clone, Debug)]
struct Computed<'s> {
    key: Key,
    code: &'s Code,
    formula: bool,
}

/// What changes while the fields stay what they are.
const WORLD: &[&str] =
    &["input", "actor", "stage", "entered", "today", "now", "resource", "tasks", "tasks_done", "parent", "children"];

impl Compiler<'_> {
    /// The formulas in order. A circle is an error.
    pub(super) fn formulas(&mut self) -> Vec<Formula> {
        let nodes = computed(&self.source.fields);
        for node in nodes.iter().filter(|node| node.formula) {
            self.moving(node.code);
        }
        let reads: BTreeMap<Key, BTreeSet<Key>> =
            nodes.iter().map(|node| (node.key.clone(), reads(node, &nodes))).collect();
        let (order, rest) = sort(&nodes, &reads);
        let circle = circle(&rest, &reads);
        if let Some(first) = circle.first() {
            let names: Vec<String> = circle.iter().map(|node| format!("`{}`", shown(&node.key))).collect();
            let message = format!("formulas lean on each other in a circle: {}", names.join(", "));
            self.found.push(first.code.spot.error("E113", message));
        }
        let mut formulas = Vec::new();
        for node in order.into_iter().chain(rest).filter(|node| node.formula) {
            let (list, field) = node.key.clone();
            let holder = self.holder(list.as_ref(), &field);
            let expression = match &holder {
                Some(holder) => self.fitting(node.code, list.as_ref(), holder),
                None => self.expression(node.code, list.as_ref()),
            };
            let (reads, subsets) = self.leans_on(&node.code.text, list.as_ref().unwrap_or(&field));
            formulas.extend(expression.map(|expression| Formula { list, field, expression, reads, subsets }));
        }
        formulas
    }

    /// The fields that a formula may read, `own` among them, and whether it may name a subset. What is not a field
    /// and no word of the language that stands still within a command could be anything: then nobody knows.
    fn leans_on(&self, text: &str, own: &Name) -> (Option<Vec<Name>>, bool) {
        let subset = |name: &Name| text.contains(&**name);
        let subsets = self.source.fields.iter().flat_map(|field| &field.subsets).any(|(name, _)| subset(&name.value));
        let mut reads = vec![Name::clone(own)];
        for word in words(text) {
            if WORLD.contains(&word.name) {
                return (None, subsets);
            }
            if self.known_field(word.name).is_some() && !reads.iter().any(|read| **read == *word.name) {
                reads.push(word.name.into());
            }
        }
        ((!subsets).then_some(reads), subsets)
    }

    /// The field that a formula computes.
    fn holder(&self, list: Option<&Name>, field: &Name) -> Option<Field> {
        match list {
            None => self.known_field(field),
            Some(list) => self.rows(list)?.get(field).cloned(),
        }
    }

    /// A stored formula over the present moment would be wrong later.
    fn moving(&mut self, code: &Code) {
        let named =
            |names: &[&str]| words(&code.text).into_iter().find(|word| !word.member && names.contains(&word.name));
        if let Some(word) = named(&["tasks", "tasks_done"]) {
            let message =
                format!("a formula is stored, and over `{}` it would be wrong once a task is done", word.name);
            self.found.push(code.spot.error("E114", message).help("write a condition, or a `set` in the task"));
        }
        if let Some(word) = named(&["today", "now"]) {
            let message = format!("a formula is stored, and over `{}` it would be wrong tomorrow", word.name);
            self.found.push(code.spot.error("E114", message).help("compute it in a `set` when it is needed"));
        }
    }
}

/// All formulas and subsets of some fields and their rows.
fn computed(fields: &[FieldSource]) -> Vec<Computed<'_>> {
    let mut nodes = Vec::new();
    for field in fields {
        let list = Some(Name::clone(&field.name.value));
        let own = field.formula.as_ref().map(|code| ((None, Name::clone(&field.name.value)), code, true));
        let rows = field.rows.iter().filter_map(|row| {
            row.formula.as_ref().map(|code| ((list.clone(), Name::clone(&row.name.value)), code, true))
        });
        let subsets = field.subsets.iter().map(|(name, code)| ((list.clone(), Name::clone(&name.value)), code, false));
        let all = own.into_iter().chain(rows).chain(subsets);
        nodes.extend(all.map(|(key, code, formula)| Computed { key, code, formula }));
    }
    nodes
}

/// The computed things that `node` may read. Which list a name behind a dot belongs to is not known, so every list
/// that is named, and the row's own, is taken to be meant.
fn reads(node: &Computed<'_>, nodes: &[Computed<'_>]) -> BTreeSet<Key> {
    let words = words(&node.code.text);
    let bare: BTreeSet<&str> = words.iter().filter(|word| !word.member).map(|word| word.name).collect();
    let members: BTreeSet<&str> = words.iter().filter(|word| word.member).map(|word| word.name).collect();
    let read = nodes.iter().filter(|other| match &other.key {
        (None, field) => bare.contains(&**field),
        (Some(list), field) => {
            let named = bare.contains(&**list) || (node.key.0.as_ref() == Some(list) && bare.contains("line"));
            named && members.contains(&**field)
        }
    });
    read.map(|other| other.key.clone()).collect()
}

/// Sorts so that each comes after those it reads; the second are those that could not be: they stand in a circle
/// or lean on one.
fn sort<'n, 's>(
    nodes: &'n [Computed<'s>],
    reads: &BTreeMap<Key, BTreeSet<Key>>,
) -> (Vec<&'n Computed<'s>>, Vec<&'n Computed<'s>>) {
    let mut done: BTreeSet<&Key> = BTreeSet::new();
    let mut order = Vec::new();
    let mut left: Vec<&Computed<'_>> = nodes.iter().collect();
    loop {
        let ready = |node: &&Computed<'_>| {
            reads.get(&node.key).is_none_or(|reads| reads.iter().all(|read| done.contains(read)))
        };
        let (next, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
        left = rest;
        if next.is_empty() {
            return (order, left);
        }
        done.extend(next.iter().map(|node| &node.key));
        order.extend(next);
    }
}

/// Those of `rest` that stand in a circle: what no other one reads only leans on it.
fn circle<'n, 's>(rest: &[&'n Computed<'s>], reads: &BTreeMap<Key, BTreeSet<Key>>) -> Vec<&'n Computed<'s>> {
    let mut circle = rest.to_vec();
    loop {
        let read: BTreeSet<&Key> = circle.iter().filter_map(|node| reads.get(&node.key)).flatten().collect();
        let kept: Vec<_> = circle.iter().copied().filter(|node| read.contains(&node.key)).collect();
        if kept.len() == circle.len() {
            return kept;
        }
        circle = kept;
    }
}

fn shown(key: &Key) -> String {
    let (list, field) = key;
    list.as_ref().map_or_else(|| field.to_string(), |list| format!("{list}.{field}"))
}
