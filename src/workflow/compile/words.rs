//! The names that stand in an expression or script: what it may read, found without running it.

/// A name in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// The name.
    pub(super) name: &'t str,
    /// Whether it stands behind a dot.
    pub(super) member: bool,
}

/// The names in `text`, in order. Those in strings and comments are left out, those inside an interpolation are
/// not.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut member = false;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '"' => string_length(rest),
            // A range is no way to a member.
            '.' if rest.starts_with("..") => 2,
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if letter.is_ascii_alphabetic() || letter == '_' => word_length(rest),
            // A number's letters, as in 0xff, are no name.
            _ if letter.is_ascii_digit() => word_length(rest),
            _ => letter.len_utf8(),
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if letter.is_ascii_alphabetic() || letter == '_' {
            words.push(Word { name: piece, member });
            member = false;
        } else if !letter.is_whitespace() {
            member = piece == ".";
        }
        rest = after;
    }
    words
}

fn word_length(text: &str) -> usize {
    text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len())
}

/// The length of the string at the beginning of `text`, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_strings_are_not() {
        for (text, expected) in [
            ("a + b.c", "a b .c"),
            ("a == \"x \\\" y\" && z", "a z"),
            ("lines.sum(|l| l.q * 0xff)", "lines .sum l l .q"),
            ("a // b\n c /* d */ e", "a c e"),
            ("for i in 0..n {}", "for i in n"),
            ("`${a} b`", "a b"),
            ("甲 = a", "a"),
            ("\"open", ""),
        ] {
            let shown: Vec<String> =
                words(text).iter().map(|word| format!("{}{}", if word.member { "." } else { "" }, word.name)).collect();
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }
}
