//! The committer: one thread that makes what was decided durable, as many commands at a time as wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{broadcast, oneshot};

use crate::clock::Clock;
use crate::model::limit::{COMMITS_WAITING_MAX, GROUP_COMMANDS_MAX, IDEMPOTENCY_HOURS};
use crate::store::{self, Item, Outcome, Position, Shared};

use super::tables::Rows;
use super::{Answering, Failure};

const MINUTE_MILLISECONDS: i64 = 60_000;
const HOUR_MILLISECONDS: i64 = 60 * MINUTE_MILLISECONDS;

/// A handle to the committer.
#[derive(Debug)]
pub(super) struct Committer {
    items: Mutex<Option<SyncSender<Pending>>>,
    broken: Arc<AtomicBool>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

struct Pending {
    item: Item,
    answer: Answering<Result<Outcome, ()>>,
}

impl Committer {
    pub(super) fn start(
        store: Shared,
        rows: Rows,
        wake: broadcast::Sender<Position>,
        clock: Clock,
    ) -> Result<Self, store::Error> {
        let (items, waiting) = sync_channel(COMMITS_WAITING_MAX);
        let broken = Arc::new(AtomicBool::new(false));
        let worker = Worker { store, rows, wake, clock, broken: Arc::clone(&broken), forgotten: i64::MIN };
        let thread = thread::Builder::new().name("committer".to_owned());
        let thread =
            thread.spawn(move || worker.work(&waiting)).map_err(|error| store::Error::Io(error.to_string()))?;
        Ok(Self { items: Mutex::new(Some(items)), broken, thread: Mutex::new(Some(thread)) })
    }

    /// Makes `item` durable; returns when it is.
    pub(super) async fn commit(&self, item: Item) -> Result<Outcome, Failure> {
        let (answer, answered) = oneshot::channel();
        let sender = self.items.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return Err(Failure::Overloaded) };
        match sender.try_send(Pending { item, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return Err(Failure::Overloaded),
        }
        drop(sender);
        answered.await.map_err(|_| Failure::Store)?.map_err(|()| Failure::Store)
    }

    pub(super) fn ready(&self) -> Result<(), String> {
        if self.broken.load(Ordering::SeqCst) { Err("the store can't write; see the log".to_owned()) } else { Ok(()) }
    }

    /// Takes nothing more, writes what waits, and ends.
    pub(super) fn stop(&self) {
        drop(self.items.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(thread.join());
        }
    }
}

struct Worker {
    store: Shared,
    rows: Rows,
    wake: broadcast::Sender<Position>,
    clock: Clock,
    broken: Arc<AtomicBool>,
    /// When answers were last forgotten, in milliseconds.
    forgotten: i64,
}

impl Worker {
    fn work(mut self, waiting: &Receiver<Pending>) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(GROUP_COMMANDS_MAX.saturating_sub(1)));
            self.commit(group);
        }
    }

    fn commit(&mut self, mut group: Vec<Pending>) {
        let items: Vec<Item> = group.iter().map(|pending| pending.item.clone()).chain(self.forget()).collect();
        match self.write(items) {
            Ok(outcomes) => {
                for (pending, outcome) in group.into_iter().zip(outcomes) {
                    drop(pending.answer.send(Ok(outcome)));
                }
            }
            // One item that is too large fails its whole group, and nothing of it was written: each goes alone.
            Err(store::Error::TooLarge(_)) if group.len() > 1 => {
                for pending in group.drain(..) {
                    self.commit(vec![pending]);
                }
            }
            Err(error) => self.fail(group, &error),
        }
    }

    /// Makes items durable, and then visible.
    fn write(&self, items: Vec<Item>) -> Result<Vec<Outcome>, store::Error> {
        let tables: Vec<Item> = items.iter().filter(|item| matches!(item, Item::Rows { .. })).cloned().collect();
        let outcomes = self.store.commit(items)?;
        self.broken.store(false, Ordering::SeqCst);
        // Rows are never refused by the store, so what was written is what was asked.
        tables.iter().for_each(|item| self.rows.apply(item));
        let _ = self.wake.send(self.store.position());
        Ok(outcomes)
    }

    fn fail(&self, group: Vec<Pending>, error: &store::Error) {
        tracing::error!(%error, "a group could not be made durable");
        self.broken.store(!matches!(error, store::Error::TooLarge(_)), Ordering::SeqCst);
        for pending in group {
            drop(pending.answer.send(Err(())));
        }
    }

    /// Every minute the answers whose time is over are forgotten, with whatever is written just then.
    fn forget(&mut self) -> Option<Item> {
        let now = self.clock.now();
        if now.0.saturating_sub(self.forgotten) < MINUTE_MILLISECONDS {
            return None;
        }
        self.forgotten = now.0;
        let before = now.0.saturating_sub(IDEMPOTENCY_HOURS.saturating_mul(HOUR_MILLISECONDS));
        Some(Item::ForgetAnswers { before: crate::model::Timestamp(before) })
    }
}
