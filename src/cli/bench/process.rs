//! Processes that are measured: a server of its own, on a free port, and what else listens beside it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::system::{Cpu, Memory};
use crate::cli::Failed;
use crate::cli::client::Client;
use crate::cli::terminal::Exit;
use crate::clock::Watch;

/// What a process prints before its address.
const LISTENING: &str = "listening on http://";
/// How long a process may take to be ready: a folder with millions of events is read in this time.
const READY_SECONDS_MAX: u64 = 900;
/// How long it may take to end.
const END_SECONDS_MAX: u64 = 120;
/// Milliseconds between two looks.
const LOOK_MILLISECONDS: u64 = 2;

/// A process that listens. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// From its start until it answered that it is ready.
    pub(super) start: Duration,
}

impl Process {
    /// Starts this program with other arguments and waits until `ready_path` is answered with 200. What it logs goes
    /// to the end of the file `log`.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(
        arguments: &[&str],
        log: &Path,
        ready_path: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self, Failed> {
        let failed = |reason: &dyn std::fmt::Display| {
            Failed::new(Exit::Unreachable, format!("can't start `gendan {}`: {reason}", arguments.join(" ")))
        };
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let said = File::options().create(true).append(true).open(log).map_err(|error| failed(&error))?;
        let watch = Watch::start();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said);
        prepare(&mut command);
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let stdout = child.stdout.take();
        let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines().map_while(Result::ok));
        let address = lines.filter_map(|line| line.strip_prefix(LISTENING)?.parse().ok()).next();
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on it is killed if something goes wrong.
        let mut process = Self { child, address: address.unwrap_or(unset), start: Duration::ZERO };
        if address.is_none() || !process.is_ready(ready_path) {
            drop(process);
            return Err(failed(&last_lines(log)));
        }
        process.start = watch.elapsed();
        Ok(process)
    }

    /// Waits until it is ready, unless it ends or takes too long.
    fn is_ready(&mut self, path: &str) -> bool {
        let client = Client::new(&self.address.to_string(), None);
        let watch = Watch::start();
        while watch.elapsed().as_secs() < READY_SECONDS_MAX && matches!(self.child.try_wait(), Ok(None)) {
            if client.get(path).is_ok_and(|answer| answer.status == 200) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(LOOK_MILLISECONDS));
        }
        false
    }

    /// The CPU that it has used.
    pub(super) fn cpu(&self) -> Option<Cpu> {
        Cpu::of(self.child.id())
    }

    /// Its memory.
    pub(super) fn memory(&self) -> Option<Memory> {
        Memory::of(self.child.id())
    }

    /// Asks it to stop and waits until it has; how long that took.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub(super) fn stop(mut self) -> Result<Duration, Failed> {
        let watch = Watch::start();
        if !self.ask_to_stop() {
            return Err(Failed::new(Exit::Unreachable, "the server can't be asked to stop"));
        }
        while watch.elapsed().as_secs() < END_SECONDS_MAX {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(LOOK_MILLISECONDS)),
                Ok(Some(status)) if status.success() => return Ok(watch.elapsed()),
                Ok(Some(status)) => return Err(Failed::new(Exit::Refused, format!("the server ended with {status}"))),
                Err(error) => return Err(Failed::new(Exit::Unreachable, error)),
            }
        }
        Err(Failed::new(Exit::Refused, format!("the server did not end within {END_SECONDS_MAX} s")))
    }

    /// Ends it as a loss of power would: nothing of it runs any more.
    pub(super) fn kill(mut self) {
        self.end();
    }

    /// The standard library can only kill, so the system's own command sends the signal.
    #[cfg(unix)]
    fn ask_to_stop(&mut self) -> bool {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|status| status.success())
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) -> bool {
        self.child.kill().is_ok()
    }

    fn end(&mut self) {
        // One that has ended already can be neither killed nor missed.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn last_lines(log: &Path) -> String {
    const LINES: usize = 5;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}
