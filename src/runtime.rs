//! The runtime: between the core, which decides, and the store, which keeps.
//!
//! Commands are decided on threads of their own, in parallel; one committer makes groups of them durable. No
//! success is answered before that.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::engine::Availability;
use crate::library::Library;
use crate::model::command::Input;
use crate::model::{Actor, Case, CaseId, Name, Record, Recorded, Refusal, Timestamp, Verdict};
use crate::store::{Answer, KeyRecord, Logged, Position};

/// What a client wants done.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who: the authenticated one.
    pub actor: Actor,
    /// What.
    pub want: Want,
    /// The version the client saw (`If-Match`); another one refuses.
    pub expected: Option<u64>,
    /// The idempotency key, when the client chose one.
    pub retry: Option<Retry>,
    /// Judge only: change nothing.
    pub dry_run: bool,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub enum Want {
    /// Open a case.
    Open {
        /// The workflow.
        workflow: Name,
        /// The fields.
        fields: Input,
        /// A remark.
        comment: Option<Name>,
    },
    /// Take a transition.
    Take {
        /// The case.
        id: CaseId,
        /// The transition.
        transition: Name,
        /// Its input.
        input: Input,
        /// A remark.
        comment: Option<Name>,
    },
    /// Change fields.
    Edit {
        /// The case.
        id: CaseId,
        /// The new values; `null` unsets.
        fields: Input,
        /// A remark.
        comment: Option<Name>,
    },
    /// Leave a remark.
    Comment {
        /// The case.
        id: CaseId,
        /// The remark.
        text: Name,
    },
}

/// An idempotency key and what it was used for.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The key.
    pub key: Name,
    /// The SHA-256 of method, path and body, in hexadecimal.
    pub fingerprint: Name,
}

/// What was done (or, in a dry run, would be).
#[derive(Clone, Debug)]
pub struct Done {
    /// The case after it.
    pub case: Case,
    /// What happened.
    pub events: Vec<Recorded>,
    /// What the checks said; those in shadow are left out.
    pub because: Vec<Verdict>,
}

/// Writes the answer of a command from what was done; it is stored with it under the idempotency key, so
/// `fingerprint` and `at` are filled in by the runtime.
pub type Render = Box<dyn Fn(&Done) -> Answer + Send + Sync>;

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Whether it is the stored answer to an earlier request with this key.
    pub replayed: bool,
}

/// Why there is no success.
#[derive(Debug)]
pub enum Failure {
    /// The rules say no.
    Refused(Box<Refusal>),
    /// There is no such case, workflow, table, row, rule or key.
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// The name or id that was asked for.
        name: String,
    },
    /// The actor may not do this at all.
    Forbidden(String),
    /// The client saw an older version.
    Stale {
        /// The version it saw.
        expected: u64,
        /// What happened since.
        since: Vec<Logged>,
        /// The version it is at.
        version: u64,
    },
    /// A request with the same idempotency key is still being judged.
    InFlight,
    /// The idempotency key was used for another request.
    KeyReused,
    /// Rows that can't be taken; nothing was.
    BadRows(Vec<BadRow>),
    /// The query can't be understood.
    BadQuery(String),
    /// Too many commands wait.
    Overloaded,
    /// The store failed; the cause went to the log.
    Store,
}

/// A row that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in what was sent; the first is 1.
    pub line: usize,
    /// What is wrong.
    pub problems: Vec<crate::field::Problem>,
}

/// A list of cases that is wanted.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only this workflow.
    pub workflow: Option<Name>,
    /// Only these stages.
    pub stages: BTreeSet<Name>,
    /// Only cases that wait for this role or person.
    pub owner: Option<Name>,
    /// Only cases whose fields have these values, written as text.
    pub fields: Vec<(Name, String)>,
    /// Only cases whose number or texts contain this, whatever the case of its letters.
    pub text: Option<String>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Where the page before ended.
    pub after: Option<CaseId>,
    /// At most this many.
    pub limit: usize,
    /// Whether to count all matches.
    pub count: bool,
}

