//! Gendan (跟单): a rules-driven, configurable workflow server.

pub mod action;
pub mod cli;
pub mod clock;
pub mod config;
pub mod diagnostic;
pub mod engine;
pub mod field;
pub mod http;
pub mod library;
pub mod model;
pub mod rule;
pub mod runtime;
pub mod store;
pub mod workflow;
