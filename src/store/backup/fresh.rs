//! A data folder that is made from records that were kept elsewhere: all of it or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::limit::SCAN_CASES;
use crate::store::content::Contents;
use crate::store::disk::FolderDisk;
use crate::store::folder::{finish, sync_above};
use crate::store::journal::End;
use crate::store::{self, Ledger, Scan, Store};

use super::{Built, Error, Progress, Step, in_words, io, refused};

/// A data folder in the making. It stands beside its place, `DIR.part`, and goes away unless it is finished.
#[derive(Debug)]
pub(in crate::store) struct Fresh {
    folder: PathBuf,
    part: PathBuf,
}

impl Fresh {
    /// Begins one that will stand at `folder`.
    ///
    /// # Errors
    /// When there is something already.
    pub(in crate::store) fn at(folder: &Path) -> Result<Self, Error> {
        match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(false) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(true) => return Err(refused(format!("`{}` is not empty", folder.display()), "name a new folder")),
            Err(error) => return Err(io(folder, &error)),
        }
        if is_mount_point(folder) {
            let what = format!("`{}` is a mount point, and can't be put into its place as a whole", folder.display());
            return Err(refused(what, "name a folder inside it"));
        }
        let Some(name) = folder.file_name() else {
            return Err(refused(format!("`{}` names no folder", folder.display()), "name it by its own name"));
        };
        let mut name = name.to_owned();
        name.push(".part");
        let part = folder.with_file_name(name);
        if let Some(above) = part.parent().filter(|above| !above.as_os_str().is_empty()) {
            fs::create_dir_all(above).map_err(|error| io(above, &error))?;
        }
        match fs::create_dir(&part) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let what = format!(
                    "`{}` is there: it is being made, or was left by an attempt that was cut off",
                    part.display()
                );
                return Err(refused(what, "remove it when nothing else is at work"));
            }
            made => made.map_err(|error| io(&part, &error))?,
        }
        let fresh = Self { folder: folder.to_owned(), part };
        let journal = fresh.journal();
        fs::create_dir(&journal).map_err(|error| io(&journal, &error))?;
        Ok(fresh)
    }

    /// Where its journal is to stand.
    pub(in crate::store) fn journal(&self) -> PathBuf {
        self.part.join("journal")
    }

    /// The disk of its journal.
    pub(in crate::store) fn disk(&self) -> FolderDisk {
        FolderDisk::new(self.journal())
    }

    /// Where the contents of its attachments are to stand.
    pub(in crate::store) fn contents(&self) -> Contents {
        Contents::of(&self.part)
    }

    /// As [`Self::finish`]; that a content of an attachment is missing or changed is damage too.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(in crate::store) fn finish_with_contents(self, end: &End, progress: Progress<'_>) -> Result<Built, Error> {
        self.complete(end, true, progress)
    }

    /// Builds the state from the journal that stands there now, verifies all of it, and moves it to its place.
    ///
    /// # Errors
    /// When the journal does not end as it should, or something is wrong with it.
    pub(in crate::store) fn finish(self, end: &End, progress: Progress<'_>) -> Result<Built, Error> {
        self.complete(end, false, progress)
    }

    fn complete(self, end: &End, contents: bool, progress: Progress<'_>) -> Result<Built, Error> {
        finish(&self.part)?;
        let store = Ledger::open_with(&self.part, false, &mut |done, all| progress(Step::Building, done, all))?;
        let found = store.parts().journal.end();
        if found != *end {
            return Err(Error::Damaged(format!(
                "what was brought back ends {}, and not {}",
                in_words(&found),
                in_words(end)
            )));
        }
        let mut damage = store.verify(&mut |done, all| progress(Step::Verifying, done, all))?;
        if contents {
            damage.extend(self.contents().verify(&store)?.damages);
        }
        if let Some(first) = damage.first() {
            let more = damage.len().saturating_sub(1);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            return Err(Error::Damaged(format!("what was brought back is not sound: {}{more}", first.what)));
        }
        let built = Built { events: end.position.0, cases: cases(&store)?, end: *end };
        store.settle()?;
        drop(store);
        self.take_place()?;
        Ok(built)
    }

    fn take_place(&self) -> Result<(), Error> {
        // An empty folder that stands there gives way.
        let gave_way = match fs::remove_dir(&self.folder) {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(io(&self.folder, &error)),
        };
        fs::rename(&self.part, &self.folder).map_err(|error| {
            if gave_way {
                // The error that is told is the one of the move.
                drop(fs::create_dir(&self.folder));
            }
            io(&self.folder, &error)
        })?;
        Ok(sync_above(&self.folder)?)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // When it was finished, nothing stands there any more.
        drop(fs::remove_dir_all(&self.part));
    }
}

/// Whether a folder is on another file system than the one above it.
#[cfg(unix)]
fn is_mount_point(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let own = device(folder);
    own.is_some() && own != device(&folder.join(".."))
}

#[cfg(not(unix))]
fn is_mount_point(_folder: &Path) -> bool {
    false
}

fn cases(store: &Ledger) -> Result<u64, store::Error> {
    let (mut count, mut before) = (0_u64, None);
    loop {
        let page = store.scan(&Scan { index: None, before, limit: SCAN_CASES })?;
        count = count.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
        before = page.last().copied();
        if page.len() < SCAN_CASES {
            return Ok(count);
        }
    }
}
