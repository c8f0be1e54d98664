//! The mapping: which rows become rows of tables and cases, which rules judge them, and who plays what.
//!
//! It is data: nothing of what it names stands in the program.

mod check;

use std::fmt;

use chrono::{DateTime, FixedOffset};
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

use super::make::Sources;
use super::play::Play;
use super::recipe::{Group, Recipe};
use super::source::{Folder, Source};
use crate::model::Title;

/// The name of the file in a folder of data.
pub(crate) const FILE: &str = "mapping.yaml";

/// A mapping as it was written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    /// What the data is.
    pub(crate) title: Title,
    /// What the clock shows when everything has been played.
    #[serde(deserialize_with = "moment")]
    pub(crate) clock: DateTime<FixedOffset>,
    /// The workflow of the cases.
    pub(crate) workflow: String,
    /// The tables, in the order in which they are loaded.
    #[serde(default)]
    pub(crate) tables: IndexMap<String, TableFrom>,
    /// The day on which a case is opened; without it, the day of the clock.
    #[serde(default)]
    pub(crate) opened: Option<Recipe>,
    /// The cases.
    pub(crate) cases: Group,
    /// The rules that judge each case before it is played.
    #[serde(default)]
    pub(crate) judge: Vec<Judge>,
    /// The stages whose visitors are counted, with what is said about them.
    #[serde(default)]
    pub(crate) reached: IndexMap<String, Title>,
    /// The file that says who plays what, relative to this one.
    pub(crate) play: String,
}

/// Where the rows of a table come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TableFrom {
    /// From a CSV or NDJSON file that has the table's own columns.
    File(String),
    /// From the rows of a source.
    Group(Box<Group>),
}

/// A rule that judges each case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judge {
    /// The rule.
    pub(crate) rule: String,
    /// Its parameters.
    #[serde(default)]
    pub(crate) with: IndexMap<String, Json>,
}

/// A mapping with everything that it names, checked.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The mapping.
    pub(crate) mapping: Mapping,
    /// Who plays what.
    pub(crate) play: Play,
    /// The sources that it names.
    pub(crate) sources: Sources,
    /// The files of tables that are taken as they are.
    pub(crate) files: IndexMap<String, Vec<u8>>,
}

/// Everything that is wrong with a mapping, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

/// Loads a mapping. Its data is looked for in `data` and then beside the mapping.
///
/// # Errors
/// Every mistake in it, with file and line.
pub(crate) fn load(folder: &Folder, file: &str, data: Option<&Folder>) -> Result<Loaded, Mistakes> {
    let one = |mistake: String| Mistakes(vec![mistake]);
    let text = text_of(folder, file).map_err(one)?;
    let mapping: Mapping = parse(&folder.name(file), &text).map_err(one)?;
    let play_text =
        text_of(folder, &mapping.play).map_err(|problem| one(format!("{}: {problem}", folder.name(file))))?;
    let play: Play = parse(&folder.name(&mapping.play), &play_text).map_err(one)?;

    let places: Vec<&Folder> = data.into_iter().chain([folder]).collect();
    let mut mistakes = Vec::new();
    let sources = read_sources(&mapping, &play, &places, &mut mistakes);
    let files = read_files(&mapping, &places, &mut mistakes);
    let mut loaded = Loaded { mapping, play, sources, files };
    let texts =
        check::Texts { mapping: (folder.name(file), &text), play: (folder.name(&loaded.mapping.play), &play_text) };
    mistakes.extend(check::check(&mut loaded, &texts));
    if mistakes.is_empty() { Ok(loaded) } else { Err(Mistakes(mistakes)) }
}

/// Reads YAML; a mistake gets file, line and column in front.
fn parse<T: for<'de> Deserialize<'de>>(file: &str, text: &str) -> Result<T, String> {
    serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map(|place| format!(":{}:{}", place.line(), place.column())).unwrap_or_default();
        let said = error.to_string();
        let said = said.split_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        format!("{file}{place}: {said}")
    })
}

fn text_of(folder: &Folder, file: &str) -> Result<String, String> {
    let name = folder.name(file);
    let bytes = folder.read(file).ok_or_else(|| format!("there is no `{name}`"))?;
    String::from_utf8(bytes).map_err(|_| format!("`{name}` is not UTF-8"))
}

fn read_sources(mapping: &Mapping, play: &Play, places: &[&Folder], mistakes: &mut Vec<String>) -> Sources {
    let mut sources = Sources::new();
    for name in check::source_names(mapping, play) {
        let found: Vec<_> = places.iter().map(|folder| Source::read(folder, &name)).collect();
        let broken = found.iter().filter_map(|source| source.as_ref().err());
        // A file that is there and broken is told, not passed over for the next place.
        let problem = broken.clone().find(|problem| !problem.starts_with("there is neither")).or(broken.clone().next());
        match (found.iter().find_map(|source| source.as_ref().ok()), problem) {
            (Some(source), _) => {
                sources.insert(name, source.clone());
            }
            (None, Some(problem)) => mistakes.push(problem.clone()),
            (None, None) => {}
        }
    }
    sources
}

fn read_files(mapping: &Mapping, places: &[&Folder], mistakes: &mut Vec<String>) -> IndexMap<String, Vec<u8>> {
    let mut files = IndexMap::new();
    for from in mapping.tables.values() {
        let TableFrom::File(file) = from else { continue };
        match places.iter().find_map(|folder| folder.read(file)) {
            Some(bytes) => {
                files.insert(file.clone(), bytes);
            }
            None => mistakes.push(format!("there is no `{file}`")),
        }
    }
    files
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<FixedOffset>, D::Error> {
    let text = String::deserialize(deserializer)?;
    DateTime::parse_from_rfc3339(&text)
        .map_err(|_| de::Error::custom(format!("`{text}` is not a moment such as 2026-09-24T09:00:00+08:00")))
}

impl<'de> Deserialize<'de> for TableFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = TableFrom;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file that has the table's columns, or `{ each: SOURCE, fields: {...} }`")
    }

    fn visit_str<E: de::Error>(self, file: &str) -> Result<TableFrom, E> {
        if file.ends_with(".csv") || file.ends_with(".ndjson") {
            return Ok(TableFrom::File(file.to_owned()));
        }
        Err(E::custom(format!("`{file}` is neither a .csv nor a .ndjson file")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableFrom, A::Error> {
        Group::deserialize(MapAccessDeserializer::new(map)).map(|group| TableFrom::Group(Box::new(group)))
    }
}
