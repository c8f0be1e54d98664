//! One process per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::Error;

/// The file that is locked; it holds nothing.
const NAME: &str = "lock";

/// The lock of a data folder. It is given back when this is dropped, or when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    /// Kept open, for the lock lives as long as the file.
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// When another process has it, or the file can't be made.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = opened.map_err(|error| io(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.display().to_string())),
            Err(TryLockError::Error(error)) => Err(io(&path, &error)),
        }
    }
}

/// The error for a path that the system refuses.
pub(super) fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::Io(format!("{}: {error}", path.display()))
}
