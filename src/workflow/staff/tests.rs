//! Duties and people: a small workflow, some people, and what is said of them.

use std::sync::Arc;

use super::*;
use crate::diagnostic::render;
use crate::workflow::{Files, compile};

const ROLES: &str = "roles: { clerk: Clerk, boss: Boss, head: Head }";
const WORKFLOW: &str = r#"workflow: job
fields:
  rep: { type: user, role: clerk, required: true }
open: { by: [clerk, system], to: new }
stages:
  new:
    tasks:
      pick: { by: [clerk, boss] }
      recheck: { by: clerk, after: pick, not_by: pick }
    transitions:
      submit: { by: rep, to: check }
  check:
    transitions:
      approve: { by: boss, not_by: [open, submit], to: sign }
  sign:
    transitions:
      release: { by: [boss, head], not_by: [submit, approve], to: done }
      drop: { by: boss, approvals: [ { of: [boss, head], count: 2 } ], to: done }
  done: { final: success }
"#;

fn said(people: &str) -> String {
    let mut files = Files::new();
    for (path, text) in [("workflows/roles.yaml", ROLES), ("workflows/job.yaml", WORKFLOW), ("staff.yaml", people)] {
        files.insert(path.into(), Arc::from(text.as_bytes()));
    }
    let definition = compile(&files).definition.unwrap();
    let (staff, mut found) = staff(&"staff.yaml".into(), people.as_bytes(), &definition);
    if found.is_empty() {
        found = duties(&definition, &staff);
    }
    let lines = found.iter().map(|one| {
        let help = one.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}:{} {}{help}", one.code, one.place.file, one.place.line, one.message)
    });
    assert!(render(&found, &files, false).lines().count() > found.len());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn enough_people_meet_every_duty() {
    assert_eq!(said("people: { ann: clerk, eve: clerk, dan: clerk, bob: boss, max: boss, liz: head, kim: head }"), "");
}

#[test]
fn a_duty_that_nobody_is_left_for_is_refused() {
    insta::assert_snapshot!(said("people: { ann: clerk }"), @r"
    E171 workflows/job.yaml:9 too few on the staff may do `recheck` of `job`: it takes another person than `pick` (those who may do: `ann`)
    E171 workflows/job.yaml:14 nobody on the staff may take `approve` of `job` (those who may take: nobody)
    E171 workflows/job.yaml:17 nobody on the staff may take `release` of `job` (those who may take: nobody)
    E171 workflows/job.yaml:18 nobody on the staff may take and approve `drop` of `job` (those who may take: nobody)
    ");
    insta::assert_snapshot!(said("people: { ann: [clerk, boss, head], bob: boss }"), @r"
    W120 workflows/job.yaml:9 nobody could do `recheck` of `job` while `ann` is away (give somebody else the role too)
    W120 workflows/job.yaml:14 nobody could take `approve` of `job` while `bob` is away (give somebody else the role too)
    E171 workflows/job.yaml:17 too few on the staff may take `release` of `job`: it takes another person than `approve` or `submit` (those who may take: `ann` or `bob`)
    E171 workflows/job.yaml:18 too few on the staff may take and approve `drop` of `job`: 2 others must agree (those who may take: `ann` or `bob`)
    ");
}

#[test]
fn one_absence_that_blocks_a_duty_is_told() {
    insta::assert_snapshot!(said("people: { ann: clerk, eve: clerk, bob: boss, max: boss, liz: head }"), @"W120 workflows/job.yaml:18 nobody could take and approve `drop` of `job` while `bob` or `liz` or `max` is away (give somebody else the role too)");
}

#[test]
fn people_have_roles_that_there_are() {
    insta::assert_snapshot!(said("people: { ann: clrk, eve: [clerk, king] }"), @r"
    E102 staff.yaml:1 there is no role `clrk` (did you mean `clerk`?)
    E102 staff.yaml:1 there is no role `king` (known here: admin, boss, clerk, head, system)
    ");
    insta::assert_snapshot!(said("staff: { ann: clerk }"), @r"
    E020 staff.yaml:1 `staff` is not a key of the file of people (known here: people)
    E021 staff.yaml:1 the file of people needs `people`
    ");
}
