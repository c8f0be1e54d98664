//! `gendan view`: the tables of the processes, on the terminal and as files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::Value as Json;

use super::Failed;
use super::client::{Client, segment};
use super::target::Target;
use super::terminal::{Exit, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan view                                  which views there are
  gendan view tracking                         its first rows
  gendan view tracking --sort -amount,number --limit 20
  gendan view tracking --csv tracking.csv      all of its rows, for a spreadsheet
  gendan view tracking --xlsx tracking.xlsx --lang zh

It shows what the key may see: a column over hidden fields stays empty.";

/// Rows that are shown on a terminal when nothing else is said.
const ROWS_SHOWN: u32 = 50;

/// Show a view, or write it to a file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The view; without one, those that there are
    #[arg(value_name = "VIEW")]
    view: Option<String>,
    /// Write all of its rows to this file as CSV; `-` is the standard output
    #[arg(long, value_name = "FILE", requires = "view", conflicts_with = "xlsx")]
    csv: Option<PathBuf>,
    /// Write all of its rows to this file as a workbook
    #[arg(long, value_name = "FILE", requires = "view")]
    xlsx: Option<PathBuf>,
    /// What it is sorted by, such as `-amount,number`; otherwise as the view says
    #[arg(long, value_name = "COLUMNS", requires = "view", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Rows that are shown at most
    #[arg(long, value_name = "ROWS", default_value_t = ROWS_SHOWN, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// The language of titles: zh or en
    #[arg(long, value_name = "LANG", value_parser = ["zh", "en"])]
    lang: Option<String>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table, for people
    Text,
    /// JSON, for machines
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let session = args.target.session("gendan", &["admin".to_owned()])?;
    let done = shown(args, &session.client, terminal);
    session.close()?;
    done.map(|()| Exit::Done)
}

fn shown(args: &Args, client: &Client, terminal: &Terminal) -> Result<(), Failed> {
    let Some(view) = &args.view else { return list(args, client, terminal) };
    if let Some(file) = &args.csv {
        return write(&client.bytes(&path(args, view, ".csv", None))?, file, terminal);
    }
    if let Some(file) = &args.xlsx {
        return write(&client.bytes(&path(args, view, ".xlsx", None))?, file, terminal);
    }
    let answer = client.get(&path(args, view, "", Some(args.limit)))?.ok()?;
    match args.format {
        Format::Json => terminal.out(answer.text),
        Format::Text => page(&answer.json, terminal),
    }
    Ok(())
}

/// The address of a view, with what was chosen.
fn path(args: &Args, view: &str, form: &str, limit: Option<u32>) -> String {
    let chosen =
        [("sort", args.sort.clone()), ("limit", limit.map(|limit| limit.to_string())), ("lang", args.lang.clone())];
    let chosen = chosen.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(&value?))));
    let chosen = chosen.collect::<Vec<_>>().join("&");
    let mark = if chosen.is_empty() { "" } else { "?" };
    format!("/v1/views/{}{form}{mark}{chosen}", segment(view))
}

fn list(args: &Args, client: &Client, terminal: &Terminal) -> Result<(), Failed> {
    let lang = args.lang.as_ref().map_or_else(String::new, |lang| format!("?lang={lang}"));
    let answer = client.get(&format!("/v1/views{lang}"))?.ok()?;
    if args.format == Format::Json {
        terminal.out(answer.text);
        return Ok(());
    }
    let columns = ["view", "workflow", "title"];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns);
    for view in items(&answer.json, "data") {
        table.add_row(columns.map(|column| text(view.get(column))));
    }
    terminal.out(table);
    Ok(())
}

fn page(answer: &Json, terminal: &Terminal) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(items(answer, "columns").iter().map(|column| text(column.get("title"))));
    let rows = items(answer, "data");
    for row in rows {
        table.add_row(items(row, "cells").iter().map(|cell| text(Some(cell))));
        for error in items(row, "errors") {
            let (number, column) = (text(row.get("number")), text(error.get("column")));
            terminal.warning(format_args!("{number}, {column}: {}", text(error.get("message"))));
        }
    }
    terminal.out(table);
    if answer.get("has_more") == Some(&Json::Bool(true)) {
        terminal.note("there are more rows: --csv or --xlsx gives all of them");
    }
    if answer.get("incomplete") == Some(&Json::Bool(true)) {
        terminal.warning("there are more cases than one request looks at; the rest is not shown");
    }
}

fn write(bytes: &[u8], file: &Path, terminal: &Terminal) -> Result<(), Failed> {
    if file == Path::new("-") {
        terminal.out_raw(String::from_utf8_lossy(bytes));
        return Ok(());
    }
    let unwritten = |error| Failed::new(Exit::Unreachable, format!("can't write `{}`: {error}", file.display()));
    fs::write(file, bytes).map_err(unwritten)?;
    terminal.note(format_args!("written to {}", file.display()));
    Ok(())
}

/// The items of a list in an answer.
pub(super) fn items<'j>(of: &'j Json, name: &str) -> &'j [Json] {
    of.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A value for people; where it has a title, that.
pub(super) fn text(value: Option<&Json>) -> String {
    match value {
        Some(Json::String(text)) => text.clone(),
        None | Some(Json::Null) => String::new(),
        Some(Json::Object(cell)) if cell.contains_key("title") => text(cell.get("title")),
        Some(other) => other.to_string(),
    }
}
