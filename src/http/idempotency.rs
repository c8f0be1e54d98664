//! `Idempotency-Key`: a request that is sent again gets the first answer again.

use axum::http::{HeaderMap, Method, Uri};
use sha2::{Digest, Sha256};

use crate::model::limit::IDEMPOTENCY_KEY_CHARS_MAX;
use crate::model::{Name, Title};
use crate::runtime::Retry;

use super::body::Sent;
use super::error::{BAD_HEADER, Problem};

/// The header.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header of an answer that was given before.
pub(super) const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

/// The key that the client chose, with what it is used for.
pub(super) fn retry(sent: &Sent) -> Result<Option<Retry>, Problem> {
    Ok(key(&sent.headers)?.map(|key| Retry { key, fingerprint: fingerprint(&sent.method, &sent.uri, &sent.bytes) }))
}

/// The key that the client chose.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<Name>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match value.to_str() {
        Ok(text) if values.next().is_none() && (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.len()) => {
            Ok(Some(text.into()))
        }
        Ok(_) | Err(_) => {
            let detail = Title::new(
                &format!("`Idempotency-Key` 须为 1 至 {IDEMPOTENCY_KEY_CHARS_MAX} 个可见 ASCII 字符，且只出现一次"),
                &format!(
                    "`Idempotency-Key` must be given once, with 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters"
                ),
            );
            Err(Problem::new(&BAD_HEADER, detail))
        }
    }
}

/// The SHA-256 of method, path, query and body, in hexadecimal.
fn fingerprint(method: &Method, uri: &Uri, body: &[u8]) -> Name {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let mut hash = Sha256::new();
    for piece in [method.as_str().as_bytes(), b" ", target.as_bytes(), b"\n", body] {
        hash.update(piece);
    }
    hexadecimal(&hash.finalize()).into()
}

/// Bytes in hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn each_part_of_a_request_changes_its_fingerprint() {
        let rows: [(Method, &'static str, &[u8]); 6] = [
            (Method::POST, "/v1/a", b"{}"),
            (Method::PATCH, "/v1/a", b"{}"),
            (Method::POST, "/v1/b", b"{}"),
            (Method::POST, "/v1/a?dry_run=true", b"{}"),
            (Method::POST, "/v1/a", b"{ }"),
            (Method::POST, "/v1/a", b""),
        ];
        let prints: BTreeSet<Name> =
            rows.iter().map(|(method, uri, body)| fingerprint(method, &Uri::from_static(uri), body)).collect();
        assert_eq!(prints.len(), rows.len());
        insta::assert_snapshot!(fingerprint(&Method::POST, &Uri::from_static("/v1/a"), b"{}"), @"c81d1901be32eead78d0498788eb7f7817d1627dec1688b2308d3e60b13f5a6d");
    }

    #[test]
    fn a_key_is_one_short_visible_text() {
        let long = "k".repeat(IDEMPOTENCY_KEY_CHARS_MAX + 1);
        for (value, good) in [("k", true), ("\"8e03978e\"", true), ("", false), (long.as_str(), false), ("键", false)]
        {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(IDEMPOTENCY_KEY),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )]);
            assert_eq!(key(&headers).is_ok(), good, "{value}");
        }
        assert!(matches!(key(&HeaderMap::new()), Ok(None)));
    }
}
