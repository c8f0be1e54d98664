//! The command line: a file per command.

pub mod client;
mod config;
pub(crate) mod demo;
pub mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::Environment;

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
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Config(config::Args),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless the environment sets `NO_COLOR`
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
}

impl Failed {
    /// A failure without advice.
    pub(crate) fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None }
    }

    /// The same failure with advice.
    pub(crate) fn help(mut self, help: impl std::fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self { exit: error.exit(), message: error.to_string(), help: error.help().map(str::to_owned) }
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
        Command::Config(args) => Ok(config::run(&args, &terminal)),
    };
    outcome.unwrap_or_else(|failed| tell(&failed, &terminal)).into()
}

fn tell(failed: &Failed, terminal: &Terminal) -> Exit {
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
