//! Approvals: when a transition needs them, and how it is asked for (R10, R109, R110, R125).

use std::sync::Arc;

use crate::model::{
    Approval, ApprovalStep, Approver, Changes, Event, Name, Reason, Refusal, RefusalKind, Title, Verdict,
};
use crate::rule::Facts;
use crate::workflow::{ApprovalNeeded, By, Transition};

use super::draft::{Draft, conflict};

impl Draft<'_> {
    /// The agreements that `transition` needs as things stand, beyond those that it has.
    pub(super) fn approvals_needed(&self, transition: &Transition, facts: &Facts) -> Result<Vec<ApprovalStep>, Reason> {
        let mut steps = Vec::new();
        for approval in &transition.approvals {
            let needed = approval.when.as_ref().map_or(Ok(true), |when| self.condition(when, facts, None))?;
            let step = step(approval);
            if needed && !self.approved.as_ref().is_some_and(|has| has.iter().any(|has| same(has, &step))) {
                steps.push(step);
            }
        }
        match (&self.approved, &self.case.approval) {
            (Some(_), _) if !steps.is_empty() => Err(outdated()),
            (None, Some(pending)) if !steps.is_empty() => Err(waits(pending)),
            (Some(_) | None, _) => Ok(steps),
        }
    }

    /// Asks for a transition that was judged, with the input as it was read; nothing else changes.
    pub(super) fn request_approval(
        &mut self,
        transition: &Transition,
        comment: Option<Name>,
        steps: Vec<ApprovalStep>,
        because: Vec<Verdict>,
    ) -> Result<(), Refusal> {
        let input = Changes { set: (*self.input).clone(), clear: self.unset.clone() };
        let (transition, roles) = (Arc::clone(&transition.name), self.actor.roles.clone());
        self.start_over();
        let since = self.events.len();
        self.record(Event::ApprovalRequested { transition, roles, input, steps, comment }, because);
        self.settle(since).map_err(Refusal::because)
    }
}

/// A step as it is kept with a request.
fn step(approval: &ApprovalNeeded) -> ApprovalStep {
    let of = approval.of.iter().map(|by| match by {
        By::Role(role) => Approver::Role(Arc::clone(role)),
        By::User(field) => Approver::Field(Arc::clone(field)),
    });
    ApprovalStep { of: of.collect(), count: approval.count, given: Vec::new() }
}

/// Those of a step, as duties are judged.
pub(super) fn people(step: &ApprovalStep) -> Vec<By> {
    let of = step.of.iter().map(|approver| match approver {
        Approver::Role(role) => By::Role(Arc::clone(role)),
        Approver::Field(field) => By::User(Arc::clone(field)),
    });
    of.collect()
}

fn same(one: &ApprovalStep, other: &ApprovalStep) -> bool {
    one.of == other.of && one.count >= other.count
}

fn waits(pending: &Approval) -> Reason {
    let name = &pending.transition;
    let zh = format!("`{name}` 正在等待审批;请先批准、拒绝或撤回");
    let en = format!("`{name}` waits for approval already; approve, refuse or withdraw it first");
    conflict("approval_pending", &zh, &en)
}

fn outdated() -> Reason {
    let zh = "情况已变化,需要的审批比申请时更多;请拒绝后重新申请";
    let en = "more approvals are needed now than were asked for; refuse this request and let it be made again";
    Reason::new(RefusalKind::Conflict, "approval_outdated", Title::new(zh, en))
}
