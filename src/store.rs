//! The store: what is kept, at the level of cases.
//!
//! One [`Item`] is one command's outcome and one atomic write; a group of them is made durable together. The
//! truth is a [journal](Journal); everything else follows from it and can be built again.
//! INVARIANT: when [`Store::commit`] returns, what it accepted survives the loss of power.

mod applier;
mod apply;
pub mod backup;
mod codec;
pub mod content;
mod counts;
pub mod disk;
mod entry;
pub mod export;
mod folder;
mod group;
pub mod journal;
mod keys;
mod kv;
mod ledger;
mod lock;
mod memory;
mod opening;
mod outbox;
mod pool;
mod sled;
mod state;
mod value;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Notice, Pool, Record, Recorded, Revision, SendingId, Timestamp, UserId};
use crate::workflow::Files;

pub(crate) use self::codec::hexadecimal;
pub use self::disk::{Disk, FolderDisk, SimDisk};
pub use self::journal::Journal;
pub use self::ledger::Ledger;
pub use self::memory::{Applying, Fault, Machine, Memory, MemoryKv, Step, Steps};
pub use self::outbox::{Delivery, DeliveryChange, DeliveryState, Wanted};
pub use self::pool::{PoolSet, PoolUse, WAITS};

/// The place of an event in the log of all events; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// What the store could not do. The message is for the log, not for clients.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the database said no.
    #[error("the store failed: {0}")]
    Io(String),
    /// What is stored can't be read back.
    #[error("stored data is damaged at {place}: {reason}")]
    Damaged {
        /// The key or file.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder is in use by another process.
    #[error("the data folder `{0}` is in use by another gendan; stop it, or talk to it with --server")]
    InUse(String),
    /// The folder was written by a newer Gendan.
    #[error("the data folder has format {found}, this gendan knows up to {known}; use a newer gendan")]
    Newer {
        /// The folder's format.
        found: u32,
        /// The newest format this binary knows.
        known: u32,
    },
    /// The state is being built from the journal; until then there is nothing to read.
    #[error("the state is being built again from the journal: {done} of {all} bytes")]
    Rebuilding {
        /// Bytes of the journal that were read.
        done: u64,
        /// All of them.
        all: u64,
    },
    /// A single stored value would be too large.
    #[error("{0}")]
    TooLarge(String),
}

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
}

impl From<CaseItem> for CommandItem {
    fn from(item: CaseItem) -> Self {
        Self { cases: vec![item], reads: Vec::new(), answer: None }
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

/// An entry of the index: the case is found under (workflow, facet, value), by the time it was opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexKey {
    /// The workflow.
    pub workflow: Name,
    /// `stage`, `task`, `approval`, `parent` or [`WAITS`].
    pub facet: Name,
    /// The value, written as text and cut to `KEY_BYTES_MAX`.
    pub value: Name,
}

impl IndexKey {
    /// Workflow, facet, value.
    fn into_parts(self) -> (Name, Name, Name) {
        (self.workflow, self.facet, self.value)
    }

    /// From workflow, facet, value.
    fn from_parts((workflow, facet, value): (Name, Name, Name)) -> Self {
        Self { workflow, facet, value }
    }
}

/// An idempotency key within the actor who chose it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerKey {
    /// The actor.
    pub actor: UserId,
    /// The key.
    pub key: Name,
}

/// An answer that was given, to be given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The SHA-256 of method, path and body of the request it answered, in hexadecimal.
    pub fingerprint: Name,
    /// When it was given.
    pub at: Timestamp,
    /// The HTTP status.
    pub status: u16,
    /// The headers that belong to it (`etag`, `location`).
    pub headers: Vec<(Name, Name)>,
    /// The body.
    pub body: Name,
}

/// An API key as it is stored: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its public id, the part of the key before the last underscore.
    pub id: Name,
    /// The SHA-256 of the secret, in hexadecimal.
    pub secret_sha256: Name,
    /// The last four characters of the key, to recognise it by.
    pub last4: Name,
    /// Who it authenticates.
    pub user: UserId,
    /// The roles it gives; `admin` may change keys, tables and definitions.
    pub roles: BTreeSet<Name>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable; the position of its last event (for an item without events, of the log so far).
    Done(Position),
    /// A case is not at the version on which the command was decided; nothing of the item was written.
    Moved {
        /// The version it is at; 0 when it does not exist.
        version: u64,
    },
    /// A unique value is another case's; nothing of the item was written.
    Held {
        /// The value.
        hold: Hold,
        /// The case that has it.
        by: CaseId,
    },
    /// The idempotency key has an answer already; nothing of the item was written.
    Answered(Answer),
    /// A pool does not say any more what the command leaned on, such as that there is enough; nothing of the item
    /// was written.
    Short {
        /// The resource.
        resource: Name,
        /// The key of the pool.
        key: Name,
    },
}

/// An event in the log of all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the log.
    pub position: Position,
    /// The case.
    pub case: CaseId,
    /// The workflow.
    pub workflow: Name,
    /// The event.
    pub recorded: Recorded,
}

