//! The clocks of a case: started, paused and stopped by what happens to it, warned and breached by time (R86-R98).
//!
//! - Every start is a clock of its own; what the same SLA left open before is void then. Only who comes back from a
//!   stage in which the clock is paused goes on with the same one.
//! - A clock from whose stage nothing can stop it any more is void. A breach does not stop a clock.
//! - Exactly at the deadline is met, later is missed (R97). A rung of a breach is recorded once with what it does, in
//!   one decision: however often and late somebody looks, nothing is lost and nothing comes twice.
//! - The deadline is worked out from the ledger and the calendar each time. What changes it without the case, an edit
//!   of the calendar, is recorded when the case is woken next; closed clocks are never touched.

mod explain;
mod step;

use std::sync::Arc;

use crate::action::Action;
use crate::calendar::{Calendar, CalendarError, Limit, Run};
use crate::model::{Actor, Case, Clock, ClockChange, Event, Name, Reason, Timestamp};
use crate::workflow::{By, Definition, Edge, Owner, Sla, WarnAt, Workflow};

use super::draft::Draft;
use step::Step;

pub use explain::{ToldClock, ToldSpan, explain};

/// What causes what time brings.
const BY_TIME: &str = "time";
/// What causes a deadline to move without the case.
const BY_CALENDAR: &str = "calendar";

/// The next moment at which a clock of the case wants to be woken: to warn, or a millisecond after a deadline or a
/// rung of its breach. It may be past.
#[must_use]
pub fn due(definition: &Definition, case: &Case) -> Option<Timestamp> {
    let workflow = definition.workflows.get(&case.workflow)?;
    let calendar = calendar(workflow);
    let open = case.clocks.iter().filter(|clock| clock.is_open());
    let moments = open.filter_map(|clock| {
        let sla = workflow.slas.iter().find(|sla| sla.name == clock.sla)?;
        let due = deadline(sla, clock, &calendar).ok()??;
        let warns = warns_at(sla, clock, due, &calendar).filter(|at| clock.warned.is_none() && *at <= due);
        let breaks = rung_at(sla, clock.breached.len(), due, &calendar);
        let breaks = breaks.map(|at| Timestamp(at.0.saturating_add(1)));
        warns.filter(|_| clock.breached.is_empty()).into_iter().chain(breaks).min()
    });
    moments.min()
}

/// The calendar of a workflow, or one that knows its zone and nothing else.
fn calendar(workflow: &Workflow) -> Arc<Calendar> {
    workflow.calendar.clone().unwrap_or_else(|| Arc::new(Calendar::unknown(workflow.zone)))
}

/// The stretches in which a clock ran.
fn runs(clock: &Clock) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut from = Some(clock.started);
    for pause in &clock.pauses {
        // A clock of the machine may go back; time does not.
        runs.extend(from.map(|from| Run { from, to: Some(pause.from.max(from)) }));
        from = pause.to.map(|to| to.max(pause.from));
    }
    runs.extend(from.map(|from| Run { from, to: None }));
    runs
}

/// The deadline; `None` while the clock is paused before it.
fn deadline(sla: &Sla, clock: &Clock, calendar: &Calendar) -> Result<Option<Timestamp>, CalendarError> {
    sla.within.count(calendar, &runs(clock), &mut |_| ())
}

/// When the clock warns of its deadline.
fn warns_at(sla: &Sla, clock: &Clock, due: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
    let share =
        |amount: i64, percent: u8| (amount / 100 * i64::from(percent) + amount % 100 * i64::from(percent) / 100).max(1);
    match (sla.warn.as_ref()?.at, sla.within) {
        (WarnAt::Before(amount), _) => Some(Timestamp(due.0.saturating_sub(amount).max(clock.started.0))),
        (WarnAt::Percent(percent), Limit::Elapsed(amount)) => {
            Limit::Elapsed(share(amount, percent)).count(calendar, &runs(clock), &mut |_| ()).ok()?
        }
        (WarnAt::Percent(percent), Limit::WorkingTime(amount)) => {
            Limit::WorkingTime(share(amount, percent)).count(calendar, &runs(clock), &mut |_| ()).ok()?
        }
        (
            WarnAt::Percent(percent),
            Limit::WorkingDays(_)
            | Limit::By(_)
            | Limit::ByOnWorkingDay(_)
            | Limit::ByNextWorkingDay(_)
            | Limit::ByWeekday(..),
        ) => Some(Timestamp(clock.started.0.saturating_add(share(due.0.saturating_sub(clock.started.0), percent)))),
    }
}

/// The moment after which the rung with this place is reached; `None` behind the last one, and where the calendar
/// does not know.
fn rung_at(sla: &Sla, place: usize, due: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
    match sla.breach.get(place)?.after {
        None => Some(due),
        Some(after) => after.due(calendar, due).ok(),
    }
}

