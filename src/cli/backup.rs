//! `gendan backup`: a copy of a data folder, made beside the server that uses it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value as Json, json};

use crate::clock::Clock;
use crate::store::backup::{self, Made, Progress, Step};
use crate::store::{self, hexadecimal};

use super::Failed;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan backup /mnt/backup/gendan                    back up ./data, beside its server
  gendan backup /mnt/backup/gendan                    again: only what is new is copied
  gendan backup --data /var/lib/gendan TO --format json | jq -r .link

The folder is made when it is missing; one that holds anything else, or the backup of another data folder, is
refused. What was copied is read back and checked, from the first record to the last, before it counts. The link it
prints stands for every event up to then: noted elsewhere, it shows later whether any of them was changed.
A backup holds everything that the data folder holds, hashes of API keys too, and never a key itself.";

/// Back up a data folder while it is served
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to back up into
    to: PathBuf,
    /// The data folder
    #[arg(long, env = "GENDAN_DATA_DIR", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How an outcome is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    must_be_there(&args.data)?;
    let now = Clock::System.now();
    let made = with_bar(terminal, |progress| backup::backup(&args.data, &args.to, now, progress))?;
    match args.format {
        Format::Text => text(&made, terminal),
        Format::Json => terminal.out(as_json(&made)),
    }
    Ok(Exit::Done)
}

/// Refuses a data folder that does not exist.
pub(super) fn must_be_there(data: &Path) -> Result<(), Failed> {
    if data.is_dir() {
        return Ok(());
    }
    let missing = format!("there is no data folder `{}`", data.display());
    Err(Failed::new(Exit::Unreachable, missing).help("name it with --data"))
}

/// So many of something, in words.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Does work that tells how far it has come, with a bar that shows it.
pub(super) fn with_bar<T>(terminal: &Terminal, work: impl FnOnce(Progress<'_>) -> T) -> T {
    let bar = terminal.progress(named(Step::Copying), 0);
    let mut at = Step::Copying;
    let done = work(&mut |step, done, all| {
        if step != at {
            at = step;
            bar.reset();
            bar.set_message(named(step));
        }
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    done
}

impl From<backup::Error> for Failed {
    fn from(error: backup::Error) -> Self {
        match error {
            backup::Error::Refused { what, help } => Self::new(Exit::Refused, what).help(help),
            backup::Error::Damaged(what) => Self::new(Exit::Refused, what),
            backup::Error::Store(error @ store::Error::Damaged { .. }) => Self::new(Exit::Refused, error),
            backup::Error::Store(error) => Self::new(Exit::Unreachable, error),
        }
    }
}

fn named(step: Step) -> &'static str {
    match step {
        Step::Copying => "copying",
        Step::Checking => "checking",
        Step::Building => "building the state",
        Step::Verifying => "verifying",
    }
}

fn text(made: &Made, terminal: &Terminal) {
    let Made { files, files_copied, bytes_copied, events, bytes, link, .. } = made;
    terminal.note(format_args!(
        "{}: {}, {}, {}; {} with {} copied, the rest was there already",
        terminal.paint_err(Paint::Good, "backed up"),
        counted(*events, "event"),
        counted(*files, "file"),
        counted(*bytes, "byte"),
        counted(*files_copied, "file"),
        counted(*bytes_copied, "byte"),
    ));
    if made.attachments_copied > 0 {
        let (attachments, bytes) = (made.attachments_copied, made.attachment_bytes_copied);
        terminal.note(format_args!("{} with {} copied", counted(attachments, "attachment"), counted(bytes, "byte")));
    }
    terminal.out(format_args!("link {}", hexadecimal(link)));
}

fn as_json(made: &Made) -> Json {
    let Made { files, files_copied, bytes_copied, events, bytes, link, .. } = made;
    json!({
        "ok": true,
        "events": events,
        "files": files,
        "bytes": bytes,
        "files_copied": files_copied,
        "bytes_copied": bytes_copied,
        "attachments_copied": made.attachments_copied,
        "attachment_bytes_copied": made.attachment_bytes_copied,
        "link": hexadecimal(link),
    })
}
