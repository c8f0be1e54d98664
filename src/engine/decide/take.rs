//! Taking a transition.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::did_you_mean;
use crate::engine::draft::{Draft, conflict};
use crate::engine::duty::{self, Absences};
use crate::engine::{Decision, judge};
use crate::model::{Act, Case, Command, Name, Reason, Refusal, RefusalKind, Timestamp, Title, Verdict, World};
use crate::workflow::{Ask, Definition, Transition, Workflow};

/// Decides [`Act::Take`].
pub(in crate::engine) fn take(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Act::Take { transition, input, comment } = &command.act else {
        return Err(Refusal::because(conflict("not_a_take", "不是流转", "is not a transition")));
    };
    let transition = find_transition(workflow, case, transition)?;
    let actor = command.actor.clone().in_person();
    let standing = duty::to_transition(transition, case, &case.fields, &actor, Absences { world, now });
    if !standing.reasons.is_empty() {
        return Err(Refusal::new(standing.reasons, Vec::new()));
    }
    let mut draft = Draft::new(definition, workflow, case.clone(), actor, world, now);
    draft.on_behalf_of = standing.on_behalf_of;
    let reasons = draft.take_in(input, &takes(transition));
    draft.go(transition, reasons, comment.clone())?;
    draft.advance()?;
    draft.finish(None)
}

/// The fields that a transition takes: those it asks for, and those that may be corrected on the way.
pub(in crate::engine) fn takes(transition: &Transition) -> BTreeSet<Name> {
    transition.ask.iter().map(|ask| &ask.field).chain(&transition.change).cloned().collect()
}

impl Draft<'_> {
    /// Judges the transition with the input as it was read, and takes it; `reasons` are those against the input.
    pub(in crate::engine) fn go(
        &mut self,
        transition: &Transition,
        mut reasons: Vec<Reason>,
        comment: Option<Name>,
    ) -> Result<(), Refusal> {
        let asked: BTreeSet<Name> = transition.ask.iter().map(|ask| Arc::clone(&ask.field)).collect();
        let opening = self.case.version == 0;
        let later = if opening { super::asked_by_some(self.workflow) } else { BTreeSet::new() };
        let begins = |field: &Name| asked.contains(field) || opening && !later.contains(field);
        self.begin(&begins).map_err(Refusal::because)?;
        reasons.extend(asked_reasons(self, &transition.ask));
        let judged = self.fields.clone();
        reasons.extend(self.missing(&transition.name));
        reasons.extend(self.incomplete_rows());
        dedup(&mut reasons);
        if !reasons.is_empty() {
            return Err(Refusal::new(reasons, Vec::new()));
        }
        self.compute().map_err(Refusal::because)?;
        let facts = self.facts().map_err(Refusal::because)?;
        reasons.extend(self.condition_fails(transition, &facts));
        let verdicts = self.verdicts(transition, &facts);
        reasons
            .extend(verdicts.iter().flat_map(|(refuse_on_error, verdict)| judge::reasons(verdict, *refuse_on_error)));
        let because: Vec<Verdict> = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        if !reasons.is_empty() {
            return Err(Refusal::new(reasons, because));
        }
        let refuse = |reason| Refusal::new(vec![reason], because.clone());
        let branch = self.branch(transition, &facts).map_err(refuse)?;
        let steps = self.approvals_needed(transition, &facts).map_err(refuse)?;
        if !steps.is_empty() {
            return self.request_approval(transition, comment, steps, because);
        }
        if let Err(reason) = self.perform(transition, branch, comment, because.clone()) {
            return Err(self.refusal(reason, because));
        }
        // What the actions did may not leave a required field without a value either.
        if self.fields.is(&judged) {
            return Ok(());
        }
        let missing = self.missing(&transition.name);
        if missing.is_empty() { Ok(()) } else { Err(Refusal::new(missing, because)) }
    }
}

/// What must be answered here (`!`) and is not; and an answer whose default is past (`17:00 today` after five).
pub(super) fn asked_reasons(draft: &Draft<'_>, asks: &[Ask]) -> Vec<Reason> {
    let missing = asks.iter().filter(|ask| {
        let dated = draft.workflow.initials.iter().any(|initial| {
            initial.list.is_none()
                && initial.field == ask.field
                && matches!(initial.value, crate::workflow::Given::Today(_))
        });
        let answered = draft.input.get(&ask.field).is_some() || draft.began(&ask.field);
        (ask.must && !answered) || (dated && draft.fields.get(&ask.field).is_none())
    });
    missing.map(|ask| judge::required(&ask.field)).collect()
}

/// Says each thing once; that a field is required is not said of one whose value could not be taken.
pub(super) fn dedup(reasons: &mut Vec<Reason>) {
    let wrong: BTreeSet<Name> =
        reasons.iter().filter(|reason| &*reason.code != "required").map(|reason| Arc::clone(&reason.path)).collect();
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| {
        let said = &*reason.code == "required" && wrong.contains(&reason.path);
        !said && seen.insert((Arc::clone(&reason.path), Arc::clone(&reason.code)))
    });
}

/// The transition called `name` that leaves the stage of the case, or what there is instead.
pub(in crate::engine) fn find_transition<'a>(
    workflow: &'a Workflow,
    case: &Case,
    name: &Name,
) -> Result<&'a Transition, Refusal> {
    if let Some(transition) = workflow.transition(&case.stage, name) {
        return Ok(transition);
    }
    let elsewhere: BTreeSet<&Name> = workflow
        .transitions
        .iter()
        .filter(|transition| transition.name == *name)
        .flat_map(|transition| &transition.from)
        .collect();
    if elsewhere.is_empty() {
        let near = did_you_mean(name, workflow.transitions.iter().map(|transition| &*transition.name));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let title = Title::new(
            &format!("流程中没有流转 `{name}`"),
            &format!("there is no transition `{name}` in `{}`{hint}", workflow.name),
        );
        return Err(Refusal::because(Reason::new(RefusalKind::Unknown, "unknown_transition", title)));
    }
    let from = elsewhere.iter().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ");
    let here: BTreeSet<String> =
        workflow.leaving(&case.stage).map(|transition| format!("`{}`", transition.name)).collect();
    let here = if here.is_empty() { "nothing".to_owned() } else { here.into_iter().collect::<Vec<_>>().join(", ") };
    let (stage, zh) = (&case.stage, format!("单据在 `{}`;`{name}` 须在 {from};此处可用: {here}", case.stage));
    let en = format!("the case is in `{stage}`, `{name}` leaves {from}; what leaves `{stage}`: {here}");
    Err(Refusal::because(conflict("wrong_stage", &zh, &en)))
}
