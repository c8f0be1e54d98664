//! Timers: coming back to cases when their time has come.
//!
//! The store knows of each case when it next wants to be woken; here stands only how far that was looked through
//! (the *horizon*), and what lies behind it: what was committed since, and what is to be tried again. So a waiting
//! case costs nothing. A wake is a command like any other, decided and committed, and it does what is due once however
//! often it comes: nothing is lost or doubled by a sweep that is late, repeated or cut off. A clock that jumps back
//! leaves the horizon where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine;
use crate::model::limit::{
    TIMER_PAUSE_MILLISECONDS_MAX, TIMER_PAUSE_MILLISECONDS_MIN, TIMER_SLEEP_MILLISECONDS_MAX, WAKES_AT_ONCE_MAX,
    WAKES_READ,
};
use crate::model::{Actor, CaseId, RefusalKind, Timestamp};
use crate::store::Answer;

use super::{Done, Failure, Render, Request, Runtime, Want, store_failure};

/// A case, and when it wants to be woken.
type Wake = (Timestamp, CaseId);

/// What is known of the wakes to come.
#[derive(Debug, Default)]
pub(super) struct Timers {
    agenda: Mutex<Agenda>,
    /// Something is to be done earlier than it seemed.
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Agenda {
    /// The store was looked through up to here.
    horizon: Option<Wake>,
    /// What is to be done and lies behind the horizon, or is to be tried again.
    behind: BTreeSet<Wake>,
    /// How often the last wakes of a case failed.
    failures: BTreeMap<CaseId, u32>,
    /// When the next look is planned; `None` while one is on its way.
    planned: Option<Timestamp>,
}

impl Timers {
    /// A case that was just made durable wants to be woken at a moment.
    pub(super) fn expect(&self, at: Timestamp, case: CaseId) {
        let mut agenda = self.agenda();
        if agenda.horizon.is_some_and(|horizon| (at, case) <= horizon) {
            agenda.behind.insert((at, case));
        }
        if agenda.planned.is_some_and(|planned| at < planned) {
            agenda.planned = None;
            self.earlier.notify_one();
        }
    }

    /// Begins a look at `now`: from where on the store is to be read, and what is ready behind that.
    fn begin(&self, now: Timestamp) -> (Option<Wake>, BTreeSet<Wake>) {
        let last = (now, CaseId::from_bytes([u8::MAX; 16]));
        let mut agenda = self.agenda();
        agenda.planned = None;
        let from = agenda.horizon;
        // Before the store is read: what is committed meanwhile is then told to be behind.
        agenda.horizon = from.max(Some(last));
        let later = agenda.behind.split_off(&last);
        let ready = std::mem::replace(&mut agenda.behind, later);
        (from, ready)
    }

    fn retry(&self, now: Timestamp, case: CaseId) {
        let mut agenda = self.agenda();
        let failures = agenda.failures.entry(case).or_default();
        *failures = failures.saturating_add(1);
        let pause = pause_after(*failures);
        agenda.behind.insert((Timestamp(now.0.saturating_add(pause)), case));
    }

