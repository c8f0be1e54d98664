//! The `gendan` command.

fn main() {}
