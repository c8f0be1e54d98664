//! Messages: what is written to people, from templates that a process owner edits.
//!
//! INVARIANT: only this folder names minijinja. A template sees one case at one moment, as rules do, and nothing
//! else; it includes no file, has no macros, and stops when its fuel is spent. A name that it can't know is an error
//! when it is loaded; a value that is missing is one when the message is written, and never an empty place.
//!
//! What a template can name
//! - The fields of the case, bare; a reference is the row of its table (`customer.name`), and writes its key.
//! - `number`, `stage`, `now`, `today`, `opened_at`, `opened_by`, `actor.user`, `input.FIELD`, `setting.NAME`,
//!   `with.NAME` (what the action gives), `cases` (those that the message is about; for a case's message, that one).
//! - `titles.FIELD` and `titles.stage`: the title of what a choice holds, and of the stage, in the language of the
//!   text. Rows and cases have it too: `line.titles.kind`.
//! - Filters: `date` (2026年10月15日), `month_day` (10月15日), `time` (17:00), `when` (10月15日17:00), `money`
//!   (1,234.50), and those of Jinja (`default`, `join`, `length`, `upper`, ...).
//!
//! Decimals are texts here, so a template does not compute with them: a computed field does.

mod check;
mod filter;
mod page;
mod shape;
mod template;
mod view;

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::field::{Schema, Tables};
use crate::model::notice::{Channel, Recipient};
use crate::model::{Language, Name, Place, Record, Title};
use crate::rule::{Expression, Facts};

pub use page::Page;
pub use template::{Origin, Text};

/// A message: what a file of `workflows/messages` says, without what depends on the workflow that sends it.
#[derive(Debug)]
pub struct Message {
    /// Its name: the file's name.
    pub name: Name,
    /// What it is called.
    pub title: Title,
    /// The roads on which it leaves.
    pub channels: Vec<Channel>,
    /// Its subject.
    pub subject: Text,
    /// Its text.
    pub body: Text,
    /// Its text as HTML, for e-mail.
    pub html: Text,
    /// Whether it is sent at most once for each case.
    pub once: bool,
    /// Where it begins.
    pub place: Place,
}

/// Whom an action sends a message to.
#[derive(Clone, Debug)]
pub enum To {
    /// Everybody with the role.
    Role(Name),
    /// Whoever an expression names.
    Value(Arc<Expression>, Address),
}

/// What a recipient's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// A person.
    User,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The value tells: one with `@` is an e-mail address, one of digits a telephone number, else it is a person.
    Unknown,
}

/// The language in which a message is sent.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// Always this one.
    Always(Language),
    /// The one that an expression names, `zh` or `en`.
    Value(Arc<Expression>),
}

impl Address {
    /// The recipient that a value names.
    #[must_use]
    pub fn recipient(self, value: &str) -> Recipient {
        let value = value.trim();
        let digits = value.chars().filter(char::is_ascii_digit).count();
        let phone = digits >= 5 && value.chars().all(|letter| letter.is_ascii_digit() || "+-() ".contains(letter));
        match self {
            Self::User => Recipient::User(value.into()),
            Self::Email => Recipient::Email(value.into()),
            Self::Phone => Recipient::Phone(value.into()),
            Self::Unknown if value.contains('@') => Recipient::Email(value.into()),
            Self::Unknown if phone => Recipient::Phone(value.into()),
            Self::Unknown => Recipient::User(value.into()),
        }
    }

    /// Whether a channel can reach it; where only the value tells, it may.
    #[must_use]
    pub fn reached(self, channel: Channel) -> bool {
        match self {
            Self::User => channel.reaches(&Recipient::User("".into())),
            Self::Email => channel.reaches(&Recipient::Email("".into())),
            Self::Phone => channel.reaches(&Recipient::Phone("".into())),
            Self::Unknown => true,
        }
    }
}

/// What the templates of a message may name where it is sent.
#[derive(Clone, Debug)]
pub struct Names {
    /// The fields of the case.
    pub schema: Arc<Schema>,
    /// The settings.
    pub settings: Arc<Schema>,
    /// What the action gives.
    pub with: Arc<Schema>,
    /// The tables.
    pub tables: Arc<Tables>,
}

/// One case as a message sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The case.
    pub facts: Facts,
    /// The title of its stage.
    pub stage: Title,
}

/// What a message is about.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The cases; a message of a case has just that one.
    pub cases: Arc<Vec<Seen>>,
    /// What the action gives.
    pub with: Arc<Record>,
}

impl Message {
    /// Checks every name in the templates, as this workflow and action give them.
    #[must_use]
    pub fn check_use(&self, names: &Names) -> Vec<Diagnostic> {
        [&self.subject, &self.body, &self.html].into_iter().flat_map(|text| text.check(names)).collect()
    }

    /// Writes the message: subject, text and HTML, in the languages that it has, or in one.
    ///
    /// # Errors
    /// Why it can't be written, for people.
    pub fn write(&self, scene: &Scene, language: Option<Language>) -> Result<(Title, Title, Title), String> {
        Ok((
            one_line(&self.subject.write(scene, language)?),
            self.body.write(scene, language)?,
            self.html.write(scene, language)?,
        ))
    }
}

/// A subject is one line, however its values look, so that none can end a header.
fn one_line(title: &Title) -> Title {
    let line = |text: &Option<Name>| {
        let text = text.as_ref()?;
        let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let words: Vec<&str> = plain.split_whitespace().collect();
        let line: String = words.join(" ").chars().take(crate::model::limit::SUBJECT_CHARS_MAX).collect();
        Some(Name::from(line))
    };
    Title { zh: line(&title.zh), en: line(&title.en) }
}
