//! Counting days: calendar days, working days, working hours.

use chrono::NaiveDate;

use crate::model::Timestamp;

use super::{Calendar, CalendarError, Limit, Run, next};

impl Calendar {
    /// The working day that is `count` working days after `date`, which is not counted itself; before it, when
    /// `count` is negative. No working days at all lead to `date`.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn add_working_days(&self, date: NaiveDate, count: i64) -> Result<NaiveDate, CalendarError> {
        let (mut day, mut left) = (date, count.unsigned_abs());
        while left > 0 {
            day = if count > 0 { next(day) } else { day.pred_opt().unwrap_or(day) };
            left -= u64::from(self.is_working_day(day)?);
        }
        Ok(day)
    }

    /// How many working days lie after `from`, up to `to` and with it; below zero when `to` is earlier, and then
    /// with `to` and without `from`.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn working_days(&self, from: NaiveDate, to: NaiveDate) -> Result<i64, CalendarError> {
        let (mut day, mut count) = (from, 0);
        while day != to {
            day = if to > from { next(day) } else { day.pred_opt().unwrap_or(to) };
            count += i64::from(self.is_working_day(day)?);
        }
        Ok(if to > from { count } else { -count })
    }

    /// How many days lie between: below zero when `to` is earlier.
    #[must_use]
    pub fn days(from: NaiveDate, to: NaiveDate) -> i64 {
        to.signed_duration_since(from).num_days()
    }

    /// The moment at which so much working time has passed since `moment`.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn add_working_time(&self, moment: Timestamp, milliseconds: i64) -> Result<Timestamp, CalendarError> {
        if milliseconds <= 0 {
            return Ok(moment);
        }
        let run = [Run { from: moment, to: None }];
        let due = Limit::WorkingTime(milliseconds).count(self, &run, &mut |_| ())?;
        Ok(due.unwrap_or(moment))
    }

    /// How much working time lies between, in milliseconds; none when `to` is earlier.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn working_time(&self, from: Timestamp, to: Timestamp) -> Result<i64, CalendarError> {
        let mut sum = 0;
        let run = [Run { from, to: Some(to.max(from)) }];
        Limit::WorkingTime(i64::MAX).count(self, &run, &mut |span| {
            sum += if span.counted { span.to.0 - span.from.0 } else { 0 };
        })?;
        Ok(sum)
    }
}
