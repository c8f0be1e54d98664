//! What a backup says of itself.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::codec::hexadecimal;
use crate::store::disk::{Disk, FolderDisk};
use crate::store::journal::End;

use super::{CHUNK_BYTES, Error, io, refused};

/// The form of backups that this binary writes, and the newest one it knows.
const FORM: u32 = 1;

/// The file in which it stands.
pub(super) const NAME: &str = "manifest.json";

/// The same while the backup is being made.
pub(super) const PART: &str = "manifest.json.part";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    gendan_backup: u32,
    /// When it was made, as RFC 3339.
    pub at: String,
    /// The files of the journal, in their order.
    pub files: Vec<Copied>,
    /// Where the journal ends.
    pub end: End,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its name.
    pub name: String,
    /// Its bytes that count.
    pub bytes: u64,
    /// The SHA-256 of these bytes, in hexadecimal.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Form {
    gendan_backup: u32,
}

impl Manifest {
    /// A manifest of these files.
    pub(super) fn new(at: String, files: Vec<Copied>, end: End) -> Self {
        Self { gendan_backup: FORM, at, files, end }
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Reads the manifest of a backup; `None` when there is none.
    ///
    /// # Errors
    /// When it was written by a newer Gendan, or is damaged.
    pub(super) fn read(backup: &Path) -> Result<Option<Self>, Error> {
        let path = backup.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path, &error)),
        };
        let damaged = |error: serde_json::Error| Error::Damaged(format!("`{}` is damaged: {error}", path.display()));
        let form: Form = serde_json::from_slice(&text).map_err(damaged)?;
        if form.gendan_backup > FORM {
            let what = format!("the backup in `{}` was made by a newer gendan", backup.display());
            return Err(refused(what, "use that one"));
        }
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Announces a backup: a folder with this file is no stranger's, whatever else is missing yet.
    pub(super) fn announce(backup: &FolderDisk) -> std::io::Result<()> {
        write(backup, format!("{{ \"gendan_backup\": {FORM} }}\n").as_bytes())?;
        backup.sync_folder()
    }

    /// Writes it: from now on this is the backup.
    pub(super) fn write(&self, backup: &FolderDisk) -> std::io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        text.push(b'\n');
        write(backup, &text)?;
        backup.rename(PART, NAME)?;
        backup.sync_folder()
    }
}

/// Writes the manifest under its other name, durably.
fn write(backup: &FolderDisk, text: &[u8]) -> std::io::Result<()> {
    make(backup, PART)?;
    backup.write(PART, 0, text)?;
    backup.sync(PART)
}

/// Makes an empty file, whether or not there is one of this name.
pub(super) fn make(disk: &dyn Disk, name: &str) -> std::io::Result<()> {
    match disk.create(name) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => disk.truncate(name, 0),
        made => made,
    }
}

/// The SHA-256 of the first bytes of a file, in hexadecimal; `None` when it has fewer. `told` is told how many bytes
/// were read just now.
pub(super) fn sha256(
    disk: &dyn Disk,
    name: &str,
    bytes: u64,
    told: &mut dyn FnMut(u64),
) -> std::io::Result<Option<String>> {
    let (mut hash, mut at, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    while at < bytes {
        let left = usize::try_from(bytes.saturating_sub(at)).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let read = disk.read(name, at, chunk.get_mut(..left).unwrap_or_default())?;
        if read == 0 {
            return Ok(None);
        }
        hash.update(chunk.get(..read).unwrap_or_default());
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        at = at.saturating_add(read);
        told(read);
    }
    Ok(Some(hexadecimal(&hash.finalize())))
}
