//! Pages of lists: opaque cursors that go with their query, and `Link` (RFC 8288).

use axum::http::Uri;
use axum::http::header::{HeaderName, HeaderValue, LINK};
use sha2::{Digest, Sha256};

use crate::model::CaseId;
use crate::model::id::CASE_ID_CHARS;

use super::error::{BAD_CURSOR, Problem};
use super::idempotency::hexadecimal;

/// The parameters that say which page, not what is listed.
const PAGING: [&str; 3] = ["cursor", "limit", "count"];

/// The cursor of the page after `last`.
pub(super) fn cursor(uri: &Uri, last: CaseId) -> String {
    format!("{last}{}", mark(uri, &last.to_string()))
}

/// Where the page before ended.
pub(super) fn read_cursor(uri: &Uri, cursor: &str) -> Result<CaseId, Problem> {
    let parts = cursor.split_at_checked(CASE_ID_CHARS).filter(|(id, found)| mark(uri, id) == *found);
    let id = parts.and_then(|(id, _)| id.parse().ok());
    id.ok_or_else(bad_cursor)
}

/// A cursor that stands for `text`, which goes with this query only.
pub(super) fn sealed(uri: &Uri, text: &str) -> String {
    format!("{text}~{}", mark(uri, text))
}

/// What a cursor that [`sealed`] gave stands for.
pub(super) fn unsealed<'c>(uri: &Uri, cursor: &'c str) -> Result<&'c str, Problem> {
    let parts = cursor.rsplit_once('~').filter(|(text, found)| mark(uri, text) == *found);
    parts.map(|(text, _)| text).ok_or_else(bad_cursor)
}

/// The problem of a cursor that is none of this query.
pub(super) fn bad_cursor() -> Problem {
    Problem::new(&BAD_CURSOR, BAD_CURSOR.about())
}

/// A cursor that says more than the id of a case.
pub(super) fn mark_text(uri: &Uri, text: &str) -> String {
    format!("{text}.{}", mark(uri, text))
}

/// What a cursor of [`mark_text`] says.
pub(super) fn read_marked(uri: &Uri, cursor: &str) -> Result<String, Problem> {
    let parts = cursor.rsplit_once('.').filter(|(text, found)| mark(uri, text) == *found);
    parts.map(|(text, _)| text.to_owned()).ok_or_else(|| Problem::new(&BAD_CURSOR, BAD_CURSOR.about()))
}

/// The header that names the next page: the same address with `name` set to `value`.
pub(super) fn next_link(uri: &Uri, name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && key(pair) != name);
    let query = kept.map(str::to_owned).chain([format!("{name}={}", escape(value))]).collect::<Vec<_>>().join("&");
    let link = HeaderValue::from_str(&format!("<{}?{query}>; rel=\"next\"", uri.path())).ok()?;
    Some((LINK, link))
}

/// Ties a cursor to what is listed, so that one of another query is refused instead of giving a wrong page.
fn mark(uri: &Uri, id: &str) -> String {
    let mut pairs: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !PAGING.contains(&key(pair)))
        .collect();
    pairs.sort_unstable();
    let hash = Sha256::digest(format!("{}?{}#{id}", uri.path(), pairs.join("&")));
    hexadecimal(&hash).chars().take(8).collect()
}

fn key(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

/// Percent-encodes what is not unreserved (RFC 3986, 2.3).
pub(super) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_own_query_only() {
        let id = CaseId::new(1, 2);
        let uri = |text: &'static str| Uri::from_static(text);
        let given = cursor(&uri("/v1/cases?stage=a&q=b&limit=2"), id);
        for (address, good) in [
            ("/v1/cases?stage=a&q=b&limit=2", true),
            ("/v1/cases?q=b&stage=a&limit=9&count=true&cursor=x", true),
            ("/v1/cases?stage=a", false),
            ("/v1/cases?stage=b&q=b", false),
        ] {
            assert_eq!(read_cursor(&uri(address), &given).ok(), good.then_some(id), "{address}");
        }
        for cursor in ["", "x", "00000000000000000000000000", &given.replace('0', "1"), "单据单据单据单据单据单据"]
        {
            assert!(read_cursor(&uri("/v1/cases?stage=a&q=b"), cursor).is_err(), "{cursor}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(cursor in ".*", id in "[0-9a-hjkmnp-tv-z]{26}[0-9a-f]{8}") {
            let uri = Uri::from_static("/v1/cases");
            for text in [cursor, id] {
                if let Ok(id) = read_cursor(&uri, &text) {
                    proptest::prop_assert_eq!(super::cursor(&uri, id), text);
                }
            }
        }
    }

    #[test]
    fn the_link_keeps_the_query_and_moves_the_cursor() {
        let link = |address: &'static str| next_link(&Uri::from_static(address), "cursor", "a b").unwrap().1;
        assert_eq!(link("/v1/cases"), "</v1/cases?cursor=a%20b>; rel=\"next\"");
        assert_eq!(link("/v1/cases?q=%E5&cursor=x&limit=2"), "</v1/cases?q=%E5&limit=2&cursor=a%20b>; rel=\"next\"");
    }
}
