//! Expressions and rules, seen from outside.
#![cfg(test)]

mod ask;
mod common;
mod findings;
mod load;
mod pairs;
mod sound;
mod values;
