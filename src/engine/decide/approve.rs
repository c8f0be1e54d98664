//! Agreeing to a transition that waits for approval, or refusing it.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::approval::people;
use crate::engine::draft::{Draft, conflict};
use crate::engine::duty::{self, Absences, Standing};
use crate::model::command::{Input, SYSTEM};
use crate::model::{
    Act, Actor, Approval, ApprovalStep, Case, Changes, Command, Event, Lapse, Name, Reason, Refusal, RefusalKind,
    Timestamp, Title, World,
};
use crate::workflow::{Definition, Workflow};

/// Decides [`Act::Approve`]. The last agreement takes the transition, for who asked for it; it is judged again then.
/// Who asked may take the request back.
pub(in crate::engine) fn approve(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let (Act::Approve { approve, comment }, Some(pending)) = (&command.act, case.approval.as_deref()) else {
        return Err(Refusal::because(conflict("no_approval", "没有等待审批的申请", "nothing waits for approval")));
    };
    let absences = Absences { world, now };
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    let transition = Arc::clone(&pending.transition);
    if !approve && pending.requesters().any(|user| *user == command.actor.user) {
        draft.record(Event::ApprovalLapsed { transition, why: Lapse::Withdrawn, comment: comment.clone() }, Vec::new());
    } else {
        let standing = standing(workflow, case, pending, &command.actor, absences);
        if !standing.reasons.is_empty() {
            return Err(Refusal::new(standing.reasons, Vec::new()));
        }
        draft.on_behalf_of = standing.on_behalf_of;
        if *approve {
            draft.agree(pending, comment.clone())?;
        } else {
            let why = Lapse::Refused;
            draft.record(Event::ApprovalLapsed { transition, why, comment: comment.clone() }, Vec::new());
        }
    }
    // What follows by itself is judged by the world as it is now.
    draft.compute().map_err(Refusal::because)?;
    draft.advance()?;
    draft.finish(None)
}

/// How `actor` stands to the approval that waits: of the step that is next, not who asked, not who agreed before, and
/// nobody whom four eyes keep from the transition.
pub(in crate::engine) fn standing(
    workflow: &Workflow,
    case: &Case,
    pending: &Approval,
    actor: &Actor,
    absences: Absences<'_>,
) -> Standing {
    let by = pending.waiting().map(people).unwrap_or_default();
    let standing = duty::may(&by, &case.fields, actor, absences);
    let mut reasons = Vec::new();
    if standing.is_none() {
        reasons.push(duty::role(&by, actor));
    }
    let on_behalf_of = standing.flatten();
    if actor.has(SYSTEM) {
        reasons.push(duty::no_person());
    }
    let people = || std::iter::once(&actor.user).chain(&on_behalf_of);
    if let Some(asked) = people().find(|user| pending.requesters().any(|asked| asked == *user)) {
        let (zh, en) = (format!("`{asked}` 是申请人"), format!("`{asked}` asked for it; somebody else must agree"));
        reasons.push(Reason::new(RefusalKind::Forbidden, "four_eyes", Title::new(&zh, &en)));
    }
    if let Some(twice) = people().find(|user| pending.agreed().any(|agreed| agreed == *user)) {
        let (zh, en) = (format!("`{twice}` 已批准过"), format!("`{twice}` has agreed already; somebody else must too"));
        reasons.push(Reason::new(RefusalKind::Forbidden, "four_eyes", Title::new(&zh, &en)));
    }
    let not_by = workflow.transition(&case.stage, &pending.transition).map(|transition| &*transition.not_by);
    let earlier = not_by.unwrap_or_default().iter().map(|name| (name, duty::took(case, name)));
    reasons.extend(duty::kept_out(earlier, &people().collect::<Vec<_>>()));
    Standing { reasons, on_behalf_of }
}

impl Draft<'_> {
    fn agree(&mut self, pending: &Approval, comment: Option<Name>) -> Result<(), Refusal> {
        let left: u32 = pending.steps.iter().map(ApprovalStep::missing).sum();
        let (transition, last) = (Arc::clone(&pending.transition), left <= 1);
        self.record(Event::ApprovalGiven { transition, last, comment }, Vec::new());
        if last { self.take_approved(pending) } else { Ok(()) }
    }

    /// Judges once more what was asked for, as it was asked, and takes it.
    fn take_approved(&mut self, pending: &Approval) -> Result<(), Refusal> {
        let name = &pending.transition;
        let (workflow, stage) = (self.workflow, Arc::clone(&self.case.stage));
        let Some(transition) = workflow.transition(&stage, name) else {
            let zh = format!("流程已更改,此阶段不再有 `{name}`;请拒绝此申请");
            let en = format!("`{name}` does not leave this stage any more; refuse the request");
            return Err(Refusal::because(conflict("wrong_stage", &zh, &en)));
        };
        self.actor = Actor { user: Arc::clone(&pending.by), roles: pending.roles.clone() };
        self.on_behalf_of.clone_from(&pending.on_behalf_of);
        self.approved = Some(pending.steps.clone());
        let absences = Absences { world: self.world, now: self.now };
        let fields = self.case.fields.clone();
        let standing = duty::to_transition(transition, &self.case, &fields, &self.actor, absences);
        if !standing.reasons.is_empty() {
            return Err(Refusal::new(standing.reasons, Vec::new()));
        }
        let reasons = self.take_in(&written(&pending.input), &super::takes(transition));
        self.go(transition, reasons, pending.comment.clone())?;
        self.approved = None;
        Ok(())
    }
}

/// A frozen input as a client writes it.
fn written(input: &Changes) -> Input {
    let set = input.set.iter().map(|(name, value)| (name.to_string(), value.to_json()));
    let clear = input.clear.iter().map(|name| (name.to_string(), serde_json::Value::Null));
    set.chain(clear).collect()
}
