//! What rules see of resources: those that are defined, what the case holds, and what its command has moved so far.

use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::field::{Resource, Resources};
use crate::model::resource::{Demand, Moves};
use crate::model::{Event, Held};

/// What rules see of resources.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// The resources.
    pub known: Arc<Resources>,
    /// What the case held before the command.
    pub before: Held,
    /// What it holds now.
    pub now: Held,
    /// What the command has moved so far.
    pub moves: Moves,
}

impl Holdings {
    /// Of a case that holds this, before its command has moved anything.
    #[must_use]
    pub fn new(known: &Arc<Resources>, held: &Held) -> Self {
        Self { known: Arc::clone(known), before: held.clone(), now: held.clone(), moves: Moves::default() }
    }

    /// What the case asks of a pool.
    #[must_use]
    pub fn demand(&self, resource: &Resource, key: &str, wanted: Decimal, until: Option<NaiveDate>) -> Demand {
        Demand {
            default: resource.default,
            own: self.before.quantity(&resource.name, key),
            moved: self.moves.get(&resource.name, key).on_hand,
            wanted,
            until,
        }
    }

    /// Takes over what an event moves.
    pub fn follow(&mut self, event: &Event) {
        self.moves.add(event);
        for (resource, key, moved) in Moves::of([event]).each() {
            self.now.add(resource, key, moved.held);
        }
    }
}
