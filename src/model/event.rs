//! Events: what has happened. They are the truth; nothing in them is judged again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::approval::{ApprovalStep, Lapse};
use super::attachment::Attachment;
use super::clock::ClockChange;
use super::finding::Verdict;
use super::id::{Name, Revision, UserId};
use super::kin::{Bond, CaseName};
use super::notice::Notice;
use super::resource::Quantities;
use super::time::Timestamp;
use super::value::Record;

/// What an event did to the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Fields that got a value, formulas too.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub set: Record,
    /// Fields that lost their value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<Name>,
}

impl Changes {
    /// What leads from one record to another.
    #[must_use]
    pub fn between(old: &Record, new: &Record) -> Self {
        if old == new {
            return Self::default();
        }
        let mut before = old.iter().peekable();
        let (mut set, mut clear) = (Vec::new(), Vec::new());
        for (name, value) in new.iter() {
            while let Some((gone, _)) = before.next_if(|(old, _)| *old < name) {
                clear.push(Name::clone(gone));
            }
            let same = before.next_if(|(old, _)| *old == name).is_some_and(|(_, old)| old == value);
            if !same {
                set.push((Name::clone(name), value.clone()));
            }
        }
        clear.extend(before.map(|(gone, _)| Name::clone(gone)));
        Self { set: set.into_iter().collect(), clear }
    }

    /// Whether no field changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.clear.is_empty()
    }
}

/// One thing that happened to a case. Variants and fields are only ever added: golden files of every form
/// ever written decode for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The case was opened.
    Opened {
        /// The workflow it follows.
        workflow: Name,
        /// Its number.
        number: Name,
        /// The stage it begins in.
        stage: Name,
        /// Its first values.
        changes: Changes,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
        /// The case that opened it, for a child.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Bond>,
    },
    /// A transition was taken, by somebody or by the engine.
    Taken {
        /// The transition.
        transition: Name,
        /// The stage before.
        from: Name,
        /// The stage after; the same one for a transition that stays.
        to: Name,
        /// What it changed.
        #[serde(default, skip_serializing_if = "Changes::is_empty")]
        changes: Changes,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
        /// The case whose signal took it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<CaseName>,
        /// When the engine was to take it by itself, for a timed one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// Fields were changed outside a transition.
    Edited {
        /// What changed.
        changes: Changes,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
    },
    /// Somebody, or an action, left a remark.
    Commented {
        /// The remark.
        text: Name,
    },
    /// The case got a child.
    ChildOpened {
        /// The child.
        #[serde(flatten)]
        child: Bond,
    },
    /// The case took a transition of another one.
    Signalled {
        /// The other case.
        #[serde(flatten)]
        to: CaseName,
        /// The transition.
        transition: Name,
    },
    /// The case took a hold of what is finite.
    Reserved {
        /// The resource.
        resource: Name,
        /// How much more it holds of each pool.
        quantities: Quantities,
    },
    /// The case gave back what it held.
    Released {
        /// The resource.
        resource: Name,
        /// How much less it holds of each pool.
        quantities: Quantities,
    },
    /// What the case held was used up: it is held no more, and is on hand no more.
    Consumed {
        /// The resource.
        resource: Name,
        /// How much of each pool.
        quantities: Quantities,
        /// As what, where that is said.
        #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
        used_as: Option<Name>,
    },
    /// The case put something in: it is on hand, and nobody's.
    Put {
        /// The resource.
        resource: Name,
        /// How much into each pool.
        quantities: Quantities,
    },
    /// A task of the stage that the case is in can be done now.
    TaskOpened {
        /// The task.
        task: Name,
        /// Which entry into the stage this is.
        round: u32,
        /// How often it has been opened in this round.
        attempt: u32,
    },
    /// Somebody took a task on.
    TaskClaimed {
        /// The task.
        task: Name,
    },
    /// A task was given back.
    TaskReleased {
        /// The task.
        task: Name,
    },
    /// A task was done.
    TaskCompleted {
        /// The task.
        task: Name,
        /// What was answered, one row for each row of the list that it goes through.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<Record>,
        /// The task that has to be done again because of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        redo: Option<Name>,
        /// What it changed.
        #[serde(default, skip_serializing_if = "Changes::is_empty")]
        changes: Changes,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
    },
    /// A task that was done has to be done again: another one said so, or its time has come.
    TaskReopened {
        /// The task.
        task: Name,
        /// How often it has been opened in this round.
        attempt: u32,
        /// The tasks after it, which wait for it again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waiting: Vec<Name>,
    },
    /// The case left the stage of a task that was open.
    TaskDropped {
        /// The task.
        task: Name,
    },
    /// Somebody asked for a transition that needs approval.
    ApprovalRequested {
        /// The transition.
        transition: Name,
        /// The roles of who asked.
        roles: BTreeSet<Name>,
        /// The input: what it gives, and what it unsets.
        #[serde(default, skip_serializing_if = "Changes::is_empty")]
        input: Changes,
        /// Who must agree, one step after the other.
        steps: Vec<ApprovalStep>,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
    },
    /// Somebody agreed.
    ApprovalGiven {
        /// The transition.
        transition: Name,
        /// Whether it was the last agreement that was needed: the transition follows.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        last: bool,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
    },
    /// A request for a transition ended without it.
    ApprovalLapsed {
        /// The transition.
        transition: Name,
        /// Why.
        why: Lapse,
        /// A remark.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Name>,
    },
    /// Something happened to a clock.
    Clock {
        /// The SLA.
        sla: Name,
        /// Which of its clocks, from 1.
        number: u32,
        /// What happened.
        change: ClockChange,
        /// What caused it: a stage, a transition, a field, or `time`, `calendar`.
        cause: Name,
    },
    /// Somebody above must look at it: it goes into the inbox of a role, and of whoever should have done it.
    Escalated {
        /// The role.
        to: Name,
        /// Whoever should have done it: a role, or a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Name>,
        /// The SLA that was breached, when it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sla: Option<Name>,
    },
    /// A file was attached; its content was durable before.
    Attached {
        /// The file.
        attachment: Attachment,
    },
    /// A message was written; the outbox brings it to whom it is for (R99, R100).
    Notified {
        /// The message, word for word.
        notice: Notice,
    },
    /// A schedule came by.
    Scheduled {
        /// The schedule.
        schedule: Name,
        /// When it was due.
        due: Timestamp,
        /// What it changed.
        #[serde(default, skip_serializing_if = "Changes::is_empty")]
        changes: Changes,
    },
    /// A document was issued: numbered and frozen.
    Issued {
        /// The document.
        document: Name,
        /// Its number.
        number: Name,
        /// The SHA-256 of what was printed, in hexadecimal; the bytes are kept under it.
        sha256: Name,
        /// The series that its number is from.
        series: Name,
        /// The place in it.
        place: u64,
    },
}

