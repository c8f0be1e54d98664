//! The clock: the only file that asks for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The machine's clock, moved so that it showed a chosen moment at the start.
    Shifted {
        /// Milliseconds to add to the machine's clock.
        milliseconds: i64,
    },
    /// A clock that only moves when it is told to: for tests.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that shows `moment` now and runs on from there.
    #[must_use]
    pub fn starting_at(moment: Timestamp) -> Self {
        Self::Shifted { milliseconds: moment.0.saturating_sub(Self::System.now().0) }
    }

    /// A clock that stands at `moment` until it is moved.
    #[must_use]
    pub fn manual(moment: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(moment.0)))
    }

    /// The moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> Timestamp {
        let machine = || Timestamp::from(chrono::Utc::now());
        match self {
            Self::System => machine(),
            Self::Shifted { milliseconds } => Timestamp(machine().0.saturating_add(*milliseconds)),
            Self::Manual(moment) => Timestamp(moment.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the others move by themselves.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(moment) = self {
            moment.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// A stop-watch for durations, which steps of the machine's clock don't disturb.
#[derive(Clone, Copy, Debug)]
pub struct Watch(Instant);

impl Watch {
    /// Starts it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
