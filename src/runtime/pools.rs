//! Pools of resources: what a decision has seen of them, who waits for them, and what clients read and set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::Decision;
use crate::model::resource::{Demand, Lean, Moves, Said};
use crate::model::{Case, Event, Name, Pool, Recorded};
use crate::store::{PoolUse, Shared};
use crate::workflow::Definition;

/// What a decision has seen of pools: each pool once, so that the world stands still, and what it leans on.
#[derive(Debug, Default)]
pub(super) struct PoolReads {
    seen: BTreeMap<(Name, Name), Pool>,
    leans: Vec<Lean>,
}

impl PoolReads {
    /// Looks at a pool, and leans on all of it.
    pub(super) fn pool(&mut self, store: &Shared, resource: &str, key: &str) -> Pool {
        let pool = self.look(store, resource, key);
        self.lean(resource, key, Said::All(pool.version));
        pool
    }

    /// Asks whether there is enough, and leans on the answer.
    pub(super) fn enough(&mut self, store: &Shared, resource: &str, key: &str, demand: &Demand) -> bool {
        let enough = demand.met_by(&self.look(store, resource, key));
        self.lean(resource, key, Said::Enough(*demand, enough));
        enough
    }

    /// What the decision leans on.
    pub(super) fn take(&mut self) -> Vec<Lean> {
        std::mem::take(&mut self.leans)
    }

    fn look(&mut self, store: &Shared, resource: &str, key: &str) -> Pool {
        let named = (Name::from(resource), Name::from(key));
        if let Some(pool) = self.seen.get(&named) {
            return pool.clone();
        }
        // A store that can't be read here can't commit either, and the commit is what makes the decision exact.
        let pool = store.pool(resource, key).unwrap_or_else(|error| {
            tracing::error!(%error, "a pool could not be looked up");
            Pool::default()
        });
        self.seen.insert(named, pool.clone());
        pool
    }

    fn lean(&mut self, resource: &str, key: &str, said: Said) {
        let lean = Lean { resource: resource.into(), key: key.into(), said };
        if !self.leans.contains(&lean) {
            self.leans.push(lean);
        }
    }
}

/// What a decision leaned on, and for what its case waits after it: for the pools that it looked at, when the engine
/// may take it on from where it is.
pub(super) fn pool_use(definition: &Definition, events: &[Recorded], case: &Case, leans: &[Lean]) -> PoolUse {
    // A remark or a file looks at nothing, and so says nothing of what is waited for.
    let beside = |event: &Event| matches!(event, Event::Commented { .. } | Event::Attached { .. });
    let only_remarks = events.iter().all(|recorded| beside(&recorded.event));
    if only_remarks && leans.is_empty() {
        return PoolUse::default();
    }
    let waits = definition
        .workflows
        .get(&case.workflow)
        .is_some_and(|workflow| workflow.leaving(&case.stage).any(|transition| transition.auto));
    let names = leans.iter().filter(|_| waits).map(|lean| waited(&lean.resource, &lean.key));
    let waits = Some(names.collect::<BTreeSet<_>>());
    PoolUse { leans: leans.to_vec(), waits }
}

/// The pools of which others can have more after a decision.
pub(super) fn freed(decision: &Decision) -> Vec<(Name, Name)> {
    let others = decision.others.iter().flat_map(|other| &other.events);
    let moves = Moves::of(decision.events.iter().chain(others).map(|recorded| &recorded.event));
    moves.freed().map(|(resource, key)| (Arc::clone(resource), Arc::clone(key))).collect()
}

/// How a pool that is waited for is called in the index.
pub(super) fn waited(resource: &str, key: &str) -> Name {
    format!("{resource}/{key}").into()
}
