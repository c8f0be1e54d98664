//! What a schedule does to one case.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::Draft;
use crate::engine::judge;
use crate::model::{Case, Command, Event, Name, Refusal, Timestamp, World};
use crate::workflow::{Definition, Workflow};

/// Decides [`crate::model::Act::Scheduled`]: once for each due time, and as if it were that time (R130). Where the
/// schedule is not for the case, nothing is recorded. Only the engine itself may want it.
pub(in crate::engine) fn scheduled(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    (name, due): (&Name, Timestamp),
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    judge::engine_only(&command.actor).map_err(Refusal::because)?;
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    let schedule = workflow.schedules.iter().find(|schedule| schedule.name == *name);
    let Some(schedule) = schedule.filter(|schedule| {
        schedule.stages.contains(&case.stage) && case.opened_at <= due && case.timers.unscheduled(name, due)
    }) else {
        return draft.finish(None);
    };
    draft.now = due;
    draft.compute().map_err(Refusal::because)?;
    let facts = draft.facts().map_err(Refusal::because)?;
    let condition = schedule.when.as_ref().map_or(Ok(true), |when| draft.condition(when, &facts, None));
    if !condition.map_err(Refusal::because)? {
        return draft.finish(None);
    }
    let acted = draft.act(&schedule.actions, name, None).map_err(Refusal::because)?;
    let since = draft.events.len();
    let changes = draft.changes();
    draft.record(Event::Scheduled { schedule: Arc::clone(name), due, changes }, Vec::new());
    draft.follows(acted).map_err(Refusal::because)?;
    draft.settle(since).map_err(Refusal::because)?;
    draft.now = now;
    draft.advance()?;
    draft.finish(None)
}
