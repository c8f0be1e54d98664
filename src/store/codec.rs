//! The values that are stored: a version byte, then JSON. What was ever written decodes for ever
//! (`tests/golden`).

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::limit::STORED_BYTES_MAX;
use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Record, Recorded, Revision, Timestamp};

use super::{Answer, AnswerKey, Error, IndexKey, KeyRecord, Position, keys};

/// The newest form of values that this binary knows, and the one it writes.
const VERSION: u8 = 1;

/// The first byte of a value that stands in pieces under other keys.
const IN_PIECES: u8 = 0;

/// A link of the hash chain of a case: SHA-256 over the link before it and the bytes of the record.
pub(super) type Link = [u8; 32];

/// The link before the first record of a case.
pub(super) const FIRST_LINK: Link = [0; 32];

/// One command's events in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LogRecord {
    /// The case.
    pub(super) case: CaseId,
    /// Its workflow.
    pub(super) workflow: Name,
    /// Where the record before this one of the same case begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<Position>,
    /// What happened.
    pub(super) events: Vec<Recorded>,
}

/// A case as it stands, with all that is stored elsewhere because of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CaseRecord {
    /// The case.
    pub(super) case: Case,
    /// Where its last record in the log begins.
    pub(super) last: Position,
    /// The link of that record, in hexadecimal.
    pub(super) link: String,
    /// Its entries in the index: workflow, facet, value.
    pub(super) index: Vec<(Name, Name, Name)>,
    /// Its unique values: workflow, field, value.
    pub(super) holds: Vec<(Name, Name, Name)>,
}

impl CaseRecord {
    /// Its entries in the index.
    pub(super) fn index_keys(&self) -> impl Iterator<Item = IndexKey> + '_ {
        self.index.iter().cloned().map(|(workflow, facet, value)| IndexKey { workflow, facet, value })
    }

    /// Its unique values.
    pub(super) fn hold_keys(&self) -> impl Iterator<Item = Hold> + '_ {
        self.holds.iter().cloned().map(|(workflow, field, value)| Hold { workflow, field, value })
    }
}

/// Who has a unique value. The value is repeated, for the key may hold its hash alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HoldRecord {
    /// The case.
    pub(super) case: CaseId,
    /// Workflow, field, value.
    pub(super) hold: (Name, Name, Name),
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RowRecord {
    /// The table.
    pub(super) table: Name,
    /// The row's key.
    pub(super) key: Name,
    /// The row.
    pub(super) row: Record,
}

/// An answer with what it was given under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnswerRecord {
    /// The actor.
    pub(super) actor: Name,
    /// The idempotency key.
    pub(super) key: Name,
    /// The answer.
    pub(super) answer: Answer,
}

impl AnswerRecord {
    /// An answer under a key.
    pub(super) fn new(key: AnswerKey, answer: Answer) -> Self {
        Self { actor: key.actor, key: key.key, answer }
    }
}

/// A file of a definition set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// Its path.
    pub(super) path: Name,
    /// What it holds.
    pub(super) content: Content,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    /// Text.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
}

impl FileRecord {
    /// A file as it is stored.
    pub(super) fn new(path: Name, bytes: &[u8]) -> Self {
        let content = match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.to_owned()),
            Err(_) => Content::Bytes(bytes.to_vec()),
        };
        Self { path, content }
    }

    /// The file as it was.
    pub(super) fn bytes(self) -> Arc<[u8]> {
        match self.content {
            Content::Text(text) => text.into_bytes().into(),
            Content::Bytes(bytes) => bytes.into(),
        }
    }
}

/// Which definition set is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LiveRecord {
    /// Its revision.
    pub(super) revision: Revision,
    /// Since when.
    pub(super) at: Timestamp,
    /// How many files it has.
    pub(super) files: usize,
}

/// What stands in place of a value in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pieces {
    /// How many there are.
    pub(super) pieces: u32,
    /// How many bytes they have together.
    pub(super) bytes: usize,
}

