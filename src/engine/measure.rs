//! Measures: what each case, or each row of it, counts for (R132, R133, R134).

use std::fmt;

use chrono::{Datelike as _, NaiveDate};

use crate::model::{Case, Value, VerdictError};
use crate::rule::{Expression, Facts};
use crate::workflow::{Measure, Measured};

use super::Sight;

/// A month: the year times twelve, and the months before it in that year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

/// What a case, or a row of it, counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// By which month; `None` when the day that decides it is missing.
    pub month: Option<Month>,
    /// As what.
    pub part: Part,
    /// The place of the row in its list, where rows are judged.
    pub line: Option<u32>,
}

/// As what something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of those that are counted.
    Count,
    /// One of those that are not.
    Rest,
    /// One that took so many seconds.
    Time(i64),
    /// One that can't be judged, for something is missing or wrong. It is never silently left out.
    Unknown,
}

impl Month {
    /// The month of a day.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self(day.year().saturating_mul(12).saturating_add(i32::try_from(day.month0()).unwrap_or(0)))
    }

    /// Reads `2026-09`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1).map(Self::of)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl Sight<'_> {
    /// What a case counts for: nothing when the measure is not about it.
    #[must_use]
    pub fn judge(&self, measure: &Measure, case: &Case) -> Vec<Judged> {
        let facts = self.facts(case);
        let lines = Self::lines(measure.rows.as_ref(), case);
        lines.into_iter().filter_map(|line| self.judge_one(measure, case, &facts, line)).collect()
    }

    fn judge_one(&self, measure: &Measure, case: &Case, facts: &Facts, line: Option<usize>) -> Option<Judged> {
        let about = measure.of.as_ref().map_or(Ok(true), |of| self.holds(of, facts, line));
        let part = match about {
            Ok(false) => return None,
            Ok(true) => self.part(measure, facts, line).unwrap_or(Part::Unknown),
            Err(_) => Part::Unknown,
        };
        let month = match &measure.by {
            Some(by) => self.month(by, facts, line),
            None => Some(Month::of(case.opened_at.day(self.workflow.zone))),
        };
        Some(Judged { month, part, line: line.and_then(|line| u32::try_from(line).ok()) })
    }

    fn part(&self, measure: &Measure, facts: &Facts, line: Option<usize>) -> Result<Part, VerdictError> {
        match &measure.what {
            Measured::Share(count) => Ok(if self.holds(count, facts, line)? { Part::Count } else { Part::Rest }),
            Measured::Times { time, .. } => Ok(match self.value(time, facts, line)? {
                Some(Value::Duration(seconds)) => Part::Time(seconds),
                Some(_) | None => Part::Unknown,
            }),
        }
    }

    fn month(&self, by: &Expression, facts: &Facts, line: Option<usize>) -> Option<Month> {
        let value = self.value(by, facts, line).ok().flatten();
        if let Some(Value::Date(day)) = value {
            return Some(Month::of(day));
        }
        if let Some(Value::Datetime(moment)) = value {
            return Some(Month::of(moment.day(self.workflow.zone)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_back_as_it_was_written() {
        for (text, read) in [
            ("2026-09", Some(2026 * 12 + 8)),
            ("2026-01", Some(2026 * 12)),
            ("0001-12", Some(23)),
            ("2026-13", None),
            ("2026-9", None),
            ("2026-+9", None),
            ("2026", None),
            ("", None),
        ] {
            assert_eq!(Month::read(text), read.map(Month), "{text}");
            assert!(read.is_none_or(|month| Month(month).to_string() == text), "{text}");
        }
    }
}
