//! `gendan test`: runs the scenarios and the tests of rules of a set.

mod junit;
mod requirements;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use crate::diagnostic::render;
use crate::library;
use crate::model::Name;
use crate::scenario::{Kind, Report, Selection, Tested, WorkflowCoverage, run as run_tests};
use crate::workflow::Compiled;

use super::Failed;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan test                                  all tests of ./workflows and ./rules
  gendan test process/ --filter refund         those whose name or file contains `refund`
  gendan test workflows/repair.scenarios.yaml  those of one file
  gendan test --format junit > report.xml      for a build server
  gendan test --requirements                   which requirement is shown by which test

It ends with 0 when everything passed, with 1 when something failed.";

/// Names of untouched things that are told for each workflow.
const UNTOUCHED_SHOWN_MAX: usize = 20;

/// Run the scenarios and the tests of rules
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folders that hold `workflows/` and `rules/`, or files of tests in them
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only tests whose name or file contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Run nothing: tell which requirement of FILE is covered by which test
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "docs/requirements.yaml")]
    requirements: Option<PathBuf>,
    /// With `--requirements`: Rust tests whose names (`_r22_r23`) or texts (`R22`) count too
    #[arg(long, value_name = "DIR", requires = "requirements")]
    tests: Vec<PathBuf>,
    /// With `--requirements`: end with 1 when a requirement is covered by nothing
    #[arg(long, requires = "requirements")]
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per test, for people
    Text,
    /// One JSON object, for machines
    Json,
    /// `JUnit` XML, for build servers
    Junit,
}

/// A set whose tests are wanted.
struct Wanted {
    folder: PathBuf,
    /// Only these of its files.
    files: Vec<Name>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let sets = wanted(&args.paths)?;
    if let Some(file) = &args.requirements {
        let mut covers = Vec::new();
        for set in &sets {
            covers.extend(requirements::covered(&compiled(set, terminal)?.0));
        }
        return requirements::run(file, &args.tests, covers, args.strict, args.format == Format::Json, terminal);
    }
    let mut reports = Vec::new();
    for set in &sets {
        let (definition, files) = compiled(set, terminal)?;
        let selection = Selection { filter: args.filter.clone(), files: set.files.clone() };
        reports.push(run_tests(&definition, &files, &selection));
    }
    match args.format {
        Format::Text => reports.iter().for_each(|report| text(report, args, terminal)),
        Format::Json => match reports.as_slice() {
            [report] => terminal.out(serde_json::json!(report)),
            reports => terminal.out(serde_json::json!(reports)),
        },
        Format::Junit => terminal.out_raw(junit::write(&reports)),
    }
    let failed = reports.iter().any(|report| report.failed() > 0);
    Ok(if failed { Exit::Refused } else { Exit::Done })
}

fn wanted(paths: &[PathBuf]) -> Result<Vec<Wanted>, Failed> {
    let mut sets: Vec<Wanted> = Vec::new();
    for path in paths {
        let (folder, file) = placed(path)?;
        match (sets.iter_mut().find(|set| set.folder == folder), file) {
            (Some(set), Some(file)) if !set.files.is_empty() => set.files.push(file),
            (Some(set), _) => set.files.clear(),
            (None, file) => sets.push(Wanted { folder, files: file.into_iter().collect() }),
        }
    }
    Ok(sets)
}

/// The folder of a set, and the file in it when the path is one.
fn placed(path: &Path) -> Result<(PathBuf, Option<Name>), Failed> {
    if path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    if !path.is_file() {
        let missing = format!("there is no file or folder `{}`", path.display());
        return Err(
            Failed::new(Exit::Unreachable, missing).help("name the folder that holds `workflows/` and `rules/`")
        );
    }
    let part = path.parent().and_then(|part| Some((part.file_name()?.to_str()?, part.parent()?)));
    match (part, path.file_name().and_then(|name| name.to_str())) {
        (Some((part @ ("workflows" | "rules"), folder)), Some(name)) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            Ok((folder.to_owned(), Some(format!("{part}/{name}").into())))
        }
        (_, _) => {
            let outside = format!("`{}` stands in no `workflows/` or `rules/`", path.display());
            Err(Failed::new(Exit::Usage, outside)
                .help("tests are `workflows/NAME.scenarios.yaml` and `rules/NAME.test.yaml`"))
        }
    }
}

type Set = (Arc<crate::workflow::Definition>, crate::workflow::Files);

fn compiled(set: &Wanted, terminal: &Terminal) -> Result<Set, Failed> {
    let (Compiled { definition, diagnostics }, files) = library::check(&set.folder);
    match definition {
        Some(definition) => Ok((Arc::new(definition), files)),
        None => {
            terminal.note(render(&diagnostics, &files, terminal.color_err()));
            let broken = format!("the definitions in `{}` can't be used", set.folder.display());
            Err(Failed::new(Exit::Refused, broken).help("`gendan check` tells every mistake"))
        }
    }
}

fn text(report: &Report, args: &Args, terminal: &Terminal) {
    for test in &report.tested {
        terminal.out(line(test, terminal));
        test.failures.iter().for_each(|failure| terminal.out(failure));
    }
    if args.filter.is_none() {
        for workflow in report.coverage.workflows.iter().filter(|workflow| workflow.touched > 0) {
            coverage(workflow, terminal);
        }
    }
    let (all, failed) = (report.tested.len(), report.failed());
    let verdict = match (all, failed) {
        (0, _) => terminal.paint(Paint::Doubtful, "there are no tests"),
        (_, 0) => terminal.paint(Paint::Good, format_args!("{all} passed")),
        (_, failed) => {
            let passed = all.saturating_sub(failed);
            format!("{}, {passed} passed", terminal.paint(Paint::Bad, format_args!("{failed} failed")))
        }
    };
    terminal.out(format_args!("{verdict} in {} ms", report.milliseconds));
}

fn line(test: &Tested, terminal: &Terminal) -> String {
    let Tested { kind, name, place, covers, failures, milliseconds: _ } = test;
    let (passed, paint) = if failures.is_empty() { ("ok    ", Paint::Good) } else { ("FAILED", Paint::Bad) };
    let what = match kind {
        Kind::Scenario => "",
        Kind::Rule => "rule: ",
    };
    let covers = if covers.is_empty() { String::new() } else { format!(" ({})", covers.join(" ")) };
    let rest = terminal.paint(Paint::Faint, format_args!("{}:{}{covers}", place.file, place.line));
    format!("{} {what}{name}  {rest}", terminal.paint(paint, passed))
}

fn coverage(coverage: &WorkflowCoverage, terminal: &Terminal) {
    let WorkflowCoverage { workflow, all, touched, stages, transitions, branches } = coverage;
    let percent = touched * 100 / (*all).max(1);
    let head = format!("{workflow}: {touched} of {all} stages, transitions and branches touched ({percent} %)");
    terminal.out(terminal.paint(Paint::Strong, head));
    for (what, names) in [("stages", stages), ("transitions", transitions), ("branches", branches)] {
        if names.is_empty() {
            continue;
        }
        let shown: Vec<&str> = names.iter().take(UNTOUCHED_SHOWN_MAX).map(|name| &**name).collect();
        let more = names.len().saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        terminal.out(format_args!("  {what} never touched: {}{more}", shown.join(", ")));
    }
}
