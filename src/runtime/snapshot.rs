//! The world as of one moment: the rows of the tables as they stood when the decision began, other cases, and the
//! unique values, which the store checks once more when it commits.
//!
//! What a decision leans on is noted here, at the only door to it, so that no part of the engine can forget any of
//! it: rows are checked by the committer, versions of cases by the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Watch;
use crate::model::limit::{RULE_MILLISECONDS_MAX, RULE_OPERATIONS_MAX};
use crate::model::resource::{Demand, Lean};
use crate::model::world::{Budget, Hold};
use crate::model::{Case, CaseId, Name, Pool, Record, Timestamp, World};
use crate::store::Shared;

use super::pools::PoolReads;
use super::rows::{Reads, Stand};
use super::series::{Series, Ticket};

/// A [`World`] over a snapshot of the tables.
#[derive(Debug)]
pub(super) struct Snapshot {
    stand: Stand,
    seen: Mutex<Seen>,
    cases: Mutex<BTreeMap<CaseId, Option<Arc<Case>>>>,
    pools: Mutex<PoolReads>,
    /// The random part of the last id that was given: the next one counts on, so that they sort as they were given.
    last_id: Mutex<Option<u128>>,
    store: Shared,
    series: Arc<Series>,
}

/// What a decision has seen of the world, and drawn from it.
#[derive(Debug)]
pub(super) struct Seen {
    /// Rows of tables.
    pub(super) rows: Reads,
    /// Other cases and their versions; 0 for one that there is not.
    pub(super) cases: Vec<(CaseId, u64)>,
    /// Places in number series.
    pub(super) drawn: Vec<Ticket>,
    /// Bytes that are kept with what is written, under their SHA-256.
    pub(super) files: Vec<(Name, Arc<[u8]>)>,
}

impl Snapshot {
    pub(super) fn new(stand: Stand, store: Shared, series: Arc<Series>) -> Self {
        let seen = Seen { rows: Reads::of(&stand), cases: Vec::new(), drawn: Vec::new(), files: Vec::new() };
        let (cases, pools, last_id) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { stand, seen: Mutex::new(seen), cases, pools, last_id, store, series }
    }

    /// What has been seen; nothing is noted before the next look.
    pub(super) fn take_seen(&self) -> Seen {
        let fresh = Seen { rows: Reads::of(&self.stand), cases: Vec::new(), drawn: Vec::new(), files: Vec::new() };
        std::mem::replace(&mut *self.seen(), fresh)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the decision leans on in pools.
    pub(super) fn take_leans(&self) -> Vec<Lean> {
        self.pools().take()
    }

    fn pools(&self) -> MutexGuard<'_, PoolReads> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for Snapshot {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.seen().rows.row(&self.stand, table, key)
    }

    fn holder(&self, workflow: &str, field: &str, value: &str) -> Option<CaseId> {
        let hold = Hold { workflow: workflow.into(), field: field.into(), value: value.into() };
        // A store that can't be read here can't commit either, and the commit is what makes the value exact.
        self.store.holder(&hold).unwrap_or_else(|error| {
            tracing::error!(%error, "a unique value could not be looked up");
            None
        })
    }

    fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cases.get(&id) {
            return known.clone();
        }
        // As above: a case that could not be read is noted as none, and the commit finds that it is there.
        let case = self.store.case(id).unwrap_or_else(|error| {
            tracing::error!(%error, "a case could not be read");
            None
        });
        self.seen().cases.push((id, case.as_ref().map_or(0, |case| case.version)));
        cases.insert(id, case.clone());
        case
    }

    fn fresh_id(&self, now: Timestamp) -> Option<CaseId> {
        let mut last = self.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match *last {
            Some(last) => last.wrapping_add(1),
            None => super::random().ok()?,
        };
        *last = Some(next);
        Some(CaseId::new(now.0, next))
    }

    fn place(&self, series: &Name) -> Option<u64> {
        let ticket = self.series.draw(series);
        let ticket = ticket.inspect_err(|error| tracing::error!(%error, "a number could not be drawn")).ok()?;
        let place = ticket.sequence;
        self.seen().drawn.push(ticket);
        Some(place)
    }

    fn keep(&self, sha256: &Name, bytes: &Arc<[u8]>) {
        self.seen().files.push((Arc::clone(sha256), Arc::clone(bytes)));
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
