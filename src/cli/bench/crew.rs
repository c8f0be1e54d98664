//! The people of a load with their keys: what each of them sends, as a careful client sends it.

use std::net::SocketAddr;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, IF_MATCH, USER_AGENT};
use hyper::{Method, Request};

use super::text::{Filling, Text};
use crate::cli::client::segment;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("gendan-bench/", env!("CARGO_PKG_VERSION")));

/// People who take the steps of a load and ask its questions.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    steps: Vec<Order>,
    reads: Vec<Order>,
    server: String,
    run: String,
}

/// A request to be filled in.
#[derive(Clone, Debug)]
pub(super) struct Order {
    name: String,
    keys: Vec<HeaderValue>,
    path: Text,
    body: Text,
    expect: u16,
}

/// A command that is ready to be sent.
#[derive(Debug)]
pub(super) struct Command<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The request.
    pub(super) request: Request<String>,
    /// The status that must come back.
    pub(super) expect: u16,
}

impl Order {
    /// What anybody with one of `keys` sends.
    ///
    /// # Errors
    /// A sentence when there are none, or a text has a hole that nothing fills.
    pub(super) fn new(name: &str, keys: &[HeaderValue], path: &str, body: &str, expect: u16) -> Result<Self, String> {
        if keys.is_empty() {
            return Err(format!("nobody can do `{name}`; its `as` must name some of the staff"));
        }
        let text = |text| Text::parse(text).map_err(|problem| format!("`{name}`: {problem}"));
        Ok(Self { name: name.to_owned(), keys: keys.to_owned(), path: text(path)?, body: text(body)?, expect })
    }

    /// The key of whoever works on case `n`.
    fn key(&self, n: u64) -> Option<&HeaderValue> {
        let place = n.checked_rem(u64::try_from(self.keys.len()).ok()?)?;
        self.keys.get(usize::try_from(place).ok()?)
    }
}

impl Crew {
    /// People who work at a server.
    pub(super) fn new(steps: Vec<Order>, reads: Vec<Order>, server: SocketAddr, run: &str) -> Self {
        Self { steps, reads, server: server.to_string(), run: run.to_owned() }
    }

    /// The same people at a server that listens elsewhere now.
    pub(super) fn moved_to(&self, server: SocketAddr) -> Self {
        Self { server: server.to_string(), ..self.clone() }
    }

    /// How many steps a case takes.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The command at a place. `tag` is the version of the case that its sender knows.
    pub(super) fn command(&self, step: usize, filling: &Filling, tag: Option<&HeaderValue>) -> Option<Command<'_>> {
        let order = self.steps.get(step)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(order.path.fill(filling))
            .header(HOST, &self.server)
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, order.key(filling.n)?)
            .header(CONTENT_TYPE, JSON)
            .header(IDEMPOTENCY_KEY, format!("{}-{}-{step}", self.run, filling.n));
        if let Some(tag) = tag {
            request = request.header(IF_MATCH, tag);
        }
        let request = request.body(order.body.fill(filling)).ok()?;
        Some(Command { name: &order.name, request, expect: order.expect })
    }

    /// The question at a place.
    pub(super) fn question(&self, read: usize, filling: &Filling) -> Option<Request<String>> {
        let order = self.reads.get(read)?;
        self.get(order.key(filling.n)?, &order.path.fill(filling))
    }

    /// The same question for the next page of its list.
    pub(super) fn next_page(&self, read: usize, cursor: &str) -> Option<Request<String>> {
        let order = self.reads.get(read)?;
        let path = format!("{}&cursor={}", order.path.fill(&Filling::default()), segment(cursor));
        self.get(order.key(0)?, &path)
    }

    fn get(&self, key: &HeaderValue, path: &str) -> Option<Request<String>> {
        let request = Request::builder().method(Method::GET).uri(path).header(HOST, &self.server);
        request.header(USER_AGENT, AGENT).header(AUTHORIZATION, key).body(String::new()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew() -> Crew {
        let keys = [HeaderValue::from_static("Bearer a"), HeaderValue::from_static("Bearer b")];
        let step = Order::new("take", &keys, "/v1/cases/{id}/x", r#"{"n":"{n}"}"#, 200).unwrap();
        let read = Order::new("list", &keys, "/v1/cases?limit=5", "", 200).unwrap();
        Crew::new(vec![step], vec![read], SocketAddr::from(([127, 0, 0, 1], 80)), "r")
    }

    #[test]
    fn a_command_carries_what_a_careful_client_sends() {
        let filling = Filling { n: 3, id: "c".into(), number: String::new() };
        let tag = HeaderValue::from_static("\"v2\"");
        let crew = crew();
        let request = crew.command(0, &filling, Some(&tag)).unwrap().request;
        let header = |name: HeaderName| request.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!((request.uri().path(), request.body().as_str()), ("/v1/cases/c/x", r#"{"n":"3"}"#));
        assert_eq!((header(AUTHORIZATION), header(IDEMPOTENCY_KEY), header(IF_MATCH)), ("Bearer b", "r-3-0", "\"v2\""));
        assert_eq!((header(HOST), header(CONTENT_TYPE)), ("127.0.0.1:80", "application/json"));
        assert!(crew.command(1, &filling, None).is_none());
        assert!(!crew.command(0, &filling, None).unwrap().request.headers().contains_key(IF_MATCH));
    }

    #[test]
    fn a_list_is_asked_page_by_page() {
        let crew = crew().moved_to(SocketAddr::from(([127, 0, 0, 1], 81)));
        let next = crew.next_page(0, "a/b").unwrap();
        assert_eq!(next.uri().to_string(), "/v1/cases?limit=5&cursor=a%2Fb");
        assert_eq!(next.headers().get(HOST).unwrap(), "127.0.0.1:81");
    }

    #[test]
    fn a_step_that_nobody_can_do_is_told() {
        let said = Order::new("take", &[], "/", "", 200).unwrap_err();
        assert_eq!(said, "nobody can do `take`; its `as` must name some of the staff");
        let said = Order::new("take", &[HeaderValue::from_static("x")], "/{x}", "", 200).unwrap_err();
        assert!(said.starts_with("`take`: nothing fills `{x}`"), "{said}");
    }
}