impl<'a> Draft<'a> {
    /// Starts, pauses and stops clocks by what the step did whose events are those from `since` on.
    pub(super) fn follow_clocks(&mut self, since: usize) -> Result<(), Reason> {
        if self.workflow.slas.is_empty() {
            return Ok(());
        }
        let steps: Vec<Step> =
            self.events.iter().skip(since).filter_map(|recorded| Step::of(&recorded.event)).collect();
        for step in &steps {
            for (sla, number) in self.open_clocks() {
                self.follow_clock(sla, number, step)?;
            }
            let workflow = self.workflow;
            for sla in &workflow.slas {
                self.start_clock(sla, step)?;
            }
        }
        Ok(())
    }

    /// Does what time has brought: deadlines that moved, warnings and breaches.
    pub(super) fn look_at_clocks(&mut self) -> Result<(), Reason> {
        for (sla, number) in self.open_clocks() {
            self.see_moved(sla, number);
            self.see_time(sla, number)?;
        }
        Ok(())
    }

    /// What puts the case before a role.
    pub(super) fn escalation(&self, role: &Name, breach: Option<&Sla>) -> Event {
        let of_stage = self.workflow.stages.get(&self.case.stage).and_then(|stage| stage.owner.as_ref());
        let owner = breach.map_or(of_stage, |sla| sla.owner.as_ref()).and_then(|owner| self.named(owner));
        Event::Escalated { to: Name::clone(role), owner, sla: breach.map(|sla| Name::clone(&sla.name)) }
    }

    fn named(&self, owner: &Owner) -> Option<Name> {
        match owner {
            By::Role(role) => Some(Name::clone(role)),
            By::User(field) => self.fields.text(field).map(Name::from),
        }
    }

    /// The open clocks of SLAs that there still are.
    fn open_clocks(&self) -> Vec<(&'a Sla, u32)> {
        let workflow = self.workflow;
        let open = self.case.clocks.iter().filter(|clock| clock.is_open());
        open.filter_map(|clock| Some((workflow.slas.iter().find(|sla| sla.name == clock.sla)?, clock.number))).collect()
    }

    fn clock(&self, sla: &Sla, number: u32) -> Option<&Clock> {
        self.case.clocks.iter().rev().find(|clock| clock.sla == sla.name && clock.number == number && clock.is_open())
    }

    fn tell(&mut self, sla: &Sla, number: u32, change: ClockChange, cause: &str) {
        let event = Event::Clock { sla: Name::clone(&sla.name), number, change, cause: cause.into() };
        self.record(event, Vec::new());
    }

    fn start_clock(&mut self, sla: &Sla, step: &Step) -> Result<(), Reason> {
        let Some(cause) = step.causes(&sla.from) else { return Ok(()) };
        let done = match &sla.until {
            Edge::Field(field) => self.fields.get(field).is_some(),
            Edge::Opened | Edge::Enters(_) | Edge::Leaves(_) | Edge::Transition(_) | Edge::Task(_) => {
                step.causes(&sla.until).is_some()
            }
        };
        if done || !sla.alive.contains(&self.case.stage) {
            return Ok(());
        }
        if let Some(condition) = &sla.when
            && !self.condition(condition, &self.facts()?, None)?
        {
            return Ok(());
        }
        let mut number = 0;
        for clock in self.case.clocks.iter().filter(|clock| clock.sla == sla.name) {
            number = number.max(clock.number);
        }
        if self.clock(sla, number).is_some() {
            // It comes back from where it was paused, and goes on.
            if step.left.as_ref().is_some_and(|left| sla.pauses.contains(left)) {
                return Ok(());
            }
            self.see_time(sla, number)?;
            self.tell(sla, number, ClockChange::Void, &cause);
        }
        self.begin_clock(sla, number.saturating_add(1), &cause);
        Ok(())
    }

    fn begin_clock(&mut self, sla: &Sla, number: u32, cause: &Name) {
        let due = sla.within.due(&calendar(self.workflow), self.now);
        self.tell(sla, number, ClockChange::Started { due: due.as_ref().ok().copied() }, cause);
        if let Err(CalendarError::NoData { year, .. }) = due {
            self.tell(sla, number, ClockChange::Undetermined { year }, BY_CALENDAR);
        }
        let stage = Name::clone(&self.case.stage);
        if sla.pauses.contains(&stage) {
            self.tell(sla, number, ClockChange::Paused, &stage);
        }
    }

