//! What a schedule does to one case.

use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::Draft;
use crate::engine::judge;
use crate::model::{Actor, Case, Command, Event, Name, Refusal, Timestamp, World};
use crate::workflow::{Definition, Schedule, Workflow};

/// Whether a case is one of those that a schedule is for at a due time.
///
/// # Errors
/// When that can't be judged.
pub fn falls_under(
    definition: &Definition,
    workflow: &Workflow,
    schedule: &Schedule,
    case: &Case,
    due: Timestamp,
    world: &Arc<dyn World>,
) -> Result<bool, Refusal> {
    Draft::new(definition, workflow, case.clone(), Actor::system(), world, due).falls_under(schedule, due)
}

impl Draft<'_> {
    /// Whether the schedule is for the case, as if it were the due time.
    fn falls_under(&mut self, schedule: &Schedule, due: Timestamp) -> Result<bool, Refusal> {
        if !schedule.stages.contains(&self.case.stage) || self.case.opened_at > due {
            return Ok(false);
        }
        self.now = due;
        self.compute().map_err(Refusal::because)?;
        let facts = self.facts().map_err(Refusal::because)?;
        let holds = schedule.when.as_ref().map_or(Ok(true), |when| self.condition(when, &facts, None));
        holds.map_err(Refusal::because)
    }
}

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
    let Some(schedule) = schedule.filter(|_| case.timers.unscheduled(name, due)) else {
        return draft.finish(None);
    };
    if !draft.falls_under(schedule, due)? {
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
