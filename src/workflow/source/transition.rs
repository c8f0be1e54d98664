//! Transitions as written: who may take them, what they ask and check, where they lead and what they do.

use crate::action::Verb;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::{Mode, Name, Title};
use crate::workflow::walk::{At, Entry, Node, Spot, What};

use super::condition::{Code, Condition, condition, expression};
use super::kin::{OpenSource, SignalSource};
use super::message::{NotifySource, notify};
use super::read::{Keys, check_name, entries, flag, items, one_or_more, text, texts, title, unknown_key, word};
use super::resource::{HoldSource, hold};
use super::task::{ApprovalSource, approvals};

/// The keys of `open`; a transition of a stage has more, one of `any_stage` has `from` too.
const OPEN: &[&str] = &["title", "by", "ask", "checks", "when", "to", "do"];
const IN_STAGE: &[&str] =
    &["title", "by", "not_by", "ask", "change", "checks", "when", "to", "stay", "auto", "at", "do", "approvals"];
const ANYWHERE: &[&str] = &[
    "title",
    "from",
    "by",
    "not_by",
    "ask",
    "change",
    "checks",
    "when",
    "to",
    "stay",
    "auto",
    "at",
    "do",
    "approvals",
];

/// Which transition is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Open,
    OfStage,
    OfAnyStage,
}

/// A transition as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct TransitionSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// What it leaves, for one of `any_stage`.
    pub(in crate::workflow) from: Option<FromSource>,
    /// Who may take it; `None` when that is not said at all.
    pub(in crate::workflow) by: Option<Vec<At<Name>>>,
    /// The transitions whose takers may not take it.
    pub(in crate::workflow) not_by: Vec<At<Name>>,
    /// The fields it asks for, and whether each must be answered.
    pub(in crate::workflow) ask: Vec<(At<Name>, bool)>,
    /// The fields that may be corrected on the way.
    pub(in crate::workflow) change: Vec<At<Name>>,
    /// Its checks.
    pub(in crate::workflow) checks: Vec<CheckSource>,
    /// Its condition.
    pub(in crate::workflow) when: Option<Condition>,
    /// Where it leads; `None` when it stays.
    pub(in crate::workflow) to: Option<ToSource>,
    /// Whether the engine takes it.
    pub(in crate::workflow) auto: bool,
    /// When the engine takes it.
    pub(in crate::workflow) at: Option<At<Name>>,
    /// What it does.
    pub(in crate::workflow) actions: Vec<ActionSource>,
    /// Who must agree to it.
    pub(in crate::workflow) approvals: Vec<ApprovalSource>,
}

/// What a transition of `any_stage` leaves.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum FromSource {
    /// All stages but these.
    Except(Vec<At<Name>>),
    /// These stages.
    Stages(Vec<At<Name>>),
}

/// Where a transition leads.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum ToSource {
    /// To one stage.
    Stage(At<Name>),
    /// To the stage of the first branch that holds.
    Branches(Vec<BranchSource>),
    /// To something that has already been reported.
    Broken,
}

/// A branch as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct BranchSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// Its condition.
    pub(in crate::workflow) when: Option<Condition>,
    /// The stage it leads to.
    pub(in crate::workflow) stage: Option<At<Name>>,
    /// What it does.
    pub(in crate::workflow) actions: Vec<ActionSource>,
}

/// A check as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct CheckSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// What it may do.
    pub(in crate::workflow) mode: Mode,
    /// Whether it refuses when it can't be judged.
    pub(in crate::workflow) refuse_on_error: bool,
    /// What judges.
    pub(in crate::workflow) judge: Judge,
}

/// What judges a check.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum Judge {
    /// A rule with its parameters.
    Rule(At<Name>, Vec<Entry>),
    /// A condition, with the sentence and the code of a refusal.
    Need(Code, Option<At<Title>>, Option<At<Name>>),
}

