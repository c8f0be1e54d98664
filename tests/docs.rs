//! The files on the pages of `docs/` are real: together they compile without a doubt, and their tests pass.
#![cfg(test)]

use std::sync::Arc;

use gendan::diagnostic::render;
use gendan::scenario::{Selection, run};
use gendan::workflow::{Files, compile};

const LANGUAGE: &str = include_str!("../docs/language.md");

/// The fenced blocks whose first line names a file: `yaml workflows/repair.yaml`.
fn files(page: &str) -> Files {
    let mut files = Files::new();
    let mut block: Option<(&str, String)> = None;
    for line in page.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (Some((path, text)), Some(_)) => {
                files.insert((*path).into(), Arc::from(text.as_bytes()));
                block = None;
            }
            (Some((_, text)), None) => text.extend([line, "\n"]),
            (None, Some(words)) => block = words.split_once(' ').map(|(_, path)| (path, String::new())),
            (None, None) => {}
        }
    }
    files
}

#[test]
fn the_files_of_the_language_page_compile_without_a_doubt_and_pass_their_tests() {
    let files = files(LANGUAGE);
    assert!(files.len() >= 7, "{:?}", files.keys());
    let compiled = compile(&files);
    assert_eq!(render(&compiled.diagnostics, &files, false), "no errors\n");
    let definition = Arc::new(compiled.definition.unwrap());
    let report = run(&definition, &files, &Selection::default());
    let failures: Vec<String> = report.tested.iter().flat_map(|test| &test.failures).map(ToString::to_string).collect();
    assert_eq!((report.tested.len(), failures.join("\n")), (6, String::new()));
}
