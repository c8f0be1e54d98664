//! What a client sends: JSON objects whose every key is known, and every mistake told at once.

use std::ops::Deref;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value as Json;

use crate::diagnostic::did_you_mean;
use crate::model::command::Input;
use crate::model::limit::{SCRIPT_BYTES_MAX, TEXT_CHARS_MAX};
use crate::model::{Name, Title};

use super::App;
use super::auth::Asked;
use super::error::{BAD_BODY, BAD_JSON, Fault, Problem, UNSUPPORTED_MEDIA_TYPE};
use super::json;

/// A request with a body. The key is checked before the body is read.
pub(super) struct Sent {
    /// Who asks for what.
    pub(super) asked: Asked,
    /// The body.
    pub(super) bytes: Bytes,
}

impl Deref for Sent {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let asked = Asked::from_request_parts(&mut parts, app).await?;
        let bytes = Bytes::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(|rejection| Problem::of_status(rejection.status()))?;
        Ok(Self { asked, bytes })
    }
}

impl Sent {
    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Object, Problem> {
        Object::read(&self.headers, &self.bytes)
    }
}

/// A JSON object that is taken apart key by key; what is left over at the end was unknown.
#[derive(Debug)]
pub(super) struct Object {
    rest: Input,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Object {
    /// Reads the body; an empty one is an empty object.
    pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem> {
        let rest = if bytes.is_empty() { Input::new() } else { object(headers, bytes)? };
        Ok(Self { rest, known: Vec::new(), faults: Vec::new() })
    }

    /// The object under `key`; empty when it is absent.
    pub(super) fn object(&mut self, key: &'static str) -> Input {
        self.optional_object(key).unwrap_or_default()
    }

    /// The object under `key`.
    pub(super) fn optional_object(&mut self, key: &'static str) -> Option<Input> {
        match self.take(key)? {
            Json::Object(object) => Some(object),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                self.fault(key, "not_an_object", "须为对象", "must be an object");
                None
            }
        }
    }

