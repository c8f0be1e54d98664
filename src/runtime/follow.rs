//! Following the definitions: after a change, every open case with anything timed is woken once in the background, for
//! its moments may be others now. How far that came is remembered, so a restart goes on with it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine;
use crate::model::limit::{CATCH_UP_CASES, CATCH_UP_PAUSE_MILLISECONDS, TIMER_PAUSE_MILLISECONDS_MAX};
use crate::model::{CaseId, Name};
use crate::store::{IndexKey, Item, Scan};
use crate::workflow::Workflow;

use super::rows::Reads;
use super::{Failure, Runtime};

/// The work whose progress is the revision for which it was done.
const WORK: &str = "definitions";

impl Runtime {
    /// Wakes the open cases with anything timed, unless that was done for the live definitions.
    ///
    /// # Errors
    /// When the store fails; then it begins again.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let live = self.library().live();
        let done = self.progress(WORK).await?;
        if done.as_ref() == Some(&live.revision.0) {
            return Ok(());
        }
        for workflow in live.workflows.values() {
            for stage in workflow.stages.values().filter(|stage| engine::timed(workflow, &stage.name)) {
                self.wake_stage(workflow, &stage.name).await?;
            }
        }
        self.remember(WORK, &live.revision.0).await
    }

    /// Catches up after each change of the definitions, until it is told to stop.
    pub(super) async fn follow(&self, stop: &CancellationToken) {
        let mut live = self.library().subscribe();
        while !stop.is_cancelled() {
            live.mark_unchanged();
            let wait = match self.catch_up().await {
                Ok(()) => None,
                Err(failure) => {
                    tracing::warn!(?failure, "cases could not be woken after a change of the definitions");
                    Some(Duration::from_millis(TIMER_PAUSE_MILLISECONDS_MAX.unsigned_abs() / 10))
                }
            };
            let again = async {
                match wait {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                changed = live.changed() => if changed.is_err() { return },
                () = again => {}
            }
        }
    }

    async fn wake_stage(&self, workflow: &Workflow, stage: &Name) -> Result<(), Failure> {
        let index = IndexKey { workflow: workflow.name.clone(), facet: engine::STAGE.into(), value: stage.clone() };
        let mut before: Option<CaseId> = None;
        loop {
            let scan = Scan { index: Some(index.clone()), before, limit: CATCH_UP_CASES };
            let page = self.read(move |store| store.scan(&scan)).await?;
            let Some(last) = page.last().copied() else { return Ok(()) };
            before = Some(last);
            // One that fails stays on the agenda.
            self.wake_all(page).await;
            tokio::time::sleep(Duration::from_millis(CATCH_UP_PAUSE_MILLISECONDS)).await;
        }
    }

    /// How far work in the background has come.
    pub(super) async fn progress(&self, of: &str) -> Result<Option<Name>, Failure> {
        let of = of.to_owned();
        self.read(move |store| store.progress(&of)).await
    }

    /// Remembers how far work in the background has come.
    pub(super) async fn remember(&self, of: &str, reached: &Name) -> Result<(), Failure> {
        let item = Item::Progress { of: of.into(), reached: reached.clone() };
        self.settle(|| self.commit(item.clone(), Reads::default())).await
    }
}
