//! What the fields of a workflow name, the subsets of lists, and what fields begin with.

use std::collections::BTreeSet;

use crate::field::{Field, Kind};
use crate::model::Name;
use crate::workflow::definition::{Initial, Subset};
use crate::workflow::source::{AskSource, FieldSource, WorkflowSource, is_null};
use crate::workflow::walk::What;

use super::given::{computed, today};
use super::names::unknown;
use super::workflow::Compiler;

/// The fields that are set from the beginning on, because they begin with a literal: those of rows as
/// `lines.discount`. A field that a transition asks for begins when it is asked.
pub(super) fn begun(source: &WorkflowSource) -> BTreeSet<Name> {
    let transitions = source.stages.iter().flat_map(|stage| &stage.transitions).chain(&source.any_stage);
    let asked = transitions.flat_map(|transition| &transition.ask).map(|(field, _)| &field.value);
    let tasks = source.stages.iter().flat_map(|stage| &stage.tasks).filter(|task| task.each.is_none());
    let by_tasks = tasks.flat_map(|task| &task.ask).filter_map(|ask| match ask {
        AskSource::Named(field, _) => Some(&field.value),
        AskSource::Own(_) => None,
    });
    let asked: BTreeSet<&Name> = asked.chain(by_tasks).collect();
    let mut begun = BTreeSet::new();
    for field in &source.fields {
        let name = &field.name.value;
        begun.extend((begins(field) && !asked.contains(name)).then(|| Name::clone(name)));
        let rows = field.rows.iter().filter(|row| begins(row));
        begun.extend(rows.map(|row| Name::from(format!("{name}.{}", row.name.value))));
    }
    begun
}

/// Whether a field begins with a literal. An expression may have no value, and a time of the day may be past.
pub(super) fn begins(field: &FieldSource) -> bool {
    field.default.as_ref().is_some_and(|node| match &node.what {
        What::Scalar(scalar) => {
            let past = field.field.kind == Kind::Datetime && today(&scalar.text).is_some();
            !past && !is_null(scalar) && computed(scalar, node).is_none()
        }
        What::List(_) | What::Map(_) => true,
        What::Broken => false,
    })
}

impl Compiler<'_> {
    /// Looks up what the fields name.
    pub(super) fn fields(&mut self) {
        let source = self.source;
        for field in source.fields.iter().flat_map(|field| std::iter::once(field).chain(&field.rows)) {
            self.names_of(field);
        }
    }

    fn names_of(&mut self, field: &FieldSource) {
        if let Some(table) = field.table.as_ref().filter(|table| !self.shared.tables.contains_key(&table.value)) {
            self.broken.insert(Name::clone(&field.name.value));
            if !self.shared.sources.tables_broken {
                let known = self.shared.tables.keys().map(|name| &**name);
                self.found.push(unknown("E104", "table", table, known));
            }
        }
        if let Some(role) = &field.role {
            self.role(role);
        }
        for transition in &field.required_by {
            self.transition_name(transition, false);
        }
        if matches!(field.field.kind, Kind::User { .. }) && self.shared.roles.contains_key(&field.name.value) {
            let name = &field.name;
            let error = name.spot.error("E026", format!("`{}` is a role too, so `by` could mean either", name.value));
            self.found.push(error.help("give the field another name"));
        }
    }

    /// The subsets of the lists.
    pub(super) fn subsets(&mut self) -> Vec<Subset> {
        let source = self.source;
        let mut subsets = Vec::new();
        for list in source.fields.iter().filter(|list| !list.subsets.is_empty()) {
            let plain = !list.broken && self.rows(&list.name.value).is_none();
            if plain {
                self.found.push(list.name.spot.error("E027", "only a list of rows has subsets"));
            }
            for (name, code) in list.subsets.iter().filter(|_| !plain) {
                let condition = self.holds(code, Some(&list.name.value));
                subsets.extend(condition.map(|condition| Subset {
                    list: Name::clone(&list.name.value),
                    name: Name::clone(&name.value),
                    condition,
                }));
            }
        }
        subsets
    }

    /// What fields and rows begin with.
    pub(super) fn initials(&mut self) -> Vec<Initial> {
        let source = self.source;
        let mut initials = Vec::new();
        for field in &source.fields {
            initials.extend(self.initial(None, field));
            for row in &field.rows {
                initials.extend(self.initial(Some(&field.name.value), row));
            }
        }
        initials
    }

    fn initial(&mut self, list: Option<&Name>, source: &FieldSource) -> Option<Initial> {
        let default = source.default.as_ref()?;
        if source.field.computed || source.broken {
            return None;
        }
        if list.is_none() {
            self.used.written.insert(Name::clone(&source.name.value));
        }
        let value = self.given(&source.field, default)?;
        Some(Initial { list: list.cloned(), field: Name::clone(&source.name.value), value })
    }

    /// A field of the case as the schema has it.
    pub(super) fn known_field(&self, name: &str) -> Option<Field> {
        self.environment.schema.get(name).cloned()
    }
}
