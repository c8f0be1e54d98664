//! Signed webhooks: Standard Webhooks over HTTP, to the one address in the settings.
//!
//! The name is resolved once for each try and the connection is made to what was found, after a look at it: an
//! address of a private network is called only where the settings say so. No answer leads anywhere else: redirects
//! are failures.

mod address;
mod sign;

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::model::limit::DELIVERY_SECONDS_MAX;
use crate::model::{Language, Recipient};

use super::settings;
use super::{Letter, Trouble, Variable};

/// A webhook.
pub(super) struct Webhook {
    host: String,
    port: u16,
    path: String,
    /// `host:port`, as the header has it.
    authority: String,
    private: bool,
    key: Vec<u8>,
    tls: Option<TlsConnector>,
}

impl Webhook {
    /// The webhook of these settings; it is not asked yet.
    pub(super) fn new(settings: &settings::Webhook, variable: Variable<'_>) -> Result<Self, String> {
        let uri: Uri = settings.url.parse().map_err(|error| format!("`{}` is no URL: {error}", settings.url))?;
        let (host, authority) = match (uri.host(), uri.authority()) {
            (Some(host), Some(authority)) if !authority.as_str().contains('@') => (host, authority),
            _ => return Err(format!("`{}` is no URL such as `https://example.com/hook`", settings.url)),
        };
        let (port, tls) = match uri.scheme_str() {
            Some("https") => (443, Some(connector()?)),
            Some("http") if settings.private => (80, None),
            Some("http") => return Err("plain HTTP is only for private networks (`private: true`)".to_owned()),
            _ => return Err(format!("`{}` is no URL such as `https://example.com/hook`", settings.url)),
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(port),
            path: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            authority: authority.to_string(),
            private: settings.private,
            key: sign::key(&settings.secret.read(variable)?)?,
            tls,
        })
    }

    /// Hands a letter over.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), Trouble> {
        let limit = Duration::from_secs(DELIVERY_SECONDS_MAX);
        let called = tokio::time::timeout(limit, self.call(letter)).await;
        let status = called.map_err(|_| Trouble::Later("the webhook takes too long".to_owned()))??;
        if status.is_success() {
            return Ok(());
        }
        let reason = format!("the webhook answered {}", status.as_u16());
        // What is wrong with the message itself stays wrong; everything else may be mended over there.
        match status.as_u16() {
            400 | 410 | 413 | 422 => Err(Trouble::Never(reason)),
            _ => Err(Trouble::Later(reason)),
        }
    }

    async fn call(&self, letter: &Letter) -> Result<StatusCode, Trouble> {
        let stream = self.connect().await?;
        let request = self.request(letter)?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone());
                let name = name.map_err(|error| Trouble::Never(format!("`{}`: {error}", self.host)))?;
                exchange(tls.connect(name, stream).await.map_err(later)?, request).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, Trouble> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(later)?;
        let mut refused = None;
        for socket in found {
            if !self.private && !address::is_public(socket.ip()) {
                refused = Some(Trouble::Never(format!(
                    "`{}` is {}, an address of a private network (`private: true` allows it)",
                    self.host,
                    socket.ip()
                )));
                continue;
            }
            match TcpStream::connect(socket).await {
                Ok(stream) => return Ok(stream),
                Err(error) => refused = Some(later(error)),
            }
        }
        Err(refused.unwrap_or_else(|| Trouble::Later(format!("`{}` has no address", self.host))))
    }

    fn request(&self, letter: &Letter) -> Result<Request<String>, Trouble> {
        let (id, body) = (letter.delivery.id.to_string(), payload(letter));
        let seconds = letter.now.0.div_euclid(1_000).to_string();
        let signature = sign::signature(&self.key, &id, &seconds, &body);
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("gendan/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature);
        request.body(body).map_err(|error| Trouble::Never(error.to_string()))
    }
}

fn payload(letter: &Letter) -> String {
    let delivery = &letter.delivery;
    let kind = match &delivery.to {
        Recipient::Role(_) => "role",
        Recipient::User(_) => "user",
        Recipient::Email(_) => "email",
        Recipient::Phone(_) => "phone",
        Recipient::Nobody => "nobody",
    };
    let language = match letter.language {
        Language::Zh => "zh",
        Language::En => "en",
    };
    let case = (delivery.id.version > 0).then(|| delivery.id.source.to_string());
    json!({
        "type": "gendan.message.v1",
        "timestamp": delivery.at.to_string(),
        "data": {
            "message": &*delivery.message,
            "channel": delivery.channel.name(),
            "case": case,
            "to": { "kind": kind, "name": delivery.to.name(), "email": letter.email, "phone": letter.phone },
            "language": language,
            "subject": letter.subject,
            "body": letter.body,
        },
    })
    .to_string()
}

/// Sends the request; what is in the answer beside its status is not read.
async fn exchange<S>(stream: S, request: Request<String>) -> Result<StatusCode, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(later)?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(later);
    driver.abort();
    Ok(answer?.status())
}

fn later(error: impl std::fmt::Display) -> Trouble {
    Trouble::Later(format!("the webhook can't be reached: {error}"))
}

fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this machine has no certificates of authorities, which HTTPS needs".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("authority", &self.authority).field("path", &self.path).finish_non_exhaustive()
    }
}
