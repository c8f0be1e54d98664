//! Tasks and approvals as written.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::walk::{At, Node, Spot, What};

use super::condition::{Condition, condition};
use super::field::{FieldSource, Where, fields};
use super::read::{Keys, check_name, count, entries, items, text, texts, title, word};
use super::transition::{ActionSource, CheckSource, actions, asked, checks};

const TASK: &[&str] =
    &["title", "by", "not_by", "after", "each", "ask", "change", "checks", "when", "outcome", "again", "do"];

/// A task as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct TaskSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// Who may do it; `None` when that is not said at all.
    pub(in crate::workflow) by: Option<Vec<At<Name>>>,
    /// The tasks and transitions whose doers may not do it.
    pub(in crate::workflow) not_by: Vec<At<Name>>,
    /// The tasks before it.
    pub(in crate::workflow) after: Vec<At<Name>>,
    /// The list that it goes through.
    pub(in crate::workflow) each: Option<At<Name>>,
    /// What it asks for.
    pub(in crate::workflow) ask: Vec<AskSource>,
    /// The fields that may be corrected on the way.
    pub(in crate::workflow) change: Vec<At<Name>>,
    /// Its checks.
    pub(in crate::workflow) checks: Vec<CheckSource>,
    /// Its condition.
    pub(in crate::workflow) when: Option<Condition>,
    /// How it may end.
    pub(in crate::workflow) outcomes: Vec<OutcomeSource>,
    /// What it does.
    pub(in crate::workflow) actions: Vec<ActionSource>,
    /// When it comes again.
    pub(in crate::workflow) again: Option<At<Name>>,
}

/// One thing that a task asks for.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum AskSource {
    /// A field by its name, and whether it must be answered here: one of the case, or of the row that is gone
    /// through.
    Named(At<Name>, bool),
    /// A field of the task's own.
    Own(Box<FieldSource>),
}

/// How a task may end, as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct OutcomeSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// Its condition.
    pub(in crate::workflow) when: Option<Condition>,
    /// The task that has to be done again.
    pub(in crate::workflow) redo: Option<At<Name>>,
    /// What it does.
    pub(in crate::workflow) actions: Vec<ActionSource>,
}

/// A step of an approval, as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct ApprovalSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// Whose agreement counts.
    pub(in crate::workflow) of: Vec<At<Name>>,
    /// How many must agree, and where that is said.
    pub(in crate::workflow) count: Option<(usize, Spot)>,
    /// When it is needed.
    pub(in crate::workflow) when: Option<Condition>,
}

/// Reads the tasks of a stage.
pub(super) fn tasks(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<TaskSource> {
    let entries = entries(node, "`tasks`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| task(&entry.key, &entry.value, found)).collect()
}

/// Reads the approvals of a transition: one, or a list of them.
pub(super) fn approvals(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ApprovalSource> {
    match &node.what {
        What::Map(_) => approval(node, found).into_iter().collect(),
        What::List(_) | What::Scalar(_) | What::Broken => {
            items(node, "`approvals`", found).iter().filter_map(|node| approval(node, found)).collect()
        }
    }
}

fn approval(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ApprovalSource> {
    let keys = Keys::of(node, "an approval", &["of", "count", "when"], found)?;
    let of = keys.need("of", "an approval", found).map(|node| texts(node, "`of`", found)).unwrap_or_default();
    let number = keys.get("count").and_then(|node| Some((count(node, "`count`", found)?, node.spot.clone())));
    let when = keys.get("when").and_then(|node| condition(node, "`when`", found));
    Some(ApprovalSource { spot: node.spot.clone(), of, count: number, when })
}

fn task(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<TaskSource> {
    check_name(name, "a task", found);
    let keys = Keys::of(node, "a task", TASK, found)?;
    let list = |key: &str, found: &mut Vec<Diagnostic>| {
        keys.get(key).map(|node| texts(node, &format!("`{key}`"), found)).unwrap_or_default()
    };
    Some(TaskSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        by: keys.get("by").map(|node| texts(node, "`by`", found)),
        not_by: list("not_by", found),
        after: list("after", found),
        each: keys.get("each").and_then(|node| text(node, "`each`", found)),
        ask: keys.get("ask").map(|node| ask(node, found)).unwrap_or_default(),
        change: list("change", found),
        checks: keys.get("checks").map(|node| checks(node, found)).unwrap_or_default(),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        outcomes: keys.get("outcome").map(|node| outcomes(node, found)).unwrap_or_default(),
        actions: keys.get("do").map(|node| actions(node, found)).unwrap_or_default(),
        again: keys.get("again").and_then(|node| text(node, "`again`", found)),
    })
}

/// What a task asks for: names, and fields of its own as maps.
fn ask(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<AskSource> {
    let own = |node: &Node, found: &mut Vec<Diagnostic>| {
        let fields = fields(node, Where::Row, found);
        fields.into_iter().map(|field| AskSource::Own(Box::new(field))).collect::<Vec<_>>()
    };
    match &node.what {
        What::Map(_) => own(node, found),
        What::Scalar(_) | What::List(_) | What::Broken => {
            let mut asks = Vec::new();
            for node in super::read::one_or_more(node, "`ask`", found) {
                if matches!(node.what, What::Map(_)) {
                    asks.extend(own(node, found));
                } else if let Some(name) = text(node, "`ask`", found) {
                    let (name, must) = asked(name);
                    asks.push(AskSource::Named(name, must));
                }
            }
            asks
        }
    }
}

fn outcomes(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<OutcomeSource> {
    items(node, "`outcome`", found).iter().filter_map(|node| outcome(node, found)).collect()
}

fn outcome(node: &Node, found: &mut Vec<Diagnostic>) -> Option<OutcomeSource> {
    let keys = Keys::of(node, "an outcome", &["when", "result", "redo", "do"], found)?;
    let result: Option<String> = keys.get("result").and_then(|node| word(node, "`result`", &["done"], found));
    let redo = keys.get("redo").and_then(|node| text(node, "`redo`", found));
    let (said, again) = (keys.get("result").is_some(), keys.get("redo").is_some());
    if said == again {
        let message = if said { "an outcome has `result` or `redo`, not both" } else { "an outcome says how it ends" };
        found.push(node.spot.error("E160", message).help("write `result: done`, or `redo: TASK`"));
    }
    if said && result.is_none() {
        return None;
    }
    Some(OutcomeSource {
        spot: node.spot.clone(),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        redo,
        actions: keys.get("do").map(|node| actions(node, found)).unwrap_or_default(),
    })
}
