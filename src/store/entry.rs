//! What a record of the journal says: one committed item, as JSON. What was ever written decodes for ever
//! (`tests/golden`).
//!
//! An answer's text and a file's bytes stand behind the JSON, after a NUL, so that they are neither escaped nor
//! parsed when the entry is read for something else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::limit::{RECORD_BYTES_MAX, STORED_BYTES_MAX};
use crate::model::{CaseId, Name, Notice, Record, Recorded, Revision, SendingId, Timestamp};

use super::journal::Address;
use super::{Answer, AnswerKey, DeliveryChange, Error, KeyRecord, PoolSet};

/// What stands between the JSON and the text behind it: no JSON holds it.
const NUL: u8 = 0;

/// One committed item. Variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// A command's outcome on a case.
    Case(CaseEntry),
    /// Rows of a table.
    Rows {
        /// The table.
        table: Name,
        /// Rows to put, by key.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        put: Vec<(Name, Record)>,
        /// Keys of rows to remove.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<Name>,
    },
    /// An API key, new or changed.
    Key(KeyRecord),
    /// A file of a definition set, under the SHA-256 of its bytes; they stand behind the entry.
    File {
        /// The SHA-256, in hexadecimal.
        sha256: Name,
    },
    /// The definition set that is live from now on.
    Live {
        /// Its revision.
        revision: Revision,
        /// Since when.
        at: Timestamp,
        /// Its files: path and SHA-256.
        files: Vec<(Name, Name)>,
    },
    /// Answers that were given before this moment are forgotten.
    Forget {
        /// The moment.
        before: Timestamp,
    },
    /// What somebody says of pools of a resource.
    Pools {
        /// The resource.
        resource: Name,
        /// What each is set to, by its key.
        put: Vec<(Name, PoolSet)>,
    },
    /// Work in the background has come so far.
    Progress {
        /// Which work.
        of: Name,
        /// How far.
        reached: Name,
    },
    /// A message that is no case's.
    Notice {
        /// Its own id.
        id: CaseId,
        /// When it was written.
        at: Timestamp,
        /// The message, word for word.
        notice: Notice,
    },
    /// What became of a sending.
    Delivery(DeliveryEntry),
}

/// What became of a sending.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryEntry {
    /// The sending.
    pub(super) id: SendingId,
    /// When.
    pub(super) at: Timestamp,
    /// What.
    pub(super) change: DeliveryChange,
    /// Where the record before this one of the same sending stands.
    pub(super) previous: Address,
}

/// A command's outcome on a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CaseEntry {
    /// The case.
    pub(super) case: CaseId,
    /// Its workflow.
    pub(super) workflow: Name,
    /// Where the record before this one of the same case stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<Address>,
    /// What happened.
    pub(super) events: Arc<[Recorded]>,
    /// Entries that the case gains in the index: workflow, facet, value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) index_add: Vec<Parts>,
    /// Entries that it loses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) index_remove: Vec<Parts>,
    /// Unique values that it takes: workflow, field, value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) hold: Vec<Parts>,
    /// Unique values that it gives back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) release: Vec<Parts>,
    /// The number series it used, and the place in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) series: Option<(Name, u64)>,
    /// The answer that was given; its body stands behind the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<AnswerEntry>,
    /// The moment at which it wants to be woken from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due_add: Option<Timestamp>,
    /// The moment at which it wanted to be woken, and no longer does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due_remove: Option<Timestamp>,
}

/// Three names that belong together.
pub(super) type Parts = (Name, Name, Name);

/// An answer without its body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnswerEntry {
    /// Who chose the key.
    pub(super) actor: Name,
    /// The idempotency key.
    pub(super) key: Name,
    /// The fingerprint of the request.
    pub(super) fingerprint: Name,
    /// When it was given.
    pub(super) at: Timestamp,
    /// The HTTP status.
    pub(super) status: u16,
    /// The headers that belong to it.
    pub(super) headers: Vec<(Name, Name)>,
}

impl AnswerEntry {
    /// The entry of an answer under a key.
    pub(super) fn new(key: &AnswerKey, answer: &Answer) -> Self {
        Self {
            actor: Name::clone(&key.actor),
            key: Name::clone(&key.key),
            fingerprint: Name::clone(&answer.fingerprint),
            at: answer.at,
            status: answer.status,
            headers: answer.headers.clone(),
        }
    }

    /// The key it was given under.
    pub(super) fn answer_key(&self) -> AnswerKey {
        AnswerKey { actor: Name::clone(&self.actor), key: Name::clone(&self.key) }
    }

    /// The whole answer.
    pub(super) fn with_body(self, body: &str) -> Answer {
        let Self { fingerprint, at, status, headers, .. } = self;
        Answer { fingerprint, at, status, headers, body: body.into() }
    }
}

/// Writes an entry with what stands behind it.
///
/// # Errors
/// When it is larger than a record may be; a case's, larger than `STORED_BYTES_MAX`.
pub(super) fn encode(entry: &Entry, behind: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(1_024_usize.saturating_add(behind.map_or(0, <[u8]>::len)));
    serde_json::to_writer(&mut bytes, entry).map_err(|error| Error::Io(format!("an entry of the journal: {error}")))?;
    if let Some(behind) = behind {
        bytes.push(NUL);
        bytes.extend_from_slice(behind);
    }
    let max = match entry {
        Entry::Rows { .. } | Entry::Live { .. } | Entry::Pools { .. } => RECORD_BYTES_MAX,
        Entry::Case(_)
        | Entry::Key(_)
        | Entry::File { .. }
        | Entry::Forget { .. }
        | Entry::Progress { .. }
        | Entry::Notice { .. }
        | Entry::Delivery(_) => STORED_BYTES_MAX,
    };
    if bytes.len() > max {
        return Err(Error::TooLarge(format!("an entry has {} bytes, at most {max} are stored", bytes.len())));
    }
    Ok(bytes)
}

/// Reads an entry; what stands behind it is given as it is.
///
/// # Errors
/// When it can't be what was written at `at`.
pub(super) fn decode(at: Address, bytes: &[u8]) -> Result<(Entry, &[u8]), Error> {
    let (json, behind) = match bytes.iter().position(|byte| *byte == NUL) {
        Some(end) => (bytes.get(..end).unwrap_or_default(), bytes.get(end.saturating_add(1)..).unwrap_or_default()),
        None => (bytes, [].as_slice()),
    };
    let entry = serde_json::from_slice(json).map_err(|error| damaged(at, error.to_string()))?;
    Ok((entry, behind))
}

/// The error for a record of the journal that does not say what it should.
pub(super) fn damaged(at: Address, reason: impl Into<String>) -> Error {
    Error::Damaged { place: format!("journal record at {}", at.0), reason: reason.into() }
}
