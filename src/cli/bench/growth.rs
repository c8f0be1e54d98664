//! Many cases: what they take on the disk and in memory, how long a server with them takes to start, and how fast
//! it answers questions about them.

use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use serde::Serialize;
use serde_json::Value as Json;

use super::crew::Crew;
use super::drive::{Drive, Tally, Work};
use super::load::Load;
use super::measure::{Begun, Latency, Window};
use super::report::Counted;
use super::server::{Server, Start};
use super::system::{Memory, folder_bytes};
use super::text::Filling;
use super::wire::Wire;
use super::yardstick::Bytes;
use crate::cli::Failed;
use crate::cli::terminal::{Exit, Terminal};
use crate::clock::Watch;

/// How often each question is asked.
const ASKED: usize = 300;
/// Seconds under load before the server is killed.
const BEFORE_KILL: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(200);

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Cases.
    pub(super) cases: u64,
    /// Clients that open them.
    pub(super) clients: usize,
    /// Steps that are taken of each.
    pub(super) steps: usize,
}

/// What many cases did to the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Growth {
    /// Cases.
    pub(super) cases: u64,
    /// Commands of each.
    pub(super) steps: usize,
    /// How they were made.
    pub(super) made: Window,
    /// What was written for a command.
    pub(super) bytes: Bytes,
    /// Bytes of the data folder.
    pub(super) disk_bytes: u64,
    /// Bytes of a case as it is served, on average.
    pub(super) live_bytes_per_case: u64,
    /// Seconds until the server had ended when it was asked to.
    pub(super) stop_seconds: f64,
    /// Seconds until it was ready again.
    pub(super) start_seconds: f64,
    /// Its memory then.
    pub(super) memory_after_start: Option<Memory>,
    /// Seconds until it was ready again when it was killed under load.
    pub(super) start_after_kill_seconds: f64,
    /// Events that were answered before it was killed.
    pub(super) events_answered: u64,
    /// Events that it had afterwards.
    pub(super) events_after_kill: u64,
    /// What was asked.
    pub(super) reads: Vec<Answered>,
}

/// How long a question took.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Answered {
    /// The question.
    pub(super) name: String,
    /// How often it was asked.
    pub(super) times: usize,
    /// Bytes of an answer, on average.
    pub(super) bytes: u64,
    /// How long it took.
    pub(super) latency: Latency,
}

impl Growth {
    /// Whether nothing that was answered is lost.
    pub(super) fn is_good(&self) -> bool {
        self.events_after_kill >= self.events_answered
    }
}

/// Makes the cases, and looks at what came of it. What was done is added to `done`, and held against what the server
/// has.
///
/// # Errors
/// When a server does not start, end or answer.
pub(super) async fn grow(
    wanted: Wanted,
    load: &Load,
    start: &Start<'_>,
    done: &mut Tally,
    terminal: &Terminal,
) -> Result<(Growth, Counted), Failed> {
    let server = start.server()?;
    let crew = Arc::new(load.prepare(&server.admin, server.process.address, &start.run)?);
    let mut growth = Growth { cases: wanted.cases, steps: wanted.steps, ..Growth::default() };
    growth.made = make(wanted, &crew, &server, done, terminal).await;
    // Of cases that were only opened none is where the last step leads.
    let counted = server
        .count(load, &Tally { ended: if wanted.steps == crew.len() { done.ended } else { 0 }, ..done.clone() })?;
    growth.bytes = Bytes::written(start.place, done.commands);
    growth.stop_seconds = server.process.stop()?.as_secs_f64();
    growth.disk_bytes = folder_bytes(&start.place.data);

    let server = start.server()?;
    growth.start_seconds = server.process.start.as_secs_f64();
    growth.memory_after_start = server.process.memory();
    let crew = Arc::new(crew.moved_to(server.process.address));
    growth.reads = questions(load, &crew, &server, &done.kept).await?;
    let single = growth.reads.iter().zip(&load.reads).find(|(_, read)| read.is_of_a_case());
    growth.live_bytes_per_case = single.map_or(0, |(answered, _)| answered.bytes);

    kill(wanted.clients, &crew, server, done).await;
    let server = start.server()?;
    growth.start_after_kill_seconds = server.process.start.as_secs_f64();
    growth.events_answered = done.events;
    growth.events_after_kill = server.events(done.events)?;
    server.process.stop()?;
    Ok((growth, counted))
}

