//! Diagnostics: what is wrong in a definition file, where, and what to do about it.

mod codes;
mod render;

use serde::{Deserialize, Serialize};

use crate::model::{Name, Place};

pub use codes::{CODES, explain};
pub use render::{render, summary};

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The set can't be used.
    Error,
    /// The set can be used, and somebody should look at it.
    Warning,
}

/// One mistake or doubt, with its place. Messages are lower case, without a full stop, with the user's words
/// in backticks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How grave it is.
    pub level: Level,
    /// Its stable code: `E` or `W` and three digits; see [`CODES`].
    pub code: Name,
    /// Where it stands; the file alone when line is 0.
    pub place: Place,
    /// How many characters of the line it is about; at least 1.
    pub length: u32,
    /// What is wrong.
    pub message: Name,
    /// What to do, or what was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Name>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: &str, place: Place, message: impl AsRef<str>) -> Self {
        Self { level: Level::Error, code: code.into(), place, length: 1, message: message.as_ref().into(), help: None }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &str, place: Place, message: impl AsRef<str>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, place, message) }
    }

    /// The same diagnostic with advice.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(help.as_ref().into());
        self
    }

    /// The same diagnostic about `length` characters.
    #[must_use]
    pub fn length(mut self, length: usize) -> Self {
        self.length = u32::try_from(length.max(1)).unwrap_or(1);
        self
    }
}

/// Returns the known name that is nearest to `word`, when it is near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = word.chars().count().max(3) / 3;
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, candidate)| candidate)
}
