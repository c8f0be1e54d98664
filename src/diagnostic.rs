//! Diagnostics: what is wrong in a definition file, where, and what to do about it.

mod codes;
mod render;

use serde::{Deserialize, Serialize};

use crate::model::{Name, Place};

pub use codes::{CODES, explain};
pub use render::{render, summary};

/// The most characters of a message: the words in it come from files that anybody may have written.
const MESSAGE_CHARS_MAX: usize = 500;

/// The most characters of a word for which a name is looked that may have been meant.
const WORD_CHARS_MAX: usize = 100;

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
        Self { level: Level::Error, code: code.into(), place, length: 1, message: tidy(message.as_ref()), help: None }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: &str, place: Place, message: impl AsRef<str>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, place, message) }
    }

    /// The same diagnostic with advice.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(tidy(help.as_ref()));
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
    let length = word.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    let far = length.max(3) / 3;
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A message without control characters, which a terminal would obey, and not longer than a person reads.
fn tidy(message: &str) -> Name {
    let control = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let mut text: String = message.chars().take(MESSAGE_CHARS_MAX).map(control).collect();
    if text.len() < message.len() {
        text.push_str("...");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_short_and_has_no_control_characters() {
        let long = format!("`\u{1b}[31m{}`", "x".repeat(1_000_000));
        let diagnostic = Diagnostic::error("E020", Place::default(), &long).help(&long);
        assert!(diagnostic.message.starts_with("`\u{fffd}[31mxxx") && diagnostic.message.chars().count() == 503);
        assert_eq!(Some(&diagnostic.message), diagnostic.help.as_ref());
    }

    #[test]
    fn the_nearest_name_is_meant() {
        let known = ["title", "fields", "to", "by", "订单"];
        for (word, meant) in [
            ("titel", Some("title")),
            ("too", Some("to")),
            ("x", None),
            ("field", Some("fields")),
            ("订", Some("订单")),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, known), meant, "{word}");
        }
        assert_eq!(did_you_mean(&"x".repeat(1_000_000), known), None);
    }
}
