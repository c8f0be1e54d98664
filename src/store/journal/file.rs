//! One file of the journal, as it is read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

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
        match &*self.form.read().unwrap_or_else(PoisonError::into_inner) {
            Form::Journal => Kind::Journal,
        }
    }

    /// Reads records as they were written; gives how many bytes there were.
    pub(super) fn read(&self, disk: &dyn Disk, at: Address, bytes: &mut [u8]) -> Result<usize, Error> {
        let form = self.form.read().unwrap_or_else(PoisonError::into_inner);
        match &*form {
            Form::Journal => {
                let name = Kind::Journal.name(self.base.address);
                disk.read(&name, self.offset(at), bytes).map_err(|error| failed(&name, &error))
            }
        }
    }

    /// The place of a record in the file, for people.
    pub(super) fn place(&self, at: Address) -> String {
        format!("{PLACE}{}: byte {}", self.name(), self.offset(at))
    }

    /// The error for a record that is not what was written.
    pub(super) fn damaged(&self, at: Address, reason: impl Into<String>) -> Error {
        Error::Damaged { place: self.place(at), reason: reason.into() }
    }

    /// Where a record stands in the file as it was written.
    pub(super) fn offset(&self, at: Address) -> u64 {
        head_bytes().saturating_add(at.0.saturating_sub(self.base.address.0))
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
