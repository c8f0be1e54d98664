//! A case as it is seen before something is done with it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::source::Row;
use crate::cli::Failed;
use crate::cli::client::{Client, segment};

/// A case as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The stage it is in.
    pub(crate) stage: String,
    /// Whether it has ended.
    pub(crate) ended: bool,
    /// Its fields.
    pub(crate) fields: Row,
    /// The transition that waits for approval.
    pub(crate) waiting: Option<String>,
    /// The tasks that are open, when they were asked for.
    pub(crate) tasks: BTreeSet<String>,
    /// The cases that were opened under it: id and workflow, in that order.
    pub(crate) children: Vec<(String, String)>,
}

impl Seen {
    /// Looks at a case.
    ///
    /// # Errors
    /// When the server does not show it.
    pub(crate) fn look(client: &Client, id: &str) -> Result<Self, Failed> {
        Ok(Self::read(&client.get(&format!("/v1/cases/{}", segment(id)))?.ok()?.json))
    }

    /// Looks which of its tasks are open.
    ///
    /// # Errors
    /// When the server does not say.
    pub(crate) fn look_at_tasks(&mut self, client: &Client, id: &str) -> Result<(), Failed> {
        let available = client.get(&format!("/v1/cases/{}/available", segment(id)))?.ok()?.json;
        let open = |task: &&Json| text(task, "state") == "open";
        self.tasks = list(&available, "tasks").iter().filter(open).map(|task| text(task, "task")).collect();
        Ok(())
    }

    fn read(case: &Json) -> Self {
        let child = |child: &Json| (text(child, "id"), text(child, "workflow"));
        Self {
            stage: text(case, "stage"),
            ended: case.get("end").is_some_and(|end| !end.is_null()),
            fields: case.get("fields").and_then(Json::as_object).cloned().unwrap_or_default(),
            waiting: case.get("approval").and_then(|approval| approval.get("transition")?.as_str()).map(str::to_owned),
            tasks: BTreeSet::new(),
            children: list(case, "children").iter().map(child).collect(),
        }
    }
}

fn text(json: &Json, name: &str) -> String {
    json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn list<'j>(json: &'j Json, name: &str) -> &'j [Json] {
    json.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_the_server_shows_it() {
        let case = serde_json::json!({
            "stage": "review", "fields": { "a": 1 }, "approval": { "transition": "stop", "by": "ann" },
            "children": [{ "id": "01a", "workflow": "part", "as": "parts" }],
        });
        let seen = Seen::read(&case);
        assert_eq!((seen.stage.as_str(), seen.ended, seen.waiting.as_deref()), ("review", false, Some("stop")));
        assert_eq!(seen.children, [("01a".to_owned(), "part".to_owned())]);
        assert!(Seen::read(&serde_json::json!({ "stage": "done", "end": "success" })).ended);
    }
}
