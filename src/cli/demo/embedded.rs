//! What is part of the program: the shipped definitions and the examples.

use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "examples/"]
struct Examples;

#[derive(RustEmbed)]
#[folder = "workflows/"]
struct Workflows;

#[derive(RustEmbed)]
#[folder = "rules/"]
struct Rules;

/// A file of `examples/`; `..` in its path leads up.
pub(crate) fn example(path: &str) -> Option<Vec<u8>> {
    let mut pieces: Vec<&str> = Vec::new();
    for piece in path.split('/').filter(|piece| !piece.is_empty() && *piece != ".") {
        if piece == ".." {
            pieces.pop();
        } else {
            pieces.push(piece);
        }
    }
    Examples::get(&pieces.join("/")).map(|file| file.data.into_owned())
}

/// The folders of `examples/` that have a mapping, in the order of their names.
pub(crate) fn examples_with(file: &str) -> Vec<String> {
    let mut folders: Vec<String> =
        Examples::iter().filter_map(|path| Some(path.strip_suffix(file)?.strip_suffix('/')?.to_owned())).collect();
    folders.sort();
    folders
}

/// Writes the shipped `workflows/` and `rules/` into a folder, so that they can be edited there.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn write_definitions(folder: &Path) -> io::Result<()> {
    write_all::<Workflows>(&folder.join("workflows"))?;
    write_all::<Rules>(&folder.join("rules"))
}

fn write_all<Files: RustEmbed>(folder: &Path) -> io::Result<()> {
    for path in Files::iter() {
        let Some(file) = Files::get(&path) else { continue };
        let target = folder.join(&*path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(target, file.data)?;
    }
    Ok(())
}
