//! Appending groups.

use std::io;
use std::sync::Arc;

use super::file::{File, Files, Form, Index, Mark};
use super::form::{self, Kind};
use super::{Draft, End, Journal, failed};
use crate::store::Error;

/// Bytes of memory that are kept for the next group; a larger one gives its memory back.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// What the one who appends knows.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The bytes of a group, and of the head when it begins a file.
    buffer: Vec<u8>,
    /// Where its records begin.
    marks: Vec<Mark>,
    /// Whether a sync of the current file failed: nothing more goes into it.
    distrusted: bool,
}

impl Writer {
    /// Writes a group and makes it durable.
    pub(super) fn append(&mut self, journal: &Journal, group: &[Draft]) -> Result<End, Error> {
        let (files, end) = journal.view();
        if group.is_empty() {
            return Ok(end);
        }
        let full = |file: &Arc<File>| {
            let bytes = end.address.0.saturating_sub(file.base.address.0);
            bytes >= journal.options.segment_bytes.max(1)
        };
        let current = files.last().filter(|file| !self.distrusted && !full(file)).cloned();
        let done = match self.encode(current.is_none(), &end, group) {
            Ok(after) => self.write(journal, &files, current, &end).map(|file| (file, after)),
            Err(error) => Err(error),
        };
        if self.buffer.capacity() > BUFFER_BYTES {
            self.buffer = Vec::new();
        }
        let (file, after) = done?;
        let mut index = file.index();
        self.marks.drain(..).for_each(|mark| index.note(mark));
        drop(index);
        journal.publish(file, after);
        Ok(after)
    }

    fn encode(&mut self, begins: bool, end: &End, group: &[Draft]) -> Result<End, Error> {
        self.buffer.clear();
        self.marks.clear();
        if begins {
            self.buffer.extend_from_slice(&form::encode_file_head(Kind::Journal, end));
        }
        let (mut after, last) = (*end, group.len().saturating_sub(1));
        for (number, draft) in group.iter().enumerate() {
            self.marks.push(Mark { position: after.position, address: after.address });
            let offset = after.address.0.saturating_sub(end.address.0);
            after = form::push_record(&mut self.buffer, &after, offset, number == last, draft)?;
        }
        Ok(after)
    }

    /// Writes the buffer; gives the file in which the group stands.
    fn write(
        &mut self,
        journal: &Journal,
        files: &Files,
        current: Option<Arc<File>>,
        end: &End,
    ) -> Result<Arc<File>, Error> {
        match current {
            Some(file) => {
                self.go_on(journal, &file, end)?;
                Ok(file)
            }
            None => {
                let known = files.last().is_some_and(|file| file.base.address == end.address);
                self.begin(journal, known, end)?;
                Ok(Arc::new(File::new(*end, Form::Journal, Index::growing())))
            }
        }
    }

    fn go_on(&mut self, journal: &Journal, file: &File, end: &End) -> Result<(), Error> {
        let (disk, name, at) = (&journal.disk, Kind::Journal.name(file.base.address), file.offset(end.address));
        let written = disk.write(&name, at, &self.buffer);
        let done = written.and_then(|()| disk.sync(&name).inspect_err(|_| self.distrusted = true));
        done.map_err(|error| {
            // Whether this succeeds does not matter: what stands behind the end is never taken for more than it is.
            drop(disk.truncate(&name, at));
            failed(&name, &error)
        })
    }

    /// Writes the first group of a file. What an earlier try left behind under its name is overwritten; it was
    /// emptied before, so that the sync speaks of all that stands in it.
    fn begin(&mut self, journal: &Journal, known: bool, end: &End) -> Result<(), Error> {
        let (disk, name) = (&journal.disk, Kind::Journal.name(end.address));
        let made = match disk.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.truncate(&name, 0),
            made => made,
        };
        let written = made.and_then(|()| disk.write(&name, 0, &self.buffer));
        let done = written.and_then(|()| disk.sync(&name)).and_then(|()| disk.sync_folder());
        if let Err(error) = done {
            self.distrusted = true;
            // As above. A file that readers know of stays, without records.
            drop(if known { disk.truncate(&name, 0) } else { disk.remove(&name) });
            return Err(failed(&name, &error));
        }
        self.distrusted = false;
        Ok(())
    }
}
