//! What events do to the tasks of a case.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Case, Name, Record, Recorded, Task, TaskState};

/// A task opens for the first time in this round, or again after it waited for others.
pub(super) fn open(case: &mut Case, name: &Name, round: u32, attempt: u32, recorded: &Recorded) {
    let stage = Arc::clone(&case.stage);
    let before = case.tasks.remove(name).filter(|task| task.stage == stage && task.round == round);
    let (done_by, doers, rows) = match before {
        Some(task) => (task.done_by, task.doers, task.rows),
        None => (None, BTreeSet::new(), Vec::new()),
    };
    let (state, since) = (TaskState::Open, recorded.at);
    let task = Task { stage, round, attempt, state, since, claimed_by: None, done_by, doers, rows };
    case.tasks.insert(Arc::clone(name), task);
}

/// Somebody takes a task on, for themselves or for somebody who is away.
pub(super) fn claim(case: &mut Case, name: &Name, recorded: &Recorded) {
    if let Some(task) = case.tasks.get_mut(name) {
        task.claimed_by = Some(Arc::clone(recorded.on_behalf_of.as_ref().unwrap_or(&recorded.by)));
    }
}

/// A task is given back.
pub(super) fn release(case: &mut Case, name: &Name) {
    if let Some(task) = case.tasks.get_mut(name) {
        task.claimed_by = None;
    }
}

/// A task was done; `again` says that it waits for another one to be done again.
pub(super) fn complete(case: &mut Case, name: &Name, rows: &[Record], again: bool, recorded: &Recorded) {
    if let Some(task) = case.tasks.get_mut(name) {
        stand(task, if again { TaskState::Waiting } else { TaskState::Done }, recorded);
        task.rows = rows.to_vec();
        task.done_by = Some(Arc::clone(&recorded.by));
        task.doers.extend(std::iter::once(&recorded.by).chain(&recorded.on_behalf_of).cloned());
    }
}

/// A task has to be done again, and those after it wait for it.
pub(super) fn reopen(case: &mut Case, name: &Name, attempt: u32, waiting: &[Name], recorded: &Recorded) {
    if let Some(task) = case.tasks.get_mut(name) {
        stand(task, TaskState::Open, recorded);
        task.attempt = attempt;
    }
    for name in waiting {
        if let Some(task) = case.tasks.get_mut(name) {
            stand(task, TaskState::Waiting, recorded);
        }
    }
}

/// The case left the stage of a task.
pub(super) fn drop(case: &mut Case, name: &Name, recorded: &Recorded) {
    if let Some(task) = case.tasks.get_mut(name) {
        stand(task, TaskState::Dropped, recorded);
    }
}

fn stand(task: &mut Task, state: TaskState, recorded: &Recorded) {
    (task.state, task.since, task.claimed_by) = (state, recorded.at, None);
}
