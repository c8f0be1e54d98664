//! The store in memory: for tests. It keeps nothing, and it can be told to fail, to stall, or to lose power.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use super::keys::KeyRange;
use super::kv::{Batch, Kv, Pair};
use super::ledger::Ledger;
use super::{Error, Position};

/// The store in memory.
pub type Memory = Ledger<MemoryKv>;

/// What a write to a [`Memory`] is to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the commit fails.
    Fail,
    /// The group is written and can be seen, but the commit fails before it is durable: [`Memory::crash`]
    /// takes it away, unless a later commit made it durable after all.
    Tear,
    /// The commit waits, before it writes, until [`Memory::resume`].
    Stall,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::at(MemoryKv::default(), Position(0))
    }

    /// Makes the `nth` write from now on suffer a fault; 1 is the next one. Groups that write nothing (all of
    /// their items were refused) don't count.
    pub fn fault(&self, nth: u64, fault: Fault) {
        let mut state = self.kv.state();
        let at = state.writes.saturating_add(nth);
        state.faults.insert(at, fault);
    }

    /// Whether a commit waits because of [`Fault::Stall`].
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.kv.state().stalled
    }

    /// Lets the stalled commit go on.
    pub fn resume(&self) {
        self.kv.state().stalled = false;
        self.kv.resumed.notify_all();
    }

    /// The store as the next process would find it if the power went now.
    ///
    /// # Errors
    /// When what is durable can't be read back.
    pub fn crash(&self) -> Result<Self, Error> {
        let durable = self.kv.state().durable.clone();
        let kv = MemoryKv::default();
        kv.state().live = durable.clone();
        kv.state().durable = durable;
        Self::over(kv)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Keys and values in memory.
#[derive(Debug, Default)]
pub struct MemoryKv {
    state: Mutex<State>,
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What readers see.
    live: OrdMap<Vec<u8>, Vec<u8>>,
    /// What survives.
    durable: OrdMap<Vec<u8>, Vec<u8>>,
    /// How many writes were tried.
    writes: u64,
    /// What shall befall which write.
    faults: BTreeMap<u64, Fault>,
    /// Whether a write waits.
    stalled: bool,
    /// Whether the next sync fails.
    torn: bool,
}

impl MemoryKv {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> OrdMap<Vec<u8>, Vec<u8>> {
        self.state().live.clone()
    }
}

impl Kv for MemoryKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.state().live.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error> {
        let live = self.now();
        let found = live.range(range.from.clone()..range.to.clone()).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let live = self.now();
        Ok(live.range(range.from.clone()..range.to.clone()).take(limit).map(|(key, _)| key.clone()).collect())
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Pair>, Error> {
        let live = self.now();
        let last = live.range(range.from.clone()..range.to.clone()).next_back();
        Ok(last.map(|(key, value)| (key.clone(), value.clone())))
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut state = self.state();
        state.writes = state.writes.saturating_add(1);
        let write = state.writes;
        match state.faults.remove(&write) {
            Some(Fault::Fail) => return Err(failed()),
            Some(Fault::Tear) => state.torn = true,
            Some(Fault::Stall) => {
                state.stalled = true;
                state = self.resumed.wait_while(state, |state| state.stalled).unwrap_or_else(PoisonError::into_inner);
            }
            None => {}
        }
        for (key, value) in &batch.writes {
            match value {
                Some(value) => state.live.insert(key.clone(), value.clone()),
                None => state.live.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let mut state = self.state();
        if std::mem::take(&mut state.torn) {
            return Err(failed());
        }
        state.durable = state.live.clone();
        Ok(())
    }

    fn heal(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn failed() -> Error {
    Error::Io("the memory store was told to fail".to_owned())
}
