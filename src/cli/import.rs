//! `gendan import`: reference tables and pools of resources in bulk, cases one by one, and whole exports.

mod cases;
mod rows;
mod sheet;
mod table;
mod whole;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value as Json, json};

use super::Failed;
use super::target::Target;
use super::terminal::{Exit, Paint, Terminal};

use rows::Form;

/// Bad rows that are written out for people.
const BAD_SHOWN_MAX: usize = 20;

const EXAMPLES: &str = "\
Examples:
  gendan import --table products products.csv --key gk_...
  gendan import --workflow request requests.csv --server http://10.0.0.5:8080 --key gk_...
  zcat all.ndjson.gz | gendan import --workflow request - --as ndjson
  gendan import --resource seats seats.csv                        key,on_hand,arrivals
  gendan import --table products products.csv --data /var/lib/gendan
  gendan import all.ndjson --data /var/lib/gendan-new             all that `gendan export` wrote

CSV: the first line names the columns. A cell that holds a list or a map is written as JSON. Of cases, columns
such as `parts.name` hold the rows of a list: a line whose other cells are empty, or those of the line above, adds
a row to the case above.
NDJSON: an object of fields on each line.

A table, or the pools of a resource, are taken as a whole or not at all. Cases are opened one by one, in the order of the file: a bad row is
reported with its line and the rest goes on. A file that is imported again within a day opens nothing twice;
after that only a unique field keeps its rows from being opened again.

What `gendan export` wrote becomes a data folder of its own, which must be empty or missing: the same events under the
same hash chain, tables, keys and definitions, verified before the folder takes its place.";

/// Import rows of a table, or cases, from CSV or NDJSON, or a whole export
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    /// The file; `-` reads standard input
    file: PathBuf,
    /// The form of the file [default: by its ending]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: Option<Form>,
    #[command(flatten)]
    target: Target,
    /// With --data: a role to act with (may be repeated) [default: admin]
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[group(required = false, multiple = false)]
struct What {
    /// Put rows into this reference table
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Set pools of this resource
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// Open a case of this workflow for each row
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object, for machines
    Json,
}

/// What came of an import.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Rows that were taken.
    taken: usize,
    /// Rows that an earlier import of the same file had opened already.
    repeated: usize,
    /// Rows that were not taken.
    bad: Vec<Bad>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bad {
    /// Its line in the file; the first is 1.
    line: u64,
    /// What is wrong with it.
    problem: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let What { table, resource, workflow } = &args.what;
    if table.is_none() && resource.is_none() && workflow.is_none() {
        return whole::run(&args.file, args.target.data.as_deref(), args.format, terminal);
    }
    let form = form(args)?;
    let bytes = read(&args.file)?;
    let admin = ["admin".to_owned()];
    let roles = if args.role.is_empty() { &admin[..] } else { args.role.as_slice() };
    let session = args.target.session("import", roles)?;
    let outcome = if let Some(table) = table {
        table::import(&session.client, "tables", table, form, &bytes)
    } else if let Some(resource) = resource {
        table::import(&session.client, "resources", resource, form, &bytes)
    } else if let Some(workflow) = workflow {
        cases::import(&session.client, workflow, form, &bytes, terminal)
    } else {
        Err(whole::nothing_named())
    };
    session.close()?;
    let outcome = outcome?;
    match args.format {
        Format::Text => text(&outcome, terminal),
        Format::Json => terminal.out(as_json(&outcome)),
    }
    Ok(if outcome.bad.is_empty() { Exit::Done } else { Exit::Refused })
}

fn form(args: &Args) -> Result<Form, Failed> {
    let by_ending = || Form::by_ending(&args.file);
    args.form.or_else(by_ending).ok_or_else(|| {
        let what = format!("`{}` does not say by its ending what it holds", args.file.display());
        Failed::new(Exit::Usage, what).help("give --as csv or --as ndjson")
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| Failed::new(Exit::Unreachable, format!("can't read `{}`: {error}", file.display())))?;
    Ok(bytes)
}

fn text(outcome: &Outcome, terminal: &Terminal) {
    for bad in outcome.bad.iter().take(BAD_SHOWN_MAX) {
        terminal.note(format_args!(
            "{}: {}",
            terminal.paint_err(Paint::Bad, format_args!("line {}", bad.line)),
            bad.problem
        ));
    }
    let more = outcome.bad.len().saturating_sub(BAD_SHOWN_MAX);
    if more > 0 {
        terminal.note(format_args!("... and {more} more; --format json lists all"));
    }
    let Outcome { taken, repeated, bad } = outcome;
    terminal.out(format_args!("{taken} taken, {repeated} there already, {} bad", bad.len()));
}

fn as_json(outcome: &Outcome) -> Json {
    let bad: Vec<Json> = outcome.bad.iter().map(|bad| json!({ "line": bad.line, "problem": bad.problem })).collect();
    json!({ "ok": bad.is_empty(), "taken": outcome.taken, "repeated": outcome.repeated, "bad": bad })
}
