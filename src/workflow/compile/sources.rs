//! Which file of a set is what, and each of them as written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calendar::Calendar;
use crate::diagnostic::{Diagnostic, Level};
use crate::model::limit::{FILE_BYTES_MAX, FILES_MAX};
use crate::model::{Name, Title};
use crate::workflow::source::{
    self, MessageSource, ResourceSource, RuleSuiteSource, SuiteSource, TableSource, WorkflowSource,
};
use crate::workflow::walk::{At, Node, Spot, text_of, walk};

use super::Files;

/// All files as written. A file that could not be read is known by its name, so that what refers to it is not
/// reported too.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Sources {
    /// The workflows.
    pub(in crate::workflow) workflows: BTreeMap<Name, Option<WorkflowSource>>,
    /// The roles, in the order in which they were written.
    pub(in crate::workflow) roles: Vec<(At<Name>, Option<At<Title>>)>,
    /// Whether there may be roles that could not be read.
    pub(in crate::workflow) roles_broken: bool,
    /// The tables.
    pub(in crate::workflow) tables: Vec<TableSource>,
    /// Whether there may be tables that could not be read.
    pub(in crate::workflow) tables_broken: bool,
    /// The calendars.
    pub(in crate::workflow) calendars: BTreeMap<Name, Option<Arc<Calendar>>>,
    /// The scripts of the rules: path and text.
    pub(in crate::workflow) rules: BTreeMap<Name, Option<(Name, Arc<str>)>>,
    /// The sentences of the rules, and where the first one stands.
    pub(in crate::workflow) messages: BTreeMap<Name, (Spot, BTreeMap<Name, Title>)>,
    /// The modules that rules share: path and text.
    pub(in crate::workflow) library: BTreeMap<Name, (Name, Arc<str>)>,
    /// The templates of documents, by path.
    pub(in crate::workflow) pages: BTreeMap<Name, Option<Arc<str>>>,
    /// The sentences as titles.
    pub(in crate::workflow) sentences: Vec<At<Title>>,
    /// The resources.
    pub(in crate::workflow) resources: Vec<ResourceSource>,
    /// Whether there may be resources that could not be read.
    pub(in crate::workflow) resources_broken: bool,
    /// The scenarios of each workflow.
    pub(in crate::workflow) suites: Vec<SuiteSource>,
    /// The tests of each rule.
    pub(in crate::workflow) rule_suites: Vec<RuleSuiteSource>,
    /// The messages of `workflows/messages`.
    pub(in crate::workflow) letters: BTreeMap<Name, Option<MessageSource>>,
}

