//! Views as written: which cases, in which order, with which columns.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Node, Spot, What};

use super::condition::{Code, Condition, condition, expression};
use super::read::{Keys, check_name, entries, items, scalar, text, texts, title};
use super::transition::all_or;
use super::workflow::Stages;

/// A view as written.
#[derive(Debug)]
pub(in crate::workflow) struct ViewSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The list of which each row is a row of the view.
    pub(in crate::workflow) rows: Option<At<Name>>,
    /// The stages of its cases.
    pub(in crate::workflow) stages: Stages,
    /// The condition on its cases.
    pub(in crate::workflow) when: Option<Condition>,
    /// What it is sorted by, and whether the largest comes first.
    pub(in crate::workflow) sort: Vec<(ColumnSource, bool)>,
    /// Its columns.
    pub(in crate::workflow) columns: Vec<ColumnSource>,
}

/// A column as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct ColumnSource {
    /// Its name, where it has one of its own.
    pub(in crate::workflow) name: Option<At<Name>>,
    /// Its title, where it has one of its own.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// What stands in it.
    pub(in crate::workflow) code: Code,
    /// Whether it is a path (`a.b.c`), which knows its own title.
    pub(in crate::workflow) path: bool,
}

/// Reads `views`.
pub(super) fn views(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ViewSource> {
    let entries = entries(node, "`views`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| view(&entry.key, &entry.value, found)).collect()
}

fn view(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<ViewSource> {
    check_name(name, "a view", found);
    let keys = Keys::of(node, "a view", &["title", "rows", "for", "sort", "columns"], found)?;
    let columns = keys.need("columns", "a view", found).map(|node| items(node, "`columns`", found));
    let columns = columns.unwrap_or_default().iter().filter_map(|node| column(node, found)).collect();
    let (stages, when) = keys.get("for").map_or((None, None), |node| some_cases(node, found));
    let sort = keys.get("sort").map(|node| texts(node, "`sort`", found)).unwrap_or_default();
    Some(ViewSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        rows: keys.get("rows").and_then(|node| text(node, "`rows`", found)),
        stages,
        when,
        sort: sort.into_iter().map(sorted).collect(),
        columns,
    })
}

/// Which cases: `{ stages, when }`.
pub(super) fn some_cases(node: &Node, found: &mut Vec<Diagnostic>) -> (Stages, Option<Condition>) {
    let Some(keys) = Keys::of(node, "`for`", &["stages", "when"], found) else { return (None, None) };
    let stages = keys.get("stages").and_then(|node| all_or(node, "`stages`", found));
    (stages, keys.get("when").and_then(|node| condition(node, "`when`", found)))
}

fn column(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ColumnSource> {
    if matches!(node.what, What::Scalar(_)) {
        text(node, "a column", found)?;
        let scalar = scalar(node, "a column", found)?;
        return Some(ColumnSource { name: None, title: None, code: Code::of(scalar, &node.spot, 0), path: true });
    }
    let keys = Keys::of(node, "a column", &["name", "title", "value"], found)?;
    let own = keys.get("name").and_then(|node| text(node, "`name`", found));
    own.iter().for_each(|name| check_name(name, "a column", found));
    let said = keys.need("title", "a column", found).and_then(|node| title(node, "a title", found));
    let code = keys.need("value", "a column", found).and_then(|node| expression(node, "`value`", found))?;
    Some(ColumnSource { name: own, title: said, code, path: false })
}

/// `-path` begins with the largest.
fn sorted(path: At<Name>) -> (ColumnSource, bool) {
    let (text, down) = match path.value.strip_prefix('-') {
        Some(text) => (Name::from(text.trim()), true),
        None => (path.value, false),
    };
    let skipped = usize::from(down);
    let mut place = path.spot.place.clone();
    place.column = place.column.saturating_add(u32::from(down));
    let spot = Spot { place: place.clone(), length: path.spot.length.saturating_sub(skipped).max(1) };
    (ColumnSource { name: None, title: None, code: Code { text, place, spot }, path: true }, down)
}
