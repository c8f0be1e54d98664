//! The data folder: where the store keeps what it keeps.
//!
//! ```text
//! data/format    the format of everything beside it, as a number; written last when the folder is made
//! data/lock      locked by the one process that has the folder open
//! data/journal/  the journal: the truth
//! data/state/    what follows from it; may be removed while nobody has the folder open
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, FolderDisk};
use super::journal::{self, Journal};
use super::ledger::Ledger;
use super::lock::{Lock, io};
use super::opening::{self, Progress};
use super::sled::SledKv;
use super::{Damage, Error};

/// The format of the folder that this binary writes, and the newest one it knows.
const FORMAT: u32 = 2;

impl Ledger {
    /// Opens the store in `folder`; makes it, when `create` says so and nothing is there yet.
    ///
    /// # Errors
    /// When another process has it, when its journal is damaged, when a newer Gendan wrote it (it is left
    /// untouched), and when the disk says no.
    pub fn open(folder: &Path, create: bool) -> Result<Self, Error> {
        Self::open_with(folder, create, &mut |_, _| ())
    }

    /// As [`Ledger::open`]; `progress` is told how many bytes of the journal were read, and how many are to be.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_with(folder: &Path, create: bool, progress: Progress<'_>) -> Result<Self, Error> {
        Self::at(folder, create, true, progress)
    }

    /// Opens a store that is there, to look at it: damage of its state that is found while reading is told and
    /// nothing is done about it.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn look(folder: &Path) -> Result<Self, Error> {
        Self::at(folder, false, false, &mut |_, _| ())
    }

    /// Everything that is damaged in the journal of a folder, whether or not it can be opened, and how many events could
    /// be read. Nothing is changed.
    ///
    /// # Errors
    /// When another process has the folder, and when the disk says no.
    pub fn damages(folder: &Path, progress: Progress<'_>) -> Result<(u64, Vec<Damage>), Error> {
        let _lock = Lock::take(folder)?;
        let disk: Arc<dyn Disk> = Arc::new(FolderDisk::new(folder.join("journal")));
        let report = Journal::check(&disk, progress)?;
        let damages = report.flaws.into_iter().map(|flaw| Damage { case: None, what: flaw.to_string() });
        Ok((report.events, damages.collect()))
    }

    fn at(folder: &Path, create: bool, applier: bool, progress: Progress<'_>) -> Result<Self, Error> {
        if create {
            fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
        } else if !folder.join("format").exists() {
            return Err(Error::Io(format!("there is no data in `{}`", folder.display())));
        }
        let lock = Lock::take(folder)?;
        match read_format(folder)? {
            Some(older) if older < FORMAT => {
                let known = format!("has format {older}, of a time before the first release");
                return Err(Error::Io(format!("the data folder {known}; this gendan reads format {FORMAT} only")));
            }
            Some(_) if !folder.join("journal").is_dir() => {
                return Err(damaged(&folder.join("journal"), "it is missing"));
            }
            Some(_) => {}
            None => begin(folder)?,
        }
        let disk = Arc::new(FolderDisk::new(folder.join("journal")));
        let kv = Arc::new(SledKv::new(folder.join("state"), lock));
        opening::open(disk, kv, journal::Options::default(), applier, progress)
    }
}

/// Makes a new folder durable, its format last: a folder without one was never in use.
fn begin(folder: &Path) -> Result<(), Error> {
    let journal = folder.join("journal");
    if fs::read_dir(&journal).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(damaged(&folder.join("format"), "it is missing"));
    }
    fs::create_dir_all(&journal).map_err(|error| io(&journal, &error))?;
    finish(folder)
}

/// Makes durable what stands in a new folder, and says its format last.
pub(super) fn finish(folder: &Path) -> Result<(), Error> {
    sync_path(&folder.join("journal"))?;
    let path = folder.join("format");
    fs::write(&path, format!("{FORMAT}\n")).map_err(|error| io(&path, &error))?;
    sync_path(&path)?;
    sync_path(folder)?;
    sync_above(folder)
}

/// Makes the name of a folder durable in the one above it.
pub(super) fn sync_above(folder: &Path) -> Result<(), Error> {
    let whole = fs::canonicalize(folder).map_err(|error| io(folder, &error))?;
    whole.parent().map_or(Ok(()), sync_path)
}

/// The format that a folder says it has; `None` when nothing was ever finished in it.
pub(super) fn read_format(folder: &Path) -> Result<Option<u32>, Error> {
    let path = folder.join("format");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(damaged(&path, "it is no number")),
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

/// Makes a file, or the names in a folder, durable.
pub(super) fn sync_path(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io(path, &error))
}

/// The error for a path that is not as it was left.
pub(super) fn damaged(place: &Path, reason: &str) -> Error {
    Error::Damaged { place: place.display().to_string(), reason: reason.to_owned() }
}

/// A free name beside `path`, for what is put aside.
pub(super) fn aside(path: &Path) -> PathBuf {
    let name = |number: u32| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".aside-{number}"));
        path.with_file_name(name)
    };
    (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
}
