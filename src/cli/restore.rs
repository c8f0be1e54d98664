//! `gendan restore`: a data folder from a backup.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::store::backup::{self, Built, Manifest};
use crate::store::hexadecimal;

use super::Failed;
use super::backup::{Format, counted, with_bar};
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan restore /mnt/backup/gendan --check             whether it could be brought back; nothing is written
  gendan restore /mnt/backup/gendan --data /var/lib/gendan
  gendan serve --data /var/lib/gendan                   goes on where the backup was made

The data folder must be empty or missing. It is made beside its place, as DIR.part, and moved there once its state is
built and every event was verified; a backup that is damaged is refused, with the place.";

/// Bring a backup back as a data folder, or check it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder that `gendan backup` was given
    from: PathBuf,
    /// The data folder to make
    #[arg(long, env = "GENDAN_DATA_DIR", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Only check the backup
    #[arg(long)]
    check: bool,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    if args.check {
        let manifest = with_bar(terminal, |progress| backup::check(&args.from, progress))?;
        match args.format {
            Format::Text => checked(&manifest, terminal),
            Format::Json => terminal.out(as_json(&manifest)),
        }
    } else {
        let built = with_bar(terminal, |progress| backup::restore(&args.from, &args.data, progress))?;
        match args.format {
            Format::Text => tell_built("restored", &built, terminal),
            Format::Json => terminal.out(built_as_json(&built)),
        }
    }
    Ok(Exit::Done)
}

/// Says what was built.
pub(super) fn tell_built(word: &str, built: &Built, terminal: &Terminal) {
    let Built { events, cases, end } = built;
    let word = terminal.paint_err(Paint::Good, word);
    terminal.note(format_args!("{word}: {} of {}, all verified", counted(*events, "event"), counted(*cases, "case")));
    terminal.out(format_args!("link {}", hexadecimal(&end.link)));
}

/// The same for machines.
pub(super) fn built_as_json(built: &Built) -> Json {
    let Built { events, cases, end } = built;
    json!({ "ok": true, "events": events, "cases": cases, "link": hexadecimal(&end.link) })
}

fn checked(manifest: &Manifest, terminal: &Terminal) {
    let Manifest { at, files, end, .. } = manifest;
    terminal.note(format_args!(
        "{}: {}, {}, {}, as of {at}",
        terminal.paint_err(Paint::Good, "sound"),
        counted(end.position.0, "event"),
        counted(u64::try_from(files.len()).unwrap_or(u64::MAX), "file"),
        counted(manifest.bytes(), "byte"),
    ));
    terminal.out(format_args!("link {}", hexadecimal(&end.link)));
}

fn as_json(manifest: &Manifest) -> Json {
    let Manifest { at, files, end, .. } = manifest;
    json!({
        "ok": true,
        "at": at,
        "events": end.position,
        "files": files.len(),
        "bytes": manifest.bytes(),
        "link": hexadecimal(&end.link),
    })
}