    fn follow_clock(&mut self, sla: &Sla, number: u32, step: &Step) -> Result<(), Reason> {
        if let Some(cause) = step.causes(&sla.until) {
            self.see_time(sla, number)?;
            let due = self.clock(sla, number).and_then(|clock| self.deadline(sla, clock));
            let late = due.is_some_and(|due| self.now > due);
            let change = if late { ClockChange::MetLate { due } } else { ClockChange::Met { due } };
            self.tell(sla, number, change, &cause);
            return Ok(());
        }
        let Some(stage) = &step.entered else { return Ok(()) };
        if !sla.alive.contains(stage) {
            self.see_time(sla, number)?;
            self.tell(sla, number, ClockChange::Void, stage);
            return Ok(());
        }
        let paused = self.clock(sla, number).is_some_and(Clock::is_paused);
        match (paused, sla.pauses.contains(stage)) {
            (false, true) => {
                self.see_time(sla, number)?;
                self.tell(sla, number, ClockChange::Paused, stage);
            }
            (true, false) => self.resume(sla, number, stage),
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    fn resume(&mut self, sla: &Sla, number: u32, stage: &Name) {
        let Some(mut clock) = self.clock(sla, number).cloned() else { return };
        if let Some(pause) = clock.pauses.last_mut() {
            pause.to = Some(self.now);
        }
        let due = deadline(sla, &clock, &calendar(self.workflow));
        self.tell(sla, number, ClockChange::Resumed { due: due.as_ref().ok().copied().flatten() }, stage);
        if let Err(CalendarError::NoData { year, .. }) = due {
            self.tell(sla, number, ClockChange::Undetermined { year }, BY_CALENDAR);
        }
    }

    fn deadline(&self, sla: &Sla, clock: &Clock) -> Option<Timestamp> {
        deadline(sla, clock, &calendar(self.workflow)).ok().flatten()
    }

    /// Tells a deadline that is another one than was told last.
    fn see_moved(&mut self, sla: &Sla, number: u32) {
        let Some(clock) = self.clock(sla, number).filter(|clock| !clock.is_paused()) else { return };
        let (told, unknown) = (clock.due, clock.unknown_year);
        match deadline(sla, clock, &calendar(self.workflow)) {
            Ok(due) if due != told => self.tell(sla, number, ClockChange::Moved { from: told, to: due }, BY_CALENDAR),
            Err(CalendarError::NoData { year, .. }) if unknown != Some(year) => {
                self.tell(sla, number, ClockChange::Undetermined { year }, BY_CALENDAR);
            }
            Ok(_) | Err(CalendarError::NoData { .. }) => {}
        }
    }

    /// Warns, and goes up the rungs of a breach, as far as time has come; the engine does it, whoever acts.
    fn see_time(&mut self, sla: &Sla, number: u32) -> Result<(), Reason> {
        let acting = std::mem::replace(&mut self.actor, Actor::system());
        let seen = self.warn(sla, number).and_then(|()| self.climb(sla, number));
        self.actor = acting;
        seen
    }

    /// A warning that comes after the deadline would warn of nothing.
    fn warn(&mut self, sla: &Sla, number: u32) -> Result<(), Reason> {
        let (Some(clock), Some(warn)) = (self.clock(sla, number), &sla.warn) else { return Ok(()) };
        let Some(due) = self.deadline(sla, clock) else { return Ok(()) };
        let open = clock.warned.is_none() && clock.breached.is_empty() && self.now <= due;
        let come = warns_at(sla, clock, due, &calendar(self.workflow)).is_some_and(|at| at <= self.now);
        if !(open && come) {
            return Ok(());
        }
        self.tell(sla, number, ClockChange::Warned { due }, BY_TIME);
        self.do_for(sla, &warn.actions)
    }

    fn climb(&mut self, sla: &Sla, number: u32) -> Result<(), Reason> {
        let calendar = calendar(self.workflow);
        for (place, rung) in sla.breach.iter().enumerate() {
            let Some(clock) = self.clock(sla, number) else { return Ok(()) };
            let Some(due) = self.deadline(sla, clock) else { return Ok(()) };
            if place < clock.breached.len() {
                continue;
            }
            if rung_at(sla, place, due, &calendar).is_none_or(|at| self.now <= at) {
                return Ok(());
            }
            let rung_number = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
            self.tell(sla, number, ClockChange::Breached { due, rung: rung_number }, BY_TIME);
            self.do_for(sla, &rung.actions)?;
        }
        Ok(())
    }

    /// Does what a clock does: what it sets is an edit of the engine.
    fn do_for(&mut self, sla: &Sla, actions: &[Action]) -> Result<(), Reason> {
        let told = self.act(actions.iter(), &sla.name, Some(sla))?;
        let since = self.events.len();
        let changes = self.changes();
        if !changes.is_empty() {
            self.record(Event::Edited { changes, comment: None }, Vec::new());
        }
        self.follows(told)?;
        self.settle(since)
    }
}
