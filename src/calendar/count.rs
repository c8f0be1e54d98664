//! Counting: from the stretches in which a clock ran to its deadline, and to why it lies there.
//!
//! One pass gives both, so that what is told about a deadline can't differ from it: the spans lie end to end from the
//! start to the deadline; the counted ones add up to an amount of time exactly, and are as many as the days of a
//! limit in days. A limit in days, or to a time of the day, ends with the n-th moment of its kind at which the clock
//! runs: a pause that is over before that moment costs nothing, one that lasts beyond it leads to the next.

use chrono::{Datelike, NaiveDate};

use crate::model::Timestamp;

use super::{Calendar, CalendarError, Day, Limit, Special, next};

/// A stretch in which a clock ran: up to `to` and with it, or until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub from: Timestamp,
    /// When it was paused.
    pub to: Option<Timestamp>,
}

/// A stretch of time that counted, or was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'c> {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// Whether it counts.
    pub counted: bool,
    /// Why it counts or does not.
    pub why: Why<'c>,
}

/// Why a stretch of time counts or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'c> {
    /// All time counts.
    Elapsed,
    /// It lies within the hours of the day.
    Working,
    /// It lies within the hours of a make-up day.
    MakeUp(&'c Special),
    /// It lies outside the hours of the day.
    OutsideHours,
    /// Its weekday has no hours.
    NotWorked,
    /// The day is off.
    Off(&'c Special),
    /// The clock was paused: for the time with this place, from 0 on.
    Paused(usize),
    /// It lies on the day of the start, which is not counted.
    StartDay,
    /// It leads to the end of a day, or to a time of it, at which the clock runs.
    Day,
    /// The end of the day, or the time of it at which it would have ended, was past.
    TooLate,
    /// The clock did not run from here to the end of the day, or to the time of it.
    Interrupted,
    /// It lies before the weekday of the limit.
    Before,
}

impl Limit {
    /// The deadline, counted over the stretches in which a clock ran, in their order; `None` while the clock is
    /// paused before it. `each` gets the spans.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn count<'c>(
        self,
        calendar: &'c Calendar,
        runs: &[Run],
        each: &mut dyn FnMut(Span<'c>),
    ) -> Result<Option<Timestamp>, CalendarError> {
        let mut counter = Counter { calendar, runs, each };
        match self {
            Self::Elapsed(amount) => Ok(counter.elapsed(amount)),
            Self::WorkingTime(amount) => counter.working_time(amount),
            Self::WorkingDays(days) => counter.ticks(self, days),
            Self::By(_) | Self::ByOnWorkingDay(_) | Self::ByNextWorkingDay(_) | Self::ByWeekday(..) => {
                counter.ticks(self, 1)
            }
        }
    }
}

struct Counter<'a, 'c> {
    calendar: &'c Calendar,
    runs: &'a [Run],
    each: &'a mut dyn FnMut(Span<'c>),
}

