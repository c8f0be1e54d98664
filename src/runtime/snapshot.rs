//! The world as of one moment: the rows of the tables as they stood when the decision began, and the unique
//! values, which the store checks once more when it commits.
//!
//! The rows that a decision leans on are noted here, at the only door to them, so that no part of the engine can
//! forget one; the committer checks them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Watch;
use crate::model::limit::{RULE_MILLISECONDS_MAX, RULE_OPERATIONS_MAX};
use crate::model::resource::{Demand, Lean};
use crate::model::world::{Budget, Hold};
use crate::model::{CaseId, Pool, Record, World};
use crate::store::Shared;

use super::pools::PoolReads;
use super::rows::{Reads, Stand};

/// A [`World`] over a snapshot of the tables.
#[derive(Debug)]
pub(super) struct Snapshot {
    stand: Stand,
    reads: Mutex<Reads>,
    pools: Mutex<PoolReads>,
    store: Shared,
}

impl Snapshot {
    pub(super) fn new(stand: Stand, store: Shared) -> Self {
        Self { reads: Mutex::new(Reads::of(&stand)), pools: Mutex::default(), stand, store }
    }

    /// What has been seen of the tables; nothing is noted before the next look.
    pub(super) fn take_reads(&self) -> Reads {
        std::mem::replace(&mut *self.reads(), Reads::of(&self.stand))
    }

    /// What the decision leans on in pools.
    pub(super) fn take_leans(&self) -> Vec<Lean> {
        self.pools().take()
    }

    fn pools(&self) -> MutexGuard<'_, PoolReads> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for Snapshot {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.reads().row(&self.stand, table, key)
    }

    fn holder(&self, workflow: &str, field: &str, value: &str) -> Option<CaseId> {
        let hold = Hold { workflow: workflow.into(), field: field.into(), value: value.into() };
        // A store that can't be read here can't commit either, and the commit is what makes the value exact.
        self.store.holder(&hold).unwrap_or_else(|error| {
            tracing::error!(%error, "a unique value could not be looked up");
            None
        })
    }

    fn budget(&self) -> Budget {
        let watch = Watch::start();
        let limit = Duration::from_millis(RULE_MILLISECONDS_MAX);
        Budget { rule_operations_max: RULE_OPERATIONS_MAX, overdue: Arc::new(move || watch.elapsed() > limit) }
    }

    fn rule_operations_max(&self) -> u64 {
        RULE_OPERATIONS_MAX
    }

    fn pool(&self, resource: &str, key: &str) -> Pool {
        self.pools().pool(&self.store, resource, key)
    }

    fn enough(&self, resource: &str, key: &str, demand: &Demand) -> bool {
        self.pools().enough(&self.store, resource, key, demand)
    }
}
