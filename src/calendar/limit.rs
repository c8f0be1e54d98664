//! Limits: how long something may take, and how that is written.

use chrono::{NaiveTime, Weekday};

use crate::model::Timestamp;

use super::{Calendar, CalendarError, Run, clock_time, weekday};

/// The longest limit, in days.
const DAYS_MAX: u32 = 3_660;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Elapsed time, in milliseconds.
    Elapsed(i64),
    /// Working time, in milliseconds.
    WorkingTime(i64),
    /// To the end of the n-th working day after the day of the start.
    WorkingDays(u32),
    /// To the first such time of a day after the start.
    By(NaiveTime),
    /// To the first such time of a working day after the start.
    ByOnWorkingDay(NaiveTime),
    /// To such a time of the first working day after the day of the start.
    ByNextWorkingDay(NaiveTime),
    /// To the first such time of a week after the start.
    ByWeekday(Weekday, NaiveTime),
}

impl Limit {
    /// How it is written, for whoever got it wrong.
    pub const FORMS: &'static str = "`2h`, `30m`, `2 working hours`, `2 working days`, `by 18:00`, \
        `by 18:00 working day`, `by 17:00 next working day` or `by Fri 17:00`";

    /// Reads one of [`Limit::FORMS`]; a limit is longer than nothing and not longer than ten years.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["by", time] => clock_time(time).map(Self::By),
            ["by", time, "working", "day"] => clock_time(time).map(Self::ByOnWorkingDay),
            ["by", time, "next", "working", "day"] => clock_time(time).map(Self::ByNextWorkingDay),
            ["by", day, time] => Some(Self::ByWeekday(weekday(day)?, clock_time(time)?)),
            [count, "working", unit] => Self::working(number(count)?, unit),
            [count, unit] => within(number(count)?.checked_mul(long_unit(unit)?)?).map(Self::Elapsed),
            [short] => elapsed(short).map(Self::Elapsed),
            _ => None,
        }
    }

    fn working(count: i64, unit: &str) -> Option<Self> {
        if matches!(unit, "day" | "days") {
            let days = u32::try_from(count).ok()?;
            return (1..=DAYS_MAX).contains(&days).then_some(Self::WorkingDays(days));
        }
        within(count.checked_mul(long_unit(unit)?)?).map(Self::WorkingTime)
    }

    /// Whether it needs to know which days or hours are worked.
    #[must_use]
    pub fn needs_calendar(self) -> bool {
        match self {
            Self::WorkingTime(_) | Self::WorkingDays(_) | Self::ByOnWorkingDay(_) | Self::ByNextWorkingDay(_) => true,
            Self::Elapsed(_) | Self::By(_) | Self::ByWeekday(..) => false,
        }
    }

    /// The deadline of something that begins at `start` and is never interrupted.
    ///
    /// # Errors
    /// When a year on the way has no data.
    pub fn due(self, calendar: &Calendar, start: Timestamp) -> Result<Timestamp, CalendarError> {
        let due = self.count(calendar, &[Run { from: start, to: None }], &mut |_| ())?;
        Ok(due.unwrap_or(start))
    }
}

/// Elapsed time as `2h`, `90m` or `1d12h`, in milliseconds.
fn elapsed(text: &str) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0_i64);
    while !rest.is_empty() {
        let unit = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, after) = rest.split_at_checked(unit)?;
        let mut letters = after.chars();
        let one = match letters.next()? {
            's' => 1_000,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            _ => return None,
        };
        sum = sum.checked_add(number(count)?.checked_mul(one)?)?;
        rest = letters.as_str();
    }
    within(sum)
}

fn long_unit(unit: &str) -> Option<i64> {
    match unit {
        "minute" | "minutes" => Some(MINUTE),
        "hour" | "hours" => Some(HOUR),
        "day" | "days" => Some(DAY),
        _ => None,
    }
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn within(milliseconds: i64) -> Option<i64> {
    (1..=i64::from(DAYS_MAX) * DAY).contains(&milliseconds).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        for (text, expected) in [
            ("2h", Some(Limit::Elapsed(2 * HOUR))),
            ("1d12h", Some(Limit::Elapsed(36 * HOUR))),
            ("90s", Some(Limit::Elapsed(90_000))),
            ("24 hours", Some(Limit::Elapsed(DAY))),
            ("3 days", Some(Limit::Elapsed(3 * DAY))),
            ("2 working hours", Some(Limit::WorkingTime(2 * HOUR))),
            ("30 working minutes", Some(Limit::WorkingTime(30 * MINUTE))),
            ("1 working day", Some(Limit::WorkingDays(1))),
            ("2  working  days", Some(Limit::WorkingDays(2))),
            ("by 18:00", Some(Limit::By(at(18)))),
            ("by 18:00 working day", Some(Limit::ByOnWorkingDay(at(18)))),
            ("by 17:00 next working day", Some(Limit::ByNextWorkingDay(at(17)))),
            ("by Fri 17:00", Some(Limit::ByWeekday(Weekday::Fri, at(17)))),
            ("0h", None),
            ("0 working days", None),
            ("2", None),
            ("h", None),
            ("-2h", None),
            ("2.5h", None),
            ("2 working weeks", None),
            ("4000 working days", None),
            ("99999999999999999999h", None),
            ("9999999999999999h", None),
            ("by 25:00", None),
            ("by 18:00 tomorrow", None),
            ("", None),
        ] {
            assert_eq!(Limit::parse(text), expected, "{text}");
        }
    }
}
