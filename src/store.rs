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
mod item;
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
pub use self::item::{CaseItem, CommandItem, Item};
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
    /// The bytes that a command kept under their SHA-256, in hexadecimal.
    ///
    /// # Errors
    /// When the store can't read.
    fn file(&self, _sha256: &str) -> Result<Option<Arc<[u8]>>, Error> {
        Ok(None)
    }

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
