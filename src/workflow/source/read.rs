//! Readers of the smallest parts: scalars, words, names, titles, lists, and the keys of a map.

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Entry, Node, Scalar, What};

/// The most characters of a name.
const NAME_CHARS_MAX: usize = 64;

/// Keys of the language that this version does not have, wherever they stand.
const LATER: &[&str] = &["waive_by"];

/// The keys of a map, each known one at hand.
pub(super) struct Keys<'n> {
    entries: &'n [Entry],
    node: &'n Node,
}

impl<'n> Keys<'n> {
    /// The keys of `node`, which describes `what`. Unknown ones are reported.
    pub(super) fn of(node: &'n Node, what: &str, known: &[&str], found: &mut Vec<Diagnostic>) -> Option<Self> {
        let entries = entries(node, what, found)?;
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key.value)) {
            found.push(unknown_key(&entry.key, what, known));
        }
        Some(Self { entries, node })
    }

    /// The value under `key`, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| &*entry.key.value == key).map(|entry| &entry.value)
    }

    /// The value under `key`; that it is missing is reported.
    pub(super) fn need(&self, key: &str, what: &str, found: &mut Vec<Diagnostic>) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() {
            found.push(self.node.spot.error("E021", format!("{what} needs `{key}`")));
        }
        value
    }

    /// The place of `key` itself.
    pub(super) fn key(&self, key: &str) -> Option<&'n At<Name>> {
        self.entries.iter().map(|entry| &entry.key).find(|at| &*at.value == key)
    }
}

/// Says that a key is not known here, and which one was probably meant.
pub(super) fn unknown_key(key: &At<Name>, what: &str, known: &[&str]) -> Diagnostic {
    let word = &key.value;
    let meant = did_you_mean(word, known.iter().copied());
    if meant.is_none() && LATER.contains(&&**word) {
        return key.spot.error("E028", format!("`{word}` is not a part of the language of this version"));
    }
    let error = key.spot.error("E020", format!("`{word}` is not a key of {what}"));
    error.help(
        meant.map_or_else(|| format!("known here: {}", known.join(", ")), |meant| format!("did you mean `{meant}`?")),
    )
}

/// The entries of a map.
pub(super) fn entries<'n>(node: &'n Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<&'n [Entry]> {
    match &node.what {
        What::Map(entries) => Some(entries),
        What::Broken => None,
        What::List(_) | What::Scalar(_) => {
            found.push(node.spot.error("E022", format!("{what} is a map, with `key: value` in each line")));
            None
        }
    }
}

/// The items of a list.
pub(super) fn items<'n>(node: &'n Node, what: &str, found: &mut Vec<Diagnostic>) -> &'n [Node] {
    match &node.what {
        What::List(items) => items,
        What::Broken => &[],
        What::Map(_) | What::Scalar(_) => {
            found.push(node.spot.error("E022", format!("{what} is a list")).help("write it as `[one, two]`"));
            &[]
        }
    }
}

/// The items of a list, or the one value that stands in its place.
pub(super) fn one_or_more<'n>(node: &'n Node, what: &str, found: &mut Vec<Diagnostic>) -> &'n [Node] {
    match &node.what {
        What::Scalar(_) => std::slice::from_ref(node),
        What::List(_) | What::Map(_) | What::Broken => items(node, what, found),
    }
}

/// The scalar, whatever it holds.
pub(super) fn scalar<'n>(node: &'n Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<&'n Scalar> {
    match &node.what {
        What::Scalar(scalar) => Some(scalar),
        What::Broken => None,
        What::List(_) | What::Map(_) => {
            found.push(node.spot.error("E022", format!("{what} is a single value, not a list or a map")));
            None
        }
    }
}

