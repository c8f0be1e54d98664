//! Whose turn it is. Commands on one case go one after the other, in the order in which they came; everything
//! else goes side by side, until a command that has lost too many races gets its turn alone.

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::model::CaseId;
use crate::model::limit::{CASE_LANES, DECIDE_RETRIES_MAX, LOSSES_BESIDE_MAX};
use crate::store::Outcome;

use super::committer::Unwritten;
use super::{Failure, Runtime};

/// The lanes of the cases, and the one way past everybody.
#[derive(Debug)]
pub(super) struct Turns {
    lanes: Vec<Mutex<()>>,
    /// Fair: who waits to go alone is not overtaken by those who come later and go side by side.
    alone: RwLock<()>,
}

/// What became of one attempt.
#[derive(Debug)]
pub(super) enum Settled<T> {
    Done(T),
    Lost(Race),
}

/// The race that an attempt has lost.
#[derive(Clone, Copy, Debug)]
pub(super) enum Race {
    /// Another command changed a case.
    Version,
    /// Another case took a unique value.
    Unique,
    /// Rows changed.
    Rows,
    /// Its group could not be written together.
    Crowded,
    /// A pool of a resource has moved.
    Pool,
}

/// A turn; over when it is dropped.
#[expect(dead_code, reason = "it is only held")]
enum Turn<'a> {
    Beside(RwLockReadGuard<'a, ()>),
    Alone(RwLockWriteGuard<'a, ()>),
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { lanes: (0..CASE_LANES).map(|_| Mutex::new(())).collect(), alone: RwLock::new(()) }
    }

    /// Waits until the commands on a case that came before are through. Taken before [`Runtime::settle`], never in
    /// it: who has a turn must not wait for a lane.
    pub(super) async fn lane(&self, case: CaseId) -> Option<MutexGuard<'_, ()>> {
        let [.., high, low] = case.to_bytes();
        let lane = usize::from(u16::from_be_bytes([high, low])) % CASE_LANES;
        match self.lanes.get(lane) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        }
    }

    async fn take(&self, alone: bool) -> Turn<'_> {
        if alone { Turn::Alone(self.alone.write().await) } else { Turn::Beside(self.alone.read().await) }
    }
}

impl Runtime {
    /// Attempts until something becomes of it: decides again when the world has moved in between, at most
    /// `DECIDE_RETRIES_MAX` times. Who has lost `LOSSES_BESIDE_MAX` races runs the next ones alone, so that nobody
    /// loses for ever.
    ///
    /// # Errors
    /// Those of the attempt, and [`Failure::Overloaded`] for who has lost even then.
    pub(super) async fn settle<T, A>(&self, mut attempt: impl FnMut() -> A) -> Result<T, Failure>
    where
        A: Future<Output = Result<Settled<T>, Failure>>,
    {
        let mut crowded = false;
        for losses in 0..=DECIDE_RETRIES_MAX {
            let _turn = self.0.turns.take(crowded || losses >= LOSSES_BESIDE_MAX).await;
            match attempt().await? {
                Settled::Done(done) => return Ok(done),
                Settled::Lost(race) => {
                    metrics::counter!("gendan_races_lost_total", "over" => race.name()).increment(1);
                    crowded = matches!(race, Race::Crowded);
                }
            }
        }
        tracing::warn!("a command lost every race");
        Err(Failure::Overloaded)
    }
}

/// What a commit means for who waits for it: `Ok` when it stands, with the stored answer when there was one
/// under its key already.
pub(super) fn settled(committed: Result<Outcome, Unwritten>) -> Result<Settled<Option<crate::store::Answer>>, Failure> {
    match committed {
        Ok(Outcome::Done(_)) => Ok(Settled::Done(None)),
        Ok(Outcome::Answered(answer)) => Ok(Settled::Done(Some(answer))),
        Ok(Outcome::Moved { .. }) => Ok(Settled::Lost(Race::Version)),
        Ok(Outcome::Held { .. }) => Ok(Settled::Lost(Race::Unique)),
        Ok(Outcome::Short { .. }) => Ok(Settled::Lost(Race::Pool)),
        Err(Unwritten::Stale) => Ok(Settled::Lost(Race::Rows)),
        Err(Unwritten::Crowded) => Ok(Settled::Lost(Race::Crowded)),
        Err(Unwritten::Overloaded) => Err(Failure::Overloaded),
        Err(Unwritten::Failed) => Err(Failure::Store),
    }
}

impl Race {
    fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Unique => "unique",
            Self::Rows => "rows",
            Self::Crowded => "crowded",
            Self::Pool => "pool",
        }
    }
}
