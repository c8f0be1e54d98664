//! Expressions as written, and conditions, which may also be written as a map.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Place};
use crate::workflow::walk::{At, Node, Scalar, Spot, What, beside};

use super::read::{entries, is_null, one_or_more, scalar};

/// An expression as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct Code {
    /// Its text.
    pub(in crate::workflow) text: Name,
    /// Its first character, behind quotes and `=`.
    pub(in crate::workflow) place: Place,
    /// The scalar it stands in.
    pub(in crate::workflow) spot: Spot,
}

impl Code {
    /// The expression in `scalar` behind the first `skipped` characters.
    pub(in crate::workflow) fn of(scalar: &Scalar, spot: &Spot, skipped: usize) -> Self {
        let rest: String = scalar.text.chars().skip(skipped).collect();
        let blank = rest.chars().take_while(|letter| *letter == ' ').count();
        let columns = u32::try_from(skipped + blank).unwrap_or(0);
        Self { text: rest.trim().into(), place: beside(&scalar.inside, columns), spot: spot.clone() }
    }
}

/// A condition as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum Condition {
    /// An expression.
    Code(Code),
    /// Fields, and the values that each may have.
    Fields(Vec<(At<Name>, Vec<Node>)>),
}

/// Reads an expression.
pub(super) fn expression(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Code> {
    let scalar = scalar(node, what, found)?;
    if is_null(scalar) || scalar.text.trim().is_empty() {
        found.push(node.spot.error("E023", format!("{what} is empty")));
        return None;
    }
    Some(Code::of(scalar, &node.spot, 0))
}

/// Reads a condition.
pub(super) fn condition(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Condition> {
    match &node.what {
        What::Map(_) => {
            let entries = entries(node, what, found)?;
            let fields = entries.iter().map(|entry| {
                let values = one_or_more(&entry.value, "what a field is compared with", found);
                (entry.key.clone(), values.to_vec())
            });
            Some(Condition::Fields(fields.collect()))
        }
        What::Scalar(_) | What::List(_) | What::Broken => expression(node, what, found).map(Condition::Code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::walk::walk;

    #[test]
    fn an_expression_knows_where_its_first_character_stands() {
        for (text, skipped, line, column, expected) in [
            ("a > b", 0, 1, 1, "a > b"),
            ("'a > b'", 0, 1, 2, "a > b"),
            ("\"=a\"", 1, 1, 3, "a"),
            ("=  a", 1, 1, 4, "a"),
            ("'=中 + a'", 1, 1, 3, "中 + a"),
            ("|\n  a\n  + b\n", 0, 2, 3, "a\n+ b"),
            (">-\n    a\n    + b\n", 0, 2, 5, "a + b"),
        ] {
            let mut found = Vec::new();
            let node = walk(&"a.yaml".into(), text.as_bytes(), &mut found).unwrap();
            let What::Scalar(scalar) = &node.what else { panic!("{text}") };
            let code = Code::of(scalar, &node.spot, skipped);
            assert_eq!((code.place.line, code.place.column, &*code.text), (line, column, expected), "{text}");
        }
    }
}
