//! The journal: an append-only log of records, made durable group by group, and the truth about all that is stored.
//!
//! # Files
//!
//! It stands in one flat folder of a [`Disk`], in files that follow each other. Numbers are little-endian.
//!
//! ```text
//! {base:020}.journal       records as they were written; `base` is the address of the first of them
//! {base:020}.archive       the same, compressed (see `archive.rs`)
//! {base:020}.archive.part  an archive that is being written
//! ```
//!
//! An [`Address`] counts the bytes of records from the beginning of the journal; the heads of files don't count, so
//! a record keeps its address for ever. A `.journal` file is a head of 64 bytes and then records:
//!
//! ```text
//! head of a file    0  magic, `gendan-j` (`gendan-a` for an archive)
//!                   8  u32  format, 1
//!                  12  u64  address of the first record
//!                  20  u64  position of the last event before it
//!                  28  link of the last record before it, 32 bytes (zeros for the first file)
//!                  60  u32  CRC-32 of the 60 bytes before
//!
//! record            0  u32  bytes of the body
//!                   4  u32  CRC-32 of: its address (u64), the bytes of the body (u32), all that follows
//!                   8  u32  bytes of its group that stand before it
//!                  12  u32  how many events it holds; the highest bit marks the last record of a group
//!                  16  u64  position of the last event before it
//!                  24  link, 32 bytes: SHA-256 of: the link before, the position (u64), the number of events
//!                      (u64), the body
//!                  56  the body
//! ```
//!
//! The magic, the place of the format and the checksum of the head are the same in all formats to come. The CRC-32
//! is the one of zip and Ethernet. The address in it tells a record at a wrong place; the links make a chain that
//! can't be changed in the middle without changing everything behind it; they don't depend on how records were
//! grouped, so a copy of the journal has the same.
//!
//! # Writing
//!
//! A group is one `write` and one `fdatasync`; it stands in one file, and is acknowledged only then. A group is
//! written only after the one before it is durable. When the newest file has `segment_bytes` or more, the next group
//! begins a new one: head and group in one write, `fdatasync`, and a sync of the folder.
//!
//! When that fails, nothing of the group counts, and the next one is written where it should have stood:
//! - after a failed write, into the same file, over what the write may have left behind;
//! - after a failed sync, into a new file: what the system has of the old one can't be trusted any more, and a later
//!   sync that succeeds would say nothing about it.
//!
//! So a disk that was full or failed heals by itself. What a failed attempt leaves behind the end of a file is cut
//! off where possible, and is never taken for acknowledged:
//! - in a file that is followed by another one, what stands behind the address of that one does not count;
//! - in the newest file, it can't pass for a later group, for it began no later than the durable end of that time,
//!   which each record says (*bytes of its group before it*).
//!
//! A group that was never acknowledged may still be there after a stop, whole: its outcome was unknown. A part of a
//! group never is.
//!
//! # Opening
//!
//! 1. The head of each file is read. A newer format anywhere: [`Error::Newer`]. A head that is not what was written, a
//!    file that ends before the next one begins, a first file that is missing: [`Error::Damaged`], with the place.
//! 2. The newest file is read from the front. Where its records stop to be sound and to follow from each other, the
//!    rest is searched, byte by byte, for a sound record of a later group. There is one: what was acknowledged is
//!    damaged, [`Error::Damaged`]. There is none: the last group was *torn* by a stop in the middle, was never
//!    acknowledged, and is cut off back to its first record, which [`Opened`] tells.
//! 3. A newest file whose head was never written (it is shorter than a head, or has zeros there) was being made; it
//!    is removed, and the file before it must reach up to it. (Where there is none before it, or an archive, it is
//!    made again instead, without records.)
//! 4. The last group is written again in place, and the file and the folder are synced, before anything is trusted:
//!    a process before this one may have ended after a failed sync.
//!
//! Nothing is changed before all of this was checked. Records of older files are checked when they are read, and by
//! `verify`. That the newest file is missing as a whole, or was cut exactly behind a group, the journal can't know;
//! whoever keeps an [`End`] can, with [`Options::reaches`] and [`Journal::scan`].

mod archive;
mod file;
mod form;
mod open;
mod scan;
mod verify;
mod walk;
mod write;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::file::{File, Files, Form};
use self::form::Kind;
use self::write::Writer;
use super::disk::Disk;
use super::{Error, Position};

pub use self::scan::Scan;

/// The address of a record: how many bytes of records stand before it in the whole journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub u64);

/// A link of the chain: SHA-256 over the link before it and the record.
pub type Link = [u8; 32];

/// Where the journal ends, or ended once. The default is the end of an empty journal.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    /// The address of the next record.
    pub address: Address,
    /// The position of the last event before.
    pub position: Position,
    /// The link of the last record before; zeros for none. In hexadecimal where it is written as text.
    #[serde(serialize_with = "write_link", deserialize_with = "read_link")]
    pub link: Link,
}

