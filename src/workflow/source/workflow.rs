//! A workflow file as written.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Title};
use crate::workflow::definition::End;
use crate::workflow::walk::{At, Node, Scalar, Spot, What};

use super::document::{DocumentSource, documents};
use super::field::{FieldSource, Where, fields};
use super::measure::{MeasureSource, measures};
use super::read::{Keys, check_name, entries, items, scalar, text, texts, title, word};
use super::schedule::{ScheduleSource, schedules};
use super::sla::{SlaSource, slas};
use super::task::{TaskSource, tasks};
use super::transition::{TransitionSource, Which, all_or, transition, transitions};
use super::view::{ViewSource, views};

const KEYS: &[&str] = &[
    "workflow",
    "title",
    "number",
    "calendar",
    "roles",
    "settings",
    "fields",
    "edit",
    "read",
    "open",
    "stages",
    "any_stage",
    "slas",
    "parent",
    "schedules",
    "views",
    "measures",
    "documents",
];

/// A workflow as written.
#[derive(Debug)]
pub(in crate::workflow) struct WorkflowSource {
    /// The file.
    pub(in crate::workflow) file: Spot,
    /// Its name: the file's name.
    pub(in crate::workflow) name: Name,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// The pattern of its numbers.
    pub(in crate::workflow) number: Option<At<Name>>,
    /// Its calendar.
    pub(in crate::workflow) calendar: Option<At<Name>>,
    /// The roles it has, when it lists them.
    pub(in crate::workflow) roles: Option<Vec<At<Name>>>,
    /// Its settings.
    pub(in crate::workflow) settings: Vec<(At<Name>, Scalar)>,
    /// Its fields.
    pub(in crate::workflow) fields: Vec<FieldSource>,
    /// Who may change what outside a transition.
    pub(in crate::workflow) edit: Vec<EditSource>,
    /// Who may not see what.
    pub(in crate::workflow) read: Vec<ReadSource>,
    /// Its opening.
    pub(in crate::workflow) open: Option<TransitionSource>,
    /// Its stages.
    pub(in crate::workflow) stages: Vec<StageSource>,
    /// The transitions that leave many stages.
    pub(in crate::workflow) any_stage: Vec<TransitionSource>,
    /// Its clocks.
    pub(in crate::workflow) slas: Vec<SlaSource>,
    /// The workflow whose cases open those of this one.
    pub(in crate::workflow) parent: Option<At<Name>>,
    /// What is done at set times.
    pub(in crate::workflow) schedules: Vec<ScheduleSource>,
    /// Its tables over many cases.
    pub(in crate::workflow) views: Vec<ViewSource>,
    /// Its numbers about many cases.
    pub(in crate::workflow) measures: Vec<MeasureSource>,
    /// Its printable forms.
    pub(in crate::workflow) documents: Vec<DocumentSource>,
}

/// Some stages, or all.
pub(in crate::workflow) type Stages = Option<Vec<At<Name>>>;

/// Who may change what outside a transition.
#[derive(Debug)]
pub(in crate::workflow) struct EditSource {
    /// Where.
    pub(in crate::workflow) stages: Stages,
    /// Who.
    pub(in crate::workflow) by: Vec<At<Name>>,
    /// What.
    pub(in crate::workflow) fields: Vec<At<Name>>,
}

/// Who may not see what.
#[derive(Debug)]
pub(in crate::workflow) struct ReadSource {
    /// Who; `None` for all roles.
    pub(in crate::workflow) roles: Option<Vec<At<Name>>>,
    /// What.
    pub(in crate::workflow) hide: Vec<At<Name>>,
}

/// A stage as written.
#[derive(Debug)]
pub(in crate::workflow) struct StageSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// Its title.
    pub(in crate::workflow) title: Option<At<Title>>,
    /// Who it waits for.
    pub(in crate::workflow) owner: Option<At<Name>>,
    /// How a case ends here.
    pub(in crate::workflow) end: Option<End>,
    /// Whether it is said to be an end, even if it can't be read how.
    pub(in crate::workflow) ends: bool,
    /// The transitions that leave it.
    pub(in crate::workflow) transitions: Vec<TransitionSource>,
    /// Its tasks.
    pub(in crate::workflow) tasks: Vec<TaskSource>,
}

