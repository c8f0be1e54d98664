//! The steps of a scenario as written: what is done, and what must come of it.

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::source::read::{Keys, entries, flag, text, texts};
use crate::workflow::walk::{At, Entry, Node, Spot};

use super::{PoolSource, fields, pools};

const STEP_KEYS: &[&str] = &["as", "on", "with", "name", "expect"];

/// What a step may do: it does one of these, or nothing but look.
const DEEDS: &[&str] =
    &["open", "take", "edit", "comment", "wait", "wait_until", "do", "claim", "release", "approve", "resources"];

const EXPECT_KEYS: &[&str] = &[
    "stage",
    "refused",
    "fields",
    "available",
    "warned",
    "tasks",
    "breached",
    "late",
    "escalated",
    "notified",
    "children",
    "resources",
];

/// A step as written.
#[derive(Debug)]
pub(in crate::workflow) struct StepSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// Who acts.
    pub(in crate::workflow) by: Option<At<Name>>,
    /// On which case.
    pub(in crate::workflow) on: Option<At<Name>>,
    /// What is done.
    pub(in crate::workflow) deed: DeedSource,
    /// With which fields.
    pub(in crate::workflow) with: Vec<Entry>,
    /// What is expected.
    pub(in crate::workflow) expect: Vec<ExpectSource>,
}

/// What is done, as written.
#[derive(Debug)]
pub(in crate::workflow) enum DeedSource {
    /// A case of this workflow is opened, under a name.
    Open(At<Name>, Option<At<Name>>),
    /// This transition is taken.
    Take(At<Name>),
    /// Fields are changed; they stand in `with`.
    Edit,
    /// This remark is left.
    Comment(At<Name>),
    /// So much time passes.
    Wait(At<Name>),
    /// Time passes until then.
    WaitUntil(At<Name>),
    /// Something is done with this task.
    Task(At<Name>, TaskWord),
    /// What waits for approval is agreed to, or refused.
    Approve(bool),
    /// Pools are set.
    Resources(Vec<PoolSource>),
    /// Nothing.
    Look,
}

/// What is done with a task, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::workflow) enum TaskWord {
    /// `do`
    Do,
    /// `claim`
    Claim,
    /// `release`
    Release,
}

/// An expectation as written.
#[derive(Debug)]
pub(in crate::workflow) struct ExpectSource {
    /// Where it stands.
    pub(in crate::workflow) spot: Spot,
    /// What is expected.
    pub(in crate::workflow) what: ExpectedSource,
}

/// What is expected, as written.
#[derive(Debug)]
pub(in crate::workflow) enum ExpectedSource {
    /// This stage.
    Stage(At<Name>),
    /// These reasons against it.
    Refused(Vec<At<Name>>),
    /// A path and its value.
    Field(At<Name>, Node),
    /// These transitions.
    Available(Vec<At<Name>>),
    /// These codes of checks that refuse nothing.
    Warned(Vec<At<Name>>),
    /// A task and how it stands.
    Task(At<Name>, At<Name>),
    /// These limits were passed.
    Breached(Vec<At<Name>>),
    /// These limits were met late.
    Late(Vec<At<Name>>),
    /// It went to these roles.
    Escalated(Vec<At<Name>>),
    /// These messages were sent, each as often as it stands here.
    Notified(Vec<At<Name>>),
    /// So many children of a name.
    Children(At<Name>, At<Name>),
    /// How a pool stands.
    Pool(PoolSource),
}

pub(super) fn step(node: &Node, found: &mut Vec<Diagnostic>) -> Option<StepSource> {
    let known: Vec<&str> = STEP_KEYS.iter().chain(DEEDS).copied().collect();
    let keys = Keys::of(node, "a step", &known, found)?;
    let said: Vec<&str> = DEEDS.iter().filter(|deed| keys.get(deed).is_some()).copied().collect();
    if let [first, second, ..] = said.as_slice() {
        let error = keys.key(second).map_or(&node.spot, |key| &key.spot);
        let error = error.error("E030", format!("a step does one thing, and here stand `{first}` and `{second}`"));
        found.push(error.help("write two steps"));
        return None;
    }
    let with = if said == ["edit"] { "edit" } else { "with" };
    let name = keys.get("name").and_then(|node| text(node, "`name`", found));
    Some(StepSource {
        spot: node.spot.clone(),
        by: keys.get("as").and_then(|node| text(node, "`as`", found)),
        on: keys.get("on").and_then(|node| text(node, "`on`", found)),
        deed: deed(&keys, said.first().copied(), name, found)?,
        with: fields(&keys, with, found),
        expect: keys.get("expect").map(|node| expect(node, found)).unwrap_or_default(),
    })
}

