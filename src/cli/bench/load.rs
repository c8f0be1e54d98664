//! The load: what is sent, by whom, and what must come back. All of it is data in `examples/bench/`.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, IF_MATCH, USER_AGENT};
use hyper::{Method, Request};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::text::{Filling, Text};
use crate::cli::Failed;
use crate::cli::client::{Client, segment};
use crate::cli::demo::embedded;
use crate::cli::terminal::Exit;

/// The folder in `examples/`.
const FOLDER: &str = "bench";
/// The file that says what is done.
const FILE: &str = "load.yaml";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("gendan-bench/", env!("CARGO_PKG_VERSION")));

/// The load as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// What a case is, in one line: in Chinese and English.
    pub(super) title: Words,
    /// Where the server's clock begins.
    pub(super) clock: String,
    /// The workflow of the cases.
    pub(super) workflow: String,
    /// The stage that a case is in after the last step.
    pub(super) ends_in: String,
    /// The files of the tables.
    tables: IndexMap<String, String>,
    /// Who works.
    staff: IndexMap<String, Staff>,
    /// What is done with each case.
    steps: Vec<Step>,
    /// What is read when there are many cases.
    pub(super) reads: Vec<Read>,
}

/// A text in two languages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// Chinese.
    #[expect(dead_code, reason = "the file is read by people of both languages, the report is English")]
    zh: String,
    /// English.
    pub(super) en: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Staff {
    roles: Vec<String>,
    people: Vec<String>,
}

/// One command on a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Its name, for messages.
    pub(super) name: String,
    #[serde(rename = "as")]
    who: String,
    post: String,
    #[serde(default = "ok")]
    expect: u16,
    body: Json,
}

/// One question about cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// Its name, for the report.
    pub(super) name: String,
    #[serde(rename = "as")]
    who: String,
    get: String,
    /// How many pages of the list are turned before the one that is measured.
    #[serde(default)]
    pub(super) pages: usize,
}

/// A load with everybody's key: requests can be made of it.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    steps: Vec<Order>,
    reads: Vec<Order>,
    host: HeaderValue,
    /// Makes keys of one run differ from those of another.
    run: String,
}

/// A request to be filled in.
#[derive(Clone, Debug)]
struct Order {
    name: String,
    keys: Vec<HeaderValue>,
    path: Text,
    body: Text,
    expect: u16,
}

fn ok() -> u16 {
    200
}

impl Load {
    /// Reads the load that is part of the program.
    ///
    /// # Errors
    /// What is wrong in it.
    pub(super) fn shipped() -> Result<Self, Failed> {
        let text = file(FILE)?;
        serde_yaml::from_slice(&text).map_err(|error| broken(&error.to_string()))
    }

    /// How many commands a case takes.
    pub(super) fn commands(&self) -> usize {
        self.steps.len()
    }

    /// Fills the tables and makes a key for everybody; `admin` may do both.
    ///
    /// # Errors
    /// When the server refuses something, or the load names what is not there.
    pub(super) fn prepare(&self, admin: &Client, host: &str, run: &str) -> Result<Crew, Failed> {
        for (table, name) in &self.tables {
            let path = format!("/v1/tables/{}", segment(table));
            admin.post_bytes(&path, "text/csv", &file(name)?)?.ok()?;
        }
        let mut keys: IndexMap<&str, Vec<HeaderValue>> = IndexMap::new();
        for (name, staff) in &self.staff {
            let hired: Result<_, Failed> =
                staff.people.iter().map(|person| hire(admin, person, &staff.roles)).collect();
            keys.insert(name, hired?);
        }
        let host = HeaderValue::from_str(host).map_err(|error| broken(&error.to_string()))?;
        let steps = self.steps.iter().map(|step| {
            let body = step.body.to_string();
            order(&step.name, keys.get(&*step.who), &step.post, &body, step.expect)
        });
        let reads = self.reads.iter().map(|read| order(&read.name, keys.get(&*read.who), &read.get, "", ok()));
        Ok(Crew {
            steps: steps.collect::<Result<_, _>>()?,
            reads: reads.collect::<Result<_, _>>()?,
            host,
            run: run.to_owned(),
        })
    }
}

impl Read {
    /// Whether it is about a single case, by its id.
    pub(super) fn is_of_a_case(&self) -> bool {
        self.get.ends_with("/{id}")
    }
}

impl Crew {
    /// The same people at a server that listens elsewhere now.
    ///
    /// # Errors
    /// When the address can't stand in a header.
    pub(super) fn moved_to(&self, host: &str) -> Result<Self, Failed> {
        let host = HeaderValue::from_str(host).map_err(|error| broken(&error.to_string()))?;
        Ok(Self { host, ..self.clone() })
    }

