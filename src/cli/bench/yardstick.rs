//! What the same machine can do at best, measured in the same run: an HTTP server that does nothing, a file that
//! the same bytes are appended to, and the project's own journal without anything around it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
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
use crate::store::journal::{Draft, Options};
use crate::store::{self, FolderDisk, Journal};

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

/// Commands a second that the project's own journal makes durable, with the same bytes in the same groups.
///
/// # Errors
/// When the journal can't be written.
pub(super) fn journal(place: &Place, bytes: u64, group: usize, time: Duration) -> Result<f64, Failed> {
    let folder = place.root.join("journal-alone");
    let appended = journaling(&folder, bytes, group, time);
    let _gone = fs::remove_dir_all(&folder);
    appended.map_err(|error| Failed::new(Exit::Unreachable, error))
}

fn appending(path: &Path, bytes: u64, group: usize, time: Duration) -> io::Result<f64> {
    let buffer = random(usize::try_from(bytes).unwrap_or(usize::MAX).saturating_mul(group))?;
    let mut file = File::create(path)?;
    let watch = Watch::start();
    let mut groups = 0;
    while watch.elapsed() < time {
        file.write_all(&buffer)?;
        file.sync_data()?;
        groups += 1;
    }
    Ok(rate(groups, group, &watch))
}

fn journaling(folder: &Path, bytes: u64, group: usize, time: Duration) -> Result<f64, store::Error> {
    let failed = |error: io::Error| store::Error::Io(error.to_string());
    // A record has the size that a command was counted with.
    let body = usize::try_from(bytes.saturating_sub(Journal::record_bytes(0))).unwrap_or(usize::MAX);
    let draft = || Ok(Draft { events: 1, body: random(body)? });
    let drafts: Vec<Draft> = (0..group).map(|_| draft()).collect::<io::Result<_>>().map_err(failed)?;
    let disk = FolderDisk::make(folder).map_err(failed)?;
    let (journal, _) = Journal::open(Arc::new(disk), Options::default())?;
    let watch = Watch::start();
    let mut groups = 0;
    while watch.elapsed() < time {
        journal.append(&drafts)?;
        groups += 1;
    }
    Ok(rate(groups, group, &watch))
}

/// Bytes of which a disk can leave nothing out.
fn random(bytes: usize) -> io::Result<Vec<u8>> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn rate(groups: u64, group: usize, watch: &Watch) -> f64 {
    groups as f64 * group as f64 / watch.elapsed().as_secs_f64()
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

        let journal = folder.path().join("j");
        assert!(journaling(&journal, 100, 8, Duration::from_millis(20)).unwrap() > 0.0);
        let disk = Arc::new(FolderDisk::new(&journal));
        let (journal, _) = Journal::open(disk, Options::default()).unwrap();
        assert_eq!(journal.end().address.0 % 800, 0, "a record has 100 bytes");
    }
}
