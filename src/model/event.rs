//! Events: what has happened. They are the truth; nothing in them is judged again.

use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use super::id::{Name, Revision, UserId};
use super::notice::Notice;
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
    /// A message was written; the outbox brings it to whom it is for (R99, R100).
    Notified {
        /// The message, word for word.
        notice: Notice,
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
            Self::Notified { .. } => "notified",
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
    /// The definition set it was decided under.
    pub revision: Revision,
    /// What happened.
    pub event: Event,
    /// What the checks said; shadowed ones too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Verdict>,
}
