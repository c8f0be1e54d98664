//! The README's walk through a change, as a reader would take it: the same commands in a shell, against the real
//! binary, and the answers that the page shows.
//!
//! A block marked `<!-- tested -->` is run; if a block of output follows it, that is what must come, where `…`
//! stands for anything.

#![cfg(test)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// What ends the output of a block.
const END: &str = "--- end of block ---";
/// How often a block is run until the server has noticed a change, and how long apart.
const TRIES_MAX: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// A block of the page: the commands, and what must come of them.
struct Block {
    commands: String,
    expected: Option<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let tested = page.split("<!-- tested -->\n```sh\n").skip(1);
    let block = |text: &str| {
        let (commands, rest) = text.split_once("\n```\n").unwrap();
        let output = rest.strip_prefix("```json\n").or_else(|| rest.strip_prefix("```text\n"));
        let expected = output.map(|output| output.split_once("\n```").unwrap().0.to_owned());
        Block { commands: commands.to_owned(), expected }
    };
    tested.map(block).collect()
}

/// Whether `output` is `expected`, where `…` stands for anything.
fn is_as_expected(output: &str, expected: &str) -> bool {
    let mut rest = output;
    for piece in expected.split('…') {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    true
}

/// A demo in a copy of the folders it works on.
struct Demo {
    child: Child,
    address: String,
    key: String,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
        command.args(["demo", "--listen", "127.0.0.1:0", "--cases", "40", "--lang", "en"]).current_dir(folder);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut demo = Self { child, address: String::new(), key: String::new() };
        for line in lines {
            if let Some((_, address)) = line.split_once("it goes on serving: ") {
                demo.address = address.trim().to_owned();
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["reviewer", key, ..] = words[..] {
                demo.key = key.to_owned();
            }
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        assert!(!demo.address.is_empty() && !demo.key.is_empty(), "the demo did not greet");
        demo
    }
}

impl Drop for Demo {
    /// As Ctrl-C does, so that the demo removes its folder.
    fn drop(&mut self) {
        let _ended = Command::new("kill").arg(self.child.id().to_string()).status();
        let _status = self.child.wait();
    }
}

/// A shell that stays, as a reader's does.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("bash");
        let mut child = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { stdin: child.stdin.take().unwrap(), child, lines }
    }

    /// Runs commands and gives what they print.
    fn run(&mut self, commands: &str) -> String {
        writeln!(self.stdin, "{commands}\necho '{END}'").unwrap();
        let lines = self.lines.iter().take_while(|line| line != END);
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap();
        }
    }
}

/// The commands with what stands for a reader's own values: the key, the number of the case, the address, and the
/// binary that is there already.
fn filled_in(commands: &str, demo: &Demo, before: &str) -> String {
    let number = before.split("\"number\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    commands
        .replace("gk_...", &demo.key)
        .replace("SO...", number)
        .replace("http://127.0.0.1:8080", &demo.address)
        .replace("cargo run --release --", &format!("'{}' --color never", env!("CARGO_BIN_EXE_gendan")))
}

#[test]
fn the_walk_through_the_readme_works_as_it_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("SKIPPED: the README's commands need curl, which is not here");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for part in ["workflows", "rules"] {
        copy(&root.join(part), &folder.path().join(part));
    }
    let demo = Demo::start(folder.path());
    let mut shell = Shell::start(folder.path());
    let blocks = blocks(&page);
    assert!(blocks.len() >= 6, "the README has {} tested blocks", blocks.len());
    let mut before = String::new();
    for Block { commands, expected } in blocks {
        let commands = filled_in(&commands, &demo, &before);
        before = shell.run(&commands);
        let Some(expected) = expected else { continue };
        for _ in 0..TRIES_MAX {
            if is_as_expected(&before, &expected) {
                break;
            }
            thread::sleep(PAUSE);
            let again = commands.lines().last().unwrap();
            before = shell.run(again);
        }
        assert!(is_as_expected(&before, &expected), "{commands}\ngave\n{before}\nand not\n{expected}");
    }
}

#[test]
fn output_is_compared_piece_by_piece() {
    for (output, expected, same) in
        [("a 1 b 2 c", "a … b … c", true), ("a 1 c", "a … b … c", false), ("b a", "a…b", false), ("abc", "b", true)]
    {
        assert_eq!(is_as_expected(output, expected), same, "{output}: {expected}");
    }
}
