//! The steps by which something comes to stay, in the journal and in the state: named, counted, and troubled one
//! by one.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A step: one writing operation of the disk, or of the backend of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What is done: `create`, `write`, `sync`, `sync folder`, `truncate`, `rename`, `remove`; in the state
    /// `batch`, `sync`, `open`, `renew`.
    pub operation: &'static str,
    /// The file it is done to, or `state`.
    pub file: String,
    /// How many bytes behind the beginning of the file.
    pub at: u64,
}

/// All steps of a machine. Its journal and its state are counted together, so that a stop may come between them.
#[derive(Debug, Default)]
pub struct Steps {
    state: Mutex<State>,
}

/// What a step is to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It fails.
    Fail(io::ErrorKind),
    /// It is the last one, and cut off in the middle.
    Stop,
}

#[derive(Clone, Debug, Default)]
struct State {
    count: u64,
    /// The step that is the last one.
    stop: Option<u64>,
    /// Steps that fail: from, to (not itself), how.
    failing: Vec<(u64, u64, io::ErrorKind)>,
    /// The step at which everything stopped.
    stopped: Option<Step>,
}

impl Steps {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Stops everything in the middle of the `nth` step from now on: from then on reading fails too.
    pub fn stop_at(&self, nth: u64) {
        let mut state = self.state();
        state.stop = Some(state.count.saturating_add(nth));
    }

    /// Makes `count` steps fail, beginning with the `nth` from now on.
    pub fn fail_from(&self, nth: u64, count: u64, kind: io::ErrorKind) {
        let mut state = self.state();
        let from = state.count.saturating_add(nth);
        state.failing.push((from, from.saturating_add(count), kind));
    }

    /// Forgets every trouble that was planned.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.stop, state.failing) = (None, Vec::new());
    }

    /// The step at which everything stopped.
    #[must_use]
    pub fn stopped(&self) -> Option<Step> {
        self.state().stopped.clone()
    }

    /// The steps of the machine after a stop: the count goes on, and so do the troubles that did not come yet.
    pub(super) fn after_stop(&self) -> Self {
        let mut state = self.state().clone();
        if state.stopped.take().is_some() {
            state.stop = None;
        }
        Self { state: Mutex::new(state) }
    }

    /// Counts a step and looks up what befalls it.
    pub(super) fn begin(&self, operation: &'static str, file: &str, at: u64) -> io::Result<Option<Trouble>> {
        self.alive()?;
        let mut state = self.state();
        state.count = state.count.saturating_add(1);
        let now = state.count;
        if state.stop == Some(now) {
            state.stopped = Some(Step { operation, file: file.to_owned(), at });
            return Ok(Some(Trouble::Stop));
        }
        let kind = state.failing.iter().find(|(from, to, _)| (*from..*to).contains(&now)).map(|(_, _, kind)| *kind);
        Ok(kind.map(Trouble::Fail))
    }

    /// Whether everything has stopped.
    pub(super) fn alive(&self) -> io::Result<()> {
        match &self.state().stopped {
            Some(_) => Err(io::Error::other("everything has stopped")),
            None => Ok(()),
        }
    }

    /// One of two, for a step that is cut off: the same for the same step.
    pub(super) fn coin(&self) -> bool {
        self.count().wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(63) == 1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
