//! The lines of an export.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::Timestamp;
use crate::store::backup::Error;
use crate::store::entry::{self, Entry};
use crate::store::journal::{Draft, End, Record};
use crate::store::{self, Position};

/// The form of exports that this binary writes, and the newest one it knows.
pub(super) const FORM: u32 = 1;

/// What stands between the JSON of a record and what is behind it: no JSON holds it.
const NUL: u8 = 0;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// The form of the export.
    pub(super) gendan_export: u32,
    /// The Gendan that wrote it.
    version: String,
    /// When it was made, as RFC 3339.
    at: String,
    /// Where the journal ended.
    pub(super) end: End,
}

/// A record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The position of its last event, or of the last one before it when it has none.
    position: Position,
    /// How many events it has.
    events: u64,
    /// When it was: the moment of its last event, for records that have a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_rfc3339: Option<String>,
    /// Its JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<Json>,
    /// Its JSON as text, in case that it would not come back letter by letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    /// The text behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes behind it, when they are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// The last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer {
    /// The form of the export.
    gendan_export_end: u32,
    /// Lines between the first and this one.
    records: u64,
    /// Events in them.
    events: u64,
    /// The SHA-256 of all lines before, in hexadecimal.
    sha256: String,
}

impl Header {
    /// The first line of an export.
    pub(super) fn new(now: Timestamp, end: End) -> Self {
        Self { gendan_export: FORM, version: env!("CARGO_PKG_VERSION").to_owned(), at: now.to_string(), end }
    }
}

impl Footer {
    /// The last line of an export.
    pub(super) fn new(records: u64, events: u64, sha256: String) -> Self {
        Self { gendan_export_end: FORM, records, events, sha256 }
    }
}

impl Line {
    /// The line of a record.
    ///
    /// # Errors
    /// When the record is not what is ever written.
    pub(super) fn of(record: &Record) -> Result<Self, Error> {
        let known = entry::decode(record.address, &record.body)?.0;
        let (json, behind) = halves(&record.body);
        let value: Option<Json> = serde_json::from_slice(json).ok();
        let entry = value.filter(|value| serde_json::to_vec(value).is_ok_and(|again| again == json));
        let as_text = || String::from_utf8(json.to_vec()).map_err(|_| unlike(record));
        let json = if entry.is_some() { None } else { Some(as_text()?) };
        let text = behind.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
        let base64 = behind.filter(|_| text.is_none()).map(|bytes| STANDARD.encode(bytes));
        let at_rfc3339 = moment(&known).map(|at| at.to_string());
        Ok(Self { position: record.end.position, events: record.events, at_rfc3339, entry, json, text, base64 })
    }

    /// The record that a line stands for, when it follows the last event so far. Says what is wrong otherwise.
    pub(super) fn draft(self, before: Position) -> Result<Draft, String> {
        let expected = before.0.saturating_add(self.events);
        if self.position.0 != expected {
            return Err(format!("it has position {}, and {expected} was to come", self.position.0));
        }
        let mut body = match (self.entry, self.json) {
            (Some(entry), None) => serde_json::to_vec(&entry).map_err(|error| error.to_string())?,
            (None, Some(json)) => json.into_bytes(),
            (Some(_), Some(_)) | (None, None) => return Err("it needs one of `entry` and `json`".to_owned()),
        };
        let behind = match (self.text, self.base64) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(base64)) => Some(STANDARD.decode(base64).map_err(|error| error.to_string())?),
            (None, None) => None,
            (Some(_), Some(_)) => return Err("it has both `text` and `base64`".to_owned()),
        };
        if let Some(behind) = behind {
            body.push(NUL);
            body.extend(behind);
        }
        Ok(Draft { events: self.events, body })
    }
}

/// The JSON of a record, and what stands behind it.
fn halves(body: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut halves = body.splitn(2, |byte| *byte == NUL);
    (halves.next().unwrap_or_default(), halves.next())
}

fn moment(entry: &Entry) -> Option<Timestamp> {
    match entry {
        Entry::Case(case) => case.events.last().map(|event| event.at),
        Entry::Key(key) => Some(key.created_at),
        Entry::Live { at, .. } => Some(*at),
        Entry::Forget { .. }
        | Entry::Rows { .. }
        | Entry::File { .. }
        | Entry::Pools { .. }
        | Entry::Progress { .. } => None,
        Entry::Notice { at, .. } => Some(*at),
        Entry::Delivery(entry) => Some(entry.at),
    }
}

fn unlike(record: &Record) -> store::Error {
    entry::damaged(record.address, "it is no text")
}
