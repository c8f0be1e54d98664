//! Coverage: which stages, transitions and branches no scenario touched.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::{Event, Name};
use crate::store::Logged;
use crate::workflow::{Definition, Target, Workflow};

/// What scenarios touched, workflow by workflow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// Each workflow.
    pub workflows: Vec<WorkflowCoverage>,
}

/// What scenarios touched of one workflow. What can be touched is a stage, a transition from a stage, and a branch
/// of a transition that has several.
#[derive(Clone, Debug, Serialize)]
pub struct WorkflowCoverage {
    /// The workflow.
    pub workflow: Name,
    /// How much there is.
    pub all: usize,
    /// How much was touched.
    pub touched: usize,
    /// The stages in which no case was.
    pub stages: Vec<Name>,
    /// The transitions that nobody took, as `stage.transition`.
    pub transitions: Vec<Name>,
    /// The branches that no case went, as `stage.transition > stage`.
    pub branches: Vec<Name>,
}

/// What was touched so far: steps from a stage by a transition to a stage.
#[derive(Debug, Default)]
pub(super) struct Touched {
    steps: BTreeSet<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    workflow: Name,
    /// `None` for an opening.
    by: Option<(Name, Name)>,
    to: Name,
}

impl Touched {
    /// What is touched by these events.
    pub(super) fn see(&mut self, events: &[Logged]) {
        for Logged { workflow, recorded, .. } in events {
            let (by, to) = if let Event::Opened { stage, .. } = &recorded.event {
                (None, stage)
            } else if let Event::Taken { transition, from, to, .. } = &recorded.event {
                (Some((Name::clone(from), Name::clone(transition))), to)
            } else {
                continue;
            };
            self.steps.insert(Step { workflow: Name::clone(workflow), by, to: Name::clone(to) });
        }
    }

    /// What another test touched.
    pub(super) fn add(&mut self, mut other: Self) {
        self.steps.append(&mut other.steps);
    }

    fn stage(&self, workflow: &str, stage: &str) -> bool {
        self.steps.iter().any(|step| *step.workflow == *workflow && *step.to == *stage)
    }

    fn taken(&self, workflow: &str, from: &str, transition: &str, to: Option<&str>) -> bool {
        self.steps.iter().any(|step| {
            let by = step.by.as_ref().is_some_and(|(stage, name)| **stage == *from && **name == *transition);
            *step.workflow == *workflow && by && to.is_none_or(|to| *step.to == *to)
        })
    }
}

/// What was touched, and what was not.
pub(super) fn coverage(definition: &Definition, touched: &Touched) -> Coverage {
    Coverage { workflows: definition.workflows.values().map(|workflow| of(workflow, touched)).collect() }
}

fn of(workflow: &Workflow, touched: &Touched) -> WorkflowCoverage {
    let name = &workflow.name;
    let mut all = workflow.stages.len();
    let stages = workflow.stages.keys().filter(|stage| !touched.stage(name, stage)).cloned().collect::<Vec<_>>();
    let (mut transitions, mut branches): (Vec<Name>, Vec<Name>) = (Vec::new(), Vec::new());
    let leaving = workflow.stages.keys().flat_map(|stage| workflow.leaving(stage).map(move |leaving| (stage, leaving)));
    for (stage, transition) in leaving {
        let (taken, ways) =
            (|to: Option<&str>| touched.taken(name, stage, &transition.name, to), several(&transition.to));
        all += 1 + ways.len();
        if !taken(None) {
            transitions.push(format!("{stage}.{}", transition.name).into());
        }
        let never = ways.iter().filter(|to| !taken(Some(to)));
        branches.extend(never.map(|to| Name::from(format!("{stage}.{} > {to}", transition.name))));
    }
    let missed = stages.len() + transitions.len() + branches.len();
    let touched = all.saturating_sub(missed);
    WorkflowCoverage { workflow: Name::clone(name), all, touched, stages, transitions, branches }
}

/// The stages of the branches, where there are several.
fn several(target: &Target) -> BTreeSet<Name> {
    match target {
        Target::Branches(branches) if branches.len() > 1 => {
            branches.iter().map(|branch| Name::clone(&branch.stage)).collect()
        }
        Target::Branches(_) | Target::Stay => BTreeSet::new(),
    }
}
