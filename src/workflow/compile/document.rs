//! Documents: their templates, whose every name is checked, and who issues them.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Diagnostic;
use crate::field::{Kind, Schema};
use crate::message::{Names, Page};
use crate::model::Name;
use crate::workflow::document::Document;
use crate::workflow::source::DocumentSource;
use crate::workflow::walk::{At, Spot};

use super::given::parameter;
use super::names::unknown;
use super::number;
use super::set::readable;
use super::sources::Sources;
use super::workflow::Compiler;

/// Says so of templates that no document prints.
pub(super) fn unused(sources: &Sources, found: &mut Vec<Diagnostic>) {
    let documents = sources.workflows.values().flatten().flat_map(|workflow| &workflow.documents);
    let used: BTreeSet<Name> =
        documents.filter_map(|document| Some(file(&document.template.as_ref()?.value))).collect();
    for path in sources.pages.keys().filter(|path| !used.contains(*path)) {
        let warning = Spot::file(path).warning("W001", "nothing reads this file");
        found.push(warning.help("name it as the `template` of a document"));
    }
}

impl Compiler<'_> {
    /// The documents, by name.
    pub(super) fn documents(&mut self) -> IndexMap<Name, Document> {
        let source = self.source;
        let documents = source.documents.iter().filter_map(|source| self.document(source));
        documents.map(|document| (Name::clone(&document.name), document)).collect()
    }

    fn document(&mut self, source: &DocumentSource) -> Option<Document> {
        let name = Name::clone(&source.name.value);
        let when = self.condition(source.when.as_ref());
        let number = number::read(source.number.as_ref()?).map_err(|wrong| self.found.push(wrong));
        let page = self.page(source);
        let (number, page) = (number.ok()?, page?);
        Some(Document {
            title: source.title.as_ref().map_or_else(|| readable(&name), |title| title.value.clone()),
            name,
            number,
            reads: self.reads(&page.code(), None),
            page,
            language: source.language,
            when,
        })
    }

    fn page(&mut self, source: &DocumentSource) -> Option<Arc<Page>> {
        let template = source.template.as_ref()?;
        let path = file(&template.value);
        let sources = self.shared.sources;
        let Some(text) = sources.pages.get(&path) else {
            let known = sources.pages.keys().filter_map(|path| path.strip_prefix("workflows/"));
            let error = unknown("E193", "template", template, known);
            self.found.push(match error.help {
                Some(_) => error,
                None => error.help("write it as `workflows/documents/NAME.html`"),
            });
            return None;
        };
        let page = match Page::compile(&path, text.as_deref()?, source.language) {
            Ok(page) => page,
            Err(wrong) => {
                self.found.extend(wrong);
                return None;
            }
        };
        self.used.words.extend(super::words::words(&page.code()).iter().map(|word| Name::from(word.name)));
        if self.broken.is_empty() {
            self.found.extend(page.check_use(&self.names()));
        }
        Some(Arc::new(page))
    }

    /// What a template of a document may name: `with` is what it says of itself.
    fn names(&self) -> Names {
        let own = [("number", Kind::Text), ("draft", Kind::Boolean)];
        let own = own.map(|(name, kind)| (Name::from(name), parameter(&name.into(), kind)));
        Names {
            schema: Arc::clone(&self.environment.schema),
            settings: Arc::clone(&self.environment.settings),
            with: Arc::new(Schema { fields: own.into_iter().collect() }),
            tables: Arc::clone(&self.environment.tables),
        }
    }

    /// A document by its name.
    pub(super) fn issued(&mut self, name: &At<Name>) -> Option<Name> {
        let known = &self.source.documents;
        if known.iter().any(|document| document.name.value == name.value) {
            return Some(Name::clone(&name.value));
        }
        self.found.push(unknown("E192", "document", name, known.iter().map(|document| &*document.name.value)));
        None
    }
}

/// The file that a template names.
fn file(template: &str) -> Name {
    format!("workflows/{template}").into()
}
