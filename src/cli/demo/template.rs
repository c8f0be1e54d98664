//! Templates: text with names in braces, as `{ShipAddress}, {customer.City}`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer};

/// A text with names in braces; `{{` and `}}` are braces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// As it was written.
    pub(crate) written: String,
    /// Its parts in order.
    pub(crate) parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Letters as they are.
    Literal(String),
    /// A column.
    Name(Reference),
}

/// A column: of the row with this name, or of the nearest row that was asked for with `each`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The name of the row, when one is given.
    pub(crate) row: Option<String>,
    /// The column.
    pub(crate) column: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.row {
            Some(row) => write!(f, "{row}.{}", self.column),
            None => f.write_str(&self.column),
        }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence about the brace that does not fit.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    literal.push(letter);
                }
                '{' => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                    parts.push(Part::Name(Self::reference(&name, text)?));
                }
                '}' => return Err(format!("`{text}` has a `}}` too many; write `}}}}` for the brace itself")),
                letter => literal.push(letter),
            }
        }
        parts.push(Part::Literal(literal));
        parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
        Ok(Self { written: text.to_owned(), parts })
    }

    /// The one name that the template is made of, when there is nothing else in it.
    pub(crate) fn only(&self) -> Option<&Reference> {
        match self.parts.as_slice() {
            [Part::Name(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The names in it.
    pub(crate) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    fn reference(name: &str, text: &str) -> Result<Reference, String> {
        let closed = text.contains(&format!("{{{name}}}"));
        if name.trim().is_empty() || name.contains('{') || !closed {
            return Err(format!("`{text}` has a `{{` that is not closed or names nothing"));
        }
        let (row, column) = match name.split_once('.') {
            Some((row, column)) => (Some(row.trim().to_owned()), column.trim().to_owned()),
            None => (None, name.trim().to_owned()),
        };
        Ok(Reference { row, column })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let said = match Template::parse(text) {
            Ok(template) => {
                let parts = template.parts.iter().map(|part| match part {
                    Part::Literal(text) => format!("[{text}]"),
                    Part::Name(reference) => format!("<{reference}>"),
                });
                parts.collect::<String>()
            }
            Err(problem) => problem,
        };
        assert_eq!(said, expected, "{text}");
    }

    #[test]
    fn templates_are_read() {
        check("", "");
        check("plain", "[plain]");
        check("{A}", "<A>");
        check("{A} {b.C}", "<A>[ ]<b.C>");
        check("{{{A}}}", "[{]<A>[}]");
        check("号{A}号", "[号]<A>[号]");
    }

    #[test]
    fn braces_that_do_not_fit_are_told() {
        check("{A", "`{A` has a `{` that is not closed or names nothing");
        check("{}", "`{}` has a `{` that is not closed or names nothing");
        check("A}", "`A}` has a `}` too many; write `}}` for the brace itself");
        check("{A {B}}", "`{A {B}}` has a `{` that is not closed or names nothing");
    }
}
