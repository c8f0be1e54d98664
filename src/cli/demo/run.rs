//! One case while it is played, with the cases that are opened under it.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use serde_json::Value as Json;

use super::ask::{Ask, Method, Setting, ask, opening};
use super::plan::PlannedCase;
use super::play::{MOVES_MAX, Move};
use super::player::Player;
use super::progress::Progress;
use super::random::Random;
use super::recipe::Span;
use super::seen::Seen;
use super::source::Row;
use super::story::{Reason, Story};
use crate::cli::Failed;
use crate::cli::client::{Answer, Client, ClientError, segment};
use crate::cli::terminal::Exit;

/// Times that a command is sent again when the server can't take it now.
const RETRIES_MAX: u32 = 6;
/// What is added to the seed for the chance of the play, so that it is not that of the fields.
const PLAY_SEED: u64 = 0x706c_6179;

/// One case while it is played.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    planned: &'a PlannedCase,
    /// Which it is among those that were opened under one case; 0 is that case itself.
    place: u64,
    progress: Progress<'a>,
    story: Story,
    id: String,
    seen: Seen,
    /// The first day on which somebody works on it again.
    wakes: NaiveDate,
    /// Nothing is due in it, as far as was looked.
    idle: bool,
    children: Vec<Run<'a>>,
}

impl Run<'_> {
    /// Whether somebody might have something to do in it, or in a case under it.
    pub(crate) fn is_awake(&self, day: NaiveDate) -> bool {
        self.is_up(day) || self.children.iter().any(|child| child.is_awake(day))
    }

    /// Has it looked at again, and those under it: something may have happened.
    pub(crate) fn rouse(&mut self) {
        self.idle = false;
        self.children.iter_mut().for_each(Self::rouse);
    }

    /// What became of it, with what was sent and refused in the cases under it.
    pub(crate) fn into_story(self) -> Story {
        let mut story = self.story;
        for child in self.children.into_iter().map(Self::into_story) {
            story.sent += child.sent;
            story.refusals.extend(child.refusals);
        }
        story
    }

    fn is_up(&self, day: NaiveDate) -> bool {
        !self.idle && !self.seen.ended && self.wakes <= day
    }

    fn rest(&mut self, span: Span, day: NaiveDate) {
        let days = u64::try_from(self.progress.random().between(span.low, span.high)).unwrap_or(0);
        self.wakes = day.checked_add_days(Days::new(days)).unwrap_or(day);
    }

    fn note(&mut self, answer: &Answer) {
        let case = answer.json.get("case");
        let text =
            |name: &str| case.and_then(|case| case.get(name)).and_then(Json::as_str).unwrap_or_default().to_owned();
        let events = answer.json.get("events").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let stages = events.iter().filter_map(|event| event.get("to").and_then(Json::as_str));
        self.story.visited.extend(stages.map(str::to_owned));
        self.id = text("id");
        self.is_in(text("stage"));
    }

    fn is_in(&mut self, stage: String) {
        self.progress.is_in(&stage);
        self.story.visited.insert(stage.clone());
        self.story.stage = stage;
    }
}

