//! The working copy of a case while a command is decided.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::action::Notify;
use crate::field::{Items, Kind, Required, Schema, coerce};
use crate::model::world::Hold;
use crate::model::{
    Actor, ApprovalStep, Case, CaseName, Changes, Entry, Event, Name, Reason, Record, Recorded, Refusal, RefusalKind,
    Timestamp, Title, UserId, Value, Verdict, VerdictError, World,
};
use crate::rule::{Expression, Facts, Holdings, Kindred, TaskFacts};
use crate::workflow::{Definition, Formula, Given, Initial, Subset, Workflow};

use super::evolve::follow;
use super::facet::value_text;
use super::family::{Family, Work};
use super::{Decision, judge};

/// How a case was before the command, and the number that it got.
type Reached = (Option<Arc<Case>>, Option<(Name, u64)>);

/// A case in the making: the case after the events so far, and the values as they will be.
pub(super) struct Draft<'a> {
    pub(super) definition: &'a Definition,
    pub(super) workflow: &'a Workflow,
    pub(super) world: &'a Arc<dyn World>,
    pub(super) now: Timestamp,
    /// When the events happen; `now` may be earlier, for a schedule that comes late.
    at: Timestamp,
    /// Who acts in the present step: the one who commands, or the engine in an automatic one.
    pub(super) actor: Actor,
    /// For whom they act, when they stand in for somebody who is away.
    pub(super) on_behalf_of: Option<UserId>,
    /// The case after the events so far.
    pub(super) case: Case,
    /// The values after the present step.
    pub(super) fields: Record,
    /// What the command brought.
    pub(super) input: Arc<Record>,
    /// The fields that the command unsets.
    pub(super) unset: Vec<Name>,
    /// The agreements that the present transition has.
    pub(super) approved: Option<Vec<ApprovalStep>>,
    pub(super) events: Vec<Recorded>,
    pub(super) because: Vec<Verdict>,
    /// The other cases of the command.
    pub(super) family: Family,
    /// What rules see of the case's kin, once somebody asked.
    pub(super) kindred: OnceCell<Option<Arc<dyn Kindred>>>,
    /// The case whose signal the present step follows.
    pub(super) signalled_by: Option<CaseName>,
    before: Record,
    /// Of a case that another one has reached: how it was before the command, and the number that it got.
    work: Option<Reached>,
    /// The values after the formulas were last computed.
    computed: Option<Record>,
    /// The entries into stages after the events so far, once somebody asked.
    entered: OnceCell<Arc<BTreeMap<Name, Entry>>>,
    /// What expressions see of the tasks after the events so far, once somebody asked.
    pub(super) tasks: OnceCell<Arc<TaskFacts>>,
    /// What the task answers that is being completed.
    pub(super) answers: Option<(Arc<Record>, Arc<Schema>)>,
    /// The fields that got the value they begin with in this step.
    begun: BTreeSet<Name>,
    /// Documents that are issued once the step's own event is recorded.
    pub(super) to_issue: Vec<Name>,
    /// Messages that are written once everything else of the step has happened.
    pub(super) notices: Vec<Arc<Notify>>,
    /// What the case holds of resources, and what was moved so far.
    pub(super) holdings: Arc<Holdings>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        definition: &'a Definition,
        workflow: &'a Workflow,
        case: Case,
        actor: Actor,
        world: &'a Arc<dyn World>,
        now: Timestamp,
    ) -> Self {
        let fields = case.fields.clone();
        let holdings = Arc::new(Holdings::new(&definition.resources, &case.held));
        let before = if case.version == 0 { Record::new() } else { fields.clone() };
        Self {
            definition,
            workflow,
            world,
            now,
            at: now,
            actor,
            on_behalf_of: None,
            case,
            fields,
            input: Arc::new(Record::new()),
            unset: Vec::new(),
            approved: None,
            events: Vec::new(),
            because: Vec::new(),
            family: Family::default(),
            kindred: OnceCell::new(),
            signalled_by: None,
            before,
            work: None,
            computed: None,
            entered: OnceCell::new(),
            tasks: OnceCell::new(),
            answers: None,
            begun: BTreeSet::new(),
            to_issue: Vec::new(),
            notices: Vec::new(),
            holdings,
        }
    }

    /// A case that the command has reached, ready for its next step.
    pub(super) fn resumed(
        definition: &'a Definition,
        workflow: &'a Workflow,
        work: Work,
        actor: Actor,
        world: &'a Arc<dyn World>,
        now: Timestamp,
    ) -> Self {
        let Work { before, case, events, series } = work;
        let mut draft = Self::new(definition, workflow, Arc::unwrap_or_clone(case), actor, world, now);
        draft.before = before.as_ref().map(|case| case.fields.clone()).unwrap_or_default();
        (draft.events, draft.work) = (events, Some((before, series)));
        draft
    }

    /// The case between two of its steps, and the others.
    pub(super) fn paused(self) -> (Work, Family) {
        let (before, series) = self.work.unwrap_or_default();
        (Work { before, case: Arc::new(self.case), events: self.events, series }, self.family)
    }

    /// What rules and expressions see at this point.
    pub(super) fn facts(&self) -> Result<Facts, Reason> {
        let mut facts = self.bare_facts();
        let mut subsets = BTreeMap::new();
        for subset in &self.workflow.subsets {
            let rows = self.subset(subset, &facts)?;
            subsets.insert((Arc::clone(&subset.list), Arc::clone(&subset.name)), rows);
        }
        facts.subsets = Arc::new(subsets);
        Ok(facts)
    }

    /// The positions of the rows that belong to a subset.
    fn subset(&self, subset: &Subset, facts: &Facts) -> Result<Vec<usize>, Reason> {
        let mut rows = Vec::new();
        for line in 0..self.rows(&subset.list) {
            if self.condition(&subset.condition, facts, Some(line))? {
                rows.push(line);
            }
        }
        Ok(rows)
    }

    pub(super) fn bare_facts(&self) -> Facts {
        Facts {
            fields: Arc::new(self.fields.clone()),
            schema: Arc::clone(&self.workflow.schema),
            subsets: Arc::default(),
            settings: Arc::clone(&self.workflow.settings),
            setting_schema: Arc::clone(&self.workflow.setting_schema),
            tables: Arc::clone(&self.definition.tables),
            world: Arc::clone(self.world),
            input: Arc::clone(&self.input),
            actor: self.actor.clone(),
            stage: Arc::clone(&self.case.stage),
            number: Arc::clone(&self.case.number),
            opened_at: self.case.opened_at,
            opened_by: Arc::clone(&self.case.opened_by),
            entered: Arc::clone(self.entered.get_or_init(|| Arc::new(self.case.entered.clone()))),
            now: self.now,
            zone: self.workflow.zone,
            kin: self.kindred(),
            resources: Arc::clone(&self.holdings),
            tasks: self.task_facts(),
            calendar: self.workflow.calendar.clone(),
        }
    }

    /// Whether a condition holds; a missing or mistyped value is a reason to refuse, never a no or a yes.
    pub(super) fn condition(&self, condition: &Expression, facts: &Facts, line: Option<usize>) -> Result<bool, Reason> {
        match self.definition.engine.evaluate(condition, facts, line) {
            Ok(Some(Value::Boolean(flag))) => Ok(flag),
            Ok(other) => Err(judge::broken(None, &judge::undecided(condition, other.is_none()))),
            Err(error) => Err(judge::broken(None, &error)),
        }
    }

    /// The value that the process owner gave, for a field of this kind; `None` unsets.
    pub(super) fn given(
        &self,
        given: &Given,
        kind: &Kind,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, Reason> {
        match given {
            Given::Value(value) => Ok(Some(value.clone())),
            Given::Nothing => Ok(None),
            Given::Today(time) => {
                let moment =
                    Timestamp::from_local(self.now.day(self.workflow.zone).and_time(*time), self.workflow.zone);
                Ok((moment > self.now).then_some(Value::Datetime(moment)))
            }
            Given::Expression(expression) => self.computed(expression, kind, facts, line),
        }
    }

    fn computed(
        &self,
        expression: &Expression,
        kind: &Kind,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, Reason> {
        let value =
            self.definition.engine.evaluate(expression, facts, line).map_err(|error| judge::broken(None, &error))?;
        let Some(value) = value else { return Ok(None) };
        coerce(kind, value).map(Some).ok_or_else(|| judge::broken(None, &wrong_kind(expression)))
    }

    /// Gives fields (and the fields of rows) that begin with a value that value. A field that a transition asks
    /// for gets it when it is asked, every other one at the opening.
    pub(super) fn begin(&mut self, wanted: &dyn Fn(&Name) -> bool) -> Result<(), Reason> {
        let workflow = self.workflow;
        for initial in &workflow.initials {
            match &initial.list {
                None if self.fields.get(&initial.field).is_none() && wanted(&initial.field) => {
                    self.begin_field(initial, &self.bare_facts())?;
                }
                None => {}
                Some(list) if self.lacks(list, &initial.field) => self.begin_rows(initial, list)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn begin_rows(&mut self, initial: &Initial, list: &Name) -> Result<(), Reason> {
        let facts = self.bare_facts();
        self.each_row(list, &initial.field, true, |draft, kind, line| {
            draft.given(&initial.value, kind, &facts, Some(line))
        })
    }

    /// Whether some row of `list` has no value in `field`.
    fn lacks(&self, list: &str, field: &str) -> bool {
        let rows = self.fields.get(list).and_then(Value::as_list).unwrap_or_default();
        let mut near = 0;
        rows.iter().filter_map(Value::as_row).any(|row| {
            let (place, value) = row.get_near(field, near);
            near = place;
            value.is_none()
        })
    }

    fn begin_field(&mut self, initial: &Initial, facts: &Facts) -> Result<(), Reason> {
        let Some(field) = self.workflow.schema.get(&initial.field) else { return Ok(()) };
        if let Some(value) = self.given(&initial.value, &field.kind, facts, None)? {
            self.fields.set(Arc::clone(&initial.field), value);
            self.begun.insert(Arc::clone(&initial.field));
        }
        Ok(())
    }

    /// Whether `field` got the value it begins with in this step: then it is answered.
    pub(super) fn began(&self, field: &Name) -> bool {
        self.begun.contains(field)
    }

    /// Computes every formula from the values as they are. Within one command the world stands still, so a formula
    /// is left as it is when nothing that it reads has changed since it was computed.
    pub(super) fn compute(&mut self) -> Result<(), Reason> {
        let workflow = self.workflow;
        let known = self.computed.take();
        let mut facts = self.bare_facts();
        for formula in &workflow.formulas {
            let stands = known
                .as_ref()
                .zip(formula.reads.as_ref())
                .is_some_and(|(known, reads)| reads.iter().all(|field| known.get(field) == self.fields.get(field)));
            if !stands {
                self.compute_one(formula, &mut facts)?;
            }
        }
        self.computed = Some(self.fields.clone());
        Ok(())
    }

    fn compute_one(&mut self, formula: &Formula, facts: &mut Facts) -> Result<(), Reason> {
        if formula.subsets {
            *facts = self.facts()?;
        } else if !facts.fields.is(&self.fields) {
            facts.fields = Arc::new(self.fields.clone());
        }
        let Some(list) = &formula.list else {
            let Some(field) = self.workflow.schema.get(&formula.field) else { return Ok(()) };
            let value = self.computed(&formula.expression, &field.kind, facts, None)?;
            if self.fields.get(&formula.field) != value.as_ref() {
                // Nobody else looks at the values now, so that they can be changed where they are.
                facts.fields = Arc::default();
                self.assign(&formula.field, value);
            }
            return Ok(());
        };
        self.each_row(list, &formula.field, false, |draft, kind, line| {
            draft.computed(&formula.expression, kind, facts, Some(line))
        })
    }

    /// Sets or unsets a field.
    fn assign(&mut self, field: &Name, value: Option<Value>) {
        match value {
            Some(value) => self.fields.set(Arc::clone(field), value),
            None => drop(self.fields.clear(field)),
        }
    }

    /// Sets `field` in each row of `list`; with `only_unset`, only where it has no value yet.
    fn each_row(
        &mut self,
        list: &Name,
        field: &Name,
        only_unset: bool,
        value: impl Fn(&Self, &Kind, usize) -> Result<Option<Value>, Reason>,
    ) -> Result<(), Reason> {
        let workflow = self.workflow;
        let Some(schema) = row_schema(&workflow.schema, list) else { return Ok(()) };
        let Some(kind) = schema.get(field).map(|field| &field.kind) else { return Ok(()) };
        let Some(Value::List(mut rows)) = self.fields.get(list).cloned() else { return Ok(()) };
        for (line, row) in rows.iter_mut().enumerate() {
            let Value::Row(row) = row else { continue };
            if only_unset && row.get(field).is_some() {
                continue;
            }
            let value = value(self, kind, line)?;
            if row.get(field) != value.as_ref() {
                match value {
                    Some(value) => row.set(Arc::clone(field), value),
                    None => drop(row.clear(field)),
                }
            }
        }
        if self.fields.get(list).and_then(Value::as_list) != Some(&rows) {
            self.fields.set(Arc::clone(list), Value::List(rows));
        }
        Ok(())
    }

    fn rows(&self, list: &str) -> usize {
        self.fields.get(list).and_then(Value::as_list).map_or(0, <[Value]>::len)
    }

    /// Every field that must be set after this step and is not: those required from the opening on, and those
    /// required for `transition`.
    pub(super) fn missing(&self, transition: &str) -> Vec<Reason> {
        let schema = &self.workflow.schema;
        let missing = schema.fields.values().filter(|field| {
            let bound = match &field.required {
                Required::Never => false,
                Required::Always => true,
                Required::By(transitions) => transitions.iter().any(|name| &**name == transition),
            };
            bound && self.fields.get(&field.name).is_none()
        });
        missing.map(|field| judge::required(&field.name)).collect()
    }

    /// What this step changed so far.
    pub(super) fn changes(&self) -> Changes {
        Changes::between(if self.case.version == 0 { &self.before } else { &self.case.fields }, &self.fields)
    }

    /// Forgets the values that the present step would have led to.
    pub(super) fn start_over(&mut self) {
        self.fields = self.case.fields.clone();
        (self.computed, self.input, self.unset) = (None, Arc::default(), Vec::new());
        self.begun.clear();
    }

    /// Records an event and folds it into the case.
    pub(super) fn record(&mut self, event: Event, because: Vec<Verdict>) {
        let recorded = Recorded {
            version: self.case.version.saturating_add(1),
            at: self.at,
            by: Arc::clone(&self.actor.user),
            on_behalf_of: self.on_behalf_of.clone(),
            revision: self.definition.revision.clone(),
            event,
            because: because.clone(),
        };
        follow(&mut self.case, &recorded);
        self.entered = OnceCell::new();
        self.tasks = OnceCell::new();
        if !self.case.kin.is_empty() {
            self.kindred = OnceCell::new();
            self.family.moved(self.definition, &self.case);
        }
        self.because.extend(because);
        self.events.push(recorded);
    }

    /// The decision, once every step is recorded; refused when a unique value is another case's.
    pub(super) fn finish(mut self, series: Option<(Name, u64)>) -> Result<Decision, Refusal> {
        let (hold, release) = self.unique_changes();
        let taken: Vec<Reason> = hold.iter().filter_map(|hold| self.taken(hold)).collect();
        if !taken.is_empty() {
            return Err(Refusal::new(taken, self.because));
        }
        let others = self.others(&hold)?;
        let (events, case, because) = (self.events, self.case, self.because);
        Ok(Decision { events, case, because, hold, release, series, others })
    }

    pub(super) fn unique_changes(&self) -> (Vec<Hold>, Vec<Hold>) {
        let (mut hold, mut release) = (Vec::new(), Vec::new());
        for field in self.workflow.schema.fields.values().filter(|field| field.unique) {
            let (old, new) = (self.before.get(&field.name), self.case.fields.get(&field.name));
            if old != new {
                release.extend(old.map(|value| self.unique(&field.name, &value_text(value))));
                hold.extend(new.map(|value| self.unique(&field.name, &value_text(value))));
            }
        }
        if matches!(self.events.first().map(|recorded| &recorded.event), Some(Event::Opened { .. })) {
            hold.push(self.unique("number", &self.case.number));
        }
        hold.extend(self.document_numbers());
        (hold, release)
    }

    fn unique(&self, field: &str, value: &str) -> Hold {
        Hold { workflow: Arc::clone(&self.workflow.name), field: field.into(), value: value.into() }
    }

    pub(super) fn taken(&self, hold: &Hold) -> Option<Reason> {
        let holder = self.world.holder(&hold.workflow, &hold.field, &hold.value)?;
        (holder != self.case.id).then(|| judge::taken(hold, holder))
    }
}

/// The schema of the rows of `list`.
pub(super) fn row_schema<'a>(schema: &'a Schema, list: &str) -> Option<&'a Arc<Schema>> {
    let Kind::List(list) = &schema.get(list)?.kind else { return None };
    match &list.of {
        Items::Rows(rows) => Some(rows),
        Items::Plain(_) => None,
    }
}

fn wrong_kind(expression: &Expression) -> VerdictError {
    let message = format!("`{}` does not give a value of the field's type", expression.text);
    VerdictError { code: "type_mismatch".into(), message: message.into(), place: expression.place.clone() }
}

/// A reason of kind [`RefusalKind::Conflict`].
pub(super) fn conflict(code: &str, zh: &str, en: &str) -> Reason {
    Reason::new(RefusalKind::Conflict, code, Title::new(zh, en))
}
