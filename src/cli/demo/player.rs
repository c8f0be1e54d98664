//! The player: lets the staff work on the cases through the API, day by day, several at once.
//!
//! The clock stands still while a round of moves is made and is moved between rounds, so that the same seed gives
//! the same history, whatever the machine does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, TimeDelta, Weekday};
use serde_json::Value as Json;

use super::ask::{Ask, Method, Setting, ask, opening};
use super::mapping::Loaded;
use super::plan::{Plan, PlannedCase};
use super::play::{MOVES_MAX, Move};
use super::progress::Progress;
use super::random::Random;
use super::recipe::Span;
use super::source::Row;
use super::staff::People;
use super::story::{Reason, Story};
use crate::cli::Failed;
use crate::cli::client::{Answer, Client, ClientError, segment};
use crate::cli::terminal::Exit;

/// The hour at which a day of work begins.
const MORNING_HOUR: u32 = 9;
/// Minutes from one round of moves to the next.
const ROUND_MINUTES: i64 = 20;
/// Rounds of a day: the last is at 17:00.
const ROUNDS: i64 = 25;
/// Times that a command is sent again when the server can't take it now.
const RETRIES_MAX: u32 = 6;
/// What is added to the seed for the chance of the play, so that it is not that of the fields.
const PLAY_SEED: u64 = 0x706c_6179;

/// Everything the player works with.
#[derive(Debug)]
pub(crate) struct Player<'a> {
    /// Mapping, play and sources.
    pub(crate) loaded: &'a Loaded,
    /// The people with their keys.
    pub(crate) people: &'a People,
    /// The clock of the server: milliseconds since 1970.
    pub(crate) clock: &'a AtomicI64,
    /// The seed.
    pub(crate) seed: u64,
    /// How many work at once.
    pub(crate) clients: usize,
    /// Whether no case is opened.
    pub(crate) judges_only: bool,
}

