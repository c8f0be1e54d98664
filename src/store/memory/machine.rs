//! What outlives a process: the disk and what the backend of the state kept.

use std::sync::Arc;

use super::super::disk::SimDisk;
use super::disk::MemoryDisk;
use super::kv::MemoryKv;
use super::steps::Steps;

/// A machine: stores are opened on it one after the other, as processes are started.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its disk with the journal.
    pub(super) disk: Arc<MemoryDisk>,
    /// Its backend of the state.
    pub(super) kv: Arc<MemoryKv>,
    steps: Arc<Steps>,
}

impl Machine {
    /// A machine with a disk, and a state that begins with nothing.
    #[must_use]
    pub fn new(disk: SimDisk) -> Self {
        let steps: Arc<Steps> = Arc::default();
        Self {
            disk: Arc::new(MemoryDisk::new(disk, Arc::clone(&steps))),
            kv: Arc::new(MemoryKv::new(Arc::clone(&steps))),
            steps,
        }
    }

    /// Every step by which something comes to stay here.
    #[must_use]
    pub fn steps(&self) -> &Steps {
        &self.steps
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

    /// The machine as the next process finds it when the power went now; what is not durable survives as the seed
    /// chooses.
    #[must_use]
    pub fn after_power_loss(&self, seed: u64) -> Self {
        self.after(self.disk().after_power_loss(seed), seed)
    }

    /// The machine as the next process finds it when this one was killed now. The journal is as it was written;
    /// of the state, what the backend had not handed to the system is lost, as the seed chooses.
    #[must_use]
    pub fn after_kill(&self, seed: u64) -> Self {
        self.after(self.disk().after_kill(), seed)
    }

    fn after(&self, disk: SimDisk, seed: u64) -> Self {
        let steps = Arc::new(self.steps.after_stop());
        Self {
            disk: Arc::new(MemoryDisk::new(disk, Arc::clone(&steps))),
            kv: Arc::new(self.kv.after_stop(seed, Arc::clone(&steps))),
            steps,
        }
    }
}