/// Reads a workflow file. `name` is the file's name without `.yaml`.
pub(in crate::workflow) fn workflow(
    file: &Name,
    name: &str,
    root: &Node,
    found: &mut Vec<Diagnostic>,
) -> Option<WorkflowSource> {
    let keys = Keys::of(root, "a workflow", KEYS, found)?;
    named(&keys, "workflow", name, found);
    let listed = keys.need("stages", "a workflow", found);
    if let Some(Node { what: What::Map(stages), spot }) = listed
        && stages.is_empty()
    {
        found.push(spot.error("E124", "a workflow needs a stage"));
    }
    let open = keys.key("open").zip(keys.need("open", "a workflow", found));
    Some(WorkflowSource {
        file: Spot::file(file),
        name: name.into(),
        title: keys.get("title").and_then(|node| title(node, "a title", found)),
        number: keys.get("number").and_then(|node| text(node, "`number`", found)),
        calendar: keys.get("calendar").and_then(|node| text(node, "`calendar`", found)),
        roles: keys.get("roles").map(|node| texts(node, "`roles`", found)),
        settings: keys.get("settings").map(|node| settings(node, found)).unwrap_or_default(),
        fields: keys.get("fields").map(|node| fields(node, Where::Case, found)).unwrap_or_default(),
        edit: keys.get("edit").map(|node| edits(node, found)).unwrap_or_default(),
        read: keys.get("read").map(|node| reads(node, found)).unwrap_or_default(),
        open: open.and_then(|(key, node)| transition(key, node, Which::Open, found)),
        stages: keys.get("stages").map(|node| stages(node, found)).unwrap_or_default(),
        schedules: keys.get("schedules").map(|node| schedules(node, found)).unwrap_or_default(),
        any_stage: keys.get("any_stage").map(|node| transitions(node, Which::OfAnyStage, found)).unwrap_or_default(),
        slas: keys.get("slas").map(|node| slas(node, found)).unwrap_or_default(),
        parent: keys.get("parent").and_then(|node| text(node, "`parent`", found)),
        views: keys.get("views").map(|node| views(node, found)).unwrap_or_default(),
        measures: keys.get("measures").map(|node| measures(node, found)).unwrap_or_default(),
        documents: keys.get("documents").map(|node| documents(node, found)).unwrap_or_default(),
    })
}

/// Checks that the file says its own name under `key`.
pub(super) fn named(keys: &Keys<'_>, key: &str, name: &str, found: &mut Vec<Diagnostic>) {
    let Some(node) = keys.need(key, &format!("a {key}"), found) else { return };
    let Some(said) = text(node, &format!("`{key}`"), found) else { return };
    check_name(&said, &format!("a {key}"), found);
    if &*said.value != name {
        let error =
            node.spot.error("E029", format!("the file is called `{name}.yaml`, and here stands `{}`", said.value));
        found.push(error.help(format!("write `{key}: {name}`, or rename the file")));
    }
}

fn settings(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<(At<Name>, Scalar)> {
    let mut settings = Vec::new();
    for entry in entries(node, "`settings`", found).unwrap_or_default() {
        check_name(&entry.key, "a setting", found);
        let value = scalar(&entry.value, "a setting", found);
        settings.extend(value.map(|value| (entry.key.clone(), value.clone())));
    }
    settings
}

fn edits(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<EditSource> {
    let mut edits = Vec::new();
    for node in items(node, "`edit`", found) {
        let Some(keys) = Keys::of(node, "an entry of `edit`", &["stages", "by", "fields"], found) else { continue };
        let mut list = |key: &str| {
            let node = keys.need(key, "an entry of `edit`", found);
            node.map(|node| texts(node, &format!("`{key}`"), found)).unwrap_or_default()
        };
        let (by, fields) = (list("by"), list("fields"));
        let stages = keys.need("stages", "an entry of `edit`", found);
        let stages = stages.map_or(Some(Vec::new()), |node| all_or(node, "`stages`", found));
        edits.push(EditSource { stages, by, fields });
    }
    edits
}

fn reads(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ReadSource> {
    let mut reads = Vec::new();
    for node in items(node, "`read`", found) {
        let Some(keys) = Keys::of(node, "an entry of `read`", &["roles", "hide"], found) else { continue };
        let roles = keys.need("roles", "an entry of `read`", found);
        let roles = roles.map_or(Some(Vec::new()), |node| all_or(node, "`roles`", found));
        let hide = keys.need("hide", "an entry of `read`", found);
        let hide = hide.map(|node| texts(node, "`hide`", found)).unwrap_or_default();
        reads.push(ReadSource { roles, hide });
    }
    reads
}

fn stages(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<StageSource> {
    let mut stages = Vec::new();
    for entry in entries(node, "`stages`", found).unwrap_or_default() {
        check_name(&entry.key, "a stage", found);
        if &*entry.key.value == "all" {
            found.push(entry.key.spot.error("E026", "`all` means every stage and can't be the name of one"));
        }
        let keys = Keys::of(&entry.value, "a stage", &["title", "owner", "final", "transitions", "tasks"], found);
        stages.push(StageSource {
            name: entry.key.clone(),
            title: keys.as_ref().and_then(|keys| keys.get("title")).and_then(|node| title(node, "a title", found)),
            owner: keys.as_ref().and_then(|keys| keys.get("owner")).and_then(|node| text(node, "`owner`", found)),
            end: keys
                .as_ref()
                .and_then(|keys| keys.get("final"))
                .and_then(|node| word(node, "`final`", &["success", "failure", "cancelled"], found)),
            ends: keys.as_ref().is_some_and(|keys| keys.get("final").is_some()),
            transitions: keys
                .as_ref()
                .and_then(|keys| keys.get("transitions"))
                .map(|node| transitions(node, Which::OfStage, found))
                .unwrap_or_default(),
            tasks: keys.as_ref().and_then(|keys| keys.get("tasks")).map(|node| tasks(node, found)).unwrap_or_default(),
        });
    }
    stages
}
