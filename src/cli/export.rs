//! `gendan export`: all of a data folder as lines of JSON.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::store::export::{self, Exported};
use crate::store::hexadecimal;

use super::Failed;
use super::backup::{counted, must_be_there, with_bar};
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan export all.ndjson                      export ./data, beside its server
  gendan export --data /var/lib/gendan | gzip > all.ndjson.gz
  gendan export | jq -c 'select(.entry.case) | .entry.case.events[]'
  gendan import all.ndjson --data new           a data folder again, in this version or a later one

The first line says what it is, the last one how much there is, with the SHA-256 of all lines before it; between them
stands a line for each record, in the order in which they were committed. `entry` is what is stored, `position` counts
the events so far, `text` is the body of an answer or a file of the definitions.
All that is stored is in it: personal data, and the hashes of API keys. The keys themselves are stored nowhere.";

/// Export everything as NDJSON, for other tools and other stores
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file, which must not exist yet; `-` writes to standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The data folder
    #[arg(long, env = "GENDAN_DATA_DIR", default_value = "data", value_name = "DIR")]
    data: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    must_be_there(&args.data)?;
    let exported = if args.file == Path::new("-") {
        write(&args.data, &mut BufWriter::new(std::io::stdout().lock()), terminal)?
    } else {
        to_file(&args.data, &args.file, terminal)?
    };
    let Exported { records, events, end } = exported;
    let (events, records) = (counted(events, "event"), counted(records, "record"));
    let word = terminal.paint_err(Paint::Good, "exported");
    terminal.note(format_args!("{word}: {events}, {records}, link {}", hexadecimal(&end.link)));
    Ok(Exit::Done)
}

/// Writes a new file; what could not be finished is removed.
fn to_file(data: &Path, path: &Path, terminal: &Terminal) -> Result<Exported, Failed> {
    let file = File::create_new(path).map_err(|error| cannot(path, &error))?;
    let mut out = BufWriter::new(file);
    let exported = write(data, &mut out, terminal).and_then(|exported| {
        out.get_ref().sync_all().map_err(|error| cannot(path, &error))?;
        Ok(exported)
    });
    if exported.is_err() {
        // It is reported what went wrong first; a part of an export is recognised as one.
        let _left = fs::remove_file(path);
    }
    exported
}

fn write(data: &Path, out: &mut dyn Write, terminal: &Terminal) -> Result<Exported, Failed> {
    let now = Clock::System.now();
    Ok(with_bar(terminal, |progress| export::export(data, out, now, progress))?)
}

fn cannot(path: &Path, error: &std::io::Error) -> Failed {
    let failed = Failed::new(Exit::Unreachable, format!("can't write `{}`: {error}", path.display()));
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return failed.help("name a file that is not there yet");
    }
    failed
}
