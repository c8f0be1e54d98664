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
    /// What the command has moved so far, for this case.
    pub moves: Moves,
    /// What it has moved so far for other cases.
    pub elsewhere: Moves,
}

impl Holdings {
    /// Of a case that holds this, before its command has moved anything.
    #[must_use]
    pub fn new(known: &Arc<Resources>, held: &Held) -> Self {
        Self { known: Arc::clone(known), before: held.clone(), now: held.clone(), ..Self::default() }
    }

    /// Of a case that a command comes to, or comes back to, which has moved `all` so far, of that `own` for the case:
    /// it held `before` then and holds `now`.
    #[must_use]
    pub fn within(known: &Arc<Resources>, before: &Held, now: &Held, own: Moves, all: &Moves) -> Self {
        let elsewhere = all.without(&own);
        Self { known: Arc::clone(known), before: before.clone(), now: now.clone(), moves: own, elsewhere }
    }

    /// What the command has moved so far, for all its cases.
    #[must_use]
    pub fn all(&self) -> Moves {
        self.elsewhere.with(&self.moves)
    }

    /// Comes back to the case after the command has moved `all` so far.
    pub fn resume(&mut self, all: &Moves) {
        self.elsewhere = all.without(&self.moves);
    }

    /// What the command has put into a pool so far, less what it has consumed.
    #[must_use]
    pub fn put(&self, resource: &str, key: &str) -> Decimal {
        let other = self.elsewhere.get(resource, key);
        self.moves.get(resource, key).on_hand.saturating_add(other.on_hand)
    }

    /// What the case asks of a pool.
    #[must_use]
    pub fn demand(&self, resource: &Resource, key: &str, wanted: Decimal, until: Option<NaiveDate>) -> Demand {
        Demand {
            default: resource.default,
            own: self.before.quantity(&resource.name, key),
            // What other cases of the command hold is no more to be had than what they held before it.
            moved: self.put(&resource.name, key).saturating_sub(self.elsewhere.get(&resource.name, key).held),
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
