//! Times of the day: an interval that is worked, and how times and weekdays are written.

use chrono::{NaiveTime, Timelike, Weekday};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// An interval of a day, by the clocks of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// Reads `09:00-12:00`; an interval ends after it begins, at the latest at `24:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let hours = Self { from: minute(from.trim())?, to: minute(to.trim())? };
        (hours.from < hours.to).then_some(hours)
    }

    /// Whether it ends before `next` begins, or as it begins.
    #[must_use]
    pub fn is_before(&self, next: &Self) -> bool {
        self.to <= next.from
    }

    /// The minute of the day in which it begins.
    pub(super) fn first_minute(self) -> u16 {
        self.from
    }

    /// The minute of the day before which it ends: at most 1440.
    pub(super) fn to_minute(self) -> u16 {
        self.to
    }
}

/// Reads a time of the day, as `17:00`.
#[must_use]
pub fn clock_time(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = text.split_once(':')?;
    NaiveTime::from_hms_opt(two_digits(hour)?, two_digits(minute)?, 0)
}

/// Reads a weekday, as `fri` or `Friday`.
#[must_use]
pub fn weekday(text: &str) -> Option<Weekday> {
    text.parse().ok()
}

fn minute(text: &str) -> Option<u16> {
    if text == "24:00" {
        return Some(DAY_MINUTES);
    }
    let time = clock_time(text)?;
    u16::try_from(time.hour() * 60 + time.minute()).ok()
}

fn two_digits(text: &str) -> Option<u32> {
    let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_two_times_the_later_one_last() {
        for (text, minutes) in [
            ("09:00-12:00", Some((540, 720))),
            ("00:00-24:00", Some((0, 1440))),
            ("09:00 - 12:30", Some((540, 750))),
            ("12:00-09:00", None),
            ("09:00-09:00", None),
            ("9:00-12:00", None),
            ("09:00", None),
            ("09:00-25:00", None),
            ("09:60-12:00", None),
            ("09:00-12:00-13:00", None),
            ("+9:00-12:00", None),
        ] {
            assert_eq!(Hours::parse(text).map(|hours| (hours.from, hours.to)), minutes, "{text}");
        }
    }

    #[test]
    fn weekdays_have_short_and_long_names() {
        for (text, day) in
            [("fri", Some(Weekday::Fri)), ("Fri", Some(Weekday::Fri)), ("Friday", Some(Weekday::Fri)), ("frei", None)]
        {
            assert_eq!(weekday(text), day, "{text}");
        }
    }
}