impl Player<'_> {
    /// A case that is to be opened.
    pub(crate) fn run<'s>(&'s self, planned: &'s PlannedCase) -> Run<'s> {
        let stream = u64::try_from(planned.n).unwrap_or(u64::MAX);
        let random = Random::new(self.seed ^ PLAY_SEED, stream);
        Run {
            planned,
            place: 0,
            progress: Progress::new(&self.loaded.play.stages, random),
            story: Story { n: planned.n, ..Story::default() },
            id: String::new(),
            seen: Seen::default(),
            wakes: planned.day,
            idle: false,
            children: Vec::new(),
        }
    }

    /// Makes one move with a case and one with each of those under it, where one is due; says whether there was one.
    /// `parent` are the fields of the case that it was opened under.
    ///
    /// # Errors
    /// When the server can't be reached or breaks.
    pub(crate) fn family<'s>(
        &'s self,
        run: &mut Run<'s>,
        parent: Option<&Row>,
        day: NaiveDate,
    ) -> Result<bool, Failed> {
        let mut moved = run.is_up(day) && self.advance(run, parent, day)?;
        for child in &mut run.children {
            moved |= self.family(child, Some(&run.seen.fields), day)?;
        }
        if moved {
            run.rouse();
        }
        Ok(moved)
    }

    fn advance<'s>(&'s self, run: &mut Run<'s>, parent: Option<&Row>, day: NaiveDate) -> Result<bool, Failed> {
        if !run.story.opened {
            self.open(run, day)?;
            return Ok(true);
        }
        self.look(run)?;
        let due = if run.seen.ended || run.story.sent >= MOVES_MAX { None } else { run.progress.due(&run.seen) };
        let Some(step) = due else {
            run.idle = true;
            return Ok(false);
        };
        let Err(reasons) = self.make(run, step, &[], parent, day)? else {
            run.rest(step.rest, day);
            return Ok(true);
        };
        let rests = match step.instead(&reasons) {
            None => step.rest,
            Some((instead, about)) => {
                let made = self.make(run, instead, &about, parent, day)?;
                if made.is_ok() { instead.rest } else { Span::default() }
            }
        };
        run.rest(rests, day);
        Ok(true)
    }

    /// Sees how the case stands, and which cases were opened under it that somebody plays.
    fn look<'s>(&'s self, run: &mut Run<'s>) -> Result<(), Failed> {
        run.seen = Seen::look(self.admin, &run.id)?;
        run.is_in(run.seen.stage.clone());
        if run.progress.has_tasks() {
            run.seen.look_at_tasks(self.admin, &run.id)?;
        }
        for (id, workflow) in &run.seen.children {
            let Some(stages) = self.loaded.play.children.get(workflow) else { continue };
            if run.children.iter().all(|child| child.id != *id) {
                let place = run.place * 100 + 1 + u64::try_from(run.children.len()).unwrap_or(u64::MAX);
                let random = Random::new(run.progress.random().next(), place);
                run.children.push(Run {
                    planned: run.planned,
                    place,
                    progress: Progress::new(stages, random),
                    story: Story { n: run.planned.n, opened: true, ..Story::default() },
                    id: id.clone(),
                    seen: Seen::default(),
                    wakes: run.planned.day,
                    idle: false,
                    children: Vec::new(),
                });
            }
        }
        Ok(())
    }

    fn open(&self, run: &mut Run<'_>, day: NaiveDate) -> Result<(), Failed> {
        let opening_of = &self.loaded.play.open;
        let ask = opening(&self.loaded.mapping.workflow, &run.planned.fields);
        let opened = self.send(run, &opening_of.by, &ask)?.is_ok();
        run.story.opened = opened;
        run.seen.ended = !opened;
        if run.progress.random().happens(opening_of.again.0) && opened {
            // Somebody else registers the same thing; a second case stays as it is.
            let id = run.id.clone();
            let _refused = self.send(run, &opening_of.by, &ask)?;
            run.id = id;
        }
        run.rest(opening_of.rest, day);
        Ok(())
    }

    fn make(
        &self,
        run: &mut Run<'_>,
        step: &Move,
        refused: &[Reason],
        parent: Option<&Row>,
        day: NaiveDate,
    ) -> Result<Result<(), Vec<Reason>>, Failed> {
        let setting = Setting {
            sources: &self.loaded.sources,
            today: day,
            planned: run.planned,
            id: &run.id,
            fields: &run.seen.fields,
            parent,
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
        self.time.tick();
        for file in &ask.files {
            attach(&person.client, &run.id, file)?;
        }
        run.story.sent += 1;
        let key = format!("demo-{}-{}-{}-{}", self.seed, run.planned.n, run.place, run.story.sent);
        let answer = send(&person.client.once(&key), ask)?;
        self.time.settle();
        if !answer.is_ok() {
            let reasons = Reason::all(&answer);
            run.story.refusals.push(reasons.clone());
            return Ok(Err(reasons));
        }
        run.note(&answer);
        Ok(Ok(()))
    }
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