/// A page of cases.
#[derive(Clone, Debug)]
pub struct Page {
    /// The cases.
    pub cases: Vec<Case>,
    /// Where the next page begins, when there is one.
    pub next: Option<CaseId>,
    /// How many match, when it was asked.
    pub count: Option<usize>,
}

/// What a rule said about a case.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The verdict.
    pub verdict: Verdict,
    /// The definition set.
    pub revision: crate::model::Revision,
}

/// The case on which a rule is to be evaluated.
#[derive(Clone, Debug)]
pub enum Sample {
    /// A stored case.
    Case(CaseId),
    /// A case that would be opened with these fields.
    Draft {
        /// The workflow.
        workflow: Name,
        /// The fields.
        fields: Input,
    },
}

/// The runtime: a cheap handle to the parts that run.
#[derive(Clone, Debug)]
pub struct Runtime {}

#[expect(clippy::unused_async, unused_variables, reason = "scaffold")]
impl Runtime {
    /// The live definitions.
    #[must_use]
    pub fn library(&self) -> &Library {
        loop {}
    }

    /// The moment, by the runtime's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        loop {}
    }

    /// Judges a request and, unless it is a dry run, makes its outcome durable before it returns.
    pub async fn execute(&self, request: Request, render: Render) -> Result<Reply, Failure> {
        loop {}
    }

    /// A case by id or by number.
    pub async fn case(&self, id_or_number: &str) -> Result<Case, Failure> {
        loop {}
    }

    /// The fields of `case` that `actor` may see.
    #[must_use]
    pub fn visible(&self, actor: &Actor, case: &Case) -> Record {
        loop {}
    }

    /// For each transition of the workflow: whether `actor` can take it now, and every reason why not.
    pub async fn available(&self, actor: &Actor, id: CaseId) -> Result<(Case, Vec<Availability>), Failure> {
        loop {}
    }

    /// A page of cases.
    pub async fn list(&self, query: Query) -> Result<Page, Failure> {
        loop {}
    }

    /// The events of a case after a version.
    pub async fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Failure> {
        loop {}
    }

    /// The events of all cases after a position.
    pub async fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Failure> {
        loop {}
    }

    /// Wakes with the position of each group that became durable.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Position> {
        loop {}
    }

    /// What the live rule `rule`, or the draft script `source`, says about a case. `with` are its parameters.
    pub async fn evaluate(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<String>,
        sample: Sample,
        with: Input,
    ) -> Result<Evaluation, Failure> {
        loop {}
    }

    /// A row of a table.
    pub fn row(&self, table: &str, key: &str) -> Result<Arc<Record>, Failure> {
        loop {}
    }

    /// Rows of a table after a key, in the order of the keys.
    pub fn rows(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Arc<Record>)>, Failure> {
        loop {}
    }

    /// Puts rows: all or none. Each comes with its line, for the messages.
    pub async fn put_rows(&self, table: &str, rows: Vec<(usize, Input)>) -> Result<usize, Failure> {
        loop {}
    }

    /// Removes a row.
    pub async fn remove_row(&self, table: &str, key: &str) -> Result<(), Failure> {
        loop {}
    }

    /// The actor behind an API key, when it is valid now. Takes the same time for every wrong key.
    #[must_use]
    pub fn authenticate(&self, key: &str) -> Option<Actor> {
        loop {}
    }

    /// Every API key.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyRecord> {
        loop {}
    }

    /// Makes an API key; the second value is the key itself, which is never stored.
    pub async fn create_key(
        &self,
        user: &str,
        roles: BTreeSet<Name>,
        expires_at: Option<Timestamp>,
    ) -> Result<(KeyRecord, String), Failure> {
        loop {}
    }

    /// Revokes an API key.
    pub async fn revoke_key(&self, id: &str) -> Result<KeyRecord, Failure> {
        loop {}
    }

    /// Whether commands can be taken now; the reason when not.
    pub fn ready(&self) -> Result<(), String> {
        loop {}
    }
}
