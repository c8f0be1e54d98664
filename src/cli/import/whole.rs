//! All that `gendan export` wrote, into a data folder of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::cli::Failed;
use crate::cli::backup::with_bar;
use crate::cli::restore::{built_as_json, tell_built};
use crate::cli::terminal::{Exit, Terminal};
use crate::store::export;

use super::Format;

/// Imports an export.
pub(super) fn run(file: &Path, data: Option<&Path>, format: Format, terminal: &Terminal) -> Result<Exit, Failed> {
    let Some(data) = data else { return Err(nothing_named()) };
    let mut lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = File::open(file)
            .map_err(|error| Failed::new(Exit::Unreachable, format!("can't read `{}`: {error}", file.display())))?;
        Box::new(BufReader::new(opened))
    };
    let built = with_bar(terminal, |progress| export::import(&mut *lines, data, progress))?;
    let Some(built) = built else { return Err(nothing_named()) };
    match format {
        Format::Text => tell_built("imported", &built, terminal),
        Format::Json => terminal.out(built_as_json(&built)),
    }
    Ok(Exit::Done)
}

/// Neither a table nor a workflow was named, and the file is no export.
pub(super) fn nothing_named() -> Failed {
    Failed::new(Exit::Usage, "say what the rows are: --table <TABLE> or --workflow <WORKFLOW>")
        .help("only what `gendan export` wrote needs neither, but --data with a new folder")
}
