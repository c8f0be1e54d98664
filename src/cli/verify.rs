//! `gendan verify`: whether what is stored is what was written.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use crate::store::Sled;
use crate::store::{self, Damage, Store};

use super::Failed;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan verify                      check ./data
  gendan verify --data /var/lib/gendan --format json

It needs the folder for itself: stop the server first, or check a copy of the folder.
It changes nothing, and ends with 1 when something is damaged.";

/// Check a data folder: fold every event again and compare with what is stored
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, env = "GENDAN_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// How damages are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each, for people
    Text,
    /// One JSON object, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let store = open(&args.data)?;
    let bar = terminal.progress("verifying", 0);
    let mut checked = 0;
    let damages = store.verify(&mut |done, all| {
        checked = all;
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let damages = damages.map_err(|error| Failed::new(Exit::Refused, error))?;
    match args.format {
        Format::Text => text(&damages, checked, terminal),
        Format::Json => terminal.out(json!({ "ok": damages.is_empty(), "checked": checked, "damages": damages })),
    }
    Ok(if damages.is_empty() { Exit::Done } else { Exit::Refused })
}

/// Opens a data folder that must be there already.
fn open(data: &Path) -> Result<Sled, Failed> {
    if !data.is_dir() {
        let missing = format!("there is no data folder `{}`", data.display());
        return Err(Failed::new(Exit::Unreachable, missing).help("name it with --data"));
    }
    Sled::open(data, false).map_err(|error| match error {
        store::Error::InUse(folder) => Failed::new(Exit::Unreachable, format!("`{folder}` is in use by a server"))
            .help("stop it first, or check a copy of the folder"),
        store::Error::Damaged { .. } => Failed::new(Exit::Refused, error),
        store::Error::Io(_) | store::Error::Newer { .. } | store::Error::TooLarge(_) => {
            Failed::new(Exit::Unreachable, error)
        }
    })
}

fn text(damages: &[Damage], checked: u64, terminal: &Terminal) {
    for damage in damages {
        let place = damage.case.map_or_else(|| "store".to_owned(), |case| format!("case {case}"));
        terminal.out(format_args!("{}: {place}: {}", terminal.paint(Paint::Bad, "damaged"), damage.what));
    }
    let verdict = if damages.is_empty() {
        terminal.paint_err(Paint::Good, "sound")
    } else {
        terminal.paint_err(Paint::Bad, format_args!("damaged in {} places", damages.len()))
    };
    let noun = if checked == 1 { "event" } else { "events" };
    terminal.note(format_args!("{verdict}: {checked} {noun} checked"));
}
