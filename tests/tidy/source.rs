//! A source file in the forms that the checks look at, and what it names.

/// A source file.
pub(crate) struct Source {
    /// Its path from the root of the project.
    pub(crate) path: String,
    /// Without its inline tests (which stand at its end), comments and the contents of strings.
    pub(crate) code: String,
    /// The contents of the strings in `code`, with their lines.
    pub(crate) strings: Vec<(usize, String)>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let without_tests = text.split_once("\n#[cfg(test)]\nmod tests {").map_or(text, |(before, _)| before);
        let (code, strings) = strip(without_tests);
        Self { path: path.to_owned(), code, strings }
    }

    /// The part of `src/` that it belongs to; `lib` and `main` for the roots.
    pub(crate) fn part(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or_default()
    }

    /// The lines on which `word` stands, not as a piece of a longer one.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<usize> {
        lines_with(&self.code, word, |_| true)
    }

    /// The lines on which the crate `name` is used: `name::` or `use name`, not `crate::x::name`.
    pub(crate) fn lines_with_crate(&self, name: &str) -> Vec<usize> {
        let lines: Vec<&str> = self.code.lines().collect();
        let begins = |before: Option<char>| !before.is_some_and(|letter| letter == ':' || letter == '.');
        let used = |line: &str| line.contains(&format!("{name}::")) || line.contains(&format!("use {name}"));
        lines_with(&self.code, name, begins).into_iter().filter(|line| used(lines[line - 1])).collect()
    }

    /// What stands directly behind `root::`, with its line; `root::{a, b::C}` names `a` and `b`.
    pub(crate) fn named_under(&self, root: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let path = format!("{root}::");
        let mut pieces = self.code.split(path.as_str());
        let mut line = 1 + pieces.next().unwrap_or_default().matches('\n').count();
        for rest in pieces {
            let names = rest.strip_prefix('{').map_or_else(|| vec![rest.to_owned()], outer);
            let first_word = |name: &String| {
                name.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
            };
            found.extend(names.iter().map(first_word).filter(|name| !name.is_empty()).map(|name| (line, name)));
            line += rest.matches('\n').count();
        }
        found
    }
}

/// The lines of `text` on which `word` stands, not as a piece of a longer one; `begins` may look at the letter
/// before it.
pub(crate) fn lines_with(text: &str, word: &str, begins: impl Fn(Option<char>) -> bool) -> Vec<usize> {
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let stands = |line: &str| {
        let pieces: Vec<&str> = line.split(word).collect();
        pieces.windows(2).any(|pair| {
            let (before, after) = (pair[0].chars().next_back(), pair[1].chars().next());
            !part(before) && !part(after) && begins(before)
        })
    };
    text.lines().enumerate().filter(|(_, line)| stands(line)).map(|(index, _)| index + 1).collect()
}

/// The words of an identifier or text: `sales_order`, `SalesOrder` and `a sales order` are two or three words.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut before_lower = false;
    for letter in text.chars() {
        if letter.is_uppercase() && before_lower {
            spaced.push(' ');
        }
        before_lower = letter.is_lowercase();
        spaced.push(if letter.is_alphanumeric() { letter } else { ' ' });
    }
    spaced.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// The items of a `{...}` group whose opening brace is gone; of a nested group only what stands before it.
fn outer(group: &str) -> Vec<String> {
    let (mut items, mut depth) = (vec![String::new()], 0);
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ if depth == 0 => items.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    items
}

/// Where a scan of Rust source stands.
enum State {
    Code,
    LineComment,
    BlockComment(usize),
    Text { hashes: Option<usize>, start: usize },
}

/// Blanks comments and the contents of strings, keeps line ends, and gives the strings.
fn strip(text: &str) -> (String, Vec<(usize, String)>) {
    let letters: Vec<char> = text.chars().collect();
    let (mut code, mut strings) = (String::new(), Vec::new());
    let (mut state, mut at) = (State::Code, 0);
    while at < letters.len() {
        let rest = &letters[at..];
        let (next, step) = match state {
            State::Code => in_code(rest, at, &letters[..at], &mut code),
            State::LineComment if rest[0] == '\n' => (State::Code, 1),
            State::BlockComment(depth) if rest.starts_with(&['/', '*']) => (State::BlockComment(depth + 1), 2),
            State::BlockComment(1) if rest.starts_with(&['*', '/']) => (State::Code, 2),
            State::BlockComment(depth) if rest.starts_with(&['*', '/']) => (State::BlockComment(depth - 1), 2),
            State::Text { hashes, start } if ends(rest, hashes) => {
                strings.push((code.matches('\n').count() + 1, letters[start..at].iter().collect()));
                code.push_str("\"\"");
                (State::Code, 1 + hashes.unwrap_or(0))
            }
            State::Text { hashes: None, .. } if rest[0] == '\\' => (state, 2),
            within @ (State::LineComment | State::BlockComment(_) | State::Text { .. }) => (within, 1),
        };
        code.extend(rest.iter().take(step).filter(|letter| **letter == '\n'));
        (state, at) = (next, at + step);
    }
    (code, strings)
}

/// One step of the scan outside comments and strings.
fn in_code(rest: &[char], at: usize, before: &[char], code: &mut String) -> (State, usize) {
    match rest {
        ['/', '/', ..] => (State::LineComment, 2),
        ['/', '*', ..] => (State::BlockComment(1), 2),
        ['"', ..] => (State::Text { hashes: raw_hashes(before), start: at + 1 }, 1),
        ['\'', '\\', escaped @ ..] => {
            (State::Code, 4 + escaped.iter().skip(1).position(|letter| *letter == '\'').unwrap_or(0))
        }
        ['\'', _, '\'', ..] => (State::Code, 3),
        [letter, ..] if *letter != '\n' => {
            code.push(*letter);
            (State::Code, 1)
        }
        _ => (State::Code, 1),
    }
}

/// Whether a string ends here.
fn ends(rest: &[char], hashes: Option<usize>) -> bool {
    let closing = rest.iter().skip(1).take_while(|letter| **letter == '#').count();
    rest[0] == '"' && closing >= hashes.unwrap_or(0)
}

/// The number of `#` of the raw string whose quote comes next; `None` when it is a plain one.
fn raw_hashes(before: &[char]) -> Option<usize> {
    let hashes = before.iter().rev().take_while(|letter| **letter == '#').count();
    let mark = before.iter().rev().nth(hashes);
    mark.is_some_and(|letter| *letter == 'r').then_some(hashes)
}