/// What to scan: cases newest first.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Only cases under this index entry; every case without one.
    pub index: Option<IndexKey>,
    /// Only cases opened before this one (exclusive, by id).
    pub before: Option<CaseId>,
    /// At most this many.
    pub limit: usize,
}

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How far the state has been built again, while that is being done.
    pub rebuilding: Option<String>,
    /// What keeps the state from being written now, when something does.
    pub trouble: Option<String>,
    /// What happened since the start that whoever looks after the server should know.
    pub notices: Vec<String>,
}

/// What was found wrong by [`Store::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The case, when it is one case's.
    pub case: Option<CaseId>,
    /// What is wrong.
    pub what: String,
}

/// A store. Its methods block and may be called from any thread.
///
/// Reads see everything that `commit` has returned, never a part of an item, and nothing that is not durable.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Writes a group and makes it durable. Each item is judged after those before it in the group. An error
    /// means that nothing of the group was acknowledged; the outcome of what was written is unknown.
    ///
    /// # Errors
    /// When the store can't write.
    fn commit(&self, group: Vec<Item>) -> Result<Vec<Outcome>, Error>;

    /// The case as it stands.
    ///
    /// # Errors
    /// When the store can't read.
    fn case(&self, id: CaseId) -> Result<Option<Arc<Case>>, Error>;

    /// The case that has a unique value; its number is the unique value `number`.
    ///
    /// # Errors
    /// When the store can't read.
    fn holder(&self, hold: &Hold) -> Result<Option<CaseId>, Error>;

    /// The events of a case after a version, oldest first.
    ///
    /// # Errors
    /// When the store can't read.
    fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Error>;

    /// The events of all cases after a position, in the order of the log.
    ///
    /// # Errors
    /// When the store can't read.
    fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Error>;

    /// The position of the last event.
    fn position(&self) -> Position;

    /// Case ids, newest first.
    ///
    /// # Errors
    /// When the store can't read.
    fn scan(&self, scan: &Scan) -> Result<Vec<CaseId>, Error>;

    /// How many cases are under each entry of the index; an entry without a case is not there.
    ///
    /// # Errors
    /// When the store can't read.
    fn counts(&self) -> Result<Vec<(IndexKey, u64)>, Error>;

    /// The cases that want to be woken, by their moments: those after one of them, up to a moment and with it.
    ///
    /// # Errors
    /// When the store can't read.
    fn due(
        &self,
        after: Option<(Timestamp, CaseId)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, CaseId)>, Error>;

    /// When a case next wants to be woken.
    ///
    /// # Errors
    /// When the store can't read.
    fn due_of(&self, id: CaseId) -> Result<Option<Timestamp>, Error>;

    /// How far work in the background has come; `None` when it was never noted.
    ///
    /// # Errors
    /// When the store can't read.
    fn progress(&self, of: &str) -> Result<Option<Name>, Error>;

    /// The last place in a number series that was used; 0 for a new one.
    ///
    /// # Errors
    /// When the store can't read.
    fn series(&self, series: &str) -> Result<u64, Error>;

    /// Every row of every table: (table, key, row). Read once, at the start.
    ///
    /// # Errors
    /// When the store can't read.
    fn rows(&self) -> Result<Vec<(Name, Name, Record)>, Error>;

    /// The answer that was given under an idempotency key.
    ///
    /// # Errors
    /// When the store can't read.
    fn answer(&self, key: &AnswerKey) -> Result<Option<Answer>, Error>;

    /// Every API key.
    ///
    /// # Errors
    /// When the store can't read.
    fn keys(&self) -> Result<Vec<KeyRecord>, Error>;

    /// The revision that went live last, with its files.
    ///
    /// # Errors
    /// When the store can't read.
    fn live(&self) -> Result<Option<(Revision, Files)>, Error>;

    /// A pool; one that nothing ever happened to is an empty one.
    ///
    /// # Errors
    /// When the store can't read.
    fn pool(&self, resource: &str, key: &str) -> Result<Pool, Error>;

    /// Pools of a resource to which something happened, in the order of their keys, after one of them.
    ///
    /// # Errors
    /// When the store can't read.
    fn pools(&self, resource: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Pool)>, Error>;

    /// The cases that hold something of a pool, and how much, newest first, after one of them.
    ///
    /// # Errors
    /// When the store can't read.
    fn holders(
        &self,
        resource: &str,
        key: &str,
        after: Option<CaseId>,
        limit: usize,
    ) -> Result<Vec<(CaseId, Decimal)>, Error>;
    /// The sendings of the outbox that are wanted, at most `limit` of them.
    ///
    /// # Errors
    /// When the store can't read.
    fn outbox(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Delivery>, Error>;

    /// The words of a sending.
    ///
    /// # Errors
    /// When the store can't read.
    fn notice(&self, id: SendingId) -> Result<Option<Notice>, Error>;

    /// How the store is.
    fn health(&self) -> Health;

    /// Folds the events of every case again and compares with the snapshots, the indexes and the unique
    /// values, and checks the journal from its first byte to its last. `progress` is told (done, all).
    ///
    /// # Errors
    /// When the store can't read.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, Error>;
}

/// A store that several parts share.
pub type Shared = Arc<dyn Store>;
