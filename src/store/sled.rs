//! The embedded store: a folder, with sled in it.
//!
//! ```text
//! data/format   the format of everything beside it, as a number; written last when the folder is made
//! data/lock     locked by the one process that has the folder open
//! data/state/   sled
//! ```
//!
//! Sled 0.34.7 alone does not keep the store's promise, and these are the reasons for what stands here:
//! - its `flush` asks the system to begin writing and never to finish (`sync_file_range`), so each commit ends
//!   with an `fdatasync` of sled's file `db`;
//! - it moves large pages into files of their own under `blobs/`, which nothing syncs, so values are cut in
//!   pieces (`PIECE_BYTES_MAX`) and segments are large enough for a page full of them;
//! - it panics over some damage, so each call is guarded, and a panic becomes [`Error::Damaged`];
//! - once a write failed (a full disk), it refuses all others, so it is opened again when the disk takes writes;
//! - a process that is killed while it writes a snapshot leaves `snap.*.generating` behind, which it then
//!   refuses to open, so that file is removed first; it is a copy of what the log has.
//!
//! Its `Mode` is left alone: nothing in 0.34.7 reads it. Its own background flush is off, for each commit
//! flushes.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::Error;
use super::keys::KeyRange;
use super::kv::{Batch, Kv, Pair};
use super::ledger::Ledger;
use super::lock::{Lock, io};

/// The embedded store.
pub type Sled = Ledger<SledKv>;

/// The format of the folder that this binary writes, and the newest one it knows.
const FORMAT: u32 = 1;

/// Bytes of sled's cache; it really uses up to twice as much.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of a segment of sled's log. A page of more than a quarter of it would leave the synced file; that is
/// room for 60 pieces, where sled splits a page of more than 16 values, and for 256 of the longest keys.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// How often, and how long apart, sled is asked again for a folder whose last owner in this process is still
/// letting go of it.
const OPEN_TRIES_MAX: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

impl Sled {
    /// Opens the store in `folder`; makes it, when `create` says so and nothing is there yet.
    ///
    /// # Errors
    /// When another process has it, when it is damaged, when a newer Gendan wrote it (it is left untouched),
    /// and when the disk says no.
    pub fn open(folder: &Path, create: bool) -> Result<Self, Error> {
        Self::over(SledKv::open(folder, create)?)
    }
}

/// Sled's keys and values.
#[derive(Debug)]
pub struct SledKv {
    state: PathBuf,
    /// `None` only while sled could not be opened again after it had failed.
    open: RwLock<Option<Open>>,
    trouble: AtomicU8,
    /// Given back last.
    _lock: Lock,
}

#[derive(Debug)]
struct Open {
    db: ::sled::Db,
    /// The file `db` of sled, for the sync that sled leaves out.
    file: File,
}

/// All is well.
const NONE: u8 = 0;
/// Sled could not write. It refuses all further writes and shows what was not written, until it is opened
/// again.
const UNWRITTEN: u8 = 1;
/// A sync failed. The system may have dropped what it could not write and say of the next sync that all is
/// well, so no commit is believed any more until the next start.
const UNSYNCED: u8 = 2;

impl SledKv {
    fn open(folder: &Path, create: bool) -> Result<Self, Error> {
        if create {
            fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
        } else if !folder.join("format").exists() {
            return Err(Error::Io(format!("there is no data in `{}`", folder.display())));
        }
        let lock = Lock::take(folder)?;
        let format = read_format(folder)?;
        let state = folder.join("state");
        if format.is_some() && !state.join("db").exists() {
            return Err(damaged(&state, "sled's file `db` is missing"));
        }
        remove_leftovers(&state)?;
        let open = RwLock::new(Some(Open::new(&state)?));
        let kv = Self { state, open, trouble: AtomicU8::new(NONE), _lock: lock };
        if format.is_none() {
            kv.begin(folder)?;
        }
        Ok(kv)
    }

    /// Makes a new folder durable, its format last: a folder without one was never in use.
    fn begin(&self, folder: &Path) -> Result<(), Error> {
        if !self.with(|open| Ok(open.db.is_empty()))? {
            return Err(damaged(&folder.join("format"), "it is missing"));
        }
        self.sync()?;
        sync_path(&self.state.join("conf"))?;
        sync_path(&self.state)?;
        let path = folder.join("format");
        fs::write(&path, format!("{FORMAT}\n")).map_err(|error| io(&path, &error))?;
        sync_path(&path)?;
        sync_path(folder)?;
        let parent = fs::canonicalize(folder).map_err(|error| io(folder, &error))?;
        parent.parent().map_or(Ok(()), sync_path)
    }

