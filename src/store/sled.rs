//! The backend of the state: sled, in a folder of its own.
//!
//! Whatever sled 0.34.7 loses or breaks is written again from the journal. What stands here because of it:
//! - its `flush` asks the system to begin writing and never to finish (`sync_file_range`), so a checkpoint ends
//!   with an `fdatasync` of sled's file `db`;
//! - it moves large pages into files of their own under `blobs/`, which nothing syncs, so values are cut in
//!   pieces (`PIECE_BYTES_MAX`) and segments are large enough for a page full of them;
//! - it panics over some damage, so each call is guarded, and a panic becomes [`Error::Damaged`];
//! - once a write failed (a full disk), it refuses all others, so it is opened again;
//! - a process that is killed while it writes a snapshot leaves `snap.*.generating` behind, which it then
//!   refuses to open, so that file is removed first; it is a copy of what the log has.
//!
//! Its `Mode` is left alone: nothing in 0.34.7 reads it. Its own background flush is off.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::Error;
use super::folder::{aside, damaged, sync_path};
use super::keys::KeyRange;
use super::kv::{Batch, Kv, Pair};
use super::lock::{Lock, io};

/// Bytes of sled's cache; it really uses up to twice as much.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of a segment of sled's log. A page of more than a quarter of it would leave the synced file; that is
/// room for 60 pieces, where sled splits a page of more than 16 values, and for 256 of the longest keys.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// How often, and how long apart, sled is asked again for a folder whose last owner in this process is still
/// letting go of it.
const OPEN_TRIES_MAX: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Sled's keys and values.
#[derive(Debug)]
pub(super) struct SledKv {
    path: PathBuf,
    /// `None` while sled is not open.
    open: RwLock<Option<Open>>,
    /// Given back last.
    _lock: Lock,
}

#[derive(Debug)]
struct Open {
    db: ::sled::Db,
    /// The file `db` of sled, for the sync that sled leaves out.
    file: File,
}

impl SledKv {
    /// The backend in a folder, which is not opened yet.
    pub(super) fn new(path: PathBuf, lock: Lock) -> Self {
        Self { path, open: RwLock::new(None), _lock: lock }
    }

    fn with<T>(&self, work: impl FnOnce(&Open) -> ::sled::Result<T>) -> Result<T, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(|| Error::Io("the state is not open".to_owned()))?;
        guarded(&self.path, || work(open))
    }
}

impl Open {
    fn new(path: &Path) -> Result<Self, Error> {
        remove_leftovers(path)?;
        let db = guarded(path, || open_sled(path))?;
        let path = path.join("db");
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

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in &batch.writes {
            match value {
                Some(value) => writes.insert(key.as_slice(), value.as_slice()),
                None => writes.remove(key.as_slice()),
            }
        }
        self.with(|open| open.db.apply_batch(writes))
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = self.with(|open| {
            open.db.flush()?;
            Ok(open.file.sync_data())
        })?;
        synced.map_err(|error| io(&self.path, &error))
    }

    fn open(&self) -> Result<(), Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        drop(open.take());
        *open = Some(Open::new(&self.path)?);
        Ok(())
    }

    fn renew(&self) -> Result<String, Error> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // Sled writes once more when it is let go; what becomes of it does not matter any more.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(open.take())));
        let to = aside(&self.path);
        if self.path.exists() {
            fs::rename(&self.path, &to).map_err(|error| io(&self.path, &error))?;
            self.path.parent().map_or(Ok(()), sync_path)?;
        }
        *open = Some(Open::new(&self.path)?);
        Ok(format!("as `{}`", to.file_name().unwrap_or_default().to_string_lossy()))
    }
}

fn open_sled(path: &Path) -> ::sled::Result<::sled::Db> {
    let config =
        ::sled::Config::new().path(path).cache_capacity(CACHE_BYTES).segment_size(SEGMENT_BYTES).flush_every_ms(None);
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

/// Calls sled; its errors and its panics become ours. Sled reports damage as failed I/O too; only what would
/// stand in the way of a new state as well is left as such.
fn guarded<T>(place: &Path, work: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(::sled::Error::Io(error))) if refused(&error) => Err(io(place, &error)),
        Ok(Err(error)) => Err(damaged(place, &error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(damaged(place, text.unwrap_or("sled gave up without a word")))
        }
    }
}

/// Whether the system refuses to write here, or another process has the folder.
fn refused(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, WouldBlock};
    let kinds = [PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, WouldBlock];
    kinds.contains(&error.kind()) || error.to_string().contains("acquire lock")
}

fn remove_leftovers(path: &Path) -> Result<(), Error> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
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
