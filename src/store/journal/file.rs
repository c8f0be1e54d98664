//! One file of the journal, as it is read.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::archive::Archive;
use super::form::{FILE_HEAD_BYTES, Kind};
use super::{Address, End, PLACE, failed};
use crate::model::limit::JOURNAL_INDEX_BYTES;
use crate::store::disk::Disk;
use crate::store::{Error, Position};

/// A file of the journal.
#[derive(Debug)]
pub(super) struct File {
    /// What stands before it.
    pub(super) base: End,
    form: RwLock<Form>,
    index: Mutex<Index>,
}

/// How its records are kept.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// As they were written.
    Journal,
    /// Compressed.
    Archive(Arc<Archive>),
}

/// A place where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The position of the last event before it.
    pub(super) position: Position,
    /// Its address.
    pub(super) address: Address,
}

/// Some of the places where records begin, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    marks: Vec<Mark>,
    /// Whether they go up to the end of the file.
    whole: bool,
}

impl File {
    /// A file that begins after `base`.
    pub(super) fn new(base: End, form: Form, index: Index) -> Self {
        Self { base, form: RwLock::new(form), index: Mutex::new(index) }
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        self.kind().name(self.base.address)
    }

    /// What it is.
    pub(super) fn kind(&self) -> Kind {
        match self.form() {
            Form::Journal => Kind::Journal,
            Form::Archive(_) => Kind::Archive,
        }
    }

    /// How its records are kept.
    pub(super) fn form(&self) -> Form {
        self.form.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps its records in another way from now on. Who reads in the old way has done so when this returns.
    pub(super) fn turn_into(&self, form: Form) {
        *self.form.write().unwrap_or_else(PoisonError::into_inner) = form;
    }

    /// Reads records as they were written; gives how many bytes there were, which is less than asked for at the
    /// end of the file or of a piece of it.
    pub(super) fn read(&self, disk: &dyn Disk, at: Address, bytes: &mut [u8]) -> Result<usize, Error> {
        let form = self.form.read().unwrap_or_else(PoisonError::into_inner);
        let archive = match &*form {
            Form::Archive(archive) => Arc::clone(archive),
            Form::Journal => {
                let name = Kind::Journal.name(self.base.address);
                match disk.read(&name, self.offset(at), bytes) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        drop(form);
                        self.moved(disk).map_err(|_| failed(&name, &error))?
                    }
                    read => return read.map_err(|error| failed(&name, &error)),
                }
            }
        };
        archive.read(disk, &Kind::Archive.name(self.base.address), at, bytes)
    }

    /// The places where records begin, when they are stored with it.
    pub(super) fn stored_index(&self, disk: &dyn Disk) -> Result<Option<Index>, Error> {
        match self.form() {
            Form::Journal => Ok(None),
            Form::Archive(archive) => archive.index(disk, &Kind::Archive.name(self.base.address)).map(Some),
        }
    }

    /// The end after its last record, when it is an archive.
    pub(super) fn archived_end(&self) -> Option<End> {
        match self.form() {
            Form::Journal => None,
            Form::Archive(archive) => Some(archive.end()),
        }
    }

    /// Where a record stands in the file; in an archive, where the piece stands that holds it.
    pub(super) fn byte(&self, at: Address) -> u64 {
        match self.form() {
            Form::Journal => self.offset(at),
            Form::Archive(archive) => archive.place(at).0,
        }
    }

    /// The place of a record, for people.
    pub(super) fn place(&self, at: Address) -> String {
        format!("{PLACE}{}: byte {}", self.name(), self.byte(at))
    }

    /// The error for a record that is not what was written.
    pub(super) fn damaged(&self, at: Address, reason: impl Into<String>) -> Error {
        Error::Damaged { place: self.place(at), reason: reason.into() }
    }

    /// Where a record stands in the file as it was written.
    pub(super) fn offset(&self, at: Address) -> u64 {
        head_bytes().saturating_add(at.0.saturating_sub(self.base.address.0))
    }

    /// Another process has archived it.
    fn moved(&self, disk: &dyn Disk) -> Result<Arc<Archive>, Error> {
        let name = Kind::Archive.name(self.base.address);
        let archive = Arc::new(Archive::open(disk, &name, self.base.address)?);
        self.turn_into(Form::Archive(Arc::clone(&archive)));
        Ok(archive)
    }

    /// Its index.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// The index of a file without records, which will be told of each.
    pub(super) fn growing() -> Self {
        Self { marks: Vec::new(), whole: true }
    }

    /// The index of a file to which nothing will be added.
    pub(super) fn whole(marks: Vec<Mark>) -> Self {
        Self { marks, whole: true }
    }

    /// What it holds.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Takes note of a record, when the one before is far enough away.
    pub(super) fn note(&mut self, mark: Mark) {
        let far = |last: &Mark| mark.address.0.saturating_sub(last.address.0) >= JOURNAL_INDEX_BYTES;
        if self.marks.last().is_none_or(far) {
            self.marks.push(mark);
        }
    }

    /// Where to begin looking for the record that holds an event; `None` when the index is not whole.
    pub(super) fn before(&self, position: Position, base: &End) -> Option<Address> {
        let behind = self.marks.partition_point(|mark| mark.position < position);
        let mark = behind.checked_sub(1).and_then(|last| self.marks.get(last));
        self.whole.then(|| mark.map_or(base.address, |mark| mark.address))
    }
}

/// Bytes of the head of a file.
pub(super) fn head_bytes() -> u64 {
    u64::try_from(FILE_HEAD_BYTES).unwrap_or_default()
}

/// The files, in their order.
pub(super) type Files = Arc<Vec<Arc<File>>>;
