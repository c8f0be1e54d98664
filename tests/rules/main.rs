//! Expressions and rules, seen from outside.
#![cfg(test)]

mod common;
mod values;
