//! Doing what has become possible or due.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::Draft;
use crate::engine::judge;
use crate::model::{Case, Command, Refusal, RefusalKind, Timestamp, World};
use crate::workflow::{Definition, Workflow};

/// Decides [`crate::model::Act::Wake`]: the formulas see the world as it is now, and automatic transitions are
/// tried; clocks warn and breach. Where nothing follows, nothing is recorded. Only the engine itself may want it.
pub(in crate::engine) fn wake(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    judge::engine_only(&command.actor).map_err(Refusal::because)?;
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    draft.compute().map_err(Refusal::because)?;
    draft.look_at_clocks().map_err(Refusal::because)?;
    let since = draft.events.len();
    draft.reopen_due();
    draft.settle(since).map_err(Refusal::because)?;
    let before = draft.checkpoint();
    match draft.advance() {
        Ok(()) => {}
        // What time has brought has happened, whether the case can go on or not.
        Err(refusal) if before.tells() && refusal.kind() != RefusalKind::Unavailable => draft.come_back_to(before),
        Err(refusal) => return Err(refusal),
    }
    draft.finish(None)
}
