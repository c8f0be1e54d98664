//! What a file is: what the client says, held against how it begins.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

use crate::diagnostic::did_you_mean;
use crate::http::error::{Problem, UNSUPPORTED_MEDIA_TYPE};
use crate::model::Title;

use super::AttachmentRules;

/// The types that are taken when the settings don't say.
pub(super) const USUAL: &[&str] = &[
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/webp",
    "text/plain",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];

/// The place of some bytes in a file, and the bytes.
type Mark = (usize, &'static [u8]);

/// How files of a type begin. Types of one container share their marks.
const BEGINNINGS: &[(&str, &[Mark])] = &[
    ("application/pdf", &[(0, b"%PDF-")]),
    ("image/png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    ("image/jpeg", &[(0, b"\xff\xd8\xff")]),
    ("image/gif", &[(0, b"GIF8")]),
    ("image/webp", &[(0, b"RIFF"), (8, b"WEBP")]),
    ("application/zip", &[(0, b"PK\x03\x04")]),
    ("application/vnd.openxmlformats-officedocument", &[(0, b"PK\x03\x04")]),
    ("application/vnd.oasis.opendocument", &[(0, b"PK\x03\x04")]),
    ("application/msword", &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")]),
    ("application/vnd.ms-excel", &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")]),
];

/// The type that the client says, in lower case and without its parameters, when it is one that is taken.
pub(super) fn said(headers: &HeaderMap, rules: &AttachmentRules) -> Result<String, Problem> {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if rules.types.contains(&said) {
        return Ok(said);
    }
    let hint = match did_you_mean(&said, rules.types.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; those that are: {}", rules.types.join(", ")),
    };
    let zh = format!("不接受类型 `{said}`;接受: {}", rules.types.join(", "));
    Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE, Title::new(&zh, &format!("the type `{said}` is not taken{hint}"))))
}

/// Whether a file that begins so can be of this type. A type of which nothing is known here passes: whoever added it
/// to the settings knows what it is.
pub(super) fn fits(media_type: &str, head: &[u8]) -> bool {
    if media_type.starts_with("text/") {
        return !head.contains(&0) && is_text(head);
    }
    let known = BEGINNINGS.iter().find(|(kind, _)| media_type.starts_with(kind));
    known.is_none_or(|(_, marks)| {
        marks.iter().all(|(at, mark)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
    })
}

/// Whether it is UTF-8 as far as it goes; the last letter may be cut.
fn is_text(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_as_its_type_says() {
        for (kind, head, fitting) in [
            ("application/pdf", &b"%PDF-1.7"[..], true),
            ("application/pdf", b"MZ\x90", false),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8", true),
            ("image/webp", b"RIFF\0\0\0\0WAVE", false),
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04", true),
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"<html>", false),
            ("text/plain", "订单".as_bytes(), true),
            ("text/plain", b"\xe8\xae", true),
            ("text/plain", b"a\0b", false),
            ("text/plain", b"\xff\xfe", false),
            ("application/x-own", b"anything", true),
            ("image/png", b"", false),
        ] {
            assert_eq!(fits(kind, head), fitting, "{kind} {head:?}");
        }
    }
}
