//! Findings and verdicts: what a check has to say.

use serde::{Deserialize, Serialize};

use super::id::Name;
use super::title::Title;
use super::value::Record;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It refuses the command, when the check is enforced.
    Fail,
    /// Somebody should look at it.
    Warn,
    /// Worth knowing.
    Note,
}

/// What a check may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A failing finding refuses the command.
    #[default]
    Enforce,
    /// Findings are told and recorded, and refuse nothing.
    Warn,
    /// Findings are recorded and never shown to the caller.
    Shadow,
}

/// Where in a definition file something stands. Lines and columns count from 1; columns count characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, relative to the folder that holds `workflows/` and `rules/`.
    pub file: Name,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One thing a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// Its stable code, unique within the rule.
    pub code: Name,
    /// The field it is about, as `lines[0].discount`; empty when it is about the whole case.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub path: Name,
    /// The numbers behind it.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub facts: Record,
    /// The sentence for a person.
    #[serde(default, skip_serializing_if = "Title::is_empty")]
    pub sentence: Title,
    /// Where it was raised.
    pub place: Place,
}

/// Why a check could not be judged. It never counts as a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct VerdictError {
    /// The stable code: `missing_value`, `type_mismatch`, `budget`, `script`.
    pub code: Name,
    /// What went wrong.
    pub message: Name,
    /// Where.
    pub place: Place,
}

impl VerdictError {
    /// The code of a check that ran out of operations, memory or time. It refuses whatever `on_error` says.
    pub const BUDGET: &'static str = "budget";
    /// The code of a value that is missing.
    pub const MISSING: &'static str = "missing_value";
}

/// What one check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule, or `need` for a one-line check.
    pub rule: Name,
    /// What it may do.
    pub mode: Mode,
    /// What it found, in the order in which it found it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why it could not be judged to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<VerdictError>,
}
