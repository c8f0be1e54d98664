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

/// What a command leaned on in pools, and for which of them its case waits.
#[derive(Clone, Debug, Default)]
pub struct PoolUse {
    /// What it leaned on; each must still be so.
    pub leans: Vec<Lean>,
    /// What its case waits for from now on, as `RESOURCE/KEY`; `None` when that is as it was.
    pub waits: Option<BTreeSet<Name>>,
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

impl PoolUse {
    /// Puts the case under what it waits for in the index, and takes it from under what it waits for no more.
    pub(super) fn reindex(
        &self,
        workflow: &Name,
        before: Option<&CaseRecord>,
        add: &mut BTreeSet<IndexKey>,
        remove: &mut BTreeSet<IndexKey>,
    ) {
        let Some(waits) = &self.waits else { return };
        let entry = |value: &Name| {
            let (workflow, facet, value) = (Name::clone(workflow), WAITS.into(), Name::clone(value));
            IndexKey { workflow, facet, value }
        };
        add.extend(waits.iter().map(entry));
        let old = before.into_iter().flat_map(CaseRecord::index_keys).filter(|old| &*old.facet == WAITS);
        remove.extend(old.filter(|old| !waits.contains(&old.value)));
    }
}

impl Apply<'_> {
    /// A pool after what was applied.
    pub(super) fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error> {
        Ok(self.pool_record(resource, key)?.map(|record| record.pool).unwrap_or_default())
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

/// A pool from which two cases of one command reserve.
pub(super) fn shared(cases: &[CaseItem]) -> Option<(Name, Name)> {
    let mut seen: BTreeSet<(&Name, &Name)> = BTreeSet::new();
    for item in cases {
        let reserved = item.events.iter().filter_map(|recorded| {
            let Event::Reserved { resource, quantities } = &recorded.event else { return None };
            Some((resource, quantities))
        });
        let own: BTreeSet<(&Name, &Name)> =
            reserved.flat_map(|(resource, quantities)| quantities.keys().map(move |key| (resource, key))).collect();
        if let Some((resource, key)) = own.iter().find(|pool| seen.contains(*pool)) {
            return Some((Name::clone(resource), Name::clone(key)));
        }
        seen.extend(own);
    }
    None
}

/// What is reserved must have been granted: a reservation that leans on nothing is never written.
pub(super) fn granted(item: &CaseItem) -> Result<(), Error> {
    for recorded in &*item.events {
        let Event::Reserved { resource, quantities } = &recorded.event else { continue };
        let leans = |key: &Name| {
            let mut leans = item.pools.leans.iter().filter(|lean| lean.resource == *resource && lean.key == *key);
            leans.any(Lean::grants)
        };
        if let Some(key) = quantities.keys().find(|key| !leans(key)) {
            let place = format!("case {}", item.case.id);
            let reason = format!("it reserves `{key}` of `{resource}`, and nobody has looked whether it is there");
            return Err(Error::Damaged { place, reason });
        }
    }
    Ok(())
}
