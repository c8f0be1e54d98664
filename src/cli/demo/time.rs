//! The time of the server of a demo: it moves when the demo moves it, and what is due is done at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset};
use tokio::runtime::Handle;

use crate::cli::Failed;
use crate::cli::terminal::Exit;
use crate::runtime::Runtime;

/// The time of a server.
#[derive(Debug)]
pub(crate) struct Time {
    clock: Arc<AtomicI64>,
    runtime: Runtime,
    driver: Handle,
}

impl Time {
    /// The time of the server behind `runtime`, whose clock is `clock`.
    pub(super) fn new(clock: Arc<AtomicI64>, runtime: Runtime, driver: Handle) -> Self {
        Self { clock, runtime, driver }
    }

    /// Moves the clock forward to a moment, and has done what is due by then. It never goes back.
    ///
    /// # Errors
    /// When what is due can't be looked up.
    pub(crate) fn set(&self, moment: DateTime<FixedOffset>) -> Result<(), Failed> {
        self.clock.fetch_max(moment.timestamp_millis(), Ordering::SeqCst);
        let swept = self.driver.block_on(self.runtime.sweep());
        swept.map_err(|failure| {
            Failed::new(Exit::Unreachable, format!("what is due can't be looked up: {failure:?}"))
        })?;
        self.settle();
        Ok(())
    }

    /// Lets a millisecond pass, so that what follows comes after what was before.
    pub(crate) fn tick(&self) {
        self.clock.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until everybody has been woken who waited for what there is more of now.
    pub(crate) fn settle(&self) {
        self.runtime.quiet();
    }
}
