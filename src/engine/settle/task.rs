//! Tasks after a step: those of a stage that was left are dropped, those whose turn has come open.

use std::sync::Arc;

use crate::engine::draft::Draft;
use crate::engine::task::awaited;
use crate::model::{Event, Name, TaskState};

impl Draft<'_> {
    /// Drops and opens tasks. A task that a new definition adds opens at the next step of the case.
    pub(super) fn settle_tasks(&mut self) {
        if self.case.tasks.is_empty() && self.workflow.tasks_in(&self.case.stage).is_empty() {
            return;
        }
        for task in self.left_behind() {
            self.record(Event::TaskDropped { task }, Vec::new());
        }
        for (task, attempt) in self.coming() {
            self.record(Event::TaskOpened { task, round: self.case.round(), attempt }, Vec::new());
        }
    }

    /// The open tasks of a stage that the case has left, also when it came back to it within the step.
    fn left_behind(&self) -> Vec<Name> {
        let open = self.case.tasks.iter().filter(|(_, task)| task.state == TaskState::Open);
        open.filter(|(name, _)| self.case.task(name).is_none()).map(|(name, _)| Arc::clone(name)).collect()
    }

    /// The tasks that everything before them is done for, with the number of the attempt.
    fn coming(&self) -> Vec<(Name, u32)> {
        let tasks = self.workflow.tasks_in(&self.case.stage).iter().filter_map(|task| {
            let attempt = match self.case.task(&task.name) {
                None => 1,
                Some(known) if known.state == TaskState::Waiting => known.attempt.saturating_add(1),
                Some(_) => return None,
            };
            awaited(task, &self.case).next().is_none().then(|| (Arc::clone(&task.name), attempt))
        });
        tasks.collect()
    }
}
