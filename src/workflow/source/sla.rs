//! Service levels as written.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Node, Scalar, What};

use super::condition::{Condition, condition};
use super::read::{Keys, check_name, entries, text, texts, title};
use super::transition::{ActionSource, actions};

const KEYS: &[&str] = &["title", "stage", "from", "until", "when", "within", "owner", "pauses", "warn", "breach"];

/// A service level as written.
#[derive(Debug)]
pub(in crate::workflow) struct SlaSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// What starts its clock.
    pub(in crate::workflow) from: Option<EdgeSource>,
    /// What stops it.
    pub(in crate::workflow) until: Option<EdgeSource>,
    /// Under which condition it starts.
    pub(in crate::workflow) when: Option<Condition>,
    /// Within what.
    pub(in crate::workflow) within: Option<At<Name>>,
    /// Who owes it.
    pub(in crate::workflow) owner: Option<At<Name>>,
    /// The stages in which it stands still.
    pub(in crate::workflow) pauses: Vec<At<Name>>,
    /// What happens before.
    pub(in crate::workflow) warn: Option<WarnSource>,
    /// What happens after.
    pub(in crate::workflow) breach: Vec<BreachSource>,
}

/// What starts or stops a clock, as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum EdgeSource {
    /// The case is opened.
    Opened,
    /// It enters stages.
    Enters(Vec<At<Name>>),
    /// It leaves stages.
    Leaves(Vec<At<Name>>),
    /// A transition is taken.
    Transition(At<Name>),
    /// A field gets a value.
    Field(At<Name>),
    /// A task is done.
    Task(At<Name>),
}

/// What happens before a deadline, as written.
#[derive(Debug)]
pub(in crate::workflow) struct WarnSource {
    /// When.
    pub(in crate::workflow) at: At<Name>,
    /// What.
    pub(in crate::workflow) actions: Vec<ActionSource>,
}

/// What happens after a deadline, as written.
#[derive(Debug)]
pub(in crate::workflow) struct BreachSource {
    /// How long after it.
    pub(in crate::workflow) after: Option<At<Name>>,
    /// What.
    pub(in crate::workflow) actions: Vec<ActionSource>,
}

/// Reads the service levels of a workflow.
pub(super) fn slas(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<SlaSource> {
    let entries = entries(node, "`slas`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| sla(&entry.key, &entry.value, found)).collect()
}

fn sla(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<SlaSource> {
    check_name(name, "an SLA", found);
    let keys = Keys::of(node, "an SLA", KEYS, found)?;
    let (from, until) = edges(name, &keys, found);
    let pauses = keys.get("pauses").and_then(|node| {
        let keys = Keys::of(node, "`pauses`", &["stage"], found)?;
        keys.need("stage", "`pauses`", found).map(|node| texts(node, "a stage", found))
    });
    Some(SlaSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        from,
        until,
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        within: keys.need("within", "an SLA", found).and_then(|node| text(node, "`within`", found)),
        owner: keys.get("owner").and_then(|node| text(node, "`owner`", found)),
        pauses: pauses.unwrap_or_default(),
        warn: keys.get("warn").and_then(|node| warn(node, found)),
        breach: keys.get("breach").map(|node| breach(node, found)).unwrap_or_default(),
    })
}

/// `stage`, or `from` and `until`.
fn edges(name: &At<Name>, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> (Option<EdgeSource>, Option<EdgeSource>) {
    let Some(node) = keys.get("stage") else {
        let from = keys.need("from", "an SLA without `stage`", found).and_then(|node| edge(node, true, found));
        let until = keys.need("until", "an SLA without `stage`", found).and_then(|node| edge(node, false, found));
        return (from, until);
    };
    if let Some(other) = keys.key("from").or_else(|| keys.key("until")) {
        let message = format!("`{}` has a `stage`, which says where it begins and ends", name.value);
        found.push(other.spot.error("E030", message).help("leave `stage` out, or `from` and `until`"));
    }
    let stages = texts(node, "`stage`", found);
    (Some(EdgeSource::Enters(stages.clone())), Some(EdgeSource::Leaves(stages)))
}

fn edge(node: &Node, begins: bool, found: &mut Vec<Diagnostic>) -> Option<EdgeSource> {
    const KNOWN: &[&str] = &["enters", "leaves", "transition", "field", "task"];
    let what = if begins { "`from`" } else { "`until`" };
    if let What::Scalar(Scalar { text, .. }) = &node.what {
        if begins && &**text == "opened" {
            return Some(EdgeSource::Opened);
        }
        let known = if begins { "`opened`, `{ enters: STAGE }`" } else { "`{ enters: STAGE }`" };
        let error = node.spot.error("E024", format!("{what} can't be `{text}`"));
        found.push(error.help(format!(
            "write {known}, `{{ leaves: STAGE }}`, `{{ transition: NAME }}`, `{{ task: NAME }}` or `{{ field: NAME }}`"
        )));
        return None;
    }
    let keys = Keys::of(node, what, KNOWN, found)?;
    let mut given = KNOWN.iter().filter_map(|key| Some((*key, keys.get(key)?)));
    let (Some((key, value)), None) = (given.next(), given.next()) else {
        let error = node.spot.error("E022", format!("{what} says one thing that happens"));
        found.push(error.help(format!("one of {}", KNOWN.join(", "))));
        return None;
    };
    match key {
        "enters" => Some(EdgeSource::Enters(texts(value, "a stage", found))),
        "leaves" => Some(EdgeSource::Leaves(texts(value, "a stage", found))),
        "transition" => text(value, "a transition", found).map(EdgeSource::Transition),
        "task" => text(value, "a task", found).map(EdgeSource::Task),
        _ => text(value, "a field", found).map(EdgeSource::Field),
    }
}

fn warn(node: &Node, found: &mut Vec<Diagnostic>) -> Option<WarnSource> {
    let keys = Keys::of(node, "`warn`", &["at", "do"], found)?;
    let at = keys.need("at", "`warn`", found).and_then(|node| text(node, "`at`", found));
    let actions = keys.get("do").map(|node| actions(node, found)).unwrap_or_default();
    Some(WarnSource { at: at?, actions })
}

/// Actions that follow at once, and rungs that follow later.
fn breach(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<BreachSource> {
    let items = super::read::items(node, "`breach`", found);
    let is_rung = |node: &&Node| match &node.what {
        What::Map(entries) => entries.iter().any(|entry| matches!(&*entry.key.value, "after" | "do")),
        What::Scalar(_) | What::List(_) | What::Broken => false,
    };
    let (rungs, at_once): (Vec<&Node>, Vec<&Node>) = items.iter().partition(is_rung);
    let mut breach = Vec::new();
    if !at_once.is_empty() {
        let at_once = Node { what: What::List(at_once.into_iter().cloned().collect()), spot: node.spot.clone() };
        breach.push(BreachSource { after: None, actions: actions(&at_once, found) });
    }
    for rung in rungs {
        let Some(keys) = Keys::of(rung, "a rung", &["after", "do"], found) else { continue };
        let after = keys.get("after").and_then(|node| text(node, "`after`", found));
        let actions = keys.need("do", "a rung", found).map(|node| actions(node, found)).unwrap_or_default();
        breach.push(BreachSource { after, actions });
    }
    breach
}
