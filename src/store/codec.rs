//! The values of the state: a version byte, then JSON. The state can be built again from the journal at any
//! time, so a new form only has to be told from an old one ([`super::state::FORM`]).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Pool, Record, Revision, Timestamp};

use super::entry::Parts;
use super::journal::{Address, End};
use super::{Error, IndexKey, KeyRecord, keys};

/// The first byte of a value.
const VERSION: u8 = 1;

/// The first byte of a value that stands in pieces under other keys.
const IN_PIECES: u8 = 0;

/// A case as it stands, with all that is stored elsewhere because of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CaseRecord {
    /// The case.
    pub(super) case: Arc<Case>,
    /// Where its last record in the journal stands.
    pub(super) last: Address,
    /// Its entries in the index: workflow, facet, value.
    pub(super) index: Vec<Parts>,
    /// Its unique values: workflow, field, value.
    pub(super) holds: Vec<Parts>,
    /// When it wants to be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<Timestamp>,
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

/// Where an answer stands in the journal, and when it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AnswerRecord {
    /// The record.
    pub(super) record: Address,
    /// When it was given.
    pub(super) at: Timestamp,
}

/// Answers that are forgotten together: their keys, which are always text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExpiryRecord {
    /// The keys.
    pub(super) answers: Vec<String>,
}

/// Which definition set is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LiveRecord {
    /// Its revision.
    pub(super) revision: Revision,
    /// Since when.
    pub(super) at: Timestamp,
    /// Its files: path and SHA-256.
    pub(super) files: Vec<(Name, Name)>,
}

/// A pool of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PoolRecord {
    /// The resource.
    pub(super) resource: Name,
    /// Its key.
    pub(super) key: Name,
    /// The pool.
    pub(super) pool: Pool,
    /// Where the last record in the journal stands that changed it.
    pub(super) last: Address,
}

/// What a case holds of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HolderRecord {
    /// The resource.
    pub(super) resource: Name,
    /// The key of the pool.
    pub(super) key: Name,
    /// The case.
    pub(super) case: CaseId,
    /// How much.
    pub(super) held: Decimal,
}

/// How far the state has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// The form in which the state is written.
    pub(super) form: u32,
    /// The end of the last record of the journal that is in it.
    pub(super) end: End,
}

/// What stands in place of a value in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pieces {
    /// How many there are.
    pub(super) pieces: u32,
    /// How many bytes they have together.
    pub(super) bytes: usize,
}

/// A kind of value that is stored as JSON.
pub(super) trait Stored: Serialize + DeserializeOwned {}

impl Stored for CaseRecord {}
impl Stored for RowRecord {}
impl Stored for AnswerRecord {}
impl Stored for ExpiryRecord {}
impl Stored for LiveRecord {}
impl Stored for KeyRecord {}
impl Stored for Reached {}
impl Stored for PoolRecord {}
impl Stored for HolderRecord {}
/// How many cases are under each entry of the index.
impl Stored for super::counts::Counts {}
/// Who has a unique value.
impl Stored for CaseId {}
/// Where a file of a definition set stands in the journal.
impl Stored for Address {}
/// The last place in a number series.
impl Stored for u64 {}
/// How far work in the background has come.
impl Stored for String {}

/// Writes a value.
pub(super) fn encode<T: Stored>(key: &[u8], value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![VERSION];
    json(key, value, &mut bytes)?;
    Ok(bytes)
}

/// Reads a value.
pub(super) fn decode<T: Stored>(key: &[u8], bytes: &[u8]) -> Result<T, Error> {
    match bytes.split_first() {
        Some((&VERSION, body)) => parse(key, body),
        Some(_) | None => Err(damaged(key, "it has no known version")),
    }
}

/// Writes what stands in place of a value in pieces.
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

/// Writes bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn json<T: Serialize>(key: &[u8], value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(&mut *bytes, value).map_err(|error| Error::Io(format!("{}: {error}", keys::show(key))))
}

fn parse<T: DeserializeOwned>(key: &[u8], json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(|error| damaged(key, error.to_string()))
}
