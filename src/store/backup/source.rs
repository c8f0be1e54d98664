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
        let mut looks = 0;
        loop {
            looks += 1;
            match self.look_durably() {
                Ok(Some(journal)) => return Ok(journal),
                // A file that was to be read is compressed now, and has another name.
                Ok(None) | Err(Error::Io(_)) if looks < LOOKS_MAX => {}
                Ok(None) => {
                    let folder = self.journal.display();
                    return Err(Error::Io(format!("the journal in `{folder}` never stood still long enough")));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`Source::journal`]; `None` when it has to be looked at again.
    fn look_durably(&self) -> Result<Option<Journal>, Error> {
        let journal = self.look()?;
        let Some(newest) = journal.segments().pop() else {
            return Err(Error::Io(format!("the journal in `{}` has no file yet", self.journal.display())));
        };
        hold(&journal)?;
        match sync_path(&self.journal.join(&newest.name)) {
            // It was closed and compressed meanwhile, so it is durable.
            Err(_) if !self.has(&newest) => {}
            synced => synced?,
        }
        sync_path(&self.journal)?;
        Ok(leads_to(&self.look()?, &journal)?.then_some(journal))
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

/// Opens the files that may be compressed and removed at any moment, so that they can be read nevertheless.
fn hold(journal: &Journal) -> Result<(), Error> {
    let mut plain = journal.segments().into_iter().filter(|segment| !segment.archived);
    plain.try_for_each(|segment| journal.copy(&segment, 0, &mut [0]).map(drop))
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
