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

type Job = Box<dyn FnOnce() + Send>;

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

    /// Runs `job` on one of the threads.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let (answer, answered): (Answering<T>, _) = oneshot::channel();
        let job: Job = Box::new(move || drop(answer.send(job())));
        match self.0.try_send(job) {
            Ok(()) => answered.await.map_err(|_| Failure::Store),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Failure::Overloaded),
        }
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
