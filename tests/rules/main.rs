//! Expressions and rules, seen from outside.
#![cfg(test)]

mod ask;
mod calendar;
mod common;
mod findings;
mod load;
mod mangled;
mod pairs;
mod resources;
mod sound;
mod values;
