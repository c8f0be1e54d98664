//! What an event did, as clocks see it.

use crate::model::{Event, Name};
use crate::workflow::Edge;

/// What an event did.
pub(super) struct Step {
    opened: bool,
    /// The stage that the case left.
    pub(super) left: Option<Name>,
    /// The stage that it entered.
    pub(super) entered: Option<Name>,
    taken: Option<Name>,
    /// The task that is done, and need not be done again.
    done: Option<Name>,
    /// The fields that got a value.
    set: Vec<Name>,
}

impl Step {
    /// What `event` did; `None` when it is nothing to clocks.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let set = |changes: &crate::model::Changes| changes.set.iter().map(|(name, _)| Name::clone(name)).collect();
        let nothing = Self { opened: false, left: None, entered: None, taken: None, done: None, set: Vec::new() };
        match event {
            Event::Opened { stage, changes, .. } => {
                Some(Self { opened: true, entered: Some(Name::clone(stage)), set: set(changes), ..nothing })
            }
            Event::Taken { transition, from, to, changes, .. } => {
                let moved = |stage: &Name| (from != to).then(|| Name::clone(stage));
                let taken = Some(Name::clone(transition));
                Some(Self { left: moved(from), entered: moved(to), taken, set: set(changes), ..nothing })
            }
            Event::Edited { changes, .. } | Event::Scheduled { changes, .. } => {
                Some(Self { set: set(changes), ..nothing })
            }
            Event::TaskCompleted { task, redo, changes, .. } => {
                let done = redo.is_none().then(|| Name::clone(task));
                Some(Self { done, set: set(changes), ..nothing })
            }
            Event::Commented { .. }
            | Event::Attached { .. }
            | Event::Notified { .. }
            | Event::Issued { .. }
            | Event::Reserved { .. }
            | Event::Released { .. }
            | Event::Consumed { .. }
            | Event::Put { .. }
            | Event::ChildOpened { .. }
            | Event::Signalled { .. }
            | Event::TaskOpened { .. }
            | Event::TaskClaimed { .. }
            | Event::TaskReleased { .. }
            | Event::TaskReopened { .. }
            | Event::TaskDropped { .. }
            | Event::ApprovalRequested { .. }
            | Event::ApprovalGiven { .. }
            | Event::ApprovalLapsed { .. }
            | Event::Clock { .. }
            | Event::Escalated { .. } => None,
        }
    }

    /// What it names as the cause, when it is what `edge` waits for.
    pub(super) fn causes(&self, edge: &Edge) -> Option<Name> {
        match edge {
            Edge::Opened => self.opened.then(|| "opened".into()),
            Edge::Enters(stages) => self.entered.clone().filter(|stage| stages.contains(stage)),
            Edge::Leaves(stages) => self.left.clone().filter(|stage| stages.contains(stage)),
            Edge::Transition(transition) => self.taken.clone().filter(|taken| taken == transition),
            Edge::Task(task) => self.done.clone().filter(|done| done == task),
            Edge::Field(field) => self.set.iter().find(|set| *set == field).cloned(),
        }
    }
}