fn deed(
    keys: &Keys<'_>,
    said: Option<&str>,
    name: Option<At<Name>>,
    found: &mut Vec<Diagnostic>,
) -> Option<DeedSource> {
    let mut value = |key: &str| keys.get(key).and_then(|node| text(node, &format!("`{key}`"), found));
    Some(match said {
        Some("open") => DeedSource::Open(value("open")?, name),
        Some("take") => DeedSource::Take(value("take")?),
        Some("edit") => DeedSource::Edit,
        Some("comment") => DeedSource::Comment(value("comment")?),
        Some("do") => DeedSource::Task(value("do")?, TaskWord::Do),
        Some("claim") => DeedSource::Task(value("claim")?, TaskWord::Claim),
        Some("release") => DeedSource::Task(value("release")?, TaskWord::Release),
        Some("approve") => DeedSource::Approve(flag(keys.get("approve")?, "`approve`", found)?),
        Some("resources") => {
            DeedSource::Resources(keys.get("resources").map(|node| pools(node, found)).unwrap_or_default())
        }
        Some("wait") => DeedSource::Wait(value("wait")?),
        Some("wait_until") => DeedSource::WaitUntil(value("wait_until")?),
        Some(_) | None => DeedSource::Look,
    })
}

fn expect(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ExpectSource> {
    let Some(_) = Keys::of(node, "what is expected", EXPECT_KEYS, found) else { return Vec::new() };
    let mut expected = Vec::new();
    for entry in entries(node, "`expect`", found).unwrap_or_default() {
        let (what, value) = (format!("`{}`", entry.key.value), &entry.value);
        let mut push = |spot: &Spot, what| expected.push(ExpectSource { spot: spot.clone(), what });
        match &*entry.key.value {
            "stage" => {
                let stage = text(value, &what, found);
                stage.into_iter().for_each(|stage| push(&entry.key.spot, ExpectedSource::Stage(stage)));
            }
            "refused" => push(&entry.key.spot, ExpectedSource::Refused(texts(value, &what, found))),
            "available" => push(&entry.key.spot, ExpectedSource::Available(texts(value, &what, found))),
            "warned" => push(&entry.key.spot, ExpectedSource::Warned(texts(value, &what, found))),
            "breached" => push(&entry.key.spot, ExpectedSource::Breached(texts(value, &what, found))),
            "late" => push(&entry.key.spot, ExpectedSource::Late(texts(value, &what, found))),
            "notified" => push(&entry.key.spot, ExpectedSource::Notified(texts(value, &what, found))),
            "children" => {
                for children in entries(value, &what, found).unwrap_or_default() {
                    let count = text(&children.value, "how many children there are", found);
                    let what = |count| ExpectedSource::Children(children.key.clone(), count);
                    expected
                        .extend(count.map(|count| ExpectSource { spot: children.key.spot.clone(), what: what(count) }));
                }
            }
            "resources" => {
                for pool in pools(value, found) {
                    expected.push(ExpectSource { spot: pool.key.spot.clone(), what: ExpectedSource::Pool(pool) });
                }
            }
            "escalated" => push(&entry.key.spot, ExpectedSource::Escalated(texts(value, &what, found))),
            "tasks" => {
                for task in entries(value, &what, found).unwrap_or_default() {
                    let state = text(&task.value, "how a task stands", found);
                    let task = |state| ExpectedSource::Task(task.key.clone(), state);
                    expected.extend(state.map(|state| ExpectSource { spot: state.spot.clone(), what: task(state) }));
                }
            }
            "fields" => {
                for field in entries(value, &what, found).unwrap_or_default() {
                    push(&field.key.spot, ExpectedSource::Field(field.key.clone(), field.value.clone()));
                }
            }
            _ => {}
        }
    }
    expected
}
