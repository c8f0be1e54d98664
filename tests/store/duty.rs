//! Stored bytes of tasks, approvals and absences: what was ever written is read for ever.

use std::path::Path;

use gendan::engine;
use gendan::model::absence::Absence;
use gendan::model::{
    Agreed, ApprovalStep, Approver, Case, Changes, Event, Lapse, Name, Record, Recorded, Revision, Timestamp, Value,
};

use crate::bed::{id, opened, record};

fn happened(version: u64, event: Event) -> Recorded {
    let on_behalf_of = version.is_multiple_of(2).then(|| Name::from("wang"));
    let (at, revision) = (Timestamp(i64::try_from(version).unwrap() * 1_000), Revision("r1".into()));
    Recorded { version, at, by: "li".into(), on_behalf_of, revision, event, because: Vec::new() }
}

fn changes() -> Changes {
    Changes { set: record("name", "名"), clear: vec!["note".into()] }
}

/// One of every event, in an order in which they can follow.
fn history() -> Vec<Recorded> {
    let steps = vec![ApprovalStep {
        of: vec![Approver::Role("boss".into()), Approver::Field("rep".into())],
        count: 2,
        given: Vec::new(),
    }];
    let asked = |comment: Option<Name>| Event::ApprovalRequested {
        transition: "cancel".into(),
        roles: ["clerk".into()].into(),
        input: changes(),
        steps: steps.clone(),
        comment,
    };
    let events = vec![
        opened("W1"),
        Event::TaskOpened { task: "pick".into(), round: 1, attempt: 1 },
        Event::TaskClaimed { task: "pick".into() },
        Event::TaskReleased { task: "pick".into() },
        Event::TaskCompleted {
            task: "pick".into(),
            rows: vec![[("count".into(), Value::Integer(2))].into_iter().collect::<Record>()],
            redo: Some("pick".into()),
            changes: changes(),
            comment: Some("done".into()),
        },
        Event::TaskReopened { task: "pick".into(), attempt: 2, waiting: vec!["pack".into()] },
        Event::TaskDropped { task: "pick".into() },
        asked(Some("please".into())),
        Event::ApprovalLapsed { transition: "cancel".into(), why: Lapse::Withdrawn, comment: None },
        asked(None),
        Event::ApprovalGiven { transition: "cancel".into(), last: false, comment: Some("fine".into()) },
    ];
    (1..).zip(events).map(|(version, event)| happened(version, event)).collect()
}

fn lines() -> Vec<String> {
    let history = history();
    let case = engine::fold(id(1), &history).unwrap();
    let absence = Absence { from: Timestamp(1), until: Some(Timestamp(2)), delegate: "eve".into() };
    let mut lines: Vec<String> = history.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    lines.push(serde_json::to_string(&case).unwrap());
    lines.push(serde_json::to_string(&absence.to_row()).unwrap());
    lines
}

#[test]
fn duties_are_written_and_read_as_they_always_were() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/duty-1.jsonl");
    let written = lines().join("\n") + "\n";
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if written != known {
        std::fs::write(path.with_extension("new"), &written).unwrap();
        panic!("the stored form has changed; compare {0} with {0} as `.new`", path.display());
    }
    let mut read = known.lines();
    for event in history() {
        assert_eq!(serde_json::from_str::<Recorded>(read.next().unwrap()).unwrap(), event);
    }
    let case = engine::fold(id(1), &history()).unwrap();
    assert_eq!(serde_json::from_str::<Case>(read.next().unwrap()).unwrap(), case);
    let task = &case.tasks["pick"];
    assert_eq!((task.attempt, &*task.doers.iter().cloned().collect::<Vec<_>>().join(" ")), (2, "li"));
    let agreed = Agreed { by: "li".into(), on_behalf_of: None };
    assert_eq!(case.approval.as_ref().unwrap().steps[0].given, [agreed]);
    let row: Record = serde_json::from_str(read.next().unwrap()).unwrap();
    assert_eq!(Absence::from_row(&row).unwrap().delegate, "eve".into());
}

#[test]
fn what_was_written_before_there_were_tasks_is_read() {
    let mut case = serde_json::to_value(engine::fold(id(1), &history()[..1]).unwrap()).unwrap();
    let object = case.as_object_mut().unwrap();
    assert!(!object.contains_key("tasks") && !object.contains_key("approval"), "nothing is written where nothing is");
    assert_eq!(serde_json::from_value::<Case>(case).unwrap().tasks.len(), 0);
}
