//! The compiled form of a definition set: what the engine runs. Nothing in it can be wrong.

mod sla;
pub mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use indexmap::IndexMap;

use crate::action::Action;
use crate::calendar::Calendar;
use crate::field::{Resources, Schema, Tables};
use crate::model::{Mode, Name, Place, Record, Revision, Title, Value};
use crate::rule::{Expression, Rule, RuleEngine};

pub use super::document::Document;
pub use super::measure::{Figure, Leans, Measure, Measured};
use super::schedule::Schedule;
use super::task::{ApprovalNeeded, Task};
use super::timed::Timed;
pub use super::view::{Column, ColumnValue, Reads, Shown, Sort, View};
pub use sla::{Edge, Rung, Sla, Warn, WarnAt};

/// A whole definition set: workflows, rules, tables, roles and calendars, compiled together.
#[derive(Debug)]
pub struct Definition {
    /// The hash of its files.
    pub revision: Revision,
    /// The workflows by name.
    pub workflows: BTreeMap<Name, Arc<Workflow>>,
    /// The reference tables.
    pub tables: Arc<Tables>,
    /// The roles by name.
    pub roles: BTreeMap<Name, Role>,
    /// The rules by name, used ones and unused ones.
    pub rules: BTreeMap<Name, Arc<Rule>>,
    /// The engine on which all scripts of this set were compiled; a script runs on no other.
    pub engine: Arc<RuleEngine>,
    /// The calendars by name.
    pub calendars: BTreeMap<Name, Arc<Calendar>>,
    /// The resources: what is finite and held.
    pub resources: Arc<Resources>,
    /// The scenarios of its workflows, and the tests of its rules.
    pub tests: suite::Tests,
}

/// A role and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub title: Title,
}

/// One workflow.
#[derive(Debug)]
pub struct Workflow {
    /// Its name: the file's name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// How its cases are numbered.
    pub number: NumberFormat,
    /// The time zone of its calendar; UTC without one.
    pub zone: Tz,
    /// Its settings.
    pub settings: Arc<Record>,
    /// What its settings hold, inferred from how they are written.
    pub setting_schema: Arc<Schema>,
    /// Its fields.
    pub schema: Arc<Schema>,
    /// What computes its computed fields, in an order in which each comes after those it reads.
    pub formulas: Vec<Formula>,
    /// The subsets of its lists.
    pub subsets: Vec<Subset>,
    /// The values that fields and rows begin with.
    pub initials: Vec<Initial>,
    /// Who may change which fields outside a transition.
    pub edit: Vec<Edit>,
    /// Who may not see which fields.
    pub read: Vec<Read>,
    /// The opening: a transition from nowhere, called `open`.
    pub open: Transition,
    /// The stages in the order in which they were written.
    pub stages: IndexMap<Name, Stage>,
    /// The transitions by name, those of `any_stage` last; a name may stand in several stages.
    pub transitions: Vec<Transition>,
    /// The workflow whose cases open those of this one.
    pub parent: Option<Name>,
    /// The workflows of its children, by the name under which they are opened.
    pub children: BTreeMap<Name, Name>,
    /// Which kin its automatic transitions wait for.
    pub watches: Watches,
    /// What is done at set times.
    pub schedules: Vec<Schedule>,
    /// Its tables over many cases, by name.
    pub views: IndexMap<Name, View>,
    /// Its numbers about many cases, by name.
    pub measures: IndexMap<Name, Measure>,
    /// Its printable forms, by name.
    pub documents: IndexMap<Name, Document>,
    /// What [`Workflow::roles`] found.
    pub(super) named_roles: OnceLock<BTreeSet<Name>>,
    /// Its calendar, when it names one.
    pub calendar: Option<Arc<Calendar>>,
    /// What it times.
    pub slas: Vec<Sla>,
}

impl Workflow {
    /// The transitions that leave `stage`, in the order in which they were written.
    pub fn leaving<'a>(&'a self, stage: &'a str) -> impl Iterator<Item = &'a Transition> {
        self.transitions.iter().filter(move |transition| transition.from.contains(stage))
    }

