//! The files of the shipped set, and what must hold for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gendan::model::{Language, Name, Title};
use gendan::workflow::{Definition, Files, compile};
use serde::Deserialize;

/// A requirement of `docs/requirements.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    section: String,
    tag: String,
    title: Title,
}

/// The shipped set, compiled once.
pub(crate) fn shipped() -> Arc<Definition> {
    static SET: OnceLock<Arc<Definition>> = OnceLock::new();
    Arc::clone(SET.get_or_init(|| compiled(&files())))
}

fn compiled(files: &Files) -> Arc<Definition> {
    let compiled = compile(files);
    let text: Vec<String> = compiled.diagnostics.iter().map(|found| format!("{found:?}")).collect();
    Arc::new(compiled.definition.unwrap_or_else(|| panic!("{}", text.join("\n"))))
}

#[test]
fn the_shipped_set_has_neither_errors_nor_warnings() {
    let compiled = compile(&files());
    assert_eq!(compiled.diagnostics, []);
    assert!(compiled.definition.is_some());
}

#[test]
fn every_title_is_in_both_languages() {
    let definition = shipped();
    let workflow = &definition.workflows["sales_order"];
    let stages = workflow.stages.values().map(|stage| (&stage.name, &stage.title));
    let transitions = workflow.transitions.iter().map(|transition| (&transition.name, &transition.title));
    let fields = workflow.schema.fields.values().map(|field| (&field.name, &field.title));
    let roles = definition.roles.values().map(|role| (&role.name, &role.title));
    for (name, title) in stages.chain(transitions).chain(fields).chain(roles) {
        assert!(title.zh.is_some() && title.en.is_some(), "{name}: {title:?}");
        assert_ne!(title.text(Language::Zh), title.text(Language::En), "{name}");
    }
}

#[test]
fn every_rule_says_what_it_is_for_in_both_languages() {
    for (name, rule) in &shipped().rules {
        assert!(rule.about.zh.is_some() && rule.about.en.is_some(), "{name}: {:?}", rule.about);
    }
}

#[test]
fn every_code_of_a_rule_has_a_sentence_and_every_sentence_a_code() {
    for (path, source) in files().iter().filter(|(path, _)| path.ends_with(".rhai") && !path.contains("/lib/")) {
        let source = std::str::from_utf8(source).unwrap();
        let messages = root().join(path.replace(".rhai", ".messages.yaml"));
        let said: BTreeMap<String, Title> =
            fs::read(&messages).map(|bytes| serde_yaml::from_slice(&bytes).unwrap()).unwrap_or_default();
        assert_eq!(codes_in(source).iter().find(|code| !said.contains_key(*code)), None, "{path}");
        for (code, sentence) in said {
            assert!(source.contains(&format!("\"{code}\"")), "{path} {code}");
            assert!(sentence.zh.is_some() && sentence.en.is_some(), "{path} {code}");
        }
    }
}

#[test]
fn requirements_are_numbered_without_a_gap_and_only_known_ones_are_cited() {
    let read = fs::read(root().join("docs/requirements.yaml")).unwrap();
    let mut file: BTreeMap<String, Vec<Requirement>> = serde_yaml::from_slice(&read).unwrap();
    let requirements = file.remove("requirements").unwrap();
    let ids: Vec<String> = requirements.iter().map(|requirement| requirement.id.clone()).collect();
    assert_eq!(ids, (1..=134).map(|number| format!("R{number}")).collect::<Vec<_>>());
    for Requirement { id, section, tag, title } in requirements {
        assert!(["S", "S*", "D", "I"].contains(&&*tag) && !section.is_empty(), "{id}");
        assert!(title.zh.is_some() && title.en.is_some(), "{id}");
    }
    for (path, source) in files().iter() {
        for cited in cited_in(std::str::from_utf8(source).unwrap()) {
            assert!(ids.contains(&cited), "{path} cites {cited}");
        }
    }
}

fn files() -> Files {
    let mut files = Files::new();
    for folder in ["workflows", "rules"] {
        collect(&root().join(folder), &mut files);
    }
    files
}

fn collect(folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let name: Name = path.strip_prefix(root()).unwrap().to_str().unwrap().into();
            files.insert(name, fs::read(&path).unwrap().into());
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The codes that a script raises: the first argument of `fail`, `warn` and `note`.
fn codes_in(source: &str) -> BTreeSet<String> {
    let after = |call: &'static str| source.split(call).skip(1).filter_map(|rest| rest.split('"').next());
    after("fail(\"").chain(after("warn(\"")).chain(after("note(\"")).map(str::to_owned).collect()
}

/// The requirements that a file names, as `R53`.
fn cited_in(source: &str) -> Vec<String> {
    let words = source.split(|letter: char| !letter.is_ascii_alphanumeric());
    let numbered = words.filter(|word| word.strip_prefix('R').is_some_and(|rest| rest.parse::<u32>().is_ok()));
    numbered.map(str::to_owned).collect()
}
