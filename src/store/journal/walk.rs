//! Walking over records, and knowing whether one follows from the one before.

use std::sync::Arc;

use super::file::File;
use super::form::{self, RECORD_HEAD_BYTES, RecordHead};
use super::{Address, End, Record};
use crate::store::disk::Disk;
use crate::store::{Error, Position};

/// Bytes that a long walk reads at a time.
pub(super) const LONG_BYTES: usize = 256 * 1024;

/// Bytes that the reading of a single record begins with.
pub(super) const SHORT_BYTES: usize = 4 * 1024;

/// Reads the records of one file, from a place on.
#[derive(Debug)]
pub(super) struct Cursor {
    disk: Arc<dyn Disk>,
    /// The file.
    pub(super) file: Arc<File>,
    /// Where it stands.
    pub(super) at: Address,
    /// Where what is to be read ends.
    pub(super) limit: Address,
    /// Bytes to read at a time.
    chunk: usize,
    buffer: Vec<u8>,
    /// The address of the first byte in the buffer.
    from: Address,
}

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A record that is what was written there, with all its bytes.
    Record(RecordHead, &'a [u8]),
    /// Something else.
    Bad(&'static str),
    /// Nothing more.
    End,
}

impl Cursor {
    /// Reads from `at` up to `limit`.
    pub(super) fn new(disk: Arc<dyn Disk>, file: Arc<File>, at: Address, limit: Address, chunk: usize) -> Self {
        Self { disk, file, at, limit, chunk, buffer: Vec::new(), from: at }
    }

    /// Looks at what stands here, without passing it.
    pub(super) fn step(&mut self) -> Result<Step<'_>, Error> {
        let (at, left) = (self.at, self.limit.0.saturating_sub(self.at.0));
        let bytes = self.look(RECORD_HEAD_BYTES)?;
        if bytes.is_empty() {
            return Ok(Step::End);
        }
        let Some(head) = RecordHead::decode(bytes) else {
            let whole = bytes.len() == RECORD_HEAD_BYTES;
            return Ok(Step::Bad(if whole { "its length can't be right" } else { "it is not complete" }));
        };
        if u64::try_from(head.bytes()).unwrap_or(u64::MAX) > left {
            return Ok(Step::Bad("it is not complete"));
        }
        let record = self.look(head.bytes())?;
        Ok(match record.len() == head.bytes() {
            false => Step::Bad("it is not complete"),
            true if head.is_sound(at, record) => Step::Record(head, record),
            true => Step::Bad("its checksum is wrong"),
        })
    }

    /// Passes so many bytes.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.at = self.at.plus(bytes);
    }

    /// Goes on, byte by byte, to the next sound record that `accept` takes; `None` when there is none.
    pub(super) fn search(
        &mut self,
        accept: &dyn Fn(Address, &RecordHead) -> bool,
    ) -> Result<Option<RecordHead>, Error> {
        while self.at < self.limit {
            let at = self.at;
            let bytes = self.look(RECORD_HEAD_BYTES)?;
            if bytes.len() < RECORD_HEAD_BYTES {
                return Ok(None);
            }
            if RecordHead::decode(bytes).is_some_and(|head| accept(at, &head))
                && let Step::Record(head, _) = self.step()?
            {
                return Ok(Some(head));
            }
            self.pass(1);
        }
        Ok(None)
    }

    /// The next bytes: so many, or as many as there are.
    fn look(&mut self, bytes: usize) -> Result<&[u8], Error> {
        let left = usize::try_from(self.limit.0.saturating_sub(self.at.0)).unwrap_or(usize::MAX);
        let wanted = bytes.min(left);
        let mut start = usize::try_from(self.at.0.saturating_sub(self.from.0)).unwrap_or(usize::MAX);
        if self.buffer.len().saturating_sub(start) < wanted {
            self.buffer.drain(..start.min(self.buffer.len()));
            (self.from, start) = (self.at, 0);
            self.fill(wanted.max(self.chunk.min(left)))?;
        }
        let end = start.saturating_add(wanted).min(self.buffer.len());
        Ok(self.buffer.get(start..end).unwrap_or_default())
    }

    fn fill(&mut self, wanted: usize) -> Result<(), Error> {
        let mut there = self.buffer.len();
        self.buffer.resize(wanted.max(there), 0);
        while let Some(room) = self.buffer.get_mut(there..).filter(|room| !room.is_empty()) {
            match self.file.read(&*self.disk, self.from.plus(there), room)? {
                0 => break,
                count => there = there.saturating_add(count),
            }
        }
        self.buffer.truncate(there);
        Ok(())
    }
}

/// The chain of records up to a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// The end of the last record.
    pub(super) end: End,
    /// Where the group that goes on here began; `None` when that is not known.
    pub(super) group: Option<Address>,
}

impl Chain {
    /// A chain that goes on with a new group.
    pub(super) fn between_groups(end: End) -> Self {
        Self { end, group: Some(end.address) }
    }

    /// A chain that may go on in the middle of a group.
    pub(super) fn somewhere(end: End) -> Self {
        Self { end, group: None }
    }

    /// Whether a group begins here.
    pub(super) fn is_between_groups(&self) -> bool {
        self.group == Some(self.end.address)
    }

    /// Goes on with a record that is sound, when it follows from those before.
    pub(super) fn follow(&mut self, head: &RecordHead, record: &[u8]) -> Result<(), &'static str> {
        let group = group_of(self.end.address, head);
        if self.group.is_some_and(|expected| group != Some(expected)) {
            return Err("it belongs to another group");
        }
        if head.position != self.end.position {
            return Err("its position does not follow from the record before");
        }
        let body = record.get(RECORD_HEAD_BYTES..).unwrap_or_default();
        if form::link(&self.end.link, head.position, head.events, body) != head.link {
            return Err("its link does not follow from the record before");
        }
        self.jump(head);
        Ok(())
    }

    /// Goes on with a record that is sound, whatever stood before it.
    pub(super) fn jump(&mut self, head: &RecordHead) {
        let group = group_of(self.end.address, head);
        let before = End { position: head.position, ..self.end };
        self.end = before.after(head.body, head.events, head.link);
        self.group = if head.last { Some(self.end.address) } else { group };
    }
}

/// Where the group of a record begins.
pub(super) fn group_of(address: Address, head: &RecordHead) -> Option<Address> {
    address.0.checked_sub(u64::from(head.offset)).map(Address)
}

/// A record for those who asked for it.
pub(super) fn record(address: Address, head: &RecordHead, bytes: &[u8]) -> Record {
    let before = End { address, position: head.position, link: head.link };
    Record {
        address,
        position: head.position,
        events: head.events,
        link: head.link,
        body: bytes.get(RECORD_HEAD_BYTES..).unwrap_or_default().to_vec(),
        end: before.after(head.body, head.events, head.link),
    }
}

/// The position after a record, at most.
pub(super) fn holds(head: &RecordHead, position: Position) -> bool {
    head.position < position && position.0 <= head.position.0.saturating_add(head.events)
}
