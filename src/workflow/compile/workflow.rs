//! One workflow: its parts in the order in which they lean on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use chrono_tz::Tz;
use indexmap::IndexMap;

use crate::calendar::Calendar;
use crate::diagnostic::Diagnostic;
use crate::field::{Items, Kind, Schema};
use crate::model::command::{SIGNAL, SYSTEM};
use crate::model::{Name, Record};
use crate::rule::{Environment, Expression};
use crate::workflow::definition::{By, Edit, Read, Stage, Transition, Watches, Workflow};
use crate::workflow::source::{Code, Stages, WorkflowSource, schema_of};
use crate::workflow::task::Answers;
use crate::workflow::walk::At;

use super::names::unknown;
use super::number;
use super::set::{Shared, readable};
use super::words::words;

/// What a workflow uses, for the lint.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Used {
    /// The names in its expressions and in the rules it uses.
    pub(in crate::workflow) words: BTreeSet<Name>,
    /// The fields that something writes.
    pub(in crate::workflow) written: BTreeSet<Name>,
    /// The roles.
    pub(in crate::workflow) roles: BTreeSet<Name>,
    /// The rules.
    pub(in crate::workflow) rules: BTreeSet<Name>,
    /// The messages.
    pub(in crate::workflow) messages: BTreeSet<Name>,
}

/// What is known while a workflow is compiled.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    /// What all workflows share.
    pub(super) shared: &'a Shared<'a>,
    /// The workflow as written.
    pub(super) source: &'a WorkflowSource,
    /// Its zone.
    pub(super) zone: Tz,
    /// Its calendar.
    pub(super) calendar: Option<Arc<Calendar>>,
    /// What an expression may name.
    pub(super) environment: Environment,
    /// What each task keeps.
    pub(super) answers: BTreeMap<Name, Arc<Answers>>,
    /// Fields that are not what they should be; what is said about expressions that name them is not worth saying.
    pub(super) broken: BTreeSet<Name>,
    /// Which kin its automatic transitions wait for.
    pub(super) watches: Watches,
    /// What has been used so far.
    pub(super) used: Used,
    /// What has been found so far.
    pub(super) found: Vec<Diagnostic>,
}

/// Compiles a workflow; `None` when something it needs is missing.
pub(super) fn compile(
    shared: &Shared<'_>,
    source: &WorkflowSource,
    found: &mut Vec<Diagnostic>,
) -> (Option<Workflow>, Used) {
    let mut compiler = Compiler::new(shared, source);
    let workflow = compiler.workflow();
    found.append(&mut compiler.found);
    (workflow, compiler.used)
}

impl<'a> Compiler<'a> {
    fn new(shared: &'a Shared<'a>, source: &'a WorkflowSource) -> Self {
        let environment = Environment {
            schema: Arc::new(schema_of(&source.fields)),
            line: None,
            settings: Arc::new(Schema::default()),
            tables: Arc::clone(&shared.tables),
            stages: source.stages.iter().map(|stage| Name::clone(&stage.name.value)).collect(),
            always: super::field::begun(source),
            resources: Arc::clone(&shared.resources),
            tasks: Arc::default(),
            rows: None,
            calendar: source.calendar.is_some(),
            kin: shared.kin.get(&source.name).cloned().unwrap_or_default(),
        };
        let references = shared.sources.tables_broken;
        let all = source.fields.iter().flat_map(|field| std::iter::once(field).chain(&field.rows));
        let broken = all.filter(|field| field.broken || (references && field.table.is_some()));
        let broken = broken.map(|field| Name::clone(&field.name.value)).collect();
        let (used, found) = (Used::default(), Vec::new());
        let (answers, calendar) = (BTreeMap::new(), None);
        let watches = Watches::default();
        Self { shared, source, zone: Tz::UTC, calendar, environment, answers, broken, watches, used, found }
    }

    fn workflow(&mut self) -> Option<Workflow> {
        self.calendar = self.calendar();
        self.zone = self.calendar.as_ref().map_or(Tz::UTC, |calendar| calendar.zone);
        let number = self.number();
        let settings = self.settings();
        self.roles();
        self.fields();
        self.task_answers();
        let subsets = self.subsets();
        let automatic = self.source.all_transitions().any(|transition| transition.auto);
        let formulas = self.watching(automatic, Self::formulas);
        let initials = self.initials();
        let (edit, read) = (self.edit(), self.read());
        let stages = self.stages();
        let documents = self.documents();
        let transitions = self.transitions();
        let open = self.open();
        let slas = self.slas(&transitions);
        let kin = Arc::clone(&self.environment.kin);
        let schedules = self.schedules();
        let (views, measures) = (self.views(), self.measures());
        Some(Workflow {
            name: Name::clone(&self.source.name),
            title: self.source.title.as_ref().map_or_else(|| readable(&self.source.name), |title| title.value.clone()),
            number,
            zone: self.zone,
            settings: Arc::new(settings),
            setting_schema: Arc::clone(&self.environment.settings),
            schema: Arc::clone(&self.environment.schema),
            formulas,
            subsets,
            initials,
            edit,
            read,
            open: open?,
            stages,
            transitions,
            parent: self.source.parent.as_ref().map(|parent| Name::clone(&parent.value)),
            children: kin.children.iter().map(|(role, child)| (role.clone(), child.workflow.clone())).collect(),
            watches: self.watches,
            schedules,
            views,
            measures,
            documents,
            named_roles: OnceLock::new(),
            calendar: self.calendar.clone(),
            slas,
        })
    }