impl Event {
    /// The stable name of the kind, as clients see it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Taken { .. } => "taken",
            Self::Edited { .. } => "edited",
            Self::Commented { .. } => "commented",
            Self::ChildOpened { .. } => "child_opened",
            Self::Signalled { .. } => "signalled",
            Self::Reserved { .. } => "reserved",
            Self::Released { .. } => "released",
            Self::Consumed { .. } => "consumed",
            Self::Put { .. } => "put",
            Self::TaskOpened { .. } => "task_opened",
            Self::TaskClaimed { .. } => "task_claimed",
            Self::TaskReleased { .. } => "task_released",
            Self::TaskCompleted { .. } => "task_completed",
            Self::TaskReopened { .. } => "task_reopened",
            Self::TaskDropped { .. } => "task_dropped",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalGiven { .. } => "approval_given",
            Self::ApprovalLapsed { .. } => "approval_lapsed",
            Self::Clock { change, .. } => change.kind(),
            Self::Escalated { .. } => "escalated",
            Self::Attached { .. } => "attached",
            Self::Notified { .. } => "notified",
            Self::Scheduled { .. } => "scheduled",
            Self::Issued { .. } => "issued",
        }
    }
}

/// An event with everything that is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The version of the case after this event; the first is 1.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Who caused it.
    pub by: UserId,
    /// For whom, when they stood in for somebody who is away.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// The definition set it was decided under.
    pub revision: Revision,
    /// What happened.
    pub event: Event,
    /// What the checks said; shadowed ones too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Verdict>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issued_document_is_written_and_read_as_it_always_was() {
        let event = Event::Issued {
            document: "slip".into(),
            number: "SL1".into(),
            sha256: "ab".into(),
            series: "w/documents/slip".into(),
            place: 1,
        };
        let text =
            r#"{"Issued":{"document":"slip","number":"SL1","sha256":"ab","series":"w/documents/slip","place":1}}"#;
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        assert_eq!(serde_json::from_str::<Event>(text).unwrap(), event);
    }
}
