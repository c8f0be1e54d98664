//! Schedules: what is done to many cases at set times.
//!
//! A due time is done case by case, through commands of the engine that do it once (`Act::Scheduled`), and is
//! remembered when every case had its turn. What a stop in the middle leaves undone is done by the next start; a due
//! time that was missed is done once, the last one for all that were.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::engine;
use crate::model::limit::WAKES_READ;
use crate::model::{Actor, CaseId, Name, RefusalKind, Timestamp};
use crate::store::{IndexKey, Scan};
use crate::workflow::{Schedule, Workflow};

use super::timers::{pause_after, unheard};
use super::{Failure, Request, Runtime, Want};

/// What is known of the schedules.
#[derive(Debug, Default)]
pub(super) struct Schedules(Mutex<BTreeMap<Name, Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The last due time that is done.
    done: Timestamp,
    /// How often it failed since.
    failures: u32,
    /// When it may be tried again.
    not_before: Timestamp,
}

impl Known {
    fn done(at: Timestamp) -> Self {
        Self { done: at, failures: 0, not_before: Timestamp(i64::MIN) }
    }
}

impl Schedules {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Name, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// Does every schedule that is due by now, and says when the next one is.
    ///
    /// # Errors
    /// When the store fails; what was not done is done by the next call.
    pub(super) async fn sweep_schedules(&self) -> Result<Option<Timestamp>, Failure> {
        let live = self.library().live();
        let mut next: Option<Timestamp> = None;
        for workflow in live.workflows.values() {
            for schedule in &workflow.schedules {
                let due = self.run_due(workflow, schedule).await?;
                next = next.into_iter().chain(due).min();
            }
        }
        Ok(next)
    }

    /// Does schedules when they are due, until it is told to stop.
    pub(super) async fn keep_schedules(&self, stop: &CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let wait = match self.sweep_schedules().await {
                Ok(next) => {
                    failures = 0;
                    next.map_or(i64::MAX, |next| next.0.saturating_sub(self.now().0))
                }
                Err(failure) => {
                    tracing::warn!(?failure, "schedules could not be looked up; it is tried again");
                    failures += 1;
                    pause_after(failures)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = super::timers::nap(wait) => {}
            }
        }
    }

    /// Does one schedule as often as it is due, and says when it is due next; `None` when nobody can know.
    async fn run_due(&self, workflow: &Arc<Workflow>, schedule: &Schedule) -> Result<Option<Timestamp>, Failure> {
        let key: Name = format!("schedule/{}/{}", workflow.name, schedule.name).into();
        let known = self.known(&key).await?;
        let now = self.now();
        let Some(mut due) = following(workflow, schedule, known.done) else { return Ok(None) };
        if due > now {
            return Ok(Some(due));
        }
        if known.not_before > now {
            return Ok(Some(known.not_before));
        }
        // Of those that were missed, the last one stands for all.
        let mut next = following(workflow, schedule, due);
        while let Some(later) = next.filter(|later| *later <= now) {
            due = later;
            next = following(workflow, schedule, due);
        }
        // Before anything is done to them: afterwards they may not be those any more.
        self.tell_together(workflow, schedule, due).await?;
        if self.run(workflow, schedule, due).await? {
            let not_before = self.failed(&key, now);
            return Ok(Some(not_before));
        }
        self.remember(&key, &due.0.to_string().into()).await?;
        self.0.schedules.all().insert(key, Known::done(due));
        metrics::counter!("gendan_schedules_total", "outcome" => "done").increment(1);
        Ok(next)
    }

    /// What is known of a schedule; a new one begins now.
    async fn known(&self, key: &Name) -> Result<Known, Failure> {
        if let Some(known) = self.0.schedules.all().get(key) {
            return Ok(*known);
        }
        let stored = self.progress(key).await?;
        let done = match stored.and_then(|text| text.parse().ok()) {
            Some(moment) => Timestamp(moment),
            None => {
                let now = self.now();
                self.remember(key, &now.0.to_string().into()).await?;
                now
            }
        };
        let known = Known::done(done);
        self.0.schedules.all().insert(key.clone(), known);
        Ok(known)
    }

    fn failed(&self, key: &Name, now: Timestamp) -> Timestamp {
        metrics::counter!("gendan_schedules_total", "outcome" => "failed").increment(1);
        let mut all = self.0.schedules.all();
        let known = all.entry(key.clone()).or_insert_with(|| Known::done(now));
        known.failures = known.failures.saturating_add(1);
        known.not_before = Timestamp(now.0.saturating_add(pause_after(known.failures)));
        known.not_before
    }

    /// Does it to every case; says whether it is to be tried again.
    async fn run(&self, workflow: &Workflow, schedule: &Schedule, due: Timestamp) -> Result<bool, Failure> {
        let mut again = false;
        if schedule.actions.is_empty() {
            return Ok(false);
        }
        for stage in &schedule.stages {
            let mut before: Option<CaseId> = None;
            loop {
                let page = self.in_stage(workflow, stage, before).await?;
                let Some(last) = page.last().copied() else { break };
                before = Some(last);
                let name = schedule.name.clone();
                let one = move |runtime: Self, id| runtime.scheduled(id, name.clone(), due);
                again |= self.side_by_side(page, one).await;
            }
        }
        Ok(again)
    }

    /// Some of the cases in a stage, the latest of them first.
    pub(super) async fn in_stage(
        &self,
        workflow: &Workflow,
        stage: &Name,
        before: Option<CaseId>,
    ) -> Result<Vec<CaseId>, Failure> {
        let index = IndexKey { workflow: workflow.name.clone(), facet: engine::STAGE.into(), value: stage.clone() };
        let scan = Scan { index: Some(index), before, limit: WAKES_READ };
        self.read(move |store| store.scan(&scan)).await
    }

    /// Does it to one case; says whether it is to be tried again.
    async fn scheduled(self, id: CaseId, schedule: Name, due: Timestamp) -> bool {
        let want = Want::Scheduled { id, schedule: schedule.clone(), due };
        let request = Request { actor: Actor::system(), want, expected: None, retry: None, dry_run: false };
        match self.execute(request, unheard()).await {
            Ok(_) | Err(Failure::NotFound { .. }) => false,
            Err(Failure::Refused(refusal)) if refusal.kind() != RefusalKind::Unavailable => {
                tracing::warn!(case = %id, %schedule, %refusal, "a schedule can't be done for a case");
                metrics::counter!("gendan_schedules_total", "outcome" => "refused").increment(1);
                false
            }
            Err(failure) => {
                tracing::warn!(case = %id, %schedule, ?failure, "a schedule could not be done for a case; it is tried again");
                true
            }
        }
    }
}

fn following(workflow: &Workflow, schedule: &Schedule, moment: Timestamp) -> Option<Timestamp> {
    let next = schedule.next(workflow, moment);
    next.inspect_err(|error| tracing::warn!(workflow = %workflow.name, schedule = %schedule.name, %error, "nobody knows when it is due")).ok()
}