impl<'c> Counter<'_, 'c> {
    fn say(&mut self, from: Timestamp, to: Timestamp, counted: bool, why: Why<'c>) {
        // What ends with midnight may be the whole of its day.
        if from < to || counted {
            (self.each)(Span { from, to, counted, why });
        }
    }

    /// Says that the clock was paused before the run with this place.
    fn paused(&mut self, place: usize) {
        let before = place.checked_sub(1);
        let ended = before.and_then(|before| self.runs.get(before)).and_then(|run| run.to);
        if let (Some(before), Some(ended), Some(run)) = (before, ended, self.runs.get(place)) {
            self.say(ended, run.from, false, Why::Paused(before));
        }
    }

    fn elapsed(&mut self, amount: i64) -> Option<Timestamp> {
        let mut left = amount;
        for (place, run) in self.runs.iter().enumerate() {
            self.paused(place);
            let due = Timestamp(run.from.0.saturating_add(left));
            match run.to {
                Some(to) if to < due => {
                    self.say(run.from, to, true, Why::Elapsed);
                    left -= to.0.saturating_sub(run.from.0);
                }
                Some(_) | None => {
                    self.say(run.from, due, true, Why::Elapsed);
                    return Some(due);
                }
            }
        }
        None
    }

    fn working_time(&mut self, amount: i64) -> Result<Option<Timestamp>, CalendarError> {
        let mut left = amount;
        for (place, run) in self.runs.iter().enumerate() {
            self.paused(place);
            let mut at = run.from;
            let mut date = at.day(self.calendar.zone);
            while run.to.is_none_or(|to| at < to) {
                let end = run.to.map_or(Timestamp(i64::MAX), |to| to);
                if let Some(due) = self.working_day(date, &mut at, end, &mut left)? {
                    return Ok(Some(due));
                }
                date = next(date);
            }
        }
        Ok(None)
    }

    /// Counts the working time of a day between `at` and `end`; the deadline, when it lies there.
    fn working_day(
        &mut self,
        date: NaiveDate,
        at: &mut Timestamp,
        end: Timestamp,
        left: &mut i64,
    ) -> Result<Option<Timestamp>, CalendarError> {
        let calendar = self.calendar;
        let day = calendar.day(date)?;
        let (worked, rest) = (worked(&day), skipped(&day));
        for hours in day.hours {
            let (opens, closes) = calendar.moments(date, hours);
            let (opens, closes) = (opens.max(*at), closes.min(end));
            if opens >= closes {
                continue;
            }
            self.say(*at, opens, false, rest);
            let due = Timestamp(opens.0.saturating_add(*left));
            if due <= closes {
                self.say(opens, due, true, worked);
                return Ok(Some(due));
            }
            self.say(opens, closes, true, worked);
            *left -= closes.0 - opens.0;
            *at = closes;
        }
        let midnight = calendar.begin(next(date)).min(end);
        self.say(*at, midnight, false, rest);
        *at = midnight.max(*at);
        Ok(None)
    }

    /// Goes from day to day to the n-th moment at which a day counts and the clock runs.
    fn ticks(&mut self, limit: Limit, count: u32) -> Result<Option<Timestamp>, CalendarError> {
        let Some(start) = self.runs.first().map(|run| run.from) else { return Ok(None) };
        let calendar = self.calendar;
        let mut left = count;
        for (place, run) in self.runs.iter().enumerate() {
            self.paused(place);
            let mut at = run.from;
            let mut date = at.day(calendar.zone);
            while run.to.is_none_or(|to| at < to) {
                let tick = Tick::of(limit, calendar, date, start)?;
                let ends = run.to.unwrap_or(Timestamp(i64::MAX));
                let midnight = calendar.begin(next(date)).min(ends);
                let counts = tick.at.filter(|moment| *moment > run.from && *moment <= ends);
                left = left.saturating_sub(u32::from(counts.is_some()));
                if let Some(moment) = counts.filter(|_| left == 0) {
                    self.say(at, moment, true, Why::Day);
                    return Ok(Some(moment));
                }
                let why = match counts {
                    Some(_) => Why::Day,
                    None if tick.at.is_some_and(|moment| moment > run.from) => Why::Interrupted,
                    None => tick.why,
                };
                self.say(at, midnight, counts.is_some(), why);
                at = midnight.max(at);
                if next(date) == date {
                    return Ok(None);
                }
                date = next(date);
            }
        }
        Ok(None)
    }
}

/// The moment of a day with which it counts, or why it does not count at all.
struct Tick<'c> {
    at: Option<Timestamp>,
    why: Why<'c>,
}

impl<'c> Tick<'c> {
    fn of(limit: Limit, calendar: &'c Calendar, date: NaiveDate, start: Timestamp) -> Result<Self, CalendarError> {
        let none = |why| Ok(Self { at: None, why });
        if limit.needs_calendar() {
            let day = calendar.day(date)?;
            if day.hours.is_empty() {
                return none(skipped(&day));
            }
        }
        let first = date == start.day(calendar.zone);
        let at = match limit {
            Limit::WorkingDays(_) | Limit::ByNextWorkingDay(_) if first => return none(Why::StartDay),
            Limit::ByWeekday(day, _) if date.weekday() != day => return none(Why::Before),
            Limit::Elapsed(_) | Limit::WorkingTime(_) => return none(Why::Elapsed),
            Limit::WorkingDays(_) => calendar.close(date)?,
            Limit::By(time)
            | Limit::ByOnWorkingDay(time)
            | Limit::ByNextWorkingDay(time)
            | Limit::ByWeekday(_, time) => Some(calendar.moment(date, time)),
        };
        Ok(Self { at: at.filter(|at| *at > start), why: Why::TooLate })
    }
}

/// Why the hours of a day count.
fn worked<'c>(day: &Day<'c>) -> Why<'c> {
    match day.special {
        Some(special @ Special::Work { .. }) => Why::MakeUp(special),
        Some(Special::Off(_)) | None => Why::Working,
    }
}

/// Why the rest of a day does not count.
fn skipped<'c>(day: &Day<'c>) -> Why<'c> {
    match day.special {
        Some(special @ Special::Off(_)) => Why::Off(special),
        Some(Special::Work { .. }) | None if day.hours.is_empty() => Why::NotWorked,
        Some(Special::Work { .. }) | None => Why::OutsideHours,
    }
}
