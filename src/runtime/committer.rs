//! The committer: one thread that makes what was decided durable, as many commands at a time as wait.
//!
//! Everything submitted is answered exactly once, and a success only when it is durable and can be seen. What a
//! command has seen of the tables is compared with the tables as they stand at its commit; rows change only
//! between groups, so the order is exact. Versions of cases, unique values and idempotency keys are judged by the
//! store.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};

use crate::clock::Clock;
use crate::model::Timestamp;
use crate::model::limit::{GROUP_COMMANDS_MAX, IDEMPOTENCY_HOURS, NOT_READY_SECONDS};
use crate::store::{self, Item, Outcome, Position, Shared};
use crate::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use crate::sync::{Mutex, RwLock, thread};

use super::rows::{Reads, Rows};

const MINUTE_MILLISECONDS: i64 = 60_000;
const HOUR_MILLISECONDS: i64 = 60 * MINUTE_MILLISECONDS;

/// The last group could be written.
const WELL: i64 = i64::MIN;
/// The thread has ended, and nothing can be written any more.
const ENDED: i64 = i64::MAX;

/// What is to be made durable.
pub struct Pending {
    /// What to write.
    pub item: Item,
    /// What it leans on.
    pub reads: Reads,
    /// Told what became of it, on a thread that must not be held up.
    pub answer: Answering,
}

/// Takes what became of an item.
pub type Answering = Box<dyn FnOnce(Result<Outcome, Unwritten>) + Send>;

/// Told the position of each group that became durable.
pub type Wake = Box<dyn Fn(Position) + Send>;

/// Why an item was not judged by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// A row that it leans on has changed; nothing was written.
    Stale,
    /// Something in its group was too large; nothing was written. Alone it would show which.
    Crowded,
    /// Too much waits already, or nothing is taken any more; nothing was written.
    Overloaded,
    /// The store failed; whether it was written is unknown until the store writes again.
    Failed,
}

/// A handle to the committer.
#[derive(Debug)]
pub struct Committer {
    waiting: RwLock<Option<SyncSender<Pending>>>,
    /// When a group could last not be written, in milliseconds; [`WELL`] when the last one could.
    failed: Arc<AtomicI64>,
    clock: Clock,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread. At most `waiting` items wait for it; more are refused.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(store: Shared, rows: Rows, wake: Wake, clock: Clock, waiting: usize) -> Result<Self, store::Error> {
        let (sender, waiting) = sync_channel(waiting);
        let failed = Arc::new(AtomicI64::new(WELL));
        let moments = clock.clone();
        let worker = Worker { store, rows, wake, clock, failed: Arc::clone(&failed), forgotten: i64::MIN };
        let thread = thread::Builder::new().name("committer".to_owned());
        let thread =
            thread.spawn(move || worker.work(&waiting)).map_err(|error| store::Error::Io(error.to_string()))?;
        Ok(Self { waiting: RwLock::new(Some(sender)), failed, clock: moments, thread: Mutex::new(Some(thread)) })
    }

    /// Takes what is to be made durable; never waits.
    pub fn submit(&self, pending: Pending) {
        let refused = match &*self.waiting.read().unwrap_or_else(PoisonError::into_inner) {
            Some(waiting) => match waiting.try_send(pending) {
                Ok(()) => return,
                Err(TrySendError::Full(pending) | TrySendError::Disconnected(pending)) => pending,
            },
            None => pending,
        };
        (refused.answer)(Err(Unwritten::Overloaded));
    }

    /// Whether the last group could be written, or may be tried again.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), String> {
        let failed = self.failed.load(Ordering::SeqCst);
        if failed != WELL && self.clock.now().0.saturating_sub(failed) < NOT_READY_SECONDS.saturating_mul(1_000) {
            return Err("the store can't write; the log says why".to_owned());
        }
        Ok(())
    }

    /// Takes nothing more, writes what waits, and ends. Whoever calls it returns after that.
    pub fn stop(&self) {
        drop(self.waiting.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            drop(thread.join());
        }
    }
}

struct Worker {
    store: Shared,
    rows: Rows,
    wake: Wake,
    clock: Clock,
    failed: Arc<AtomicI64>,
    /// When answers were last forgotten, in milliseconds.
    forgotten: i64,
}

impl Worker {
    fn work(mut self, waiting: &Receiver<Pending>) {
        while let Ok(first) = waiting.recv() {
            self.commit(group(first, waiting));
        }
    }

    /// Makes a group durable, then visible, then known.
    fn commit(&mut self, group: Vec<Pending>) {
        let stand = self.rows.now();
        let (mut items, mut answers) = (Vec::with_capacity(group.len().saturating_add(1)), Vec::new());
        for pending in group {
            if pending.reads.hold(&stand) {
                items.push(pending.item);
                answers.push(pending.answer);
            } else {
                (pending.answer)(Err(Unwritten::Stale));
            }
        }
        if items.is_empty() {
            return;
        }
        let rows = items.last().and_then(|last| stand.after(last));
        items.extend(self.forget());
        match self.store.commit(items) {
            Ok(outcomes) => {
                // Rows are never refused by the store, so what was written is what was asked.
                rows.into_iter().for_each(|rows| self.rows.publish(rows));
                self.failed.store(WELL, Ordering::SeqCst);
                (self.wake)(self.store.position());
                answers.into_iter().zip(outcomes).for_each(|(answer, outcome)| answer(Ok(outcome)));
            }
            Err(error) => self.fail(answers, &error),
        }
    }

    fn fail(&self, answers: Vec<Answering>, error: &store::Error) {
        let why = match error {
            // One item that is too large fails its whole group, and nothing of it was written.
            store::Error::TooLarge(_) if answers.len() > 1 => Unwritten::Crowded,
            store::Error::TooLarge(_) => {
                tracing::error!(%error, "a command could not be made durable");
                Unwritten::Failed
            }
            store::Error::Io(_)
            | store::Error::Damaged { .. }
            | store::Error::InUse(_)
            | store::Error::Rebuilding { .. }
            | store::Error::Newer { .. } => {
                tracing::error!(%error, "a group could not be made durable");
                self.failed.store(self.clock.now().0, Ordering::SeqCst);
                Unwritten::Failed
            }
        };
        answers.into_iter().for_each(|answer| answer(Err(why)));
    }

    /// Every minute the answers whose time is over are forgotten, with whatever is written just then.
    fn forget(&mut self) -> Option<Item> {
        let now = self.clock.now();
        if now.0.saturating_sub(self.forgotten) < MINUTE_MILLISECONDS {
            return None;
        }
        self.forgotten = now.0;
        let before = now.0.saturating_sub(IDEMPOTENCY_HOURS.saturating_mul(HOUR_MILLISECONDS));
        Some(Item::ForgetAnswers { before: Timestamp(before) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A store that panics ends the thread; then nothing can be written any more.
        if thread::panicking() {
            self.failed.store(ENDED, Ordering::SeqCst);
        }
    }
}

/// What waits and can be written together: rows end a group, for what comes after them must see them.
fn group(first: Pending, waiting: &Receiver<Pending>) -> Vec<Pending> {
    let mut group = vec![first];
    while group.len() < GROUP_COMMANDS_MAX
        && !group.last().is_some_and(|last| matches!(last.item, Item::Rows { .. }))
        && let Ok(next) = waiting.try_recv()
    {
        group.push(next);
    }
    group
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("item", &self.item).field("reads", &self.reads).finish_non_exhaustive()
    }
}
