//! Text with holes that differ from case to case: `{n}`, `{n%40}`, `{id}` and `{number}`.

use std::fmt::Write as _;

/// A text with holes. Braces around anything but a small word stand for themselves, so that JSON needs no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// The number of the case in the run.
    Case,
    /// What remains of that number when it is divided.
    Remainder(u64),
    Id,
    Number,
}

/// What the holes of a case are filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filling {
    /// The number of the case in the run.
    pub(super) n: u64,
    /// Its id; empty until it is opened.
    pub(super) id: String,
    /// The number that the server gave it; empty until it is opened.
    pub(super) number: String,
}

impl Text {
    /// Reads a text.
    ///
    /// # Errors
    /// A sentence about a hole that nothing fills.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            match after.split_once('}').filter(|(word, _)| is_word(word)) {
                Some((word, behind)) => {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    pieces.push(hole(word)?);
                    rest = behind;
                }
                None => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Literal(literal));
        pieces.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// The text with its holes filled.
    pub(super) fn fill(&self, filling: &Filling) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            // Writing to a string can't fail.
            let _ok = match piece {
                Piece::Literal(text) => filled.write_str(text),
                Piece::Case => write!(filled, "{}", filling.n),
                Piece::Remainder(divisor) => write!(filled, "{}", filling.n.checked_rem(*divisor).unwrap_or_default()),
                Piece::Id => filled.write_str(&filling.id),
                Piece::Number => filled.write_str(&filling.number),
            };
        }
        filled
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'%')
}

fn hole(word: &str) -> Result<Piece, String> {
    let divisor = word.strip_prefix("n%").and_then(|divisor| divisor.parse().ok()).filter(|divisor| *divisor > 0);
    match (word, divisor) {
        (_, Some(divisor)) => Ok(Piece::Remainder(divisor)),
        ("n", None) => Ok(Piece::Case),
        ("id", None) => Ok(Piece::Id),
        ("number", None) => Ok(Piece::Number),
        _ => Err(format!("nothing fills `{{{word}}}`; there are `{{n}}`, `{{n%40}}`, `{{id}}` and `{{number}}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let filling = Filling { n: 83, id: "case-1".into(), number: "N-9".into() };
        let filled = Text::parse(text).map(|text| text.fill(&filling));
        assert_eq!(filled.unwrap_or_else(|problem| problem), expected, "{text}");
    }

    #[test]
    fn holes_are_filled_and_other_braces_stay() {
        check("", "");
        check("/v1/cases/{id}/x?n={n}&m={n%40}", "/v1/cases/case-1/x?n=83&m=3");
        check(r#"{"a":{"b":"{number}{n}"},"c":{}}"#, r#"{"a":{"b":"N-983"},"c":{}}"#);
        check("客{n%2}户 {", "客1户 {");
    }

    #[test]
    fn a_hole_that_nothing_fills_is_told() {
        let known = "; there are `{n}`, `{n%40}`, `{id}` and `{number}`";
        for word in ["nr", "n%0", "n%x", "m%3"] {
            check(&format!("a {{{word}}}"), &format!("nothing fills `{{{word}}}`{known}"));
        }
    }
}
