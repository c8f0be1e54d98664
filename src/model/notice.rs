//! Notices: messages as they are sent, word for word. They are written when the command is decided, so that what
//! somebody was told can be read for ever, whatever the templates say later.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{CaseId, Name};
use super::title::{Language, Title};

/// A road on which a message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// The box of a person or a role inside Gendan.
    Inbox,
    /// E-mail.
    Email,
    /// A text message, through the webhook of a gateway.
    Sms,
    /// A signed webhook.
    Webhook,
    /// The server's log.
    Log,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Inbox, Self::Email, Self::Sms, Self::Webhook, Self::Log];

    /// Its name in files and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
            Self::Log => "log",
        }
    }

    /// The channel of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether it can reach such a recipient.
    #[must_use]
    pub fn reaches(self, to: &Recipient) -> bool {
        match to {
            Recipient::Role(_) | Recipient::User(_) => true,
            Recipient::Email(_) => matches!(self, Self::Email | Self::Webhook | Self::Log),
            Recipient::Phone(_) => matches!(self, Self::Sms | Self::Webhook | Self::Log),
            Recipient::Nobody => false,
        }
    }
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipient {
    /// Everybody with the role.
    Role(Name),
    /// A person.
    User(Name),
    /// An e-mail address.
    Email(Name),
    /// A telephone number.
    Phone(Name),
    /// Nobody could be found; the message can't be delivered.
    Nobody,
}

impl Recipient {
    /// The role, person, address or number.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(name) | Self::User(name) | Self::Email(name) | Self::Phone(name) => name,
            Self::Nobody => "",
        }
    }
}

/// One message to one recipient on one channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sending {
    /// The road.
    pub channel: Channel,
    /// Whom it is for.
    pub to: Recipient,
}

/// A message, word for word, and everything that becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The message: the name of its file.
    pub message: Name,
    /// The language in which it is sent, when the message says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Its subject.
    #[serde(default, skip_serializing_if = "Title::is_empty")]
    pub subject: Title,
    /// Its text.
    #[serde(default, skip_serializing_if = "Title::is_empty")]
    pub body: Title,
    /// Its text as HTML, for e-mail.
    #[serde(default, skip_serializing_if = "Title::is_empty")]
    pub html: Title,
    /// To whom and how; never empty.
    pub sendings: Vec<Sending>,
    /// Why it could not be written; then it reaches nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Name>,
}

impl Notice {
    /// Its words in a language: subject, text and HTML.
    #[must_use]
    pub fn words(&self, language: Language) -> (&str, &str, &str) {
        let language = self.language.unwrap_or(language);
        (self.subject.text(language), self.body.text(language), self.html.text(language))
    }
}

/// The identity of a sending: the same for ever, however often it is sent (`Message-ID`, `webhook-id`).
///
/// It names what caused it (a case and the version of its event; version 0 for a notice about many cases, whose id
/// is its own) and its place among the sendings of the notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SendingId {
    /// The case, or the notice's own id.
    pub source: CaseId,
    /// The version of the case after the event; 0 for a notice that is no case's.
    pub version: u64,
    /// The place among the sendings of the notice; the first is 0.
    pub place: u16,
}

impl fmt::Display for SendingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.source, self.version, self.place)
    }
}

/// A text that is no id of a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a delivery is written CASE-VERSION-PLACE")]
pub struct SendingIdError;

impl std::str::FromStr for SendingId {
    type Err = SendingIdError;

    fn from_str(text: &str) -> Result<Self, SendingIdError> {
        let mut parts = text.split('-');
        let (Some(source), Some(version), Some(place), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SendingIdError);
        };
        let source = source.parse().map_err(|_| SendingIdError)?;
        let version = version.parse().map_err(|_| SendingIdError)?;
        let place = place.parse().map_err(|_| SendingIdError)?;
        Ok(Self { source, version, place })
    }
}

impl From<SendingId> for String {
    fn from(id: SendingId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for SendingId {
    type Error = SendingIdError;

    fn try_from(text: String) -> Result<Self, SendingIdError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = SendingId { source: CaseId::new(1, 2), version: 7, place: 3 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "a-1-1", "00000000000000000000000000-1", "00000000000000000000000000-1-2-3"] {
            assert_eq!(text.parse::<SendingId>(), Err(SendingIdError), "{text}");
        }
    }

    #[test]
    fn a_channel_reaches_whom_it_can() {
        for (channel, to, reaches) in [
            (Channel::Inbox, Recipient::Email("a@b".into()), false),
            (Channel::Inbox, Recipient::Role("r".into()), true),
            (Channel::Sms, Recipient::Email("a@b".into()), false),
            (Channel::Sms, Recipient::Phone("1".into()), true),
            (Channel::Email, Recipient::Phone("1".into()), false),
            (Channel::Webhook, Recipient::Phone("1".into()), true),
        ] {
            assert_eq!(channel.reaches(&to), reaches, "{channel:?} {to:?}");
            assert_eq!(Channel::named(channel.name()), Some(channel));
        }
    }
}
