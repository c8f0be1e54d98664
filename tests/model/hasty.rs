//! Committers with one mistake each.

use std::sync::{Arc, PoisonError};

use gendan::runtime::committer::{Pending, Unwritten};
use gendan::runtime::rows::Rows;
use gendan::store::{Item, Outcome, Position, Shared};
use gendan::sync::mpsc::{Receiver, Sender, channel};
use gendan::sync::{Mutex, MutexGuard, thread};

use crate::play::Commits;

/// The mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Rows can be seen before they are durable.
    PublishesFirst,
    /// Rows can be seen only after their change was answered.
    PublishesLast,
    /// The answer to a command goes out before the commit.
    AnswersFirst,
    /// What a command has seen is not looked at.
    TrustsReads,
    /// It is looked at, but before rows in the same group.
    ChecksReadsOnce,
    /// `stop` does not wait for what it has begun.
    LeavesAtStop,
    /// What waits at the end is thrown away.
    DropsAtStop,
}

/// The committer.
pub(crate) struct Hasty {
    haste: Haste,
    waiting: Mutex<Option<Sender<Pending>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    ended: Arc<Mutex<bool>>,
}

impl Hasty {
    pub(crate) fn start(haste: Haste, store: Shared, rows: Rows) -> Self {
        let (sender, waiting) = channel();
        let ended = Arc::new(Mutex::new(false));
        let worker = Worker { haste, store, rows, ended: Arc::clone(&ended) };
        let thread = thread::spawn(move || worker.work(&waiting));
        Self { haste, waiting: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), ended }
    }
}

impl Commits for Hasty {
    fn submit(&self, pending: Pending) {
        match &*open(&self.waiting) {
            Some(waiting) => waiting.send(pending).unwrap(),
            None => (pending.answer)(Err(Unwritten::Overloaded)),
        }
    }

    fn stop(&self) {
        *open(&self.ended) = true;
        drop(open(&self.waiting).take());
        let mut thread = open(&self.thread);
        if let Some(thread) = thread.take().filter(|_| self.haste != Haste::LeavesAtStop) {
            thread.join().unwrap();
        }
    }
}

struct Worker {
    haste: Haste,
    store: Shared,
    rows: Rows,
    ended: Arc<Mutex<bool>>,
}

impl Worker {
    fn work(&self, waiting: &Receiver<Pending>) {
        while let Ok(first) = waiting.recv() {
            if self.haste == Haste::DropsAtStop && *open(&self.ended) {
                continue;
            }
            let mut group = vec![first];
            if self.haste == Haste::ChecksReadsOnce {
                group.extend(waiting.try_iter());
            }
            self.commit(group);
        }
    }

    fn commit(&self, group: Vec<Pending>) {
        let stand = self.rows.now();
        let (mut items, mut answers) = (Vec::new(), Vec::new());
        for pending in group {
            if self.haste == Haste::TrustsReads || pending.reads.hold(&stand) {
                items.push(pending.item);
                answers.push(pending.answer);
            } else {
                (pending.answer)(Err(Unwritten::Stale));
            }
        }
        if self.haste == Haste::AnswersFirst && items.iter().all(|item| matches!(item, Item::Command(_))) {
            answers.drain(..).for_each(|answer| answer(Ok(Outcome::Done(Position(0)))));
        }
        let rows: Vec<Item> = items.iter().filter(|item| matches!(item, Item::Rows { .. })).cloned().collect();
        let publish = || {
            for item in &rows {
                self.rows.publish(self.rows.now().after(item).unwrap());
            }
        };
        if self.haste == Haste::PublishesFirst {
            publish();
        }
        let Ok(outcomes) = self.store.commit(items) else {
            return answers.into_iter().for_each(|answer| answer(Err(Unwritten::Crowded)));
        };
        if !matches!(self.haste, Haste::PublishesFirst | Haste::PublishesLast) {
            publish();
        }
        answers.into_iter().zip(outcomes).for_each(|(answer, outcome)| answer(Ok(outcome)));
        if self.haste == Haste::PublishesLast {
            publish();
        }
    }
}

/// What a mutex holds, also after somebody has panicked with it: only what they panicked for is to be told.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
