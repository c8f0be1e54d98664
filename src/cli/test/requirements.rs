//! Which requirement is shown by which test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::cli::Failed;
use crate::cli::terminal::{Exit, Paint, Terminal};
use crate::model::{Name, Title};
use crate::workflow::Definition;

/// Tests that are listed for one requirement.
const LISTED_MAX: usize = 6;

/// A requirement, and the test that covers it.
pub(super) type Cover = (Name, String);

/// The list of requirements, as far as it is read here.
#[derive(Deserialize)]
struct Listed {
    requirements: Vec<Requirement>,
}

#[derive(Deserialize)]
struct Requirement {
    id: Name,
    title: Title,
}

/// What the tests of a set cover.
pub(super) fn covered(definition: &Definition) -> Vec<Cover> {
    let tests = &definition.tests;
    let scenarios = tests.scenarios.iter().flat_map(|suite| &suite.scenarios);
    let scenarios = scenarios.map(|scenario| (&scenario.covers, &scenario.place, &scenario.name));
    let rules = tests.rules.iter().flat_map(|suite| &suite.tests).map(|test| (&test.covers, &test.place, &test.name));
    let all = scenarios.chain(rules).flat_map(|(covers, place, name)| {
        covers.iter().map(move |id| (Name::clone(id), format!("{}:{} {name}", place.file, place.line)))
    });
    all.collect()
}

/// Writes the table; ends with [`Exit::Refused`] when it is `strict` and something is covered by nothing.
pub(super) fn run(
    file: &Path,
    folders: &[std::path::PathBuf],
    mut covers: Vec<Cover>,
    strict: bool,
    as_json: bool,
    terminal: &Terminal,
) -> Result<Exit, Failed> {
    let unread = |reason: String| Failed::new(Exit::Unreachable, format!("`{}` {reason}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| unread(format!("can't be read: {error}")))?;
    let listed: Listed =
        serde_yaml::from_str(&text).map_err(|error| unread(format!("is no list of requirements: {error}")))?;
    for folder in folders {
        rust_tests(folder, &mut covers)?;
    }
    let mut by_id: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
    for (id, test) in covers {
        by_id.entry(id).or_default().insert(test);
    }
    let known: BTreeSet<&Name> = listed.requirements.iter().map(|requirement| &requirement.id).collect();
    let uncovered: Vec<&Name> = known_in_order(&listed).filter(|id| !by_id.contains_key(*id)).collect();
    let strangers: Vec<&Name> = by_id.keys().filter(|id| !known.contains(id)).collect();
    if as_json {
        terminal.out(json!({ "covered": by_id, "uncovered": uncovered, "unknown": strangers }));
    } else {
        table(&listed, &by_id, terminal);
        summary(&listed, &uncovered, &strangers, terminal);
    }
    Ok(if strict && !(uncovered.is_empty() && strangers.is_empty()) { Exit::Refused } else { Exit::Done })
}

fn known_in_order(listed: &Listed) -> impl Iterator<Item = &Name> {
    listed.requirements.iter().map(|requirement| &requirement.id)
}

fn table(listed: &Listed, by_id: &BTreeMap<Name, BTreeSet<String>>, terminal: &Terminal) {
    for Requirement { id, title } in &listed.requirements {
        let title = title.text(crate::model::Language::En);
        match by_id.get(id) {
            None => terminal.out(format_args!("{} {title}", terminal.paint(Paint::Bad, format_args!("{id:<5}")))),
            Some(tests) => {
                terminal.out(format_args!("{} {title}", terminal.paint(Paint::Good, format_args!("{id:<5}"))));
                tests.iter().take(LISTED_MAX).for_each(|test| terminal.out(format_args!("        {test}")));
                let more = tests.len().saturating_sub(LISTED_MAX);
                if more > 0 {
                    terminal.out(format_args!("        and {more} more"));
                }
            }
        }
    }
}

fn summary(listed: &Listed, uncovered: &[&Name], strangers: &[&Name], terminal: &Terminal) {
    let joined = |names: &[&Name]| names.iter().map(|name| &***name).collect::<Vec<_>>().join(" ");
    let all = listed.requirements.len();
    terminal.out(format_args!("{} of {all} requirements are covered", all.saturating_sub(uncovered.len())));
    if !uncovered.is_empty() {
        terminal.out(format_args!("covered by nothing: {}", joined(uncovered)));
    }
    if !strangers.is_empty() {
        terminal.out(format_args!("named by tests and not in the list: {}", joined(strangers)));
    }
}

/// What the Rust tests under `folder` cover: by the name of a test (`_r22_r23`), and by what its file says of it.
fn rust_tests(folder: &Path, covers: &mut Vec<Cover>) -> Result<(), Failed> {
    let unread = |path: &Path, error: std::io::Error| {
        Failed::new(Exit::Unreachable, format!("`{}` can't be read: {error}", path.display()))
    };
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| unread(&folder, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unread(&folder, error))?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).map_err(|error| unread(&path, error))?;
                covers.extend(cited(&path.display().to_string(), &text));
            }
        }
    }
    Ok(())
}

/// The requirements that a Rust file cites, each with the function in which, or above which, it does.
fn cited(file: &str, text: &str) -> Vec<Cover> {
    let mut cited = Vec::new();
    let mut waiting: Vec<Name> = Vec::new();
    let mut function: Option<&str> = None;
    for line in text.lines() {
        let start = line.trim_start();
        let name = start.trim_start_matches("pub ").trim_start_matches("async ").strip_prefix("fn ");
        if let Some(name) = name {
            let name = name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or(name);
            function = Some(name);
            let named = name.split('_').filter_map(|word| word.strip_prefix('r'));
            let named = named.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
            waiting.extend(named.map(|digits| Name::from(format!("R{digits}"))));
            cited.extend(waiting.drain(..).map(|id| (id, format!("{file} {name}"))));
        }
        let ids = crate::workflow::requirements(line);
        if start.starts_with("//") && line.len() == start.len() || start.starts_with("///") {
            // What stands above a function is about it.
            waiting.extend(ids);
        } else {
            cited.extend(ids.into_iter().map(|id| (id, format!("{file} {}", function.unwrap_or_default()))));
        }
    }
    cited.extend(waiting.into_iter().map(|id| (id, file.to_owned())));
    cited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rust_test_cites_by_its_name_its_comment_and_its_text() {
        let text = "/// R1 and R2.\n#[test]\nfn it_works_r3_r4() {\n    check(\"R5\");\n}\n\nfn row_2_of_3() {}\n";
        let cited: Vec<String> = cited("a.rs", text).into_iter().map(|(id, by)| format!("{id} {by}")).collect();
        let by = "a.rs it_works_r3_r4";
        assert_eq!(cited, ["R1", "R2", "R3", "R4", "R5"].map(|id| format!("{id} {by}")));
    }
}
