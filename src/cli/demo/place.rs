//! The folder of a demo: where its data stands, and its own copy of the definitions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::embedded;
use crate::cli::Failed;
use crate::cli::terminal::Exit;

/// The file by which a folder is known to be a demo's.
const MARK: &str = ".gendan-demo";
/// What stands in it.
const MARK_TEXT: &str = "A demo of gendan stands here. `gendan demo --folder` removes it when it is told to --reset.\n";

/// The folder of a demo.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder of the data.
    pub(crate) data: PathBuf,
    /// The folder that holds `workflows/` and `rules/`.
    pub(crate) definitions: PathBuf,
    root: PathBuf,
    temporary: bool,
}

impl Place {
    /// Prepares the folder: a new one that is removed at the end, or the one that was named, which must be new,
    /// empty, or a demo's that may be reset. The definitions are those of `here` when it has any, else the shipped
    /// ones, written into the folder.
    ///
    /// # Errors
    /// When the folder holds something, or can't be written.
    pub(crate) fn prepare(named: Option<&Path>, reset: bool, here: &Path) -> Result<Self, Failed> {
        let root = match named {
            Some(folder) => {
                clear(folder, reset)?;
                folder.to_owned()
            }
            None => std::env::temp_dir().join(format!("gendan-demo-{}", random_name()?)),
        };
        let place = Self {
            data: root.join("data"),
            definitions: if here.join("workflows").is_dir() { whole(here) } else { root.clone() },
            root,
            temporary: named.is_none(),
        };
        place.write().map_err(|error| broken(&place.root, &error))?;
        Ok(place)
    }

    /// Whether the folder is removed at the end.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Removes the folder, if it was made for this demo alone.
    pub(crate) fn leave(&self) {
        if self.temporary {
            // What can't be removed is left to the system, which cleans its folder of temporary files.
            let _left = fs::remove_dir_all(&self.root);
        }
    }

    fn write(&self) -> io::Result<()> {
        fs::create_dir_all(&self.root)?;
        fs::write(self.root.join(MARK), MARK_TEXT)?;
        if self.definitions == self.root { embedded::write_definitions(&self.root) } else { Ok(()) }
    }
}

/// Makes sure that a folder that was named is free.
fn clear(folder: &Path, reset: bool) -> Result<(), Failed> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(broken(folder, &error)),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let name = folder.display();
    if !folder.join(MARK).is_file() {
        return Err(Failed::new(Exit::Refused, format!("`{name}` holds something that is not a demo's"))
            .help("name a folder that is empty or not there yet"));
    }
    if !reset {
        let data = folder.join("data");
        return Err(Failed::new(Exit::Refused, format!("a demo stands in `{name}` already")).help(format!(
            "--reset removes it and begins anew; `gendan serve --data {} --definitions ...` goes on with it",
            data.display()
        )));
    }
    for entry in ["data", "workflows", "rules"] {
        match fs::remove_dir_all(folder.join(entry)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(folder, &error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The path from the root of the file system, so that it can be shown.
fn whole(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn random_name() -> Result<String, Failed> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| Failed::new(Exit::Unreachable, format!("no randomness: {error}")))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

fn broken(folder: &Path, error: &io::Error) -> Failed {
    Failed::new(Exit::Unreachable, format!("can't use `{}`: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_must_be_free_or_a_demo_that_may_be_reset() {
        let there = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let folder = there.path().join("demo");
        let prepare = |reset| Place::prepare(Some(&folder), reset, elsewhere.path());
        let message = |failed: Failed| failed.message.replace(&folder.display().to_string(), "F");

        let place = prepare(false).unwrap();
        assert!(!place.is_temporary() && place.definitions == folder);
        fs::create_dir_all(place.data.join("x")).unwrap();
        place.leave();
        assert_eq!(message(prepare(false).unwrap_err()), "a demo stands in `F` already");
        prepare(true).unwrap();
        assert!(!place.data.exists());

        fs::remove_file(folder.join(MARK)).unwrap();
        fs::write(folder.join("mine"), "").unwrap();
        assert_eq!(message(prepare(true).unwrap_err()), "`F` holds something that is not a demo's");
        assert!(folder.join("mine").exists());
    }

    #[test]
    fn a_temporary_folder_is_removed_and_definitions_that_are_there_are_used() {
        let here = tempfile::tempdir().unwrap();
        fs::create_dir(here.path().join("workflows")).unwrap();
        let place = Place::prepare(None, false, here.path()).unwrap();
        assert_eq!(place.definitions, here.path().canonicalize().unwrap());
        assert!(place.root.exists());
        place.leave();
        assert!(!place.root.exists() && here.path().exists());
    }
}
