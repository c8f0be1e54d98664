//! What `strace -f -y` wrote down, and what it proves: between the write of a record and the write of its answer,
//! the file was synced by a call that began after the record was written.

use std::collections::BTreeMap;

/// A call of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    name: String,
    /// What it was called with; the file of its descriptor stands in it.
    arguments: String,
    /// The lines at which it began and ended.
    begin: usize,
    end: usize,
    /// Whether it succeeded.
    good: bool,
}

/// What a trace proves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Answers that left after their record was synced.
    pub(crate) answers: usize,
    /// Files of the journal from which they left.
    pub(crate) files: usize,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        names.contains(&&*self.name)
    }

    /// The path of its first descriptor.
    fn file(&self) -> &str {
        let path = self.arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        path.map_or("", |(path, _)| path)
    }

    fn is_journal(&self) -> bool {
        self.file().contains("/journal/") && self.file().ends_with(".journal")
    }

    fn writes(&self) -> bool {
        self.good && self.is(&["write", "pwrite64", "writev", "pwritev"])
    }

    fn answers(&self) -> bool {
        self.is(&["write", "writev", "sendto", "sendmsg"]) && !self.is_journal()
    }

    fn syncs(&self) -> bool {
        self.good && self.is(&["fdatasync", "fsync"])
    }
}

/// For each mark: it was written into the journal as `"mark"`, made durable, and only then answered as `mark`.
///
/// # Errors
/// What is not proved.
pub(crate) fn prove(trace: &str, marks: &[String]) -> Result<Proof, String> {
    let calls = parse(trace);
    let mut proof = Proof::default();
    let mut first: BTreeMap<&str, &Call> = BTreeMap::new();
    for mark in marks {
        let quoted = format!("\\\"{mark}\\\"");
        let record = calls.iter().find(|call| call.writes() && call.is_journal() && call.arguments.contains(&quoted));
        let record = record.ok_or_else(|| format!("{mark} was never written into the journal"))?;
        let answer = calls.iter().find(|call| call.answers() && call.arguments.contains(mark.as_str()));
        let answer = answer.ok_or_else(|| format!("{mark} was never answered"))?;
        let between = |call: &&Call| call.begin > record.end && call.end < answer.begin;
        let synced = calls.iter().filter(between).any(|call| call.syncs() && call.file() == record.file());
        if !synced {
            return Err(format!("{mark} was answered at line {} without a sync of its record", answer.begin));
        }
        let earliest = first.entry(record.file()).or_insert(answer);
        if answer.begin < earliest.begin {
            *earliest = answer;
        }
        proof.answers += 1;
    }
    for (file, answer) in &first {
        named(&calls, file, answer)?;
        proof.files += 1;
    }
    Ok(proof)
}

/// The folder was synced after the file was made and before the first answer that left from it.
fn named(calls: &[Call], file: &str, answer: &Call) -> Result<(), String> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let made = calls.iter().find(|call| call.writes() && call.file() == file).map_or(usize::MAX, |call| call.end);
    let synced = |call: &Call| call.syncs() && call.file() == folder && call.begin > made && call.end < answer.begin;
    match calls.iter().any(synced) {
        true => Ok(()),
        false => Err(format!("an answer left from {file} before its name was durable")),
    }
}

fn parse(trace: &str) -> Vec<Call> {
    let (mut calls, mut unfinished): (Vec<Call>, BTreeMap<&str, (usize, &str)>) = Default::default();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, said)) = line.split_once(' ') else { continue };
        let said = said.trim_start();
        if let Some(begun) = said.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (number, begun));
        } else if let Some((_, rest)) = said.strip_prefix("<... ").and_then(|said| said.split_once(" resumed>")) {
            let Some((begin, begun)) = unfinished.remove(thread) else { continue };
            calls.extend(call(&format!("{begun}{rest}"), begin, number));
        } else {
            calls.extend(call(said, number, number));
        }
    }
    calls
}

fn call(said: &str, begin: usize, end: usize) -> Option<Call> {
    let (name, rest) = said.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let good = !result.starts_with('-') && !result.starts_with('?');
    Some(Call { name: name.to_owned(), arguments: arguments.to_owned(), begin, end, good })
}

/// A command that is answered as it should be: on a thread the record, on another one the answer.
const GOOD: &str = r#"
10 pwrite64(7</d/journal/0.journal>, "gendan-j", 64, 0) = 64
10 fdatasync(7</d/journal/0.journal>) = 0
10 fsync(9</d/journal>) = 0
11 pwrite64(7</d/journal/0.journal>, "{\"text\":\"m1\"}", 12, 64 <unfinished ...>
12 write(1<pipe:[5]>, "other", 5) = 5
11 <... pwrite64 resumed>) = 12
11 fdatasync(7</d/journal/0.journal> <unfinished ...>
12 write(2<pipe:[6]>, "a log", 5) = 5
11 <... fdatasync resumed>) = 0
12 writev(8<socket:[77]>, [{iov_base="HTTP/1.1 201 Created\r\nx-request-id: m1\r\n", iov_len=9}], 1) = 9
11 +++ exited with 0 +++
"#;

#[test]
fn a_sync_between_the_record_and_its_answer_is_seen() {
    assert_eq!(prove(GOOD, &["m1".to_owned()]), Ok(Proof { answers: 1, files: 1 }));
}

/// Every way to break the promise shows in the trace.
#[test]
fn a_doctored_trace_proves_nothing() {
    let sync = "11 fdatasync(7</d/journal/0.journal> <unfinished ...>\n";
    let check = |from: &str, to: &str, said: &str| {
        assert!(GOOD.contains(from), "{from}");
        let doctored = GOOD.replacen(from, to, 1);
        let error = prove(&doctored, &["m1".to_owned()]).unwrap_err();
        assert!(error.contains(said), "{from} -> {to}: {error}");
    };
    let unsynced = "without a sync of its record";
    check(sync, "", unsynced);
    check("<... fdatasync resumed>) = 0", "<... fdatasync resumed>) = -1 EIO (Input/output error)", unsynced);
    check("fdatasync(7</d/journal/0.journal> <", "fdatasync(6</d/state/db> <", unsynced);
    check("fdatasync(7</d/journal/0.journal> <", "fdatasync(7</d/journal/1.journal> <", unsynced);
    check("11 <... fdatasync resumed>) = 0\n", "", unsynced);
    check("11 <... pwrite64 resumed>) = 12", "11 <... pwrite64 resumed>) = -1 ENOSPC (No space)", "never written");
    check("\\\"m1\\\"", "\\\"m2\\\"", "never written");
    check("x-request-id: m1", "x-request-id: m2", "never answered");
    check("10 fsync(9</d/journal>) = 0\n", "", "before its name was durable");
    check("fsync(9</d/journal>)", "fsync(9</d>)", "before its name was durable");
    // The sync began before the record was written, or ended after the answer had begun.
    let lines: Vec<&str> = GOOD.lines().collect();
    let line = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    for (moved, before) in [
        (line("11 fdatasync"), line("11 pwrite64")),
        (line("12 writev"), line("11 <... fdatasync")),
        (line("12 writev"), line("11 pwrite64")),
    ] {
        let mut doctored = lines.clone();
        let line = doctored.remove(moved);
        doctored.insert(before, line);
        // Each thread has one unfinished call at a time: a sync that began before is another thread's.
        let doctored = doctored.join("\n").replace("11 fdatasync", "13 fdatasync").replace("11 <... fd", "13 <... fd");
        let error = prove(&doctored, &["m1".to_owned()]).unwrap_err();
        assert!(error.contains(unsynced), "{doctored}");
    }
}
