//! The load: what is sent, by whom, and what must come back. All of it is data, shipped in `examples/bench/`.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::crew::{Crew, Order};
use crate::cli::Failed;
use crate::cli::client::{Client, segment};
use crate::cli::demo::embedded;
use crate::cli::terminal::Exit;

/// The shipped folder in `examples/`.
const FOLDER: &str = "bench";
/// The file that says what is done.
const FILE: &str = "load.yaml";

/// The load as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    /// The folder that it stands in; without one it is part of the program.
    #[serde(skip)]
    folder: Option<PathBuf>,
    /// What a case is, in one line.
    pub(super) title: String,
    /// Where the server's clock begins.
    pub(super) clock: String,
    /// The workflow of the cases.
    pub(super) workflow: String,
    /// The stage that a case is in after the last step.
    pub(super) ends_in: String,
    /// The files of the tables.
    tables: IndexMap<String, String>,
    /// The files of the pools of resources.
    #[serde(default)]
    resources: IndexMap<String, String>,
    /// Who works.
    staff: IndexMap<String, Staff>,
    /// What is done with each case.
    steps: Vec<Step>,
    /// What is read when there are many cases.
    pub(super) reads: Vec<Read>,
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
struct Step {
    name: String,
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

fn ok() -> u16 {
    200
}

impl Load {
    /// Reads the load in a folder, or the one that is part of the program.
    ///
    /// # Errors
    /// What is wrong in it.
    pub(super) fn read(folder: Option<&Path>) -> Result<Self, Failed> {
        let broken = |problem: &dyn Display| broken(folder, problem);
        let text = file(folder, FILE).map_err(|problem| broken(&problem))?;
        let load: Self = serde_yaml::from_slice(&text).map_err(|error| broken(&error))?;
        Ok(Self { folder: folder.map(Path::to_owned), ..load })
    }

    /// How many commands a case takes.
    pub(super) fn commands(&self) -> usize {
        self.steps.len()
    }

    /// Fills the tables and resources of a server and makes a key for everybody; `admin` may do both. `run` makes the keys of
    /// requests differ from those of any other run.
    ///
    /// # Errors
    /// When the server refuses something, or the load names what is not there.
    pub(super) fn prepare(&self, admin: &Client, server: SocketAddr, run: &str) -> Result<Crew, Failed> {
        let broken = |problem: String| broken(self.folder.as_deref(), &problem);
        let tables = self.tables.iter().map(|(table, name)| (format!("/v1/tables/{}", segment(table)), name));
        let resources = self.resources.iter().map(|(one, name)| (format!("/v1/resources/{}", segment(one)), name));
        for (path, name) in tables.chain(resources) {
            let rows = file(self.folder.as_deref(), name).map_err(broken)?;
            admin.post_bytes(&path, "text/csv", &rows)?.ok()?;
        }
        let mut keys: IndexMap<&str, Vec<HeaderValue>> = IndexMap::new();
        for (name, staff) in &self.staff {
            let hired: Result<_, Failed> =
                staff.people.iter().map(|person| hire(admin, person, &staff.roles)).collect();
            keys.insert(name, hired?);
        }
        let steps = self.steps.iter().map(|step| {
            let keys = keys.get(&*step.who).map(Vec::as_slice).unwrap_or_default();
            Order::new(&step.name, keys, &step.post, &step.body.to_string(), step.expect)
        });
        let reads = self.reads.iter().map(|read| {
            let keys = keys.get(&*read.who).map(Vec::as_slice).unwrap_or_default();
            Order::new(&read.name, keys, &read.get, "", ok())
        });
        let (steps, reads) = (steps.collect::<Result<_, _>>().map_err(broken)?, reads.collect::<Result<_, _>>());
        Ok(Crew::new(steps, reads.map_err(broken)?, server, run))
    }
}

impl Read {
    /// Whether it is about a single case, by its id.
    pub(super) fn is_of_a_case(&self) -> bool {
        self.get.ends_with("/{id}")
    }
}

/// Makes a key for somebody: the value of the header that shows it.
fn hire(admin: &Client, person: &str, roles: &[String]) -> Result<HeaderValue, Failed> {
    let made = admin.post("/v1/keys", &json!({ "user": person, "roles": roles }))?.ok()?;
    let key = made.json.get("key").and_then(Json::as_str).unwrap_or_default();
    HeaderValue::from_str(&format!("Bearer {key}")).map_err(|error| Failed::new(Exit::Refused, error))
}

fn file(folder: Option<&Path>, name: &str) -> Result<Vec<u8>, String> {
    match folder {
        Some(folder) => std::fs::read(folder.join(name)).map_err(|error| format!("`{name}`: {error}")),
        None => embedded::example(&format!("{FOLDER}/{name}")).ok_or_else(|| format!("there is no `{name}`")),
    }
}

fn broken(folder: Option<&Path>, problem: &dyn Display) -> Failed {
    let folder = folder.map_or_else(|| format!("examples/{FOLDER}"), |folder| folder.display().to_string());
    Failed::new(Exit::Refused, format!("the load in `{folder}` can't be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::text::Text;

    #[test]
    fn the_shipped_load_can_be_used() {
        let load = Load::read(None).unwrap();
        assert_eq!(load.commands(), 7);
        for name in load.tables.values().chain(load.resources.values()) {
            assert!(!file(None, name).unwrap().is_empty(), "{name}");
        }
        for (who, path, body) in load.steps.iter().map(|step| (&step.who, &step.post, step.body.to_string())) {
            assert!(load.staff.contains_key(who), "{who}");
            Text::parse(path).and(Text::parse(&body)).unwrap();
        }
        assert!(load.reads.iter().all(|read| load.staff.contains_key(&read.who)));
    }

    #[test]
    fn what_is_wrong_in_a_load_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let said = || {
            let message = Load::read(Some(folder.path())).unwrap_err().message;
            message.replace(&folder.path().display().to_string(), "F")
        };
        assert!(said().starts_with("the load in `F` can't be used: `load.yaml`: "), "{}", said());
        std::fs::write(folder.path().join(FILE), "titel: x\n").unwrap();
        assert!(said().contains("titel"), "{}", said());
    }
}
