//! `gendan verify`: whether what is stored is what was written.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value as Json, json};

use crate::store::content::{Contented, Contents};
use crate::store::{self, Ledger, Store};

use super::Failed;
use super::client::Client;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan verify                      check ./data
  gendan verify --data /var/lib/gendan --format json
  gendan verify --server http://127.0.0.1:8080 --key gk_...

With --data it needs the folder for itself; with --server a running server does it beside its work.
No record is changed: what a stop in the middle left behind is tidied up, as a start does. It ends with 1 when
something is damaged.";

/// Check a data folder: fold every event again and compare with what is stored
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, env = "GENDAN_DATA_DIR", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Ask a running server instead; needs an admin's key
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The API key for it
    #[arg(long, env = "GENDAN_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,
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
    let report = match &args.server {
        Some(server) => beside_work(server, args.key.as_deref(), terminal)?,
        None => alone(&args.data, terminal)?,
    };
    match args.format {
        Format::Text => text(&report, terminal),
        Format::Json => terminal.out(&report),
    }
    Ok(if sound(&report) { Exit::Done } else { Exit::Refused })
}

/// Verifies a folder that nobody else uses: `ok`, `checked`, `damages`.
fn alone(data: &Path, terminal: &Terminal) -> Result<Json, Failed> {
    let store = open(data)?;
    let bar = terminal.progress("verifying", 0);
    let mut checked = 0;
    let mut progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let mut contents = Ok(Contented::default());
    let damages = match store {
        Ok(store) => {
            contents = Contents::of(data).verify(&store);
            store.verify(&mut |done, all| {
                checked = all;
                progress(done, all);
            })
        }
        // What kept the journal from being opened is the first of its damages; all of them are told.
        Err(unusable) => Ledger::damages(data, &mut progress).and_then(|(events, damages)| {
            checked = events;
            if damages.is_empty() { Err(unusable) } else { Ok(damages) }
        }),
    };
    bar.finish_and_clear();
    let mut damages = damages.map_err(|error| Failed::new(Exit::Refused, error))?;
    let contents = contents.map_err(|error| Failed::new(Exit::Refused, error))?;
    damages.extend(contents.damages);
    let (ok, attachments, orphans) = (damages.is_empty(), contents.checked, contents.orphans);
    Ok(json!({ "ok": ok, "checked": checked, "attachments": attachments, "damages": damages, "orphans": orphans }))
}

/// Lets a running server verify what it works on, and waits for it.
fn beside_work(server: &str, key: Option<&str>, terminal: &Terminal) -> Result<Json, Failed> {
    let waiting = terminal.progress("verifying", 0);
    let answer = Client::new(server, key).post("/v1/verify", &json!({}));
    waiting.finish_and_clear();
    Ok(answer?.ok()?.json)
}

fn sound(report: &Json) -> bool {
    report["ok"].as_bool().unwrap_or(false)
}

/// Opens a data folder that must be there already; inside, why its content can't be used.
fn open(data: &Path) -> Result<Result<Ledger, store::Error>, Failed> {
    if !data.is_dir() {
        let missing = format!("there is no data folder `{}`", data.display());
        return Err(Failed::new(Exit::Unreachable, missing).help("name it with --data"));
    }
    match Ledger::look(data) {
        Ok(store) => Ok(Ok(store)),
        Err(store::Error::InUse(folder)) => {
            let used = Failed::new(Exit::Unreachable, format!("`{folder}` is in use by a server"));
            Err(used.help("ask the server with --server and an admin's --key, or stop it first"))
        }
        Err(error @ store::Error::Damaged { .. }) => Ok(Err(error)),
        Err(
            error @ (store::Error::Io(_)
            | store::Error::Newer { .. }
            | store::Error::Rebuilding { .. }
            | store::Error::TooLarge(_)),
        ) => Err(Failed::new(Exit::Unreachable, error)),
    }
}

fn text(report: &Json, terminal: &Terminal) {
    let damages = report["damages"].as_array().map(Vec::as_slice).unwrap_or_default();
    for damage in damages {
        let place = damage["case"].as_str().map_or_else(|| "store".to_owned(), |case| format!("case {case}"));
        let what = damage["what"].as_str().unwrap_or_default();
        terminal.out(format_args!("{}: {place}: {what}", terminal.paint(Paint::Bad, "damaged")));
    }
    for orphan in report["orphans"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let orphan = orphan.as_str().unwrap_or_default();
        terminal.note(format_args!("no case has the attachment {orphan}; it is no damage"));
    }
    let verdict = if sound(report) {
        terminal.paint_err(Paint::Good, "sound")
    } else {
        terminal.paint_err(Paint::Bad, format_args!("damaged in {} places", damages.len()))
    };
    let checked = report["checked"].as_u64().unwrap_or_default();
    let noun = if checked == 1 { "event" } else { "events" };
    terminal.note(format_args!("{verdict}: {checked} {noun} checked"));
}
