//! Schedules: when they are due and whom they are for.

use std::collections::BTreeSet;

use crate::action::Notify;
use crate::calendar::Recurring;
use crate::model::Name;
use crate::workflow::schedule::Schedule;
use crate::workflow::source::{ActionSource, FromSource, ScheduleSource};
use crate::workflow::walk::{At, Spot};

use super::workflow::Compiler;

impl Compiler<'_> {
    /// The schedules of the workflow.
    pub(super) fn schedules(&mut self) -> Vec<Schedule> {
        let source = self.source;
        source.schedules.iter().filter_map(|schedule| self.schedule(schedule)).collect()
    }

    /// Says so when working time is to be counted and there is no calendar.
    pub(super) fn needs_calendar(&mut self, what: &str, spot: &Spot) {
        if self.source.calendar.is_none() {
            let error = spot.error("E152", format!("`{what}` counts working time, and the workflow has no calendar"));
            self.found.push(error.help("name one: `calendar: NAME`, from `workflows/calendars`"));
        }
    }

    fn schedule(&mut self, source: &ScheduleSource) -> Option<Schedule> {
        let at = source.at.as_ref().and_then(|at| self.recurring(at));
        let stages = self.scheduled_stages(source.stages.as_ref());
        let when = self.condition(source.when.as_ref());
        let actions = self.actions(&source.actions);
        let together = source.together.iter().filter_map(|action| self.together(action, source)).collect();
        let (name, place) = (Name::clone(&source.name.value), source.name.spot.place.clone());
        Some(Schedule { name, at: at?, stages, when, actions, together, place })
    }

    /// A message about all the cases; nothing else can be done to many at once.
    fn together(&mut self, action: &ActionSource, source: &ScheduleSource) -> Option<Notify> {
        let ActionSource::Notify(notify) = action else {
            let message = format!("`together` of `{}` can only `notify`", source.name.value);
            let error = source.name.spot.error("E153", message);
            self.found.push(error.help("what is done to each of the cases stands under `do`"));
            return None;
        };
        if notify.once.is_some() {
            let error =
                notify.message.spot.error("E153", "`once` counts the messages of one case, and this is about many");
            self.found.push(error.help("leave it out: it is sent once each time the schedule is due"));
        }
        self.notify(notify)
    }

    fn recurring(&mut self, at: &At<Name>) -> Option<Recurring> {
        let Some(recurring) = Recurring::parse(&at.value) else {
            let error = at.spot.error("E150", format!("`{}` is no time of a schedule", at.value));
            self.found.push(error.help(format!("write it as {}", Recurring::FORMS)));
            return None;
        };
        if recurring.needs_calendar() {
            self.needs_calendar(&at.value, &at.spot);
        }
        Some(recurring)
    }

    fn scheduled_stages(&mut self, stages: Option<&FromSource>) -> BTreeSet<Name> {
        match stages {
            Some(FromSource::Stages(stages)) => self.some_stages(&Some(stages.clone())),
            Some(FromSource::Except(except)) => self.all_but(except),
            None => self.all_but(&[]),
        }
    }
}
