//! What all workflows of a set share: roles, tables, calendars, the rule engine and the rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calendar::Calendar;
use crate::diagnostic::Diagnostic;
use crate::field::{Kind, Required, Resources, Table, Tables};
use crate::model::{Name, Revision, Title};
use crate::rule::{Relations, Rule, RuleEngine};
use crate::workflow::definition::suite::Tests;
use crate::workflow::definition::{Definition, Role, Workflow};
use crate::workflow::source::{FieldSource, TableSource};

use super::names::unknown;
use super::sources::Sources;

/// The role that may do everything that is not a duty of a case.
const ADMIN: &str = "admin";

/// What the workflows share.
#[derive(Debug)]
pub(super) struct Shared<'s> {
    /// The files as written.
    pub(super) sources: &'s Sources,
    /// The roles.
    pub(super) roles: BTreeMap<Name, Role>,
    /// The tables.
    pub(super) tables: Arc<Tables>,
    /// The rules; `None` for one that could not be compiled.
    pub(super) rules: BTreeMap<Name, Option<Arc<Rule>>>,
    /// The engine; `None` when not even an empty one can be had.
    pub(super) engine: Option<Arc<RuleEngine>>,
    /// The kin of the cases of each workflow.
    pub(super) kin: BTreeMap<Name, Arc<Relations>>,
    /// The resources.
    pub(super) resources: Arc<Resources>,
    /// The messages; `None` for one that is broken.
    pub(super) letters: super::message::Messages,
}

/// Compiles what the workflows share.
pub(super) fn compile<'s>(sources: &'s Sources, found: &mut Vec<Diagnostic>) -> Shared<'s> {
    let engine = engine(sources, found);
    let tables = tables(sources, found);
    let resources = super::hold::resources(sources, &tables, found);
    let mut shared = Shared {
        sources,
        roles: roles(sources),
        tables: Arc::new(tables),
        rules: BTreeMap::new(),
        engine,
        kin: super::kin::relations(sources, found).into_iter().map(|(name, kin)| (name, Arc::new(kin))).collect(),
        resources: Arc::new(resources),
        letters: super::message::messages(sources, found),
    };
    shared.rules = shared.compile_rules(found);
    shared
}

impl Shared<'_> {
    /// The definition, when everything it needs is there.
    pub(super) fn definition(
        self,
        revision: Revision,
        workflows: BTreeMap<Name, Arc<Workflow>>,
        tests: Tests,
    ) -> Option<Definition> {
        let calendars = self.sources.calendars.iter();
        let calendars = calendars.map(|(name, calendar)| Some((Name::clone(name), Arc::clone(calendar.as_ref()?))));
        let calendars = calendars.collect::<Option<_>>()?;
        let rules = self.rules.into_iter().map(|(name, rule)| Some((name, rule?))).collect::<Option<_>>()?;
        let (tables, roles, resources) = (self.tables, self.roles, self.resources);
        let engine = self.engine?;
        Some(Definition { revision, workflows, tables, roles, rules, engine, calendars, resources, tests })
    }

    /// A calendar: `None` when there is none of this name, `Some(None)` when it is broken.
    pub(super) fn calendar(&self, calendar: &str) -> Option<Option<Arc<Calendar>>> {
        self.sources.calendars.get(calendar).cloned()
    }

    fn compile_rules(&self, found: &mut Vec<Diagnostic>) -> BTreeMap<Name, Option<Arc<Rule>>> {
        for (name, (spot, _)) in &self.sources.messages {
            if !self.sources.rules.contains_key(name) {
                let known = self.sources.rules.keys().map(|name| &**name);
                let at = crate::workflow::walk::At { value: Name::clone(name), spot: spot.clone() };
                found.push(unknown("E105", "rule", &at, known));
            }
        }
        let rules = self.sources.rules.iter().map(|(name, source)| {
            let rule = source.as_ref().and_then(|(path, text)| self.rule(name, path, text, found));
            (Name::clone(name), rule)
        });
        rules.collect()
    }

    fn rule(&self, name: &str, path: &str, text: &str, found: &mut Vec<Diagnostic>) -> Option<Arc<Rule>> {
        let messages = self.sources.messages.get(name).map(|(_, messages)| messages.clone()).unwrap_or_default();
        match self.engine.as_ref()?.rule(name, path, text, messages) {
            Ok(rule) => {
                found.extend(rule.warnings.iter().cloned());
                Some(Arc::new(rule))
            }
            Err(mistakes) => {
                found.extend(mistakes);
                None
            }
        }
    }
}

