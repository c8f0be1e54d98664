//! Tasks: how they stand, and what expressions see of them.

use std::sync::Arc;

use crate::calendar::Calendar;
use crate::model::{Case, Event, Name, Record, Task as State, TaskState, Timestamp, UserId, Value};
use crate::rule::TaskFacts;
use crate::workflow::{Task, Workflow, task::ROWS};

use super::draft::Draft;

/// Whether all tasks of the stage that the case is in are done; so they are where there are none.
#[must_use]
pub fn all_done(workflow: &Workflow, case: &Case) -> bool {
    workflow.tasks_in(&case.stage).iter().all(|task| is_done(case, &task.name))
}

/// Whether a task is done in the present round.
#[must_use]
pub fn is_done(case: &Case, task: &str) -> bool {
    case.task(task).is_some_and(|task| task.state == TaskState::Done)
}

/// The task, when it can be done now.
#[must_use]
pub fn open_task<'a>(case: &'a Case, task: &str) -> Option<&'a State> {
    case.task(task).filter(|task| task.state == TaskState::Open)
}

/// The tasks of the stage that somebody can work on now, each with how it stands.
pub fn open_tasks<'a>(workflow: &'a Workflow, case: &'a Case) -> impl Iterator<Item = (&'a Arc<Task>, &'a State)> {
    workflow.tasks_in(&case.stage).iter().filter_map(|task| Some((task, open_task(case, &task.name)?)))
}

/// When each task of the case that was done and repeats comes again. A year without data on the way leaves it open,
/// for then nobody knows.
pub(super) fn due<'a>(workflow: &'a Workflow, case: &'a Case) -> impl Iterator<Item = Timestamp> + 'a {
    repeating(workflow, case).map(|(_, at)| at)
}

/// The tasks that were done and come again, each with the moment.
fn repeating<'a>(workflow: &'a Workflow, case: &'a Case) -> impl Iterator<Item = (&'a Arc<Task>, Timestamp)> {
    workflow.tasks_in(&case.stage).iter().filter_map(move |task| {
        let done = case.task(&task.name).filter(|state| state.state == TaskState::Done)?;
        let at = match &workflow.calendar {
            Some(calendar) => task.again?.next(calendar, done.since),
            None => task.again?.next(&Calendar::unknown(workflow.zone), done.since),
        };
        Some((task, at.ok()?))
    })
}

/// The tasks before `task` that are not done.
pub(super) fn awaited<'a>(task: &'a Task, case: &'a Case) -> impl Iterator<Item = &'a Name> {
    task.after.iter().filter(|before| !is_done(case, before))
}

/// Everyone who did a task in its last round.
pub(super) fn doers<'a>(case: &'a Case, task: &str) -> impl Iterator<Item = &'a UserId> {
    case.tasks.get(task).into_iter().flat_map(|task| &task.doers)
}

impl Draft<'_> {
    /// Opens the repeating tasks whose time has come.
    pub(super) fn reopen_due(&mut self) {
        let due = repeating(self.workflow, &self.case).filter(|(_, at)| *at <= self.now);
        let due: Vec<Name> = due.map(|(task, _)| Arc::clone(&task.name)).collect();
        for task in due {
            let attempt = self.case.task(&task).map_or(1, |state| state.attempt.saturating_add(1));
            self.record(Event::TaskReopened { task, attempt, waiting: Vec::new() }, Vec::new());
        }
    }

    /// What expressions see of the tasks.
    pub(super) fn task_facts(&self) -> Arc<TaskFacts> {
        let facts = self.tasks.get_or_init(|| Arc::new(seen(self.workflow, &self.case)));
        match &self.answers {
            None => Arc::clone(facts),
            Some(answers) => Arc::new(TaskFacts { present: Some(answers.clone()), ..TaskFacts::clone(facts) }),
        }
    }
}

fn seen(workflow: &Workflow, case: &Case) -> TaskFacts {
    let one = |task: &Arc<Task>| {
        let state = case.tasks.get(&task.name);
        (Arc::clone(&task.name), (Arc::new(record(state, case)), Arc::clone(&task.answers.seen)))
    };
    TaskFacts { tasks: workflow.tasks().map(one).collect(), all_done: all_done(workflow, case), present: None }
}

/// What is seen of a task: its last answers, and whether it is done in the present round of its stage.
fn record(state: Option<&State>, case: &Case) -> Record {
    let mut record = Record::new();
    let attempts = state.map_or(0, |state| state.attempt);
    record.set("attempts".into(), Value::Integer(attempts.into()));
    let present = state.is_some_and(|state| {
        let entry = case.entered.get(&state.stage);
        state.state == TaskState::Done && entry.is_some_and(|entry| entry.times == state.round)
    });
    record.set("done".into(), Value::Boolean(present));
    let Some(state) = state else { return record };
    if let Some(by) = &state.done_by {
        record.set("by".into(), Value::Text(Arc::clone(by)));
        if state.state == TaskState::Done {
            record.set("at".into(), Value::Datetime(state.since));
        }
    }
    record.set(ROWS.into(), Value::List(state.rows.iter().cloned().map(Value::Row).collect()));
    record
}