    fn with<T>(&self, work: impl FnOnce(&Open) -> ::sled::Result<T>) -> Result<T, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(|| Error::Io("the data could not be opened again".to_owned()))?;
        guarded(&self.state, || work(open))
    }

    /// As [`Self::with`], for writing: a failure is remembered.
    fn writing<T>(&self, work: impl FnOnce(&Open) -> ::sled::Result<T>) -> Result<T, Error> {
        match self.trouble.load(Ordering::Acquire) {
            NONE => self.with(work).inspect_err(|_| self.trouble.store(UNWRITTEN, Ordering::Release)),
            UNSYNCED => Err(Error::Io("a sync of the data failed; nothing is written until a restart".to_owned())),
            _ => Err(Error::Io("the data could not be written before".to_owned())),
        }
    }
}

impl Open {
    fn new(state: &Path) -> Result<Self, Error> {
        let db = guarded(state, || open_sled(state))?;
        let path = state.join("db");
        let file = File::open(&path).map_err(|error| io(&path, &error))?;
        Ok(Self { db, file })
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.with(|open| Ok(open.db.get(key)?.map(|value| value.to_vec())))
    }

    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error> {
        self.with(|open| {
            let found = open.db.range(range.from.as_slice()..range.to.as_slice()).take(limit);
            found.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
        })
    }

    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.with(|open| {
            let found = open.db.range(range.from.as_slice()..range.to.as_slice()).take(limit);
            found.map(|entry| entry.map(|(key, _)| key.to_vec())).collect()
        })
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Pair>, Error> {
        self.with(|open| {
            let last = open.db.range(range.from.as_slice()..range.to.as_slice()).next_back().transpose()?;
            Ok(last.map(|(key, value)| (key.to_vec(), value.to_vec())))
        })
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in &batch.writes {
            match value {
                Some(value) => writes.insert(key.as_slice(), value.as_slice()),
                None => writes.remove(key.as_slice()),
            }
        }
        self.writing(|open| open.db.apply_batch(writes))
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = self.writing(|open| {
            open.db.flush()?;
            Ok(open.file.sync_data())
        })?;
        synced.map_err(|error| {
            self.trouble.store(UNSYNCED, Ordering::Release);
            Error::Io(format!("a sync of the data failed; nothing is written until a restart: {error}"))
        })
    }

    /// Opens sled again once the disk takes writes; until then what sled has is still there to be read.
    fn heal(&self) -> Result<(), Error> {
        if self.trouble.load(Ordering::Acquire) != UNWRITTEN {
            return Ok(());
        }
        probe(&self.state)?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        drop(open.take());
        *open = Some(Open::new(&self.state)?);
        self.trouble.store(NONE, Ordering::Release);
        tracing::info!("the data can be written again");
        Ok(())
    }
}

/// Says whether the disk takes as much as sled needs to begin with.
fn probe(state: &Path) -> Result<(), Error> {
    let path = state.join("probe");
    let written = fs::write(&path, vec![1; 2 * SEGMENT_BYTES]).and_then(|()| File::open(&path)?.sync_all());
    let removed = fs::remove_file(&path);
    written.and(removed).map_err(|error| io(&path, &error))
}

fn open_sled(state: &Path) -> ::sled::Result<::sled::Db> {
    let config =
        ::sled::Config::new().path(state).cache_capacity(CACHE_BYTES).segment_size(SEGMENT_BYTES).flush_every_ms(None);
    let mut tries = 1;
    loop {
        match config.open() {
            Err(::sled::Error::Io(error)) if tries < OPEN_TRIES_MAX && error.to_string().contains("acquire lock") => {
                tries += 1;
                std::thread::sleep(OPEN_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Calls sled; its errors and its panics become ours.
fn guarded<T>(place: &Path, work: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(::sled::Error::Io(error))) => Err(io(place, &error)),
        Ok(Err(error)) => Err(damaged(place, &error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(damaged(place, text.unwrap_or("sled gave up without a word")))
        }
    }
}

fn read_format(folder: &Path) -> Result<Option<u32>, Error> {
    let path = folder.join("format");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&path, &error)),
    };
    match text.trim().parse() {
        Ok(found) if found > FORMAT => Err(Error::Newer { found, known: FORMAT }),
        Ok(0) => Err(damaged(&path, "there is no format 0")),
        Ok(found) => Ok(Some(found)),
        // The first start ended in the middle of writing it.
        Err(_) if text.is_empty() => Ok(None),
        Err(_) => Err(damaged(&path, "it is no number")),
    }
}

fn remove_leftovers(state: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(state) else { return Ok(()) };
    let leftover = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("snap.") && name.ends_with(".generating")
    };
    for path in entries.flatten().map(|entry| entry.path()).filter(leftover) {
        tracing::warn!(file = %path.display(), "removed an unfinished snapshot that a stop in the middle left behind");
        fs::remove_file(&path).map_err(|error| io(&path, &error))?;
    }
    Ok(())
}

fn sync_path(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io(path, &error))
}

fn damaged(place: &Path, reason: &str) -> Error {
    Error::Damaged { place: place.display().to_string(), reason: reason.to_owned() }
}
