//! Who is there: a file that names people and their roles.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::definition::Definition;
use crate::workflow::source::people;
use crate::workflow::walk::walk;

/// People, each with their roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// The people by id.
    pub people: BTreeMap<Name, BTreeSet<Name>>,
}

impl Staff {
    /// Those who have a role.
    pub(super) fn with<'s>(&'s self, role: &'s str) -> impl Iterator<Item = &'s Name> {
        self.people.iter().filter(move |(_, roles)| roles.contains(role)).map(|(person, _)| person)
    }
}

/// Reads a file of people and roles: `people: { li: clerk, wang: [clerk, head] }`. Roles that the definition does
/// not have are mistakes.
#[must_use]
pub fn staff(file: &Name, bytes: &[u8], definition: &Definition) -> (Staff, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let Some(root) = walk(file, bytes, &mut found) else { return (Staff::default(), found) };
    let mut staff = Staff::default();
    for (person, roles) in people(&root, &mut found) {
        for role in &roles {
            if !definition.roles.contains_key(&role.value) {
                let known = definition.roles.keys().map(|role| &**role);
                found.push(crate::workflow::compile::unknown("E102", "role", role, known));
            }
        }
        staff.people.insert(person.value, roles.into_iter().map(|role| role.value).collect());
    }
    (staff, found)
}
