//! The command line: a file per command.

mod backup;
mod bench;
mod check;
pub mod client;
mod config;
mod demo;
mod export;
mod import;
mod key;
mod restore;
mod serve;
mod target;
pub mod terminal;
mod test;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::StartError;
use crate::config::{ConfigError, Environment};
use crate::diagnostic::{Diagnostic, render};
use crate::library::OpenError;
use crate::workflow::Files;

use client::ClientError;
use terminal::{Exit, Terminal};

const EXIT_CODES: &str = "\
Exit codes:
  0  it did what was asked
  1  it was refused, or it found problems
  2  it was called wrongly
  3  a server, a folder or a file could not be reached or opened

Begin with `gendan demo`: a server with sample data, nothing else needed.";

/// Gendan (跟单): a rules-driven, configurable workflow server.
///
/// Workflows are YAML files and rules are Rhai scripts; change a file and the running server takes it up, or
/// refuses it and says why.
#[derive(Debug, Parser)]
#[command(name = "gendan", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colours: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", hide_possible_values = true)]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Check(check::Args),
    Test(test::Args),
    Import(import::Args),
    Key(key::Args),
    Verify(verify::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Export(export::Args),
    Bench(bench::Args),
    #[command(hide = true)]
    BenchHello(bench::HelloArgs),
    Config(config::Args),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// Why a command ended without doing what was asked.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What it ends with.
    pub(crate) exit: Exit,
    /// What went wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// What was found in definition files, with the files, when it is about them.
    found: Option<(Vec<Diagnostic>, Files)>,
}

impl Failed {
    /// A failure without advice.
    pub(crate) fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None, found: None }
    }

    /// The same failure with advice.
    pub(crate) fn help(mut self, help: impl std::fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self { help: error.help().map(str::to_owned), ..Self::new(error.exit(), &error) }
    }
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        let exit = match error {
            ConfigError::File { .. } => Exit::Unreachable,
            ConfigError::Value { .. } => Exit::Usage,
        };
        Self::new(exit, error).help("`gendan config` explains every setting")
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Library(OpenError::Broken { diagnostics, files }) => {
                let broken = "the definitions can't be used, and there are no earlier ones to go on with";
                Self { found: Some((diagnostics, files)), ..Self::new(Exit::Refused, broken) }
            }
            StartError::FirstKey(_) | StartError::Channels(_) => Self::new(Exit::Usage, error),
            StartError::Library(OpenError::Store(_))
            | StartError::Store(_)
            | StartError::Watch(_)
            | StartError::Listen { .. } => Self::new(Exit::Unreachable, error),
        }
    }
}

/// Runs the command that this process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::read();
    let color = match cli.color {
        Color::Auto if environment.no_color => Some(false),
        Color::Auto => None,
        Color::Always => Some(true),
        Color::Never => Some(false),
    };
    let terminal = Terminal::new(color);
    let outcome = match cli.command {
        Command::Demo(args) => demo::run(&args, &terminal),
        Command::Serve(args) => serve::run(args, &environment, &terminal),
        Command::Check(args) => check::run(&args, &terminal),
        Command::Test(args) => test::run(&args, &terminal),
        Command::Import(args) => import::run(&args, &terminal),
        Command::Key(args) => key::run(&args, &terminal),
        Command::Verify(args) => verify::run(&args, &terminal),
        Command::Backup(args) => backup::run(&args, &terminal),
        Command::Restore(args) => restore::run(&args, &terminal),
        Command::Export(args) => export::run(&args, &terminal),
        Command::Bench(args) => bench::run(&args, &terminal),
        Command::BenchHello(args) => bench::run_hello(&args, &terminal),
        Command::Config(args) => Ok(config::run(&args, &terminal)),
    };
    outcome.unwrap_or_else(|failed| tell(&failed, &terminal)).into()
}

fn tell(failed: &Failed, terminal: &Terminal) -> Exit {
    if let Some((diagnostics, files)) = &failed.found {
        terminal.note(render(diagnostics, files, terminal.color_err()));
    }
    terminal.error(&failed.message);
    if let Some(help) = &failed.help {
        terminal.help(help);
    }
    failed.exit
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
