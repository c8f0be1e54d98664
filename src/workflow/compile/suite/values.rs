//! The values in tests: read by the types of the fields, so that a mistake is told before anything runs.

use chrono_tz::Tz;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::field::{Items, Kind, Reader, Schema, read_value};
use crate::model::attachment::is_sha256;
use crate::model::command::Input;
use crate::model::{Attachment, Language, Name, Value};
use crate::workflow::compile::given::json;
use crate::workflow::compile::hexadecimal;
use crate::workflow::compile::names::unknown;
use crate::workflow::definition::Workflow;
use crate::workflow::definition::suite::{Changed, Path};
use crate::workflow::source::{ScalarKind, literal_of};
use crate::workflow::walk::{At, Entry, Node, Spot, What};

use super::Ground;

impl Ground<'_, '_> {
    /// The fields that a client would send. `what` names them in messages.
    pub(super) fn fields(&mut self, schema: &Schema, zone: Tz, entries: &[Entry], what: &str) -> Input {
        let mut input = Input::new();
        for entry in entries {
            let Some(field) = schema.get(&entry.key.value) else {
                let known = schema.fields.keys().map(|name| &**name);
                self.found.push(unknown("E103", what, &entry.key, known));
                continue;
            };
            let value = filed(&field.kind, json(&field.kind, &entry.value), &mut Vec::new());
            self.read(zone, &field.kind, &value, &entry.key.value, &entry.value.spot);
            input.insert(entry.key.value.to_string(), value);
        }
        input
    }

    /// What a turn gives: whole fields, and parts of fields under paths with dots.
    pub(super) fn changed(&mut self, workflow: &Workflow, entries: &[Entry]) -> Changed {
        let mut changed = Changed::default();
        for entry in entries {
            let path = path(&entry.key.value);
            let Some(kind) = self.kind(&workflow.schema, &entry.key, &path) else { continue };
            let value = filed(&kind, json(&kind, &entry.value), &mut changed.files);
            self.read(workflow.zone, &kind, &value, &entry.key.value, &entry.value.spot);
            if path.len() > 1 {
                changed.parts.push((path, value));
            } else {
                changed.whole.insert(entry.key.value.to_string(), value);
            }
        }
        changed
    }

    /// What a turn gives that is to be refused: nothing in it need be right.
    pub(super) fn wrong(&self, workflow: &Workflow, entries: &[Entry]) -> Changed {
        let mut changed = Changed::default();
        for entry in entries {
            let path = path(&entry.key.value);
            let kind = kind_at(&workflow.schema, &path).unwrap_or(Kind::Text);
            let value = filed(&kind, json(&kind, &entry.value), &mut changed.files);
            if path.len() > 1 {
                changed.parts.push((path, value));
            } else {
                changed.whole.insert(entry.key.value.to_string(), value);
            }
        }
        changed
    }

    /// The answers to a task: fields of the case by their types, everything else as it is written.
    pub(super) fn answers(&self, workflow: &Workflow, entries: &[Entry]) -> Input {
        let answer = |entry: &Entry| {
            let field = workflow.schema.get(&entry.key.value);
            let value = field.map_or_else(|| plain(&entry.value), |field| json(&field.kind, &entry.value));
            (entry.key.value.to_string(), value)
        };
        entries.iter().map(answer).collect()
    }

    /// The value that is expected at a path.
    pub(super) fn expected(
        &mut self,
        workflow: &Workflow,
        key: &At<Name>,
        node: &Node,
    ) -> Option<(Path, Option<Value>)> {
        let path = path(&key.value);
        let kind = self.kind(&workflow.schema, key, &path)?;
        let value = filed(&kind, json(&kind, node), &mut Vec::new());
        let read = self.read(workflow.zone, &kind, &value, &key.value, &node.spot);
        if read.is_none() && !value.is_null() {
            return None;
        }
        Some((path, read))
    }

    fn kind(&mut self, schema: &Schema, key: &At<Name>, path: &[Name]) -> Option<Kind> {
        let kind = kind_at(schema, path);
        if kind.is_none() {
            let known: Vec<String> = paths(schema, path);
            self.found.push(unknown("E103", "field", key, known.iter().map(String::as_str)));
        }
        kind
    }

