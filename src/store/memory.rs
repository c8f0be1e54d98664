//! The store in memory: for tests. It keeps nothing, and it can be told to fail, to stall, or to lose power.

mod disk;
mod kv;
mod machine;
mod steps;
mod store;

use std::ops::Deref;
use std::sync::Arc;

use super::disk::{Disk, SimDisk};
use super::kv::Kv;
use super::ledger::Ledger;
use super::{Error, journal, opening};

pub use self::kv::MemoryKv;
pub use self::machine::Machine;
pub use self::steps::{Step, Steps};

/// The store in memory, with what a test needs to trouble it.
#[derive(Debug)]
pub struct Memory {
    ledger: Ledger,
    machine: Machine,
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
        Self::start(&Machine::new(disk), options, applying)
    }

    /// A store on a machine, with what an earlier one left there.
    ///
    /// # Errors
    /// When what is there can't be opened, and when the machine stops meanwhile.
    pub fn start(machine: &Machine, options: journal::Options, applying: Applying) -> Result<Self, Error> {
        let machine = machine.clone();
        let (disk, kv): (Arc<dyn Disk>, Arc<dyn Kv>) = (Arc::clone(&machine.disk) as _, Arc::clone(&machine.kv) as _);
        let applier = applying == Applying::Thread;
        let ledger = opening::open(disk, kv, options, applier, &mut |_, _| ())?;
        Ok(Self { ledger, machine })
    }

    /// What outlives it.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The disk with the journal.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        self.machine.disk()
    }

    /// The backend of the state.
    #[must_use]
    pub fn kv(&self) -> &MemoryKv {
        self.machine.kv()
    }

    /// Makes the `nth` group that is written from now on suffer a fault; 1 is the next one. Groups that write
    /// nothing (all of their items were refused) don't count.
    pub fn fault(&self, nth: u64, fault: Fault) {
        self.machine.disk.fault(nth, fault);
    }

    /// Whether a commit waits because of [`Fault::Stall`].
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.machine.disk.stalled()
    }

    /// Lets the stalled commit go on.
    pub fn resume(&self) {
        self.machine.disk.resume();
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
        Self::start(&self.machine.after_power_loss(seed), options, applying)
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
