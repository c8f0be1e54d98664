//! Measures as written: a share of the cases, or how long something took.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::definition::Figure;
use crate::workflow::walk::{At, Node};

use super::condition::{Code, expression};
use super::read::{Keys, check_name, entries, items, text, title, word};

/// A measure as written.
#[derive(Debug)]
pub(in crate::workflow) struct MeasureSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The list of which each row is judged.
    pub(in crate::workflow) rows: Option<At<Name>>,
    /// What is counted.
    pub(in crate::workflow) count: Option<Code>,
    /// Of what it is a share, or which cases have a time.
    pub(in crate::workflow) of: Option<Code>,
    /// What takes how long.
    pub(in crate::workflow) time: Option<Code>,
    /// Which figures of the times are shown.
    pub(in crate::workflow) show: Vec<Figure>,
    /// By the month of what.
    pub(in crate::workflow) by: Option<Code>,
}

/// Reads `measures`.
pub(super) fn measures(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<MeasureSource> {
    let entries = entries(node, "`measures`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| measure(&entry.key, &entry.value, found)).collect()
}

fn measure(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<MeasureSource> {
    check_name(name, "a measure", found);
    let keys = Keys::of(node, "a measure", &["title", "rows", "count", "of", "time", "show", "by"], found)?;
    let (count, time) = (keys.key("count"), keys.key("time"));
    match (count, time) {
        (Some(_), Some(time)) => {
            let message = format!("`{}` counts a share and takes times; it can only do one", name.value);
            found.push(time.spot.error("E191", message).help("write two measures"));
        }
        (None, None) => {
            let message = format!("`{}` measures nothing", name.value);
            found.push(name.spot.error("E191", message).help("write `count: ...` for a share, `time: ...` for times"));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if let (Some(show), None) = (keys.key("show"), time) {
        found.push(show.spot.error("E027", "`show` chooses figures of times, and this measure has none"));
    }
    let mut code = |key: &str| keys.get(key).and_then(|node| expression(node, &format!("`{key}`"), found));
    let (count, of, time, by) = (code("count"), code("of"), code("time"), code("by"));
    let show = keys.get("show").map(|node| items(node, "`show`", found)).unwrap_or_default();
    let show = show.iter().filter_map(|node| word(node, "a figure", Figure::WORDS, found)).collect();
    Some(MeasureSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        rows: keys.get("rows").and_then(|node| text(node, "`rows`", found)),
        count,
        of,
        time,
        show,
        by,
    })
}
