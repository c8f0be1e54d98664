//! The way back: a new data folder from an export.

use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::model::limit::RECORD_BYTES_MAX;
use crate::store::backup::{Built, Error, Fresh, Progress, Step};
use crate::store::journal::{Draft, Journal, Options};
use crate::store::{Position, hexadecimal};

use super::PROGRESS_BYTES;
use super::line::{FORM, Footer, Header, Line};

/// Bytes of a line: a letter of JSON may need six where it is written.
const LINE_BYTES_MAX: u64 = 8 * RECORD_BYTES_MAX as u64;

/// Bytes of the first line.
const HEADER_BYTES_MAX: u64 = 4 * 1024;

/// What the last line begins with.
const FOOTER: &[u8] = b"{\"gendan_export_end\"";

/// Bytes of records that are made durable together.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Reads an export into a folder that is empty or does not exist. `Ok(None)` says that it is no export: its first
/// line is none of one.
///
/// # Errors
/// When the export is damaged or was cut, or the folder is not empty. Then the folder stays as it was.
pub fn import(export: &mut dyn BufRead, data: &Path, progress: Progress<'_>) -> Result<Option<Built>, Error> {
    let mut lines = Lines { export, hash: Sha256::new(), number: 0 };
    let Some(header) = header(&mut lines)? else { return Ok(None) };
    let fresh = Fresh::at(data)?;
    let (journal, _) = Journal::open(Arc::new(fresh.disk()), Options::default())?;
    let mut incoming = Incoming { journal, group: Vec::new(), bytes: 0, records: 0, events: 0, done: 0 };
    let (mut told, all) = (0, header.end.address.0);
    let (footer, sha256) = loop {
        let sha256 = lines.sha256();
        let Some(line) = lines.next()? else { return Err(lines.wrong("its last line is missing: it was cut")) };
        if line.starts_with(FOOTER) {
            break (lines.read::<Footer>(&line)?, sha256);
        }
        let draft = lines.read::<Line>(&line)?.draft(Position(incoming.events));
        incoming.take(draft.map_err(|reason| lines.wrong(reason))?)?;
        if incoming.done.saturating_sub(told) >= PROGRESS_BYTES {
            told = incoming.done;
            progress(Step::Copying, told.min(all), all);
        }
    };
    if footer != Footer::new(incoming.records, incoming.events, sha256) {
        return Err(lines.wrong("the lines before it are not those that were written"));
    }
    if lines.next()?.is_some() {
        return Err(lines.wrong("something follows what should be the last line"));
    }
    incoming.append()?;
    drop(incoming);
    fresh.finish(&header.end, progress).map(Some)
}

/// The journal that comes into being.
struct Incoming {
    journal: Journal,
    /// What is appended next.
    group: Vec<Draft>,
    /// Bytes of it.
    bytes: usize,
    records: u64,
    events: u64,
    /// Bytes of the journal.
    done: u64,
}

impl Incoming {
    fn take(&mut self, draft: Draft) -> Result<(), Error> {
        self.records = self.records.saturating_add(1);
        self.events = self.events.saturating_add(draft.events);
        self.bytes = self.bytes.saturating_add(draft.body.len());
        self.done = self.done.saturating_add(Journal::record_bytes(draft.body.len()));
        self.group.push(draft);
        if self.bytes >= GROUP_BYTES { self.append() } else { Ok(()) }
    }

    fn append(&mut self) -> Result<(), Error> {
        self.journal.append(&self.group)?;
        self.group.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The first line, when it is one of an export.
fn header(lines: &mut Lines<'_>) -> Result<Option<Header>, Error> {
    #[derive(Deserialize)]
    struct Form {
        gendan_export: u32,
    }
    let line = lines.raw(HEADER_BYTES_MAX)?;
    match serde_json::from_slice::<Form>(&line) {
        Ok(form) if form.gendan_export > FORM => Err(Error::Refused {
            what: "the export was made by a newer gendan".to_owned(),
            help: "use that one, or a newer one",
        }),
        Ok(_) => lines.read(&line).map(Some),
        Err(_) => Ok(None),
    }
}

/// The lines of an export, and the hash over those that were read.
struct Lines<'a> {
    export: &'a mut dyn BufRead,
    hash: Sha256,
    /// The line that was read last; the first is 1.
    number: u64,
}

impl Lines<'_> {
    /// The next line; `None` at the end of the file. A last line that does not end was cut.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let line = self.raw(LINE_BYTES_MAX)?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) => Err(self.wrong("it does not end: the file was cut")),
        }
    }

    /// The next line with its end, or what there is of it.
    fn raw(&mut self, max: u64) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        let read = (&mut *self.export).take(max).read_until(b'\n', &mut line);
        read.map_err(|error| Error::Refused {
            what: format!("the export can't be read: {error}"),
            help: "try it with another copy",
        })?;
        self.number = self.number.saturating_add(u64::from(!line.is_empty()));
        self.hash.update(&line);
        Ok(line)
    }

    /// The SHA-256 of the lines that were read.
    fn sha256(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, line: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(line).map_err(|error| self.wrong(error))
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::Damaged(format!("the export is damaged: line {}: {reason}", self.number))
    }
}
