//! What is handed to the store to be written.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Notice, Record, Recorded, Revision, SendingId, Timestamp};
use crate::workflow::Files;

use super::outbox::DeliveryChange;
use super::pool::{PoolSet, PoolUse};
use super::{Answer, AnswerKey, IndexKey, KeyRecord};

/// One thing to write: all of it or nothing.
#[derive(Clone, Debug)]
pub enum Item {
    /// A command's outcome.
    Command(Box<CommandItem>),
    /// Rows of a reference table.
    Rows {
        /// The table.
        table: Name,
        /// Rows to put, by key.
        put: Vec<(Name, Record)>,
        /// Keys of rows to remove.
        remove: Vec<Name>,
    },
    /// An API key, new or changed.
    Key(KeyRecord),
    /// The definition set that is live from now on; its files are kept for ever under its revision.
    Live {
        /// The revision.
        revision: Revision,
        /// Its files.
        files: Files,
        /// When it went live.
        at: Timestamp,
    },
    /// Forget the answers to idempotency keys that were given before this moment.
    ForgetAnswers {
        /// The moment.
        before: Timestamp,
    },
    /// What somebody says of pools of a resource.
    Pools {
        /// The resource.
        resource: Name,
        /// What each is set to, by its key.
        put: Vec<(Name, PoolSet)>,
    },
    /// A message that is no case's, such as one about many of them. One whose id is known already is not written
    /// again.
    Notice {
        /// Its own id: the same for ever.
        id: CaseId,
        /// When it was written.
        at: Timestamp,
        /// The message, word for word.
        notice: Box<Notice>,
    },
    /// What became of a sending. A change that can't follow is not written.
    Delivery {
        /// The sending.
        id: SendingId,
        /// When.
        at: Timestamp,
        /// What.
        change: DeliveryChange,
    },
    /// Work in the background has come so far.
    Progress {
        /// Which work.
        of: Name,
        /// How far.
        reached: Name,
    },
}

/// A command's outcome: what it does to each case, all of it or nothing.
#[derive(Clone, Debug)]
pub struct CommandItem {
    /// What it does to each case, each case once; never empty. The first is the case of the command.
    pub cases: Vec<CaseItem>,
    /// Other cases that it was decided on, and their versions; 0 for one that must not exist.
    pub reads: Vec<(CaseId, u64)>,
    /// The answer to give again under an idempotency key.
    pub answer: Option<(AnswerKey, Answer)>,
    /// Bytes that are kept for ever under their SHA-256, in hexadecimal.
    pub files: Vec<(Name, Arc<[u8]>)>,
}

impl From<CaseItem> for CommandItem {
    fn from(item: CaseItem) -> Self {
        Self { cases: vec![item], reads: Vec::new(), answer: None, files: Vec::new() }
    }
}

impl From<CaseItem> for Item {
    fn from(item: CaseItem) -> Self {
        Self::Command(Box::new(item.into()))
    }
}

/// A command's outcome on one case.
#[derive(Clone, Debug)]
pub struct CaseItem {
    /// The version on which the command was decided; 0 for a case that must not exist yet.
    pub expected: u64,
    /// What happened, versions `expected + 1` and on; nothing when only the moment of the next wake changes.
    pub events: Arc<[Recorded]>,
    /// The case after the last of them.
    pub case: Arc<Case>,
    /// Index entries that the case gains.
    pub index_add: BTreeSet<IndexKey>,
    /// Index entries that the case loses.
    pub index_remove: BTreeSet<IndexKey>,
    /// Unique values that the case takes.
    pub hold: Vec<Hold>,
    /// Unique values that the case gives back.
    pub release: Vec<Hold>,
    /// The number series it used, and the place in it: the series never hands out a smaller one again.
    pub series: Option<(Name, u64)>,
    /// What the command leaned on in pools, and for which of them its case waits.
    pub pools: PoolUse,
    /// When the case next wants to be woken; it replaces what was known.
    pub due: Option<Timestamp>,
}
