//! Approvals: a transition that somebody has asked for and others must agree to.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::event::Changes;
use super::id::{Name, UserId};
use super::time::Timestamp;

/// A transition that waits for approval, with its input as it was when it was asked for. A case has one at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The transition.
    pub transition: Name,
    /// Who asked for it.
    pub by: UserId,
    /// For whom, when they stood in for somebody.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// The roles that they had then.
    pub roles: BTreeSet<Name>,
    /// When.
    pub at: Timestamp,
    /// The input: what it gives, and what it unsets.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub input: Changes,
    /// The remark that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Name>,
    /// Who must agree, one step after the other.
    pub steps: Vec<ApprovalStep>,
}

impl Approval {
    /// The step that waits: the first that not enough have agreed to.
    #[must_use]
    pub fn waiting(&self) -> Option<&ApprovalStep> {
        self.steps.iter().find(|step| step.missing() > 0)
    }

    /// Everyone who has agreed so far, and everyone for whom somebody else has.
    pub fn agreed(&self) -> impl Iterator<Item = &UserId> {
        self.steps.iter().flat_map(|step| step.given.iter().flat_map(|given| given.people()))
    }

    /// Everyone who asked for it: who did, and for whom.
    pub fn requesters(&self) -> impl Iterator<Item = &UserId> {
        std::iter::once(&self.by).chain(&self.on_behalf_of)
    }
}

/// One step of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalStep {
    /// Whose agreement counts.
    pub of: Vec<Approver>,
    /// How many must agree.
    pub count: u32,
    /// Who has agreed so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Agreed>,
}

impl ApprovalStep {
    /// How many more must agree.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.count.saturating_sub(u32::try_from(self.given.len()).unwrap_or(u32::MAX))
    }
}

/// One agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// Who agreed.
    pub by: UserId,
    /// For whom, when they stood in for somebody.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
}

impl Agreed {
    /// Who agreed, and for whom.
    pub fn people(&self) -> impl Iterator<Item = &UserId> {
        std::iter::once(&self.by).chain(&self.on_behalf_of)
    }
}

/// Whose agreement counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approver {
    /// Whoever has this role.
    Role(Name),
    /// The person in this field.
    Field(Name),
}

/// Why a request ended without its transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lapse {
    /// Somebody who could agree refused.
    Refused,
    /// Who asked for it took it back.
    Withdrawn,
    /// The case is in another stage.
    Moved,
    /// What was asked for has changed since.
    Changed,
}

impl Lapse {
    /// The word for it, as clients see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Moved => "moved",
            Self::Changed => "changed",
        }
    }
}
