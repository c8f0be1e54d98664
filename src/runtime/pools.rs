//! Pools of resources: what a decision has seen of them, who waits for them, and what clients read and set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::resource::{Demand, Lean, Moves, Said};
use crate::model::{Event, Name, Pool};
use crate::store::{CaseItem, Shared, Waits};
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

/// Says for which pools each case of a command waits after it, where the engine may take it on from: in a new stage
/// for those that the command looked at, for then all formulas were computed; else for those of before too.
pub(super) fn wait_for(definition: &Definition, cases: &mut [CaseItem], leans: &[Lean]) {
    let pools: BTreeSet<Name> = leans.iter().map(|lean| waited(&lean.resource, &lean.key)).collect();
    for item in cases {
        let case = &item.case;
        let workflow = definition.workflows.get(&case.workflow);
        let waits = workflow.is_some_and(|workflow| {
            workflow.leaving(&case.stage).any(|transition| transition.auto || transition.at.is_some())
        });
        let moved = item.events.iter().any(|recorded| enters(&recorded.event));
        let pools = if waits { pools.clone() } else { BTreeSet::new() };
        item.waits = Waits { pools, only: moved || !waits };
    }
}

fn enters(event: &Event) -> bool {
    if let Event::Taken { from, to, .. } = event {
        return from != to;
    }
    matches!(event, Event::Opened { .. })
}

/// The pools of which others can have more after a command.
pub(super) fn freed(cases: &[CaseItem]) -> Vec<(Name, Name)> {
    let moves = Moves::of(cases.iter().flat_map(|item| item.events.iter()).map(|recorded| &recorded.event));
    moves.freed().map(|(resource, key)| (Arc::clone(resource), Arc::clone(key))).collect()
}

/// How a pool that is waited for is called in the index.
pub(super) fn waited(resource: &str, key: &str) -> Name {
    format!("{resource}/{key}").into()
}
