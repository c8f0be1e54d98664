//! When the engine wants to come back to a case: for its timed transitions, its clocks, and its tasks that come again.
//!
//! A case costs nothing while it waits: the store finds it by this moment alone.

use crate::calendar::Calendar;
use crate::model::{Case, Timestamp, Value};
use crate::workflow::{Anchor, Definition, Moment, Timed, Transition, Workflow};

use super::draft::Draft;

/// When the case wants to be woken: at the moment of what a clock or a task has to do and did not do yet, which may be
/// past, or at the next one; `None` when nothing of it is timed.
///
/// A transition that was due before and could not be taken is not named again: it is tried with every event of the
/// case.
#[must_use]
pub fn due(definition: &Definition, case: &Case, now: Timestamp) -> Option<Timestamp> {
    let workflow = definition.workflows.get(&case.workflow)?;
    let transitions = transitions(workflow, case).filter(|moment| *moment > now);
    transitions.chain(others(workflow, case, now)).min()
}

/// The next moment after `now` at which the case wants to be woken, where what is due before can't be done.
#[must_use]
pub fn next_due(definition: &Definition, case: &Case, now: Timestamp) -> Option<Timestamp> {
    let workflow = definition.workflows.get(&case.workflow)?;
    transitions(workflow, case).chain(others(workflow, case, now)).filter(|moment| *moment > now).min()
}

fn transitions<'a>(workflow: &'a Workflow, case: &'a Case) -> impl Iterator<Item = Timestamp> + 'a {
    workflow.leaving(&case.stage).filter_map(move |transition| moment(workflow, transition, case))
}

fn others<'a>(workflow: &'a Workflow, case: &'a Case, now: Timestamp) -> impl Iterator<Item = Timestamp> + 'a {
    super::sla::due(workflow, case, now).chain(super::task::due(workflow, case))
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
