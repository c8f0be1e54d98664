//! A small HTTP client for the commands that talk to a running server.

mod problem;

use std::time::Duration;

use serde_json::Value as Json;

use super::terminal::Exit;

pub use problem::{Problem, ProblemError};

/// Bytes of an answer that are read at most.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Seconds to wait for a connection.
const CONNECT_SECONDS_MAX: u64 = 5;
/// Seconds to wait for the head of an answer; a bulk import of the largest size takes less.
const ANSWER_SECONDS_MAX: u64 = 120;

/// A client of one server. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
    idempotency_key: Option<String>,
    language: Option<String>,
}

/// What the server answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; `null` when it is empty or not JSON.
    pub json: Json,
    /// The body as text.
    pub text: String,
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered.
    #[error("can't reach `{url}`: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server said no.
    #[error("{0}")]
    Problem(Box<Problem>),
}

impl ClientError {
    /// What a command that fails with it ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Problem(_) => Exit::Refused,
        }
    }

    /// What to do about it, when that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some("is the server running, and is --server its address?"),
            Self::Problem(problem) if problem.status == 401 => {
                Some("give a valid API key with --key or GENDAN_KEY; the first one was printed on the first start")
            }
            Self::Problem(_) => None,
        }
    }
}

impl Answer {
    /// Whether the server did what was asked.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header; its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The answer itself when the server did what was asked.
    ///
    /// # Errors
    /// What the server said instead.
    pub fn ok(self) -> Result<Self, ClientError> {
        if self.is_ok() { Ok(self) } else { Err(ClientError::Problem(Box::new(Problem::read(&self)))) }
    }
}

impl Client {
    /// A client of the server at `base_url` (`http://127.0.0.1:8080`), with an API key.
    #[must_use]
    pub fn new(base_url: &str, key: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // The server is named outright; a proxy meant for the web would not know a loopback address.
            .proxy(None)
            .user_agent(concat!("gendan/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS_MAX)))
            .timeout_recv_response(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .build();
        let base = base_url.trim_end_matches('/');
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        Self { agent: config.new_agent(), base, key: key.map(str::to_owned), idempotency_key: None, language: None }
    }

    /// The same client with another API key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same client for one command that may be sent again: the server does it once.
    #[must_use]
    pub fn once(&self, idempotency_key: &str) -> Self {
        Self { idempotency_key: Some(idempotency_key.to_owned()), ..self.clone() }
    }

    /// The same client, asking for answers in a language (`zh`, `en`).
    #[must_use]
    pub fn in_language(&self, language: &str) -> Self {
        Self { language: Some(language.to_owned()), ..self.clone() }
    }

    /// The address of the server.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for `path` (`/v1/cases?limit=5`).
    ///
    /// # Errors
    /// When nobody answers.
    pub fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send("GET", path, None, &[])
    }

    /// Deletes what stands under `path`.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.send("DELETE", path, None, &[])
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn post(&self, path: &str, body: &Json) -> Result<Answer, ClientError> {
        self.send_json("POST", path, body)
    }

    /// Puts JSON.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn put(&self, path: &str, body: &Json) -> Result<Answer, ClientError> {
        self.send_json("PUT", path, body)
    }

    /// Patches with JSON.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn patch(&self, path: &str, body: &Json) -> Result<Answer, ClientError> {
        self.send_json("PATCH", path, body)
    }

    /// Posts bytes of a type (`text/csv`, `application/x-ndjson`).
    ///
    /// # Errors
    /// When nobody answers.
    pub fn post_bytes(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, ClientError> {
        self.send("POST", path, Some(content_type), body)
    }

    /// Asks for `path` and gives the bytes of the answer as they are.
    ///
    /// # Errors
    /// When nobody answers, or the server says no.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let url = format!("{}{path}", self.base);
        let unreachable = |error: ureq::Error| ClientError::Unreachable { url: url.clone(), reason: reason(&error) };
        let response = self.call("GET", &url, None, &[]).map_err(unreachable)?;
        if !response.status().is_success() {
            let answer = read(response).map_err(unreachable)?;
            return Err(ClientError::Problem(Box::new(Problem::read(&answer))));
        }
        let mut body = response.into_body();
        body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(unreachable)
    }

    fn send_json(&self, method: &str, path: &str, body: &Json) -> Result<Answer, ClientError> {
        self.send(method, path, Some("application/json"), body.to_string().as_bytes())
    }

    fn send(&self, method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.base);
        let unreachable = |error: ureq::Error| ClientError::Unreachable { url: url.clone(), reason: reason(&error) };
        let response = self.call(method, &url, content_type, body).map_err(unreachable)?;
        read(response).map_err(unreachable)
    }

    fn call(
        &self,
        method: &str,
        url: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        let headers = [
            ("authorization", self.key.as_ref().map(|key| format!("Bearer {key}"))),
            ("idempotency-key", self.idempotency_key.clone()),
            ("content-type", content_type.map(str::to_owned)),
            ("accept-language", self.language.clone()),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if content_type.is_some() { self.agent.run(request.body(body)?) } else { self.agent.run(request.body(())?) }
    }
}

/// The text as one segment of a path or one value of a query: everything but letters, digits and `-._~` is
/// percent-encoded.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn read(response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let (head, mut body) = response.into_parts();
    let text = body.with_config().limit(ANSWER_BYTES_MAX).lossy_utf8(true).read_to_string()?;
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_ascii_lowercase(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Answer {
        status: head.status.as_u16(),
        headers: headers.collect(),
        json: serde_json::from_str(&text).unwrap_or(Json::Null),
        text,
    })
}

fn reason(error: &ureq::Error) -> String {
    if matches!(error, ureq::Error::TlsRequired) {
        return "this client speaks plain http; put https behind a local proxy".to_owned();
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_can_hold_any_text() {
        for (text, encoded) in [("a-b_c.d~1", "a-b_c.d~1"), ("a/b?c", "a%2Fb%3Fc"), ("客", "%E5%AE%A2")] {
            assert_eq!(segment(text), encoded);
        }
    }

    #[test]
    fn an_address_may_be_given_without_its_scheme() {
        assert_eq!(Client::new("127.0.0.1:8080/", None).base(), "http://127.0.0.1:8080");
        assert_eq!(Client::new("http://h:1", None).base(), "http://h:1");
    }

    #[test]
    fn a_closed_port_is_an_error_with_the_address_in_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = Client::new(&address.to_string(), None).get("/livez").unwrap_err();
        assert_eq!(error.exit(), Exit::Unreachable);
        assert!(error.to_string().contains(&format!("http://{address}/livez")), "{error}");
    }
}
