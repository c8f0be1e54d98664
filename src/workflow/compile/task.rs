//! Tasks: what they ask and keep, whom they keep out, what they come after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calendar::Recurring;
use crate::field::{Field, Items, Kind, ListKind, Required, Schema};
use crate::model::limit::LIST_ROWS_MAX;
use crate::model::{Name, Title};
use crate::workflow::definition::Ask;
use crate::workflow::source::{AskSource, StageSource, TaskSource};
use crate::workflow::task::{Answers, NotBy, Outcome, ROWS, Task};
use crate::workflow::walk::At;

use super::given::parameter;
use super::names::unknown;
use super::set::readable;
use super::workflow::Compiler;

impl Compiler<'_> {
    /// What each task keeps: known before any expression is compiled, because expressions may name it.
    pub(super) fn task_answers(&mut self) {
        let source = self.source;
        let mut places: BTreeMap<&str, u32> = BTreeMap::new();
        let mut known = BTreeMap::new();
        for task in source.stages.iter().flat_map(|stage| &stage.tasks) {
            let name = &task.name;
            if let Some(line) = places.insert(&name.value, name.spot.place.line) {
                let error = name.spot.error("E169", format!("there are two tasks `{}`", name.value));
                self.found.push(error.help(format!("the other one stands in line {line}")));
            }
            let answers = self.answers(task);
            known.insert(Name::clone(&name.value), Arc::new(answers));
        }
        self.environment.tasks =
            Arc::new(known.iter().map(|(name, answers)| (Name::clone(name), Arc::clone(&answers.seen))).collect());
        self.answers = known;
    }

    fn answers(&mut self, source: &TaskSource) -> Answers {
        let columns = source.each.as_ref().map(|each| self.each(each));
        let (mut row, mut must) = (Schema::default(), Vec::new());
        for ask in &source.ask {
            let (at, field) = match (ask, &columns) {
                (AskSource::Named(name, needed), Some(Some(columns))) => {
                    let Some(field) = self.column(name, columns) else { continue };
                    let required = if *needed { Required::Always } else { field.required.clone() };
                    must.extend(needed.then(|| Name::clone(&name.value)));
                    (name, Field { required, unique: false, write_once: false, ..field })
                }
                // A field of the case, or of a list that is none.
                (AskSource::Named(..), _) => continue,
                (AskSource::Own(own), _) => {
                    self.own_answer(own, columns.is_none());
                    must.extend((own.field.required == Required::Always).then(|| Name::clone(&own.name.value)));
                    (&own.name, own.field.clone())
                }
            };
            if row.fields.insert(Name::clone(&field.name), field).is_some() {
                self.found.push(at.spot.error("E010", format!("`{}` stands here twice", at.value)));
            }
        }
        let row = Arc::new(row);
        Answers { seen: Arc::new(seen(&row)), row, must }
    }

    /// The fields of the rows of the list that a task goes through.
    fn each(&mut self, each: &At<Name>) -> Option<Arc<Schema>> {
        let list = self.field(each)?;
        let rows = self.rows(&list);
        if rows.is_none() && !self.broken.contains(&list) {
            self.found.push(each.spot.error("E161", format!("`{list}` is not a list of rows")));
        }
        rows
    }

    fn column(&mut self, name: &At<Name>, columns: &Schema) -> Option<Field> {
        match columns.get(&name.value) {
            Some(field) if field.computed => {
                let message = format!("`{}` is computed by its formula and can't be asked for", name.value);
                self.found.push(name.spot.error("E112", message));
                None
            }
            Some(field) => Some(field.clone()),
            None => {
                let error = unknown("E103", "field", name, columns.fields.keys().map(|name| &**name));
                let own = format!("for an answer of the task's own write `{{ {}: {{ type: ... }} }}`", name.value);
                self.found.push(if error.help.is_some() { error } else { error.help(own) });
                None
            }
        }
    }

    /// An answer of the task's own has no formula and no default, and beside fields of the case a name of its own.
    fn own_answer(&mut self, own: &crate::workflow::source::FieldSource, beside_fields: bool) {
        let name = &own.name;
        if own.formula.is_some() || own.default.is_some() {
            let message =
                format!("`{}` is answered by who does the task: it has no formula and no default", name.value);
            self.found.push(name.spot.error("E027", message));
        }
        if beside_fields && self.environment.schema.get(&name.value).is_some() {
            let error = name.spot.error("E162", format!("`{}` is a field of the case too", name.value));
            self.found.push(error.help("ask for the field by its name, or give the answer another one"));
        }
    }

    /// The tasks of a stage.
    pub(super) fn tasks(&mut self, stage: &StageSource) -> Vec<Arc<Task>> {
        if let (true, Some(task)) = (stage.ends, stage.tasks.first()) {
            let message = format!("`{}` is final, and `{}` is to be done in it", stage.name.value, task.name.value);
            self.found.push(task.name.spot.error("E123", message).help("leave out `final`, or the tasks"));
        }
        self.task_circle(stage);
        stage.tasks.iter().map(|task| Arc::new(self.task(task, stage))).collect()
    }

    fn task(&mut self, source: &TaskSource, stage: &StageSource) -> Task {
        let name = &source.name;
        let by = self.people(source.by.as_deref().unwrap_or_default());
        if source.by.as_ref().is_none_or(Vec::is_empty) {
            let error = name.spot.error("E120", format!("nobody could do `{}`", name.value));
            self.found.push(error.help("say who with `by`"));
        }
        let not_by = source.not_by.iter().filter_map(|name| self.not_by(name, &source.name, stage)).collect();
        let after = source.after.iter().filter_map(|name| self.task_name(name, stage)).collect();
        let (ask, change) = (self.task_ask(source), self.writable(&source.change));
        let answers = self.answers.get(&name.value).map(Arc::clone).unwrap_or_default();
        let before = self.environment.clone();
        self.environment.rows = Some(Arc::clone(&answers.row)).filter(|row| !row.fields.is_empty());
        self.environment.always.extend(ask.iter().filter(|ask| ask.must).map(|ask| Name::clone(&ask.field)));
        let when = self.condition(source.when.as_ref());
        let checks = self.checks(&source.checks);
        let outcomes = self.outcomes(source, stage);
        let actions = self.actions(&source.actions);
        self.environment = before;
        Task {
            name: Name::clone(&name.value),
            title: source.title.as_ref().map_or_else(|| readable(&name.value), |title| title.value.clone()),
            by,
            not_by,
            after,
            each: source.each.as_ref().map(|each| Name::clone(&each.value)),
            ask,
            answers,
            change,
            when,
            checks,
            outcomes,
            actions,
            again: source.again.as_ref().and_then(|again| self.again(again)),
            place: name.spot.place.clone(),
        }
    }

    /// The fields of the case that a task asks for.
    fn task_ask(&mut self, source: &TaskSource) -> Vec<Ask> {
        let mut asks: Vec<Ask> = Vec::new();
        for ask in source.ask.iter().filter(|_| source.each.is_none()) {
            let AskSource::Named(name, must) = ask else { continue };
            let Some(field) = self.writable_field(name) else { continue };
            if asks.iter().any(|ask| ask.field == field) {
                self.found.push(name.spot.error("E010", format!("`{field}` stands here twice")));
                continue;
            }
            asks.push(Ask { field, must: *must });
        }
        asks
    }

    fn outcomes(&mut self, source: &TaskSource, stage: &StageSource) -> Vec<Outcome> {
        let after = source.outcomes.iter().skip_while(|outcome| outcome.when.is_some()).skip(1);
        for outcome in after {
            let warning = outcome.spot.warning("W108", "this outcome never comes: one before it always holds");
            self.found.push(warning.help("put the outcome without `when` last"));
        }
        let outcomes = source.outcomes.iter().map(|outcome| {
            let redo = outcome.redo.as_ref().and_then(|name| self.redo(name, source, stage));
            Outcome { when: self.condition(outcome.when.as_ref()), redo, actions: self.actions(&outcome.actions) }
        });
        outcomes.collect()
    }

    /// Only what came before, or the task itself, can be done again because of it.
    fn redo(&mut self, name: &At<Name>, source: &TaskSource, stage: &StageSource) -> Option<Name> {
        let redo = self.task_name(name, stage)?;
        if redo != source.name.value && !before(&source.name.value, stage).contains(&*redo) {
            let error = name.spot.error("E163", format!("`{}` does not come after `{redo}`", source.name.value));
            self.found.push(error.help(format!("write `after: {redo}`, or name a task that comes before")));
        }
        Some(redo)
    }

    /// When a task comes again.
    fn again(&mut self, again: &At<Name>) -> Option<Recurring> {
        let recurring = Recurring::parse(&again.value);
        match recurring {
            None => {
                let error = again.spot.error("E170", format!("`{}` is no time that comes again", again.value));
                self.found.push(error.help(format!("write {}", Recurring::FORMS)));
            }
            Some(recurring) if recurring.needs_calendar() && self.source.calendar.is_none() => {
                let error = again.spot.error("E170", "only a calendar knows working days, and the workflow has none");
                self.found.push(error.help("name one with `calendar`"));
            }
            Some(_) => {}
        }
        recurring
    }

    /// Whom four eyes keep out: the doers of a task of the stage, or the takers of a transition.
    fn not_by(&mut self, name: &At<Name>, own: &At<Name>, stage: &StageSource) -> Option<NotBy> {
        if name.value == own.value {
            let message = format!("`{}` keeps out who did it before, so nobody could do it again", own.value);
            self.found.push(name.spot.error("E167", message).help("name the task that another person has done"));
            return None;
        }
        if stage.tasks.iter().any(|task| task.name.value == name.value) {
            return Some(NotBy::Task(Name::clone(&name.value)));
        }
        self.transition_name(name, true).map(NotBy::Transition)
    }

    /// A task of the stage by its name.
    fn task_name(&mut self, name: &At<Name>, stage: &StageSource) -> Option<Name> {
        if stage.tasks.iter().any(|task| task.name.value == name.value) {
            return Some(Name::clone(&name.value));
        }
        let known = stage.tasks.iter().map(|task| &*task.name.value);
        let mut error = unknown("E168", "task", name, known);
        error.message = format!("there is no task `{}` in the stage `{}`", name.value, stage.name.value).into();
        self.found.push(error);
        None
    }

    /// Tasks that wait for each other would never open.
    fn task_circle(&mut self, stage: &StageSource) {
        let circle: Vec<&TaskSource> =
            stage.tasks.iter().filter(|task| before(&task.name.value, stage).contains(&*task.name.value)).collect();
        if let Some(first) = circle.first() {
            let names: Vec<String> = circle.iter().map(|task| format!("`{}`", task.name.value)).collect();
            let message = format!("tasks wait for each other in a circle: {}", names.join(", "));
            self.found.push(first.name.spot.error("E164", message).help("leave out `after` in one of them"));
        }
    }
}