    /// The text under `key`.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Name> {
        self.text_of(key, TEXT_CHARS_MAX)
    }

    /// The script under `key`.
    pub(super) fn script(&mut self, key: &'static str) -> Option<Name> {
        self.text_of(key, SCRIPT_BYTES_MAX)
    }

    /// The text under `key`, which must be there and not be blank.
    pub(super) fn required_text(&mut self, key: &'static str) -> Name {
        let faults = self.faults.len();
        let text = self.text(key);
        if text.as_ref().is_none_or(|text| text.trim().is_empty()) && self.faults.len() == faults {
            self.fault(key, "required", "必须填写", "is required");
        }
        text.unwrap_or_default()
    }

    /// The list of texts under `key`.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Name>> {
        let value = self.take(key)?;
        let texts: Option<Vec<Name>> =
            value.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(Name::from)).collect());
        if texts.is_none() {
            self.fault(key, "not_a_list_of_texts", "须为文本列表", "must be a list of texts");
        }
        texts
    }

    /// The flag under `key`, which must be there.
    pub(super) fn required_flag(&mut self, key: &'static str) -> bool {
        let flag = self.take(key).and_then(|value| value.as_bool());
        if flag.is_none() {
            self.fault(key, "not_a_flag", "须为 `true` 或 `false`", "must be `true` or `false`");
        }
        flag.unwrap_or_default()
    }

    /// Notes a mistake at `key`.
    pub(super) fn fault(&mut self, key: &str, code: &str, zh: &str, en: &str) {
        let message = Title::new(&format!("`{key}` {zh}"), &format!("`{key}` {en}"));
        self.faults.push(Fault::at(key, code, message));
    }

    /// Refuses the object when something in it is wrong or unknown.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<Fault> = self.rest.keys().map(|key| self.unknown(key)).collect();
        self.faults.extend(unknown);
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::of(&BAD_BODY, self.faults)) }
    }

    /// Refuses the object for what was found so far.
    pub(super) fn refuse<T>(&mut self) -> Result<T, Problem> {
        Err(Problem::of(&BAD_BODY, std::mem::take(&mut self.faults)))
    }

    fn text_of(&mut self, key: &'static str, most: usize) -> Option<Name> {
        let value = self.take(key)?;
        match value.as_str() {
            Some(text) if text.chars().count() <= most => Some(text.into()),
            Some(_) => {
                self.fault(key, "too_long", &format!("最多 {most} 个字符"), &format!("has at most {most} characters"));
                None
            }
            None => {
                self.fault(key, "not_a_text", "须为文本", "must be a text");
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Json> {
        self.known.push(key);
        self.rest.shift_remove(key).filter(|value| !value.is_null())
    }

    fn unknown(&self, key: &str) -> Fault {
        let (zh, en) = match did_you_mean(key, self.known.iter().copied()) {
            Some(near) => (format!("，是否指 `{near}`？"), format!(", did you mean `{near}`?")),
            None => {
                let all = self.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>();
                (format!("，可用的键：{}", all.join("、")), format!("; known are {}", all.join(", ")))
            }
        };
        Fault::at(key, "unknown_key", Title::new(&format!("未知的键 `{key}`{zh}"), &format!("unknown key `{key}`{en}")))
    }
}

/// The media type of the body, without parameters and in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The problem of a body that is in none of `formats`.
pub(super) fn unsupported(found: &str, formats: &[&str]) -> Problem {
    let formats = formats.join(", ");
    Problem::new(
        &UNSUPPORTED_MEDIA_TYPE,
        Title::new(
            &format!("不支持内容类型 `{found}`；支持：{formats}"),
            &format!("the content type `{found}` is not supported here; use {formats}"),
        ),
    )
}

/// A JSON object, whatever its keys.
pub(super) fn object(headers: &HeaderMap, bytes: &[u8]) -> Result<Input, Problem> {
    let media = media_type(headers);
    if media != "application/json" && !(media.starts_with("application/") && media.ends_with("+json")) {
        return Err(unsupported(&media, &["application/json"]));
    }
    match json::strict(bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
            let message = Title::new("请求体须为 JSON 对象", "the body must be a JSON object");
            Err(Problem::of(&BAD_BODY, vec![Fault::at("", "not_an_object", message)]))
        }
        Err(error) => {
            let message = Title::new(&format!("请求体不是 JSON：{error}"), &format!("the body is not JSON: {error}"));
            Err(Problem::of(&BAD_JSON, vec![Fault { line: Some(error.line()), ..Fault::at("", "not_json", message) }]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    fn json() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json; charset=utf-8"))])
    }

    fn check(body: &str) -> String {
        let read = Object::read(&json(), body.as_bytes()).and_then(|mut object| {
            let found = (object.object("fields"), object.text("comment"), object.texts("roles"));
            object.finish().map(|()| found)
        });
        match read {
            Ok((fields, comment, roles)) => format!("{fields:?} {comment:?} {roles:?}"),
            Err(problem) => {
                let body = serde_json::to_value(problem.body(Language::En, "")).unwrap();
                let errors = body["errors"].as_array().unwrap().iter();
                errors.map(|error| format!("{} {}\n", error["pointer"], error["message"])).collect()
            }
        }
    }

    #[test]
    fn an_object_is_read_and_every_mistake_in_it_is_told() {
        insta::assert_snapshot!(check(r#"{"fields": {"a": 1}, "comment": "x", "roles": ["r"]}"#), @r#"{"a": Number(1)} Some("x") Some(["r"])"#);
        insta::assert_snapshot!(check(""), @"{} None None");
        insta::assert_snapshot!(check(r#"{"comment": null}"#), @"{} None None");
        insta::assert_snapshot!(check(r#"{"field": 1, "comment": 2, "roles": [3], "who": 4}"#), @r#"
        "/comment" "`comment` must be a text"
        "/roles" "`roles` must be a list of texts"
        "/field" "unknown key `field`, did you mean `fields`?"
        "/who" "unknown key `who`; known are `fields`, `comment`, `roles`"
        "#);
        insta::assert_snapshot!(check("[]"), @r#""" "the body must be a JSON object""#);
        insta::assert_snapshot!(check("{\n  \"fields\": nope }"), @r#""" "the body is not JSON: expected ident at line 2 column 14""#);
    }

    #[test]
    fn another_content_type_is_refused() {
        let problem = Object::read(&HeaderMap::new(), b"{}").unwrap_err();
        assert_eq!(problem.code(), "unsupported_media_type");
    }
}
