//! What the same machine can do at best, measured in the same run: an HTTP server that does nothing, and a file
//! that the same bytes are appended to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::drive::{Drive, Work};
use super::measure::{Window, measured};
use super::place::Place;
use super::process::Process;
use super::system::folder_bytes;
use crate::cli::Failed;
use crate::cli::terminal::Exit;
use crate::clock::Watch;

/// The command that serves `hello`.
pub(super) const HELLO: &str = "bench-hello";
/// Bytes that the store is taken to write for a command when it can't be told what it writes.
const BYTES_STATED: u64 = 2_000;

/// What was written for a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Bytes {
    /// Bytes.
    pub(super) per_command: u64,
    /// Whether they were counted in the journal, or are only stated.
    pub(super) counted: bool,
}

impl Bytes {
    /// What a server has written to its journal for so many commands, when it has one.
    pub(super) fn written(place: &Place, commands: u64) -> Self {
        let journal = place.data.join("journal");
        Self::of(journal.is_dir().then(|| folder_bytes(&journal)), commands)
    }

    /// Those of a journal of `bytes` with so many commands.
    fn of(bytes: Option<u64>, commands: u64) -> Self {
        let counted = bytes.and_then(|bytes| bytes.checked_div(commands)).filter(|bytes| *bytes > 0);
        Self { per_command: counted.unwrap_or(BYTES_STATED), counted: counted.is_some() }
    }
}

/// Measures a server that answers `hello`, with the same clients.
///
/// # Errors
/// When it can't be started or fails.
pub(super) async fn hello(place: &Place, clients: usize, warm_up: Duration, time: Duration) -> Result<Window, Failed> {
    let process = Process::start(&[HELLO], &place.log, "/", |_| ())?;
    let drive = Drive::new(process.address, Work::Hello);
    let window = measured(&drive, &process, clients, warm_up, time).await;
    match drive.tally().problems.first() {
        Some(problem) => Err(Failed::new(Exit::Refused, format!("the yardstick can't be measured: {problem}"))),
        None => Ok(window),
    }
}

/// Commands a second when each group of them is one write and one `fdatasync` of a plain file, and nothing else.
///
/// # Errors
/// When the file can't be written.
pub(super) fn append(place: &Place, bytes: u64, group: usize, time: Duration) -> Result<f64, Failed> {
    let file = place.root.join("append");
    let appended = appending(&file, bytes, group, time);
    let _gone = fs::remove_file(&file);
    appended.map_err(|error| Failed::new(Exit::Unreachable, format!("can't append to `{}`: {error}", file.display())))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn appending(path: &Path, bytes: u64, group: usize, time: Duration) -> io::Result<f64> {
    let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).saturating_mul(group)];
    // Nothing that a disk could leave out.
    getrandom::fill(&mut buffer).map_err(io::Error::other)?;
    let mut file = File::create(path)?;
    let watch = Watch::start();
    let mut groups = 0_u64;
    while watch.elapsed() < time {
        file.write_all(&buffer)?;
        file.sync_data()?;
        groups += 1;
    }
    Ok(groups as f64 * group as f64 / watch.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_where_there_is_a_journal_and_stated_elsewhere() {
        for (bytes, commands, expected) in [
            (Some(3_000), 2, Bytes { per_command: 1_500, counted: true }),
            (Some(3_000), 0, Bytes { per_command: BYTES_STATED, counted: false }),
            (None, 2, Bytes { per_command: BYTES_STATED, counted: false }),
        ] {
            assert_eq!(Bytes::of(bytes, commands), expected);
        }
    }

    #[test]
    fn appending_is_counted_in_commands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let rate = appending(&file, 100, 8, Duration::from_millis(20)).unwrap();
        assert!(rate > 0.0);
        assert_eq!(fs::metadata(&file).unwrap().len() % 800, 0);
    }
}
