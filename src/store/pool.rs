//! Pools of resources: what a command leans on, what its case waits for, and how pools follow from the journal.
//!
//! INVARIANT: what all cases hold of a pool is the sum of what each of them holds, and each grant was checked
//! against the pool as it stood just before it in the order of the journal. So no unit is held twice.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::resource::{Arrival, Lean, Moves};
use crate::model::{Case, Event, Name, Pool, Recorded};

use super::apply::Apply;
use super::codec::{CaseRecord, HolderRecord, PoolRecord};
use super::journal::Address;
use super::{CaseItem, Error, IndexKey, keys};

/// The facet of the index under which a case that waits for a pool is found; the value is `RESOURCE/KEY`.
pub const WAITS: &str = "waits";

/// For which pools a case waits from now on, as `RESOURCE/KEY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// For these.
    pub pools: BTreeSet<Name>,
    /// For these alone; else for those that it has waited for before too.
    pub only: bool,
}

/// What somebody says of a pool; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSet {
    /// What is on hand, what cases hold of it included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_hand: Option<Decimal>,
    /// What will come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Vec<Arrival>>,
}

impl PoolSet {
    /// Says what `later` says too, which counts where both say something.
    pub fn then(&mut self, later: Self) {
        self.on_hand = later.on_hand.or(self.on_hand);
        self.arrivals = later.arrivals.or_else(|| self.arrivals.take());
    }

    /// The pool after it; its version is another one when anything is.
    #[must_use]
    pub fn over(&self, pool: &Pool) -> Pool {
        let mut next = pool.clone();
        if let Some(on_hand) =
            self.on_hand.filter(|on_hand| pool.set.is_none() || pool.on_hand(Decimal::ZERO) != *on_hand)
        {
            (next.set, next.moved) = (Some(on_hand.normalize()), Decimal::ZERO);
        }
        if let Some(arrivals) = &self.arrivals {
            next.arrivals.clone_from(arrivals);
        }
        if next != *pool {
            next.version = next.version.saturating_add(1);
        }
        next
    }
}

impl Waits {
    /// Puts the case under what it waits for in the index, and takes it from under what it waits for no more.
    pub(super) fn reindex(
        &self,
        workflow: &Name,
        before: Option<&CaseRecord>,
        add: &mut BTreeSet<IndexKey>,
        remove: &mut BTreeSet<IndexKey>,
    ) {
        let entry = |value: &Name| {
            let (workflow, facet, value) = (Name::clone(workflow), WAITS.into(), Name::clone(value));
            IndexKey { workflow, facet, value }
        };
        add.extend(self.pools.iter().map(entry));
        if !self.only {
            return;
        }
        let old = before.into_iter().flat_map(CaseRecord::index_keys).filter(|old| &*old.facet == WAITS);
        remove.extend(old.filter(|old| !self.pools.contains(&old.value)));
    }
}

impl Apply<'_> {
    /// A pool after what was applied.
    pub(super) fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error> {
        Ok(self.pool_record(resource, key)?.map(|record| record.pool).unwrap_or_default())
    }

    /// The first pool that does not say any more what a command leaned on, or of which it would grant more than there
    /// is: what all its cases do together is judged again here, whatever it was decided on.
    pub(super) fn fallen(&self, cases: &[CaseItem], leans: &[Lean]) -> Result<Option<(Name, Name)>, Error> {
        for lean in leans {
            if !lean.holds(&self.pool(&lean.resource, &lean.key)?) {
                return Ok(Some((Name::clone(&lean.resource), Name::clone(&lean.key))));
            }
        }
        let events = || cases.iter().flat_map(|item| item.events.iter()).map(|recorded| &recorded.event);
        let granted: BTreeSet<(&Name, &Name)> = events().flat_map(reserved).collect();
        let moves = if granted.is_empty() { Moves::default() } else { Moves::of(events()) };
        for (resource, key) in granted {
            let of_pool = |lean: &&Lean| lean.resource == *resource && lean.key == *key;
            let default =
                leans.iter().filter(of_pool).find_map(Lean::granted).ok_or_else(|| unjudged(resource, key))?;
            let mut pool = self.pool(resource, key)?;
            pool.follow(moves.get(resource, key));
            if pool.available(default) < Decimal::ZERO {
                return Ok(Some((Name::clone(resource), Name::clone(key))));
            }
        }
        Ok(None)
    }

    /// What the events at `at` move in pools, and what their case, as it stands, holds of those. A pool that is
    /// ahead, for the process was stopped while the state was being written, has it already.
    pub(super) fn move_pools(&mut self, events: &[Recorded], case: &Case, at: Address) -> Result<(), Error> {
        let moves = Moves::of(events.iter().map(|recorded| &recorded.event));
        for (resource, key, moved) in moves.each() {
            self.change_pool(resource, key, at, |pool| pool.follow(moved))?;
            let (holder, held) = (keys::holder(resource, key, case.id), case.held.quantity(resource, key));
            if held.is_zero() {
                self.writes.insert(holder, None);
            } else {
                let (resource, key) = (Name::clone(resource), Name::clone(key));
                self.put(holder, &HolderRecord { resource, key, case: case.id, held })?;
            }
        }
        Ok(())
    }

    /// What somebody said of pools at `at`.
    pub(super) fn set_pools(&mut self, resource: &Name, put: Vec<(Name, PoolSet)>, at: Address) -> Result<(), Error> {
        for (key, set) in put {
            self.change_pool(resource, &key, at, |pool| *pool = set.over(pool))?;
        }
        Ok(())
    }

    fn change_pool(
        &mut self,
        resource: &Name,
        key: &Name,
        at: Address,
        change: impl FnOnce(&mut Pool),
    ) -> Result<(), Error> {
        let before = self.pool_record(resource, key)?;
        if before.as_ref().is_some_and(|before| before.last >= at) {
            return Ok(());
        }
        let mut pool = before.map(|before| before.pool).unwrap_or_default();
        change(&mut pool);
        let record = PoolRecord { resource: Name::clone(resource), key: Name::clone(key), pool, last: at };
        self.put(keys::pool(resource, key), &record)
    }

    fn pool_record(&self, resource: &str, key: &str) -> Result<Option<PoolRecord>, Error> {
        self.read(&keys::pool(resource, key))
    }
}

/// The pools of which an event takes a hold.
fn reserved(event: &Event) -> Vec<(&Name, &Name)> {
    let Event::Reserved { resource, quantities } = event else { return Vec::new() };
    quantities.keys().map(|key| (resource, key)).collect()
}

/// A reservation that leans on nothing is never written.
fn unjudged(resource: &Name, key: &Name) -> Error {
    let reason = "it is reserved, and nobody has looked whether it is there".to_owned();
    Error::Damaged { place: format!("`{key}` of `{resource}`"), reason }
}
