//! Versions in headers: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, 13).

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::model::Title;

use super::error::{BAD_HEADER, Problem};

/// The entity tag of a version.
pub(super) fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// The version that the command must find: the present one when `If-Match` names it or is absent, one that it
/// names otherwise (which the runtime then refuses as stale).
pub(super) fn expected(headers: &HeaderMap, present: u64) -> Result<Option<u64>, Problem> {
    let Some(tags) = tags(headers, &IF_MATCH)? else { return Ok(None) };
    match tags {
        Tags::Any => Ok(None),
        Tags::Versions(versions) if versions.contains(&present) => Ok(Some(present)),
        Tags::Versions(versions) => Ok(Some(versions.first().copied().unwrap_or(0))),
    }
}

/// Whether the client already has `present` (`If-None-Match`).
pub(super) fn unchanged(headers: &HeaderMap, present: u64) -> bool {
    match tags(headers, &IF_NONE_MATCH) {
        Ok(Some(Tags::Any)) => true,
        Ok(Some(Tags::Versions(versions))) => versions.contains(&present),
        Ok(None) | Err(_) => false,
    }
}

enum Tags {
    Any,
    Versions(Vec<u64>),
}

// A weak tag is taken like a strong one: proxies weaken the tags of what they compress, and a version says
// exactly which state was read. A tag that is not a version of ours matches nothing.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    let mut versions = Vec::new();
    let mut present = false;
    for value in headers.get_all(name) {
        present = true;
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',') {
            let tag = tag.trim();
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let opaque = opaque.strip_prefix('"').and_then(|opaque| opaque.strip_suffix('"'));
            let opaque = opaque.ok_or_else(|| unreadable(name, tag))?;
            versions.extend(opaque.strip_prefix('v').and_then(|digits| digits.parse::<u64>().ok()));
        }
    }
    Ok(present.then_some(Tags::Versions(versions)))
}

fn unreadable(name: &HeaderName, tag: &str) -> Problem {
    let detail = Title::new(
        &format!("`{name}` 的值 `{tag}` 不是 ETag；写作 `\"v3\"` 或 `*`"),
        &format!("`{tag}` in `{name}` is not an entity tag; write `\"v3\"` with its quotes, or `*`"),
    );
    Problem::new(&BAD_HEADER, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_match_gives_the_version_that_must_be_found() {
        for (value, version) in [
            ("\"v3\"", Some(Some(3))),
            ("\"v2\"", Some(Some(2))),
            ("\"v1\", \"v3\"", Some(Some(3))),
            ("W/\"v3\"", Some(Some(3))),
            ("*", Some(None)),
            ("\"other\"", Some(Some(0))),
            ("v3", None),
            ("", None),
        ] {
            assert_eq!(expected(&headers(IF_MATCH, value), 3).ok(), version, "{value}");
        }
        assert_eq!(expected(&HeaderMap::new(), 3).ok(), Some(None));
    }

    #[test]
    fn if_none_match_recognises_what_the_client_has() {
        for (value, known) in
            [("\"v3\"", true), ("\"v2\", W/\"v3\"", true), ("*", true), ("\"v2\"", false), ("x", false)]
        {
            assert_eq!(unchanged(&headers(IF_NONE_MATCH, value), 3), known, "{value}");
        }
        assert!(!unchanged(&HeaderMap::new(), 3));
    }
}
