//! The stages as a graph: ends, dead ends, what can't be reached, circles that would never end.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::model::Mode;
use crate::workflow::source::{FromSource, ToSource, TransitionSource, WorkflowSource};

/// From each stage to those that a transition leads to.
type Edges<'s> = BTreeMap<&'s str, BTreeSet<&'s str>>;

/// What can't be right.
pub(super) fn mistakes(workflow: &WorkflowSource, found: &mut Vec<Diagnostic>) {
    if !workflow.stages.is_empty() {
        ends(workflow, found);
        circles(workflow, found);
    }
}

/// What is probably not meant.
pub(super) fn doubts(workflow: &WorkflowSource, found: &mut Vec<Diagnostic>) {
    let edges = edges(workflow, targets);
    unreachable(workflow, &edges, found);
    dead_ends(workflow, &edges, found);
}

/// The edges that `targets` gives for each transition.
fn edges<'s>(
    workflow: &'s WorkflowSource,
    targets: impl Fn(&'s TransitionSource, &'s str) -> Vec<&'s str>,
) -> Edges<'s> {
    let mut edges = Edges::new();
    for stage in &workflow.stages {
        let name = &*stage.name.value;
        let anywhere = workflow.any_stage.iter().filter(|transition| !stage.ends && leaves(transition, name));
        let leaving = stage.transitions.iter().chain(anywhere);
        edges.entry(name).or_default().extend(leaving.flat_map(|transition| targets(transition, name)));
    }
    edges
}

fn leaves(transition: &TransitionSource, stage: &str) -> bool {
    match &transition.from {
        Some(FromSource::Except(except)) => !except.iter().any(|name| &*name.value == stage),
        Some(FromSource::Stages(stages)) => stages.iter().any(|name| &*name.value == stage),
        None => false,
    }
}

/// Where a transition may lead; to where it is when it stays.
fn targets<'s>(transition: &'s TransitionSource, here: &'s str) -> Vec<&'s str> {
    match &transition.to {
        None => vec![here],
        Some(ToSource::Broken) => Vec::new(),
        Some(ToSource::Stage(stage)) => vec![&stage.value],
        Some(ToSource::Branches(branches)) => {
            branches.iter().filter_map(|branch| branch.stage.as_ref()).map(|stage| &*stage.value).collect()
        }
    }
}

/// Where an automatic transition leads for sure.
fn surely<'s>(transition: &'s TransitionSource, here: &'s str) -> Vec<&'s str> {
    let checked = transition.checks.iter().any(|check| check.mode == Mode::Enforce);
    if !transition.auto || transition.when.is_some() || checked {
        return Vec::new();
    }
    match &transition.to {
        Some(ToSource::Branches(branches)) => {
            let sure = branches.iter().filter(|branch| branch.when.is_none());
            sure.filter_map(|branch| branch.stage.as_ref()).map(|stage| &*stage.value).take(1).collect()
        }
        None | Some(ToSource::Broken | ToSource::Stage(_)) => targets(transition, here),
    }
}

/// The stages that can be reached from `start`, itself included.
fn reached<'s>(edges: &Edges<'s>, start: impl IntoIterator<Item = &'s str>) -> BTreeSet<&'s str> {
    let mut open: Vec<&str> = start.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(stage) = open.pop() {
        if seen.insert(stage) {
            open.extend(edges.get(stage).into_iter().flatten());
        }
    }
    seen
}

fn ends(workflow: &WorkflowSource, found: &mut Vec<Diagnostic>) {
    if !workflow.stages.iter().any(|stage| stage.ends) {
        let error = workflow.file.error("E124", "no stage is final, so no case would ever end");
        found.push(error.help("write `final: success`, `failure` or `cancelled` in a stage"));
    }
}

fn unreachable(workflow: &WorkflowSource, edges: &Edges<'_>, found: &mut Vec<Diagnostic>) {
    let reached = reached(edges, workflow.open.iter().flat_map(|open| targets(open, "")));
    for stage in workflow.stages.iter().filter(|stage| !reached.contains(&*stage.name.value)) {
        let message = format!("no transition leads to `{}`", stage.name.value);
        found.push(stage.name.spot.warning("W101", message));
    }
}

fn dead_ends(workflow: &WorkflowSource, edges: &Edges<'_>, found: &mut Vec<Diagnostic>) {
    let finals: BTreeSet<&str> =
        workflow.stages.iter().filter(|stage| stage.ends).map(|stage| &*stage.name.value).collect();
    if finals.is_empty() {
        return;
    }
    for stage in workflow.stages.iter().filter(|stage| !stage.ends) {
        let name = &*stage.name.value;
        let ways = edges.get(name).into_iter().flatten().filter(|target| **target != name).count();
        if ways == 0 {
            let warning = stage.name.spot.warning("W102", format!("no transition leaves `{name}`"));
            found.push(warning.help("add a transition, or say with `final` how a case ends here"));
        } else if reached(edges, [name]).is_disjoint(&finals) {
            found.push(stage.name.spot.warning("W103", format!("no end can be reached from `{name}`")));
        }
    }
}

fn circles(workflow: &WorkflowSource, found: &mut Vec<Diagnostic>) {
    let sure = edges(workflow, surely);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for stage in &workflow.stages {
        let name = &*stage.name.value;
        let after: Vec<&str> = sure.get(name).into_iter().flatten().copied().collect();
        let circle = reached(&sure, after);
        if !circle.contains(name) || told.contains(name) {
            continue;
        }
        // Only those that lead back here stand in the circle.
        let members: Vec<&str> =
            circle.iter().copied().filter(|other| reached(&sure, [*other]).contains(name)).collect();
        told.extend(&members);
        let names = members.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("automatic transitions go round for ever between {names}");
        found.push(stage.name.spot.error("E125", message).help("give one of them a condition with `when`"));
    }
}