    /// How many steps a case takes.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The command at a place: the request, its name and the status that must come back.
    pub(super) fn command(&self, step: usize, filling: &Filling, tag: Option<&HeaderValue>) -> Option<Command<'_>> {
        let order = self.steps.get(step)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(order.path.fill(filling))
            .header(HOST, &self.host)
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, order.key(filling.n)?)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(IDEMPOTENCY_KEY, format!("{}-{}-{step}", self.run, filling.n));
        let request = match tag {
            Some(tag) => request.header(IF_MATCH, tag),
            None => request,
        };
        let request = request.body(order.body.fill(filling)).ok()?;
        Some(Command { name: &order.name, request, expect: order.expect })
    }

    /// The question at a place.
    pub(super) fn question(&self, read: usize, filling: &Filling) -> Option<Request<String>> {
        let order = self.reads.get(read)?;
        let path = order.path.fill(filling);
        self.get(order.key(filling.n)?, &path)
    }

    /// The same question for the next page of its list.
    pub(super) fn next_page(&self, read: usize, cursor: &str) -> Option<Request<String>> {
        let order = self.reads.get(read)?;
        let path = format!("{}&cursor={}", order.path.fill(&Filling::default()), segment(cursor));
        self.get(order.key(0)?, &path)
    }

    fn get(&self, key: &HeaderValue, path: &str) -> Option<Request<String>> {
        let request = Request::builder().method(Method::GET).uri(path).header(HOST, &self.host);
        request.header(USER_AGENT, AGENT).header(AUTHORIZATION, key).body(String::new()).ok()
    }
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
    /// The key of whoever works on case `n`.
    fn key(&self, n: u64) -> Option<&HeaderValue> {
        let place = n.checked_rem(u64::try_from(self.keys.len()).ok()?)?;
        self.keys.get(usize::try_from(place).ok()?)
    }
}

fn order(name: &str, keys: Option<&Vec<HeaderValue>>, path: &str, body: &str, expect: u16) -> Result<Order, Failed> {
    let keys = keys.filter(|keys| !keys.is_empty()).cloned();
    let keys = keys.ok_or_else(|| broken(&format!("nobody can do `{name}`; its `as` must name some of the staff")))?;
    let text = |text| Text::parse(text).map_err(|problem| broken(&format!("`{name}`: {problem}")));
    Ok(Order { name: name.to_owned(), keys, path: text(path)?, body: text(body)?, expect })
}

/// Makes a key for somebody: the value of the header that shows it.
fn hire(admin: &Client, person: &str, roles: &[String]) -> Result<HeaderValue, Failed> {
    let made = admin.post("/v1/keys", &json!({ "user": person, "roles": roles }))?.ok()?;
    let key = made.json.get("key").and_then(Json::as_str).unwrap_or_default();
    HeaderValue::from_str(&format!("Bearer {key}")).map_err(|error| broken(&error.to_string()))
}

fn file(name: &str) -> Result<Vec<u8>, Failed> {
    embedded::example(&format!("{FOLDER}/{name}")).ok_or_else(|| broken(&format!("there is no `{name}`")))
}

fn broken(problem: &str) -> Failed {
    Failed::new(Exit::Refused, format!("the load in examples/{FOLDER}/{FILE} can't be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_load_can_be_used() {
        let load = Load::shipped().unwrap();
        assert_eq!(load.commands(), 7);
        for name in load.tables.values() {
            assert!(!file(name).unwrap().is_empty(), "{name}");
        }
        for (who, path, body) in load.steps.iter().map(|step| (&step.who, &step.post, step.body.to_string())) {
            assert!(load.staff.contains_key(who), "{who}");
            Text::parse(path).and(Text::parse(&body)).unwrap();
        }
        assert!(load.reads.iter().all(|read| load.staff.contains_key(&read.who)));
    }

    #[test]
    fn a_command_carries_what_a_careful_client_sends() {
        let keys = vec![HeaderValue::from_static("Bearer a"), HeaderValue::from_static("Bearer b")];
        let step = order("take", Some(&keys), "/v1/cases/{id}/x", r#"{"n":"{n}"}"#, 200).unwrap();
        let crew = Crew { steps: vec![step], reads: Vec::new(), host: HeaderValue::from_static("h"), run: "r".into() };
        let filling = Filling { n: 3, id: "c".into(), number: String::new() };
        let tag = HeaderValue::from_static("\"v2\"");
        let request = crew.command(0, &filling, Some(&tag)).unwrap().request;
        let header = |name: HeaderName| request.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!((request.uri().path(), request.body().as_str()), ("/v1/cases/c/x", r#"{"n":"3"}"#));
        assert_eq!((header(AUTHORIZATION), header(IDEMPOTENCY_KEY), header(IF_MATCH)), ("Bearer b", "r-3-0", "\"v2\""));
        assert!(crew.command(1, &filling, None).is_none());
    }

    #[test]
    fn a_step_that_nobody_can_do_is_told() {
        let failed = order("take", None, "/", "", 200).unwrap_err();
        assert!(failed.message.ends_with("nobody can do `take`; its `as` must name some of the staff"));
    }
}
