//! What follows from every step, whoever took it and however.

mod approval;
mod task;

use crate::model::Reason;

use super::draft::Draft;

impl Draft<'_> {
    /// Called once at the end of each step (a transition, an edit, a task); its events are those from `since` on.
    pub(super) fn settle(&mut self, since: usize) -> Result<(), Reason> {
        self.settle_approval(since);
        self.settle_tasks();
        self.follow_clocks(since)
    }
}
