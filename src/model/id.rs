//! Identifiers: parsed once at the edge, never wrong inside.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name from a definition (stage, field, role, ...): cheap to clone.
pub type Name = Arc<str>;

/// A person, a service or `system`, by the id under which it authenticates.
pub type UserId = Arc<str>;

/// Makes a [`Name`].
#[must_use]
pub fn name(text: &str) -> Name {
    Arc::from(text)
}

/// The identity of a case: 48 bits of milliseconds and 80 random bits, written as 26 characters of
/// Crockford's base 32 (the ULID layout), so that ids sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CaseId(u128);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The length of a written [`CaseId`].
pub const CASE_ID_CHARS: usize = 26;

impl CaseId {
    /// Makes an id from milliseconds since 1970 and randomness; both come from the shell.
    #[must_use]
    pub fn new(milliseconds: i64, random: u128) -> Self {
        let time = u128::from(milliseconds.max(0).unsigned_abs()) << 80;
        Self(time | (random & ((1 << 80) - 1)))
    }

    /// The sixteen bytes under which a case is stored; they sort like the id.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id that was stored as `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in (0..CASE_ID_CHARS).rev() {
            let digit = (self.0 >> (index * 5)) & 31;
            let letter = usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

/// A text that is not a case id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a case id has {CASE_ID_CHARS} characters of 0-9 and a-z without i, l, o and u")]
pub struct CaseIdError;

impl FromStr for CaseId {
    type Err = CaseIdError;

    fn from_str(text: &str) -> Result<Self, CaseIdError> {
        if text.len() != CASE_ID_CHARS {
            return Err(CaseIdError);
        }
        let mut id: u128 = 0;
        for letter in text.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == letter.to_ascii_lowercase()).ok_or(CaseIdError)?;
            if id >> 123 != 0 {
                return Err(CaseIdError);
            }
            id = (id << 5) | u128::try_from(digit).map_err(|_| CaseIdError)?;
        }
        Ok(Self(id))
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for CaseId {
    type Error = CaseIdError;

    fn try_from(text: String) -> Result<Self, CaseIdError> {
        text.parse()
    }
}

/// The identity of a whole definition set: the SHA-256 of its files, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub Name);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written_and_sorts_by_time() {
        let early = CaseId::new(1_000, u128::MAX);
        let late = CaseId::new(1_001, 0);
        for id in [early, late, CaseId::new(i64::MAX, u128::MAX), CaseId::new(0, 0)] {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(CaseId::from_bytes(id.to_bytes()), id);
        }
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "SO20260924-0001", "u0000000000000000000000000", "zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(text.parse::<CaseId>(), Err(CaseIdError), "{text}");
        }
    }
}
