//! Scenarios: everything that is shipped passes, and what fails says where, what was expected and what came.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use gendan::library;
use gendan::scenario::{Report, Selection, run};
use serde_json::Value as Json;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn report(folder: &Path, selection: &Selection) -> Report {
    let (compiled, files) = library::check(folder);
    let definition = compiled.definition.unwrap_or_else(|| panic!("{}: {:?}", folder.display(), compiled.diagnostics));
    run(&Arc::new(definition), &files, selection)
}

fn failures(report: &Report) -> String {
    let failed = report.tested.iter().filter(|test| !test.failures.is_empty());
    let told = failed.map(|test| {
        let failures: Vec<String> = test.failures.iter().map(ToString::to_string).collect();
        format!("{}\n{}", test.name, failures.join("\n"))
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_that_is_shipped_passes() {
    let mut folders = vec![root(), root().join("tests/scenarios/good")];
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        folders.push(entry.unwrap().path());
    }
    folders.retain(|folder| folder.join("workflows").is_dir());
    for folder in folders {
        let report = report(&folder, &Selection::default());
        assert_eq!(failures(&report), "", "{}", folder.display());
    }
}

#[test]
fn a_failure_says_where_and_what_was_expected_and_what_came() {
    let report = report(&root().join("tests/scenarios/failing"), &Selection::default());
    assert_eq!(report.failed(), report.tested.len());
    let (told, beside) = (failures(&report), root().join("tests/scenarios/failing/expected.txt"));
    if std::env::vars().any(|(name, value)| name == "GENDAN_BLESS" && value == "1") {
        std::fs::write(&beside, &told).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&beside).unwrap_or_default(), told);
}

#[test]
fn coverage_names_what_no_scenario_touched() {
    let good = root().join("tests/scenarios/good");
    let request = |report: &Report| {
        let mut workflows = report.coverage.workflows.iter();
        workflows.find(|workflow| &*workflow.workflow == "request").unwrap().clone()
    };
    let all = request(&report(&good, &Selection::default()));
    assert_eq!((all.all, all.touched), (12, 11));
    assert_eq!(all.transitions, ["signing.sign".into()]);
    let selection = Selection { filter: Some("two cases".to_owned()), files: Vec::new() };
    let few = report(&good, &selection);
    assert_eq!(few.tested.len(), 1);
    let few = request(&few);
    assert_eq!(few.stages, ["signing".into(), "approved".into(), "rejected".into()]);
    assert_eq!(few.branches, ["review.approve > approved".into(), "review.approve > signing".into()]);
    assert_eq!((few.all, few.touched), (12, 3));
}

fn gendan(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
    command.args(["--color", "never", "test"]).args(arguments).current_dir(root()).output().unwrap()
}

/// What a run printed, with its times taken out.
fn printed(arguments: &[&str], exit: i32) -> String {
    let output = gendan(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?} {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| match line.rsplit_once(" in ") {
        Some((start, end)) if end.ends_with(" ms") => format!("{start} in N ms\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect::<String>() + errors.as_str()
}

#[test]
fn the_command_prints_a_line_for_each_test_and_ends_with_1_when_one_fails() {
    insta::assert_snapshot!(printed(&["tests/scenarios/good"], 0), @r"
    ok     rule: less than the limit is nothing to speak of  rules/within.test.yaml:7 (R3 R4)
    ok     rule: the limit itself is allowed, and told  rules/within.test.yaml:10
    ok     rule: more than the limit is not  rules/within.test.yaml:13 (R5)
    ok     rule: more than the limit of another group  rules/within.test.yaml:17
    ok     what is packed was held, and is gone then  workflows/parcel.scenarios.yaml:10
    ok     who waits has it as soon as it is there  workflows/parcel.waiting.scenarios.yaml:4
    ok     while days pass, each has its reminder  workflows/parcel.waiting.scenarios.yaml:11
    ok     a small request is approved by somebody else  workflows/request.scenarios.yaml:9 (R1 R2 R3 R4)
    ok     what is in the fields is looked at to the last part  workflows/request.scenarios.yaml:17 (R6 R7)
    ok     too much is refused with the rule's own code  workflows/request.scenarios.yaml:36
    ok     at the limit something is told and nothing is refused  workflows/request.scenarios.yaml:44
    ok     who does not sign in time has not signed  workflows/request.scenarios.yaml:50
    ok     a sample answers what must be answered on the way, unless an answer is given  workflows/request.scenarios.yaml:57
    ok     two cases at once  workflows/request.scenarios.yaml:63
    ok     a file is attached when it is named  workflows/request.scenarios.yaml:71
    box: 3 of 3 stages, transitions and branches touched (100 %)
    parcel: 8 of 8 stages, transitions and branches touched (100 %)
    request: 11 of 12 stages, transitions and branches touched (91 %)
      transitions never touched: signing.sign
    15 passed in N ms
    ");
    insta::assert_snapshot!(printed(&["tests/scenarios/failing", "--filter", "another reason"], 1), @r"
    FAILED it is refused for another reason  workflows/request.scenarios.yaml:19
      workflows/request.scenarios.yaml:21: step 1: bob opens `request`
        expected to be refused: `four_eyes`
        found    refused: `role`
          `role`: needs `clerk`; `bob` is neither
    1 failed, 0 passed in N ms
    ");
    insta::assert_snapshot!(printed(&["tests/scenarios/good/rules/within.test.yaml"], 0), @r"
    ok     rule: less than the limit is nothing to speak of  rules/within.test.yaml:7 (R3 R4)
    ok     rule: the limit itself is allowed, and told  rules/within.test.yaml:10
    ok     rule: more than the limit is not  rules/within.test.yaml:13 (R5)
    ok     rule: more than the limit of another group  rules/within.test.yaml:17
    4 passed in N ms
    ");
    insta::assert_snapshot!(printed(&["tests/scenarios.rs"], 2), @r"
    error: `tests/scenarios.rs` stands in no `workflows/` or `rules/`
    help: tests are `workflows/NAME.scenarios.yaml` and `rules/NAME.test.yaml`
    ");
    insta::assert_snapshot!(printed(&["tests/nowhere"], 3), @r"
    error: there is no file or folder `tests/nowhere`
    help: name the folder that holds `workflows/` and `rules/`
    ");
}

#[test]
fn machines_read_the_same() {
    let json: Json = serde_json::from_str(&printed(&["tests/scenarios/failing", "--format", "json"], 1)).unwrap();
    let tested = json["tested"].as_array().unwrap();
    assert!(tested.iter().all(|test| !test["failures"].as_array().unwrap().is_empty()));
    let refused = tested.iter().find(|test| test["name"] == "it is refused").unwrap();
    assert_eq!(refused["failures"][0]["reasons"][0]["code"], "too_much");
    assert_eq!(refused["failures"][0]["place"]["line"], 15);
    let xml = printed(&["tests/scenarios/failing", "--format", "junit"], 1);
    assert_eq!(xml.matches("<failure ").count(), 21, "{xml}");
}

#[test]
fn requirements_are_told_with_the_tests_that_cover_them() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("requirements.yaml");
    let rows: String =
        (1..=8).map(|number| format!("  - {{ id: R{number}, title: {{ en: thing {number} }} }}\n")).collect();
    std::fs::write(&list, format!("requirements:\n{rows}")).unwrap();
    let tests = folder.path().join("tests");
    std::fs::create_dir(&tests).unwrap();
    std::fs::write(tests.join("a.rs"), "#[test]\nfn it_holds_r8_r9() {}\n").unwrap();
    let list = list.to_str().unwrap();
    let good = "tests/scenarios/good";
    insta::assert_snapshot!(printed(&[good, "--requirements", list], 0), @r"
    R1    thing 1
            workflows/request.scenarios.yaml:9 a small request is approved by somebody else
    R2    thing 2
            workflows/request.scenarios.yaml:9 a small request is approved by somebody else
    R3    thing 3
            rules/within.test.yaml:7 less than the limit is nothing to speak of
            workflows/request.scenarios.yaml:9 a small request is approved by somebody else
    R4    thing 4
            rules/within.test.yaml:7 less than the limit is nothing to speak of
            workflows/request.scenarios.yaml:9 a small request is approved by somebody else
    R5    thing 5
            rules/within.test.yaml:13 more than the limit is not
    R6    thing 6
            workflows/request.scenarios.yaml:17 what is in the fields is looked at to the last part
    R7    thing 7
            workflows/request.scenarios.yaml:17 what is in the fields is looked at to the last part
    R8    thing 8
    7 of 8 requirements are covered
    covered by nothing: R8
    ");
    let with = &[good, "--requirements", list, "--strict", "--format", "json", "--tests", tests.to_str().unwrap()];
    let json: Json = serde_json::from_str(&printed(with, 1)).unwrap();
    assert_eq!((json["uncovered"].to_string(), json["unknown"].to_string()), ("[]".to_owned(), r#"["R9"]"#.to_owned()));
}