    /// What `work` compiles; kin that it names are waited for, when automatic transitions lean on it.
    pub(super) fn watching<T>(&mut self, automatic: bool, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::take(&mut self.used.words);
        let done = work(self);
        self.watches.parent |= automatic && self.used.words.contains("parent");
        self.watches.children |= automatic && self.used.words.contains("children");
        self.used.words.extend(before);
        done
    }

    fn calendar(&mut self) -> Option<Arc<Calendar>> {
        let name = self.source.calendar.as_ref()?;
        let calendar = self.shared.calendar(&name.value);
        if calendar.is_none() {
            let known = self.shared.sources.calendars.keys().map(|name| &**name);
            self.found.push(unknown("E106", "calendar", name, known));
        }
        calendar.flatten()
    }

    fn number(&mut self) -> crate::workflow::definition::NumberFormat {
        let read = self.source.number.as_ref().map(number::read).transpose();
        read.unwrap_or_else(|wrong| {
            self.found.push(wrong);
            None
        })
        .unwrap_or_else(|| number::default(&self.source.name))
    }

    fn settings(&mut self) -> Record {
        let mut values = Record::new();
        let mut schema = Schema::default();
        for (name, scalar) in &self.source.settings {
            let Some((kind, value)) = super::given::inferred(scalar) else {
                self.found.push(name.spot.error("E023", format!("the setting `{}` has no value", name.value)));
                continue;
            };
            values.set(Name::clone(&name.value), value);
            schema.fields.insert(Name::clone(&name.value), super::given::parameter(&name.value, kind));
        }
        self.environment.settings = Arc::new(schema);
        values
    }

    /// The roles that the workflow lists, where it lists them.
    fn roles(&mut self) {
        for role in self.source.roles.iter().flatten() {
            if !self.is_role(&role.value) {
                self.unknown_role(role, false);
            }
        }
    }

    fn edit(&mut self) -> Vec<Edit> {
        let source = self.source;
        let edits = source.edit.iter().map(|edit| Edit {
            stages: self.some_stages(&edit.stages),
            by: self.people(&edit.by),
            fields: self.writable(&edit.fields),
        });
        edits.collect()
    }

    fn read(&mut self) -> Vec<Read> {
        let source = self.source;
        let mut reads = Vec::new();
        for read in &source.read {
            let roles = read.roles.as_ref().map(|roles| roles.iter().filter_map(|role| self.role(role)).collect());
            let hide = read.hide.iter().filter(|path| self.path(path)).map(|path| Name::clone(&path.value)).collect();
            reads.push(Read { roles, hide });
        }
        reads
    }

