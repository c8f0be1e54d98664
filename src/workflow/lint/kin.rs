//! Ends that nobody keeps from open children.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::rule::Relations;
use crate::workflow::source::{
    ActionSource, CheckSource, Condition, Judge, ToSource, TransitionSource, WorkflowSource, kin_names,
};

/// Warns of transitions that may end a case while children are open: none of their conditions names the children,
/// and they signal nothing to them (Meaning 13).
pub(super) fn ends(workflow: &WorkflowSource, kin: &BTreeMap<Name, Relations>, found: &mut Vec<Diagnostic>) {
    let Some(relations) = kin.get(&workflow.name) else { return };
    for transition in workflow.all_transitions().filter(|transition| ends_it(workflow, transition)) {
        let open: Vec<String> =
            relations.children.keys().filter(|role| !minds(transition, role)).map(|role| format!("`{role}`")).collect();
        if open.is_empty() {
            continue;
        }
        let (name, open) = (&transition.name.value, open.join(", "));
        let warning = transition.name.spot.warning("W181", format!("`{name}` can end the case while {open} are open"));
        found.push(warning.help("write `when: { none_open: ... }`, or say with `signal` what becomes of them"));
    }
}

fn ends_it(workflow: &WorkflowSource, transition: &TransitionSource) -> bool {
    let is_end = |name: &Name| workflow.stages.iter().any(|stage| stage.ends && stage.name.value == *name);
    match &transition.to {
        Some(ToSource::Stage(stage)) => is_end(&stage.value),
        Some(ToSource::Branches(branches)) => {
            branches.iter().any(|branch| branch.stage.as_ref().is_some_and(|stage| is_end(&stage.value)))
        }
        Some(ToSource::Broken) | None => false,
    }
}

/// Whether a transition asks for children of this name, or tells them something.
fn minds(transition: &TransitionSource, role: &str) -> bool {
    let branches = match &transition.to {
        Some(ToSource::Branches(branches)) => branches.as_slice(),
        Some(ToSource::Stage(_) | ToSource::Broken) | None => &[],
    };
    let mut conditions = transition.when.iter().chain(branches.iter().filter_map(|branch| branch.when.as_ref()));
    let signals = |action: &ActionSource| match action {
        ActionSource::Signal(signal) => signal.to.value.strip_prefix("children.") == Some(role),
        ActionSource::Set(_)
        | ActionSource::Run(..)
        | ActionSource::Comment(_)
        | ActionSource::Hold(_)
        | ActionSource::Escalate(_)
        | ActionSource::Notify(_)
        | ActionSource::Issue(_)
        | ActionSource::Open(_) => false,
    };
    let needs = |check: &CheckSource| match &check.judge {
        Judge::Need(code, _, _) => names(&code.text, role),
        Judge::Rule(..) => false,
    };
    conditions.any(|condition| asks(condition, role))
        || transition.all_actions().any(signals)
        || transition.checks.iter().any(needs)
}

fn asks(condition: &Condition, role: &str) -> bool {
    match condition {
        Condition::Code(code) => names(&code.text, role),
        Condition::Fields(fields) => fields
            .iter()
            .any(|(name, values)| &*name.value == "none_open" && kin_names(values).any(|named| &*named.value == role)),
    }
}

fn names(text: &str, role: &str) -> bool {
    let named = format!("children.{role}");
    text.match_indices(&named).any(|(at, _)| {
        let after = text.get(at.saturating_add(named.len())..).and_then(|rest| rest.chars().next());
        after.is_none_or(|letter| !letter.is_ascii_alphanumeric() && letter != '_')
    })
}