/// A text that is not empty.
pub(super) fn text(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<Name>> {
    let scalar = scalar(node, what, found)?;
    if is_null(scalar) || scalar.text.trim().is_empty() {
        found.push(node.spot.error("E023", format!("{what} is empty")));
        return None;
    }
    Some(At { value: Name::clone(&scalar.text), spot: node.spot.clone() })
}

/// A list of texts, or one.
pub(super) fn texts(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Vec<At<Name>> {
    let items = one_or_more(node, what, found);
    items.iter().filter_map(|item| text(item, what, found)).collect()
}

/// Whether the scalar says that there is no value.
pub(in crate::workflow) fn is_null(scalar: &Scalar) -> bool {
    scalar.plain && matches!(&*scalar.text, "" | "~" | "null" | "Null" | "NULL")
}

/// A scalar without quotes as `serde_yaml` understands it; `None` when it is something else.
fn leaf<T: DeserializeOwned>(scalar: &Scalar) -> Option<T> {
    if scalar.plain { serde_yaml::from_str(&scalar.text).ok() } else { None }
}

/// `true` or `false`.
pub(super) fn flag(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<bool> {
    let flag = leaf(scalar(node, what, found)?);
    if flag.is_none() {
        found.push(node.spot.error("E023", format!("{what} is `true` or `false`")));
    }
    flag
}

/// A count, from 0.
pub(super) fn count(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<usize> {
    let count = leaf(scalar(node, what, found)?);
    if count.is_none() {
        found.push(node.spot.error("E023", format!("{what} is a whole number from 0 on")));
    }
    count
}

/// A decimal, read from its text: it never passes through a float.
pub(super) fn decimal(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Decimal> {
    let scalar = scalar(node, what, found)?;
    let number = Decimal::from_str_exact(&scalar.text).ok();
    if number.is_none() {
        let error = node.spot.error("E023", format!("{what} is a number, and `{}` is none", scalar.text));
        found.push(error.help("write it as `12` or `12.5`"));
    }
    number
}

/// One of some words, as the type spells them.
pub(super) fn word<T: DeserializeOwned>(
    node: &Node,
    what: &str,
    known: &[&str],
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let scalar = scalar(node, what, found)?;
    let read = if known.contains(&&*scalar.text) { serde_yaml::from_str(&scalar.text).ok() } else { None };
    if read.is_none() {
        let error = node.spot.error("E024", format!("{what} can't be `{}`", scalar.text));
        let meant = did_you_mean(&scalar.text, known.iter().copied());
        found.push(match meant {
            Some(meant) => error.help(format!("did you mean `{meant}`?")),
            None => error.help(format!("known here: {}", known.join(", "))),
        });
    }
    read
}

/// What a scalar holds when nothing around it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::workflow) enum ScalarKind {
    Nothing,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text,
}

/// What a scalar holds: text, unless it stands without quotes and is a number, `true`, `false` or nothing.
pub(in crate::workflow) fn literal_of(scalar: &Scalar) -> ScalarKind {
    if is_null(scalar) {
        return ScalarKind::Nothing;
    }
    if let Some(flag) = leaf(scalar) {
        return ScalarKind::Boolean(flag);
    }
    let numeric = scalar.plain && scalar.text.chars().all(|letter| letter.is_ascii_digit() || "+-.".contains(letter));
    if !numeric {
        return ScalarKind::Text;
    }
    if let Some(number) = leaf(scalar) {
        return ScalarKind::Integer(number);
    }
    Decimal::from_str_exact(&scalar.text).map_or(ScalarKind::Text, ScalarKind::Decimal)
}

/// Says so when `name` can't be the name of `what`.
pub(super) fn check_name(name: &At<Name>, what: &str, found: &mut Vec<Diagnostic>) {
    let text = &name.value;
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    let goes_on = letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if !begins || !goes_on || text.len() > NAME_CHARS_MAX {
        let error = name.spot.error("E025", format!("`{text}` can't be the name of {what}"));
        let help =
            format!("begin with a letter from a to z, go on with a-z, 0-9 and _, at most {NAME_CHARS_MAX} in all");
        found.push(error.help(help));
    }
}

/// A title: one text, or one for each language.
pub(super) fn title(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<At<Title>> {
    let value = match &node.what {
        What::Scalar(_) => Title::both(&text(node, what, found)?.value),
        What::Map(_) => {
            let keys = Keys::of(node, what, &["zh", "en"], found)?;
            let mut language = |key| keys.get(key).and_then(|node| text(node, what, found)).map(|text| text.value);
            let value = Title { zh: language("zh"), en: language("en") };
            if value.is_empty() {
                return None;
            }
            value
        }
        What::List(_) => {
            found.push(node.spot.error("E022", format!("{what} is a text, or `{{ zh: ..., en: ... }}`")));
            return None;
        }
        What::Broken => return None,
    };
    Some(At { value, spot: node.spot.clone() })
}
