//! The walk: a YAML file as a tree in which every node knows its place.
//!
//! The file is read as a stream of events and what YAML allows and we don't is refused on the way: anchors,
//! aliases, tags, merge keys, several documents, duplicate keys, depth, size. INVARIANT: depth is counted here,
//! on a stack of our own, so that no tree is deeper than the limit and recursion over one is safe.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use crate::diagnostic::Diagnostic;
use crate::model::limit::{FILE_BYTES_MAX, FILE_DIAGNOSTICS_MAX, YAML_DEPTH_MAX};
use crate::model::{Name, Place};

/// A stretch of a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Its first character.
    pub(super) place: Place,
    /// Its length in characters.
    pub(super) length: usize,
}

impl Spot {
    /// The file as a whole.
    pub(super) fn file(file: &Name) -> Self {
        Self { place: Place { file: Name::clone(file), line: 0, column: 0 }, length: 1 }
    }

    /// An error about this stretch.
    pub(super) fn error(&self, code: &str, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::error(code, self.place.clone(), message).length(self.length)
    }

    /// A warning about this stretch.
    pub(super) fn warning(&self, code: &str, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::warning(code, self.place.clone(), message).length(self.length)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    /// The value.
    pub(super) value: T,
    /// Where it stands.
    pub(super) spot: Spot,
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) what: What,
    /// Where it stands.
    pub(super) spot: Spot,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A scalar as it was written.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map in the order in which it was written.
    Map(Vec<Entry>),
    /// Something that has already been reported; readers pass over it in silence.
    Broken,
}

/// A scalar: its text, and how it was quoted. What it means depends on who reads it.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// The text.
    pub(super) text: Name,
    /// Whether it stood there without quotes, so that it may be a number or a word like `true`.
    pub(super) plain: bool,
    /// Where its first character stands, behind the quote.
    pub(super) inside: Place,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: At<Name>,
    /// The value.
    pub(super) value: Node,
}

/// Reads a file. Every mistake goes to `found`; `None` when there is no tree worth reading.
pub(super) fn walk(file: &Name, bytes: &[u8], found: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = text_of(file, bytes, FILE_BYTES_MAX, found)?;
    let mut builder = Builder { file, text, found: Vec::new(), open: Vec::new(), root: None, documents: 0 };
    let whole = builder.run();
    let root = builder.root.take();
    let none_said = builder.found.is_empty();
    found.append(&mut builder.found);
    match root {
        Some(root) if whole => Some(root),
        None if whole && none_said => {
            found.push(Spot::file(file).error("E012", "the file is empty"));
            None
        }
        Some(_) | None => None,
    }
}

/// The text of a file of at most `bytes_max` bytes, without a byte order mark.
pub(super) fn text_of<'b>(
    file: &Name,
    bytes: &'b [u8],
    bytes_max: usize,
    found: &mut Vec<Diagnostic>,
) -> Option<&'b str> {
    if bytes.len() > bytes_max {
        let message = format!("the file has {} bytes, more than {bytes_max}", bytes.len());
        found.push(Spot::file(file).error("E002", message).help("split it into several files"));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
            let place = Place { file: Name::clone(file), line: number(line), column: number(column + 1) };
            found.push(Diagnostic::error("E001", place, "the file is not UTF-8").help("save it as UTF-8"));
            None
        }
    }
}

/// A list or map that has begun.
enum Open {
    List(Spot, Vec<Node>),
    Map { spot: Spot, entries: Vec<Entry>, keys: BTreeSet<Name>, key: Option<Node> },
}

