//! A disk in memory that can be told what to suffer, and shows what a stop would leave behind.

mod dice;
mod image;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use self::dice::Dice;
use self::image::Image;
use super::Disk;

/// What a writing operation of a [`SimDisk`] is to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails. A write may leave a part of its bytes behind, and a sync may drop what was not synced for good,
    /// although reads still show it; later syncs succeed without it.
    Fail(io::ErrorKind),
    /// It waits until [`SimDisk::resume`].
    Stall,
    /// It is cut off in the middle, and from then on everything fails, reading too.
    Crash,
}

/// A disk in memory.
///
/// Writing operations ([`Disk::create`], `write`, `sync`, `sync_folder`, `truncate`, `rename`, `remove`) are
/// counted; a plan says which of them suffers what. What chance decides is decided by the disk's seed, so that
/// everything can be played again.
#[derive(Debug)]
pub struct SimDisk {
    state: Mutex<State>,
    resumed: Condvar,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// An empty disk whose faults leave behind what this seed chooses.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::with(State { dice: Dice::new(seed), ..State::default() })
    }

    /// Makes the `nth` writing operation from now on suffer a fault; 1 is the next one.
    pub fn fault(&self, nth: u64, fault: Fault) {
        let mut state = self.state();
        let at = state.operations.saturating_add(nth);
        state.plan.insert(at, fault);
    }

    /// Makes `count` writing operations fail, beginning with the `nth` from now on; those behind them go well.
    pub fn fail_from(&self, nth: u64, count: u64, kind: io::ErrorKind) {
        let mut state = self.state();
        let from = state.operations.saturating_add(nth);
        state.failing.push((from, from.saturating_add(count), kind));
    }

    /// Forgets all faults that were planned.
    pub fn heal(&self) {
        let mut state = self.state();
        state.plan.clear();
        state.failing.clear();
    }

    /// How many writing operations there were, those that failed too.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Whether an operation waits because of [`Fault::Stall`].
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.state().stalled
    }

    /// Lets the stalled operation go on.
    pub fn resume(&self) {
        self.state().stalled = false;
        self.resumed.notify_all();
    }

    /// Whether [`Fault::Crash`] has come.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// The disk as the next process would find it if the power went now: what was synced is there. Of the rest
    /// the seed chooses: nothing, everything, what was first, or any sectors; and any of the names that were made,
    /// moved or removed.
    #[must_use]
    pub fn after_power_loss(&self, seed: u64) -> Self {
        let state = self.state();
        let mut dice = Dice::new(seed);
        let mut names = state.durable.clone();
        let survives = dice.below(3);
        for change in &state.pending {
            if survives == 1 || (survives == 2 && dice.coin()) {
                change.apply(&mut names);
            }
        }
        let mut next = State { dice: Dice::new(seed), next: state.next, ..State::default() };
        for id in names.values() {
            if let Some(image) = state.images.get(id) {
                next.images.insert(*id, image.after_power_loss(&mut dice));
            }
        }
        next.durable = names.clone();
        next.names = names;
        Self::with(next)
    }

    /// The disk as the next process would find it if this one were killed now: everything that was written is
    /// there, and still not durable where it was not.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let state = self.state();
        Self::with(State {
            dice: state.dice,
            images: state.images.clone(),
            names: state.names.clone(),
            durable: state.durable.clone(),
            pending: state.pending.clone(),
            next: state.next,
            ..State::default()
        })
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        Some(state.images.get(state.names.get(name)?)?.bytes().to_vec())
    }

    /// Damages a file: flips the bits of `mask` in one byte, on the disk too.
    pub fn flip(&self, name: &str, at: u64, mask: u8) {
        if let Ok(image) = self.state().image(name) {
            image.flip(at, mask);
        }
    }

    /// Damages a file: takes away what stands behind its first bytes, on the disk too.
    pub fn cut(&self, name: &str, bytes: u64) {
        if let Ok(image) = self.state().image(name) {
            image.cut(bytes);
        }
    }

    /// Damages the folder: takes away a file.
    pub fn delete(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable.remove(name);
        state.pending.retain(|change| !change.makes(name));
    }

    /// Puts a file there, durable at once.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let id = state.id();
        state.images.insert(id, Image::durable(bytes.to_vec()));
        state.names.insert(name.to_owned(), id);
        state.durable.insert(name.to_owned(), id);
    }

    fn with(state: State) -> Self {
        Self { state: Mutex::new(state), resumed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a writing operation and looks up what befalls it.
    fn begin(&self) -> io::Result<(MutexGuard<'_, State>, Option<io::Error>)> {
        let mut state = self.alive()?;
        state.operations = state.operations.saturating_add(1);
        let now = state.operations;
        let kind = state.failing.iter().find(|(from, to, _)| (*from..*to).contains(&now)).map(|(_, _, kind)| *kind);
        let fault = state.plan.remove(&now).or(kind.map(Fault::Fail));
        match fault {
            None => Ok((state, None)),
            Some(Fault::Fail(kind)) => Ok((state, Some(kind.into()))),
            Some(Fault::Crash) => {
                state.crashed = true;
                Ok((state, Some(lost())))
            }
            Some(Fault::Stall) => {
                state.stalled = true;
                state = self.resumed.wait_while(state, |state| state.stalled).unwrap_or_else(PoisonError::into_inner);
                Ok((state, None))
            }
        }
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.crashed { Err(lost()) } else { Ok(state) }
    }

    /// An operation on names: it is done whole or not at all.
    fn change(
        &self,
        allowed: impl FnOnce(&State) -> io::Result<()>,
        make: impl FnOnce(u64) -> Change,
    ) -> io::Result<()> {
        let (mut state, fault) = self.begin()?;
        if fault.is_none() || (state.crashed && state.dice.coin()) {
            allowed(&state)?;
            let id = state.id();
            let change = make(id);
            if matches!(change, Change::Add(..)) {
                state.images.insert(id, Image::default());
            }
            change.apply(&mut state.names);
            state.pending.push(change);
        }
        fault.map_or(Ok(()), Err)
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.alive()?.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<()> {
        let free = |state: &State| match state.names.contains_key(name) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => Ok(()),
        };
        self.change(free, |id| Change::Add(name.to_owned(), id))
    }

    fn write(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, fault) = self.begin()?;
        let whole = fault.is_none() || state.dice.below(4) == 0;
        let part = if whole { bytes.len() } else { state.dice.part(bytes.len()) };
        state.image(name)?.write(at, bytes.get(..part).unwrap_or(bytes));
        fault.map_or(Ok(()), Err)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let (mut state, fault) = self.begin()?;
        let fails = fault.is_some() && !state.crashed;
        let drops = fails && state.dice.coin();
        let image = state.image(name)?;
        if drops {
            image.forget();
        } else if fault.is_none() {
            image.sync();
        }
        fault.map_or(Ok(()), Err)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let (mut state, fault) = self.begin()?;
        if fault.is_none() {
            state.pending.clear();
            state.durable = state.names.clone();
            let State { images, durable, .. } = &mut *state;
            images.retain(|id, _| durable.values().any(|kept| kept == id));
        }
        fault.map_or(Ok(()), Err)
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        let (mut state, fault) = self.begin()?;
        if fault.is_none() || (state.crashed && state.dice.coin()) {
            state.image(name)?.truncate(bytes);
        }
        fault.map_or(Ok(()), Err)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| state.find(from).map(|_| ()), |_| Change::Move(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(|state| state.find(name).map(|_| ()), |_| Change::Drop(name.to_owned()))
    }

    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(self.alive()?.image(name)?.read(at, bytes))
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.alive()?.image(name)?.len())
    }
}

