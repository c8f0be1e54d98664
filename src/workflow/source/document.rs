//! Documents as written: a template, a number, and when it can be issued.

use crate::diagnostic::Diagnostic;
use crate::model::{Language, Name, Title};
use crate::workflow::walk::{At, Node};

use super::condition::{Condition, condition};
use super::read::{Keys, check_name, entries, text, title, word};

/// A document as written.
#[derive(Debug)]
pub(in crate::workflow) struct DocumentSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The pattern of its numbers.
    pub(in crate::workflow) number: Option<At<Name>>,
    /// The file of its template, below `workflows/`.
    pub(in crate::workflow) template: Option<At<Name>>,
    /// The language of its template.
    pub(in crate::workflow) language: Language,
    /// When it can be issued.
    pub(in crate::workflow) when: Option<Condition>,
}

/// Reads `documents`.
pub(super) fn documents(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<DocumentSource> {
    let entries = entries(node, "`documents`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| document(&entry.key, &entry.value, found)).collect()
}

fn document(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<DocumentSource> {
    check_name(name, "a document", found);
    let keys = Keys::of(node, "a document", &["title", "number", "template", "language", "when"], found)?;
    Some(DocumentSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        number: keys.need("number", "a document", found).and_then(|node| text(node, "`number`", found)),
        template: keys.need("template", "a document", found).and_then(|node| text(node, "`template`", found)),
        language: keys
            .get("language")
            .and_then(|node| word(node, "`language`", &["zh", "en"], found))
            .unwrap_or(Language::Zh),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
    })
}
