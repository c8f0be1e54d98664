//! A draft as it stood, to come back to where a step fails that is not to keep others from happening.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::model::{Actor, Case, Record, UserId};
use crate::rule::Holdings;

use super::draft::Draft;
use super::family::Family;

/// What a step may change.
pub(super) struct Checkpoint {
    case: Case,
    fields: Record,
    input: Arc<Record>,
    actor: Actor,
    on_behalf_of: Option<UserId>,
    holdings: Arc<Holdings>,
    family: Family,
    events: usize,
    because: usize,
}

impl Checkpoint {
    /// Whether something had happened by then.
    pub(super) fn tells(&self) -> bool {
        self.events > 0
    }
}

impl Draft<'_> {
    /// The draft as it stands.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            case: self.case.clone(),
            fields: self.fields.clone(),
            input: Arc::clone(&self.input),
            actor: self.actor.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            holdings: Arc::clone(&self.holdings),
            family: self.family.clone(),
            events: self.events.len(),
            because: self.because.len(),
        }
    }

    /// What was done since then has not happened, here and in other cases, and nobody is told of it.
    pub(super) fn come_back_to(&mut self, before: Checkpoint) {
        let Checkpoint { case, fields, input, actor, on_behalf_of, holdings, family, events, because } = before;
        (self.case, self.fields, self.input) = (case, fields, input);
        (self.actor, self.on_behalf_of) = (actor, on_behalf_of);
        (self.holdings, self.family) = (holdings, family);
        self.events.truncate(events);
        self.because.truncate(because);
        self.notices.clear();
        (self.kindred, self.tasks) = (OnceCell::new(), OnceCell::new());
        self.forget_computed();
    }
}
