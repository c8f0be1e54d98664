//! The threads that decide: a few, with a large stack, so that no script can overflow it and no slow rule holds
//! up the network.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::model::limit::{DECIDER_STACK_BYTES, DECISIONS_WAITING_MAX};
use crate::store;

use super::{Answering, Failure};

/// What is done on one of the threads.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// A handle to the threads; they end when the last handle is gone.
#[derive(Clone, Debug)]
pub(super) struct Deciders(SyncSender<Job>);

impl Deciders {
    /// Starts as many threads as the machine has cores, two at least.
    pub(super) fn start() -> Result<Self, store::Error> {
        let (jobs, waiting) = sync_channel(DECISIONS_WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2);
        for number in 0..threads {
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new().name(format!("decider-{number}")).stack_size(DECIDER_STACK_BYTES);
            thread.spawn(move || work(&waiting)).map_err(|error| store::Error::Io(error.to_string()))?;
        }
        Ok(Self(jobs))
    }

    /// Hands `job` to one of the threads; never waits.
    pub(super) fn send(&self, job: Job) -> Result<(), Failure> {
        self.0.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Failure::Overloaded,
        })
    }

    /// Runs `job` on one of the threads and waits for what it gives.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let (answer, answered): (Answering<T>, _) = oneshot::channel();
        self.send(Box::new(move || drop(answer.send(job()))))?;
        answered.await.map_err(|_| Failure::Store)
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics takes its own answer with it (the caller sees a failure), never the thread.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
            tracing::error!("a decision panicked");
        }
    }
}
