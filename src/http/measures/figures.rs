//! The numbers of a measure: sums and figures of a month.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Month, Part};
use crate::runtime::Tally;
use crate::workflow::Measured;

/// Months that one answer has.
pub(super) const MONTHS_MAX: usize = 240;
/// Digits of a share behind the point.
const SHARE_DIGITS: u32 = 4;

/// The numbers of a month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Month)]
pub(super) struct MonthBody {
    /// The month, as `2026-09`.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// How many were judged: the denominator of a share, the number of times.
    of: usize,
    /// How many of them are counted: the numerator.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    /// `count` by `of`, from 0 to 1, to four digits; absent when there are none to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<String>,
    /// The figures of the times, in seconds. A percentile is the nearest rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    figures: Option<BTreeMap<&'static str, i64>>,
    /// How many could not be judged, for something is missing or wrong; they are in no other number.
    unknown: usize,
}

/// What adds up to the numbers of a month.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    count: usize,
    rest: usize,
    unknown: usize,
    /// In order, once it is summed up.
    times: Vec<i64>,
}

/// The sums of each month, and of what has none.
pub(super) fn by_month(tally: &Tally, what: &Measured) -> BTreeMap<Option<Month>, Sum> {
    let mut months: BTreeMap<Option<Month>, Sum> = BTreeMap::new();
    for counted in tally.counted() {
        let sum = months.entry(counted.judged.month).or_default();
        match counted.judged.part {
            Part::Count => sum.count += 1,
            Part::Rest => sum.rest += 1,
            Part::Unknown => sum.unknown += 1,
            Part::Time(seconds) => sum.times.push(seconds),
        }
    }
    if matches!(what, Measured::Times { .. }) {
        months.values_mut().for_each(|sum| sum.times.sort_unstable());
    }
    months
}

/// All of them together.
pub(super) fn total<'a>(sums: impl Iterator<Item = &'a Sum>, what: &Measured) -> Sum {
    let mut all = sums.fold(Sum::default(), |mut all, sum| {
        (all.count, all.rest, all.unknown) = (all.count + sum.count, all.rest + sum.rest, all.unknown + sum.unknown);
        all.times.extend(&sum.times);
        all
    });
    if matches!(what, Measured::Times { .. }) {
        all.times.sort_unstable();
    }
    all
}

impl Sum {
    /// The numbers as clients read them.
    pub(super) fn body(&self, month: Option<Month>, what: &Measured) -> MonthBody {
        let month = month.map(|month| month.to_string());
        match what {
            Measured::Share(_) => {
                let of = self.count.saturating_add(self.rest);
                let (count, share) = (Some(self.count), share(self.count, of));
                MonthBody { month, of, count, share, figures: None, unknown: self.unknown }
            }
            Measured::Times { show, .. } => {
                let figures = show.iter().filter_map(|figure| Some((figure.word(), figure.of(&self.times)?)));
                let figures = Some(figures.collect());
                MonthBody { month, of: self.times.len(), count: None, share: None, figures, unknown: self.unknown }
            }
        }
    }
}

fn share(count: usize, of: usize) -> Option<String> {
    let (count, of) = (Decimal::from(count), Decimal::from(of));
    Some(count.checked_div(of)?.round_dp(SHARE_DIGITS).normalize().to_string())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_has_four_digits_and_none_of_nothing() {
        for (count, of, expected) in
            [(1, 3, Some("0.3333")), (2, 3, Some("0.6667")), (3, 3, Some("1")), (0, 3, Some("0")), (0, 0, None)]
        {
            assert_eq!(share(count, of).as_deref(), expected, "{count} of {of}");
        }
    }
}
