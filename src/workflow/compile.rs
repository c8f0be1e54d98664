//! From files to a [`Definition`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::model::Name;

use super::definition::Definition;

/// The files of a set: path (`workflows/sales_order.yaml`, `rules/stock.rhai`) to content.
pub type Files = BTreeMap<Name, Arc<[u8]>>;

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// The definition, when there is no error.
    pub definition: Option<Definition>,
    /// Everything that was found, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a set: everything, or every mistake in every file.
#[must_use]
pub fn compile(_files: &Files) -> Compiled {
    Compiled { definition: None, diagnostics: Vec::new() }
}
