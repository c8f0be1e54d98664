//! A machine with the store that runs on it, and what should be in it.

use gendan::store::journal::Options;
use gendan::store::{Applying, Error, Item, Machine, Memory, SimDisk, Step, Store};

use crate::dice::Dice;
use crate::model::Model;
use crate::work::{Action, Part, Restart};

/// A machine, its store, and what should be in it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machine: Machine,
    /// `None` while no process runs.
    store: Option<Memory>,
    /// What should be stored.
    pub(crate) model: Model,
    /// What should be stored if a group that failed since the last success comes back after a stop.
    perhaps: Vec<Model>,
    options: Options,
    applying: Applying,
    /// What is going on.
    phase: &'static str,
    /// Groups that failed.
    pub(crate) failed: u64,
    /// What to say when something is wrong.
    told: String,
}

impl World {
    /// A new machine on which nothing runs; `told` says how to come here again.
    pub(crate) fn new(seed: u64, applying: Applying, told: String) -> Self {
        let segment_bytes = [1, 400, 2_500, 30_000][Dice(seed).place(4)];
        Self {
            machine: Machine::new(SimDisk::seeded(seed)),
            store: None,
            model: Model::default(),
            perhaps: Vec::new(),
            options: Options { segment_bytes, ..Options::default() },
            applying,
            phase: "opening",
            failed: 0,
            told,
        }
    }

    /// The store that runs.
    pub(crate) fn store(&self) -> &Memory {
        self.store.as_ref().unwrap()
    }

    /// Starts a process, does these things, and ends early where the machine stops.
    pub(crate) fn live(&mut self, actions: &[Action]) {
        if self.start() {
            self.go_on(actions);
        }
    }

    /// Does these things with the process that runs, and ends early where the machine stops.
    pub(crate) fn go_on(&mut self, actions: &[Action]) {
        for action in actions {
            self.act(action);
            if self.stopped().is_some() {
                return;
            }
        }
    }

    /// The kind of step at which the machine stopped.
    pub(crate) fn stopped(&self) -> Option<String> {
        self.machine.steps().stopped().map(|step| format!("{}: {}", self.phase, kind(&step)))
    }

    /// The machine as the next process finds it.
    pub(crate) fn stop(&mut self, restart: Restart) {
        self.store = None;
        let Restart { kill, seed, damage } = restart;
        self.machine = if kill { self.machine.after_kill(seed) } else { self.machine.after_power_loss(seed) };
        if damage {
            self.machine.kv().damage("a page is gone");
        }
    }

    /// Everything is as it should be, and every part of the store agrees with every other.
    #[track_caller]
    pub(crate) fn check(&self) {
        if let Some(differs) = self.model.differs(self.store()) {
            panic!("{}: {differs}", self.told);
        }
        let damage = self.store().verify(&mut |_, _| ()).unwrap();
        assert!(damage.is_empty(), "{}: {damage:?}", self.told);
    }

    /// Starts a process and looks at what it finds; says whether it runs. A disk that fails is tried again.
    #[track_caller]
    fn start(&mut self) -> bool {
        self.phase = if self.model == Model::default() { "beginning" } else { "opening" };
        for _ in 0..100 {
            match Memory::start(&self.machine, self.options, self.applying) {
                Ok(store) => {
                    self.store = Some(store);
                    self.find();
                    return true;
                }
                Err(Error::Io(_)) if self.machine.steps().stopped().is_some() => return false,
                Err(Error::Io(_)) => self.failed += 1,
                Err(error) => panic!("{}: {error}", self.told),
            }
        }
        panic!("{}: the store can't be opened", self.told);
    }

    /// What was acknowledged is there, and at most one of the groups that failed since.
    #[track_caller]
    fn find(&mut self) {
        let store = self.store.as_ref().unwrap();
        let candidates: Vec<&Model> = [&self.model].into_iter().chain(&self.perhaps).collect();
        let differs: Vec<_> = candidates.iter().map(|model| model.differs(store)).collect();
        let found = differs.iter().position(Option::is_none);
        let found = found.unwrap_or_else(|| panic!("{}: {differs:#?}", self.told));
        self.model = candidates[found].clone();
        self.perhaps.clear();
    }

    #[track_caller]
    fn act(&mut self, action: &Action) {
        match action {
            Action::Commit(group) => self.commit(group),
            Action::Settle => {
                self.phase = "settling";
                self.may_fail(|store| store.settle());
            }
            Action::Archive(keep) => {
                self.phase = "archiving";
                self.may_fail(|store| store.archive(*keep).map(drop));
            }
            Action::Fail(nth, count, kind) => self.machine.steps().fail_from(*nth, *count, *kind),
            Action::Restart(restart) => {
                self.stop(*restart);
                self.start();
            }
        }
    }

    /// Commits a group, with the outcome that it should have, or not at all.
    #[track_caller]
    fn commit(&mut self, group: &[Part]) {
        self.phase = "committing";
        let store = self.store.as_ref().unwrap();
        let (items, outcomes, after): (Vec<Item>, _, _) = self.model.after(group, store);
        let steps = self.machine.steps().count();
        match store.commit(items) {
            Ok(found) => {
                assert_eq!(found, outcomes, "{}", self.told);
                self.model = after;
                // A group that was refused as a whole writes nothing, so what failed before may still come back.
                if self.machine.steps().count() > steps {
                    self.perhaps.clear();
                }
            }
            Err(Error::Io(_)) => {
                self.failed += 1;
                self.perhaps.push(after);
                self.unseen();
            }
            Err(error) => panic!("{}: {error}", self.told),
        }
    }

    /// Nothing of a group that failed is seen, as long as anything can be read.
    #[track_caller]
    fn unseen(&self) {
        if self.machine.steps().stopped().is_some() {
            return;
        }
        if let Some(differs) = self.model.differs(self.store()) {
            panic!("{}: after a failure, {differs}", self.told);
        }
    }

    #[track_caller]
    fn may_fail(&self, work: impl FnOnce(&Memory) -> Result<(), Error>) {
        match work(self.store()) {
            Ok(()) => {}
            Err(Error::Io(_)) => self.unseen(),
            Err(error) => panic!("{}: {error}", self.told),
        }
    }
}

/// What is done to which sort of file.
fn kind(step: &Step) -> String {
    let sort = match step.file.as_str() {
        "" => return step.operation.to_owned(),
        "state" => "the state",
        part if part.ends_with(".part") => "an archive in the making",
        archive if archive.ends_with(".archive") => "an archive",
        _ => "a file of the journal",
    };
    match (step.operation, step.at) {
        ("write", 0) => format!("write the head of {sort}"),
        ("write", _) => format!("write into {sort}"),
        (operation, _) => format!("{operation} {sort}"),
    }
}
