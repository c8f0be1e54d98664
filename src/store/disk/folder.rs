//! A folder of the file system.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Disk;

/// Files that are kept open at a time, besides those with writes that were not synced.
const OPEN_FILES_MAX: usize = 64;

/// The files of a folder. They are kept open, so that one write or sync is one call of the system.
#[derive(Debug)]
pub struct FolderDisk {
    folder: PathBuf,
    open: Mutex<Open>,
}

impl FolderDisk {
    /// The files of a folder that exists, or is made before the first file.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), open: Mutex::default() }
    }

    /// Makes the folder when it does not exist, and makes its name durable in the folder above.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn make(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        if let Some(above) = fs::canonicalize(&folder)?.parent() {
            sync_names(above)?;
        }
        Ok(Self::new(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readable(&self, name: &str) -> io::Result<Arc<File>> {
        let mut open = self.open();
        if let Some(handle) = open.handle(name) {
            return Ok(Arc::clone(&handle.file));
        }
        let file = File::open(self.path(name))?;
        Ok(open.keep(name, Handle { file: Arc::new(file), writable: false, unsynced: false, used: 0 }))
    }

    fn writable(&self, name: &str) -> io::Result<Arc<File>> {
        let mut open = self.open();
        if let Some(handle) = open.handle(name).filter(|handle| handle.writable) {
            handle.unsynced = true;
            return Ok(Arc::clone(&handle.file));
        }
        let file = OpenOptions::new().read(true).write(true).open(self.path(name))?;
        Ok(open.keep(name, Handle { file: Arc::new(file), writable: true, unsynced: true, used: 0 }))
    }
}

impl Disk for FolderDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        let handle = Handle { file: Arc::new(file), writable: true, unsynced: true, used: 0 };
        self.open().keep(name, handle);
        Ok(())
    }

    fn write(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        place::write_all(&*self.writable(name)?, at, bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        // Through the handle that wrote, for the system tells of a failed write once, and to that one.
        let synced = self.writable(name)?.sync_data();
        if let Some(handle) = self.open().handle(name) {
            handle.unsynced = false;
        }
        synced
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync_names(&self.folder)
    }

    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()> {
        self.writable(name)?.set_len(bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut open = self.open();
        open.files.remove(from);
        open.files.remove(to);
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.open().files.remove(name);
        fs::remove_file(self.path(name))
    }

    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let file = self.readable(name)?;
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match place::read(&file, at.saturating_add(u64::try_from(done).unwrap_or(u64::MAX)), rest) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }
}

#[derive(Debug, Default)]
struct Open {
    files: BTreeMap<String, Handle>,
    /// Counts the uses, to find the file that was used longest ago.
    uses: u64,
}

#[derive(Debug)]
struct Handle {
    file: Arc<File>,
    writable: bool,
    unsynced: bool,
    used: u64,
}

impl Open {
    fn handle(&mut self, name: &str) -> Option<&mut Handle> {
        self.uses = self.uses.saturating_add(1);
        let handle = self.files.get_mut(name)?;
        handle.used = self.uses;
        Some(handle)
    }

    fn keep(&mut self, name: &str, mut handle: Handle) -> Arc<File> {
        let idle = self.files.iter().filter(|(_, handle)| !handle.unsynced);
        let oldest = idle.min_by_key(|(_, handle)| handle.used).map(|(name, _)| name.clone());
        if let Some(oldest) = oldest.filter(|_| self.files.len() >= OPEN_FILES_MAX) {
            self.files.remove(&oldest);
        }
        handle.used = self.uses;
        let file = Arc::clone(&handle.file);
        self.files.insert(name.to_owned(), handle);
        file
    }
}

#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no call for it: names are made durable by the file system's own journal.
#[cfg(not(unix))]
fn sync_names(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod place {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    pub(super) fn write_all(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    pub(super) fn read(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        file.read_at(bytes, at)
    }
}

#[cfg(windows)]
mod place {
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::FileExt;

    pub(super) fn write_all(file: &File, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match file.seek_write(bytes, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn read(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        file.seek_read(bytes, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_and_read_at_places() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FolderDisk::make(folder.path().join("a/b")).unwrap();
        disk.create("one").unwrap();
        assert_eq!(disk.create("one").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        disk.write("one", 3, b"defg").unwrap();
        disk.write("one", 0, b"abc").unwrap();
        disk.sync("one").unwrap();
        disk.sync_folder().unwrap();
        let mut bytes = [0; 10];
        assert_eq!(disk.read("one", 1, &mut bytes).unwrap(), 6);
        assert_eq!(&bytes[..6], b"bcdefg");
        disk.truncate("one", 2).unwrap();
        assert_eq!(disk.len("one").unwrap(), 2);
        disk.create("two").unwrap();
        disk.rename("two", "one").unwrap();
        assert_eq!(disk.list().unwrap(), ["one"]);
        assert_eq!(disk.read("one", 0, &mut bytes).unwrap(), 0);
        disk.remove("one").unwrap();
        assert_eq!(disk.read("one", 0, &mut bytes).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn only_so_many_files_are_kept_open() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FolderDisk::new(folder.path());
        for number in 0..3 * OPEN_FILES_MAX {
            let name = format!("{number}");
            disk.create(&name).unwrap();
            disk.write(&name, 0, name.as_bytes()).unwrap();
            disk.sync(&name).unwrap();
        }
        assert_eq!(disk.open().files.len(), OPEN_FILES_MAX);
        let mut bytes = [0; 3];
        assert_eq!(disk.read("7", 0, &mut bytes).unwrap(), 1);
        assert_eq!(bytes, *b"7\0\0");
    }
}
