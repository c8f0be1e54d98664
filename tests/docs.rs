//! The files on the pages of `docs/` are real: together they compile without a doubt.
#![cfg(test)]

use std::sync::Arc;

use gendan::diagnostic::render;
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
fn the_files_of_the_language_page_compile_without_a_doubt() {
    let files = files(LANGUAGE);
    assert!(files.len() >= 7, "{:?}", files.keys());
    let compiled = compile(&files);
    assert_eq!(render(&compiled.diagnostics, &files, false), "no errors\n");
    assert!(compiled.definition.is_some());
}
