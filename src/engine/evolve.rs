//! From events to the case. Total: it never fails and never consults a rule.

mod approval;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::clock::fold_clock;
use crate::model::resource::{Held, Moves};
use crate::model::{
    Case, CaseId, Changes, Entry, Event, Filed, Issued, Kin, Name, Record, Recorded, Timers, Timestamp, UserId,
};

/// Folds one event into the case; `None` is a case that was not opened yet. An event that can't follow (a
/// first one that does not open) leaves things as they are.
#[must_use]
pub fn evolve(id: CaseId, case: Option<Case>, recorded: &Recorded) -> Option<Case> {
    let mut case = match (&recorded.event, case) {
        (Event::Opened { workflow, number, stage, .. }, _) => unopened(id, workflow, number, stage, recorded),
        (
            Event::Taken { .. }
            | Event::Edited { .. }
            | Event::Commented { .. }
            | Event::ChildOpened { .. }
            | Event::Signalled { .. }
            | Event::Scheduled { .. }
            | Event::Reserved { .. }
            | Event::Released { .. }
            | Event::Consumed { .. }
            | Event::Put { .. }
            | Event::TaskOpened { .. }
            | Event::TaskClaimed { .. }
            | Event::TaskReleased { .. }
            | Event::TaskCompleted { .. }
            | Event::TaskReopened { .. }
            | Event::TaskDropped { .. }
            | Event::ApprovalRequested { .. }
            | Event::ApprovalGiven { .. }
            | Event::ApprovalLapsed { .. }
            | Event::Clock { .. }
            | Event::Escalated { .. }
            | Event::Attached { .. }
            | Event::Notified { .. }
            | Event::Issued { .. },
            case,
        ) => case?,
    };
    follow(&mut case, recorded);
    Some(case)
}

/// Folds one event into a case that is open, or that this event opens.
pub(super) fn follow(case: &mut Case, recorded: &Recorded) {
    case.version = recorded.version;
    case.revision = recorded.revision.clone();
    case.updated_at = recorded.at;
    match &recorded.event {
        Event::Opened { stage, changes, parent, .. } => {
            case.kin.parent.clone_from(parent);
            apply(&mut case.fields, changes);
            take(case, &Name::from("open"), recorded);
            enter(case, stage, recorded.at, &recorded.by);
        }
        Event::Taken { transition, from, to, changes, due, .. } => {
            apply(&mut case.fields, changes);
            take(case, transition, recorded);
            if from != to {
                enter(case, to, recorded.at, &recorded.by);
            } else if let Some(due) = due {
                case.timers.taken.insert(Arc::clone(transition), *due);
            }
        }
        Event::Edited { changes, .. } => apply(&mut case.fields, changes),
        Event::ChildOpened { child } => case.kin.children.push(child.clone()),
        Event::Commented { .. } | Event::Signalled { .. } => {}
        Event::Scheduled { schedule, due, changes } => {
            apply(&mut case.fields, changes);
            case.timers.scheduled.insert(Arc::clone(schedule), *due);
        }
        Event::Reserved { .. } | Event::Released { .. } | Event::Consumed { .. } | Event::Put { .. } => {
            for (resource, key, moved) in Moves::of([&recorded.event]).each() {
                case.held.add(resource, key, moved.held);
            }
        }
        Event::TaskOpened { task, round, attempt } => task::open(case, task, *round, *attempt, recorded),
        Event::TaskClaimed { task } => task::claim(case, task, recorded),
        Event::TaskReleased { task } => task::release(case, task),
        Event::TaskCompleted { task, rows, redo, changes, .. } => {
            apply(&mut case.fields, changes);
            task::complete(case, task, rows, redo.is_some(), recorded);
        }
        Event::TaskReopened { task, attempt, waiting } => task::reopen(case, task, *attempt, waiting, recorded),
        Event::TaskDropped { task } => task::drop(case, task, recorded),
        Event::ApprovalRequested { transition, roles, input, steps, comment } => {
            approval::request(case, transition, roles, (input, comment, steps), recorded);
        }
        Event::ApprovalGiven { last, .. } => approval::agree(case, *last, recorded),
        Event::ApprovalLapsed { .. } => case.approval = None,
        Event::Escalated { .. } => {}
        Event::Clock { sla, number, change, cause } => {
            fold_clock(&mut case.clocks, sla, *number, change, cause, recorded.at);
        }
        Event::Attached { attachment } => {
            let (attachment, by) = (attachment.clone(), Arc::clone(&recorded.by));
            case.attachments.push(Filed { attachment, at: recorded.at, by });
        }
        Event::Notified { notice } if notice.failed.is_some() => {}
        Event::Notified { notice } => {
            case.told.insert(Arc::clone(&notice.message));
        }
        Event::Issued { document, number, sha256, .. } => {
            let (number, sha256) = (Arc::clone(number), Arc::clone(sha256));
            let issued = Issued { number, sha256, at: recorded.at, by: Arc::clone(&recorded.by) };
            case.documents.entry(Arc::clone(document)).or_default().push(issued);
        }
    }
}

/// Folds a whole history.
#[must_use]
pub fn fold<'a>(id: CaseId, history: impl IntoIterator<Item = &'a Recorded>) -> Option<Case> {
    history.into_iter().fold(None, |case, recorded| evolve(id, case, recorded))
}

fn unopened(id: CaseId, workflow: &Name, number: &Name, stage: &Name, recorded: &Recorded) -> Case {
    Case {
        id,
        workflow: Arc::clone(workflow),
        number: Arc::clone(number),
        version: 0,
        revision: recorded.revision.clone(),
        stage: Arc::clone(stage),
        fields: Record::new(),
        opened_at: recorded.at,
        opened_by: Arc::clone(&recorded.by),
        updated_at: recorded.at,
        entered: BTreeMap::new(),
        takers: BTreeMap::new(),
        kin: Kin::default(),
        timers: Timers::default(),
        held: Held::default(),
        tasks: BTreeMap::new(),
        approval: None,
        clocks: Vec::new(),
        attachments: Vec::new(),
        told: BTreeSet::new(),
        documents: BTreeMap::new(),
    }
}

/// Applies changes to a record.
pub(crate) fn apply(fields: &mut Record, changes: &Changes) {
    if fields.is_empty() {
        *fields = changes.set.clone();
        return;
    }
    for field in &changes.clear {
        fields.clear(field);
    }
    for (field, value) in changes.set.iter() {
        fields.set(Arc::clone(field), value.clone());
    }
}

/// Four eyes count who took it, and for whom.
fn take(case: &mut Case, transition: &Name, recorded: &Recorded) {
    let takers: &mut BTreeSet<UserId> = case.takers.entry(Arc::clone(transition)).or_default();
    takers.extend(std::iter::once(&recorded.by).chain(&recorded.on_behalf_of).cloned());
}

fn enter(case: &mut Case, stage: &Name, at: Timestamp, by: &UserId) {
    let times = case.entered.get(stage).map_or(0, |entry| entry.times).saturating_add(1);
    case.entered.insert(Arc::clone(stage), Entry { at, by: Arc::clone(by), times });
    case.stage = Arc::clone(stage);
    case.timers.taken.clear();
}