/// What a file is, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What<'p> {
    Workflow(&'p str),
    Roles,
    Tables,
    Calendar(&'p str),
    Rule(&'p str),
    Messages(&'p str),
    Library(&'p str),
    /// The template of a document.
    Page,
    Resources,
    Scenarios(&'p str),
    RuleTests(&'p str),
    Letter(&'p str),
    Unknown,
}

/// Reads every file.
pub(super) fn read(files: &Files, found: &mut Vec<Diagnostic>) -> Sources {
    let mut sources = Sources::default();
    if files.len() > FILES_MAX {
        let spot = Spot::file(&"workflows".into());
        found.push(spot.error("E014", format!("the set has {} files, more than {FILES_MAX}", files.len())));
        return sources;
    }
    for (path, bytes) in files {
        sources.file(path, bytes, found);
    }
    if sources.workflows.is_empty() {
        let error = Spot::file(&"workflows".into()).error("E132", "there is no workflow");
        found.push(error.help("write one as `workflows/NAME.yaml`"));
    }
    sources
}

fn what(path: &str) -> What<'_> {
    let within = |folder: &str, ending: &str| {
        let name = path.strip_prefix(folder)?.strip_suffix(ending)?;
        (!name.is_empty() && !name.contains('/')).then_some(name)
    };
    match path {
        "workflows/roles.yaml" => What::Roles,
        "workflows/tables.yaml" => What::Tables,
        _ if within("workflows/documents/", ".html").is_some() => What::Page,
        "workflows/resources.yaml" => What::Resources,
        _ => within("rules/", ".messages.yaml")
            .map(What::Messages)
            .or_else(|| within("workflows/", ".scenarios.yaml").map(What::Scenarios))
            .or_else(|| within("rules/", ".test.yaml").map(What::RuleTests))
            .or_else(|| within("rules/", ".rhai").map(What::Rule))
            .or_else(|| within("rules/lib/", ".rhai").map(What::Library))
            .or_else(|| within("workflows/calendars/", ".yaml").map(What::Calendar))
            .or_else(|| within("workflows/messages/", ".yaml").map(What::Letter))
            .or_else(|| within("workflows/", ".yaml").map(What::Workflow))
            .unwrap_or(What::Unknown),
    }
}

impl Sources {
    fn file(&mut self, path: &Name, bytes: &[u8], found: &mut Vec<Diagnostic>) {
        let errors = found.len();
        match what(path) {
            What::Workflow(name) => {
                let source = tree(path, bytes, found).and_then(|root| source::workflow(path, name, &root, found));
                self.workflows.insert(name.into(), source);
            }
            What::Roles => {
                self.roles = tree(path, bytes, found).map(|root| source::roles(&root, found)).unwrap_or_default();
                self.roles_broken = any_error(found, errors);
            }
            What::Tables => {
                self.tables = tree(path, bytes, found).map(|root| source::tables(&root, found)).unwrap_or_default();
                self.tables_broken = any_error(found, errors);
            }
            What::Calendar(name) => {
                let root = tree(path, bytes, found);
                let calendar = root.and_then(|root| source::calendar(name, &root, &mut self.sentences, found));
                self.calendars.insert(name.into(), calendar.map(Arc::new));
            }
            What::Rule(name) => {
                let text = text_of(path, bytes, FILE_BYTES_MAX, found);
                self.rules.insert(name.into(), text.map(|text| (Name::clone(path), Arc::from(text))));
            }
            What::Library(name) => {
                let text = text_of(path, bytes, FILE_BYTES_MAX, found);
                self.library.extend(text.map(|text| (name.into(), (Name::clone(path), Arc::from(text)))));
            }
            What::Messages(name) => {
                let Some(root) = tree(path, bytes, found) else { return };
                let (messages, titles) = source::messages(&root, found);
                self.messages.insert(name.into(), (root.spot, messages));
                self.sentences.extend(titles);
            }
            What::Resources => {
                let root = tree(path, bytes, found);
                self.resources = root.map(|root| source::resources(&root, found)).unwrap_or_default();
                self.resources_broken = any_error(found, errors);
            }
            What::Scenarios(name) => {
                let (root, lines) = (tree(path, bytes, found), String::from_utf8_lossy(bytes));
                self.suites.extend(root.and_then(|root| source::suite(path, name, &root, &lines, found)));
            }
            What::RuleTests(name) => {
                let (root, lines) = (tree(path, bytes, found), String::from_utf8_lossy(bytes));
                self.rule_suites.extend(root.and_then(|root| source::rule_suite(path, name, &root, &lines, found)));
            }
            What::Letter(name) => {
                let source = tree(path, bytes, found).and_then(|root| source::message(path, name, &root, found));
                let words = source.iter().flat_map(|source| [&source.subject, &source.body, &source.html]);
                self.sentences.extend(words.flatten().map(|words| words.title.clone()));
                self.letters.insert(name.into(), source);
            }
            What::Page => {
                let text = text_of(path, bytes, FILE_BYTES_MAX, found);
                self.pages.insert(Name::clone(path), text.map(Arc::from));
            }
            What::Unknown => found.push(unknown(path)),
        }
    }
}

fn tree(path: &Name, bytes: &[u8], found: &mut Vec<Diagnostic>) -> Option<Node> {
    walk(path, bytes, found)
}

fn any_error(found: &[Diagnostic], since: usize) -> bool {
    found.iter().skip(since).any(|diagnostic| diagnostic.level == Level::Error)
}

fn unknown(path: &Name) -> Diagnostic {
    let warning = Spot::file(path).warning("W001", "nothing reads this file");
    if path.ends_with(".yml") {
        return warning.help("call it `.yaml`");
    }
    warning.help("definition files are `workflows/NAME.yaml`, `workflows/calendars/NAME.yaml`, `rules/NAME.rhai`, ...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_a_file_is() {
        for (path, expected) in [
            ("workflows/a.yaml", What::Workflow("a")),
            ("workflows/a.scenarios.yaml", What::Scenarios("a")),
            ("workflows/roles.yaml", What::Roles),
            ("workflows/resources.yaml", What::Resources),
            ("workflows/calendars/c.yaml", What::Calendar("c")),
            ("workflows/messages/c.yaml", What::Letter("c")),
            ("workflows/deep/c.yaml", What::Unknown),
            ("workflows/.yaml", What::Unknown),
            ("rules/a.rhai", What::Rule("a")),
            ("rules/a.messages.yaml", What::Messages("a")),
            ("rules/a.test.yaml", What::RuleTests("a")),
            ("rules/lib/a.rhai", What::Library("a")),
            ("rules/lib/b/a.rhai", What::Unknown),
            ("workflows/a.yml", What::Unknown),
            ("workflows/documents/a.html", What::Page),
            ("documents/a.html", What::Unknown),
        ] {
            assert_eq!(what(path), expected, "{path}");
        }
    }
}