/// The engine with the shared modules; without them when they have mistakes, so that the rest can be judged.
fn engine(sources: &Sources, found: &mut Vec<Diagnostic>) -> Option<Arc<RuleEngine>> {
    let engine = RuleEngine::new(&sources.library).or_else(|mistakes| {
        found.extend(mistakes);
        RuleEngine::new(&BTreeMap::new())
    });
    match engine {
        Ok(engine) => Some(Arc::new(engine)),
        Err(mistakes) => {
            found.extend(mistakes);
            None
        }
    }
}

fn roles(sources: &Sources) -> BTreeMap<Name, Role> {
    let always =
        [(ADMIN, Title::new("管理员", "Administrator")), (crate::model::command::SYSTEM, Title::new("系统", "System"))];
    let mut roles: BTreeMap<Name, Role> =
        always.into_iter().map(|(name, title)| (Name::from(name), Role { name: name.into(), title })).collect();
    for (name, title) in &sources.roles {
        let title = title.as_ref().map_or_else(|| readable(&name.value), |title| title.value.clone());
        roles.insert(Name::clone(&name.value), Role { name: Name::clone(&name.value), title });
    }
    roles
}

/// A name as a title, for what its owner gave none.
pub(super) fn readable(name: &str) -> Title {
    Title::both(&name.replace('_', " "))
}

fn tables(sources: &Sources, found: &mut Vec<Diagnostic>) -> Tables {
    let tables = sources.tables.iter().map(|source| {
        for column in &source.columns {
            references(column, sources, found);
        }
        (Name::clone(&source.name.value), table(source, found))
    });
    tables.collect()
}

fn references(column: &FieldSource, sources: &Sources, found: &mut Vec<Diagnostic>) {
    let known: Vec<&str> = sources.tables.iter().map(|table| &*table.name.value).collect();
    for column in std::iter::once(column).chain(&column.rows) {
        if let Some(table) = column.table.as_ref().filter(|table| !known.contains(&&*table.value)) {
            found.push(unknown("E104", "table", table, known.iter().copied()));
        }
        if let Some(role) = &column.role {
            let known = sources.roles.iter().map(|(name, _)| &*name.value);
            if !sources.roles_broken && !known.clone().any(|known| *known == *role.value) {
                found.push(unknown("E102", "role", role, known));
            }
        }
    }
}

fn table(source: &TableSource, found: &mut Vec<Diagnostic>) -> Table {
    let mut columns = crate::workflow::source::schema_of(&source.columns);
    let key = source.key.as_ref();
    match key.and_then(|key| columns.fields.get_mut(&*key.value).map(|column| (key, column))) {
        Some((key, column)) => {
            column.required = Required::Always;
            if !matches!(column.kind, Kind::Text | Kind::Choice(_) | Kind::Phone | Kind::Email) {
                let error = key.spot.error("E115", format!("`{}` can't be the key: it holds no text", key.value));
                found.push(error.help("a key is a column of the type `text`"));
            }
        }
        None => {
            // A table without columns has been reported.
            if let Some(key) = key.filter(|_| !source.columns.is_empty()) {
                let known = source.columns.iter().map(|column| &*column.name.value);
                found.push(unknown("E115", "column", key, known));
            }
        }
    }
    let name = Name::clone(&source.name.value);
    let title = source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone());
    let key = key.map_or_else(|| Name::from(""), |key| Name::clone(&key.value));
    Table { name, title, key, columns: Arc::new(columns) }
}
