//! Attachments: files that belong to a case. The case knows what they are; their content is kept beside the store.

use serde::{Deserialize, Serialize};

use super::id::{Name, UserId};
use super::time::Timestamp;

/// The letters of a [`Attachment::sha256`].
pub const SHA256_CHARS: usize = 64;

/// A file: what it is called and which content it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The SHA-256 of its content, 64 hexadecimal digits in lower case.
    pub sha256: Name,
    /// Its name for people.
    pub name: Name,
    /// Its media type, as `application/pdf`.
    pub media_type: Name,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A file in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// The file.
    pub attachment: Attachment,
    /// When it was attached.
    pub at: Timestamp,
    /// Who attached it.
    pub by: UserId,
}

/// Whether `text` is the SHA-256 of something, as it is written here.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_CHARS && text.bytes().all(|letter| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Case, Event};

    #[test]
    fn an_attachment_is_stored_in_this_form_for_ever() {
        let stored = format!(
            r#"{{"Attached":{{"attachment":{{"sha256":"{}","name":"a.pdf","media_type":"application/pdf","bytes":7}}}}}}"#,
            "0".repeat(64)
        );
        let event: Event = serde_json::from_str(&stored).unwrap();
        assert_eq!(event.kind(), "attached");
        assert_eq!(serde_json::to_string(&event).unwrap(), stored);
    }

    #[test]
    fn a_case_from_before_there_were_attachments_has_none_and_is_written_as_it_was() {
        let stored = r#"{"id":"00000000000000000000000001","workflow":"w","number":"1","version":1,"revision":"r","stage":"s","fields":{},"opened_at":0,"opened_by":"ann","updated_at":0,"entered":{},"takers":{}}"#;
        let case: Case = serde_json::from_str(stored).unwrap();
        assert_eq!(case.attachments, []);
        assert_eq!(serde_json::to_string(&case).unwrap(), stored);
    }

    #[test]
    fn a_sha256_is_sixty_four_small_hexadecimal_digits() {
        for (text, is) in
            [("0".repeat(64), true), ("A".repeat(64), false), ("0".repeat(63), false), ("g".repeat(64), false)]
        {
            assert_eq!(is_sha256(&text), is, "{text}");
        }
    }
}
