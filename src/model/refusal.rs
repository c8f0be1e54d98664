//! Refusals: the rules say no. A refusal is a value, not an error, and it always says why.

use serde::{Deserialize, Serialize};

use super::finding::{Place, Verdict};
use super::id::{CaseId, Name};
use super::title::Title;
use super::value::Record;

/// What kind of no it is; the HTTP status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// There is no such workflow, transition or field (404).
    Unknown,
    /// The actor may not: role, four eyes (403).
    Forbidden,
    /// Not as things stand: wrong stage, condition, a unique value that is taken (409).
    Conflict,
    /// The case has moved on since the client saw it (412).
    Stale,
    /// The input is wrong, or an enforced check found something (422).
    Invalid,
    /// A rule ran out of its budget, or could not be judged (503).
    Unavailable,
}

/// One reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of this reason alone.
    pub kind: RefusalKind,
    /// The stable code: `role`, `four_eyes`, `wrong_stage`, `condition`, `required`, `not_a_date`, or a
    /// finding's own code.
    pub code: Name,
    /// The sentence for a person, with what to do.
    pub message: Title,
    /// The field it is about, as `lines[0].discount`; empty when it is about the whole case.
    pub path: Name,
    /// The rule that said so.
    pub rule: Option<Name>,
    /// Where the rule or the condition stands.
    pub place: Option<Place>,
    /// The numbers behind it.
    pub facts: Record,
    /// The other case that is in the way.
    pub case: Option<CaseId>,
}

impl Reason {
    /// A reason without a field, a rule or facts.
    #[must_use]
    pub fn new(kind: RefusalKind, code: &str, message: Title) -> Self {
        Self {
            kind,
            code: code.into(),
            message,
            path: "".into(),
            rule: None,
            place: None,
            facts: Record::new(),
            case: None,
        }
    }

    /// The same reason about the field at `path`.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }
}

/// A no, with every reason that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.first().map(|reason| reason.message.text(super::title::Language::En)).unwrap_or("refused"))]
pub struct Refusal {
    /// Every reason, the gravest kind first.
    ///
    /// INVARIANT: never empty.
    pub reasons: Vec<Reason>,
    /// What the checks said, those that passed too.
    pub because: Vec<Verdict>,
}

impl Refusal {
    /// A refusal for these reasons, the gravest kind first.
    #[must_use]
    pub fn new(mut reasons: Vec<Reason>, because: Vec<Verdict>) -> Self {
        reasons.sort_by_key(|reason| reason.kind);
        Self { reasons, because }
    }

    /// A refusal for one reason.
    #[must_use]
    pub fn because(reason: Reason) -> Self {
        Self::new(vec![reason], Vec::new())
    }

    /// The gravest kind of its reasons.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        self.reasons.first().map_or(RefusalKind::Conflict, |reason| reason.kind)
    }
}
