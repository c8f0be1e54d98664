//! The folder of a run: the shipped definitions, the data of the server and its log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Failed;
use crate::cli::demo::embedded;
use crate::cli::terminal::Exit;

/// The folder; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder with everything in it.
    pub(super) root: PathBuf,
    /// The folder that holds `workflows/` and `rules/`: nothing else changes in it, for the server watches it.
    pub(super) definitions: PathBuf,
    /// The folder of the data.
    pub(super) data: PathBuf,
    /// What the server logs.
    pub(super) log: PathBuf,
    temporary: bool,
}

impl Place {
    /// Makes the folder that was named, which must be new or empty, or a temporary one. Without `definitions` the
    /// shipped ones are written into it.
    ///
    /// # Errors
    /// When it holds something, or can't be written.
    pub(super) fn prepare(named: Option<&Path>, definitions: Option<&Path>, run: &str) -> Result<Self, Failed> {
        let root = named.map_or_else(|| std::env::temp_dir().join(format!("gendan-bench-{run}")), Path::to_owned);
        let broken =
            |error: &io::Error| Failed::new(Exit::Unreachable, format!("can't use `{}`: {error}", root.display()));
        if fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failed::new(Exit::Refused, format!("`{}` holds something", root.display()))
                .help("name a folder that is empty or not there yet"));
        }
        fs::create_dir_all(&root).map_err(|error| broken(&error))?;
        // The server starts in another working folder.
        let root = root.canonicalize().map_err(|error| broken(&error))?;
        let definitions = match definitions {
            Some(definitions) => definitions.canonicalize(),
            None => embedded::write_definitions(&root.join("definitions")).map(|()| root.join("definitions")),
        };
        let definitions = definitions.map_err(|error| broken(&error))?;
        Ok(Self {
            definitions,
            data: root.join("data"),
            log: root.join("server.log"),
            root,
            temporary: named.is_none(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            // What can't be removed is left to the system, which cleans its folder of temporary files.
            let _left = fs::remove_dir_all(&self.root);
        }
    }
}

/// A word that no other run has.
///
/// # Errors
/// When the system has no randomness.
pub(super) fn random_word() -> Result<String, Failed> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| Failed::new(Exit::Unreachable, format!("no randomness: {error}")))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_must_be_free_and_only_a_temporary_one_goes() {
        let there = tempfile::tempdir().unwrap();
        let named = there.path().join("kept");
        let place = Place::prepare(Some(&named), None, "r").unwrap();
        assert!(place.definitions.join("workflows").is_dir());
        drop(place);
        assert!(named.exists());
        let said = Place::prepare(Some(&named), None, "r").unwrap_err().message;
        assert_eq!(said, format!("`{}` holds something", named.display()));

        let temporary = Place::prepare(None, None, &random_word().unwrap()).unwrap();
        let root = temporary.root.clone();
        assert!(root.is_dir());
        drop(temporary);
        assert!(!root.exists());
    }
}
