//! The backend of the state in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use super::super::Error;
use super::super::keys::KeyRange;
use super::super::kv::{Batch, Kv, Pair};
use super::steps::{Steps, Trouble};

/// The name of the state among the files, where steps are told.
const STATE: &str = "state";

/// Keys and values in memory.
#[derive(Debug, Default)]
pub struct MemoryKv {
    state: Mutex<Kept>,
    steps: Arc<Steps>,
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
    /// Keys and values whose steps are counted among these.
    pub(super) fn new(steps: Arc<Steps>) -> Self {
        Self { state: Mutex::default(), steps }
    }

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
    pub(super) fn after_stop(&self, seed: u64, steps: Arc<Steps>) -> Self {
        let kept = self.kept();
        let count = u64::try_from(kept.moments.len()).unwrap_or(u64::MAX);
        let chosen = seed.checked_rem(count).and_then(|nth| usize::try_from(nth).ok());
        let live = chosen.and_then(|nth| kept.moments.get(nth)).cloned().unwrap_or_default();
        Self { state: Mutex::new(Kept { moments: vec![live.clone()], live, ..Kept::default() }), steps }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Result<OrdMap<Vec<u8>, Vec<u8>>, Error> {
        self.steps.alive().map_err(io)?;
        Ok(self.kept().live.clone())
    }

    /// Does a step. One that is troubled may be done all the same.
    fn step(&self, operation: &'static str, work: impl FnOnce(&mut Kept)) -> Result<(), Error> {
        let trouble = self.steps.begin(operation, STATE, 0).map_err(io)?;
        if trouble.is_none() || self.steps.coin() {
            work(&mut self.kept());
        }
        match trouble {
            None => Ok(()),
            Some(Trouble::Fail(kind)) => Err(io(kind.into())),
            Some(Trouble::Stop) => Err(io(std::io::Error::other("everything stops"))),
        }
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

    fn apply(&mut self, batch: &Batch) {
        // What a store begins with is one of the moments a stop may lead back to.
        if self.moments.is_empty() {
            self.moments.push(self.live.clone());
        }
        for (key, value) in &batch.writes {
            match value {
                Some(value) => self.live.insert(key.clone(), value.clone()),
                None => self.live.remove(key),
            };
        }
        self.moments.push(self.live.clone());
    }
}

impl Kv for MemoryKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.now()?.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error> {
        let live = self.now()?;
        let found = live.range(range.from.clone()..range.to.clone()).take(limit);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let live = self.now()?;
        Ok(live.range(range.from.clone()..range.to.clone()).take(limit).map(|(key, _)| key.clone()).collect())
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        self.kept().check()?;
        self.step("batch", |kept| kept.apply(batch))
    }

    fn sync(&self) -> Result<(), Error> {
        self.kept().check()?;
        self.step("sync", |kept| kept.moments = vec![kept.live.clone()])
    }

    fn open(&self) -> Result<(), Error> {
        self.step("open", |_| ())?;
        let mut kept = self.kept();
        match &kept.broken {
            Some(_) => kept.check(),
            None => Ok(()),
        }
    }

    fn renew(&self) -> Result<String, Error> {
        self.step("renew", |kept| *kept = Kept::default())?;
        Ok("nowhere".to_owned())
    }
}

fn io(error: std::io::Error) -> Error {
    Error::Io(format!("{STATE}: {error}"))
}
