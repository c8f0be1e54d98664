//! The world: what a decision may look at beyond its own case, as of one moment.

use std::sync::Arc;

use super::case::Case;
use super::id::{CaseId, Name};
use super::resource::{Demand, Pool};
use super::time::Timestamp;
use super::value::Record;

/// A read-only view of reference tables, unique values and other cases as of one moment.
pub trait World: Send + Sync {
    /// The row of `table` under `key`.
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>>;

    /// The case of `workflow` that holds `value` in the unique `field`.
    fn holder(&self, workflow: &str, field: &str, value: &str) -> Option<CaseId>;

    /// A case as it stands; the decision leans on it from then on. Within one decision the answer is always the
    /// same.
    fn case(&self, _id: CaseId) -> Option<Arc<Case>> {
        None
    }

    /// An id for a case that the command opens; `None` when there is none to be had.
    fn fresh_id(&self, _now: Timestamp) -> Option<CaseId> {
        None
    }

    /// The next place in a number series, which is given back when the decision comes to nothing; `None` when
    /// there is none to be had.
    fn place(&self, _series: &Name) -> Option<u64> {
        None
    }

    /// Keeps these bytes under their SHA-256 with what the decision writes; nothing is kept when it comes to nothing.
    fn keep(&self, _sha256: &Name, _bytes: &Arc<[u8]>) {}

    /// What rules may still spend.
    fn budget(&self) -> Budget;

    /// How many operations one rule or expression may use: what the budget says, without starting a watch.
    fn rule_operations_max(&self) -> u64 {
        self.budget().rule_operations_max
    }

    /// A pool of a resource; one that nothing ever happened to is an empty one. The decision leans on all that it
    /// says.
    fn pool(&self, resource: &str, key: &str) -> Pool {
        let _ = (resource, key);
        Pool::default()
    }

    /// Whether a pool has enough for a demand. The decision leans on this answer alone.
    fn enough(&self, resource: &str, key: &str, demand: &Demand) -> bool {
        demand.met_by(&self.pool(resource, key))
    }
}

/// What the rules of one command may spend together. Running out refuses the command.
#[derive(Clone)]
pub struct Budget {
    /// Operations of the script engine that one rule or expression may use.
    pub rule_operations_max: u64,
    /// Says whether the time is up; it comes from the shell, for the core has no clock.
    pub overdue: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Budget {
    /// A budget that only operations bound: for tests and for compiling.
    #[must_use]
    pub fn operations(rule_operations_max: u64) -> Self {
        Self { rule_operations_max, overdue: Arc::new(|| false) }
    }
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("rule_operations_max", &self.rule_operations_max).finish_non_exhaustive()
    }
}

/// A value that only one case of a workflow may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hold {
    /// The workflow.
    pub workflow: Name,
    /// The unique field; `number` for the case's number.
    pub field: Name,
    /// The value, written as text.
    pub value: Name,
}
