//! The store in memory: for tests. It keeps nothing, and it can be told to fail, to stall, or to lose power.

mod store;

use std::collections::BTreeMap;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use super::disk::{Disk, SimDisk};
use super::keys::KeyRange;
use super::kv::{Batch, Kv, Pair};
use super::ledger::Ledger;
use super::{Error, journal, opening};

/// The store in memory, with what a test needs to trouble it.
#[derive(Debug)]
pub struct Memory {
    ledger: Ledger,
    disk: Arc<MemoryDisk>,
    kv: Arc<MemoryKv>,
}

/// What a group that is written to a [`Memory`] is to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the commit fails.
    Fail,
    /// The group is written, but it can't be made durable, and the commit fails: whether it survives is open,
    /// until a later commit.
    Tear,
    /// The commit waits, before it writes, until [`Memory::resume`].
    Stall,
}

/// Whether a thread brings the state up to date, as a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applying {
    /// A thread does.
    Thread,
    /// Only [`Ledger::settle`] does.
    ByHand,
}

impl Memory {
    /// An empty store.
    ///
    /// # Panics
    /// Never: an empty disk in memory can be opened.
    #[must_use]
    pub fn new() -> Self {
        match Self::over(SimDisk::new(), journal::Options::default(), Applying::Thread) {
            Ok(memory) => memory,
            Err(error) => unreachable!("an empty store in memory: {error}"),
        }
    }

    /// A store over a disk, with a state that begins with nothing.
    ///
    /// # Errors
    /// When what is on the disk can't be opened.
    pub fn over(disk: SimDisk, options: journal::Options, applying: Applying) -> Result<Self, Error> {
        Self::with(disk, MemoryKv::default(), options, applying)
    }

    fn with(disk: SimDisk, kv: MemoryKv, options: journal::Options, applying: Applying) -> Result<Self, Error> {
        let disk = Arc::new(MemoryDisk { disk, faults: Mutex::default(), resumed: Condvar::new() });
        let kv = Arc::new(kv);
        let (disk_too, kv_too): (Arc<dyn Disk>, Arc<dyn Kv>) = (Arc::clone(&disk) as _, Arc::clone(&kv) as _);
        let applier = applying == Applying::Thread;
        let ledger = opening::open(disk_too, kv_too, options, applier, &mut |_, _| ())?;
        Ok(Self { ledger, disk, kv })
    }

