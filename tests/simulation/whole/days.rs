//! Days and hours, and what is due when: the obvious way, one day after the other.

use chrono::NaiveDate;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Shanghai has had no other time since 1991.
const AHEAD: i64 = 8 * HOUR;

/// How long something may take; all in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// As time goes by.
    Elapsed(i64),
    /// Of working time.
    Working(i64),
    /// To the end of the n-th working day after the day of the start.
    WorkingDays(u32),
    /// To a time of the first working day after the day of the start.
    NextWorkingDay(i64),
}

/// When something comes again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Again {
    Daily(i64),
    OnWorkingDays(i64),
    OnFridays(i64),
}

/// A stretch in which something runs; one that has no end runs on.
pub(crate) type Run = (i64, Option<i64>);

/// The day that it is in Shanghai, counted from 1970.
pub(crate) fn day(moment: i64) -> i64 {
    (moment + AHEAD).div_euclid(DAY)
}

/// The date of a day, as people write it.
pub(crate) fn date(day: i64) -> NaiveDate {
    NaiveDate::from_epoch_days(i32::try_from(day).unwrap()).unwrap()
}

/// The moment of a time of a day.
fn at(day: i64, time: i64) -> i64 {
    day * DAY + time - AHEAD
}

/// 1970 began on a Thursday; Monday is 0.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Whether a day is worked; the change makes two more days off.
pub(crate) fn works(day: i64, later: bool) -> bool {
    let text = date(day).to_string();
    let golden = ("2026-10-01"..="2026-10-07").contains(&text.as_str());
    let off = golden || ["2027-01-01", "2028-01-03"].contains(&text.as_str());
    let off = off || later && ["2026-09-25", "2026-10-08"].contains(&text.as_str());
    weekday(day) < 5 && !off
}

fn worked(day: i64, later: bool) -> [Option<(i64, i64)>; 2] {
    let spans = [(9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR)];
    spans.map(|(from, to)| works(day, later).then(|| (at(day, from), at(day, to))))
}

/// When something that ran like this has used up its limit; `None` while that is open.
pub(crate) fn reaches(limit: Limit, runs: &[Run], later: bool) -> Option<i64> {
    let (start, _) = *runs.first()?;
    let following = |count: usize| (day(start) + 1..).filter(|day| works(*day, later)).nth(count);
    match limit {
        Limit::Elapsed(amount) => spend(amount, runs.iter().copied()),
        Limit::Working(amount) => {
            let days = day(start)..day(start) + 400;
            let spans = days.flat_map(|day| worked(day, later)).flatten();
            let inside = spans.flat_map(|(from, to)| {
                runs.iter().map(move |(begin, end)| (from.max(*begin), Some(end.map_or(to, |end| to.min(end)))))
            });
            spend(amount, inside)
        }
        Limit::WorkingDays(count) => following(usize::try_from(count).unwrap() - 1).map(|day| at(day, 18 * HOUR)),
        Limit::NextWorkingDay(time) => following(0).map(|day| at(day, time)),
    }
}

fn spend(amount: i64, spans: impl Iterator<Item = Run>) -> Option<i64> {
    let mut left = amount;
    for (from, to) in spans {
        let length = to.map_or(i64::MAX, |to| (to - from).max(0));
        if length >= left {
            return Some(from + left);
        }
        left -= length;
    }
    None
}

/// Whether something comes at this moment.
pub(crate) fn comes_at(again: Again, moment: i64, later: bool) -> bool {
    let (time, here) = match again {
        Again::Daily(time) => (time, true),
        Again::OnWorkingDays(time) => (time, works(day(moment), later)),
        Again::OnFridays(time) => (time, weekday(day(moment)) == 4),
    };
    here && at(day(moment), time) == moment
}

/// When something last came at a moment or before it.
pub(crate) fn last(again: Again, moment: i64, later: bool) -> i64 {
    let (Again::Daily(time) | Again::OnWorkingDays(time) | Again::OnFridays(time)) = again;
    let days = (0..).map(|back| day(moment) - back);
    let mut moments = days.map(|day| at(day, time)).filter(|at| *at <= moment);
    moments.find(|at| comes_at(again, *at, later)).unwrap()
}

/// When something comes next after a moment.
pub(crate) fn next(again: Again, moment: i64, later: bool) -> i64 {
    let (Again::Daily(time) | Again::OnWorkingDays(time) | Again::OnFridays(time)) = again;
    let mut moments = (day(moment)..).map(|day| at(day, time)).filter(|at| *at > moment);
    moments.find(|at| comes_at(again, *at, later)).unwrap()
}
