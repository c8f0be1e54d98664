//! What the fields of a workflow name, the subsets of lists, and what fields begin with.

use crate::field::{Field, Kind};
use crate::model::Name;
use crate::workflow::definition::{Initial, Subset};
use crate::workflow::source::FieldSource;

use super::names::unknown;
use super::workflow::Compiler;

impl Compiler<'_> {
    /// Looks up what the fields name.
    pub(super) fn fields(&mut self) {
        let source = self.source;
        for field in source.fields.iter().flat_map(|field| std::iter::once(field).chain(&field.rows)) {
            self.names_of(field);
        }
    }

    fn names_of(&mut self, field: &FieldSource) {
        if let Some(table) = &field.table {
            if !self.shared.tables.contains_key(&table.value) {
                self.broken.insert(Name::clone(&field.name.value));
                if !self.shared.sources.tables_broken {
                    let known = self.shared.tables.keys().map(|name| &**name);
                    self.found.push(unknown("E104", "table", table, known));
                }
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
                let condition = self.expression(code, Some(&list.name.value));
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
