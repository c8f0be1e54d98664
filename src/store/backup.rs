//! Backups: the files of the journal, copied while it is written, and brought back.
//!
//! ```text
//! backup/manifest.json        what there is, written last: files with bytes and SHA-256, and where the journal ends
//! backup/manifest.json.part   a backup that is being made
//! backup/journal/             the files; behind the bytes that the manifest tells, nothing counts
//! backup/attachments/         contents of attachments, by their SHA-256
//! backup/lock                 locked while a backup is being made
//! ```
//!
//! A backup into a folder that has one copies only what is new. The old one stays whole until the new one is
//! complete: files are copied under other names and checked from the first record to the last before they take
//! their places, and a file that takes the place of another begins with the same bytes, or, as an archive, stands
//! beside it. INVARIANT: what the manifest tells can be restored, whenever the process or the machine stops.

mod fresh;
mod listed;
mod manifest;
mod restore;
mod source;
mod target;

use std::path::Path;

use crate::model::Timestamp;

use super::content::Contents;
use super::hexadecimal;
use super::journal::{End, Link};

pub(super) use self::fresh::Fresh;
pub use self::manifest::{Copied, Manifest};
pub use self::restore::{check, restore};
pub(super) use self::source::Source;
use self::target::Target;

/// How often a backup begins again, without having copied anything, because files were compressed meanwhile.
const TRIES_MAX: usize = 16;

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Why a backup could not be made, or not be brought back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder, or a disk, said no.
    #[error(transparent)]
    Store(#[from] super::Error),
    /// It was called for something that it does not do; nothing was touched.
    #[error("{what}")]
    Refused {
        /// What is in the way.
        what: String,
        /// What to do about it.
        help: &'static str,
    },
    /// A backup, or an export, is not what was written.
    #[error("{0}")]
    Damaged(String),
}

/// What is being done, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes are copied.
    Copying,
    /// The records that were copied are checked, in bytes.
    Checking,
    /// The state is built from the journal, in bytes.
    Building,
    /// Every event is folded again, in events.
    Verifying,
}

/// Told the step, how much of it is done, and how much there is.
pub type Progress<'a> = &'a mut dyn FnMut(Step, u64, u64);

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Files of the backup.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that were copied now.
    pub files_copied: u64,
    /// Their bytes.
    pub bytes_copied: u64,
    /// Contents of attachments that were copied now.
    pub attachments_copied: u64,
    /// Their bytes.
    pub attachment_bytes_copied: u64,
    /// Events in the backup.
    pub events: u64,
    /// The head of the hash chain over all that it holds.
    pub link: Link,
}

/// What was built from a backup or an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Events.
    pub events: u64,
    /// Cases.
    pub cases: u64,
    /// The end of its journal.
    pub end: End,
}

/// Backs a data folder up into the folder `to`, beside the server that uses it.
///
/// # Errors
/// [`Error::Refused`] when `to` holds something else, or the backup of another journal; [`Error::Damaged`] when what
/// was copied is not sound. A backup that `to` held before stays what it was then.
pub fn backup(data: &Path, to: &Path, now: Timestamp, progress: Progress<'_>) -> Result<Made, Error> {
    let source = Source::at(data)?;
    let mut target = Target::open(to)?;
    let mut tries = 0;
    while tries < TRIES_MAX {
        let (journal, before) = (source.journal()?, target.copies());
        match target.follows(&journal) {
            // A file that was to be read is compressed now, and has another name.
            Err(Error::Store(super::Error::Io(_))) if tries + 1 < TRIES_MAX => {
                tries += 1;
                continue;
            }
            follows => follows?,
        }
        if target.copy(&source, &journal, progress)? {
            // After the journal: what it names was there before it was written, so nothing of it is missing now.
            let (files, bytes) = Contents::of(data).copy(&Contents::of(to))?;
            let made = target.finish(journal.end(), now, progress)?;
            return Ok(Made { attachments_copied: files, attachment_bytes_copied: bytes, ..made });
        }
        tries = if target.copies() > before { 0 } else { tries + 1 };
    }
    Err(super::Error::Io(format!("the files in `{}` never stood still long enough to be copied", data.display()))
        .into())
}

/// The error for what is not done.
fn refused(what: impl Into<String>, help: &'static str) -> Error {
    Error::Refused { what: what.into(), help }
}

/// An end, in words.
fn in_words(end: &End) -> String {
    let End { address, position, link } = end;
    format!("at address {} after event {} with the link {}", address.0, position.0, hexadecimal(link))
}

/// The error of the system for a path.
fn io(path: &Path, error: &std::io::Error) -> Error {
    super::lock::io(path, error).into()
}