async fn make(wanted: Wanted, crew: &Arc<Crew>, server: &Server, done: &mut Tally, terminal: &Terminal) -> Window {
    let work = Work::Cases { crew: Arc::clone(crew), first: 0, most: wanted.cases, steps: wanted.steps };
    let drive = Drive::new(server.process.address, work);
    let bar = terminal.progress("cases", wanted.cases);
    let begun = Begun::now(&drive, &server.process);
    let mut running = drive.start(wanted.clients);
    while !running.is_empty() {
        let ended = tokio::time::timeout(LOOK, running.join_next()).await;
        if ended.is_err() {
            bar.set_position(drive.tally().opened);
        }
    }
    bar.finish_and_clear();
    let window = begun.end(&mut drive.take_samples(), &server.process, wanted.clients);
    done.add(&drive.tally());
    window
}

/// Works for a while, and kills the server under it.
async fn kill(clients: usize, crew: &Arc<Crew>, server: Server, done: &mut Tally) {
    let work = Work::Cases { crew: Arc::clone(crew), first: done.opened, most: u64::MAX, steps: crew.len() };
    let drive = Drive::new(server.process.address, work);
    let running = drive.start(clients);
    tokio::time::sleep(BEFORE_KILL).await;
    drive.expect_break();
    server.process.kill();
    running.join_all().await;
    done.add(&drive.tally());
}

async fn questions(load: &Load, crew: &Crew, server: &Server, kept: &[Filling]) -> Result<Vec<Answered>, Failed> {
    let refused = |problem: String| Failed::new(Exit::Refused, problem);
    let mut wire = Wire::open(server.process.address, 0).await.map_err(refused)?;
    let mut answers = Vec::new();
    for (place, read) in load.reads.iter().enumerate() {
        let cursor = turn(&mut wire, crew, place, read.pages).await.map_err(refused)?;
        let mut samples = Vec::new();
        let mut bytes = 0_u64;
        for filling in kept.iter().cycle().take(ASKED) {
            let request = match &cursor {
                Some(cursor) => crew.next_page(place, cursor),
                None => crew.question(place, filling),
            };
            let watch = Watch::start();
            ask(&mut wire, request).await.map_err(|problem| refused(format!("{}: {problem}", read.name)))?;
            samples.push(u32::try_from(watch.elapsed().as_micros()).unwrap_or(u32::MAX));
            bytes += wire.body.len() as u64;
        }
        let bytes = bytes.checked_div(samples.len() as u64).unwrap_or_default();
        let (name, times) = (read.name.clone(), samples.len());
        answers.push(Answered { name, times, bytes, latency: Latency::of(&mut samples) });
    }
    Ok(answers)
}

/// Turns so many pages of a list, or all that it has: where the next one begins.
async fn turn(wire: &mut Wire, crew: &Crew, place: usize, pages: usize) -> Result<Option<String>, String> {
    let mut cursor: Option<String> = None;
    for _ in 0..pages {
        let request = match &cursor {
            Some(cursor) => crew.next_page(place, cursor),
            None => crew.question(place, &Filling::default()),
        };
        ask(wire, request).await?;
        let page: Json = serde_json::from_slice(&wire.body).map_err(|error| error.to_string())?;
        let Some(next) = page.get("next_cursor").and_then(Json::as_str) else { break };
        cursor = Some(next.to_owned());
    }
    Ok(cursor)
}

async fn ask(wire: &mut Wire, request: Option<Request<String>>) -> Result<(), String> {
    let request = request.ok_or("the question can't be made")?;
    let head = wire.send(request).await?;
    if head.status.is_success() {
        Ok(())
    } else {
        Err(format!("{} {}", head.status, String::from_utf8_lossy(&wire.body)))
    }
}