    fn stages(&mut self) -> IndexMap<Name, Stage> {
        let source = self.source;
        let stages = source.stages.iter().map(|stage| {
            let name = Name::clone(&stage.name.value);
            let title = stage.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone());
            let owner = stage.owner.as_ref().and_then(|owner| self.person(owner));
            let tasks = self.tasks(stage);
            (Name::clone(&name), Stage { name, title, owner, end: stage.end, tasks })
        });
        stages.collect()
    }

    fn open(&mut self) -> Option<Transition> {
        let source = self.source.open.as_ref()?;
        self.transition(source, BTreeSet::new())
    }

    /// The names of the stages, or of all of them.
    pub(super) fn some_stages(&mut self, stages: &Stages) -> BTreeSet<Name> {
        match stages {
            None => self.environment.stages.iter().cloned().collect(),
            Some(stages) => stages.iter().filter_map(|stage| self.stage(stage)).collect(),
        }
    }

    /// A stage by its name.
    pub(super) fn stage(&mut self, name: &At<Name>) -> Option<Name> {
        if self.environment.stages.contains(&name.value) {
            return Some(Name::clone(&name.value));
        }
        self.found.push(unknown("E101", "stage", name, self.environment.stages.iter().map(|stage| &**stage)));
        None
    }

    /// Roles and user fields by their names.
    pub(super) fn people(&mut self, names: &[At<Name>]) -> Vec<By> {
        names.iter().filter_map(|name| self.person(name)).collect()
    }

    /// A role, or the person in a user field.
    pub(super) fn person(&mut self, name: &At<Name>) -> Option<By> {
        if self.is_role(&name.value) || &*name.value == SIGNAL {
            return self.role(name).map(By::Role);
        }
        match self.environment.schema.get(&name.value).map(|field| &field.kind) {
            Some(Kind::User { .. }) => {
                self.used.words.insert(Name::clone(&name.value));
                Some(By::User(Name::clone(&name.value)))
            }
            Some(_) if self.broken.contains(&name.value) => None,
            Some(_) => {
                let error = name.spot.error("E131", format!("`{}` is a field and holds no person", name.value));
                self.found.push(error.help("name a role, or a field of the type `user`"));
                None
            }
            None => {
                self.unknown_role(name, true);
                None
            }
        }
    }

    /// A role by its name; it must be one of the workflow's own where those are listed.
    pub(super) fn role(&mut self, name: &At<Name>) -> Option<Name> {
        let role = &name.value;
        if !self.is_role(role) && &**role != SIGNAL {
            self.unknown_role(name, false);
            return None;
        }
        self.used.roles.insert(Name::clone(role));
        let listed = self.source.roles.as_ref().is_none_or(|roles| roles.iter().any(|own| own.value == *role));
        if !listed && !matches!(&**role, SYSTEM | SIGNAL | "admin") {
            let error = name.spot.error("E102", format!("`{role}` is not one of the `roles` of this workflow"));
            self.found.push(error.help("add it to `roles`, or leave `roles` out"));
        }
        Some(Name::clone(role))
    }

    fn is_role(&self, name: &str) -> bool {
        self.shared.roles.contains_key(name)
    }

    fn unknown_role(&mut self, name: &At<Name>, or_field: bool) {
        if self.shared.sources.roles_broken {
            return;
        }
        let roles = self.shared.roles.keys().map(|role| &**role);
        if !or_field {
            self.found.push(unknown("E102", "role", name, roles));
            return;
        }
        let schema = Arc::clone(&self.environment.schema);
        let people = schema.fields.values().filter(|field| matches!(field.kind, Kind::User { .. }));
        let known = roles.chain(people.map(|field| &*field.name));
        let error = unknown("E102", "role", name, known);
        self.found.push(match error.help {
            Some(_) => error,
            None => error.help("declare it in `workflows/roles.yaml`"),
        });
    }

    /// A field of the case by its name.
    pub(super) fn field(&mut self, name: &At<Name>) -> Option<Name> {
        if self.environment.schema.get(&name.value).is_some() {
            return Some(Name::clone(&name.value));
        }
        let schema = Arc::clone(&self.environment.schema);
        self.found.push(unknown("E103", "field", name, schema.fields.keys().map(|field| &**field)));
        None
    }

    /// Fields that a person or an action may write.
    pub(super) fn writable(&mut self, names: &[At<Name>]) -> Vec<Name> {
        names.iter().filter_map(|name| self.writable_field(name)).collect()
    }

    /// A field that a person or an action may write.
    pub(super) fn writable_field(&mut self, name: &At<Name>) -> Option<Name> {
        let field = self.field(name)?;
        if self.environment.schema.get(&field).is_some_and(|field| field.computed) {
            let error = name.spot.error("E112", format!("`{field}` is computed by its formula and can't be written"));
            self.found.push(error);
            return None;
        }
        self.used.written.insert(Name::clone(&field));
        Some(field)
    }

    /// Whether there is such a field, or such a field in the rows of a list (`lines.unit_price`).
    fn path(&mut self, path: &At<Name>) -> bool {
        let Some((list, column)) = path.value.split_once('.') else { return self.field(path).is_some() };
        let part = |text: &str| At { value: Name::from(text), spot: path.spot.clone() };
        let (list, column) = (part(list), part(column));
        if self.field(&list).is_none() {
            return false;
        }
        match self.rows(&list.value) {
            Some(rows) if rows.get(&column.value).is_some() => true,
            Some(rows) => {
                let known = rows.fields.keys().map(|field| &**field);
                let message = format!("there is no field `{}` in the rows of `{}`", column.value, list.value);
                self.found.push(Diagnostic { message: message.into(), ..unknown("E103", "field", &column, known) });
                false
            }
            None => {
                self.found.push(path.spot.error("E103", format!("`{}` is not a list of rows", list.value)));
                false
            }
        }
    }

    /// The fields of a list's rows.
    pub(super) fn rows(&self, list: &str) -> Option<Arc<Schema>> {
        let Kind::List(list) = &self.environment.schema.get(list)?.kind else { return None };
        match &list.of {
            Items::Rows(rows) => Some(Arc::clone(rows)),
            Items::Plain(_) => None,
        }
    }

    /// Compiles an expression; with `line`, it stands in a row of that list.
    pub(super) fn expression(&mut self, code: &Code, line: Option<&Name>) -> Option<Arc<Expression>> {
        let names = words(&code.text);
        let broken = names.iter().any(|word| self.broken.contains(word.name));
        self.used.words.extend(names.iter().map(|word| Name::from(word.name)));
        self.uncounted(code);
        let environment = Environment { line: line.cloned(), ..self.environment.clone() };
        match self.shared.engine.as_ref()?.expression(&code.text, code.place.clone(), &environment) {
            Ok(expression) => Some(Arc::new(expression)),
            Err(_) if broken => None,
            Err(mistakes) => {
                self.found.extend(mistakes);
                None
            }
        }
    }
}