/// Every task that comes before `name`.
fn before<'s>(name: &str, stage: &'s StageSource) -> BTreeSet<&'s str> {
    let direct = |name: &str| {
        let task = stage.tasks.iter().find(|task| &*task.name.value == name);
        task.into_iter().flat_map(|task| &task.after).map(|at| &*at.value)
    };
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = direct(name).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(direct(next));
        }
    }
    found
}

/// What expressions see of a task.
fn seen(row: &Arc<Schema>) -> Schema {
    let field = |name: &str, kind: Kind, required: Required| Field { required, ..parameter(&name.into(), kind) };
    let mut fields = vec![
        field("done", Kind::Boolean, Required::Always),
        field("attempts", Kind::Integer(crate::field::Bounds::default()), Required::Always),
        field("by", Kind::User { role: None }, Required::Never),
        field("at", Kind::Datetime, Required::Never),
    ];
    if !row.fields.is_empty() {
        let of = Items::Rows(Arc::clone(row));
        let list = ListKind { min: 0, max: LIST_ROWS_MAX, of, subsets: Vec::new() };
        fields.push(Field { title: Title::default(), ..field(ROWS, Kind::List(Box::new(list)), Required::Never) });
    }
    Schema { fields: fields.into_iter().map(|field| (Name::clone(&field.name), field)).collect() }
}
