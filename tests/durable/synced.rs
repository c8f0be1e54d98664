//! The real server, and the journal alone, as the system sees them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gendan::store::journal::{Draft, Journal, Options};
use gendan::store::{Disk, FolderDisk};

use crate::server::{Home, KEY, Server};
use crate::trace::{Proof, prove};

/// Clients that send commands at the same time.
const CLIENTS: usize = 4;
/// Commands of each of them.
const COMMANDS: usize = 12;
/// Groups that are appended to a journal of tiny files.
const GROUPS: usize = 12;

/// Whether calls can be traced here; where they must be, it is an error that they can't.
fn traced() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let works = tried.is_ok_and(|output| output.status.success());
    #[expect(clippy::disallowed_methods, reason = "what must not be skipped is decided by whoever runs the tests")]
    let required = std::env::var("GENDAN_REQUIRE_STRACE").is_ok_and(|required| required == "1");
    assert!(works || !required, "strace is required here, and it does not work");
    if !works {
        println!("SKIPPED: there is no strace here, so nothing was proved about syncs");
    }
    works
}

/// The beginning of a command that writes its calls to a file. The tracer stands aside (`-D`), so that signals go to
/// the process itself.
fn strace(to: &Path) -> Command {
    let mut command = Command::new("strace");
    let calls = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg";
    command.args(["-D", "-f", "-y", "-s", "4000000", "-e", calls, "-o"]).arg(to);
    command
}

/// What was written down, when the first of the processes has ended.
fn read(trace: &Path) -> String {
    for _ in 0..2_000 {
        let text = String::from_utf8_lossy(&fs::read(trace).unwrap_or_default()).into_owned();
        let first = text.split(' ').next().unwrap_or_default();
        let end = |line: &str| line.contains("+++ exited") && line.split(' ').next() == Some(first);
        if text.lines().any(end) {
            return text;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("the trace has no end");
}

/// Sends a command with a mark in its body, in its key and in its request id; gives the status.
fn post(address: &str, path: &str, body: &str, mark: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: k-{mark}\r\n\
         X-Request-Id: {mark}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{answer}")), answer)
}

/// Opens a case and comments on it; gives the marks of what was acknowledged.
fn work(address: &str, client: usize) -> Vec<String> {
    let (mut marks, mut case) = (Vec::new(), String::new());
    for number in 0..COMMANDS {
        let mark = format!("mark-{client}-{number}-");
        let (path, body) = if number == 0 {
            ("/v1/workflows/job/cases".to_owned(), format!(r#"{{"fields":{{"name":"{mark}"}}}}"#))
        } else {
            (format!("{case}/comments"), format!(r#"{{"text":"{mark}"}}"#))
        };
        let (status, answer) = post(address, &path, &body, &mark);
        assert!((200..300).contains(&status), "{answer}");
        if number == 0 {
            let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
            location.trim().clone_into(&mut case);
        }
        marks.push(mark);
    }
    marks
}

#[test]
fn each_success_is_answered_after_its_record_was_synced() {
    if !traced() {
        return;
    }
    let home = Home::new();
    let trace = home.path().join("trace");
    let mut command = strace(&trace);
    let server = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.current_dir(home.path()).env_clear().env("PATH", "/usr/bin:/bin").env("GENDAN_ADMIN_KEY", KEY);
    command.arg(server.get_program()).args(server.get_args());
    let server = Server::start(command, &home.log());
    let clients: Vec<_> = (0..CLIENTS).map(|client| (client, server.address.clone())).collect();
    let clients = clients.into_iter().map(|(client, address)| thread::spawn(move || work(&address, client)));
    let clients: Vec<_> = clients.collect();
    let marks: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(server.stop().success());
    let proof = prove(&read(&trace), &marks);
    assert_eq!(proof, Ok(Proof { answers: CLIENTS * COMMANDS, files: 1 }));
}

/// Each group begins a file: its name is durable too when the group is acknowledged.
#[test]
fn a_new_file_is_durable_with_its_name_before_anything_in_it_is_acknowledged() {
    if !traced() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = strace(&trace);
    command.arg(std::env::current_exe().unwrap()).current_dir(folder.path());
    let mut child = command
        .args(["--exact", "synced::append_groups", "--ignored", "--nocapture", "--test-threads=1"])
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    let marks: Vec<String> = (0..GROUPS).map(mark).collect();
    let proof = prove(&read(&trace), &marks);
    assert_eq!(proof, Ok(Proof { answers: GROUPS, files: GROUPS }));
}

fn mark(number: usize) -> String {
    format!("mark-{number}-")
}

#[test]
#[ignore = "it is traced in a process of its own"]
fn append_groups() {
    let disk: Arc<dyn Disk> = Arc::new(FolderDisk::make("journal").unwrap());
    let (journal, _) = Journal::open(disk, Options { segment_bytes: 1, ..Options::default() }).unwrap();
    // The first group goes into the file that opening has made.
    journal.append(&[Draft { events: 0, body: b"first".to_vec() }]).unwrap();
    for number in 0..GROUPS {
        journal.append(&[Draft { events: 0, body: format!("\"{}\"", mark(number)).into_bytes() }]).unwrap();
        fs::write("/dev/null", format!("answered {}", mark(number))).unwrap();
    }
}
