//! `gendan config`: the manual of the settings.

use super::terminal::{Exit, Terminal};

/// Print every setting of the server with its default and what it is for
///
/// The output is a complete settings file: change what you need and keep it as `gendan.yaml` in the folder
/// where you start the server.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  gendan config > gendan.yaml")]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_args: &Args, terminal: &Terminal) -> Exit {
    terminal.out_raw(crate::config::MANUAL);
    Exit::Done
}
