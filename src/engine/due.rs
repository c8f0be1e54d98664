//! When the engine wants to come back to a case: for its timed transitions, its clocks, and its tasks that come again.
//!
//! A case costs nothing while it waits: the store finds it by this moment alone.

use crate::calendar::Calendar;
use crate::model::{Case, Timestamp, Value};
use crate::workflow::{Anchor, Definition, Moment, Timed, Transition, Workflow};

use super::draft::Draft;

/// The next moment after `after` at which the case wants to be woken; `None` when nothing of it is timed.
///
/// What was due before and could not happen is not named again: it is tried with every event of the case.
#[must_use]
pub fn due(definition: &Definition, case: &Case, after: Timestamp) -> Option<Timestamp> {
    let workflow = definition.workflows.get(&case.workflow)?;
    let timed = workflow.leaving(&case.stage).filter_map(|transition| moment(workflow, transition, case));
    let timed = timed.filter(|moment| *moment > after);
    // What a clock or a task has to do and did not do yet is done as soon as the engine comes back.
    let soon = Timestamp(after.0.saturating_add(1));
    let others = [super::sla::due(definition, case), super::task::due(definition, case)];
    timed.chain(others.into_iter().flatten().map(|moment| moment.max(soon))).min()
}

/// Whether a case in `stage` may have anything timed.
#[must_use]
pub fn timed(workflow: &Workflow, stage: &str) -> bool {
    workflow.leaving(stage).any(|transition| transition.at.is_some())
        || !workflow.slas.is_empty()
        || workflow.tasks_in(stage).iter().any(|task| task.again.is_some())
}

/// When the engine takes `transition` of the case; `None` when that is not timed, or not known yet.
pub(super) fn moment(workflow: &Workflow, transition: &Transition, case: &Case) -> Option<Timestamp> {
    transition.at.as_ref().and_then(|timed| timed.of(workflow, case))
}

impl Timed {
    fn of(&self, workflow: &Workflow, case: &Case) -> Option<Timestamp> {
        let zone = workflow.zone;
        match &self.moment {
            Moment::At(anchor) => anchored(anchor, case),
            Moment::After(limit, anchor) => {
                let start = anchored(anchor, case)?;
                let calendar = workflow.calendar.as_deref();
                // A year without data is never guessed: there is no moment before the calendar says more.
                match calendar {
                    Some(calendar) => limit.due(calendar, start).ok(),
                    None => limit.due(&Calendar::unknown(zone), start).ok(),
                }
            }
            Moment::OnDay(time, anchor) => {
                let day = match day_in(anchor, case) {
                    Some(day) => day,
                    None => anchored(anchor, case)?.day(zone),
                };
                Some(Timestamp::from_local(day.and_time(*time), zone))
            }
        }
    }
}

fn anchored(anchor: &Anchor, case: &Case) -> Option<Timestamp> {
    match anchor {
        Anchor::Entered => Some(case.entered_at()),
        Anchor::Opened => Some(case.opened_at),
        Anchor::Field(field) => {
            if let Some(Value::Datetime(moment)) = case.fields.get(field) {
                Some(*moment)
            } else {
                None
            }
        }
    }
}

fn day_in(anchor: &Anchor, case: &Case) -> Option<chrono::NaiveDate> {
    let Anchor::Field(field) = anchor else { return None };
    if let Some(Value::Date(day)) = case.fields.get(field) { Some(*day) } else { None }
}

impl<'a> Draft<'a> {
    /// The timed transitions whose moment has come and that were not taken for it yet, the earliest first.
    pub(super) fn due_transitions(&self) -> Vec<&'a Transition> {
        let workflow: &'a Workflow = self.workflow;
        let mut due: Vec<(Timestamp, &'a Transition)> = Vec::new();
        for transition in workflow.transitions.iter().filter(|transition| transition.from.contains(&self.case.stage)) {
            let at = moment(workflow, transition, &self.case).filter(|at| *at <= self.now);
            due.extend(at.filter(|at| self.case.timers.untaken(&transition.name, *at)).map(|at| (at, transition)));
        }
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, transition)| transition).collect()
    }
}
