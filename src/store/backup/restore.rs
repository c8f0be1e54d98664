//! Bringing a backup back.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::store::codec::hexadecimal;
use crate::store::content::Contents;
use crate::store::disk::{Disk, FolderDisk};

use super::fresh::Fresh;
use super::listed::Listed;
use super::manifest::{Manifest, sha256};
use super::{Built, CHUNK_BYTES, Copied, Error, Progress, Step, io, refused};

/// Checks a backup: each file is what was copied, and each record follows from the one before.
///
/// # Errors
/// [`Error::Damaged`] with the place of the first damage.
pub fn check(from: &Path, progress: Progress<'_>) -> Result<Manifest, Error> {
    let (manifest, disk) = open(from)?;
    let mut told = counter(manifest.bytes(), progress);
    for file in &manifest.files {
        let found = sha256(&disk, &file.name, file.bytes, &mut told).map_err(|error| unreadable(from, file, &error))?;
        same(file, found.as_deref())?;
    }
    drop(told);
    let files = manifest.files.iter().map(|file| (file.name.clone(), file.name.clone(), file.bytes));
    let changed = Contents::of(from).changed()?;
    if let Some(sha256) = changed.first() {
        return Err(Error::Damaged(format!("the backup is damaged: the attachment {sha256} has another content")));
    }
    match Listed::new(disk, files).check(&manifest.end, progress)? {
        None => Ok(manifest),
        Some(flaw) => Err(Error::Damaged(format!("the backup is damaged: {flaw}"))),
    }
}

/// Brings a backup back into a folder that is empty or does not exist: its files are checked and copied, the state
/// is built from them, and everything is verified.
///
/// # Errors
/// When the backup is damaged, or the folder is not empty. Then the folder stays as it was.
pub fn restore(from: &Path, data: &Path, progress: Progress<'_>) -> Result<Built, Error> {
    let (manifest, disk) = open(from)?;
    let fresh = Fresh::at(data)?;
    let to = FolderDisk::new(fresh.journal());
    let mut told = counter(manifest.bytes(), progress);
    for file in &manifest.files {
        let there = |error: std::io::Error| io(&fresh.journal(), &error);
        to.create(&file.name).map_err(there)?;
        let (mut hash, mut at, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
        while at < file.bytes {
            let left = usize::try_from(file.bytes.saturating_sub(at)).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let read = disk.read(&file.name, at, chunk.get_mut(..left).unwrap_or_default());
            let read = read.map_err(|error| unreadable(from, file, &error))?;
            let bytes = chunk.get(..read).filter(|bytes| !bytes.is_empty()).ok_or_else(|| cut(file, at))?;
            hash.update(bytes);
            to.write(&file.name, at, bytes).map_err(there)?;
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            at = at.saturating_add(read);
            told(read);
        }
        same(file, Some(&hexadecimal(&hash.finalize())))?;
        to.sync(&file.name).map_err(there)?;
    }
    drop((told, to));
    Contents::of(from).copy(&fresh.contents())?;
    fresh.finish_with_contents(&manifest.end, progress)
}

/// The manifest of a backup, and its files, which are all there in their full length.
fn open(from: &Path) -> Result<(Manifest, FolderDisk), Error> {
    let Some(manifest) = Manifest::read(from)? else {
        let what = format!("there is no backup in `{}`", from.display());
        return Err(refused(what, "name the folder that `gendan backup` was given; one that was cut off has none yet"));
    };
    let journal = from.join("journal");
    let disk = FolderDisk::new(&journal);
    // Names come from the folder itself: the manifest can't lead elsewhere.
    let there = disk.list().map_err(|error| io(&journal, &error))?;
    for file in &manifest.files {
        if !there.contains(&file.name) {
            return Err(Error::Damaged(format!("the backup is damaged: journal/{} is missing", file.name)));
        }
        let bytes = disk.len(&file.name).map_err(|error| unreadable(from, file, &error))?;
        if bytes < file.bytes {
            return Err(cut(file, bytes));
        }
    }
    Ok((manifest, disk))
}

fn counter(all: u64, progress: Progress<'_>) -> impl FnMut(u64) {
    let mut done = 0_u64;
    move |bytes| {
        done = done.saturating_add(bytes);
        progress(Step::Copying, done, all);
    }
}

fn same(file: &Copied, found: Option<&str>) -> Result<(), Error> {
    match found {
        Some(found) if found == file.sha256 => Ok(()),
        Some(found) => Err(Error::Damaged(format!(
            "the backup is damaged: journal/{} has the SHA-256 {found}, and not {}",
            file.name, file.sha256
        ))),
        None => Err(cut(file, 0)),
    }
}

fn cut(file: &Copied, at: u64) -> Error {
    let Copied { name, bytes, .. } = file;
    Error::Damaged(format!("the backup is damaged: journal/{name} has {at} bytes, and not {bytes}"))
}

fn unreadable(from: &Path, file: &Copied, error: &std::io::Error) -> Error {
    io(&from.join("journal").join(&file.name), error)
}
