//! Changing fields outside a transition.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::{Draft, conflict};
use crate::engine::duty::{self, Absences};
use crate::model::command::Input;
use crate::model::{Act, Case, Command, Event, Name, Reason, Refusal, RefusalKind, Timestamp, Title, UserId, World};
use crate::workflow::{Definition, Workflow};

/// Decides [`Act::Edit`].
pub(in crate::engine) fn edit(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Act::Edit { fields, comment } = &command.act else {
        return Err(Refusal::because(conflict("not_an_edit", "不是修改", "is not an edit")));
    };
    let (allowed, on_behalf_of) = editable(workflow, case, command, fields, Absences { world, now });
    let locked: Vec<Reason> = fields.keys().filter_map(|name| locked(workflow, case, name, &allowed)).collect();
    if !locked.is_empty() {
        return Err(Refusal::new(locked, Vec::new()));
    }
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    draft.on_behalf_of = on_behalf_of;
    let mut reasons = draft.take_in(fields, &allowed);
    draft.begin(&|_| false).map_err(Refusal::because)?;
    reasons.extend(draft.missing(""));
    reasons.extend(draft.incomplete_rows());
    if !reasons.is_empty() {
        return Err(Refusal::new(reasons, Vec::new()));
    }
    draft.compute().map_err(Refusal::because)?;
    let changes = draft.changes();
    if !changes.is_empty() {
        let since = draft.events.len();
        draft.record(Event::Edited { changes, comment: comment.clone() }, Vec::new());
        draft.settle(since).map_err(Refusal::because)?;
        draft.advance()?;
    }
    draft.finish(None)
}

/// The fields that the actor may change in the stage that the case is in, and for whom, when what is wanted can't be
/// changed as themselves.
fn editable(
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    wanted: &Input,
    absences: Absences<'_>,
) -> (BTreeSet<Name>, Option<UserId>) {
    let (mut own, mut all, mut person) = (BTreeSet::new(), BTreeSet::new(), None);
    for edit in workflow.edit.iter().filter(|edit| edit.stages.contains(&case.stage)) {
        let Some(on_behalf_of) = duty::may(&edit.by, &case.fields, &command.actor, absences) else { continue };
        all.extend(edit.fields.iter().cloned());
        match on_behalf_of {
            None => own.extend(edit.fields.iter().cloned()),
            Some(_) => person = person.or(on_behalf_of),
        }
    }
    if wanted.keys().all(|name| own.contains(&**name)) { (own, None) } else { (all, person) }
}

/// A field that exists and that this actor can't change here; what does not exist is the input's mistake.
fn locked(workflow: &Workflow, case: &Case, name: &str, allowed: &BTreeSet<Name>) -> Option<Reason> {
    let field = workflow.schema.get(name).filter(|field| !field.computed && !allowed.contains(&field.name))?;
    let stage = &case.stage;
    let title = Title::new(
        &format!("在 `{stage}` 阶段无权修改此字段"),
        &format!("you can't change this in the stage `{stage}`"),
    );
    Some(Reason::new(RefusalKind::Forbidden, "not_editable", title).at(&field.name))
}
