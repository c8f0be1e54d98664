//! The closed loop: each client sends a command, waits for its answer, and sends the next.
//!
//! All clients run on one thread, so that the generator takes little of the machine that it measures. INVARIANT:
//! what is counted as done was answered with the status that the load expects.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Request;
use hyper::header::{ETAG, HOST, HeaderValue, LOCATION};
use serde_json::Value as Json;
use tokio::task::JoinSet;

use super::crew::Crew;
use super::text::Filling;
use super::wire::{Head, Wire};
use crate::cli::client::{Answer, Problem};
use crate::clock::Watch;

/// Problems whose text is kept.
const PROBLEMS_KEPT: usize = 5;
/// Failures after which the clients give up.
const FAILURES_MAX: u64 = 1_000;
/// Of how many cases one is kept, to be read later.
const KEPT_OF: u64 = 97;

/// What all clients work on.
#[derive(Debug)]
pub(super) struct Drive {
    /// Where the server listens.
    pub(super) address: SocketAddr,
    work: Work,
    /// The number of the next case.
    next: AtomicU64,
    stopping: AtomicBool,
    breaking: AtomicBool,
    tally: Mutex<Tally>,
}

/// What clients do.
#[derive(Debug)]
pub(super) enum Work {
    /// Cases by a load: the number of the first, how many at most, and how many steps of each.
    Cases {
        /// The load.
        crew: Arc<Crew>,
        /// The number of the first case.
        first: u64,
        /// How many cases are opened at most.
        most: u64,
        /// How many steps are taken of each.
        steps: usize,
    },
    /// `GET /`, over and over.
    Hello,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// How long each command took since this was last taken, in microseconds.
    pub(super) samples: Vec<u32>,
    /// Commands that were done.
    pub(super) commands: u64,
    /// Cases that were opened.
    pub(super) opened: u64,
    /// Cases that came to the last step.
    pub(super) ended: u64,
    /// Events, by the versions in the answers.
    pub(super) events: u64,
    /// Commands that failed.
    pub(super) failed: u64,
    /// The first problems.
    pub(super) problems: Vec<String>,
    /// Some of the cases that came to the last step.
    pub(super) kept: Vec<Filling>,
}

/// Why a client did not go on with a case.
enum Trouble {
    /// The server said something else than the load expects.
    Unexpected(String),
    /// The connection is gone.
    Broken(String),
}

impl Tally {
    /// Adds what another one did.
    pub(super) fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.opened += other.opened;
        self.ended += other.ended;
        self.events += other.events;
        self.failed += other.failed;
        self.problems.extend(other.problems.iter().cloned());
        self.problems.truncate(PROBLEMS_KEPT);
        self.kept.extend(other.kept.iter().cloned());
    }

    fn fail(&mut self, problem: String) {
        self.failed += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(problem);
        }
    }
}

impl Drive {
    /// Work for clients of the server at `address`.
    pub(super) fn new(address: SocketAddr, work: Work) -> Arc<Self> {
        let first = match &work {
            Work::Cases { first, .. } => *first,
            Work::Hello => 0,
        };
        Arc::new(Self {
            address,
            work,
            next: AtomicU64::new(first),
            stopping: AtomicBool::new(false),
            breaking: AtomicBool::new(false),
            tally: Mutex::default(),
        })
    }

