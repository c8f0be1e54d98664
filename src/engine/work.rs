//! Work: what of a case waits for somebody. It is derived and never copied, so it moves by itself when people are
//! away, claims change or a definition does.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Actor, Case, Name, Timestamp, Title, UserId, World};
use crate::workflow::{By, Edge, Task, Workflow};

use super::decide;
use super::duty::Absences;
use super::task::open_tasks;

/// Something that waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// What it is.
    pub kind: WorkKind,
    /// The task or the transition.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// Its deadline: the earliest of the clocks that it can stop, or that run on the whole case.
    pub due: Option<Timestamp>,
    /// Since when it waits: the longer, the more urgent.
    pub since: Timestamp,
    /// Who has claimed it.
    pub claimed_by: Option<UserId>,
    /// For whom they would do it, when they stand in for somebody who is away.
    pub on_behalf_of: Option<UserId>,
    /// Whether it waits for this very person, by a claim or by name, and not for a role.
    pub personal: bool,
    /// The roles that could do it.
    pub roles: BTreeSet<Name>,
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// A task that can be claimed and completed.
    Task,
    /// A transition that can be agreed to.
    Approval,
}

impl WorkKind {
    /// The word for it; also the facet under which a case with such work is found.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Approval => "approval",
        }
    }
}

/// Where the index has cases with work for `actor`: (facet, value) in one workflow. `stands_in` says that they stand
/// in for somebody, whose claims may lie anywhere.
#[must_use]
pub fn work_facets(workflow: &Workflow, actor: &Actor, stands_in: bool) -> BTreeSet<(Name, Name)> {
    // Which person a field names only the case knows.
    let may = |by: &By| match by {
        By::Role(role) => actor.has(role),
        By::User(_) => true,
    };
    let tasks = workflow.tasks().filter(|task| stands_in || task.by.iter().any(may));
    let tasks = tasks.map(|task| (WorkKind::Task.word().into(), Arc::clone(&task.name)));
    // A request keeps its own steps, so whom it waits for is not looked up here.
    let approvals = workflow.transitions.iter().filter(|transition| !transition.approvals.is_empty());
    let approvals = approvals.map(|transition| (WorkKind::Approval.word().into(), Arc::clone(&transition.name)));
    tasks.chain(approvals).collect()
}

/// What of `case` waits for `actor`: tasks that they could complete, and what they could agree to.
#[must_use]
pub fn work(workflow: &Workflow, case: &Case, actor: &Actor, world: &Arc<dyn World>, now: Timestamp) -> Vec<Work> {
    let absences = Absences { world, now };
    let mut found: Vec<Work> = tasks(workflow, case, actor, absences).collect();
    found.extend(approval(workflow, case, actor, absences));
    found
}

/// Whether `user` is away now, and `actor` stands in for them.
#[must_use]
pub fn stands_in(actor: &Actor, user: &str, world: &Arc<dyn World>, now: Timestamp) -> bool {
    Absences { world, now }.stands_in(actor, user)
}

fn tasks<'a>(
    workflow: &'a Workflow,
    case: &'a Case,
    actor: &'a Actor,
    absences: Absences<'a>,
) -> impl Iterator<Item = Work> + 'a {
    open_tasks(workflow, case).filter_map(move |(task, state)| {
        let standing = decide::task_standing(task, case, actor, absences);
        standing.reasons.is_empty().then(|| Work {
            kind: WorkKind::Task,
            name: Arc::clone(&task.name),
            title: task.title.clone(),
            due: due(workflow, case, Some(&task.name)),
            since: state.since,
            claimed_by: state.claimed_by.clone(),
            personal: state.claimed_by.is_some() || named(task, case, actor) || standing.on_behalf_of.is_some(),
            on_behalf_of: standing.on_behalf_of,
            roles: roles(&task.by),
        })
    })
}

fn approval(workflow: &Workflow, case: &Case, actor: &Actor, absences: Absences<'_>) -> Option<Work> {
    let pending = case.approval.as_ref()?;
    let standing = decide::approval_standing(workflow, case, pending, actor, absences);
    if !standing.reasons.is_empty() {
        return None;
    }
    let by = pending.waiting().map(super::approval::people).unwrap_or_default();
    let transition = workflow.transition(&case.stage, &pending.transition);
    Some(Work {
        kind: WorkKind::Approval,
        name: Arc::clone(&pending.transition),
        title: transition.map(|transition| transition.title.clone()).unwrap_or_default(),
        due: due(workflow, case, None),
        since: pending.at,
        claimed_by: None,
        personal: !by.iter().any(|by| matches!(by, By::Role(role) if actor.has(role))),
        on_behalf_of: standing.on_behalf_of,
        roles: roles(&by),
    })
}

/// The earliest deadline of the open clocks, without those that another task stops.
fn due(workflow: &Workflow, case: &Case, task: Option<&Name>) -> Option<Timestamp> {
    let minds = |name: &Name| {
        let until = workflow.slas.iter().find(|sla| sla.name == *name).map(|sla| &sla.until);
        if let Some(Edge::Task(stops)) = until { task == Some(stops) } else { until.is_some() }
    };
    case.clocks.iter().filter(|clock| clock.is_open() && minds(&clock.sla)).filter_map(|clock| clock.due).min()
}

fn named(task: &Task, case: &Case, actor: &Actor) -> bool {
    let field = |by: &By| match by {
        By::Role(_) => false,
        By::User(field) => case.fields.text(field) == Some(&*actor.user),
    };
    task.by.iter().any(field)
}

fn roles(by: &[By]) -> BTreeSet<Name> {
    let role = |by: &By| match by {
        By::Role(role) => Some(Arc::clone(role)),
        By::User(_) => None,
    };
    by.iter().filter_map(role).collect()
}
