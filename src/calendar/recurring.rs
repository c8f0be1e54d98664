//! Moments that come again and again: every day, on working days, once a week.

use chrono::{Datelike, Days, NaiveTime, Weekday};

use crate::model::Timestamp;

use super::{Calendar, CalendarError, clock_time, next, weekday};

/// When something is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurring {
    /// At a time of every day.
    Daily(NaiveTime),
    /// At a time of every working day.
    OnWorkingDays(NaiveTime),
    /// Once a week, worked or not.
    Weekly(Weekday, NaiveTime),
}

impl Recurring {
    /// How it is written, for whoever got it wrong.
    pub const FORMS: &'static str = "`09:00 every day`, `16:00 on working days` or `Fri 17:00`";

    /// Reads one of [`Recurring::FORMS`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [time, "every", "day"] => clock_time(time).map(Self::Daily),
            [time, "on", "working", "days"] => clock_time(time).map(Self::OnWorkingDays),
            [day, time] => Some(Self::Weekly(weekday(day)?, clock_time(time)?)),
            _ => None,
        }
    }

    /// Whether it needs to know which days are worked.
    #[must_use]
    pub fn needs_calendar(self) -> bool {
        match self {
            Self::OnWorkingDays(_) => true,
            Self::Daily(_) | Self::Weekly(..) => false,
        }
    }

    /// The first such moment after `moment`.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn next(self, calendar: &Calendar, moment: Timestamp) -> Result<Timestamp, CalendarError> {
        let today = moment.day(calendar.zone);
        // Where a clock jumps, the moment of yesterday's time can lie on this day.
        let mut date = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        loop {
            let (time, here) = match self {
                Self::Daily(time) => (time, true),
                Self::Weekly(day, time) => (time, date.weekday() == day),
                Self::OnWorkingDays(time) => (time, date >= today && calendar.is_working_day(date)?),
            };
            let at = calendar.moment(date, time);
            if here && at > moment || next(date) == date {
                return Ok(at);
            }
            date = next(date);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{berlin, shanghai};
    use super::*;

    #[test]
    fn the_next_moment_lies_after_this_one() {
        let (here, there) = (shanghai(), berlin());
        for (calendar, text, moment, expected) in [
            (&here, "16:00 on working days", "2026-09-18T16:00:00+08:00", "2026-09-20T16:00:00+08:00"),
            (&here, "16:00 on working days", "2026-09-24T15:59:59+08:00", "2026-09-24T16:00:00+08:00"),
            (&here, "16:00 on working days", "2026-09-24T16:00:01+08:00", "2026-09-28T16:00:00+08:00"),
            (&here, "09:00 every day", "2026-09-24T09:00:00+08:00", "2026-09-25T09:00:00+08:00"),
            (&here, "Fri 17:00", "2026-09-24T09:00:00+08:00", "2026-09-25T17:00:00+08:00"),
            (&here, "Fri 17:00", "2026-09-25T17:00:00+08:00", "2026-10-02T17:00:00+08:00"),
            (&here, "fri 17:00", "2027-12-30T17:00:00+08:00", "2027-12-31T17:00:00+08:00"),
            // The clocks go from 02:00 to 03:00, and in autumn from 03:00 to 02:00.
            (&there, "02:30 every day", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00"),
            (&there, "02:30 every day", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"),
            (&there, "02:30 every day", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00"),
            (&there, "02:30 every day", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"),
        ] {
            let at = |text: &str| Timestamp::parse(text).unwrap();
            let found = Recurring::parse(text).unwrap().next(calendar, at(moment));
            assert_eq!(found, Ok(at(expected)), "{text} after {moment}");
        }
    }

    #[test]
    fn a_year_without_data_is_an_error_only_where_it_is_needed() {
        let moment = Timestamp::parse("2026-12-31T18:00:00+08:00").unwrap();
        let said = |text: &str| Recurring::parse(text).unwrap().next(&shanghai(), moment).map_err(|e| e.to_string());
        assert_eq!(said("16:00 on working days"), Err("the calendar `cn` has no data for the year 2027".to_owned()));
        assert!(said("Fri 17:00").is_ok() && said("16:00 every day").is_ok());
    }

    #[test]
    fn other_words_are_none() {
        for text in ["", "16:00", "16:00 daily", "Fri 5pm", "24:00 every day", "16:00 on working days please"] {
            assert_eq!(Recurring::parse(text), None, "{text}");
        }
    }
}