/// An action as written.
#[derive(Clone, Debug)]
pub(in crate::workflow) enum ActionSource {
    /// Sets fields.
    Set(Vec<Entry>),
    /// Runs a rule with parameters.
    Run(At<Name>, Vec<Entry>),
    /// Leaves a remark.
    Comment(Node),
    /// Opens children.
    Open(Box<OpenSource>),
    /// Takes a transition of other cases.
    Signal(Box<SignalSource>),
    /// Holds, releases, consumes or puts what is finite.
    Hold(HoldSource),
    /// Puts the case before a role.
    Escalate(At<Name>),
    /// Sends a message.
    Notify(NotifySource),
    /// Issues a document.
    Issue(At<Name>),
}

/// Reads a map of transitions.
pub(super) fn transitions(node: &Node, which: Which, found: &mut Vec<Diagnostic>) -> Vec<TransitionSource> {
    let what = if which == Which::OfAnyStage { "`any_stage`" } else { "`transitions`" };
    let entries = entries(node, what, found).unwrap_or_default();
    entries.iter().filter_map(|entry| transition(&entry.key, &entry.value, which, found)).collect()
}

/// Reads one transition.
pub(super) fn transition(
    name: &At<Name>,
    node: &Node,
    which: Which,
    found: &mut Vec<Diagnostic>,
) -> Option<TransitionSource> {
    let (what, known) = match which {
        Which::Open => ("`open`", OPEN),
        Which::OfStage => ("a transition", IN_STAGE),
        Which::OfAnyStage => ("a transition of `any_stage`", ANYWHERE),
    };
    if which != Which::Open {
        check_name(name, "a transition", found);
        if &*name.value == "open" {
            found.push(name.spot.error("E026", "`open` is the opening and can't be the name of another transition"));
        }
    }
    let keys = Keys::of(node, what, known, found)?;
    let list = |key: &str, found: &mut Vec<Diagnostic>| {
        keys.get(key).map(|node| texts(node, &format!("`{key}`"), found)).unwrap_or_default()
    };
    let from = if which == Which::OfAnyStage {
        keys.need("from", what, found).map(|node| from(node, "`from`", found))
    } else {
        None
    };
    let auto = keys.get("auto").and_then(|node| flag(node, "`auto`", found)).unwrap_or(false);
    Some(TransitionSource {
        name: name.clone(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        from,
        by: keys.get("by").map(|node| texts(node, "`by`", found)),
        not_by: list("not_by", found),
        ask: list("ask", found).into_iter().map(asked).collect(),
        change: list("change", found),
        checks: keys.get("checks").map(|node| checks(node, found)).unwrap_or_default(),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        to: target(name, &keys, found),
        auto,
        at: keys.get("at").and_then(|node| text(node, "`at`", found)),
        actions: keys.get("do").map(|node| actions(node, found)).unwrap_or_default(),
        approvals: keys.get("approvals").map(|node| approvals(node, found)).unwrap_or_default(),
    })
}

/// `name!` must be answered.
pub(super) fn asked(field: At<Name>) -> (At<Name>, bool) {
    match field.value.strip_suffix('!').map(Name::from) {
        Some(value) => {
            let spot = Spot { length: field.spot.length.saturating_sub(1).max(1), ..field.spot };
            (At { value, spot }, true)
        }
        None => (field, false),
    }
}

/// Reads some stages, all, or all but some.
pub(super) fn from(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> FromSource {
    match &node.what {
        What::Scalar(scalar) if &*scalar.text == "all" => FromSource::Except(Vec::new()),
        What::Map(_) => {
            let except = Keys::of(node, what, &["except"], found).and_then(|keys| keys.need("except", what, found));
            FromSource::Except(except.map(|node| texts(node, "`except`", found)).unwrap_or_default())
        }
        What::Scalar(_) | What::List(_) | What::Broken => FromSource::Stages(texts(node, what, found)),
    }
}

/// Where the transition leads: `to` or `stay`, exactly one of them.
fn target(name: &At<Name>, keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Option<ToSource> {
    let stay = keys.get("stay").and_then(|node| flag(node, "`stay`", found)) == Some(true);
    match (keys.get("to"), stay) {
        (Some(_), true) => {
            let spot = keys.key("stay").map_or(&name.spot, |key| &key.spot);
            found.push(spot.error("E121", format!("`{}` leads to a stage and stays; it can only do one", name.value)));
            Some(ToSource::Broken)
        }
        (None, true) => None,
        (None, false) => {
            let error = name.spot.error("E121", format!("`{}` leads nowhere", name.value));
            found.push(error.help("write `to: STAGE`, or `stay: true` when the case remains where it is"));
            Some(ToSource::Broken)
        }
        (Some(to), false) => Some(match &to.what {
            What::List(branches) => {
                ToSource::Branches(branches.iter().filter_map(|node| branch(node, found)).collect())
            }
            What::Scalar(_) | What::Map(_) => text(to, "`to`", found).map_or(ToSource::Broken, ToSource::Stage),
            What::Broken => ToSource::Broken,
        }),
    }
}

fn branch(node: &Node, found: &mut Vec<Diagnostic>) -> Option<BranchSource> {
    let keys = Keys::of(node, "a branch", &["when", "stage", "do"], found)?;
    Some(BranchSource {
        spot: node.spot.clone(),
        when: keys.get("when").and_then(|node| condition(node, "`when`", found)),
        stage: keys.need("stage", "a branch", found).and_then(|node| text(node, "`stage`", found)),
        actions: keys.get("do").map(|node| actions(node, found)).unwrap_or_default(),
    })
}

pub(super) fn checks(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<CheckSource> {
    items(node, "`checks`", found).iter().filter_map(|node| check(node, found)).collect()
}

fn check(node: &Node, found: &mut Vec<Diagnostic>) -> Option<CheckSource> {
    let entries = match &node.what {
        What::Scalar(_) => {
            let rule = text(node, "a check", found)?;
            let judge = Judge::Rule(rule, Vec::new());
            return Some(CheckSource { spot: node.spot.clone(), mode: Mode::Enforce, refuse_on_error: true, judge });
        }
        What::Map(entries) => entries,
        What::List(_) => {
            found.push(node.spot.error("E022", "a check is the name of a rule, `rule: { ... }` or `need: ...`"));
            return None;
        }
        What::Broken => return None,
    };
    if entries.iter().any(|entry| matches!(&*entry.key.value, "need" | "say" | "code")) {
        return need(node, found);
    }
    let rule = single(node, entries, "a check", found)?;
    let keys = match &rule.value.what {
        What::Scalar(_) => {
            found.push(rule.value.spot.error("E022", format!("what is said about `{}` is a map", rule.key.value)));
            return None;
        }
        What::Map(_) | What::List(_) | What::Broken => {
            Keys::of(&rule.value, "a check", &["with", "mode", "on_error"], found)?
        }
    };
    let judge = Judge::Rule(rule.key.clone(), with(&keys, found));
    Some(judged(rule.key.spot.clone(), &keys, judge, found))
}

fn need(node: &Node, found: &mut Vec<Diagnostic>) -> Option<CheckSource> {
    let keys = Keys::of(node, "a `need`", &["need", "say", "code", "mode", "on_error"], found)?;
    let say = keys.get("say").and_then(|node| title(node, "`say`", found));
    let code = keys.get("code").and_then(|node| text(node, "`code`", found));
    code.iter().for_each(|code| check_name(code, "a code", found));
    let condition = keys.need("need", "a check", found).and_then(|node| expression(node, "`need`", found))?;
    let spot = condition.spot.clone();
    Some(judged(spot, &keys, Judge::Need(condition, say, code), found))
}

fn judged(spot: Spot, keys: &Keys<'_>, judge: Judge, found: &mut Vec<Diagnostic>) -> CheckSource {
    let mode = keys.get("mode").and_then(|node| word(node, "`mode`", &["enforce", "warn", "shadow"], found));
    let on_error: Option<String> =
        keys.get("on_error").and_then(|node| word(node, "`on_error`", &["refuse", "warn"], found));
    CheckSource { spot, mode: mode.unwrap_or_default(), refuse_on_error: on_error.as_deref() != Some("warn"), judge }
}

pub(super) fn with(keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let given = keys.get("with").and_then(|node| entries(node, "`with`", found)).unwrap_or_default();
    given.iter().for_each(|entry| check_name(&entry.key, "a parameter", found));
    given.to_vec()
}

/// The one entry of a map that must have just one.
fn single<'n>(node: &Node, entries: &'n [Entry], what: &str, found: &mut Vec<Diagnostic>) -> Option<&'n Entry> {
    if let [entry] = entries {
        return Some(entry);
    }
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.key.value).collect();
    let error =
        node.spot.error("E022", format!("{what} has one name, and here are {}: {}", names.len(), names.join(", ")));
    found.push(error.help("begin each with `- `, and indent what belongs to it"));
    None
}

/// Reads the actions under `do`.
pub(super) fn actions(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ActionSource> {
    items(node, "`do`", found).iter().filter_map(|node| action(node, found)).collect()
}

fn action(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ActionSource> {
    const KNOWN: &[&str] = &[
        "set", "run", "comment", "reserve", "release", "consume", "put", "escalate", "open", "signal", "notify",
        "issue",
    ];
    let entries = match &node.what {
        What::Map(entries) => entries,
        What::Scalar(_) | What::List(_) => {
            let help = format!("known here: {}", KNOWN.join(", "));
            found
                .push(node.spot.error("E022", "an action is its name with what it does, as `set: { ... }`").help(help));
            return None;
        }
        What::Broken => return None,
    };
    let Entry { key, value } = single(node, entries, "an action", found)?;
    match &*key.value {
        "set" => Some(ActionSource::Set(super::read::entries(value, "`set`", found)?.to_vec())),
        "run" => run(value, found),
        "notify" => notify(value, found).map(ActionSource::Notify),
        "open" => super::kin::open(value, found),
        "signal" => super::kin::signal(value, found),
        "issue" => text(value, "a document", found).map(ActionSource::Issue),
        "comment" => match &value.what {
            What::Scalar(_) => text(value, "a comment", found).map(|_| ActionSource::Comment(value.clone())),
            What::List(_) | What::Map(_) | What::Broken => {
                super::read::scalar(value, "a comment", found).map(|_| ActionSource::Comment(value.clone()))
            }
        },
        "reserve" => hold(Verb::Reserve, value, found).map(ActionSource::Hold),
        "release" => hold(Verb::Release, value, found).map(ActionSource::Hold),
        "consume" => hold(Verb::Consume, value, found).map(ActionSource::Hold),
        "put" => hold(Verb::Put, value, found).map(ActionSource::Hold),
        "escalate" => text(value, "`escalate`", found).map(ActionSource::Escalate),
        word => {
            let error = unknown_key(key, "an action", KNOWN);
            found.push(match did_you_mean(word, KNOWN.iter().copied()) {
                Some(_) => error,
                None => error.help(format!("known here: {}", KNOWN.join(", "))),
            });
            None
        }
    }
}

fn run(node: &Node, found: &mut Vec<Diagnostic>) -> Option<ActionSource> {
    match &node.what {
        What::Scalar(_) => Some(ActionSource::Run(text(node, "a rule", found)?, Vec::new())),
        What::Map(_) | What::List(_) | What::Broken => {
            let keys = Keys::of(node, "`run`", &["rule", "with"], found)?;
            let rule = keys.need("rule", "`run`", found).and_then(|node| text(node, "a rule", found));
            let with = with(&keys, found);
            Some(ActionSource::Run(rule?, with))
        }
    }
}

/// Reads the names in `one_or_more` form, with `all` as `None`.
pub(super) fn all_or(node: &Node, what: &str, found: &mut Vec<Diagnostic>) -> Option<Vec<At<Name>>> {
    match one_or_more(node, what, found) {
        [Node { what: What::Scalar(scalar), .. }] if &*scalar.text == "all" => None,
        nodes => Some(nodes.iter().filter_map(|node| text(node, what, found)).collect()),
    }
}
