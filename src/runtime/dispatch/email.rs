//! E-mail by SMTP.

use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::model::limit::DELIVERY_SECONDS_MAX;

use super::settings::{self, Security};
use super::{Letter, Trouble, Variable};

/// A server that takes e-mail.
pub(super) struct Email {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Email {
    /// The server of these settings; it is not asked yet.
    pub(super) fn new(settings: &settings::Email, variable: Variable<'_>) -> Result<Self, String> {
        let from: Mailbox =
            settings.from.parse().map_err(|error| format!("`{}` is no sender: {error}", settings.from))?;
        let parameters = || TlsParameters::new(settings.server.clone()).map_err(|error| error.to_string());
        let (tls, port) = match settings.security {
            Security::Starttls => (Tls::Required(parameters()?), 587),
            Security::Tls => (Tls::Wrapper(parameters()?), 465),
            Security::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.server)
            .port(settings.port.unwrap_or(port))
            .timeout(Some(Duration::from_secs(DELIVERY_SECONDS_MAX)))
            .tls(tls);
        if let Some(user) = &settings.user {
            let password = settings.password.as_ref().ok_or("there is a `user` and no `password`")?;
            builder = builder.credentials(Credentials::new(user.clone(), password.read(variable)?));
        }
        Ok(Self { from, transport: builder.build() })
    }

    /// Hands a letter over.
    pub(super) async fn send(&self, letter: &Letter, address: &str) -> Result<(), Trouble> {
        let message = self.message(letter, address)?;
        let limit = Duration::from_secs(2 * DELIVERY_SECONDS_MAX);
        match tokio::time::timeout(limit, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(Trouble::Never(error.to_string())),
            Ok(Err(error)) => Err(Trouble::Later(error.to_string())),
            Err(_) => Err(Trouble::Later("the server takes too long".to_owned())),
        }
    }

    /// The letter as e-mail. Addresses and headers are values here, so no word of it can end a header.
    fn message(&self, letter: &Letter, address: &str) -> Result<Message, Trouble> {
        let to: Address =
            address.parse().map_err(|error| Trouble::Never(format!("`{address}` is no e-mail address: {error}")))?;
        let milliseconds = Duration::from_millis(letter.now.0.max(0).unsigned_abs());
        let id = format!("<{}@{}>", letter.delivery.id, self.from.email.domain());
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.subject)
            .date(SystemTime::UNIX_EPOCH + milliseconds)
            .message_id(Some(id));
        let message = if letter.html.is_empty() {
            builder.header(ContentType::TEXT_PLAIN).body(letter.body.clone())
        } else {
            builder.multipart(MultiPart::alternative_plain_html(letter.body.clone(), letter.html.clone()))
        };
        message.map_err(|error| Trouble::Never(format!("it can't be written as e-mail: {error}")))
    }
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("from", &self.from).finish_non_exhaustive()
    }
}
