//! A file of `workflows/messages` as written, and the action that sends it.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Entry, Node, Scalar, Spot, What};

use super::read::{Keys, check_name, entries, flag, scalar, text, texts, title};
use super::workflow::named;

const KEYS: &[&str] = &["message", "title", "to", "channels", "language", "subject", "body", "html", "once"];

/// A message as written.
#[derive(Debug)]
pub(in crate::workflow) struct MessageSource {
    /// The file.
    pub(in crate::workflow) file: Spot,
    /// Its name: the file's name.
    pub(in crate::workflow) name: Name,
    /// What it is called.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// Whom it is for, where the action does not say so.
    pub(in crate::workflow) to: Vec<Node>,
    /// How it leaves.
    pub(in crate::workflow) channels: Vec<At<Name>>,
    /// The language in which it is sent.
    pub(in crate::workflow) language: Option<Node>,
    /// Its subject.
    pub(in crate::workflow) subject: Option<WordsSource>,
    /// Its text.
    pub(in crate::workflow) body: Option<WordsSource>,
    /// Its text as HTML.
    pub(in crate::workflow) html: Option<WordsSource>,
    /// Whether it is sent once for each case.
    pub(in crate::workflow) once: bool,
}

/// A text in one or two languages, as written.
#[derive(Debug)]
pub(in crate::workflow) struct WordsSource {
    /// All of it, to find what is not translated.
    pub(in crate::workflow) title: At<Title>,
    /// The Chinese template.
    pub(in crate::workflow) zh: Option<(Scalar, Spot)>,
    /// The English one.
    pub(in crate::workflow) en: Option<(Scalar, Spot)>,
}

/// `notify` as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct NotifySource {
    /// The message.
    pub(in crate::workflow) message: At<Name>,
    /// Whom it is for; empty for those of the message.
    pub(in crate::workflow) to: Vec<Node>,
    /// Whether it is sent once for each case.
    pub(in crate::workflow) once: Option<bool>,
    /// What the templates see as `with`.
    pub(in crate::workflow) with: Vec<Entry>,
}

/// Reads a file of `workflows/messages`.
pub(in crate::workflow) fn message(
    file: &Name,
    name: &str,
    root: &Node,
    found: &mut Vec<Diagnostic>,
) -> Option<MessageSource> {
    let keys = Keys::of(root, "a message", KEYS, found)?;
    named(&keys, "message", name, found);
    let body = keys.need("body", "a message", found);
    let channels = keys.need("channels", "a message", found);
    Some(MessageSource {
        file: Spot::file(file),
        name: name.into(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        to: keys.get("to").map(recipients).unwrap_or_default(),
        channels: channels.map(|node| texts(node, "`channels`", found)).unwrap_or_default(),
        language: keys.get("language").cloned(),
        subject: keys.get("subject").and_then(|node| words(node, "a subject", found)),
        body: body.and_then(|node| words(node, "a text", found)),
        html: keys.get("html").and_then(|node| words(node, "a text", found)),
        once: keys.get("once").and_then(|node| flag(node, "`once`", found)).unwrap_or(false),
    })
}

/// Reads the action `notify`.
pub(super) fn notify(node: &Node, found: &mut Vec<Diagnostic>) -> Option<NotifySource> {
    match &node.what {
        What::Scalar(_) => {
            let message = text(node, "a message", found)?;
            Some(NotifySource { message, to: Vec::new(), once: None, with: Vec::new() })
        }
        What::Map(_) | What::List(_) | What::Broken => {
            let keys = Keys::of(node, "`notify`", &["message", "to", "once", "with"], found)?;
            let message = keys.need("message", "`notify`", found).and_then(|node| text(node, "a message", found));
            let with = keys.get("with").and_then(|node| entries(node, "`with`", found)).unwrap_or_default();
            with.iter().for_each(|entry| check_name(&entry.key, "a parameter", found));
            Some(NotifySource {
                message: message?,
                to: keys.get("to").map(recipients).unwrap_or_default(),
                once: keys.get("once").and_then(|node| flag(node, "`once`", found)),
                with: with.to_vec(),
            })
        }
    }
}

/// One recipient, or a list of them.
fn recipients(node: &Node) -> Vec<Node> {
    match &node.what {
        What::List(nodes) => nodes.clone(),
        What::Scalar(_) | What::Map(_) | What::Broken => vec![node.clone()],
    }
}

fn words(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<WordsSource> {
    let read = title(node, what, found)?;
    let written = |node: &Node, found: &mut Vec<Diagnostic>| {
        scalar(node, what, found).map(|scalar| (scalar.clone(), node.spot.clone()))
    };
    let (zh, en) = match &node.what {
        What::Map(entries) => {
            let mut of = |key: &str| {
                let entry = entries.iter().find(|entry| &*entry.key.value == key);
                entry.and_then(|entry| written(&entry.value, found))
            };
            (of("zh"), of("en"))
        }
        What::Scalar(_) | What::List(_) | What::Broken => {
            let both = written(node, found);
            (both.clone(), both)
        }
    };
    Some(WordsSource { title: read, zh, en })
}
