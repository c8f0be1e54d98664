//! What happens in one schedule, and what must hold in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gendan::clock::Clock;
use gendan::model::{CaseId, Timestamp};
use gendan::runtime::committer::{Committer, Pending, Unwritten};
use gendan::runtime::rows::{Reads, Rows};
use gendan::store::{Item, Outcome, Shared};
use gendan::sync::mpsc;
use gendan::sync::thread;

use crate::hasty::{Haste, Hasty};
use crate::stage::{GONE, KEY, Stage, change, command, id, too_large};

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    /// How much may wait.
    pub(crate) waiting: usize,
    /// The mistake of the committer; `None` for the real one.
    pub(crate) haste: Option<Haste>,
    /// Counts over all schedules.
    pub(crate) tally: Arc<Tally>,
}

/// How often what came of a submission.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, usize>>);

impl Tally {
    /// What came least often.
    pub(crate) fn rarest(&self) -> (&'static str, usize) {
        let tally = self.0.lock().unwrap();
        let all = ["done", "moved", "stale", "crowded", "overloaded", "failed"];
        all.map(|what| (what, tally.get(what).copied().unwrap_or(0))).into_iter().min_by_key(|what| what.1).unwrap()
    }

    fn count(&self, outcome: &Result<Outcome, Unwritten>) {
        let what = match outcome {
            Ok(Outcome::Done(_)) => "done",
            Ok(Outcome::Moved { .. }) => "moved",
            Ok(Outcome::Held { .. } | Outcome::Answered(_) | Outcome::Short { .. }) => "judged otherwise",
            Err(Unwritten::Stale) => "stale",
            Err(Unwritten::Crowded) => "crowded",
            Err(Unwritten::Overloaded) => "overloaded",
            Err(Unwritten::Failed) => "failed",
        };
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

/// What a committer does.
pub(crate) trait Commits: Send + Sync {
    fn submit(&self, pending: Pending);
    fn stop(&self);
}

impl Commits for Committer {
    fn submit(&self, pending: Pending) {
        Committer::submit(self, pending);
    }

    fn stop(&self) {
        Committer::stop(self);
    }
}

struct World {
    stage: Arc<Stage>,
    rows: Rows,
    committer: Box<dyn Commits>,
    // These are only noted in, so they are no places where another thread may come in between.
    submitted: AtomicUsize,
    answered: Mutex<Answered>,
    stopped: AtomicBool,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Answered {
    count: usize,
    versions: BTreeMap<CaseId, u64>,
}

/// One schedule.
pub(crate) fn play(play: &Play) {
    let world = Arc::new(World::new(play));
    let mut threads = Vec::new();
    // Two clients race for one case; what the third wants is too large.
    for case in [id(1), id(1), too_large()] {
        let world = Arc::clone(&world);
        threads.push(thread::spawn(move || world.command(case)));
    }
    let changing = Arc::clone(&world);
    threads.push(thread::spawn(move || changing.change_rows()));
    let ending = Arc::clone(&world);
    threads.push(thread::spawn(move || ending.end()));
    world.end();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(world.answered.lock().unwrap().count, world.submitted.load(Ordering::SeqCst), "answers");
}

impl World {
    fn new(play: &Play) -> Self {
        let (stage, rows) = (Arc::new(Stage::default()), Rows::default());
        let store: Shared = Arc::clone(&stage) as Shared;
        let committer: Box<dyn Commits> = match play.haste {
            Some(haste) => Box::new(Hasty::start(haste, store, rows.clone())),
            None => {
                let clock = Clock::manual(Timestamp(0));
                Box::new(Committer::start(store, rows.clone(), Box::new(|_| ()), clock, play.waiting).unwrap())
            }
        };
        let (submitted, answered, stopped) = (AtomicUsize::new(0), Mutex::default(), AtomicBool::new(false));
        let tally = Arc::clone(&play.tally);
        Self { stage, rows, committer, submitted, answered, stopped, tally }
    }

    /// Decides and submits, and again when the world has moved: as the runtime does.
    fn command(self: &Arc<Self>, case: CaseId) {
        for _ in 0..3 {
            let expected = self.stage.version(case);
            let stand = self.rows.now();
            let mut reads = Reads::of(&stand);
            let row = reads.row(&stand, "things", KEY);
            let row = row.as_ref().map_or(GONE, |row| row.text("value").unwrap());
            assert!(self.stage.had_row(row), "a row that is not durable was seen");
            let done = self.submit(command(case, expected, row), reads, Some((case, expected + 1)));
            if matches!(done, Ok(Outcome::Done(_))) {
                assert!(self.stage.version(case) > expected, "what was answered can't be seen");
            }
            assert!(case == too_large() || done != Err(Unwritten::Failed), "somebody else was too large");
        }
    }

    /// Puts the row, takes it away and puts another one.
    fn change_rows(self: &Arc<Self>) {
        for row in ["one", GONE, "two"] {
            if self.submit(change(row), Reads::default(), None).is_ok() {
                let stand = self.rows.now();
                let seen = stand.row("things", KEY).map_or(GONE, |row| row.text("value").unwrap());
                assert_eq!(seen, row, "a row that was changed is not seen by the one who was told");
            }
        }
    }

    fn end(&self) {
        self.committer.stop();
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn submit(self: &Arc<Self>, item: Item, reads: Reads, writes: Option<(CaseId, u64)>) -> Result<Outcome, Unwritten> {
        let (answer, answered) = mpsc::channel();
        let world = Arc::clone(self);
        let answer = move |outcome: Result<Outcome, Unwritten>| {
            world.answered(&outcome, writes);
            answer.send(outcome).unwrap();
        };
        self.submitted.fetch_add(1, Ordering::SeqCst);
        self.committer.submit(Pending { item, reads, answer: Box::new(answer) });
        let Ok(outcome) = answered.recv() else { panic!("nobody answered") };
        outcome
    }

    /// What must hold at the moment of an answer.
    fn answered(&self, outcome: &Result<Outcome, Unwritten>, writes: Option<(CaseId, u64)>) {
        let success = matches!(outcome, Ok(Outcome::Done(_)));
        assert!(!(success && self.stopped.load(Ordering::SeqCst)), "a success after the end");
        if let Some((case, version)) = writes.filter(|_| success) {
            assert!(self.stage.durable_version(case) >= version, "what was answered is not durable");
        }
        let mut answered = self.answered.lock().unwrap();
        answered.count += 1;
        self.tally.count(outcome);
        if let Some((case, version)) = writes.filter(|_| success) {
            let before = answered.versions.insert(case, version).unwrap_or(0);
            assert_eq!(before + 1, version, "versions were answered out of order");
        }
    }
}