/// A record to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// How many events it holds: so many positions it takes.
    pub events: u64,
    /// What it holds; the journal does not look into it.
    pub body: Vec<u8>,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub address: Address,
    /// The position of the last event before it.
    pub position: Position,
    /// How many events it holds.
    pub events: u64,
    /// Its link.
    pub link: Link,
    /// What it holds.
    pub body: Vec<u8>,
    /// The end after it.
    pub end: End,
}

/// How a journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of records from which on a file is closed and the next group begins a new one.
    pub segment_bytes: u64,
    /// Whether to begin a journal on a disk that has none.
    pub create: bool,
    /// How far it is known to have come: one that ends before has lost what was acknowledged, and is not touched.
    pub reaches: Address,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024, create: true, reaches: Address(0) }
    }
}

/// What had to be done when a journal was opened; for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Whether a journal was begun.
    pub created: bool,
    /// The end of the newest file that was cut off.
    pub cut: Option<Cut>,
    /// Files that were removed, since a stop in the middle had left them behind.
    pub removed: Vec<String>,
}

/// What was cut off a file, for it was never acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The file.
    pub file: String,
    /// Where in the file it began.
    pub at: u64,
    /// How many bytes it had.
    pub bytes: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What [`Journal::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files that were read.
    pub files: u64,
    /// Sound records, each following from the one before.
    pub records: u64,
    /// Events in records that could be read.
    pub events: u64,
    /// Bytes of records up to the end.
    pub bytes: u64,
    /// All that is damaged, from the front.
    pub flaws: Vec<Flaw>,
    /// The end of the newest file when it was torn by a stop: it was never acknowledged, and is no damage.
    pub tail: Option<Cut>,
}

/// Bytes of a file that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The file.
    pub file: String,
    /// Where in the file they begin.
    pub at: u64,
    /// How many there are; 0 when something is missing there.
    pub bytes: u64,
    /// What is wrong.
    pub reason: String,
    /// How many sound records stand before it in the whole journal.
    pub before: u64,
    /// How many sound records stand behind it.
    pub after: u64,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, at, bytes, reason, before, after } = self;
        write!(f, "{PLACE}{file}: {bytes} bytes from byte {at} on: {reason}")?;
        write!(f, " ({before} sound records stand before it, {after} behind it)")
    }
}

/// A file of the journal, as a backup copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// The address of its first record.
    pub base: Address,
    /// Bytes of the file that count: what stands behind them was never acknowledged.
    pub bytes: u64,
    /// Whether it is compressed.
    pub archived: bool,
}

/// An append-only log of records. One thread at a time appends; any number read meanwhile, and see what is durable.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    options: Options,
    state: RwLock<State>,
    /// `None` for one that was opened to look only.
    writer: Option<Mutex<Writer>>,
    archiving: Mutex<()>,
}

#[derive(Debug)]
struct State {
    files: Files,
    /// The durable end.
    end: End,
}

impl Journal {
    /// Opens the journal of a disk, makes what stands durable, and cuts a torn end off.
    ///
    /// # Errors
    /// When it is damaged or newer than this binary (nothing is changed then), when there is none and none is to be
    /// made, and when the disk says no.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Opened), Error> {
        let (found, opened) = open::open(&disk, options)?;
        Ok((Self::over(disk, options, found, Some(Mutex::default())), opened))
    }

    /// Opens the journal beside the process that writes it, as it stands now. Nothing is changed, and nothing can be
    /// appended. It ends before the first record of the newest file that is not complete.
    ///
    /// # Errors
    /// When there is none, when a file is missing or its head is damaged, when it is newer than this binary, and when
    /// the disk says no.
    pub fn peek(disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let found = open::peek(&disk)?;
        Ok(Self::over(disk, Options::default(), found, None))
    }

    /// The durable end.
    pub fn end(&self) -> End {
        self.view().1
    }

    /// Bytes that a record with a body of so many bytes takes: the next one stands so much further.
    #[must_use]
    pub fn record_bytes(body: usize) -> u64 {
        form::record_bytes(body)
    }

    /// Writes a group and makes it durable: all of it or nothing. Gives the end after it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a record of more than `RECORD_BYTES_MAX` bytes or a group of more than 4 GiB, and
    /// [`Error::Io`] when the disk fails. Nothing of the group counts then, and the next call begins where this one
    /// did. (A stop before the next call succeeds may bring the group back, whole.)
    pub fn append(&self, group: &[Draft]) -> Result<End, Error> {
        let mut writer = self.writer()?.lock().unwrap_or_else(PoisonError::into_inner);
        writer.append(self, group)
    }

    /// Reads the record at an address.
    ///
    /// # Errors
    /// [`Error::Damaged`] when no sound record stands there, [`Error::Io`] when the disk can't be read.
    pub fn read(&self, at: Address) -> Result<Record, Error> {
        scan::read(self, at)
    }

    /// The records from an end that once was, up to the end as it is now. The chain is checked from there on.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the journal ends before, or ends there with another chain.
    pub fn scan(&self, from: End) -> Result<Scan<'_>, Error> {
        Scan::new(self, from)
    }

    /// The address of the record that holds an event; `None` for an event that there is not.
    ///
    /// # Errors
    /// [`Error::Damaged`] and [`Error::Io`] when the records on the way can't be read.
    pub fn find(&self, position: Position) -> Result<Option<Address>, Error> {
        scan::find(self, position)
    }

    /// Compresses closed files, all but the newest `keep`; gives how many. Those who read go on meanwhile, and so does
    /// the one who appends.
    ///
    /// # Errors
    /// When a file is damaged, and when the disk fails: then the file stays as it is, or both forms of it stay until
    /// the journal is opened again.
    pub fn archive(&self, keep: usize) -> Result<usize, Error> {
        self.writer()?;
        let _one_at_a_time = self.archiving.lock().unwrap_or_else(PoisonError::into_inner);
        archive::archive(self, keep)
    }

    /// Reads everything up to the end as it is now, and goes on behind what is damaged. `progress` is told (done,
    /// all) in bytes.
    ///
    /// # Errors
    /// When the disk can't be read. Damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        verify::verify(&self.disk, Some(self.end()), progress)
    }

    /// As [`Journal::verify`], for a journal that may be too damaged to be opened, or for a copy of one. Where the
    /// newest file ends in what was never acknowledged, the report says so.
    ///
    /// # Errors
    /// When it is newer than this binary, and when the disk can't be read.
    pub fn check(disk: &Arc<dyn Disk>, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        verify::verify(disk, None, progress)
    }

    /// Its files, in their order. The copies of all of them, each as long as is said here, are the journal as it is now.
    pub fn segments(&self) -> Vec<Segment> {
        let (files, end) = self.view();
        let ends = files.iter().skip(1).map(|next| next.base.address).chain([end.address]);
        let segment = |(file, end): (&Arc<File>, Address)| {
            let (bytes, kind) = match file.form() {
                Form::Journal => (file.offset(end), Kind::Journal),
                Form::Archive(archive) => (archive.bytes(), Kind::Archive),
            };
            let base = file.base.address;
            Segment { name: kind.name(base), base, bytes, archived: kind == Kind::Archive }
        };
        files.iter().zip(ends).map(segment).collect()
    }

    /// Copies bytes of a segment, from so many bytes behind its beginning; gives how many there were.
    ///
    /// # Errors
    /// When the disk can't be read, or when the segment was archived since: ask for the segments again.
    pub fn copy(&self, segment: &Segment, at: u64, bytes: &mut [u8]) -> Result<usize, Error> {
        let left = usize::try_from(segment.bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = bytes.len().min(left);
        let read = self.disk.read(&segment.name, at, bytes.get_mut(..count).unwrap_or_default());
        read.map_err(|error| failed(&segment.name, &error))
    }

    fn over(disk: Arc<dyn Disk>, options: Options, found: open::Found, writer: Option<Mutex<Writer>>) -> Self {
        let state = RwLock::new(State { files: Arc::new(found.files), end: found.end });
        Self { disk, options, state, writer, archiving: Mutex::default() }
    }

    fn writer(&self) -> Result<&Mutex<Writer>, Error> {
        self.writer.as_ref().ok_or_else(|| Error::Io("the journal was opened to be looked at only".to_owned()))
    }

    fn view(&self) -> (Files, End) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&state.files), state.end)
    }

    /// Shows a new end, and the file in which it stands when it is a new one.
    fn publish(&self, file: Arc<File>, end: End) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.end = end;
        if state.files.last().is_some_and(|last| Arc::ptr_eq(last, &file)) {
            return;
        }
        let files = Arc::make_mut(&mut state.files);
        if files.last().is_some_and(|last| last.base.address == file.base.address) {
            files.pop();
        }
        files.push(file);
    }
}

impl Address {
    fn plus(self, bytes: usize) -> Self {
        self.plus_bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    fn plus_bytes(self, bytes: u64) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

impl End {
    /// The end after one more record.
    fn after(&self, body: usize, events: u64, link: Link) -> Self {
        let position = Position(self.position.0.saturating_add(events));
        Self { address: self.address.plus_bytes(form::record_bytes(body)), position, link }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "End({} after event {}, link {})", self.address.0, self.position.0, hexadecimal(&self.link))
    }
}

/// The folder, as it is named in the places of damage.
const PLACE: &str = "journal/";

/// The error for a file that the system refuses.
fn failed(name: &str, error: &io::Error) -> Error {
    Error::Io(format!("{PLACE}{name}: {error}"))
}

fn nothing_at(at: Address, end: &End) -> Error {
    let place = format!("journal: address {}", at.0);
    Error::Damaged { place, reason: format!("the journal ends at {}", end.address.0) }
}

fn hexadecimal(link: &Link) -> String {
    super::codec::hexadecimal(link)
}

fn write_link<S: Serializer>(link: &Link, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hexadecimal(link))
}

fn read_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Link, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    let link = bytes.filter(|_| rest.is_empty()).and_then(|bytes| Link::try_from(bytes).ok());
    link.ok_or_else(|| serde::de::Error::custom("a link is 64 hexadecimal digits"))
}
