//! From a folder to the files of a set, and to their revision.
//!
//! Links are followed, for mounted configuration comes as links; what is no regular file is refused. What
//! editors leave beside a file is not part of a set.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::model::limit::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX};
use crate::model::{Name, Place};
use crate::workflow::{Files, revision};

/// The folders that a set consists of.
pub(super) const FOLDERS: [&str; 2] = ["workflows", "rules"];

/// How long a set must stay as it is before it is taken for written to the end.
const SETTLE: Duration = Duration::from_millis(30);

/// How often a set that goes on changing is looked at before it is taken as it is.
const SETTLE_LOOKS_MAX: usize = 20;

/// What was found in a folder.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The files that could be read.
    pub(super) files: Files,
    /// What stood in the way of others.
    pub(super) problems: Vec<Diagnostic>,
}

impl Loaded {
    /// Tells two findings apart, what could not be read too.
    pub(super) fn fingerprint(&self) -> String {
        let problems = self.problems.iter().map(|problem| format!("{}: {}\n", problem.place.file, problem.message));
        format!("{} {}", revision(&self.files), problems.collect::<String>())
    }
}

/// Reads a set, or says of every file why it can't be read.
fn read(folder: &Path) -> Loaded {
    let mut loaded = Loaded { files: Files::new(), problems: Vec::new() };
    for name in FOLDERS {
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => loaded.folder(&path, name, 1),
            Ok(_) => loaded.problem("E901", name, "it is no folder".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => loaded.problem("E901", name, format!("it can't be read: {error}")),
        }
    }
    if loaded.files.len() > FILES_MAX {
        loaded.problem("E902", "", format!("a set has at most {FILES_MAX} files"));
    }
    if loaded.files.is_empty() && loaded.problems.is_empty() {
        loaded.problem("E903", "workflows", format!("there are no definitions in `{}`", folder.display()));
    }
    loaded
}

/// Reads a set once it has stayed the same for a moment: what is being written is not taken half, and a swap of
/// folders not mixed.
pub(super) fn settled(folder: &Path) -> Loaded {
    settle(folder, read(folder))
}

/// As [`settled`]; nothing, when it is the set that was `seen`.
pub(super) fn changed(folder: &Path, seen: Option<&str>) -> Option<Loaded> {
    let loaded = read(folder);
    if seen == Some(&loaded.fingerprint()) {
        return None;
    }
    let loaded = settle(folder, loaded);
    (seen != Some(&loaded.fingerprint())).then_some(loaded)
}

fn settle(folder: &Path, mut loaded: Loaded) -> Loaded {
    for _ in 0..SETTLE_LOOKS_MAX {
        std::thread::sleep(SETTLE);
        let again = read(folder);
        if again.fingerprint() == loaded.fingerprint() {
            break;
        }
        loaded = again;
    }
    loaded
}

impl Loaded {
    fn folder(&mut self, path: &Path, name: &str, depth: usize) {
        if depth > FOLDER_DEPTH_MAX {
            let message = format!("folders are nested at most {FOLDER_DEPTH_MAX} deep; is it a link to one above?");
            return self.problem("E904", name, message);
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problem("E901", name, format!("it can't be read: {error}")),
        };
        for entry in entries {
            // One more than the limit is enough to know that it is passed.
            if self.files.len() > FILES_MAX {
                return;
            }
            match entry {
                Ok(entry) => self.entry(&entry.path(), name, depth),
                Err(error) => self.problem("E901", name, format!("it can't be read: {error}")),
            }
        }
    }

    fn entry(&mut self, path: &Path, above: &str, depth: usize) {
        let name = path.file_name().unwrap_or_default();
        let Some(file) = name.to_str() else {
            let message = format!("the name `{}` is no text", name.to_string_lossy());
            return self.problem("E905", above, message);
        };
        if is_left_by_an_editor(file) {
            return;
        }
        let name = format!("{above}/{file}");
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => self.folder(path, &name, depth.saturating_add(1)),
            Ok(found) if found.is_file() => self.file(path, &name),
            Ok(_) => self.problem("E905", &name, "it is no regular file".to_owned()),
            // Taken away since the folder was listed: as if it had not been there. A link that leads nowhere
            // is still there.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {}
            Err(error) => self.problem("E901", &name, format!("it can't be read: {error}")),
        }
    }

    fn file(&mut self, path: &Path, name: &str) {
        match content(path) {
            Ok(Some(content)) => {
                self.files.insert(Name::from(name), content);
            }
            Ok(None) => self.problem("E906", name, format!("a file has at most {FILE_BYTES_MAX} bytes")),
            Err(error) => self.problem("E901", name, format!("it can't be read: {error}")),
        }
    }

    fn problem(&mut self, code: &str, file: &str, message: String) {
        let place = Place { file: file.into(), line: 0, column: 0 };
        self.problems.push(Diagnostic::error(code, place, message));
    }
}

/// What a file holds; `None` when it is too much.
fn content(path: &Path) -> std::io::Result<Option<Arc<[u8]>>> {
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= FILE_BYTES_MAX).then(|| bytes.into()))
}

/// Hidden files, backups, swap and lock files, and the number with which vim tries whether it may write.
fn is_left_by_an_editor(name: &str) -> bool {
    let ends = ["~", ".swp", ".swx", ".swo", ".tmp", ".bak", ".orig"];
    name.starts_with('.') || name.starts_with('#') || name == "4913" || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| (Name::from(*path), Arc::from(text.as_bytes()))).collect()
    }

    #[test]
    fn the_revision_tells_names_from_contents() {
        let sets = [
            files(&[]),
            files(&[("a", "")]),
            files(&[("", "a")]),
            files(&[("a", "b"), ("c", "d")]),
            files(&[("a", "bc"), ("", "d")]),
            files(&[("a", "b")]),
        ];
        let revisions: std::collections::BTreeSet<_> = sets.iter().map(revision).collect();
        assert_eq!(revisions.len(), sets.len());
        assert_eq!(revision(&files(&[])).0.len(), 64);
    }

    #[test]
    fn what_editors_leave_is_known() {
        for (name, left) in [
            ("review.yaml", false),
            (".review.yaml.swp", true),
            ("review.yaml~", true),
            ("#review.yaml#", true),
            (".#review.yaml", true),
            ("4913", true),
            ("review.yaml.tmp", true),
            ("review.bak", true),
            ("review.tmpl.yaml", false),
        ] {
            assert_eq!(is_left_by_an_editor(name), left, "{name}");
        }
    }
}
