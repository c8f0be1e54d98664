//! Gendan (跟单, "following an order through"): a rules-driven, configurable workflow server.
//!
//! # The idea
//! - A **workflow** (YAML) and its **rules** (Rhai) [compile](workflow::compile()) to a
//!   [`workflow::Definition`], or to a list of [diagnostics](diagnostic::Diagnostic).
//! - A [command](model::Command) on a [case](model::Case) is *decided* by a pure function,
//!   [`engine::decide`], which gives [events](model::Event) or a [refusal](model::Refusal) with every reason;
//!   [`engine::evolve`] folds events into the case.
//! - Commands on different cases are decided in parallel; one committer in the [`runtime`] checks that what they
//!   were decided on still holds, and makes a group of them durable in the [`store`] with one sync. No success is
//!   answered before that.
//! - HTTP, files, clock, network and storage are a thin shell around this, and none of them knows a business
//!   word: stages, fields and checks stand in `workflows/` and `rules/` alone.
//!
//! # The map
//! The core is pure and synchronous; it is given the time, ids and randomness:
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | values, cases, commands, events, refusals, the world, every limit |
//! | [`diagnostic`] | what is wrong in a file, where, what to do; how it is printed |
//! | [`field`] | field types: read, check, describe themselves |
//! | [`calendar`] | working time and days, deadlines, and why they lie where they lie |
//! | [`rule`] | the one Rhai engine: sandbox, limits, typed values, checks at load |
//! | [`message`] | what is written to people: templates, checked at load |
//! | [`action`] | what stands under `do` |
//! | [`workflow`] | YAML as written, compiled, linted |
//! | [`engine`] | [`engine::decide`], [`engine::evolve`], what is available and why not |
//!
//! The shell does the I/O:
//!
//! | module | holds |
//! |---|---|
//! | [`store`] | what is kept: a [journal](store::journal), which is the truth, and a state behind it, in memory and in sled |
//! | [`library`] | the live definitions: loaded aside, swapped as a whole, the last good set kept |
//! | [`runtime`] | the threads that decide, the committer, tables, keys, lists |
//! | [`scenario`] | the tests of a set: scenarios played on a whole product in memory, and tests of rules |
//! | [`http`] | the API, a file per resource |
//! | [`cli`] | the `gendan` command, a file per subcommand |
//! | [`config`], [`clock`], [`app`] | settings, the only file that asks for the time, and what wires the parts |
//! | [`sync`] | locks and threads, so that a model can try every schedule of the committer |
//!
//! Imports point one way: `model, diagnostic <- field, calendar <- rule <- message <- action, workflow <- engine`, and
//! `store <- library <- runtime <- scenario <- http <- app <- cli`. `tests/tidy.rs` reads the `use` lines and holds this.
//!
//! # Where a new thing goes
//! A field type is an arm of [`field::Kind`] and its reader; an action is an arm of [`action::Action`]; an
//! endpoint goes into its resource's file; for a new command or event the compiler names the rest; a workflow, a
//! rule or a table needs no Rust at all.
//!
//! # What is promised
//! - What was acknowledged is on disk: a group of commands is one write and one `fdatasync` of the journal, and is
//!   seen, answered and told to others only after it. `tests/durable.rs` proves it from the calls of the system.
//! - The state behind the journal (cases, indexes, unique values, answers) may be lost: it is built again.
//! - What a command has seen when it was decided (its case, rows of tables, unique values) still stood when it was
//!   committed; else it was decided again.
//! - `fold(events) == snapshot`, always; `gendan verify` checks it, with the hash chain of the journal.
//! - Rules run in [`engine::decide`] only: what has happened is never judged again.
//! - A check that can't be judged (a missing value, unlike types, a budget that ran out) never passes.

pub mod action;
pub mod app;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod diagnostic;
pub mod engine;
pub mod field;
pub mod http;
pub mod library;
pub mod message;
pub mod model;
pub mod rule;
pub mod runtime;
pub mod scenario;
pub mod store;
pub mod sync;
pub mod workflow;
