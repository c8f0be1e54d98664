//! Scenarios and tests of rules: every name in them looked up, every value read.

mod pool;
mod rule;
mod scenario;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use crate::diagnostic::Diagnostic;
use crate::field::{Table, Tables};
use crate::model::command::{Input, SYSTEM};
use crate::model::{Actor, Name, Timestamp};
use crate::workflow::definition::Workflow;
use crate::workflow::definition::suite::{Rows, Tests};
use crate::workflow::source::Common;
use crate::workflow::walk::{At, Entry, Node, Spot, What};

use super::names::unknown;
use super::set::Shared;

/// When a scenario begins that does not say so: a Monday morning.
const MORNING: &str = "2026-01-05 09:00";

/// Compiles all tests; those of workflows and rules that are broken are passed over.
pub(super) fn compile(
    shared: &Shared<'_>,
    workflows: &BTreeMap<Name, Arc<Workflow>>,
    found: &mut Vec<Diagnostic>,
) -> Tests {
    let mut ground = Ground { shared, workflows, tables: &shared.tables, found };
    let scenarios = shared.sources.suites.iter().filter_map(|source| ground.suite(source)).collect();
    let rules = shared.sources.rule_suites.iter().filter_map(|source| ground.rule_suite(source)).collect();
    Tests { scenarios, rules }
}

/// What tests stand on.
struct Ground<'a, 'f> {
    shared: &'a Shared<'a>,
    workflows: &'a BTreeMap<Name, Arc<Workflow>>,
    tables: &'a Tables,
    found: &'f mut Vec<Diagnostic>,
}

impl<'a> Ground<'a, '_> {
    /// The workflow; that there is none is told, that it is broken has been.
    fn workflow(&mut self, name: &At<Name>) -> Option<&'a Arc<Workflow>> {
        let known = self.workflows.get(&name.value);
        if known.is_none() && !self.shared.sources.workflows.contains_key(&name.value) {
            let names = self.shared.sources.workflows.keys().map(|name| &**name);
            self.found.push(unknown("E136", "workflow", name, names));
        }
        known
    }

    fn people(&mut self, common: &Common) -> BTreeMap<Name, Actor> {
        let mut people = BTreeMap::from([(Name::from(SYSTEM), Actor::system())]);
        for (name, roles) in &common.people {
            let unlisted =
                |role: &&At<Name>| !self.shared.sources.roles_broken && !self.shared.roles.contains_key(&role.value);
            let known = || self.shared.roles.keys().map(|role| &**role);
            self.found.extend(roles.iter().filter(unlisted).map(|role| unknown("E102", "role", role, known())));
            let roles: BTreeSet<Name> = roles.iter().map(|role| Name::clone(&role.value)).collect();
            people.insert(Name::clone(&name.value), Actor { user: Name::clone(&name.value), roles });
        }
        people
    }

    fn person(&mut self, people: &BTreeMap<Name, Actor>, name: &At<Name>) -> Option<Actor> {
        let known = people.get(&name.value).cloned();
        if known.is_none() {
            self.found.push(unknown("E137", "person", name, people.keys().map(|name| &**name)));
        }
        known
    }

    /// The moment in `zone`; the usual one when none is said.
    fn moment(&mut self, said: Option<&At<Name>>, zone: Tz) -> Timestamp {
        let usual = || local(MORNING).map(|local| Timestamp::from_local(local, zone)).unwrap_or(Timestamp(0));
        let Some(said) = said else { return usual() };
        let zoned = Timestamp::parse(&said.value).ok();
        let moment = zoned.or_else(|| local(&said.value).map(|local| Timestamp::from_local(local, zone)));
        moment.unwrap_or_else(|| {
            let error = said.spot.error("E023", format!("`{}` is no moment", said.value));
            self.found.push(error.help("write it as `2026-09-24 09:00`"));
            usual()
        })
    }

    /// The rows of the tables.
    fn rows(&mut self, written: &[(At<Name>, Vec<Node>)]) -> Rows {
        let mut tables = Rows::new();
        for (name, rows) in written {
            match self.tables.get(&name.value) {
                Some(table) => {
                    let rows = rows.iter().filter_map(|row| self.row(table, row)).collect();
                    tables.push((Name::clone(&name.value), rows));
                }
                None if self.shared.sources.tables_broken => {}
                None => self.found.push(unknown("E104", "table", name, self.tables.keys().map(|name| &**name))),
            }
        }
        tables
    }

    fn row(&mut self, table: &Table, row: &Node) -> Option<Input> {
        match &row.what {
            What::Map(entries) => Some(self.fields(&table.columns, Tz::UTC, entries, "column")),
            What::Broken => None,
            What::Scalar(_) | What::List(_) => {
                self.found.push(row.spot.error("E022", "a row is a map, with `column: value` in each entry"));
                None
            }
        }
    }

    /// Whole fields only, over others.
    fn over(&mut self, workflow: &Workflow, base: &Input, entries: &[Entry]) -> Input {
        let changed = self.changed(workflow, entries);
        let mut input = base.clone();
        input.extend(changed.whole);
        for (path, value) in &changed.parts {
            crate::workflow::suite::put(&mut input, path, value);
        }
        input
    }
}

/// The tables of a file and those of a test: a row of a test comes after, and so wins.
fn together(file: &Rows, own: Rows) -> Rows {
    file.iter().cloned().chain(own).collect()
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text.trim(), format).ok())
}

/// The file's name as something that can be pointed at.
fn whole(file: &Spot, name: &Name) -> At<Name> {
    At { value: Name::clone(name), spot: file.clone() }
}
