//! Actions that reach other cases, as written.

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::walk::{At, Entry, Node, Spot, What};

use super::condition::{Condition, condition};
use super::read::{Keys, check_name, flag, text};
use super::transition::{ActionSource, ToSource, TransitionSource, with};
use super::workflow::WorkflowSource;

/// `open` as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct OpenSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// The workflow.
    pub(in crate::workflow) workflow: At<Name>,
    /// What the parent calls the children.
    pub(in crate::workflow) role: At<Name>,
    /// The list, or the subset of one, for whose rows they are opened.
    pub(in crate::workflow) each: Option<At<Name>>,
    /// Whether one is opened.
    pub(in crate::workflow) when: Option<Condition>,
    /// The fields that they get.
    pub(in crate::workflow) with: Vec<Entry>,
    /// Whether they are the parent's.
    pub(in crate::workflow) under_parent: bool,
}

/// `signal` as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct SignalSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// `parent` or `children.NAME`.
    pub(in crate::workflow) to: At<Name>,
    /// The transition.
    pub(in crate::workflow) take: At<Name>,
    /// Its input.
    pub(in crate::workflow) with: Vec<Entry>,
    /// Whether it may be impossible.
    pub(in crate::workflow) optional: bool,
}

/// Reads `open`.
pub(super) fn open(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ActionSource> {
    let keys = Keys::of(node, "`open`", &["workflow", "as", "each", "when", "with", "under"], found)?;
    let workflow = keys.need("workflow", "`open`", found).and_then(|node| text(node, "`workflow`", found));
    let role = keys.need("as", "`open`", found).and_then(|node| text(node, "`as`", found));
    if let Some(role) = &role {
        check_name(role, "the name of children", found);
    }
    let under = keys.get("under").and_then(|node| text(node, "`under`", found));
    if let Some(under) = under.as_ref().filter(|under| &*under.value != "parent") {
        found.push(under.spot.error("E024", "children can be opened under this case, or under its `parent`"));
    }
    Some(ActionSource::Open(Box::new(OpenSource {
        spot: node.spot.clone(),
        each: keys.get("each").and_then(|node| text(node, "`each`", found)),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        with: with(&keys, found),
        under_parent: under.is_some(),
        workflow: workflow?,
        role: role?,
    })))
}

/// Reads `signal`.
pub(super) fn signal(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ActionSource> {
    let keys = Keys::of(node, "`signal`", &["to", "take", "with", "optional"], found)?;
    let to = keys.need("to", "`signal`", found).and_then(|node| text(node, "`to`", found));
    let take = keys.need("take", "`signal`", found).and_then(|node| text(node, "`take`", found));
    let with = with(&keys, found);
    let optional = keys.get("optional").and_then(|node| flag(node, "`optional`", found)).unwrap_or(false);
    Some(ActionSource::Signal(Box::new(SignalSource { spot: node.spot.clone(), to: to?, take: take?, with, optional })))
}

/// The names behind `none_open`.
pub(in crate::workflow) fn names(nodes: &[Node]) -> impl Iterator<Item = At<Name>> {
    nodes.iter().filter_map(|node| match &node.what {
        What::Scalar(scalar) => Some(At { value: Name::clone(&scalar.text), spot: node.spot.clone() }),
        What::List(_) | What::Map(_) | What::Broken => None,
    })
}

impl TransitionSource {
    /// All that it does, whatever branch it takes.
    pub(in crate::workflow) fn all_actions(&self) -> impl Iterator<Item = &ActionSource> {
        let branches = match &self.to {
            Some(ToSource::Branches(branches)) => branches.as_slice(),
            Some(ToSource::Stage(_) | ToSource::Broken) | None => &[],
        };
        branches.iter().flat_map(|branch| &branch.actions).chain(&self.actions)
    }
}

impl WorkflowSource {
    /// Its transitions, the opening too.
    pub(in crate::workflow) fn all_transitions(&self) -> impl Iterator<Item = &TransitionSource> {
        self.open.iter().chain(self.stages.iter().flat_map(|stage| &stage.transitions)).chain(&self.any_stage)
    }

    /// All that its cases ever do.
    pub(in crate::workflow) fn all_actions(&self) -> impl Iterator<Item = &ActionSource> {
        let tasks = || self.stages.iter().flat_map(|stage| &stage.tasks);
        let outcomes = tasks().flat_map(|task| &task.outcomes).flat_map(|outcome| &outcome.actions);
        let of_tasks = outcomes.chain(tasks().flat_map(|task| &task.actions));
        let of_warnings = self.slas.iter().filter_map(|sla| sla.warn.as_ref()).flat_map(|warn| &warn.actions);
        let of_breaches = self.slas.iter().flat_map(|sla| &sla.breach).flat_map(|breach| &breach.actions);
        let of_clocks = of_warnings.chain(of_breaches);
        let of_schedules = self.schedules.iter().flat_map(|schedule| &schedule.actions);
        let of_transitions = self.all_transitions().flat_map(TransitionSource::all_actions);
        of_transitions.chain(of_tasks).chain(of_clocks).chain(of_schedules)
    }
}