/// One case while it is played.
#[derive(Debug)]
struct Run<'a> {
    planned: &'a PlannedCase,
    progress: Progress<'a>,
    story: Story,
    id: String,
    fields: Row,
    /// The first day on which something happens again.
    wakes: NaiveDate,
    ended: bool,
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
        let first = runs.iter().map(|run| run.wakes).min().unwrap_or(end.date_naive());
        let days = first.iter_days().take_while(|day| *day <= end.date_naive());
        for day in days.filter(|day| works(*day) || *day == end.date_naive()) {
            told(day, runs.iter().filter(|run| run.wakes <= day).count());
            let rounds = if day == end.date_naive() { 1 } else { ROUNDS };
            for round in 0..rounds {
                self.set_clock(moment(day, round, end));
                self.round(&mut runs, day)?;
            }
        }
        self.set_clock(end);
        let mut stories: Vec<Story> = runs.into_iter().map(|run| run.story).collect();
        stories.sort_by_key(|story| story.n);
        Ok(stories)
    }

    /// Sets the server's clock to the morning of a day.
    pub(crate) fn wake_on(&self, day: NaiveDate) {
        self.set_clock(moment(day, 0, self.loaded.mapping.clock));
    }

    fn set_clock(&self, moment: DateTime<FixedOffset>) {
        self.clock.store(moment.timestamp_millis(), Ordering::SeqCst);
    }

    fn run<'s>(&'s self, planned: &'s PlannedCase) -> Run<'s> {
        let stream = u64::try_from(planned.n).unwrap_or(u64::MAX);
        let random = Random::new(self.seed ^ PLAY_SEED, stream);
        Run {
            planned,
            progress: Progress::new(&self.loaded.play, random),
            story: Story { n: planned.n, ..Story::default() },
            id: String::new(),
            fields: Row::new(),
            wakes: planned.day,
            ended: false,
        }
    }

    /// Makes one move with each case that is awake, several at once.
    fn round(&self, runs: &mut [Run<'_>], day: NaiveDate) -> Result<(), Failed> {
        let mut awake: Vec<&mut Run<'_>> = runs.iter_mut().filter(|run| !run.ended && run.wakes <= day).collect();
        in_parallel(&mut awake, self.clients, |run| self.advance(run, day))
    }

    fn advance(&self, run: &mut Run<'_>, day: NaiveDate) -> Result<(), Failed> {
        if !run.story.opened {
            return self.open(run, day);
        }
        let Some(step) = run.progress.due(&run.fields).filter(|_| run.story.sent < MOVES_MAX) else {
            run.ended = true;
            return Ok(());
        };
        let Err(reasons) = self.make(run, step, &[], day)? else {
            rest(run, step.rest, day);
            return Ok(());
        };
        if let Some((instead, about)) = step.instead(&reasons) {
            let made = self.make(run, instead, &about, day)?;
            rest(run, if made.is_ok() { instead.rest } else { Span::default() }, day);
        }
        Ok(())
    }

    fn open(&self, run: &mut Run<'_>, day: NaiveDate) -> Result<(), Failed> {
        let opening_of = &self.loaded.play.open;
        let ask = opening(&self.loaded.mapping.workflow, &run.planned.fields);
        let opened = self.send(run, &opening_of.by, &ask)?.is_ok();
        run.story.opened = opened;
        run.ended = !opened;
        if run.progress.random().happens(opening_of.again.0) && opened {
            // Somebody else registers the same thing; a second case stays as it is.
            let (id, fields) = (run.id.clone(), run.fields.clone());
            let _refused = self.send(run, &opening_of.by, &ask)?;
            (run.id, run.fields) = (id, fields);
        }
        rest(run, opening_of.rest, day);
        Ok(())
    }

    fn make(
        &self,
        run: &mut Run<'_>,
        step: &Move,
        refused: &[Reason],
        day: NaiveDate,
    ) -> Result<Result<(), Vec<Reason>>, Failed> {
        let setting = Setting {
            sources: &self.loaded.sources,
            today: day,
            planned: run.planned,
            id: &run.id,
            fields: &run.fields,
        };
        let asked = ask(&setting, step, refused, run.progress.random());
        let asked = asked.map_err(|problem| {
            Failed::new(Exit::Refused, format!("the move in stage `{}`: {problem}", run.progress.stage()))
        })?;
        self.send(run, &step.by, &asked)
    }

    /// Sends a command and takes note of what came of it.
    fn send(&self, run: &mut Run<'_>, by: &str, ask: &Ask) -> Result<Result<(), Vec<Reason>>, Failed> {
        let user = run.planned.hands.get(by).and_then(Json::as_str).unwrap_or_default();
        let person = self.people.get(user);
        let person = person.ok_or_else(|| Failed::new(Exit::Refused, format!("`{user}` has no key")))?;
        for file in &ask.files {
            attach(&person.client, &run.id, file)?;
        }
        run.story.sent += 1;
        let key = format!("demo-{}-{}-{}", self.seed, run.planned.n, run.story.sent);
        let answer = send(&person.client.once(&key), ask)?;
        if !answer.is_ok() {
            let reasons = Reason::all(&answer);
            run.story.refusals.push(reasons.clone());
            return Ok(Err(reasons));
        }
        note(run, &answer);
        Ok(Ok(()))
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

/// Attaches a text to a case, under the name that its words give.
fn attach(client: &Client, id: &str, text: &str) -> Result<(), Failed> {
    let path = format!("/v1/cases/{}/attachments?name={}.txt", segment(id), segment(text));
    client.post_bytes(&path, "text/plain", text.as_bytes())?.ok()?;
    Ok(())
}

/// Sends a command, again when the server can't take it now; a refusal is an answer.
fn send(client: &Client, ask: &Ask) -> Result<Answer, Failed> {
    let mut tried = 0;
    loop {
        let answer = match ask.method {
            Method::Post => client.post(&ask.path, &ask.body)?,
            Method::Patch => client.patch(&ask.path, &ask.body)?,
        };
        let later = matches!(answer.status, 429 | 503);
        if later && tried < RETRIES_MAX {
            tried += 1;
            std::thread::sleep(Duration::from_millis(50 << tried));
            continue;
        }
        if later || answer.status == 401 || answer.status >= 500 {
            return answer.ok().map_err(|error: ClientError| error.into());
        }
        return Ok(answer);
    }
}

fn note(run: &mut Run<'_>, answer: &Answer) {
    let case = answer.json.get("case");
    let text = |name: &str| case.and_then(|case| case.get(name)).and_then(Json::as_str).unwrap_or_default().to_owned();
    let events = answer.json.get("events").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let stages = events.iter().filter_map(|event| event.get("to").and_then(Json::as_str));
    run.story.visited.extend(stages.map(str::to_owned));
    run.id = text("id");
    run.story.stage = text("stage");
    run.progress.is_in(&run.story.stage);
    // A caller sees only some fields; what another saw before still stands.
    if let Some(fields) = case.and_then(|case| case.get("fields")).and_then(Json::as_object) {
        run.fields.extend(fields.clone());
    }
}

fn rest(run: &mut Run<'_>, span: Span, day: NaiveDate) {
    let days = u64::try_from(run.progress.random().between(span.low, span.high)).unwrap_or(0);
    run.wakes = day.checked_add_days(Days::new(days)).unwrap_or(day);
}

fn works(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
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
