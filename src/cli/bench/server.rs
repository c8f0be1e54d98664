//! The server that is measured: the real one, in a process of its own, with a folder of its own.

use std::process::Command;

use serde_json::Value as Json;

use super::drive::Tally;
use super::load::Load;
use super::place::{Place, random_word};
use super::process::Process;
use super::report::Counted;
use crate::cli::Failed;
use crate::cli::client::{Client, segment};
use crate::cli::terminal::Exit;
use crate::clock::Watch;
use crate::model::Timestamp;

/// Settings of the surroundings that would change what is measured; the others are given as flags, which win.
const UNSET: [&str; 2] = ["GENDAN_CONFIG", "GENDAN_STORE"];

/// How servers of a run are started.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// Where they work.
    pub(super) place: &'a Place,
    /// A word that no other run has.
    pub(super) run: String,
    log: &'a str,
    clock: Timestamp,
    key: String,
    watch: Watch,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    /// Its process.
    pub(super) process: Process,
    /// A client with the key of an admin.
    pub(super) admin: Client,
}

impl<'a> Start<'a> {
    /// Servers on `place`, which log what `log` says and begin at the load's time.
    ///
    /// # Errors
    /// When the load's time is none.
    pub(super) fn new(place: &'a Place, load: &Load, log: &'a str) -> Result<Self, Failed> {
        let clock = Timestamp::parse(&load.clock).map_err(|error| Failed::new(Exit::Refused, error))?;
        let key = format!("gk_bench_{}{}", random_word()?, random_word()?);
        Ok(Self { place, run: random_word()?, log, clock, key, watch: Watch::start() })
    }

    /// Starts one; one that is started again goes on where time has come to.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn server(&self) -> Result<Server, Failed> {
        let elapsed = i64::try_from(self.watch.elapsed().as_millis()).unwrap_or(i64::MAX);
        let clock = Timestamp(self.clock.0.saturating_add(elapsed)).to_string();
        let data = self.place.data.display().to_string();
        let definitions = self.place.definitions.display().to_string();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", &data, "--definitions", &definitions];
        let more = ["--clock", &clock, "--log", self.log, "--log-format", "text"];
        let arguments = [&arguments[..], &more].concat();
        let prepare = |command: &mut Command| {
            for name in UNSET {
                command.env_remove(name);
            }
            command.env("GENDAN_ADMIN_KEY", &self.key).current_dir(&self.place.root);
        };
        let process = Process::start(&arguments, &self.place.log, "/readyz", prepare)?;
        let admin = Client::new(&process.address.to_string(), Some(&self.key));
        Ok(Server { process, admin })
    }
}

impl Server {
    /// Counts what the server has, to hold it against what was done.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn count(&self, load: &Load, done: &Tally) -> Result<Counted, Failed> {
        let cases = format!("/v1/cases?workflow={}&count=true&limit=1", segment(&load.workflow));
        let ended = format!("{cases}&stage={}", segment(&load.ends_in));
        Ok(Counted {
            cases_done: done.opened,
            cases_found: self.number(&cases, "/count")?,
            ended_done: done.ended,
            ended_found: self.number(&ended, "/count")?,
            events_done: done.events,
            events_found: self.events(done.events)?,
        })
    }

    /// How many events the log has, looking first where `expected` of them would end.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn events(&self, expected: u64) -> Result<u64, Failed> {
        last(expected, |position| self.has_event_after(position))
    }

    fn has_event_after(&self, position: u64) -> Result<bool, Failed> {
        let answer = self.admin.get(&format!("/v1/events?limit=1&after={position}"))?.ok()?;
        Ok(answer.json.pointer("/data/0").is_some())
    }

    fn number(&self, path: &str, pointer: &str) -> Result<u64, Failed> {
        let answer = self.admin.get(path)?.ok()?;
        let number = answer.json.pointer(pointer).and_then(Json::as_u64);
        number.ok_or_else(|| Failed::new(Exit::Refused, format!("the server does not count at `{path}`")))
    }
}

/// The last of the positions 1, 2, 3, ...: the one that others are before and none is after. It is looked for where
/// it is expected first, so that two looks are enough when it is there.
fn last<E>(expected: u64, mut is_any_after: impl FnMut(u64) -> Result<bool, E>) -> Result<u64, E> {
    let (mut below, mut above) = (0, None);
    let mut look = expected;
    loop {
        if is_any_after(look)? {
            below = look.saturating_add(1);
        } else {
            above = Some(look);
        }
        look = match above {
            Some(above) if below >= above => return Ok(above),
            Some(above) if above == expected => expected.saturating_sub(1),
            Some(above) => below.midpoint(above),
            None => below.saturating_mul(2).max(1),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_position_is_found_wherever_it_is() {
        for there in [0, 1, 2, 3, 9, 10, 11, 12, 99, 1_000] {
            let mut looks = 0;
            let found = last::<()>(10, |position| {
                looks += 1;
                Ok(position < there)
            });
            assert_eq!(found, Ok(there));
            assert!(looks <= if there == 10 { 2 } else { 24 }, "{there}: {looks} looks");
        }
        assert_eq!(last::<()>(0, |_| Ok(false)), Ok(0));
        assert_eq!(last(5, |_| Err("gone")), Err("gone"));
    }
}
