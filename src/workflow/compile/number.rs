//! The pattern of case numbers.

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::definition::{NumberFormat, NumberPart};
use crate::workflow::walk::At;

/// The most digits that a sequence may be filled up to.
const DIGITS_MAX: usize = 12;
/// The most characters of a pattern.
const PATTERN_CHARS_MAX: usize = 64;

/// The pattern of a workflow that gives none: its name and a sequence.
pub(super) fn default(workflow: &str) -> NumberFormat {
    NumberFormat { parts: vec![NumberPart::Literal(format!("{workflow}-").into()), NumberPart::Sequence(4)] }
}

/// Reads a pattern such as `SO{date}-{seq:4}`.
///
/// # Errors
/// When it has no sequence or more than one, or something else in braces.
pub(super) fn read(pattern: &At<Name>) -> Result<NumberFormat, Diagnostic> {
    let wrong = |message: String| {
        let error = pattern.spot.error("E111", message);
        error.help("it is made of letters, `{date}` and one `{seq}` or `{seq:4}`")
    };
    if pattern.value.chars().count() > PATTERN_CHARS_MAX || pattern.value.chars().any(char::is_control) {
        return Err(wrong(format!("the number has control characters, or more than {PATTERN_CHARS_MAX} characters")));
    }
    let mut parts = Vec::new();
    let mut rest: &str = &pattern.value;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return Err(wrong("the number has a `}` without a `{`".to_owned()));
        }
        if !literal.is_empty() {
            parts.push(NumberPart::Literal(literal.into()));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (name, after) =
            after.split_once('}').ok_or_else(|| wrong("the number has a `{` without a `}`".to_owned()))?;
        parts.push(part(name).ok_or_else(|| wrong(format!("the number can't have `{{{name}}}`")))?);
        rest = after;
    }
    match parts.iter().filter(|part| matches!(part, NumberPart::Sequence(_))).count() {
        1 => Ok(NumberFormat { parts }),
        0 => Err(wrong("the number has no sequence, so all cases of a day would have the same".to_owned())),
        _ => Err(wrong("the number has more than one sequence".to_owned())),
    }
}

fn part(name: &str) -> Option<NumberPart> {
    match name.split_once(':') {
        None if name == "date" => Some(NumberPart::Date),
        None if name == "seq" => Some(NumberPart::Sequence(1)),
        Some(("seq", digits)) => {
            let digits = digits.parse().ok().filter(|digits| (1..=DIGITS_MAX).contains(digits))?;
            Some(NumberPart::Sequence(digits))
        }
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::walk::Spot;

    #[test]
    fn patterns_are_read_or_refused() {
        for (pattern, expected) in [
            ("SO{date}-{seq:4}", "SO20260924-0007"),
            ("{seq}", "7"),
            ("单{seq:2}号", "单07号"),
            ("SO", "the number has no sequence, so all cases of a day would have the same"),
            ("{seq}{seq}", "the number has more than one sequence"),
            ("{sec}", "the number can't have `{sec}`"),
            ("{seq:0}", "the number can't have `{seq:0}`"),
            ("{seq:99}", "the number can't have `{seq:99}`"),
            ("{seq", "the number has a `{` without a `}`"),
            ("seq}", "the number has a `}` without a `{`"),
        ] {
            let at = At { value: pattern.into(), spot: Spot::file(&"a".into()) };
            let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 24).unwrap();
            let read =
                read(&at).map_or_else(|error| error.message.to_string(), |number| number.write(day, 7).to_string());
            assert_eq!(read, expected, "{pattern}");
        }
    }
}
