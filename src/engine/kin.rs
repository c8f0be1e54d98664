//! Reaching other cases: `open` opens children, `signal` takes a transition of the parent or of children.
//!
//! All of it is one command: a step that is refused there refuses it here, with the reasons that it has there.

use std::sync::Arc;

use crate::action::kin::{Each, Open, Signal, Whom};
use crate::field::Schema;
use crate::model::command::{Input, SIGNAL, SYSTEM};
use crate::model::{Actor, Bond, Case, CaseName, Event, Name, Reason, Refusal, RefusalKind, Title, Value};
use crate::rule::Facts;
use crate::workflow::{By, Given, Transition, Workflow};

use super::draft::{Draft, conflict};
use super::duty::{self, Absences};
use super::family::{Work, abroad, gone};
use super::{decide, find};

/// An action that reaches another case.
pub(super) enum Reach<'t> {
    /// Opens children.
    Open(&'t Open),
    /// Signals.
    Signal(&'t Signal),
}

impl Draft<'_> {
    /// Does what reaches other cases, in the order in which it is written, as a part of `doing`; gives what this case
    /// tells of it.
    pub(super) fn reach(&mut self, reaches: &[Reach<'_>], doing: &Name) -> Result<Vec<Event>, Reason> {
        let mut told = Vec::new();
        for reach in reaches {
            let done = match reach {
                Reach::Open(open) => self.open(open, doing, &mut told),
                Reach::Signal(signal) => self.signal(signal, doing, &mut told),
            };
            done.map_err(|refusal| self.first(refusal))?;
        }
        Ok(told)
    }

    /// The gravest reason of a refusal; the others are kept for whoever refuses.
    fn first(&mut self, refusal: Refusal) -> Reason {
        let mut reasons = refusal.reasons.into_iter();
        let first = reasons.next();
        self.family.more = reasons.collect();
        first.unwrap_or_else(|| conflict("refused", "已拒绝", "was refused"))
    }

    /// The refusal for a reason, and for those that were kept.
    pub(super) fn refusal(&mut self, reason: Reason, because: Vec<crate::model::Verdict>) -> Refusal {
        let mut reasons = vec![reason];
        reasons.append(&mut self.family.more);
        Refusal::new(reasons, because)
    }

    fn open(&mut self, open: &Open, doing: &Name, told: &mut Vec<Event>) -> Result<(), Refusal> {
        let workflow = find(self.definition, &open.workflow)?;
        let facts = self.facts().map_err(Refusal::because)?;
        for line in self.rows_of(open.each.as_ref(), &facts) {
            let wanted = open.when.as_ref().map_or(Ok(true), |when| self.condition(when, &facts, line));
            if !wanted.map_err(Refusal::because)? {
                continue;
            }
            let fields = self.inputs(&open.with, &workflow.schema, &facts, line).map_err(Refusal::because)?;
            let child = if open.under_parent {
                self.open_beside(open, workflow, fields, doing)?;
                continue;
            } else {
                let parent = Bond { case: named(&self.case), role: Arc::clone(&open.role) };
                self.open_one(workflow, parent, fields, doing)?
            };
            told.push(Event::ChildOpened { child });
        }
        Ok(())
    }

    /// The positions of the rows for which a child is opened; `None` for one without a row.
    fn rows_of(&self, each: Option<&Each>, facts: &Facts) -> Vec<Option<usize>> {
        match each {
            None => vec![None],
            Some(Each { list, subset: None }) => {
                let rows = self.fields.get(list).and_then(Value::as_list).map_or(0, <[Value]>::len);
                (0..rows).map(Some).collect()
            }
            Some(Each { list, subset: Some(subset) }) => {
                let rows = facts.subsets.get(&(Arc::clone(list), Arc::clone(subset)));
                rows.into_iter().flatten().copied().map(Some).collect()
            }
        }
    }

    /// What another case gets, as a client would write it.
    fn inputs(
        &self,
        with: &[(Name, Given)],
        schema: &Schema,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Input, Reason> {
        let mut input = Input::new();
        for (name, given) in with {
            let Some(field) = schema.get(name) else { continue };
            if let Some(value) = self.given(given, &field.kind, facts, line)? {
                input.insert(name.to_string(), decide::without_computed(&field.kind, &value.to_json()));
            } else if matches!(given, Given::Nothing) {
                input.insert(name.to_string(), serde_json::Value::Null);
            }
        }
        Ok(input)
    }

    /// Opens a child of the parent; the parent tells of it.
    fn open_beside(&mut self, open: &Open, workflow: &Workflow, fields: Input, doing: &Name) -> Result<(), Refusal> {
        let parent = self.parent().map_err(Refusal::because)?;
        self.reachable(&parent, doing, "open").map_err(Refusal::because)?;
        let work = self.family.take(parent.case, &**self.world).ok_or_else(|| Refusal::because(gone(&parent)))?;
        let follows = find(self.definition, &work.case.workflow)?;
        if follows.stages.get(&work.case.stage).is_some_and(|stage| stage.end.is_some()) {
            let reason = conflict("parent_ended", "已经结束", "has ended, and no case is opened under it any more");
            return Err(Refusal::because(abroad(reason, &work.case)));
        }
        let bond = Bond { case: parent.clone(), role: Arc::clone(&open.role) };
        let child = self.open_one(workflow, bond, fields, doing)?;
        // What the child did on its way may have moved the parent.
        let work = self.family.take(parent.case, &**self.world).unwrap_or(work);
        self.visit(work, doing, |parent| {
            parent.record(Event::ChildOpened { child }, Vec::new());
            Ok(())
        })?;
        self.family.now_due(parent.case);
        Ok(())
    }

    /// Opens a case. Whoever acts here, or the engine, must be one who may open it.
    fn open_one(&mut self, workflow: &Workflow, parent: Bond, fields: Input, doing: &Name) -> Result<Bond, Refusal> {
        let day = self.now.day(workflow.zone);
        let series = workflow.number.series(&workflow.name, day);
        let drawn = self.world.fresh_id(self.now).zip(self.world.place(&series));
        let (id, place) = drawn.ok_or_else(|| Refusal::because(no_number()))?;
        let number = workflow.number.write(day, place);
        let mut case = decide::unborn(self.definition, workflow, id, number, &self.actor, self.now);
        let role = Arc::clone(&parent.role);
        case.kin.parent = Some(parent);
        let name = named(&case);
        self.reachable(&name, doing, "open").map_err(Refusal::because)?;
        let by_field = Case { fields: decide::given_users(&fields), ..case.clone() };
        let forbidden = self.forbidden(&workflow.open, &by_field, SYSTEM);
        if !forbidden.is_empty() {
            return Err(told_abroad(Refusal::new(forbidden, Vec::new()), &case));
        }
        let unborn = case.clone();
        let work = Work { before: None, case: Arc::new(case), events: Vec::new(), series: Some((series, place)) };
        let opened = self.visit(work, doing, |child| {
            // The process owner says what a child begins with, so it may be more than what somebody could give.
            let writable = child.workflow.schema.fields.values().filter(|field| !field.computed);
            let writable = writable.map(|field| Arc::clone(&field.name)).collect();
            let reasons = child.take_in(&fields, &writable);
            child.go(&child.workflow.open, reasons, None)
        });
        opened.map_err(|refusal| told_abroad(refusal, &unborn))?;
        self.family.now_due(id);
        Ok(Bond { case: name, role })
    }

    fn signal(&mut self, signal: &Signal, doing: &Name, told: &mut Vec<Event>) -> Result<(), Refusal> {
        let targets: Vec<CaseName> = match &signal.to {
            Whom::Parent => vec![self.parent().map_err(Refusal::because)?],
            Whom::Children(role) => self.case.kin.children(role).cloned().collect(),
        };
        for to in targets {
            let before = signal.optional.then(|| (self.family.clone(), Arc::clone(&self.holdings)));
            match (self.send(signal, &to, doing), before) {
                (Ok(()), _) => told.push(Event::Signalled { to, transition: Arc::clone(&signal.take) }),
                // What it has done on the way there has not happened.
                (Err(refusal), Some(before)) if refusal.kind() != RefusalKind::Unavailable => {
                    (self.family, self.holdings) = before;
                }
                (Err(refusal), _) => return Err(refusal),
            }
        }
        Ok(())
    }

    fn send(&mut self, signal: &Signal, to: &CaseName, doing: &Name) -> Result<(), Refusal> {
        self.reachable(to, doing, &signal.take).map_err(Refusal::because)?;
        let work = self.family.take(to.case, &**self.world).ok_or_else(|| Refusal::because(gone(to)))?;
        let case = Arc::clone(&work.case);
        let workflow = find(self.definition, &case.workflow)?;
        let sent = self.send_to(signal, workflow, work, doing);
        sent.map_err(|refusal| told_abroad(refusal, &case))?;
        self.family.now_due(to.case);
        Ok(())
    }

    fn send_to(&mut self, signal: &Signal, workflow: &Workflow, work: Work, doing: &Name) -> Result<(), Refusal> {
        let transition = decide::find_transition(workflow, &work.case, &signal.take)?;
        if !transition.by.iter().any(|by| matches!(by, By::Role(role) if &**role == SIGNAL)) {
            let (zh, en) = ("不接受信号", "is not taken by signals: its `by` has no `signal`");
            return Err(Refusal::because(conflict("no_signal", zh, en)));
        }
        let facts = self.facts().map_err(Refusal::because)?;
        let input = self.inputs(&signal.with, &workflow.schema, &facts, None).map_err(Refusal::because)?;
        let forbidden = self.forbidden(transition, &work.case, SIGNAL);
        if !forbidden.is_empty() {
            return Err(Refusal::new(forbidden, Vec::new()));
        }
        let from = named(&self.case);
        self.visit(work, doing, |other| {
            // The same transition, found again: it lives as long as the definition.
            let transition = decide::find_transition(other.workflow, &other.case, &signal.take)?;
            other.signalled_by = Some(from);
            let reasons = other.take_in(&input, &decide::takes(transition));
            other.go(transition, reasons, None)
        })
    }

    /// Why whoever acts may not do that to another case, not even with the role that the engine lends for it.
    fn forbidden(&self, transition: &Transition, case: &Case, role: &str) -> Vec<Reason> {
        let absences = Absences { world: self.world, now: self.now };
        duty::to_transition(transition, case, &case.fields, &lent(&self.actor, role), absences).reasons
    }

    fn parent(&self) -> Result<CaseName, Reason> {
        let parent = self.case.kin.parent.as_ref().map(|bond| bond.case.clone());
        parent.ok_or_else(|| conflict("no_parent", "没有上级单据", "the case has no parent"))
    }
}

/// How events name a case.
fn named(case: &Case) -> CaseName {
    CaseName { case: case.id, workflow: Arc::clone(&case.workflow), number: Arc::clone(&case.number) }
}

/// Whoever acts, with a role that only an action of a case can give.
fn lent(actor: &Actor, role: &str) -> Actor {
    let mut lent = actor.clone();
    lent.roles.insert(role.into());
    lent
}

fn told_abroad(refusal: Refusal, case: &Case) -> Refusal {
    let reasons = refusal.reasons.into_iter().map(|reason| abroad(reason, case)).collect();
    Refusal::new(reasons, refusal.because)
}

fn no_number() -> Reason {
    let title = Title::new("暂时无法取得单号", "no number can be had for the new case; try again");
    Reason::new(RefusalKind::Unavailable, "no_number", title)
}
