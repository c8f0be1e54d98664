//! Pages: HTML documents that are printed and frozen.

use crate::diagnostic::Diagnostic;
use crate::model::{Language, Name, Place};

use super::template::{Bounds, Origin};
use super::{Names, Scene, Text};
use crate::model::limit::{PAGE_BYTES_MAX, PAGE_FUEL_MAX};

/// A page: one template in one language; values are escaped for HTML.
#[derive(Debug)]
pub struct Page {
    text: Text,
    language: Language,
    source: Name,
}

impl Page {
    /// Compiles the template in `file`.
    ///
    /// # Errors
    /// Every mistake in its form.
    pub fn compile(file: &Name, source: &str, language: Language) -> Result<Self, Vec<Diagnostic>> {
        let origin = Origin { place: Place { file: Name::clone(file), line: 1, column: 1 }, one_line: false };
        let (zh, en) = match language {
            Language::Zh => (Some((source, origin)), None),
            Language::En => (None, Some((source, origin))),
        };
        let text = Text::bounded(zh, en, true, Bounds { bytes: PAGE_BYTES_MAX, fuel: PAGE_FUEL_MAX })?;
        Ok(Self { text, language, source: source.into() })
    }

    /// Checks every name in it.
    #[must_use]
    pub fn check_use(&self, names: &Names) -> Vec<Diagnostic> {
        self.text.check(names)
    }

    /// The code in it: what stands in `{{ }}` and `{% %}`.
    #[must_use]
    pub fn code(&self) -> String {
        let mut code = String::new();
        let mut rest: &str = &self.source;
        while let Some((_, after)) = rest.split_once('{') {
            let end = match after.chars().next() {
                Some('{') => "}}",
                Some('%') => "%}",
                Some(_) | None => {
                    rest = after;
                    continue;
                }
            };
            let (inside, behind) = after.split_once(end).unwrap_or((after, ""));
            code.extend([inside.trim_start_matches(['{', '%', '-']), "\n"]);
            rest = behind;
        }
        code
    }

    /// Prints it.
    ///
    /// # Errors
    /// Why it can't be printed, for people.
    pub fn print(&self, scene: &Scene) -> Result<Name, String> {
        let written = self.text.write(scene, Some(self.language))?;
        Ok(written.text(self.language).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_page_is_what_stands_in_braces() {
        let source = "<p class=\"x { }\">{{ a.b }}{% for c in d -%}{{- c }}{% endfor %}{{ open";
        let page = Page { text: Text::default(), language: Language::En, source: source.into() };
        assert_eq!(page.code(), " a.b \n for c in d -\n c \n endfor \n open\n");
    }
}
