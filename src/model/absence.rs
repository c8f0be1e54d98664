//! Absences: who is away, and who stands in.

use super::id::UserId;
use super::time::Timestamp;
use super::value::{Record, Value};

/// The table under which absences are kept beside the reference tables; no definition can have one of this name.
pub const ABSENCES: &str = ".absences";

/// Somebody is away, and somebody else stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// From when on.
    pub from: Timestamp,
    /// Until when (exclusive); open without it.
    pub until: Option<Timestamp>,
    /// Who stands in.
    pub delegate: UserId,
}

impl Absence {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// As it is kept.
    #[must_use]
    pub fn to_row(&self) -> Record {
        let from = ("from".into(), Value::Datetime(self.from));
        let until = self.until.map(|until| ("until".into(), Value::Datetime(until)));
        let delegate = ("delegate".into(), Value::Text(self.delegate.clone()));
        [from, delegate].into_iter().chain(until).collect()
    }

    /// From what is kept; `None` when that is no absence.
    #[must_use]
    pub fn from_row(row: &Record) -> Option<Self> {
        let moment = |field: &str| match row.get(field) {
            Some(Value::Datetime(moment)) => Some(*moment),
            _ => None,
        };
        Some(Self { from: moment("from")?, until: moment("until"), delegate: row.text("delegate")?.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_kept_and_holds_from_its_beginning_to_before_its_end() {
        for until in [None, Some(Timestamp(20))] {
            let absence = Absence { from: Timestamp(10), until, delegate: "eve".into() };
            assert_eq!(Absence::from_row(&absence.to_row()), Some(absence.clone()));
            let holds: Vec<bool> = [9, 10, 19, 20].map(|at| absence.holds(Timestamp(at))).into();
            assert_eq!(holds, [false, true, true, until.is_none()]);
        }
        assert_eq!(Absence::from_row(&Record::new()), None);
    }
}
