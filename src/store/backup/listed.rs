//! A folder as a list tells it: other files, and bytes behind those that count, are not there.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::store::disk::{Disk, FolderDisk};
use crate::store::journal::{End, Journal};

use super::{Error, Progress, Step, in_words};

/// Files of a folder, to be read only.
#[derive(Debug)]
pub(super) struct Listed {
    disk: FolderDisk,
    /// By their name: the name under which they stand for now, and their bytes that count.
    files: BTreeMap<String, (String, u64)>,
}

impl Listed {
    /// These files of a folder: name, name for now, bytes.
    pub(super) fn new(disk: FolderDisk, files: impl IntoIterator<Item = (String, String, u64)>) -> Self {
        let files = files.into_iter().map(|(name, now, bytes)| (name, (now, bytes))).collect();
        Self { disk, files }
    }

    /// Checks every record, from the first to the last, which must end where it is said to. Gives what is wrong.
    ///
    /// # Errors
    /// When the disk can't be read.
    pub(super) fn check(self, end: &End, progress: Progress<'_>) -> Result<Option<String>, Error> {
        let disk: Arc<dyn Disk> = Arc::new(self);
        let report = Journal::check(&disk, &mut |done, all| progress(Step::Checking, done, all))?;
        if let Some(flaw) = report.flaws.first() {
            return Ok(Some(flaw.to_string()));
        }
        if let Some(cut) = report.tail {
            return Ok(Some(format!("journal/{}: from byte {} on: {}", cut.file, cut.at, cut.reason)));
        }
        let found = Journal::peek(disk)?.end();
        Ok((found != *end).then(|| format!("the journal ends {}, and not {}", in_words(&found), in_words(end))))
    }

    fn find(&self, name: &str) -> io::Result<(&str, u64)> {
        let (now, bytes) = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok((now, *bytes))
    }
}

fn never<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for Listed {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn create(&self, _name: &str) -> io::Result<()> {
        never()
    }

    fn write(&self, _name: &str, _at: u64, _bytes: &[u8]) -> io::Result<()> {
        never()
    }

    fn sync(&self, _name: &str) -> io::Result<()> {
        never()
    }

    fn sync_folder(&self) -> io::Result<()> {
        never()
    }

    fn truncate(&self, _name: &str, _bytes: u64) -> io::Result<()> {
        never()
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        never()
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        never()
    }

    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let (now, all) = self.find(name)?;
        let left = usize::try_from(all.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        self.disk.read(now, at, bytes.get_mut(..left).unwrap_or_default())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        let (now, bytes) = self.find(name)?;
        Ok(self.disk.len(now)?.min(bytes))
    }
}