    fn plan(&self, next: Option<Timestamp>) -> Option<Timestamp> {
        let mut agenda = self.agenda();
        let next = next.into_iter().chain(agenda.behind.first().map(|(at, _)| *at)).min();
        agenda.planned = Some(next.unwrap_or(Timestamp(i64::MAX)));
        next
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    /// Does everything that is due by now, and says when something is due next.
    ///
    /// # Errors
    /// When the store can't be read; what was not done is done by the next sweep.
    pub async fn sweep(&self) -> Result<Option<Timestamp>, Failure> {
        let (wake, schedule) = (self.sweep_wakes().await?, self.sweep_schedules().await?);
        Ok(wake.into_iter().chain(schedule).min())
    }

    /// Does what is due when it is due, and follows the definitions, until it is told to stop.
    pub async fn keep_time(self, stop: CancellationToken) {
        tokio::join!(self.keep_wakes(&stop), self.keep_schedules(&stop), self.follow(&stop));
    }

    async fn sweep_wakes(&self) -> Result<Option<Timestamp>, Failure> {
        let now = self.now();
        let (from, ready) = self.0.timers.begin(now);
        self.wake_all(ready.into_iter().map(|(_, case)| case).collect()).await;
        let mut after = from;
        let mut due = self.due_page(after, now).await;
        while let Ok(page) = &due
            && let Some(last) = page.last().copied()
        {
            self.wake_all(page.iter().map(|(_, case)| *case).collect()).await;
            after = Some(last);
            due = self.due_page(after, now).await;
        }
        if let Err(failure) = due {
            // Nothing behind that page was looked at.
            self.0.timers.agenda().horizon = after;
            return Err(failure);
        }
        let horizon = self.0.timers.agenda().horizon;
        let next = self.read(move |store| store.due(horizon, Timestamp(i64::MAX), 1)).await?;
        metrics::gauge!("gendan_wakes_failing").set(f64::from(self.failing()));
        Ok(self.0.timers.plan(next.first().map(|(at, _)| *at)))
    }

    async fn keep_wakes(&self, stop: &CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let wait = match self.sweep_wakes().await {
                Ok(next) => {
                    failures = 0;
                    next.map_or(i64::MAX, |next| next.0.saturating_sub(self.now().0))
                }
                Err(failure) => {
                    tracing::warn!(?failure, "what is due could not be looked up; it is tried again");
                    failures += 1;
                    pause_after(failures)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.timers.earlier.notified() => {}
                () = nap(wait) => {}
            }
        }
    }

    fn failing(&self) -> u32 {
        u32::try_from(self.0.timers.agenda().failures.len()).unwrap_or(u32::MAX)
    }

    async fn due_page(&self, after: Option<Wake>, until: Timestamp) -> Result<Vec<Wake>, Failure> {
        self.read(move |store| store.due(after, until, WAKES_READ)).await
    }

    /// Wakes cases, some at a time.
    pub(super) async fn wake_all(&self, cases: Vec<CaseId>) {
        self.side_by_side(cases, Self::wake).await;
    }

    /// Does something to cases, some at a time; says whether one of them is to be tried again.
    pub(super) async fn side_by_side<F>(&self, cases: Vec<CaseId>, one: impl Fn(Self, CaseId) -> F) -> bool
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let (mut running, mut again) = (JoinSet::new(), false);
        for case in cases {
            if running.len() >= WAKES_AT_ONCE_MAX {
                again |= matches!(running.join_next().await, Some(Ok(true) | Err(_)));
            }
            running.spawn(one(self.clone(), case));
        }
        while let Some(done) = running.join_next().await {
            again |= matches!(done, Ok(true) | Err(_));
        }
        again
    }

    /// Wakes one case; says whether it is to be tried again.
    async fn wake(self, id: CaseId) -> bool {
        let request =
            Request { actor: Actor::system(), want: Want::Wake { id }, expected: None, retry: None, dry_run: false };
        let woken = self.execute(request, unheard()).await;
        let timers = &self.0.timers;
        let outcome = match woken {
            Ok(_) => "done",
            Err(Failure::Refused(refusal)) if refusal.kind() != RefusalKind::Unavailable => {
                tracing::warn!(case = %id, %refusal, "what is due in a case can't be done; it is tried with its next event");
                self.skip(id);
                "refused"
            }
            Err(Failure::NotFound { .. }) => "gone",
            Err(failure) => {
                tracing::warn!(case = %id, ?failure, "a case could not be woken; it is tried again");
                metrics::counter!("gendan_wakes_total", "outcome" => "failed").increment(1);
                timers.retry(self.now(), id);
                return true;
            }
        };
        metrics::counter!("gendan_wakes_total", "outcome" => outcome).increment(1);
        timers.agenda().failures.remove(&id);
        false
    }

    /// Looks past what can't be done: what is due later in the case must not wait for it.
    fn skip(&self, id: CaseId) {
        let case = self.0.store.case(id).map_err(store_failure).ok().flatten();
        let now = self.now();
        if let Some(at) = case.and_then(|case| engine::next_due(&self.0.library.live(), &case, now)) {
            self.0.timers.agenda().behind.insert((at, id));
        }
    }
}

/// Sleeps, but not long: the clock may jump, and a machine may sleep.
pub(super) async fn nap(milliseconds: i64) {
    let short = milliseconds.clamp(1, TIMER_SLEEP_MILLISECONDS_MAX).unsigned_abs();
    tokio::time::sleep(Duration::from_millis(short)).await;
}

/// Milliseconds to wait after the n-th failure in a row.
pub(super) fn pause_after(failures: u32) -> i64 {
    let pause = TIMER_PAUSE_MILLISECONDS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    pause.min(TIMER_PAUSE_MILLISECONDS_MAX)
}

/// The answer that nobody hears.
pub(super) fn unheard() -> Render {
    Box::new(|_: &Done| Answer {
        fingerprint: "".into(),
        at: Timestamp(0),
        status: 0,
        headers: Vec::new(),
        body: "".into(),
    })
}