/// A kind of value that is stored as JSON: every kind but the log, which carries its link before it.
pub(super) trait Stored: Serialize + DeserializeOwned {}

impl Stored for CaseRecord {}
impl Stored for HoldRecord {}
impl Stored for RowRecord {}
impl Stored for AnswerRecord {}
impl Stored for FileRecord {}
impl Stored for LiveRecord {}
impl Stored for KeyRecord {}
/// The last place in a number series.
impl Stored for u64 {}

/// Writes a value.
pub(super) fn encode<T: Stored>(key: &[u8], value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![VERSION];
    json(key, value, &mut bytes)?;
    Ok(bytes)
}

/// Reads a value.
pub(super) fn decode<T: Stored>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    parse(key, body(key, bytes)?)
}

/// Writes a record of the log and its link: the version byte, the link, and the JSON that the link covers.
pub(super) fn encode_log(key: &[u8], before: &Link, record: &LogRecord) -> Result<(Vec<u8>, Link), Error> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&FIRST_LINK);
    let head = bytes.len();
    json(key, record, &mut bytes)?;
    let link = link(before, bytes.get(head..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(1..head) {
        place.copy_from_slice(&link);
    }
    Ok((bytes, link))
}

/// Reads a record of the log.
pub(super) fn decode_log(key: &[u8], bytes: &[u8]) -> Result<LogRecord, Error> {
    parse(key, split_log(key, bytes)?.1)
}

/// The link of a record of the log as it was written, and as it follows from the one before it.
pub(super) fn links(key: &[u8], before: &Link, bytes: &[u8]) -> Result<(Link, Link), Error> {
    let (written, json) = split_log(key, bytes)?;
    Ok((written, link(before, json)))
}

/// Reads a link that was written in hexadecimal.
pub(super) fn parse_link(key: &[u8], text: &str) -> Result<Link, Error> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| damaged(key, "the hash of its last record is no hash"))
}

/// Writes bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in place of a value in pieces.
pub(super) fn encode_pieces(key: &[u8], pieces: Pieces) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![IN_PIECES];
    json(key, &pieces, &mut bytes)?;
    Ok(bytes)
}

/// Says whether a value stands in pieces, and in how many.
pub(super) fn decode_pieces(key: &[u8], bytes: &[u8]) -> Result<Option<Pieces>, Error> {
    match bytes.split_first() {
        Some((&IN_PIECES, json)) => parse(key, json).map(Some),
        _ => Ok(None),
    }
}

/// The error for a value that can't be what was written.
pub(super) fn damaged(key: &[u8], reason: impl Into<String>) -> Error {
    Error::Damaged { place: keys::show(key), reason: reason.into() }
}

fn json<T: Serialize>(key: &[u8], value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(&mut *bytes, value).map_err(|error| Error::Io(format!("{}: {error}", keys::show(key))))?;
    if bytes.len() > STORED_BYTES_MAX {
        let reason = format!("{} has {} bytes, at most {STORED_BYTES_MAX} are stored", keys::show(key), bytes.len());
        return Err(Error::TooLarge(reason));
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(key: &[u8], json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| damaged(key, error.to_string()))
}

fn body<'a>(key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    match bytes.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((&found, _)) if found > VERSION => {
            Err(Error::Newer { found: u32::from(found), known: u32::from(VERSION) })
        }
        Some(_) | None => Err(damaged(key, "it has no known version")),
    }
}

fn split_log<'a>(key: &[u8], bytes: &'a [u8]) -> Result<(Link, &'a [u8]), Error> {
    let (link, json) = body(key, bytes)?.split_first_chunk().ok_or_else(|| damaged(key, "it is cut off"))?;
    Ok((*link, json))
}

fn link(before: &Link, json: &[u8]) -> Link {
    Sha256::new().chain_update(before).chain_update(json).finalize().into()
}