    /// The disk with the journal.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk.disk
    }

    /// The backend of the state.
    #[must_use]
    pub fn kv(&self) -> &MemoryKv {
        &self.kv
    }

    /// Makes the `nth` group that is written from now on suffer a fault; 1 is the next one. Groups that write
    /// nothing (all of their items were refused) don't count.
    pub fn fault(&self, nth: u64, fault: Fault) {
        let mut faults = self.disk.faults();
        let at = faults.writes.saturating_add(nth);
        faults.plan.insert(at, fault);
    }

    /// Whether a commit waits because of [`Fault::Stall`].
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.disk.faults().stalled
    }

    /// Lets the stalled commit go on.
    pub fn resume(&self) {
        self.disk.faults().stalled = false;
        self.disk.resumed.notify_all();
    }

    /// The store as the next process would find it if the power went now.
    ///
    /// # Errors
    /// When what is durable can't be read back.
    pub fn crash(&self) -> Result<Self, Error> {
        self.crash_to(0, journal::Options::default(), Applying::Thread)
    }

    /// As [`Memory::crash`]; what is not durable survives as the seed chooses, and the state with it.
    ///
    /// # Errors
    /// When what is durable can't be read back.
    pub fn crash_to(&self, seed: u64, options: journal::Options, applying: Applying) -> Result<Self, Error> {
        Self::with(self.disk().after_power_loss(seed), self.kv.after_power_loss(seed), options, applying)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Memory {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

/// A disk in memory on which groups can be troubled.
#[derive(Debug)]
struct MemoryDisk {
    disk: SimDisk,
    faults: Mutex<Faults>,
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct Faults {
    /// How many groups were written, or tried to be.
    writes: u64,
    plan: BTreeMap<u64, Fault>,
    stalled: bool,
    /// Whether the next sync fails.
    torn: bool,
}

impl MemoryDisk {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<()> {
        self.disk.create(name)
    }

    fn write(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut faults = self.faults();
        faults.writes = faults.writes.saturating_add(1);
        let write = faults.writes;
        match faults.plan.remove(&write) {
            Some(Fault::Fail) => return Err(told()),
            Some(Fault::Tear) => faults.torn = true,
            Some(Fault::Stall) => {
                faults.stalled = true;
                let waiting = self.resumed.wait_while(faults, |faults| faults.stalled);
                faults = waiting.unwrap_or_else(PoisonError::into_inner);
            }
            None => {}
        }
        drop(faults);
        self.disk.write(name, at, bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        if std::mem::take(&mut self.faults().torn) {
            return Err(told());
        }
        self.disk.sync(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder()
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        self.disk.truncate(name, bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.disk.read(name, at, bytes)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.disk.len(name)
    }
}

fn told() -> io::Error {
    io::Error::other("the memory store was told to fail")
}

/// Keys and values in memory.
#[derive(Debug, Default)]
pub struct MemoryKv {
    state: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// What readers see.
    live: OrdMap<Vec<u8>, Vec<u8>>,
    /// What stood after each batch since the last sync, and at that sync.
    moments: Vec<OrdMap<Vec<u8>, Vec<u8>>>,
    /// How many writes are to fail.
    failing: u64,
    /// What opening it says.
    broken: Option<String>,
}

impl MemoryKv {
    /// Makes the next writes fail, as on a full disk.
    pub fn fail(&self, writes: u64) {
        self.kept().failing = writes;
    }

    /// Makes writing and opening find damage, until it is put aside.
    pub fn damage(&self, reason: &str) {
        self.kept().broken = Some(reason.to_owned());
    }

    /// Removes a key behind the store's back, or puts a value there.
    pub fn tamper(&self, key: &[u8], value: Option<&[u8]>) {
        let mut kept = self.kept();
        match value {
            Some(value) => kept.live.insert(key.to_vec(), value.to_vec()),
            None => kept.live.remove(key),
        };
    }

    /// All keys with their values.
    #[must_use]
    pub fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.kept().live.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// What the next process would find: what stood at some moment since the last sync.
    fn after_power_loss(&self, seed: u64) -> Self {
        let kept = self.kept();
        let count = u64::try_from(kept.moments.len()).unwrap_or(u64::MAX);
        let chosen = seed.checked_rem(count).and_then(|nth| usize::try_from(nth).ok());
        let live = chosen.and_then(|nth| kept.moments.get(nth)).cloned().unwrap_or_default();
        Self { state: Mutex::new(Kept { moments: vec![live.clone()], live, ..Kept::default() }) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> OrdMap<Vec<u8>, Vec<u8>> {
        self.kept().live.clone()
    }
}

impl Kept {
    fn check(&mut self) -> Result<(), Error> {
        if let Some(reason) = &self.broken {
            return Err(Error::Damaged { place: "the state in memory".to_owned(), reason: reason.clone() });
        }
        if self.failing > 0 {
            self.failing = self.failing.saturating_sub(1);
            return Err(Error::Io("the state in memory was told to fail".to_owned()));
        }
        Ok(())
    }
}

impl Kv for MemoryKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.kept().live.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error> {
        let live = self.now();
        let found = live.range(range.from.clone()..range.to.clone()).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let live = self.now();
        Ok(live.range(range.from.clone()..range.to.clone()).take(limit).map(|(key, _)| key.clone()).collect())
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut kept = self.kept();
        kept.check()?;
        for (key, value) in &batch.writes {
            match value {
                Some(value) => kept.live.insert(key.clone(), value.clone()),
                None => kept.live.remove(key),
            };
        }
        let now = kept.live.clone();
        kept.moments.push(now);
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        let mut kept = self.kept();
        kept.check()?;
        kept.moments = vec![kept.live.clone()];
        Ok(())
    }

    fn open(&self) -> Result<(), Error> {
        let mut kept = self.kept();
        match &kept.broken {
            Some(_) => kept.check(),
            None => Ok(()),
        }
    }

    fn renew(&self) -> Result<String, Error> {
        *self.kept() = Kept::default();
        Ok("nowhere".to_owned())
    }
}
