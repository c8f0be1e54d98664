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
    /// What there is of the resources.
    #[serde(default)]
    pub(crate) resources: IndexMap<String, ResourceFrom>,
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

/// Where the pools of a resource come from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceFrom {
    /// The pools, with `key`, `on_hand` and `arrivals`.
    pub(crate) rows: TableFrom,
    /// Days from one refill to the next, after which as much is free as there was at the beginning; between them what
    /// was on its way is taken in on its day. Without it, nothing comes in.
    #[serde(default)]
    pub(crate) refill_days: Option<u32>,
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
    for from in mapping.tables.values().chain(mapping.resources.values().map(|resource| &resource.rows)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::embedded;
    use crate::cli::demo::plan::{PlannedCase, plan};

    const PLAY: &str = "staff: { clerk: [ann, bob] }\nopen: { as: clerk }\nstages: {}\n";

    /// Loads a mapping from a folder with two sources, and says what is wrong with it.
    fn problems(mapping: &str, play: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
        write("things.csv", "Id,Name\n1,One\n2,Two\n");
        write("parts.csv", "Id,Part\n1,a\n1,b\n");
        write("play.yaml", play);
        write(FILE, mapping);
        let folder = Folder::Disk(folder.path().to_owned());
        let said = match load(&folder, FILE, None) {
            Ok(loaded) => plan(&loaded, 1, None).map_or_else(|problem| problem, |plan| described(&plan.cases)),
            Err(mistakes) => mistakes.to_string(),
        };
        said.replace(&folder.name(""), "")
    }

    fn described(cases: &[PlannedCase]) -> String {
        let case = |case: &PlannedCase| format!("{} {} {}", case.n, case.day, Json::Object(case.fields.clone()));
        cases.iter().map(case).collect::<Vec<_>>().join("\n")
    }

    fn mapping(rest: &str) -> String {
        format!("title: {{ en: x }}\nclock: 2026-09-24T09:00:00+08:00\nworkflow: w\nplay: play.yaml\n{rest}")
    }

    #[test]
    fn rows_become_cases() {
        let rest = "opened: { date: { of: '2026-01-0{Id}' } }\ncases:\n  each: things\n  fields:\n    name: '{Name}'\n    by: '{staff.clerk}'\n    parts: { list: { each: parts, where: { Id: '{Id}' }, fields: { p: '{Part}' } } }\n";
        insta::assert_snapshot!(problems(&mapping(rest), PLAY), @r#"
        1 2026-01-01 {"name":"One","by":"bob","parts":[{"p":"a"},{"p":"b"}]}
        2 2026-01-02 {"name":"Two","by":"ann","parts":[]}
        "#);
    }

    #[test]
    fn every_unknown_name_is_told_with_its_place() {
        let rest = "cases:\n  each: things\n  rows:\n    part: { of: parts, where: { Idd: '{Id}' } }\n  fields:\n    a: '{Nmae}'\n    b: '{part.Prt}'\n    c: '{prt.Part}'\n    d: { list: { each: parts, count: 2, fields: { x: { choose: { y: 0 } } } } }\n";
        let play = "staff: { clerk: [ann] }\nopen: { as: clerc }\nstages:\n  s:\n    - { as: clerk, take: go, edit: [a] }\n    - { as: boss, take: stop, input: { x: '{staff.boss}' } }\n";
        insta::assert_snapshot!(problems(&mapping(rest), play), @r"
        mapping.yaml:8:33: `parts` has no column `Idd`; did you mean `Id`?
        mapping.yaml:10:9: no row in reach has a column `Nmae`; did you mean `Name`?
        mapping.yaml:11:9: `part` has no column `Prt`; did you mean `Part`?
        mapping.yaml:12:9: there is no row called `prt`; did you mean `part`?
        mapping.yaml:13:31: `count` stands beside `each`, which makes one for each row of the source
        mapping.yaml:13:56: `choose` has nothing with a weight above 0
        play.yaml:2:9: the staff has no `clerc`; did you mean `clerk`?
        play.yaml:5:20: a move takes a transition (`take`), completes a task (`do`), agrees to one (`agree`) or changes fields (`edit`), one of these
        play.yaml:6:9: the staff has no `boss`
        play.yaml:6:44: `staff` has no column `boss`
        ");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        for (rest, play, expected) in [
            ("cases: { fields: { a: { nmber: 1 } } }", PLAY, "mapping.yaml:5:"),
            ("cases: { felds: {} }", PLAY, "unknown field `felds`"),
            ("cases: { each: nothing, fields: {} }", PLAY, "there is neither `nothing.csv` nor `nothing.ndjson`"),
            ("cases: { fields: {} }\ntables: { t: t.xlsx }", PLAY, "`t.xlsx` is neither a .csv nor a .ndjson file"),
            ("cases: { fields: {} }\ntables: { t: t.csv }", PLAY, "there is no `t.csv`"),
            ("cases: { fields: {} }", "staff: { a: [] }\nopen: { as: a }\nstages: {}", "play.yaml:1:"),
            ("cases: { fields: {} }", "staff: {}", "missing field `open`"),
            (
                "cases: { each: things, fields: { a: { number: '{Name}' } } }",
                PLAY,
                "case 1: `a`: `One` is not a number",
            ),
        ] {
            let said = problems(&mapping(rest), play);
            assert!(said.contains(expected), "{rest} {play}\n{said}");
        }
    }

    #[test]
    fn the_examples_that_are_part_of_the_program_are_sound() {
        let folders = embedded::examples_with(FILE);
        assert_eq!(folders, ["demo", "northwind"]);
        let folder = Folder::Embedded("demo".into());
        let loaded = load(&folder, FILE, None).unwrap();
        let cases = plan(&loaded, 7, Some(50)).unwrap().cases;
        assert_eq!(cases.len(), 50);
        assert_eq!(cases, plan(&loaded, 7, Some(50)).unwrap().cases);
        assert_ne!(cases, plan(&loaded, 8, Some(50)).unwrap().cases);
        assert!(cases.iter().any(|case| case.fields != case.right), "some have mistakes");
        assert!(cases.iter().any(|case| case.fields == case.right), "most have none");
    }
}
