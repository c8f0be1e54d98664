//! Problems: every answer that is not a success, as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`] with its texts in both languages; `finish` writes it in the caller's language
//! under the id of the request. So nothing answers plain text, and no handler knows about languages.

mod codes;
mod failure;

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use crate::diagnostic::Diagnostic;
use crate::field;
use crate::model::{CaseId, Language, Name, Place, Reason, Record, Title};

pub(super) use codes::{
    BAD_BODY, BAD_CURSOR, BAD_HEADER, BAD_JSON, BAD_PARAMETER, BAD_REQUEST, BAD_ROWS, BAD_SCRIPT, CONFLICT, FORBIDDEN,
    IN_FLIGHT, INTERNAL, INVALID, KEY_REUSED, METHOD_NOT_ALLOWED, NOT_FOUND, OVERLOADED, OWN_KEY, STALE, STARTING,
    STORE, TIMEOUT, TOO_LARGE, UNAUTHENTICATED, UNAVAILABLE, UNKNOWN_PARAMETER, UNSUPPORTED_MEDIA_TYPE,
};
pub(super) use codes::{Code, known};
pub(super) use failure::not_found;

/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that is not a success, before it is written in a language. Boxed, so that success stays small.
#[derive(Clone, Debug)]
pub(super) struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: &'static Code,
    detail: Title,
    faults: Vec<Fault>,
    more: Map<String, Json>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with its sentence: lower case, no full stop, with what to do.
    pub(super) fn new(code: &'static Code, detail: Title) -> Self {
        let headers = if code.retryable && code.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            vec![(axum::http::header::RETRY_AFTER, HeaderValue::from_static("1"))]
        } else {
            Vec::new()
        };
        Self(Box::new(Parts { code, detail, faults: Vec::new(), more: Map::new(), headers }))
    }

    /// The problem of these faults; the first gives the sentence.
    pub(super) fn of(code: &'static Code, faults: Vec<Fault>) -> Self {
        let more = faults.len().saturating_sub(1);
        let first = faults.first().map(Fault::sentence).unwrap_or_default();
        let detail = if more == 0 {
            first
        } else {
            Title::new(
                &format!("{}（另有 {more} 项）", first.text(Language::Zh)),
                &format!("{} (and {more} more)", first.text(Language::En)),
            )
        };
        let mut problem = Self::new(code, detail);
        problem.0.faults = faults;
        problem
    }

    /// The problem that an answer without a body of ours stands for.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => &NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED => &METHOD_NOT_ALLOWED,
            StatusCode::REQUEST_TIMEOUT => &TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE => &TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => &UNSUPPORTED_MEDIA_TYPE,
            status if status.is_client_error() => &BAD_REQUEST,
            _ => &INTERNAL,
        };
        Self::new(code, code.about())
    }

    /// The same problem with a further member.
    pub(super) fn with(mut self, member: &str, value: impl Into<Json>) -> Self {
        self.0.more.insert(member.to_owned(), value.into());
        self
    }

    /// The same problem with a header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Its code.
    pub(super) fn code(&self) -> &'static str {
        self.0.code.code
    }

    /// The codes of its faults.
    pub(super) fn fault_codes(&self) -> impl Iterator<Item = &Name> {
        self.0.faults.iter().map(|fault| &fault.code)
    }

    /// Writes it in `language` for the request `instance`.
    pub(super) fn body(&self, language: Language, instance: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.0.code.code),
            title: self.0.code.title().text(language).to_owned(),
            status: self.0.code.status,
            detail: self.0.detail.text(language).to_owned(),
            code: self.0.code.code.to_owned(),
            instance: instance.to_owned(),
            retryable: self.0.code.retryable,
            errors: self.0.faults.iter().map(|fault| fault.body(language)).collect(),
            more: self.0.more.clone(),
        }
    }

    /// Writes it as a whole answer; the headers in `kept` stay (`Allow`).
    pub(super) fn respond(&self, language: Language, instance: &str, kept: HeaderMap) -> Response {
        let body = serde_json::to_vec(&self.body(language, instance)).unwrap_or_default();
        let mut response = (self.status(), [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        response.headers_mut().extend(kept);
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault {
    /// Its stable code.
    pub(super) code: Name,
    /// The sentence.
    pub(super) message: Title,
    /// The field, as `lines[0].discount`.
    pub(super) path: String,
    /// The rule that said so.
    pub(super) rule: Option<Name>,
    /// Where the rule stands.
    pub(super) place: Option<Place>,
    /// The line of the body, for bulk requests.
    pub(super) line: Option<usize>,
    /// The numbers behind it.
    pub(super) facts: Record,
    /// The other case that is in the way.
    pub(super) case: Option<CaseId>,
}

impl Fault {
    /// A fault in what the client wrote at `path`.
    pub(super) fn at(path: &str, code: &str, message: Title) -> Self {
        Self { code: code.into(), message, path: path.to_owned(), ..Self::default() }
    }

    /// The sentence, which names the field: alone it would not say what it is about.
    fn sentence(&self) -> Title {
        let named = |language, colon| {
            let text = self.message.text(language);
            let says = self.path.is_empty() || text.contains(&format!("`{}`", self.path));
            if says { text.to_owned() } else { format!("`{}`{colon}{text}", self.path) }
        };
        Title::new(&named(Language::Zh, "："), &named(Language::En, ": "))
    }

    /// Writes it in `language`.
    pub(super) fn body(&self, language: Language) -> FaultBody {
        FaultBody {
            code: self.code.to_string(),
            message: self.message.text(language).to_owned(),
            pointer: pointer(&self.path),
            path: self.path.clone(),
            rule: self.rule.as_ref().map(ToString::to_string),
            file: self.place.as_ref().map(|place| place.file.to_string()),
            line: self.place.as_ref().map(|place| place.line as usize).or(self.line),
            column: self.place.as_ref().map(|place| place.column),
            facts: (!self.facts.is_empty()).then(|| self.facts.to_json()),
            case: self.case.map(|id| id.to_string()),
        }
    }
}

impl From<&Reason> for Fault {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.clone(),
            message: reason.message.clone(),
            path: reason.path.to_string(),
            rule: reason.rule.clone(),
            place: reason.place.clone(),
            line: None,
            facts: reason.facts.clone(),
            case: reason.case,
        }
    }
}

impl From<&Diagnostic> for Fault {
    fn from(diagnostic: &Diagnostic) -> Self {
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let message = Title::both(&format!("{}{help}", diagnostic.message));
        Self { place: Some(diagnostic.place.clone()), ..Self::at("", &diagnostic.code, message) }
    }
}

impl From<field::Problem> for Fault {
    fn from(problem: field::Problem) -> Self {
        Self::at(&problem.path, problem.code, problem.message)
    }
}

/// A problem as clients read it (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// A page that explains the code.
    #[schema(example = "/problems/invalid")]
    r#type: String,
    /// What kind of problem it is, in the caller's language.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong here and what to do, in the caller's language.
    detail: String,
    /// The stable code.
    code: String,
    /// The id of the request, to find it in the log.
    instance: String,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// Each thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultBody>,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Json>,
}

