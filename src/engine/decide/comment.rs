//! Leaving a remark.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::Draft;
use crate::model::command::SYSTEM;
use crate::model::limit::TEXT_CHARS_MAX;
use crate::model::{Actor, Case, Command, Event, Name, Reason, Refusal, RefusalKind, Timestamp, Title, World};
use crate::workflow::{Definition, Workflow};

/// Decides [`crate::model::Act::Comment`]: whoever has a role in the workflow may remark.
pub(in crate::engine) fn comment(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    text: &Name,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    take_part(workflow, &command.actor)?;
    let letters = text.chars().count();
    if text.trim().is_empty() || letters > TEXT_CHARS_MAX {
        let title = Title::new(
            &format!("须为 1 至 {TEXT_CHARS_MAX} 个字符"),
            &format!("must have 1 to {TEXT_CHARS_MAX} characters"),
        );
        return Err(Refusal::because(Reason::new(RefusalKind::Invalid, "wrong_length", title).at("text")));
    }
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    draft.record(Event::Commented { text: Arc::clone(text) }, Vec::new());
    draft.finish(None)
}

/// Refuses whoever has no role in the workflow.
pub(super) fn take_part(workflow: &Workflow, actor: &Actor) -> Result<(), Refusal> {
    let roles = workflow.roles();
    if actor.roles.iter().any(|role| roles.contains(role) || &**role == SYSTEM) {
        return Ok(());
    }
    let title = Title::new("需要本流程中的角色", "needs a role of this workflow");
    Err(Refusal::because(Reason::new(RefusalKind::Forbidden, "role", title)))
}
