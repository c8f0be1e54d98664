//! The real binary, in folders of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use gendan::cli::client::Client;
use tempfile::TempDir;

/// The API key that a [`Home`] gives its server.
pub(crate) const KEY: &str = "gk_test_0123456789abcdef0123456789abcdef";

/// A workflow without a trade: jobs that are done in steps.
const JOB: &str = r#"workflow: job
title: { zh: 任务, en: Job }
number: "J-{seq:6}"
fields:
  name: { type: text, required: true, unique: true }
  place: { type: reference, table: places, title: Place }
  size: { type: integer, min: 1, default: 1 }
  urgent: { type: boolean, title: Urgent }
  done: { type: integer, default: 0 }
open: { by: [worker, admin], to: waiting }
stages:
  waiting:
    owner: worker
    transitions:
      start: { by: worker, to: working, checks: [limits] }
  working:
    owner: worker
    transitions:
      pause: { by: worker, to: waiting, do: [ set: { done: "=(done ?? 0) + 1" } ] }
      finish: { by: worker, to: finished }
  finished: { final: success }
views:
  board:
    title: { zh: 任务表, en: Board }
    sort: [name]
    columns: [number, name, stage, size]
measures:
  finished: { title: { zh: 完成率, en: Finished }, count: is_set(entered.finished) }
"#;

const TABLES: &str = r"tables:
  places:
    title: Places
    key: code
    columns:
      code: { type: text, required: true }
      name: { type: text, required: true }
      floor: { type: integer }
";

const ROLES: &str = "roles:\n  worker: { zh: 工人, en: Worker }\n";

/// A rule that refuses large jobs.
const LIMITS: &str = r#"/// A job has a largest size.
fn check(job) {
    if (job.size ?? 1) > 10 {
        fail("too_large", "size", #{ found: job.size ?? 1, limit: 10 });
    }
}
"#;

const MESSAGES: &str = "too_large: { zh: 任务过大, en: the job is too large }\n";

/// A folder with definitions, a data folder and a log, which goes away with its test.
pub(crate) struct Home {
    folder: TempDir,
}

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Home {
    /// A folder with the definitions of jobs and no data yet.
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        for (file, text) in [
            ("workflows/job.yaml", JOB),
            ("workflows/tables.yaml", TABLES),
            ("workflows/roles.yaml", ROLES),
            ("rules/limits.rhai", LIMITS),
            ("rules/limits.messages.yaml", MESSAGES),
        ] {
            home.write(file, text);
        }
        home
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders it stands in.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `gendan` with these arguments, in this folder and with nothing of the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
        command.current_dir(self.path()).env_clear().env("GENDAN_ADMIN_KEY", KEY).args(arguments);
        command
    }

    /// Runs `gendan` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["serve", "--listen", "127.0.0.1:0"]), &self.log())
    }

    /// The file that the servers log to.
    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }
}

impl Server {
    /// Runs `command`, a `gendan serve`, and waits until it listens.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let stderr = File::options().create(true).append(true).open(log).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).next();
        let server = Self { child, address: address.unwrap_or_default() };
        assert!(!server.address.is_empty(), "the server did not start: {}", fs::read_to_string(log).unwrap());
        server
    }

    /// A client with the key of a [`Home`].
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address, Some(KEY))
    }

    /// Kills it as a loss of power would: nothing of it runs any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(self) -> ExitStatus {
        self.ask_to_stop();
        self.wait()
    }

    /// Asks it to stop (SIGTERM).
    pub(crate) fn ask_to_stop(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless its test failed.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
