//! The settings of the channels, as the file of settings has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::model::Language;

use super::Variable;

/// How messages leave. What is not set can't be used, and messages for it are dead at once, with that reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Channels {
    /// The language of messages that don't say theirs.
    pub language: Language,
    /// The addresses of people and roles.
    pub contacts: BTreeMap<String, Contact>,
    /// E-mail by SMTP.
    pub email: Option<Email>,
    /// Text messages, through the webhook of a gateway.
    pub sms: Option<Webhook>,
    /// The webhook that gets messages for another system.
    pub webhook: Option<Webhook>,
}

impl Default for Channels {
    fn default() -> Self {
        Self { language: Language::Zh, contacts: BTreeMap::new(), email: None, sms: None, webhook: None }
    }
}

/// The addresses of a person or a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
}

/// E-mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The name or address of the SMTP server.
    pub server: String,
    /// Its port; that of the security, without one.
    pub port: Option<u16>,
    /// How the connection is kept private.
    #[serde(default)]
    pub security: Security,
    /// The name to log in with.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The sender, as `Gendan <no-reply@example.com>`.
    pub from: String,
}

/// How a connection to an SMTP server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// It begins in the clear and must change to TLS (port 587).
    #[default]
    Starttls,
    /// TLS from the beginning (port 465).
    Tls,
    /// Not at all (port 25): for a server on the same machine.
    None,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where it is called.
    pub url: String,
    /// What it is signed with: `whsec_` and base64.
    pub secret: Secret,
    /// Whether it may be an address of a private network, and plain HTTP.
    #[serde(default)]
    pub private: bool,
}

/// Where a secret is; it never stands in the file of settings itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secret {
    /// In this variable of the environment.
    Env(String),
    /// In this file.
    File(PathBuf),
}

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not there, or empty.
    pub(super) fn read(&self, variable: Variable<'_>) -> Result<String, String> {
        let read = match self {
            Self::Env(name) => variable(name).ok_or_else(|| format!("the variable `{name}` is not set"))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("the secret in `{}` can't be read: {error}", path.display()))?,
        };
        let read = read.trim().to_owned();
        if read.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(read) }
    }
}
