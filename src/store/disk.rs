//! The files of one flat folder, as the journal uses them. Whatever can go wrong with a disk goes wrong here.
//!
//! - [`FolderDisk`] is a folder of the file system.
//! - [`SimDisk`] is a disk in memory that can be told to fail, to stall, and to lose its power.

mod folder;
mod sim;

use std::fmt;
use std::io;

pub use self::folder::FolderDisk;
pub use self::sim::{Fault, SimDisk};

/// The files of one flat folder.
///
/// What [`Disk::sync`] has not confirmed may be lost with the power, in any part of it; so may the names of files
/// that were made, moved or removed since [`Disk::sync_folder`]. Nobody else writes these files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The names of the files, sorted.
    ///
    /// # Errors
    /// When the folder can't be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a new empty file.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one of this name, and what the system says.
    fn create(&self, name: &str) -> io::Result<()>;

    /// Writes all of the bytes, so many bytes behind the beginning of the file. The file grows as needed.
    ///
    /// # Errors
    /// What the system says; a part of the bytes may have been written.
    fn write(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was written to a file (`fdatasync`).
    ///
    /// # Errors
    /// What the system says. Then nothing that was written since the last sync can be trusted, and a later sync
    /// that succeeds says nothing about it.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Makes durable which names there are.
    ///
    /// # Errors
    /// What the system says.
    fn sync_folder(&self) -> io::Result<()>;

    /// Gives a file another length.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, name: &str, bytes: u64) -> io::Result<()>;

    /// Gives a file another name; a file that has this name already is replaced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Reads into `bytes` from so many bytes behind the beginning of the file; gives how many there were.
    ///
    /// # Errors
    /// What the system says.
    fn read(&self, name: &str, at: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// The length of a file in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self, name: &str) -> io::Result<u64>;
}
