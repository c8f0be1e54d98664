//! The disk of a machine in memory: a simulated one, on which groups and single steps can be troubled.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::disk::{self, Disk, SimDisk};
use super::Fault;
use super::steps::{Steps, Trouble};

/// A disk in memory on which groups can be troubled.
#[derive(Debug)]
pub(super) struct MemoryDisk {
    /// What it consists of.
    pub(super) disk: SimDisk,
    steps: Arc<Steps>,
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
    /// A disk without troubles.
    pub(super) fn new(disk: SimDisk, steps: Arc<Steps>) -> Self {
        Self { disk, steps, faults: Mutex::default(), resumed: Condvar::new() }
    }

    /// Makes the `nth` group from now on suffer a fault.
    pub(super) fn fault(&self, nth: u64, fault: Fault) {
        let mut faults = self.faults();
        let at = faults.writes.saturating_add(nth);
        faults.plan.insert(at, fault);
    }

    /// Whether a group waits.
    pub(super) fn stalled(&self) -> bool {
        self.faults().stalled
    }

    /// Lets it go on.
    pub(super) fn resume(&self) {
        self.faults().stalled = false;
        self.resumed.notify_all();
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Troubles the next operation of the disk, when this step is to be troubled.
    fn step(&self, operation: &'static str, name: &str, at: u64) -> io::Result<()> {
        match self.steps.begin(operation, name, at)? {
            None => {}
            Some(Trouble::Fail(kind)) => self.disk.fault(1, disk::Fault::Fail(kind)),
            Some(Trouble::Stop) => self.disk.fault(1, disk::Fault::Crash),
        }
        Ok(())
    }

    /// What the plan for groups says about a write.
    fn suffer(&self) -> io::Result<()> {
        let mut faults = self.faults();
        faults.writes = faults.writes.saturating_add(1);
        let write = faults.writes;
        match faults.plan.remove(&write) {
            Some(Fault::Fail) => return Err(told()),
            Some(Fault::Tear) => faults.torn = true,
            Some(Fault::Stall) => {
                faults.stalled = true;
                let waiting = self.resumed.wait_while(faults, |faults| faults.stalled);
                drop(waiting.unwrap_or_else(PoisonError::into_inner));
            }
            None => {}
        }
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.steps.alive()?;
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<()> {
        self.step("create", name, 0)?;
        self.disk.create(name)
    }

    fn write(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.suffer()?;
        self.step("write", name, at)?;
        self.disk.write(name, at, bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        if std::mem::take(&mut self.faults().torn) {
            return Err(told());
        }
        self.step("sync", name, 0)?;
        self.disk.sync(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.step("sync folder", "", 0)?;
        self.disk.sync_folder()
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        self.step("truncate", name, bytes)?;
        self.disk.truncate(name, bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename", from, 0)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step("remove", name, 0)?;
        self.disk.remove(name)
    }

    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.steps.alive()?;
        self.disk.read(name, at, bytes)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.steps.alive()?;
        self.disk.len(name)
    }
}

fn told() -> io::Error {
    io::Error::other("the memory store was told to fail")
}
