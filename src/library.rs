//! The library: the live definitions. A change is loaded aside, checked, and swapped in as a whole, or the
//! last good set stays; which of the two it was can be seen.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::model::{Revision, Timestamp};
use crate::workflow::Definition;

/// What became of the last attempt to load the files.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// The revision of the files that were tried.
    pub revision: Revision,
    /// Whether they went live (or are live).
    pub accepted: bool,
    /// Everything that was found in them, warnings too.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of the definitions.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The live revision.
    pub revision: Revision,
    /// Since when it is live.
    pub since: Timestamp,
    /// The last attempt.
    pub attempt: Attempt,
}

/// The live definitions: a cheap handle.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
}

impl Library {
    /// The live set. A request takes it once and uses it from beginning to end.
    #[must_use]
    pub fn live(&self) -> Arc<Definition> {
        loop {}
    }

    /// What is live, and what became of the last attempt.
    #[must_use]
    pub fn status(&self) -> Status {
        loop {}
    }

    /// The folder that holds `workflows/` and `rules/`.
    #[must_use]
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }
}