#[derive(Debug, Default)]
struct State {
    dice: Dice,
    /// The files, by a number that stays the same when their name changes.
    images: BTreeMap<u64, Image>,
    /// Their names as the running process sees them.
    names: BTreeMap<String, u64>,
    /// Their names as they are durable.
    durable: BTreeMap<String, u64>,
    /// What happened to the names since they were made durable.
    pending: Vec<Change>,
    /// The number of the next file.
    next: u64,
    operations: u64,
    plan: BTreeMap<u64, Fault>,
    /// Operations that fail: from, to (not itself), how.
    failing: Vec<(u64, u64, io::ErrorKind)>,
    crashed: bool,
    stalled: bool,
}

impl State {
    fn id(&mut self) -> u64 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn image(&mut self, name: &str) -> io::Result<&mut Image> {
        let id = self.find(name)?;
        self.images.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Something that happened to the names.
#[derive(Clone, Debug)]
enum Change {
    Add(String, u64),
    Move(String, String),
    Drop(String),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Add(name, id) => {
                names.insert(name.clone(), *id);
            }
            Self::Move(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            Self::Drop(name) => {
                names.remove(name);
            }
        }
    }

    fn makes(&self, name: &str) -> bool {
        match self {
            Self::Add(made, _) | Self::Move(_, made) => made == name,
            Self::Drop(_) => false,
        }
    }
}

fn lost() -> io::Error {
    io::Error::other("the power is gone")
}
