//! Moments. The core never asks for the time: every moment comes in as an argument.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment as chrono has it; a moment that chrono can't hold becomes 1970.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The calendar day in `zone`.
    #[must_use]
    pub fn day(self, zone: chrono_tz::Tz) -> NaiveDate {
        self.utc().with_timezone(&zone).date_naive()
    }

    /// The wall-clock time in `zone`.
    #[must_use]
    pub fn local(self, zone: chrono_tz::Tz) -> NaiveDateTime {
        self.utc().with_timezone(&zone).naive_local()
    }

    /// The first moment at which clocks in `zone` show `local` or later: in the hour that is doubled in autumn the
    /// earlier one, and for a time that is skipped in spring the first moment after the gap.
    #[must_use]
    pub fn from_local(local: NaiveDateTime, zone: chrono_tz::Tz) -> Self {
        let found = zone.from_local_datetime(&local).earliest();
        let found = found.or_else(|| chrono_tz::GapInfo::new(&local, &zone)?.end);
        found.map_or_else(|| local.and_utc().into(), |found| found.with_timezone(&Utc).into())
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    /// When `text` is not an RFC 3339 date and time with an offset.
    pub fn parse(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|moment| moment.with_timezone(&Utc).into())
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_and_read_as_rfc_3339() {
        let moment = Timestamp::parse("2026-09-24T09:00:00+08:00").unwrap();
        assert_eq!(moment.to_string(), "2026-09-24T01:00:00Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        assert_eq!(moment.day(chrono_tz::Asia::Shanghai).to_string(), "2026-09-24");
    }

    #[test]
    fn a_skipped_local_time_moves_past_the_gap_and_a_doubled_one_is_the_earlier() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |text: &str| Timestamp::from_local(text.parse().unwrap(), zone).to_string();
        for skipped in ["2026-03-29T02:00:00", "2026-03-29T02:15:00", "2026-03-29T02:59:59", "2026-03-29T03:00:00"] {
            assert_eq!(at(skipped), "2026-03-29T01:00:00Z", "{skipped}");
        }
        assert_eq!(at("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
    }
}
