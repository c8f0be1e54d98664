//! A document, compiled: a printable form of a case.

use std::sync::Arc;

use crate::message::Page;
use crate::model::{Language, Name, Title};
use crate::rule::Expression;

use super::definition::NumberFormat;
use super::view::Reads;

/// A printable form of a case, with numbers of its own.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// How it is numbered.
    pub number: NumberFormat,
    /// What is printed.
    pub page: Arc<Page>,
    /// The language of what is printed.
    pub language: Language,
    /// When it can be issued, and drafted before.
    pub when: Option<Arc<Expression>>,
    /// The fields that it may show.
    pub reads: Reads,
}