    /// The transition called `name` that leaves `stage`.
    #[must_use]
    pub fn transition(&self, stage: &str, name: &str) -> Option<&Transition> {
        self.transitions.iter().find(|transition| &*transition.name == name && transition.from.contains(stage))
    }

    /// The tasks of all stages.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.stages.values().flat_map(|stage| &stage.tasks)
    }

    /// The tasks of `stage`.
    #[must_use]
    pub fn tasks_in(&self, stage: &str) -> &[Arc<Task>] {
        self.stages.get(stage).map(|stage| &*stage.tasks).unwrap_or_default()
    }

    /// Every role that the workflow names anywhere.
    pub fn roles(&self) -> &BTreeSet<Name> {
        self.named_roles.get_or_init(|| self.find_roles())
    }

    fn find_roles(&self) -> BTreeSet<Name> {
        let mut roles = BTreeSet::new();
        let edits = self.edit.iter().flat_map(|edit| &edit.by);
        let transitions = || self.transitions.iter().chain([&self.open]);
        let takers = transitions().flat_map(|transition| &transition.by);
        let approvers = transitions().flat_map(|transition| &transition.approvals).flat_map(|step| &step.of);
        let doers = self.tasks().flat_map(|task| &task.by);
        for by in edits.chain(takers).chain(approvers).chain(doers) {
            if let By::Role(role) = by {
                roles.insert(Arc::clone(role));
            }
        }
        for stage in self.stages.values() {
            if let Some(Owner::Role(role)) = &stage.owner {
                roles.insert(Arc::clone(role));
            }
        }
        for sla in &self.slas {
            if let Some(Owner::Role(role)) = &sla.owner {
                roles.insert(Arc::clone(role));
            }
        }
        roles.extend(self.read.iter().flat_map(|read| read.roles.iter().flatten().cloned()));
        roles
    }
}

/// Which kin the automatic transitions of a workflow may wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// The parent.
    pub parent: bool,
    /// The children.
    pub children: bool,
}

/// A pattern for numbers, such as `SO{date}-{seq:4}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    /// Its parts in order.
    pub parts: Vec<NumberPart>,
}

/// A part of a [`NumberFormat`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberPart {
    /// Letters as they are.
    Literal(Name),
    /// The day, as `20260924`, in the calendar's zone.
    Date,
    /// The place in the series, with at least this many digits.
    Sequence(usize),
}

impl NumberFormat {
    /// The series that a number of `day` belongs to: each has a sequence of its own.
    #[must_use]
    pub fn series(&self, workflow: &str, day: NaiveDate) -> Name {
        let dated = self.parts.contains(&NumberPart::Date);
        if dated { format!("{workflow}/{}", day.format("%Y%m%d")).into() } else { workflow.into() }
    }

    /// Writes the number.
    #[must_use]
    pub fn write(&self, day: NaiveDate, sequence: u64) -> Name {
        let parts = self.parts.iter().map(|part| match part {
            NumberPart::Literal(text) => text.to_string(),
            NumberPart::Date => day.format("%Y%m%d").to_string(),
            NumberPart::Sequence(digits) => format!("{sequence:0digits$}"),
        });
        parts.collect::<String>().into()
    }
}

/// What computes a field.
#[derive(Debug)]
pub struct Formula {
    /// The list whose rows have the field; `None` for a field of the case.
    pub list: Option<Name>,
    /// The field.
    pub field: Name,
    /// The expression; in a list's row it may name `line`.
    pub expression: Arc<Expression>,
    /// The fields on which its value depends, its own among them, as long as the world, the stage and the actor stay
    /// what they are; `None` when it may depend on more.
    pub reads: Option<Vec<Name>>,
    /// Whether it may name a subset of a list.
    pub subsets: bool,
}

/// Some rows of a list, by a condition on the row.
#[derive(Debug)]
pub struct Subset {
    /// The list.
    pub list: Name,
    /// The name: `lines.short`.
    pub name: Name,
    /// The condition; it may name `line`.
    pub condition: Arc<Expression>,
}

/// The value that a field begins with.
#[derive(Debug)]
pub struct Initial {
    /// The list whose rows have the field; `None` for a field of the case.
    pub list: Option<Name>,
    /// The field.
    pub field: Name,
    /// The value.
    pub value: Given,
}