struct Builder<'f> {
    file: &'f Name,
    text: &'f str,
    found: Vec<Diagnostic>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    /// Reads all events; says whether the file was read to its end.
    fn run(&mut self) -> bool {
        let mut parser = Parser::new_from_str(self.text);
        while let Some(next) = parser.next_event() {
            let (event, span) = match next {
                Ok(event) => event,
                Err(error) => {
                    self.not_yaml(error.marker(), error.info());
                    return false;
                }
            };
            if !self.take(event, span) {
                return false;
            }
            if self.found.len() >= FILE_DIAGNOSTICS_MAX {
                self.found.push(self.spot(span).error("E013", "too many mistakes; the rest of the file was not read"));
                return false;
            }
        }
        true
    }

    fn not_yaml(&mut self, marker: &Marker, info: &str) {
        // The parser counts lines from 1, and one past the last one at the end of the file.
        let line = marker.line().min(self.text.lines().count().max(1));
        let place = Place { file: Name::clone(self.file), line: number(line), column: number(marker.col() + 1) };
        let (code, message, help) = complaint(info);
        let diagnostic = Diagnostic::error(code, place, message);
        self.found.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// Takes an event; says whether to go on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => return self.document(span),
            Event::Alias(_) => {
                let spot = self.spot(span);
                let error = spot.error("E006", "aliases (`*name`) are not a part of the language");
                self.found.push(error.help("write the value out where it is needed"));
                self.place(Node { what: What::Broken, spot });
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, (anchor, tag.as_deref()), span),
            Event::SequenceStart(anchor, tag) => {
                self.refuse(anchor, tag.as_deref(), span);
                let spot = Spot { length: 1, ..self.spot(span) };
                return self.begin(Open::List(spot, Vec::new()), span);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(anchor, tag.as_deref(), span);
                let spot = Spot { length: 1, ..self.spot(span) };
                let map = Open::Map { spot, entries: Vec::new(), keys: BTreeSet::new(), key: None };
                return self.begin(map, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
        true
    }

    fn document(&mut self, span: Span) -> bool {
        self.documents += 1;
        if self.documents > 1 {
            let error = self.spot(span).error("E009", "a file holds one document, and here begins another");
            self.found.push(error.help("write each document into a file of its own"));
        }
        self.documents <= 1
    }

    fn begin(&mut self, open: Open, span: Span) -> bool {
        if self.open.len() >= YAML_DEPTH_MAX {
            let message = format!("lists and maps are nested more than {YAML_DEPTH_MAX} deep");
            self.found.push(self.spot(span).error("E004", message));
            return false;
        }
        self.open.push(open);
        true
    }

    fn end(&mut self) {
        let node = match self.open.pop() {
            Some(Open::List(spot, items)) => Node { what: What::List(items), spot },
            Some(Open::Map { spot, entries, .. }) => Node { what: What::Map(entries), spot },
            None => return,
        };
        self.place(node);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, extras: (usize, Option<&Tag>), span: Span) {
        self.refuse(extras.0, extras.1, span);
        let spot = self.spot(span);
        // The parser places a block scalar at the first letter of its text.
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let plain = matches!(style, ScalarStyle::Plain);
        let inside = beside(&spot.place, u32::from(quoted));
        // `when: !is_set(x)` is a tag without a value: what follows from that is not worth saying.
        let what = match extras.1 {
            Some(_) => What::Broken,
            None => What::Scalar(Scalar { text: text.into(), plain, inside }),
        };
        self.place(Node { what, spot });
    }

    fn refuse(&mut self, anchor: usize, tag: Option<&Tag>, span: Span) {
        if anchor != 0 {
            let error = self.spot(span).error("E005", "anchors (`&name`) are not a part of the language");
            self.found.push(error.help("write the value out where it is needed"));
        }
        if let Some(tag) = tag {
            let core = if tag.is_yaml_core_schema() { "!!" } else { "!" };
            let message = format!("tags (`{core}{}`) are not a part of the language", tag.suffix);
            let error = self.spot(span).error("E007", message);
            self.found.push(error.help("leave it out, and quote an expression that begins with `!`"));
        }
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map { entries, keys, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => self.found.extend(enter(entries, keys, key, node)),
            },
        }
    }

    fn spot(&self, span: Span) -> Spot {
        let place = Place {
            file: Name::clone(self.file),
            line: number(span.start.line()),
            column: number(span.start.col() + 1),
        };
        let length = if span.start.line() == span.end.line() { span.len().max(1) } else { 1 };
        Spot { place, length }
    }
}

