//! A measure, compiled: a number about many cases, by month.

use std::sync::Arc;

use crate::model::{Name, Title};
use crate::rule::Expression;

use super::view::Reads;

/// A number about many cases, by month in the zone of the workflow's calendar (R132, R133, R134).
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name, which no other measure of the set has.
    pub name: Name,
    /// Its title.
    pub title: Title,
    /// The list of which each row is judged; without one each case is.
    pub rows: Option<Name>,
    /// What is measured.
    pub what: Measured,
    /// Which cases, or rows, it is about; all without.
    pub of: Option<Arc<Expression>>,
    /// The day or moment whose month counts; when the case was opened, without.
    pub by: Option<Arc<Expression>>,
    /// What it leans on that no event of its case tells.
    pub leans: Leans,
    /// What it may read.
    pub reads: Reads,
}

/// What a measure leans on that no event of its case tells: then what was judged holds only so long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leans {
    /// On the day.
    pub day: bool,
    /// On the moment.
    pub moment: bool,
    /// On other cases, or on what is shared between them.
    pub beyond: bool,
}

/// What is measured.
#[derive(Clone, Debug)]
pub enum Measured {
    /// The share for which this holds.
    Share(Arc<Expression>),
    /// How long this took.
    Times {
        /// The span.
        time: Arc<Expression>,
        /// The figures that are shown.
        show: Vec<Figure>,
    },
}

/// A figure that stands for many times. A percentile is the nearest rank: the smallest time that at least so many
/// of a hundred do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Figure {
    /// The 50th percentile.
    Median,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The sum by the number, to the second.
    Mean,
    /// The longest.
    Max,
}

impl Figure {
    /// The words by which they are chosen.
    pub(super) const WORDS: &[&str] = &["median", "p90", "p95", "p99", "mean", "max"];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::Max => "max",
        }
    }

    /// The figure of some times in order; `None` of none.
    #[must_use]
    pub fn of(self, sorted: &[i64]) -> Option<i64> {
        let last = *sorted.last()?;
        match self {
            Self::Median => percentile(sorted, 50),
            Self::P90 => percentile(sorted, 90),
            Self::P95 => percentile(sorted, 95),
            Self::P99 => percentile(sorted, 99),
            Self::Mean => {
                let sum: i128 = sorted.iter().map(|time| i128::from(*time)).sum();
                i64::try_from(sum / i128::try_from(sorted.len()).ok()?).ok()
            }
            Self::Max => Some(last),
        }
    }
}

/// The nearest rank: the item at the place `ceil(percent / 100 * count)`, counted from 1.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = sorted.len().checked_mul(percent)?.div_ceil(100).max(1);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let check = |count: i64, figure: Figure, expected: Option<i64>| {
            let times: Vec<i64> = (1..=count).collect();
            assert_eq!(figure.of(&times), expected, "{figure:?} of 1..={count}");
        };
        for (count, figure, expected) in [
            (0, Figure::Median, None),
            (1, Figure::Median, Some(1)),
            (1, Figure::P99, Some(1)),
            (2, Figure::Median, Some(1)),
            (3, Figure::Median, Some(2)),
            (20, Figure::P95, Some(19)),
            (21, Figure::P95, Some(20)),
            (10, Figure::P90, Some(9)),
            (100, Figure::P99, Some(99)),
            (4, Figure::Mean, Some(2)),
            (7, Figure::Max, Some(7)),
        ] {
            check(count, figure, expected);
        }
        assert_eq!(Figure::Mean.of(&[i64::MAX, i64::MAX]), Some(i64::MAX));
    }
}