/// One thing that is wrong, or one reason why not.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(super) struct FaultBody {
    /// The stable code.
    code: String,
    /// The sentence, in the caller's language.
    message: String,
    /// The field, as `lines[0].discount`; empty when it is about the whole.
    path: String,
    /// The same as a JSON Pointer (RFC 6901) into the fields.
    pointer: String,
    /// The rule that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// The file in which the rule or the condition stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The line in `file`; without a file, the line of what was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The column in `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// The numbers behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    facts: Option<Json>,
    /// The other case that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
}

/// The JSON Pointer (RFC 6901) of a path such as `lines[0].discount`.
pub(super) fn pointer(path: &str) -> String {
    path.split(['.', '['])
        .map(|piece| piece.strip_suffix(']').unwrap_or(piece))
        .filter(|piece| !piece.is_empty())
        .fold(String::new(), |pointer, piece| pointer + "/" + piece.replace('~', "~0").replace('/', "~1").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RefusalKind;
    use crate::runtime::Failure;

    #[test]
    fn a_path_becomes_a_pointer() {
        for (path, expected) in [
            ("", ""),
            ("amount", "/amount"),
            ("lines[0].discount", "/lines/0/discount"),
            ("lines[12]", "/lines/12"),
            ("a/b~c", "/a~1b~0c"),
        ] {
            assert_eq!(pointer(path), expected, "{path}");
        }
    }

    #[test]
    fn a_problem_is_written_in_the_language_of_the_caller() {
        let reason =
            Reason::new(RefusalKind::Invalid, "required", Title::new("须填写 `amount`", "`amount` is required"))
                .at("lines[1].amount");
        let problem = Problem::from(Failure::Refused(Box::new(crate::model::Refusal::because(reason))));
        insta::assert_snapshot!(serde_json::to_string_pretty(&problem.body(Language::En, "r1")).unwrap(), @r#"
        {
          "type": "/problems/invalid",
          "title": "checks not passed",
          "status": 422,
          "detail": "`lines[1].amount`: `amount` is required",
          "code": "invalid",
          "instance": "r1",
          "retryable": false,
          "errors": [
            {
              "code": "required",
              "message": "`amount` is required",
              "path": "lines[1].amount",
              "pointer": "/lines/1/amount"
            }
          ]
        }
        "#);
        insta::assert_snapshot!(serde_json::to_string(&problem.body(Language::Zh, "r1")).unwrap(), @r#"{"type":"/problems/invalid","title":"未通过检查","status":422,"detail":"`lines[1].amount`：须填写 `amount`","code":"invalid","instance":"r1","retryable":false,"errors":[{"code":"required","message":"须填写 `amount`","path":"lines[1].amount","pointer":"/lines/1/amount"}]}"#);
    }
}