/// Adds an entry to a map, unless its key is none or stands there already.
fn enter(entries: &mut Vec<Entry>, keys: &mut BTreeSet<Name>, key: Node, value: Node) -> Option<Diagnostic> {
    let scalar = match key.what {
        What::Scalar(scalar) => scalar,
        What::Broken => return None,
        What::List(_) | What::Map(_) => {
            let error = key.spot.error("E011", "a key is one word, not a list or a map");
            return Some(error.help("quote text that begins with `[` or `{`"));
        }
    };
    if scalar.plain && &*scalar.text == "<<" {
        let error = key.spot.error("E008", "merge keys (`<<`) are not a part of the language");
        return Some(error.help("write the values out where they are needed"));
    }
    if !keys.insert(Name::clone(&scalar.text)) {
        let error = key.spot.error("E010", format!("`{}` stands here twice", scalar.text));
        return Some(error.help("keep one of them; the other would be lost"));
    }
    entries.push(Entry { key: At { value: scalar.text, spot: key.spot }, value });
    None
}

/// The place `columns` to the right.
pub(super) fn beside(place: &Place, columns: u32) -> Place {
    Place { column: place.column.saturating_add(columns), ..place.clone() }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What the parser complains of: the code, what is wrong and what to do about its most frequent complaints.
fn complaint(info: &str) -> (&'static str, String, Option<&'static str>) {
    if info.contains("recursion") {
        return ("E004", format!("lists and maps are nested more than {YAML_DEPTH_MAX} deep"), None);
    }
    if info.contains("unknown anchor") {
        let help = "write the value out where it is needed, and quote a text that begins with `*`";
        return ("E006", "aliases (`*name`) are not a part of the language".to_owned(), Some(help));
    }
    let help = if info.contains("tab") {
        Some("indent with spaces, not tabs")
    } else if info.contains("mapping values are not allowed") {
        Some("quote a text that holds `: `")
    } else if info.contains("':' indicator") {
        Some("look for a `[`, `{` or quote before it that is not closed")
    } else {
        None
    };
    ("E003", format!("this is not YAML: {info}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let node = walk(&"a.yaml".into(), text.as_bytes(), &mut found);
        (node, found)
    }

    fn write(node: &Node, out: &mut Vec<String>) {
        let Spot { place, length } = &node.spot;
        let at = format!("{}:{}+{length}", place.line, place.column);
        match &node.what {
            What::Scalar(scalar) => {
                out.push(format!("{at} {:?} inside {}:{}", scalar.text, scalar.inside.line, scalar.inside.column));
            }
            What::List(items) => {
                out.push(format!("{at} list"));
                items.iter().for_each(|item| write(item, out));
            }
            What::Map(entries) => {
                out.push(format!("{at} map"));
                for entry in entries {
                    let Spot { place, length } = &entry.key.spot;
                    out.push(format!("{}:{}+{length} key {}", place.line, place.column, entry.key.value));
                    write(&entry.value, out);
                }
            }
            What::Broken => out.push(format!("{at} broken")),
        }
    }

    #[test]
    fn every_node_knows_its_place() {
        let (node, found) =
            read("a: { 中文: 'x y', b: [1 , \"two\"] } # c\nd: |\n\n  when\n  more\ne:\nf:  plain words  \n");
        assert_eq!(found, []);
        let mut out = Vec::new();
        write(&node.unwrap(), &mut out);
        insta::assert_snapshot!(out.join("\n"), @r#"
        1:1+1 map
        1:1+1 key a
        1:4+1 map
        1:6+2 key 中文
        1:10+5 "x y" inside 1:11
        1:17+1 key b
        1:20+1 list
        1:21+1 "1" inside 1:21
        1:25+5 "two" inside 1:26
        2:1+1 key d
        4:3+1 "\nwhen\nmore\n" inside 4:3
        6:1+1 key e
        6:2+1 "" inside 6:2
        7:1+1 key f
        7:5+11 "plain words" inside 7:5
        "#);
    }

    #[test]
    fn a_deep_file_is_stopped_in_time() {
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(50_000)] {
            let (node, found) = read(&text);
            assert!(node.is_none());
            assert!(found.iter().all(|found| matches!(&*found.code, "E003" | "E004")), "{found:?}");
        }
    }

    #[test]
    fn mistakes_are_counted_and_capped() {
        let (node, found) = read(&"- &a x\n".repeat(10_000));
        assert!(node.is_none());
        assert_eq!(found.len(), FILE_DIAGNOSTICS_MAX + 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-:{}\\[\\]&*!|>'\"%@#?,a \n\t中\u{feff}]{0,60}") {
            let (node, found) = read(&text);
            prop_assert!(node.is_some() || !found.is_empty());
        }
    }
}
