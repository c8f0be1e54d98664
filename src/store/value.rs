//! Values on their way to the state: they are encoded when they are written there, which few of them ever are,
//! for most are replaced before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Error;
use super::codec::{self, AnswerRecord, CaseRecord, Stored};
use super::counts::Moved;

/// A value of the state.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A case.
    Case(Arc<CaseRecord>),
    /// Where an answer stands.
    Answer(AnswerRecord),
    /// Anything else, encoded.
    Bytes(Arc<[u8]>),
    /// Nothing: the key says it all.
    Mark,
}

/// What is written: by key; `None` removes.
pub(super) type Writes = BTreeMap<Vec<u8>, Option<Value>>;

/// What follows from entries of the journal.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What is written.
    pub(super) writes: Writes,
    /// By how much the counts of the index change.
    pub(super) moved: Moved,
}

impl Value {
    /// Encodes a value of a kind of its own.
    pub(super) fn of<T: Stored>(key: &[u8], value: &T) -> Result<Self, Error> {
        Ok(Self::Bytes(codec::encode(key, value)?.into()))
    }

    /// The bytes of the state.
    pub(super) fn encode(&self, key: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Case(record) => codec::encode(key, &**record),
            Self::Answer(record) => codec::encode(key, record),
            Self::Bytes(bytes) => Ok(bytes.to_vec()),
            Self::Mark => Ok(Vec::new()),
        }
    }
}
