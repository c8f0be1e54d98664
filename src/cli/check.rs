//! `gendan check`: every mistake in the definitions, without a server.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use crate::diagnostic::{Diagnostic, Level, render};
use crate::library;
use crate::model::Name;
use crate::workflow::{Compiled, Definition, Files, staff};

use super::Failed;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan check                       check ./workflows and ./rules
  gendan check process/ --deny-warnings
  gendan check --staff people.yaml   whether these people can meet every duty
  gendan check --format json | jq .diagnostics
  gendan check --format github       in a GitHub workflow: marks the lines of the change

It ends with 0 when the set could go live, with 1 when it could not.";

/// Check workflows and rules, and report every mistake with its place
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder that holds `workflows/` and `rules/`
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// How the mistakes are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A file with people and their roles, as `people: { li: clerk, wang: [clerk, head] }`: whether they can meet
    /// every duty
    #[arg(long, value_name = "FILE")]
    staff: Option<PathBuf>,
    /// End with 1 when there are warnings
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line and what to do, for people
    Text,
    /// One JSON object, for machines
    Json,
    /// Workflow commands that GitHub shows on the change
    Github,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    if !args.folder.is_dir() {
        let missing = format!("there is no folder `{}`", args.folder.display());
        return Err(Failed::new(Exit::Unreachable, missing).help("name the one that holds `workflows/` and `rules/`"));
    }
    let (mut compiled, mut files) = library::check(&args.folder);
    if let Some(path) = &args.staff {
        staffed(path, &mut compiled, &mut files)?;
    }
    match args.format {
        Format::Text => text(&compiled, &files, terminal),
        Format::Json => terminal.out(as_json(&compiled)),
        Format::Github => compiled.diagnostics.iter().for_each(|diagnostic| terminal.out(github(diagnostic))),
    }
    if let (Some(definition), Format::Text | Format::Github) = (&compiled.definition, args.format) {
        terminal.note(summary(definition, terminal));
    }
    let denied = args.deny_warnings && !compiled.diagnostics.is_empty();
    Ok(if compiled.definition.is_some() && !denied { Exit::Done } else { Exit::Refused })
}

/// Adds what the people in a file can't do. A definition whose duties they can't meet is none.
fn staffed(path: &Path, compiled: &mut Compiled, files: &mut Files) -> Result<(), Failed> {
    let Some(definition) = &compiled.definition else { return Ok(()) };
    let bytes = std::fs::read(path).map_err(|error| {
        Failed::new(Exit::Unreachable, format!("`{}` can't be read: {error}", path.display()))
            .help("name a file with `people: { li: clerk, wang: [clerk, head] }`")
    })?;
    let name = Name::from(path.display().to_string());
    let (staff, mut found) = staff::staff(&name, &bytes, definition);
    if found.is_empty() {
        found = staff::duties(definition, &staff);
    }
    files.insert(name, bytes.into());
    if found.iter().any(|diagnostic| diagnostic.level == Level::Error) {
        compiled.definition = None;
    }
    compiled.diagnostics.extend(found);
    Ok(())
}

fn text(compiled: &Compiled, files: &Files, terminal: &Terminal) {
    if !compiled.diagnostics.is_empty() {
        terminal.out_raw(render(&compiled.diagnostics, files, terminal.color()));
    }
}

fn as_json(compiled: &Compiled) -> serde_json::Value {
    let revision = compiled.definition.as_ref().map(|definition| definition.revision.to_string());
    json!({ "ok": compiled.definition.is_some(), "revision": revision, "diagnostics": compiled.diagnostics })
}

/// A diagnostic as a workflow command of GitHub.
fn github(diagnostic: &Diagnostic) -> String {
    let Diagnostic { level, code, place, length: _, message, help } = diagnostic;
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let advice = help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    let file = escaped(&place.file).replace(':', "%3A").replace(',', "%2C");
    let at = if place.line == 0 { String::new() } else { format!(",line={},col={}", place.line, place.column) };
    format!("::{level} file={file}{at},title={code}::{}", escaped(&format!("{message}{advice}")))
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn summary(definition: &Definition, terminal: &Terminal) -> String {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (workflows, rules) = (counted(definition.workflows.len(), "workflow"), counted(definition.rules.len(), "rule"));
    format!("{}: {workflows}, {rules}, revision {}", terminal.paint_err(Paint::Good, "sound"), definition.revision)
}

#[cfg(test)]
mod tests {
    use crate::model::Place;

    use super::*;

    #[test]
    fn a_diagnostic_becomes_one_line_for_github() {
        let place = Place { file: "workflows/a,b.yaml".into(), line: 3, column: 7 };
        let diagnostic = Diagnostic::error("E012", place, "100% wrong").help("write it right");
        insta::assert_snapshot!(
            github(&diagnostic),
            @"::error file=workflows/a%2Cb.yaml,line=3,col=7,title=E012::100%25 wrong%0Ahelp: write it right"
        );
        let whole = Diagnostic::warning("W001", Place { file: "rules/x.rhai".into(), line: 0, column: 0 }, "unused");
        insta::assert_snapshot!(github(&whole), @"::warning file=rules/x.rhai,title=W001::unused");
    }
}