/// A value that the process owner gave.
#[derive(Clone, Debug)]
pub enum Given {
    /// A literal, already read by the field's type.
    Value(Value),
    /// An expression (`"=promised_on"`).
    Expression(Arc<Expression>),
    /// A time of the present day, as `17:00 today`, in the calendar's zone; past it is no value at all.
    Today(NaiveTime),
    /// No value: the field is unset.
    Nothing,
}

/// Who may change which fields outside a transition.
#[derive(Clone, Debug)]
pub struct Edit {
    /// In which stages.
    pub stages: BTreeSet<Name>,
    /// Who.
    pub by: Vec<By>,
    /// Which fields.
    pub fields: Vec<Name>,
}

/// Who may not see which fields.
#[derive(Clone, Debug)]
pub struct Read {
    /// The roles it is about; `None` for all. Somebody with another role of the workflow sees everything.
    pub roles: Option<BTreeSet<Name>>,
    /// The fields that are hidden, with those of rows as `lines.unit_price`.
    pub hide: BTreeSet<Name>,
}

/// Who may do something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Whoever has the role.
    Role(Name),
    /// The person in the `user` field.
    User(Name),
}

/// Who a stage waits for.
pub type Owner = By;

/// One stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// Who it waits for.
    pub owner: Option<Owner>,
    /// How the case has ended, for a stage that is an end.
    pub end: Option<End>,
    /// The tasks in it, in the order in which they were written.
    pub tasks: Vec<Arc<Task>>,
}

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// As it should.
    Success,
    /// It should not have.
    Failure,
    /// Somebody called it off.
    Cancelled,
}

/// One transition.
#[derive(Debug)]
pub struct Transition {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// The stages it leaves; empty for `open`.
    pub from: BTreeSet<Name>,
    /// Who may take it; empty for one that only the engine takes (`auto`).
    pub by: Vec<By>,
    /// The transitions whose takers may not take this one (four eyes); `open` is who opened the case.
    pub not_by: Vec<Name>,
    /// What it asks for.
    pub ask: Vec<Ask>,
    /// The existing fields that may be corrected on the way.
    pub change: Vec<Name>,
    /// The condition under which it is possible.
    pub when: Option<Arc<Expression>>,
    /// The checks that judge it.
    pub checks: Vec<Check>,
    /// Where it leads.
    pub to: Target,
    /// What it does, after what its branch does.
    pub actions: Vec<Action>,
    /// Whether the engine takes it by itself as soon as it is possible.
    pub auto: bool,
    /// Who must agree to it, one step after the other.
    pub approvals: Vec<ApprovalNeeded>,
    /// When the engine takes it by itself, if its condition holds then or as soon as it does.
    pub at: Option<Timed>,
    /// Where it stands.
    pub place: Place,
}

/// A field that a transition asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The field.
    pub field: Name,
    /// Whether it must be answered here (`!`).
    pub must: bool,
}

/// Where a transition leads.
#[derive(Debug)]
pub enum Target {
    /// The case stays where it is.
    Stay,
    /// The first branch that holds; one without a condition always does.
    Branches(Vec<Branch>),
}

/// A branch of a transition.
#[derive(Debug)]
pub struct Branch {
    /// The condition; `None` always holds.
    pub when: Option<Arc<Expression>>,
    /// The stage it leads to.
    pub stage: Name,
    /// What it does, before what the transition does.
    pub actions: Vec<Action>,
}

/// A check on a transition.
#[derive(Debug)]
pub struct Check {
    /// What it may do.
    pub mode: Mode,
    /// Whether it refuses when it can't be judged (`on_error: refuse`, the default).
    pub refuse_on_error: bool,
    /// What judges.
    pub checked: Checked,
    /// Where it stands.
    pub place: Place,
}

/// What judges a check.
#[derive(Debug)]
pub enum Checked {
    /// A rule with its parameters.
    Rule {
        /// The rule.
        rule: Arc<Rule>,
        /// Its parameters.
        with: Vec<(Name, Given)>,
    },
    /// A condition with a sentence of its own.
    Need {
        /// What must hold.
        condition: Arc<Expression>,
        /// What is said when it does not.
        say: Title,
        /// The code of the finding then.
        code: Name,
    },
}
