//! `calendar`: working days and hours, where the workflow has a calendar.
//!
//! A day may be given as a moment, and then it is the day of the moment in the calendar's zone. A year without data
//! is a fault that names it (R98).

use chrono::NaiveDate;
use rhai::{Engine, Module};

use super::super::fault::{Fault, NO_CALENDAR_DATA};
use super::super::host::{Date, Moment, WorkCalendar};
use super::super::run;
use super::Answer;
use crate::calendar::{Calendar, CalendarError};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// What can be given where a day is meant.
trait IsDay {
    fn day(self, calendar: &Calendar) -> NaiveDate;
}

impl IsDay for Date {
    fn day(self, _: &Calendar) -> NaiveDate {
        self.0
    }
}

impl IsDay for Moment {
    fn day(self, calendar: &Calendar) -> NaiveDate {
        self.0.day(calendar.zone)
    }
}

/// Adds the functions.
pub(super) fn add(module: &mut Module) {
    super::add(module, "add_working_days", |calendar: WorkCalendar, day: Date, count: i64| {
        after(&calendar, day, count)
    });
    super::add(module, "add_working_days", |calendar: WorkCalendar, day: Moment, count: i64| {
        after(&calendar, day, count)
    });
    super::add(module, "is_working_day", |calendar: WorkCalendar, day: Date| is_worked(&calendar, day));
    super::add(module, "is_working_day", |calendar: WorkCalendar, day: Moment| is_worked(&calendar, day));
    super::add(module, "working_days", |calendar: WorkCalendar, from: Date, to: Date| between(&calendar, from, to));
    super::add(module, "working_days", |calendar: WorkCalendar, from: Date, to: Moment| between(&calendar, from, to));
    super::add(module, "working_days", |calendar: WorkCalendar, from: Moment, to: Date| between(&calendar, from, to));
    super::add(module, "working_days", |calendar: WorkCalendar, from: Moment, to: Moment| between(&calendar, from, to));
    super::add(module, "days", |calendar: WorkCalendar, from: Date, to: Date| days(&calendar, from, to));
    super::add(module, "days", |calendar: WorkCalendar, from: Date, to: Moment| days(&calendar, from, to));
    super::add(module, "days", |calendar: WorkCalendar, from: Moment, to: Date| days(&calendar, from, to));
    super::add(module, "days", |calendar: WorkCalendar, from: Moment, to: Moment| days(&calendar, from, to));
    super::add(module, "add_working_hours", |calendar: WorkCalendar, moment: Moment, hours: i64| {
        hours_after(&calendar, moment, hours)
    });
}

/// Names the type for messages.
pub(super) fn properties(engine: &mut Engine) {
    engine.register_type_with_name::<WorkCalendar>("calendar");
}

fn after(calendar: &WorkCalendar, day: impl IsDay, count: i64) -> Answer<Date> {
    let from = day.day(&calendar.0);
    let found = calendar.0.add_working_days(from, count).map_err(unknown)?;
    spend(from, found)?;
    Ok(Date(found))
}

fn is_worked(calendar: &WorkCalendar, day: impl IsDay) -> Answer<bool> {
    Ok(calendar.0.is_working_day(day.day(&calendar.0)).map_err(unknown)?)
}

fn between(calendar: &WorkCalendar, from: impl IsDay, to: impl IsDay) -> Answer<i64> {
    let (from, to) = (from.day(&calendar.0), to.day(&calendar.0));
    let count = calendar.0.working_days(from, to).map_err(unknown)?;
    spend(from, to)?;
    Ok(count)
}

fn days(calendar: &WorkCalendar, from: impl IsDay, to: impl IsDay) -> i64 {
    Calendar::days(from.day(&calendar.0), to.day(&calendar.0))
}

fn hours_after(calendar: &WorkCalendar, moment: Moment, hours: i64) -> Answer<Moment> {
    let span = hours.checked_mul(HOUR).filter(|span| *span >= 0);
    let span = span.ok_or_else(|| Fault::script(format!("`{hours}` working hours can't be added")))?;
    let found = calendar.0.add_working_time(moment.0, span).map_err(unknown)?;
    spend(moment.day(&calendar.0), found.day(calendar.0.zone))?;
    Ok(Moment(found))
}

fn unknown(error: CalendarError) -> Fault {
    Fault::new(NO_CALENDAR_DATA, error.to_string())
}

/// Going from day to day costs as much as going through a list of them.
fn spend(from: NaiveDate, to: NaiveDate) -> Result<(), Fault> {
    run::spend(usize::try_from(Calendar::days(from, to).unsigned_abs()).unwrap_or(usize::MAX))
}
