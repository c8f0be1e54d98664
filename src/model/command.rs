//! Commands: what somebody wants done. Each is judged by `engine::decide` and by nothing else.

use std::collections::BTreeSet;

use super::attachment::Attachment;
use super::id::{CaseId, Name, UserId};
use super::task::TaskStep;
use super::time::Timestamp;

/// The role of the engine itself and of keys that act as it.
pub const SYSTEM: &str = "system";

/// The word in `by` for a transition that the case's parent or a child may take; nobody has it as a role.
pub const SIGNAL: &str = "signal";

/// Who wants it: always the authenticated one, never a field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The id under which they authenticated.
    pub user: UserId,
    /// The roles they have.
    pub roles: BTreeSet<Name>,
}

impl Actor {
    /// An actor with these roles.
    #[must_use]
    pub fn new(user: &str, roles: &[&str]) -> Self {
        Self { user: user.into(), roles: roles.iter().map(|role| Name::from(*role)).collect() }
    }

    /// The engine itself: it takes automatic and timed transitions.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SYSTEM, &[SYSTEM])
    }

    /// The actor with the roles that one can have: nobody takes a signal's transition in person.
    #[must_use]
    pub fn in_person(mut self) -> Self {
        self.roles.remove(SIGNAL);
        self
    }

    /// Whether the actor has `role`.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

/// A command: an act and the one who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who wants it.
    pub actor: Actor,
    /// What is wanted.
    pub act: Act,
}

/// What is wanted. Inputs are as the client wrote them: JSON that the field types read and check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Open a case.
    Open {
        /// The id it shall have; made by the shell.
        id: CaseId,
        /// The workflow it shall follow.
        workflow: Name,
        /// The place in its number series, handed out by the shell (see `workflow::NumberFormat::series`).
        sequence: u64,
        /// The fields as the client wrote them.
        fields: Input,
        /// A remark that goes into the log.
        comment: Option<Name>,
    },
    /// Take a transition.
    Take {
        /// The transition.
        transition: Name,
        /// What it asks for, and the fields it may change.
        input: Input,
        /// A remark that goes into the log.
        comment: Option<Name>,
    },
    /// Change fields outside a transition.
    Edit {
        /// The new values; `null` unsets a field.
        fields: Input,
        /// A remark that goes into the log.
        comment: Option<Name>,
    },
    /// Leave a remark.
    Comment {
        /// The remark.
        text: Name,
    },
    /// Attach a file whose content is durable.
    Attach {
        /// The file.
        attachment: Attachment,
    },
    /// Do what has become possible or due: the engine's own act, after something outside the case has changed.
    Wake,
    /// Claim, release or complete a task.
    Task {
        /// The task.
        task: Name,
        /// What of it.
        step: TaskStep,
    },
    /// Agree to the transition that waits for approval, or refuse it.
    Approve {
        /// Whether they agree.
        approve: bool,
        /// A remark that goes into the log.
        comment: Option<Name>,
    },
    /// Do what a schedule says: the engine's own act, once for each due time.
    Scheduled {
        /// The schedule.
        schedule: Name,
        /// When it was due.
        due: Timestamp,
    },
}

/// Fields as a client wrote them.
pub type Input = serde_json::Map<String, serde_json::Value>;
