//! The `gendan` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gendan::cli::run()
}
