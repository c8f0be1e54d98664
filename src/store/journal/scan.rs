//! Reading records: one by one, one at its address, or the one that holds an event.

use std::sync::Arc;

use super::file::{File, Files, Index, Mark};
use super::walk::{self, Chain, Cursor, LONG_BYTES, SHORT_BYTES, Step};
use super::{Address, End, Journal, Record, nothing_at};
use crate::model::limit::JOURNAL_INDEX_BYTES;
use crate::store::{Error, Position};

/// The records from a place to where the journal ended when the scan began.
#[derive(Debug)]
pub struct Scan<'a> {
    journal: &'a Journal,
    files: Files,
    end: End,
    chain: Chain,
    cursor: Option<Cursor>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(journal: &'a Journal, from: End) -> Result<Self, Error> {
        let (files, end) = journal.view();
        if from.address > end.address {
            return Err(nothing_at(from.address, &end));
        }
        if from.address == end.address && from != end {
            return Err(elsewhere(from.address));
        }
        Ok(Self { journal, files, end, chain: Chain::somewhere(from), cursor: None })
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When a record is damaged or does not follow from the one before, and when the disk can't be read.
    #[expect(clippy::should_implement_trait, reason = "an error ends it, which an iterator could not say")]
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        let at = self.chain.end.address;
        if at >= self.end.address {
            return Ok(None);
        }
        let cursor = match &mut self.cursor {
            Some(cursor) if cursor.at < cursor.limit => cursor,
            cursor => {
                let (file, limit) =
                    locate(&self.files, at, self.end.address).ok_or_else(|| nothing_at(at, &self.end))?;
                if file.base.address == at && file.base != self.chain.end {
                    return Err(file.damaged(at, "it does not follow from what stands before it"));
                }
                cursor.insert(Cursor::new(Arc::clone(&self.journal.disk), file, at, limit, LONG_BYTES))
            }
        };
        let (file, limit) = (Arc::clone(&cursor.file), cursor.limit);
        let record = match cursor.step()? {
            Step::Record(head, bytes) => {
                self.chain.follow(&head, bytes).map_err(|reason| file.damaged(at, reason))?;
                walk::record(at, &head, bytes)
            }
            Step::Bad(reason) => return Err(file.damaged(at, reason)),
            Step::End => return Err(file.damaged(at, format!("it ends before the record at {}", limit.0))),
        };
        cursor.at = record.end.address;
        Ok(Some(record))
    }
}

/// Reads the record at an address.
pub(super) fn read(journal: &Journal, at: Address) -> Result<Record, Error> {
    let (files, end) = journal.view();
    let (file, limit) = locate(&files, at, end.address).ok_or_else(|| nothing_at(at, &end))?;
    let mut cursor = Cursor::new(Arc::clone(&journal.disk), Arc::clone(&file), at, limit, SHORT_BYTES);
    match cursor.step()? {
        Step::Record(head, bytes) => Ok(walk::record(at, &head, bytes)),
        Step::Bad(reason) => Err(file.damaged(at, reason)),
        Step::End => Err(file.damaged(at, "the file ends before it")),
    }
}

/// Finds the record that holds an event.
pub(super) fn find(journal: &Journal, position: Position) -> Result<Option<Address>, Error> {
    let (files, end) = journal.view();
    if position.0 == 0 || position > end.position {
        return Ok(None);
    }
    let behind = files.partition_point(|file| file.base.position < position);
    let Some(file) = behind.checked_sub(1).and_then(|last| files.get(last)) else { return Ok(None) };
    let limit = files.get(behind).map_or(end.address, |next| next.base.address);
    let known = file.index().before(position, &file.base);
    let from = match known {
        Some(from) => from,
        None => {
            let stored = file.stored_index(&*journal.disk)?;
            let index = stored.map_or_else(|| index(journal, file, limit), Ok)?;
            let from = index.before(position, &file.base);
            *file.index() = index;
            from.unwrap_or(file.base.address)
        }
    };
    let chunk = usize::try_from(JOURNAL_INDEX_BYTES).unwrap_or(LONG_BYTES);
    let mut cursor = Cursor::new(Arc::clone(&journal.disk), Arc::clone(file), from, limit, chunk);
    let mut found = None;
    each(&mut cursor, |at, head| {
        found = walk::holds(head, position).then_some(at);
        found.is_none()
    })?;
    let missing = || file.damaged(cursor.at, format!("the record with event {} is missing", position.0));
    found.map(Some).ok_or_else(missing)
}

/// The file in which an address stands, and where its records end.
pub(super) fn locate(files: &Files, at: Address, end: Address) -> Option<(Arc<File>, Address)> {
    let behind = files.partition_point(|file| file.base.address <= at);
    let file = files.get(behind.checked_sub(1)?)?;
    let limit = files.get(behind).map_or(end, |next| next.base.address);
    (at < limit).then(|| (Arc::clone(file), limit))
}

/// Reads the whole of a closed file to know its places.
fn index(journal: &Journal, file: &Arc<File>, limit: Address) -> Result<Index, Error> {
    let mut index = Index::growing();
    let from = file.base.address;
    let mut cursor = Cursor::new(Arc::clone(&journal.disk), Arc::clone(file), from, limit, LONG_BYTES);
    each(&mut cursor, |address, head| {
        index.note(Mark { position: head.position, address });
        true
    })?;
    Ok(index)
}

/// Goes over records, as long as `more` says so.
fn each(cursor: &mut Cursor, mut more: impl FnMut(Address, &super::form::RecordHead) -> bool) -> Result<(), Error> {
    loop {
        let (at, file) = (cursor.at, Arc::clone(&cursor.file));
        let bytes = match cursor.step()? {
            Step::Record(head, bytes) => {
                if !more(at, &head) {
                    return Ok(());
                }
                bytes.len()
            }
            Step::Bad(reason) => return Err(file.damaged(at, reason)),
            Step::End => return Ok(()),
        };
        cursor.pass(bytes);
    }
}

fn elsewhere(at: Address) -> Error {
    let place = format!("journal: address {}", at.0);
    Error::Damaged { place, reason: "what stands before it is not what stood there".to_owned() }
}
