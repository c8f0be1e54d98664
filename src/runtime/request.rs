//! Requests and answers of the runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::model::command::Input;
use crate::model::{Actor, Attachment, Case, CaseId, Name, Recorded, Refusal, Revision, TaskStep, Timestamp, Verdict};
use crate::store::{Answer, Logged};

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
    /// Attach a file whose content is durable.
    Attach {
        /// The case.
        id: CaseId,
        /// The file.
        attachment: Attachment,
    },
    /// Do what has become possible or due: the engine's own.
    Wake {
        /// The case.
        id: CaseId,
    },
    /// Do what a schedule says: the engine's own.
    Scheduled {
        /// The case.
        id: CaseId,
        /// The schedule.
        schedule: Name,
        /// When it was due.
        due: Timestamp,
    },
    /// Leave a remark.
    Comment {
        /// The case.
        id: CaseId,
        /// The remark.
        text: Name,
    },
    /// Claim, release or complete a task.
    Task {
        /// The case.
        id: CaseId,
        /// The task.
        task: Name,
        /// What of it.
        step: TaskStep,
    },
    /// Agree to what waits for approval, or refuse it.
    Approve {
        /// The case.
        id: CaseId,
        /// Whether they agree.
        approve: bool,
        /// A remark.
        comment: Option<Name>,
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
    pub case: Arc<Case>,
    /// What happened.
    pub events: Arc<[Recorded]>,
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
    /// A draft script can't be compiled.
    BadScript(Vec<Diagnostic>),
    /// The query can't be understood.
    BadQuery(String),
    /// Too many commands wait.
    Overloaded,
    /// The state is being built again: so many bytes of the journal are in it, of so many.
    Rebuilding {
        /// Those that are.
        done: u64,
        /// All of them.
        all: u64,
    },
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
    /// Only children of this case.
    pub parent: Option<CaseId>,
    /// At most this many.
    pub limit: usize,
    /// Whether to count all matches.
    pub count: bool,
    /// Only cases of these workflows: those that the caller may read; `None` for all.
    pub readable: Option<BTreeSet<Name>>,
    /// The fields of each workflow that `text` is not looked for in, for the caller may not see them; those of rows
    /// as `lines.unit_price`.
    pub hidden: BTreeMap<Name, Arc<BTreeSet<Name>>>,
}

/// A page of cases.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The cases.
    pub cases: Vec<Arc<Case>>,
    /// Where the next page begins, when there is one.
    pub next: Option<CaseId>,
    /// How many match, when it was asked: all of them, unless it is `incomplete`.
    pub count: Option<u64>,
    /// Whether so many cases had to be looked at (`LIST_CASES_MAX`) that the page ends before it is full, or the
    /// count before its end.
    pub incomplete: bool,
}

/// What a rule said about a case.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The verdict.
    pub verdict: Verdict,
    /// The definition set.
    pub revision: Revision,
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
