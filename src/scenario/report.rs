//! What came of the tests of a set, for people and for machines.

use std::fmt;

use serde::Serialize;

use crate::model::{Language, Name, Place, Reason};
use crate::runtime;

use super::coverage::Coverage;

/// What came of the tests of a set.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each test, in the order in which they stand in the files.
    pub tested: Vec<Tested>,
    /// What the scenarios touched, and what they did not.
    pub coverage: Coverage,
    /// How long all of it took.
    pub milliseconds: u64,
}

impl Report {
    /// How many tests failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.tested.iter().filter(|test| !test.failures.is_empty()).count()
    }
}

/// What a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A scenario of a workflow.
    Scenario,
    /// A test of a rule.
    Rule,
}

/// What came of one test.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    /// What it is.
    pub kind: Kind,
    /// What it shows.
    pub name: Name,
    /// Where it stands.
    pub place: Place,
    /// The requirements that it covers.
    pub covers: Vec<Name>,
    /// What was not as expected; nothing where it passed.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub milliseconds: u64,
}

/// One thing that was not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where the expectation, or the step, stands.
    pub place: Place,
    /// What was done, as "step 3: ann takes ...".
    pub step: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
    /// Every reason of a refusal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Why>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Its code.
    pub code: Name,
    /// The field that it is about.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub path: Name,
    /// The sentence.
    pub message: String,
    /// The rule that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
}

impl Failure {
    /// A failure in which the process has no part.
    pub(super) fn of_the_machine(place: &Place, reason: &str) -> Self {
        let (step, expected) = ("the beginning".to_owned(), "a place to run in".to_owned());
        Self { place: place.clone(), step, expected, found: reason.to_owned(), reasons: Vec::new() }
    }

    /// The same failure with what stood in the way.
    pub(super) fn because(mut self, failure: &runtime::Failure) -> Self {
        (self.found, self.reasons) = told(failure);
        self
    }
}

/// Why there was no success, in words and reason by reason.
pub(super) fn told(failure: &runtime::Failure) -> (String, Vec<Why>) {
    match failure {
        runtime::Failure::Refused(refusal) => {
            let codes: Vec<String> = refusal.reasons.iter().map(|reason| format!("`{}`", reason.code)).collect();
            (format!("refused: {}", codes.join(", ")), refusal.reasons.iter().map(Why::from).collect())
        }
        runtime::Failure::NotFound { what, name } => (format!("there is no {what} `{name}`"), Vec::new()),
        runtime::Failure::BadRows(rows) => {
            let problems = rows.iter().flat_map(|row| &row.problems);
            let whys = problems.map(|problem| Why {
                code: problem.code.into(),
                path: problem.path.as_str().into(),
                message: problem.message.text(Language::En).to_owned(),
                rule: None,
            });
            ("rows that can't be taken".to_owned(), whys.collect())
        }
        runtime::Failure::Forbidden(reason) | runtime::Failure::BadQuery(reason) => (reason.clone(), Vec::new()),
        runtime::Failure::Stale { .. }
        | runtime::Failure::InFlight
        | runtime::Failure::KeyReused
        | runtime::Failure::BadScript(_)
        | runtime::Failure::Overloaded
        | runtime::Failure::Rebuilding { .. }
        | runtime::Failure::Store => (format!("{failure:?}"), Vec::new()),
    }
}

impl From<&Reason> for Why {
    fn from(reason: &Reason) -> Self {
        Self {
            code: Name::clone(&reason.code),
            path: Name::clone(&reason.path),
            message: reason.message.text(Language::En).to_owned(),
            rule: reason.rule.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, .. } = &self.place;
        writeln!(f, "  {file}:{line}: {}", self.step)?;
        writeln!(f, "    expected {}", self.expected)?;
        write!(f, "    found    {}", self.found)?;
        for Why { code, path, message, rule } in &self.reasons {
            let path = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
            let rule = rule.as_ref().map(|rule| format!(" (rule `{rule}`)")).unwrap_or_default();
            write!(f, "\n      `{code}`{path}: {message}{rule}")?;
        }
        Ok(())
    }
}
