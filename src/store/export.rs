//! Exports: the whole journal as lines of JSON that other tools and other stores can read, and the way back.
//!
//! ```text
//! {"gendan_export":1,"version":"0.1.0","at":"2026-09-24T01:00:00Z","end":{...}}    what it is
//! {"position":2,"events":2,"at_rfc3339":"...","entry":{...},"text":"..."}          a line for each record
//! {"gendan_export_end":1,"records":1,"events":2,"sha256":"..."}                    how much there is
//! ```
//!
//! `entry` is the JSON that is stored; `text` (or `base64`, for bytes that are no text) is what stands behind it: the
//! body of an answer, or a file of the definitions. `position` counts the events up to and with those of the line. The
//! SHA-256 is that of all lines before, so that a file that was cut or changed is known. An import appends the same
//! records to a new journal, which must end as the old one did: with the same link, over the same bytes.

mod import;
mod line;

use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::model::Timestamp;

use super::backup::{Error, Progress, Source, Step};
use super::hexadecimal;
use super::journal::{End, Journal, Record};

pub use self::import::import;
use self::line::{Footer, Header, Line};

/// How often the rest is read anew without coming further, because files were compressed meanwhile.
const TRIES_MAX: usize = 16;

/// Bytes of the journal between two reports of progress.
const PROGRESS_BYTES: u64 = 256 * 1024;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Records: lines between the first and the last one.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Where the journal ended.
    pub end: End,
}

/// Writes all of a data folder, beside the server that uses it, as it stands when this begins.
///
/// # Errors
/// When the journal is damaged or can't be read, and when `out` does not take it.
pub fn export(data: &Path, out: &mut dyn Write, now: Timestamp, progress: Progress<'_>) -> Result<Exported, Error> {
    let source = Source::at(data)?;
    let mut journal = source.journal()?;
    let end = journal.end();
    let mut lines = Lines { out, hash: Sha256::new() };
    lines.put(&Header::new(now, end))?;
    let mut writer = Writer { lines, done: End::default(), records: 0, told: 0, progress };
    let mut tries = 0;
    while writer.done.address < end.address {
        let before = writer.done;
        match writer.go_on(&journal, &end) {
            Ok(()) => {}
            Err(error @ Error::Store(_)) => {
                // The rest of a file that is compressed now stands under another name.
                tries = if writer.done == before { tries + 1 } else { 0 };
                if tries >= TRIES_MAX {
                    return Err(error);
                }
                journal = source.journal()?;
            }
            Err(error) => return Err(error),
        }
    }
    writer.finish(end)
}

struct Writer<'a> {
    lines: Lines<'a>,
    /// The end of the last record that was written.
    done: End,
    records: u64,
    /// Up to where progress was told.
    told: u64,
    progress: Progress<'a>,
}

impl Writer<'_> {
    /// Writes records up to an end.
    fn go_on(&mut self, journal: &Journal, end: &End) -> Result<(), Error> {
        let mut scan = journal.scan(self.done)?;
        while self.done.address < end.address {
            let Some(record) = scan.next()? else { return Ok(()) };
            self.record(&record, end)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, end: &End) -> Result<(), Error> {
        self.lines.put(&Line::of(record)?)?;
        self.done = record.end;
        self.records = self.records.saturating_add(1);
        if self.done.address.0.saturating_sub(self.told) >= PROGRESS_BYTES || self.done.address == end.address {
            self.told = self.done.address.0;
            (self.progress)(Step::Copying, self.told, end.address.0);
        }
        Ok(())
    }

    fn finish(mut self, end: End) -> Result<Exported, Error> {
        if self.done != end {
            return Err(Error::Damaged(
                "the journal does not lead to the end it had; `gendan verify` tells more".to_owned(),
            ));
        }
        let (records, events) = (self.records, end.position.0);
        let sha256 = hexadecimal(&self.lines.hash.clone().finalize());
        self.lines.put(&Footer::new(records, events, sha256))?;
        self.lines.out.flush().map_err(|error| unwritable(&error))?;
        Ok(Exported { records, events, end })
    }
}

/// Lines of JSON, and the hash over them.
struct Lines<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Lines<'_> {
    fn put(&mut self, line: &impl serde::Serialize) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec(line).map_err(|error| unwritable(&error.into()))?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.out.write_all(&bytes).map_err(|error| unwritable(&error))
    }
}

/// Not an error of the store: that one is tried again.
fn unwritable(error: &std::io::Error) -> Error {
    Error::Refused { what: format!("the export can't be written: {error}"), help: "write it elsewhere" }
}
