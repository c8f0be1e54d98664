//! Calendars: which days and hours are worked in a time zone, and what follows for deadlines.
//!
//! - A day is worked when its weekday has hours, unless it is off; a make-up day works the hours of the weekday it
//!   names. A year without data is unknown: whatever would need it is an error that names the year, never a guess (R98).
//! - Working time is elapsed time between the moments at which an interval begins and ends. A time of the day is the
//!   first moment at which the clocks of the zone show it or later: in the hour that is doubled in autumn the earlier
//!   one, and for a time that is skipped in spring the first moment after the gap.
//! - The start day of a count of days is not counted, and the last one ends with its last interval.
//!
//! INVARIANT: no loop goes further than the years that have data, which are at most `CALENDAR_YEARS_MAX`, and a few
//! days.

mod count;
mod days;
mod hours;
mod limit;
mod recurring;

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::model::{Name, Timestamp, Title};

pub use count::{Run, Span, Why};
pub use hours::{Hours, clock_time, weekday};
pub use limit::Limit;
pub use recurring::Recurring;

/// Days before the data of a calendar run out from which on it is told.
const WARNED_DAYS: u64 = 60;

/// Which days and hours are worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Its name.
    pub name: Name,
    /// Its time zone.
    pub zone: Tz,
    /// The hours of each weekday from Monday on, in order and without overlap.
    week: [Vec<Hours>; 7],
    /// The years that have data, and the days of each that are not like their weekday.
    years: BTreeMap<i32, BTreeMap<NaiveDate, Special>>,
}

/// What makes a day unlike its weekday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Special {
    /// It is off.
    Off(Title),
    /// It is worked to make up for another.
    Work {
        /// The weekday whose hours it works.
        as_day: Weekday,
        /// What for.
        why: Title,
    },
}

/// A day as a calendar has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day<'c> {
    /// Its hours; none on a day that is not worked.
    pub hours: &'c [Hours],
    /// What makes it unlike its weekday.
    pub special: Option<&'c Special>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Nobody knows which days of a year are worked.
    #[error("the calendar `{calendar}` has no data for the year {year}")]
    NoData {
        /// The calendar.
        calendar: Name,
        /// The year.
        year: i32,
    },
}

impl Calendar {
    /// A calendar; `None` when it has no working time at all, so that nothing would ever be due.
    #[must_use]
    pub fn new(
        name: Name,
        zone: Tz,
        week: [Vec<Hours>; 7],
        years: BTreeMap<i32, BTreeMap<NaiveDate, Special>>,
    ) -> Option<Self> {
        let works = week.iter().any(|hours| !hours.is_empty());
        works.then_some(Self { name, zone, week, years })
    }

    /// A calendar that knows nothing but a zone: every question about working time is an error.
    #[must_use]
    pub fn unknown(zone: Tz) -> Self {
        Self { name: "".into(), zone, week: <[Vec<Hours>; 7]>::default(), years: BTreeMap::new() }
    }

    /// The day.
    ///
    /// # Errors
    /// When its year has no data.
    pub fn day(&self, date: NaiveDate) -> Result<Day<'_>, CalendarError> {
        let year = date.year();
        let Some(specials) = self.years.get(&year) else {
            return Err(CalendarError::NoData { calendar: Name::clone(&self.name), year });
        };
        let special = specials.get(&date);
        let hours = match special {
            None => self.hours_of(date.weekday()),
            Some(Special::Off(_)) => &[],
            Some(Special::Work { as_day, .. }) => self.hours_of(*as_day),
        };
        Ok(Day { hours, special })
    }

    /// Whether the day is worked.
    ///
    /// # Errors
    /// When its year has no data.
    pub fn is_working_day(&self, date: NaiveDate) -> Result<bool, CalendarError> {
        Ok(!self.day(date)?.hours.is_empty())
    }

    /// The years that have data.
    pub fn years(&self) -> impl Iterator<Item = i32> {
        self.years.keys().copied()
    }

    /// The year that will be needed within sixty days of `now` and has no data.
    #[must_use]
    pub fn missing_soon(&self, now: Timestamp) -> Option<i32> {
        let today = now.day(self.zone);
        let soon = today.checked_add_days(Days::new(WARNED_DAYS)).unwrap_or(today);
        [today.year(), soon.year()].into_iter().find(|year| !self.years.contains_key(year))
    }

    /// The moment at which the clocks show `time` on `date`, or the first one after it.
    #[must_use]
    pub fn moment(&self, date: NaiveDate, time: NaiveTime) -> Timestamp {
        Timestamp::from_local(date.and_time(time), self.zone)
    }

    /// The moment at which `date` begins.
    pub(crate) fn begin(&self, date: NaiveDate) -> Timestamp {
        self.moment(date, NaiveTime::MIN)
    }

    /// The moments at which `hours` of `date` begin and end.
    pub(crate) fn moments(&self, date: NaiveDate, hours: &Hours) -> (Timestamp, Timestamp) {
        (self.at(date, hours.first_minute()), self.at(date, hours.to_minute()))
    }

    /// The end of the last interval of `date`; `None` when it is not worked.
    pub(crate) fn close(&self, date: NaiveDate) -> Result<Option<Timestamp>, CalendarError> {
        Ok(self.day(date)?.hours.last().map(|hours| self.at(date, hours.to_minute())))
    }

    fn at(&self, date: NaiveDate, minute: u16) -> Timestamp {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0);
        // The one minute that is no time of the day is 24:00.
        time.map_or_else(|| self.begin(next(date)), |time| self.moment(date, time))
    }

    fn hours_of(&self, day: Weekday) -> &[Hours] {
        let place = usize::try_from(day.num_days_from_monday()).unwrap_or_default();
        self.week.get(place).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The day after `date`; the last day that there is comes after itself, in a year that no calendar has.
fn next(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}

#[cfg(test)]
mod tests;
