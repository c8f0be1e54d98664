//! The thread behind the journal: it writes the state in merged batches, marks from time to time how far a
//! restart must read the journal again, and puts closed segments into the archive.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::model::limit::{CHECKPOINT_BYTES, OVERLAY_FLUSH_BYTES, SEGMENTS_UNARCHIVED};
use crate::sync::{Condvar, Mutex, thread};

use super::Error;
use super::journal::Address;
use super::ledger::Parts;
use super::opening;

/// How long what is committed stays in memory before it is written to the state.
const FLUSH_PAUSE: Duration = Duration::from_millis(1_000);

/// How often it is looked whether so much waits that it must be written sooner.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Looks between two checkpoints when little happens: about a minute.
const LOOKS_BETWEEN_CHECKPOINTS: u32 = 1_200;

/// A handle to the thread; it writes everything and ends when this is dropped.
#[derive(Debug)]
pub(super) struct Applier {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Applier {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start(parts: Arc<Parts>) -> Result<Self, Error> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let worker = Worker {
            parts,
            stop: Arc::clone(&stop),
            synced: Address::default(),
            looks: 0,
            unsynced: false,
            broken: None,
        };
        let thread = thread::Builder::new().name("applier".to_owned());
        let thread = thread.spawn(move || worker.work()).map_err(|error| Error::Io(error.to_string()))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Worker {
    parts: Arc<Parts>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    /// Where the state stood at the last checkpoint.
    synced: Address,
    /// Looks since then.
    looks: u32,
    /// Whether something was written since then.
    unsynced: bool,
    /// Why the state must be built again, when that did not succeed so far.
    broken: Option<String>,
}

impl Worker {
    fn work(mut self) {
        let looks_per_flush = FLUSH_PAUSE.as_millis() / LOOK_PAUSE.as_millis();
        let mut looks = 0;
        loop {
            let stopped = self.pause();
            looks += 1;
            let waiting = self.parts.state.waiting();
            if let Some(reason) = self.parts.state.take_damage().filter(|_| !stopped) {
                self.rebuild(reason);
            }
            if stopped
                || waiting > OVERLAY_FLUSH_BYTES
                || ((waiting > 0 || self.broken.is_some()) && looks >= looks_per_flush)
            {
                looks = 0;
                self.flush();
            }
            if let Err(error) = self.checkpoint(stopped) {
                tracing::error!(%error, "the state could not be made durable; after a stop it is read from the journal");
            }
            if stopped {
                return;
            }
        }
    }

    /// Says whether to stop.
    fn pause(&self) -> bool {
        let (stop, woken) = &*self.stop;
        let stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = woken.wait_timeout_while(stop, LOOK_PAUSE, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn flush(&mut self) {
        if let Some(reason) = self.broken.take() {
            return self.rebuild(reason);
        }
        match self.parts.state.flush() {
            Ok(_) => {
                self.unsynced = true;
                self.parts.set_trouble(None);
            }
            Err(error) => self.mend(&error),
        }
    }

    /// The state could not be written: it is opened again, and built again when it is damaged.
    fn mend(&mut self, error: &Error) {
        tracing::error!(%error, "the state could not be written; it is opened again");
        self.parts.set_trouble(Some("the state can't be written; the log says why".to_owned()));
        let damaged = match self.parts.state.reopen() {
            Ok(()) => matches!(error, Error::Damaged { .. }).then(|| error.to_string()),
            Err(again @ Error::Damaged { .. }) => Some(again.to_string()),
            Err(again) => return tracing::error!(error = %again, "the state could not be opened again"),
        };
        if let Some(reason) = damaged {
            self.rebuild(reason);
        }
    }

    fn rebuild(&mut self, reason: String) {
        match opening::rebuild(&self.parts, &reason, &mut |_, _| ()) {
            Ok(()) => self.parts.set_trouble(None),
            Err(error) => {
                tracing::error!(%error, "the state could not be built again; it is tried again");
                self.broken = Some(reason);
            }
        }
    }

    /// Makes the state durable when enough was written since the last time, and archives what is behind it.
    fn checkpoint(&mut self, now: bool) -> Result<(), Error> {
        self.looks = self.looks.saturating_add(1);
        let end = self.parts.journal.end().address;
        let much = end.0.saturating_sub(self.synced.0) > CHECKPOINT_BYTES;
        if !self.unsynced || !(now || much || self.looks > LOOKS_BETWEEN_CHECKPOINTS) {
            return Ok(());
        }
        (self.synced, self.looks, self.unsynced) = (end, 0, false);
        self.parts.state.sync()?;
        let archived = self.parts.journal.archive(SEGMENTS_UNARCHIVED)?;
        if archived > 0 {
            tracing::debug!(archived, "closed files of the journal were compressed");
        }
        Ok(())
    }
}