    /// Starts clients; they end when they are told to, or when nothing is left to do.
    pub(super) fn start(self: &Arc<Self>, clients: usize) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for number in 0..clients {
            let drive = Arc::clone(self);
            running.spawn(async move { drive.client(number).await });
        }
        running
    }

    /// Lets each client end after the command that it waits for.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// From now on broken connections are no failures: the server is about to be killed.
    pub(super) fn expect_break(&self) {
        self.breaking.store(true, Ordering::SeqCst);
    }

    /// The number of the case that would be next.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// What was done by now.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long each command took since this was last asked.
    pub(super) fn take_samples(&self) -> Vec<u32> {
        std::mem::take(&mut self.tally().samples)
    }

    async fn client(&self, number: usize) {
        while let Err(problem) = self.connected(number).await {
            if !self.goes_on_after(problem) {
                return;
            }
        }
    }

    /// Works over one connection until there is nothing more to do, or the connection is gone.
    async fn connected(&self, number: usize) -> Result<(), String> {
        let mut wire = Wire::open(self.address, number).await?;
        while !self.stopping.load(Ordering::SeqCst) {
            let done = match self.next_case() {
                None => self.hello(&mut wire).await,
                Some(Some((crew, n, steps))) => self.case(&mut wire, crew, n, steps).await,
                Some(None) => return Ok(()),
            };
            match done {
                Ok(()) => {}
                // When there are too many, everybody is told to stop.
                Err(Trouble::Unexpected(problem)) => drop(self.goes_on_after(problem)),
                Err(Trouble::Broken(problem)) => return Err(problem),
            }
        }
        Ok(())
    }

    /// What is next, if clients work on cases at all: nothing when all are taken.
    fn next_case(&self) -> Option<Option<(&Crew, u64, usize)>> {
        let Work::Cases { crew, first, most, steps } = &self.work else { return None };
        let end = first.saturating_add(*most);
        let next = |n: u64| Some(n.saturating_add(1)).filter(|_| n < end);
        let taken = self.next.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).ok();
        Some(taken.map(|n| (&**crew, n, *steps)))
    }

    /// Takes note of a failure, and says whether there is a point in going on.
    fn goes_on_after(&self, problem: String) -> bool {
        if self.breaking.load(Ordering::SeqCst) {
            return false;
        }
        let mut tally = self.tally();
        tally.fail(problem);
        let too_many = tally.failed >= FAILURES_MAX;
        drop(tally);
        if too_many {
            self.stop();
        }
        !too_many
    }

    async fn hello(&self, wire: &mut Wire) -> Result<(), Trouble> {
        let host = self.address.to_string();
        let request = Request::get("/").header(HOST, host).body(String::new());
        let request = request.map_err(|error| Trouble::Broken(error.to_string()))?;
        let watch = Watch::start();
        let head = wire.send(request).await.map_err(Trouble::Broken)?;
        if head.status.as_u16() != 200 {
            return Err(Trouble::Unexpected(format!("hello: {}", head.status)));
        }
        let mut tally = self.tally();
        tally.samples.push(micros(&watch));
        tally.commands += 1;
        Ok(())
    }

    /// Opens a case and takes its steps.
    async fn case(&self, wire: &mut Wire, crew: &Crew, n: u64, steps: usize) -> Result<(), Trouble> {
        let mut filling = Filling { n, ..Filling::default() };
        let mut tag: Option<HeaderValue> = None;
        for step in 0..steps {
            if step > 0 && self.stopping.load(Ordering::SeqCst) {
                return Ok(());
            }
            let Some(command) = crew.command(step, &filling, tag.as_ref()) else { return Ok(()) };
            let watch = Watch::start();
            let head = wire.send(command.request).await.map_err(Trouble::Broken)?;
            let took = micros(&watch);
            if head.status.as_u16() != command.expect {
                return Err(Trouble::Unexpected(format!("{}: {}", command.name, said(&head, &wire.body))));
            }
            let before = version(tag.as_ref());
            tag = head.headers.get(ETAG).cloned();
            if step == 0 {
                opened(&mut filling, &head, &wire.body);
            }
            let mut tally = self.tally();
            tally.samples.push(took);
            tally.commands += 1;
            tally.opened += u64::from(step == 0);
            tally.events += version(tag.as_ref()).saturating_sub(before);
        }
        let mut tally = self.tally();
        tally.ended += 1;
        if !filling.number.is_empty() {
            tally.kept.push(filling);
        }
        Ok(())
    }
}

/// Takes the id from the answer, and of some cases the number too: reading it takes time.
fn opened(filling: &mut Filling, head: &Head, body: &[u8]) {
    let place = head.headers.get(LOCATION).and_then(|place| place.to_str().ok()).unwrap_or_default();
    filling.id = place.rsplit('/').next().unwrap_or_default().to_owned();
    if filling.n.is_multiple_of(KEPT_OF) {
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let number = json.pointer("/case/number").and_then(Json::as_str).unwrap_or_default();
        number.clone_into(&mut filling.number);
    }
}

/// The version in an entity tag: `"v7"`.
fn version(tag: Option<&HeaderValue>) -> u64 {
    let digits = tag.and_then(|tag| tag.to_str().ok()).and_then(|tag| tag.strip_prefix("\"v")?.strip_suffix('"'));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn said(head: &Head, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Problem::read(&Answer { status: head.status.as_u16(), headers: Vec::new(), json, text }).to_string()
}

fn micros(watch: &Watch) -> u32 {
    u32::try_from(watch.elapsed().as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_its_tag() {
        for (tag, expected) in [("\"v7\"", 7), ("\"v\"", 0), ("W/\"v7\"", 0), ("", 0)] {
            assert_eq!(version(Some(&HeaderValue::from_static(tag))), expected, "{tag}");
        }
        assert_eq!(version(None), 0);
    }

    #[test]
    fn only_the_first_problems_are_kept_and_all_are_counted() {
        let mut tally = Tally::default();
        for number in 0..20 {
            tally.fail(number.to_string());
        }
        let mut all = tally.clone();
        all.add(&tally);
        assert_eq!((all.failed, all.problems.join(" ")), (40, "0 1 2 3 4".to_owned()));
    }
}
