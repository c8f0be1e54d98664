//! What became of one case: what the summary is counted from.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::cli::client::Answer;

/// What became of one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// Its place among all cases.
    pub(crate) n: usize,
    /// Whether it was opened.
    pub(crate) opened: bool,
    /// The stage it is in; empty when it was not opened.
    pub(crate) stage: String,
    /// Every stage it was seen in.
    pub(crate) visited: BTreeSet<String>,
    /// Commands that were sent.
    pub(crate) sent: u64,
    /// Commands that were refused, each with its reasons.
    pub(crate) refusals: Vec<Vec<Reason>>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reason {
    /// The rule that said so, when it was one.
    pub(crate) rule: Option<String>,
    /// The code.
    pub(crate) code: String,
    /// The sentence.
    pub(crate) message: String,
    /// The field.
    pub(crate) path: String,
    /// The numbers behind it.
    pub(crate) facts: Json,
}

impl Eq for Reason {}

impl Reason {
    /// Every reason that a refused command was answered with; the problem itself when it lists none.
    pub(crate) fn all(answer: &Answer) -> Vec<Self> {
        let errors = answer.json.get("errors").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        if errors.is_empty() {
            vec![Self::read(&answer.json, "detail")]
        } else {
            errors.iter().map(|error| Self::read(error, "message")).collect()
        }
    }

    fn read(json: &Json, sentence: &str) -> Self {
        let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        Self {
            rule: text("rule"),
            code: text("code").unwrap_or_default(),
            message: text(sentence).unwrap_or_default(),
            path: text("path").unwrap_or_default(),
            facts: json.get("facts").cloned().unwrap_or(Json::Null),
        }
    }

    /// The sentence with the field it is about in front.
    pub(crate) fn sentence(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("{}: {}", self.path, self.message) }
    }

    /// The first place in a list that its path names: 2 for `lines[2].spec`.
    pub(crate) fn position(&self) -> Option<u64> {
        self.path.split('[').nth(1)?.split(']').next()?.parse().ok()
    }
}
