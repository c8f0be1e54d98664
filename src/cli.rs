//! The command line: a file per command.

pub mod client;
pub mod terminal;
