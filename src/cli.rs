//! The command line: a file per command.

pub mod client;
pub(crate) mod demo;
pub mod terminal;