    fn read(&mut self, zone: Tz, kind: &Kind, json: &Json, name: &str, spot: &Spot) -> Option<Value> {
        let exists = |_: &str, _: &str| true;
        let mut reader = Reader::new(zone, &exists);
        let value = read_value(&mut reader, kind, json, name);
        // What is missing may be what the test is about.
        for problem in reader.problems.iter().filter(|problem| problem.code != "required") {
            let message = format!("`{}`: {}", problem.path, problem.message.text(Language::En));
            self.found.push(spot.error("E110", message));
        }
        value
    }
}

/// A value with the SHA-256 of a content in the place of each name of a file: what `plan.pdf` holds is its own name.
fn filed(kind: &Kind, value: Json, files: &mut Vec<Attachment>) -> Json {
    match (kind, value) {
        (Kind::Attachment, Json::String(name)) if !is_sha256(&name) => {
            let sha256: Name = hexadecimal(&Sha256::digest(name.as_bytes())).into();
            let (media_type, bytes) = ("application/octet-stream".into(), u64::try_from(name.len()).unwrap_or(0));
            let json = Json::from(&*sha256);
            files.push(Attachment { sha256, name: name.into(), media_type, bytes });
            json
        }
        (Kind::List(list), Json::Array(items)) => {
            let item = |item| match (&list.of, item) {
                (Items::Plain(kind), item) => filed(kind, item, files),
                (Items::Rows(rows), Json::Object(row)) => {
                    let mut whole = Input::new();
                    for (name, value) in row {
                        let kind = rows.get(&name).map_or(&Kind::Text, |field| &field.kind);
                        let value = filed(kind, value, files);
                        whole.insert(name, value);
                    }
                    Json::Object(whole)
                }
                (Items::Rows(_), item) => item,
            };
            items.into_iter().map(item).collect()
        }
        (_, value) => value,
    }
}

/// A node as it is written, where no type says what it is: a number without quotes is one.
fn plain(node: &Node) -> Json {
    match &node.what {
        What::Scalar(scalar) => match literal_of(scalar) {
            ScalarKind::Nothing => Json::Null,
            ScalarKind::Boolean(flag) => Json::Bool(flag),
            ScalarKind::Integer(number) => Json::from(number),
            ScalarKind::Decimal(_) | ScalarKind::Text => Json::from(&*scalar.text),
        },
        What::List(items) => items.iter().map(plain).collect(),
        What::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.value.to_string(), plain(&entry.value))).collect())
        }
        What::Broken => Json::Null,
    }
}

/// A path as it is written: `lines.0.amount`.
fn path(text: &str) -> Path {
    text.split('.').map(Name::from).collect()
}

/// What stands at a path; a number in it is the position of a row, from 0.
fn kind_at(schema: &Schema, path: &[Name]) -> Option<Kind> {
    let (first, rest) = path.split_first()?;
    within(&schema.get(first)?.kind, rest)
}

fn within(kind: &Kind, path: &[Name]) -> Option<Kind> {
    let Some((first, rest)) = path.split_first() else { return Some(kind.clone()) };
    match kind {
        Kind::Map if rest.is_empty() => Some(Kind::Text),
        Kind::List(list) => {
            first.parse::<usize>().ok()?;
            match &list.of {
                Items::Plain(kind) => within(kind, rest),
                Items::Rows(_) if rest.is_empty() => None,
                Items::Rows(rows) => kind_at(rows, rest),
            }
        }
        Kind::Text
        | Kind::Integer(_)
        | Kind::Decimal(_)
        | Kind::Money(_)
        | Kind::Percent(_)
        | Kind::Boolean
        | Kind::Date
        | Kind::Datetime
        | Kind::Duration
        | Kind::Choice(_)
        | Kind::Reference { .. }
        | Kind::User { .. }
        | Kind::Phone
        | Kind::Email
        | Kind::Attachment
        | Kind::Map => None,
    }
}

/// The paths that may have been meant: the fields, and the fields of the rows that the path leads into.
fn paths(schema: &Schema, path: &[Name]) -> Vec<String> {
    let field = path.first().and_then(|name| schema.get(name));
    let rows = field.and_then(|field| {
        let Kind::List(list) = &field.kind else { return None };
        let Items::Rows(rows) = &list.of else { return None };
        Some(rows)
    });
    match (rows, path) {
        (Some(rows), [list, at, ..]) => {
            let at = if at.parse::<usize>().is_ok() { at } else { "0" };
            rows.fields.keys().map(|name| format!("{list}.{at}.{name}")).collect()
        }
        (_, _) => schema.fields.keys().map(|name| name.to_string()).collect(),
    }
}
