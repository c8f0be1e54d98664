//! What a server says when it says no (RFC 9457), for people.

use std::fmt;

use serde_json::Value as Json;

use super::Answer;

/// A refusal or failure as the server reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; empty when the answer had none.
    pub code: String,
    /// One sentence.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Everything that is wrong, one by one.
    pub errors: Vec<ProblemError>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemError {
    /// The field it is about, as `lines[0].discount`; empty when it is about the whole.
    pub path: String,
    /// The stable code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The line of what was sent, in bulk requests.
    pub line: Option<u64>,
    /// Where the rule that said so stands: `rules/x.rhai:5:13`.
    pub place: Option<String>,
}

impl Problem {
    /// Reads the answer; one that is not `application/problem+json` is told by its status and beginning.
    #[must_use]
    pub fn read(answer: &Answer) -> Self {
        let text = |name: &str| answer.json.get(name).and_then(Json::as_str).map(str::to_owned);
        let errors = answer.json.get("errors").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let start = || answer.text.chars().take(200).collect::<String>();
        Self {
            status: answer.status,
            code: text("code").unwrap_or_default(),
            detail: text("detail").or_else(|| text("title")).unwrap_or_else(start),
            retryable: answer.json.get("retryable").and_then(Json::as_bool).unwrap_or_default(),
            errors: errors.iter().map(ProblemError::read).collect(),
        }
    }
}

impl ProblemError {
    fn read(json: &Json) -> Self {
        let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let line = json.get("line").and_then(Json::as_u64);
        let column = json.get("column").and_then(Json::as_u64).unwrap_or(0);
        let file = json.get("file").and_then(Json::as_str);
        Self {
            path: text("path"),
            code: text("code"),
            message: text("message"),
            line: line.filter(|_| file.is_none()),
            place: file.map(|file| format!("{file}:{}:{column}", line.unwrap_or(0))),
        }
    }
}

impl ProblemError {
    /// The same without its line, for lists that name it themselves.
    #[must_use]
    pub fn without_line(&self) -> Self {
        Self { line: None, ..self.clone() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server said no ({}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        write!(f, "): {}", self.detail.trim_end())?;
        for error in &self.errors {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ProblemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.message)?;
        match (&self.place, self.code.is_empty()) {
            (Some(place), false) => write!(f, " ({}, {place})", self.code),
            (None, false) => write!(f, " ({})", self.code),
            (Some(place), true) => write!(f, " ({place})"),
            (None, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(status: u16, body: &Json) -> String {
        let answer = Answer { status, headers: Vec::new(), json: body.clone(), text: body.to_string() };
        Problem::read(&answer).to_string()
    }

    #[test]
    fn every_error_is_told_with_its_place() {
        let body = json!({
            "code": "invalid", "detail": "the input was not accepted",
            "errors": [
                { "path": "lines[0].discount", "code": "too_much", "message": "at most 15",
                  "file": "rules/limits.rhai", "line": 5, "column": 13 },
                { "path": "day", "code": "required", "message": "is required", "line": 7 },
                { "message": "a date is missing" },
            ],
        });
        insta::assert_snapshot!(check(422, &body), @r"
        the server said no (422 invalid): the input was not accepted
          lines[0].discount: at most 15 (too_much, rules/limits.rhai:5:13)
          line 7: day: is required (required)
          a date is missing
        ");
    }

    #[test]
    fn an_answer_from_something_else_is_told_by_its_beginning() {
        insta::assert_snapshot!(check(502, &json!("Bad Gateway")), @r#"the server said no (502): "Bad Gateway""#);
    }
}
