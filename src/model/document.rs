//! Documents: what was printed about a case, numbered and frozen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{Name, UserId};
use super::time::Timestamp;

/// A document that was issued: it never changes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its number, unique among the documents of this name in its workflow.
    pub number: Name,
    /// The SHA-256 of what was printed, in hexadecimal; the store keeps the bytes under it.
    pub sha256: Name,
    /// When it was issued.
    pub at: Timestamp,
    /// Who brought it about.
    pub by: UserId,
}

/// The documents of a case by name, the latest of each last.
pub type Documents = BTreeMap<Name, Vec<Issued>>;
