//! The player: lets the staff work on the cases through the API, day by day.
//!
//! Time stands still while a move is made, and whatever comes due or is woken by it is done before the next one. So,
//! as long as one person works at a time, the same seed gives the same history, whatever the machine does.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Weekday};

use super::mapping::Loaded;
use super::plan::Plan;
use super::refill::Refills;
use super::run::Run;
use super::staff::People;
use super::story::Story;
use super::time::Time;
use crate::cli::Failed;
use crate::cli::client::Client;

/// The hour at which a day of work begins.
const MORNING_HOUR: u32 = 9;
/// Minutes from one round of moves to the next.
const ROUND_MINUTES: i64 = 20;
/// Rounds of a day: the last is at 17:00.
const ROUNDS: i64 = 25;

/// Everything the player works with.
#[derive(Debug)]
pub(crate) struct Player<'a> {
    /// Mapping, play and sources.
    pub(crate) loaded: &'a Loaded,
    /// The people with their keys.
    pub(crate) people: &'a People,
    /// Who looks at the cases and fills the resources.
    pub(crate) admin: &'a Client,
    /// The time of the server.
    pub(crate) time: &'a Time,
    /// The seed.
    pub(crate) seed: u64,
    /// How many work at once.
    pub(crate) clients: usize,
    /// Whether no case is opened.
    pub(crate) judges_only: bool,
}

impl Player<'_> {
    /// Plays every case of the plan up to the moment of the clock. `told` is told each day before it begins, and
    /// how many cases are opened by then.
    ///
    /// # Errors
    /// When the server can't be reached or breaks.
    pub(crate) fn play(&self, plan: &Plan, told: &dyn Fn(NaiveDate, usize)) -> Result<Vec<Story>, Failed> {
        let end = self.loaded.mapping.clock;
        let played = if self.judges_only { &[] } else { plan.cases.as_slice() };
        let mut runs: Vec<Run<'_>> = played.iter().map(|planned| self.run(planned)).collect();
        let first = played.iter().map(|planned| planned.day).min().unwrap_or(end.date_naive());
        let mut refills = Refills::new(&plan.resources, first);
        for day in first.iter_days().take_while(|day| *day <= end.date_naive()) {
            told(day, played.iter().filter(|planned| planned.day <= day).count());
            self.time.set(moment(day, 0, end))?;
            refills.make(self.admin, day)?;
            self.time.settle();
            if works(day) || day == end.date_naive() {
                self.day(&mut runs, day)?;
            }
        }
        self.time.set(end)?;
        let mut stories: Vec<Story> = runs.into_iter().map(Run::into_story).collect();
        stories.sort_by_key(|story| story.n);
        Ok(stories)
    }

    /// Plays one day, round after round, until nobody has anything to do any more. The last day is a short one.
    fn day<'s>(&'s self, runs: &mut [Run<'s>], day: NaiveDate) -> Result<(), Failed> {
        let end = self.loaded.mapping.clock;
        runs.iter_mut().for_each(Run::rouse);
        let rounds = if day == end.date_naive() { 1 } else { ROUNDS };
        for round in 0..rounds {
            self.time.set(moment(day, round, end))?;
            if !self.round(runs, day)? {
                break;
            }
        }
        self.time.set(moment(day, rounds - 1, end))
    }

    /// Makes one move with each case that is awake; says whether there was one to make.
    fn round<'s>(&'s self, runs: &mut [Run<'s>], day: NaiveDate) -> Result<bool, Failed> {
        let mut awake: Vec<&mut Run<'s>> = runs.iter_mut().filter(|run| run.is_awake(day)).collect();
        let any = !awake.is_empty();
        in_parallel(&mut awake, self.clients, |run| self.family(run, None, day).map(drop))?;
        Ok(any)
    }
}

/// Does something with each of `items`, `threads` of them at once, until one fails.
///
/// # Errors
/// The first failure.
pub(crate) fn in_parallel<T: Send>(
    items: &mut [T],
    threads: usize,
    work: impl Fn(&mut T) -> Result<(), Failed> + Sync,
) -> Result<(), Failed> {
    let threads = threads.clamp(1, items.len().max(1));
    let queue = Mutex::new(items.iter_mut());
    let failure: Mutex<Option<Failed>> = Mutex::new(None);
    let next = || {
        let failed = failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if failed { None } else { queue.lock().unwrap_or_else(PoisonError::into_inner).next() }
    };
    let worker = || {
        while let Some(item) = next() {
            if let Err(problem) = work(item) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
            }
        }
    };
    if threads == 1 {
        worker();
    } else {
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    }
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn works(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// When a demo that ends at `end` begins on a day.
pub(crate) fn morning(day: NaiveDate, end: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    moment(day, 0, end)
}

/// The moment of a round, never after the end.
fn moment(day: NaiveDate, round: i64, end: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    let morning = day.and_hms_opt(MORNING_HOUR, 0, 0).and_then(|time| time.and_local_timezone(end.timezone()).single());
    let moment = morning.unwrap_or(end) + TimeDelta::minutes(round * ROUND_MINUTES);
    moment.min(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::terminal::Exit;

    #[test]
    fn every_item_is_worked_on_once_and_the_first_failure_is_told() {
        let mut items: Vec<u32> = (0..100).collect();
        in_parallel(&mut items, 7, |item| {
            *item += 1_000;
            Ok(())
        })
        .unwrap();
        assert_eq!(items, (1_000..1_100).collect::<Vec<_>>());
        let failed =
            in_parallel(
                &mut items,
                3,
                |item| {
                    if *item == 1_050 { Err(Failed::new(Exit::Refused, "no")) } else { Ok(()) }
                },
            );
        assert_eq!(failed.unwrap_err().message, "no");
        in_parallel(&mut Vec::<u32>::new(), 3, |_| Ok(())).unwrap();
    }

    #[test]
    fn rounds_go_on_through_the_day_and_stop_at_the_end() {
        let end = DateTime::parse_from_rfc3339("2026-09-24T09:00:00+08:00").unwrap();
        let at = |day: &str, round| moment(day.parse().unwrap(), round, end).to_rfc3339();
        assert_eq!(at("2026-09-23", 0), "2026-09-23T09:00:00+08:00");
        assert_eq!(at("2026-09-23", ROUNDS - 1), "2026-09-23T17:00:00+08:00");
        assert_eq!(at("2026-09-24", 3), "2026-09-24T09:00:00+08:00");
    }

    #[test]
    fn nobody_works_on_a_weekend() {
        let free = |day: &str| !works(day.parse().unwrap());
        assert_eq!(["2026-09-25", "2026-09-26", "2026-09-27", "2026-09-28"].map(free), [false, true, true, false]);
    }
}
