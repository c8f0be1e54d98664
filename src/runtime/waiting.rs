//! Who waits is woken when there is more of what it waits for: who has waited longest first, one after the other, on
//! a thread of its own.
//!
//! Nothing is kept about it. Who waits stands in the index, so after a start everybody who waits is woken once:
//! whatever came in before the end of the last process is not missed.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;

use crate::model::limit::{SCAN_CASES, WAKE_CASES_MAX};
use crate::model::{Actor, CaseId, Name, Timestamp};
use crate::store::{self, Answer, IndexKey, Scan, WAITS};

use super::pools::waited;
use super::{Inner, Request, Runtime, Want};

/// The pools of which there is more, and who waits for them is to be woken.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    more: Mutex<More>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct More {
    /// As they stand in the index.
    pools: BTreeSet<Name>,
    /// Whether somebody is being woken.
    busy: bool,
    ended: bool,
}

impl Waiting {
    /// There is more of these pools.
    pub(super) fn more(&self, pools: impl IntoIterator<Item = (Name, Name)>) {
        let mut pools = pools.into_iter().map(|(resource, key)| waited(&resource, &key)).peekable();
        if pools.peek().is_some() {
            self.state().pools.extend(pools);
            self.woken.notify_all();
        }
    }

    /// Ends the thread after what it is doing.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.woken.notify_all();
    }

    /// Waits until nobody is to be woken any more; for tests.
    pub(super) fn quiet(&self) {
        let state = self.state();
        let at_work = |more: &mut More| !more.ended && (more.busy || !more.pools.is_empty());
        drop(self.woken.wait_while(state, at_work).unwrap_or_else(PoisonError::into_inner));
    }

    /// The next pool; `None` when it is over.
    fn next(&self) -> Option<Name> {
        let mut state = self.state();
        state.busy = false;
        self.woken.notify_all();
        let idle = |more: &mut More| !more.ended && more.pools.is_empty();
        let mut state = self.woken.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return None;
        }
        state.busy = true;
        state.pools.pop_first()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, More> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// Starts the thread, and lets it wake everybody who waits.
    ///
    /// # Errors
    /// When the thread can't be started, or the store can't be read.
    pub(super) fn wake_who_waits(&self) -> Result<(), store::Error> {
        let counts = self.0.store.counts()?;
        let pools = counts.into_iter().filter(|(entry, _)| &*entry.facet == WAITS).map(|(entry, _)| entry.value);
        self.0.waiting.state().pools.extend(pools);
        let (waiting, inner) = (Arc::clone(&self.0.waiting), Arc::downgrade(&self.0));
        let work = move || {
            // Commands wait on a runtime; this one drives nothing but them.
            match tokio::runtime::Builder::new_current_thread().build() {
                Ok(driver) => wake_all(&waiting, &inner, &driver),
                Err(error) => tracing::error!(%error, "who waits for a resource can't be woken"),
            }
        };
        let thread = thread::Builder::new().name("waking".to_owned());
        thread.spawn(work).map_err(|error| store::Error::Io(error.to_string()))?;
        Ok(())
    }

    /// The cases that wait for a pool, longest first; when they are very many, those that were opened first.
    fn waiters(&self, pool: &Name) -> Result<Vec<CaseId>, store::Error> {
        let mut ids = Vec::new();
        for workflow in self.0.library.live().workflows.keys() {
            ids.extend(self.waiters_of(workflow, pool)?);
        }
        ids.sort_unstable();
        let since = |id: &CaseId| Ok(self.0.store.case(*id)?.map(|case| (case.entered_at(), *id)));
        let found = ids.iter().take(WAKE_CASES_MAX).filter_map(|id| since(id).transpose());
        let mut found = found.collect::<Result<Vec<(Timestamp, CaseId)>, store::Error>>()?;
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    fn waiters_of(&self, workflow: &Name, pool: &Name) -> Result<Vec<CaseId>, store::Error> {
        let index = IndexKey { workflow: Name::clone(workflow), facet: WAITS.into(), value: Name::clone(pool) };
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = self.0.store.scan(&Scan { index: Some(index.clone()), before, limit: SCAN_CASES })?;
            before = page.last().copied();
            let last = page.len() < SCAN_CASES;
            found.extend(page);
            if last {
                return Ok(found);
            }
        }
    }

    async fn wake_one(&self, id: CaseId) {
        let request =
            Request { actor: Actor::system(), want: Want::Wake { id }, expected: None, retry: None, dry_run: false };
        // Who can't go on stays where it is, and the log of refusals has said why.
        if let Err(failure) = self.execute(request, Box::new(|_| nothing())).await {
            tracing::debug!(case = %id, ?failure, "a case that waits could not go on");
        }
    }
}

fn wake_all(waiting: &Waiting, inner: &Weak<Inner>, driver: &tokio::runtime::Runtime) {
    while let Some(pool) = waiting.next() {
        let Some(inner) = inner.upgrade() else { return };
        let runtime = Runtime(inner);
        match runtime.waiters(&pool) {
            Ok(waiters) => driver.block_on(async {
                for id in waiters {
                    runtime.wake_one(id).await;
                }
            }),
            Err(error) => tracing::error!(%error, %pool, "who waits for it could not be looked up"),
        }
    }
}

/// Nobody reads the answer.
fn nothing() -> Answer {
    Answer { fingerprint: "".into(), at: Timestamp(0), status: 204, headers: Vec::new(), body: "".into() }
}
