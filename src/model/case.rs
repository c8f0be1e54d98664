//! A case: the present state, folded from its events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::approval::Approval;
use super::attachment::Filed;
use super::clock::Clock;
use super::document::Documents;
use super::id::{CaseId, Name, Revision, UserId};
use super::kin::Kin;
use super::resource::Held;
use super::task::Task;
use super::time::Timestamp;
use super::timer::Timers;
use super::value::Record;

/// The last entry of a case into a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the case entered.
    pub at: Timestamp,
    /// Who brought it there.
    pub by: UserId,
    /// How many times it has entered this stage so far.
    pub times: u32,
}

/// One case as it stands after its last event.
///
/// INVARIANT: it is exactly the fold of its events (`engine::evolve`), so it may be thrown away and rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Who it is.
    pub id: CaseId,
    /// The workflow it follows.
    pub workflow: Name,
    /// Its number for people, unique within the workflow.
    pub number: Name,
    /// How many events it has; it grows with every event and is the client's `ETag`.
    pub version: u64,
    /// The definition set under which its last event was decided.
    pub revision: Revision,
    /// The stage it is in.
    pub stage: Name,
    /// The values of its fields, those of formulas too. An unset field is absent.
    pub fields: Record,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: UserId,
    /// When its last event happened.
    pub updated_at: Timestamp,
    /// Its last entry into each stage it has been in.
    pub entered: BTreeMap<Name, Entry>,
    /// Everyone who ever took each transition; `open` names who opened the case.
    pub takers: BTreeMap<Name, BTreeSet<UserId>>,
    /// The cases that belong to it.
    #[serde(default, skip_serializing_if = "Kin::is_empty")]
    pub kin: Kin,
    /// What was done because its time had come.
    #[serde(default, skip_serializing_if = "Timers::is_empty")]
    pub timers: Timers,
    /// What it holds of resources.
    #[serde(default, skip_serializing_if = "Held::is_empty")]
    pub held: Held,
    /// Its tasks, each in the last round in which it was open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<Name, Task>,
    /// The transition that waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<Approval>>,
    /// Its clocks, in the order in which they were started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// The files that were attached to it, in that order; each content once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Filed>,
    /// The messages that were written because of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub told: BTreeSet<Name>,
    /// The documents that were issued, by name; the latest of each last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: Documents,
}

impl Case {
    /// The file with this content, when it is attached.
    #[must_use]
    pub fn attachment(&self, sha256: &str) -> Option<&Filed> {
        self.attachments.iter().find(|filed| *filed.attachment.sha256 == *sha256)
    }

    /// When the case entered the stage it is in.
    #[must_use]
    pub fn entered_at(&self) -> Timestamp {
        self.entered.get(&self.stage).map_or(self.opened_at, |entry| entry.at)
    }

    /// Which entry into the present stage this is; the first is 1.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.entered.get(&self.stage).map_or(0, |entry| entry.times)
    }

    /// A task in the present round of the present stage, if it has been open in it.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.get(name).filter(|task| task.stage == self.stage && task.round == self.round())
    }
}
