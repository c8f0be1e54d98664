//! The scanner: a command that looks at a file before it is kept (`clamdscan --no-summary --fdpass`, or any other).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clock::Watch;
use crate::http::error::{INVALID, Problem, UNAVAILABLE};
use crate::model::Title;
use crate::model::limit::SCAN_SECONDS_MAX;
use crate::store::content::Received;

use super::AttachmentRules;

/// Milliseconds between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What a scanner ends with when the file must not be kept.
const BAD: i32 = 1;

/// Has the file looked at; without a scanner it passes.
pub(super) async fn scan(rules: &AttachmentRules, received: &Received) -> Result<(), Problem> {
    let Some((program, arguments)) = rules.scanner.split_first() else { return Ok(()) };
    let (program, arguments, path) = (program.clone(), arguments.to_vec(), received.path().to_owned());
    let ended = tokio::task::spawn_blocking(move || run(&program, &arguments, &path)).await;
    match ended {
        Ok(Ok(Some(0))) => Ok(()),
        Ok(Ok(Some(BAD))) => {
            let title =
                Title::new("病毒扫描未通过,文件未保存", "the scanner found something in the file; it was not kept");
            Err(Problem::new(&INVALID, title))
        }
        Ok(Ok(Some(code))) => Err(down(&format!("it ended with {code}"))),
        Ok(Ok(None)) => Err(down(&format!("it did not end within {SCAN_SECONDS_MAX} seconds"))),
        Ok(Err(error)) => Err(down(&error.to_string())),
        Err(error) => Err(down(&error.to_string())),
    }
}

/// Runs it; what it ended with, or nothing when it took too long and was stopped.
fn run(program: &str, arguments: &[String], path: &Path) -> std::io::Result<Option<i32>> {
    let mut command = Command::new(program);
    command.args(arguments).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (mut child, watch) = (command.spawn()?, Watch::start());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        if watch.elapsed() > Duration::from_secs(SCAN_SECONDS_MAX) {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// A file that nobody could look at is not kept.
fn down(reason: &str) -> Problem {
    tracing::error!(reason, "the scanner of attachments can't be used");
    let title = Title::new(
        "病毒扫描不可用,文件未保存;请稍后重试",
        "the scanner can't be used now, so the file was not kept; try again later",
    );
    Problem::new(&UNAVAILABLE, title)
}
