//! Tasks of a case: human work inside a stage, as it stands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::command::Input;
use super::id::{Name, UserId};
use super::time::Timestamp;
use super::value::Record;

/// What is wanted of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStep {
    /// Take it on: nobody else completes it before it is released.
    Claim,
    /// Give it back.
    Release,
    /// Say that it is done.
    Complete {
        /// What it asks for.
        input: Input,
        /// A remark that goes into the log.
        comment: Option<Name>,
    },
}

impl TaskStep {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Complete { .. } => "complete",
        }
    }
}

/// A task in the last round in which it was open. Earlier rounds are in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The stage it belongs to.
    pub stage: Name,
    /// The entry into that stage to which it belongs; the first is 1. Another entry is another round.
    pub round: u32,
    /// How often it was opened in this round.
    pub attempt: u32,
    /// How it stands.
    pub state: TaskState,
    /// Since when it stands so.
    pub since: Timestamp,
    /// Who has claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<UserId>,
    /// Who did it last in this round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_by: Option<UserId>,
    /// Everyone who did it in this round, and everyone for whom somebody else did it: four eyes count them all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doers: BTreeSet<UserId>,
    /// What was answered last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Record>,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It can be done.
    Open,
    /// It was done.
    Done,
    /// It was done, and has to be done again after others.
    Waiting,
    /// The case left its stage before it was done.
    Dropped,
}
