//! From files to a [`Definition`]: what the names of the sources refer to, and what follows from them.

mod approval;
mod check;
mod document;
mod field;
mod formula;
mod given;
mod hold;
mod kin;
mod measure;
mod message;
mod names;
mod number;
mod schedule;
mod set;
mod sla;
mod sources;
mod suite;
mod task;
mod timed;
mod transition;
mod view;
mod words;
mod workflow;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Level};
use crate::model::limit::FILE_DIAGNOSTICS_MAX;
use crate::model::{Name, Revision};

use super::definition::Definition;
use super::lint;

pub(super) use kin::relations;
pub(super) use names::unknown;
pub(super) use sources::Sources;
pub(super) use workflow::Used;

/// The files of a set: path (`workflows/sales_order.yaml`, `rules/stock.rhai`) to content.
pub type Files = BTreeMap<Name, Arc<[u8]>>;

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// The definition, when there is no error.
    pub definition: Option<Definition>,
    /// Everything that was found, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a set: everything, or every mistake in every file.
#[must_use]
pub fn compile(files: &Files) -> Compiled {
    let mut found = Vec::new();
    let sources = sources::read(files, &mut found);
    let shared = set::compile(&sources, &mut found);
    let mut workflows = BTreeMap::new();
    let mut used = BTreeMap::new();
    for source in sources.workflows.values().flatten() {
        let (workflow, uses) = workflow::compile(&shared, source, &mut found);
        used.insert(Name::clone(&source.name), uses);
        workflows.extend(workflow.map(|workflow| (Name::clone(&source.name), Arc::new(workflow))));
    }
    view::names(&sources, &mut found);
    document::unused(&sources, &mut found);
    lint::lint(&sources, &used, &mut found);
    let tests = suite::compile(&shared, &workflows, &mut found);
    found.sort_by(|one, other| (&one.place, one.level, &one.code).cmp(&(&other.place, other.level, &other.code)));
    found.dedup();
    let found = capped(found);
    let broken = found.iter().any(|diagnostic| diagnostic.level == Level::Error);
    let definition = if broken { None } else { shared.definition(revision(files), workflows, tests) };
    Compiled { definition, diagnostics: found }
}

/// The hash of a set: over each file's path, its length and its content, in the order of the paths.
#[must_use]
pub fn revision(files: &Files) -> Revision {
    let mut hash = Sha256::new();
    for (path, content) in files {
        for part in [path.as_bytes(), content] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    Revision(hexadecimal(&hash.finalize()).into())
}

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Leaves out what goes beyond a limit in each file: nobody reads it, and showing it would take long. What stands
/// in its place is an error, so nothing that is left out can let a broken set pass.
fn capped(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut counts: BTreeMap<Name, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for diagnostic in found {
        let count = counts.entry(Name::clone(&diagnostic.place.file)).or_default();
        *count += 1;
        if *count == FILE_DIAGNOSTICS_MAX {
            kept.push(Diagnostic::error("E013", diagnostic.place.clone(), "too many mistakes; the rest is left out"));
        } else if *count < FILE_DIAGNOSTICS_MAX {
            kept.push(diagnostic);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_tells_sets_apart_that_look_alike() {
        let set = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(path, text)| (Name::from(*path), Arc::from(text.as_bytes())));
            revision(&files.collect())
        };
        let one = set(&[("a", "bc"), ("d", "")]);
        assert_eq!(one.0.len(), 64);
        assert_eq!(one, set(&[("d", ""), ("a", "bc")]));
        for other in [set(&[("ab", "c"), ("d", "")]), set(&[("a", "b"), ("cd", "")]), set(&[("a", "bc")])] {
            assert_ne!(one, other);
        }
    }
}
