//! `gendan bench`, the real binary: what it did is there, and what goes wrong is told. Never how fast.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn bench(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
    command.arg("bench").args(arguments).args(["--warm-up", "0", "--format", "json"]);
    command.current_dir(folder).env("TMPDIR", folder).stdin(Stdio::null()).output().unwrap()
}

fn report(output: &Output) -> Json {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn number(json: &Json, pointer: &str) -> f64 {
    json.pointer(pointer).and_then(Json::as_f64).unwrap_or_else(|| panic!("no number at {pointer} in {json:#}"))
}

#[track_caller]
fn assert_all_is_there(report: &Json) {
    for what in ["cases", "ended", "events"] {
        let done = number(report, &format!("/counted/{what}_done"));
        assert!(done > 0.0, "{report:#}");
        assert_eq!(done, number(report, &format!("/counted/{what}_found")), "{report:#}");
    }
    assert_eq!(number(report, "/failed"), 0.0);
}

#[test]
fn what_was_done_is_there_and_the_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(&["--clients", "2", "--seconds", "1"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output);
    assert_all_is_there(&report);

    let window = report.pointer("/windows/0").unwrap();
    assert_eq!(number(window, "/clients"), 2.0);
    assert!(number(window, "/commands") > 0.0 && number(window, "/per_second") > 0.0);
    let shares = ["p50_us", "p99_us", "p999_us", "max_us"].map(|share| number(window, &format!("/latency/{share}")));
    assert!(shares[0] > 0.0 && shares.is_sorted(), "{shares:?}");
    let yardstick = report.pointer("/yardsticks/0").unwrap();
    assert!(number(yardstick, "/hello/commands") > 0.0 && number(yardstick, "/append_per_second") > 0.0);
    assert!(number(yardstick, "/journal_per_second") > 0.0);
    assert_eq!(report.pointer("/bytes/counted"), Some(&Json::Bool(true)), "the journal was looked at");
    assert!(number(&report, "/bytes/per_command") > 0.0 && number(&report, "/disk_bytes_per_case") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(number(window, "/server_cpu/user_us") > 0.0 && number(window, "/generator_cpu/user_us") >= 0.0);
        assert!(number(window, "/memory/peak_bytes") >= number(window, "/memory/now_bytes"));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary folder is removed");
}

#[test]
fn many_cases_survive_a_stop_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(&["--clients", "4", "--cases", "20", "--data", "kept"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output);
    assert_all_is_there(&report);
    assert_eq!(number(&report, "/counted/ended_found"), 20.0);
    let growth = report.pointer("/growth").unwrap();
    assert_eq!(number(growth, "/made/commands"), 20.0 * number(&report, "/commands_per_case"));
    assert!(number(growth, "/events_after_kill") >= number(growth, "/events_answered"));
    assert!(number(growth, "/events_answered") > number(&report, "/counted/events_done"), "it worked before the kill");
    let reads = growth.pointer("/reads").and_then(Json::as_array).unwrap();
    assert_eq!(reads.len(), 6);
    for read in reads {
        assert!(number(read, "/times") > 0.0 && number(read, "/bytes") > 100.0, "{read}");
    }
    assert!(folder.path().join("kept/data").is_dir(), "a folder that was named is kept");

    let again = bench(&["--data", "kept"], folder.path());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("`kept` holds something"));
}

#[test]
fn an_answer_that_is_not_the_expected_one_is_told_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bench");
    for entry in fs::read_dir(&shipped).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&entry, folder.path().join(entry.file_name().unwrap())).unwrap();
    }
    let load = folder.path().join("load.yaml");
    let text = fs::read_to_string(&load).unwrap();
    // The same unique value for every case: all but the first are refused.
    let wrong = text.replace("\"LOAD-{n}\"", "LOAD");
    assert_ne!(text, wrong);
    fs::write(&load, wrong).unwrap();
    let output = bench(&["--clients", "2", "--sustained", "1", "--load", "."], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let report = report(&output);
    assert!(number(&report, "/failed") > 0.0, "{report:#}");
    assert_eq!(number(&report, "/counted/cases_found"), 1.0, "{report:#}");
    let problem = report.pointer("/problems/0").and_then(Json::as_str).unwrap();
    assert!(problem.starts_with("open: ") && said.contains(problem), "{said}");
}
