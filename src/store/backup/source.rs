//! The data folder that is read, perhaps beside the server that writes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::Error;
use crate::store::disk::{Disk, FolderDisk};
use crate::store::folder::{read_format, sync_path};
use crate::store::journal::{Journal, Segment};

/// How often the journal is looked at again, because its newest file was closed or its end taken back meanwhile.
const LOOKS_MAX: usize = 64;

/// A data folder, to be read only.
#[derive(Debug)]
pub(in crate::store) struct Source {
    journal: PathBuf,
}

impl Source {
    /// The data folder in `data`.
    ///
    /// # Errors
    /// When there is none, and when a newer Gendan wrote it.
    pub(in crate::store) fn at(data: &Path) -> Result<Self, Error> {
        match read_format(data)? {
            Some(_) => Ok(Self { journal: data.join("journal") }),
            None => Err(Error::Io(format!("there is no data in `{}`", data.display()))),
        }
    }

    /// The journal as it stands now, and nothing of it that a loss of power could still take back.
    ///
    /// What is read may be a group that the writer has not made durable yet. So it is made durable here; and since
    /// the writer may have taken it back, when its own attempt failed, the journal must still lead there afterwards.
    ///
    /// # Errors
    /// When it can't be read, is damaged, or is empty.
    pub(in crate::store) fn journal(&self) -> Result<Journal, Error> {
        for _ in 0..LOOKS_MAX {
            let journal = self.look()?;
            let Some(newest) = journal.segments().pop() else {
                return Err(Error::Io(format!("the journal in `{}` has no file yet", self.journal.display())));
            };
            match sync_path(&self.journal.join(&newest.name)).and_then(|()| sync_path(&self.journal)) {
                Err(_) if !self.has(&newest) => continue,
                synced => synced?,
            }
            if leads_to(&self.look()?, &journal)? {
                return Ok(journal);
            }
        }
        Err(Error::Io(format!("the journal in `{}` never stood still long enough", self.journal.display())))
    }

    /// Whether a file is still there under its name: those that are compressed get another.
    pub(in crate::store) fn has(&self, segment: &Segment) -> bool {
        self.journal.join(&segment.name).exists()
    }

    /// Each time through a disk of its own: one that was used before may have a file open that is gone.
    fn look(&self) -> Result<Journal, Error> {
        let disk: Arc<dyn Disk> = Arc::new(FolderDisk::new(&self.journal));
        Journal::peek(disk)
    }
}

/// Whether a journal, looked at later, has passed the end it had before.
fn leads_to(later: &Journal, before: &Journal) -> Result<bool, Error> {
    let next = later.scan(before.end()).and_then(|mut scan| scan.next());
    match next {
        Ok(_) => Ok(true),
        Err(Error::Damaged { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
