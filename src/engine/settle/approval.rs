//! A request for approval ends when the case moves on, or what was asked for changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::draft::Draft;
use crate::model::{Approval, Changes, Event, Lapse, Name, Recorded};

impl Draft<'_> {
    /// Ends the request that waits, when the step whose events begin at `since` took the ground from it.
    pub(super) fn settle_approval(&mut self, since: usize) {
        let Some(pending) = &self.case.approval else { return };
        let asked = self.asked(pending);
        let events = self.events.get(since..).unwrap_or_default();
        let Some(why) = events.iter().find_map(|recorded| lapse(recorded, &asked)) else { return };
        let transition = Arc::clone(&pending.transition);
        self.record(Event::ApprovalLapsed { transition, why, comment: None }, Vec::new());
    }

    /// The fields that a request is about: those it gives or unsets, and those its transition takes.
    fn asked(&self, pending: &Approval) -> BTreeSet<Name> {
        let given = pending.input.set.iter().map(|(name, _)| name).chain(&pending.input.clear);
        let transition = self.workflow.transition(&self.case.stage, &pending.transition);
        let takes = transition.into_iter().flat_map(crate::engine::decide::takes);
        given.cloned().chain(takes).collect()
    }
}

/// Why an event ends a request about these fields, if it does.
fn lapse(recorded: &Recorded, asked: &BTreeSet<Name>) -> Option<Lapse> {
    let touches = |changes: &Changes| {
        changes.set.iter().map(|(name, _)| name).chain(&changes.clear).any(|name| asked.contains(name))
    };
    match &recorded.event {
        Event::Taken { from, to, .. } if from != to => Some(Lapse::Moved),
        Event::Taken { changes, .. }
        | Event::Edited { changes, .. }
        | Event::Scheduled { changes, .. }
        | Event::TaskCompleted { changes, .. } => touches(changes).then_some(Lapse::Changed),
        Event::Opened { .. }
        | Event::Commented { .. }
        | Event::Notified { .. }
        | Event::Issued { .. }
        | Event::TaskOpened { .. }
        | Event::TaskClaimed { .. }
        | Event::TaskReleased { .. }
        | Event::TaskReopened { .. }
        | Event::TaskDropped { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalLapsed { .. }
        | Event::Reserved { .. }
        | Event::Released { .. }
        | Event::Consumed { .. }
        | Event::Put { .. }
        | Event::ChildOpened { .. }
        | Event::Signalled { .. }
        | Event::Clock { .. }
        | Event::Escalated { .. }
        | Event::Attached { .. } => None,
    }
}
