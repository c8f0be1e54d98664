//! Clocks in the store: what was ever written of them is read.

use std::path::Path;

use gendan::engine;
use gendan::model::{Case, ClockChange, Event, Outcome, Recorded, Timestamp};

use crate::bed::{event as happened, id, opened};

fn clock(number: u32, change: ClockChange, cause: &str) -> Event {
    Event::Clock { sla: "answer".into(), number, change, cause: cause.into() }
}

fn history() -> Vec<Recorded> {
    let due = Some(Timestamp(9));
    let events = [
        opened("W1"),
        clock(1, ClockChange::Started { due }, "opened"),
        clock(1, ClockChange::Paused, "waiting"),
        clock(1, ClockChange::Resumed { due: Some(Timestamp(10)) }, "review"),
        clock(1, ClockChange::Moved { from: Some(Timestamp(10)), to: Some(Timestamp(11)) }, "calendar"),
        clock(1, ClockChange::Warned { due: Timestamp(11) }, "time"),
        clock(1, ClockChange::Breached { due: Timestamp(11), rung: 1 }, "time"),
        Event::Escalated { to: "boss".into(), owner: Some("li".into()), sla: Some("answer".into()) },
        clock(1, ClockChange::MetLate { due: Some(Timestamp(11)) }, "pass"),
        clock(2, ClockChange::Started { due: None }, "opened"),
        clock(2, ClockChange::Undetermined { year: 2027 }, "calendar"),
        clock(2, ClockChange::Void, "dropped"),
        clock(3, ClockChange::Started { due }, "opened"),
        clock(3, ClockChange::Met { due }, "pass"),
        Event::Escalated { to: "boss".into(), owner: None, sla: None },
    ];
    (1..).zip(events).map(|(version, event)| happened(version, event)).collect()
}

#[test]
fn clocks_are_written_and_read_as_they_always_were() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/clock-1.jsonl");
    let case = engine::fold(id(1), &history()).unwrap();
    let mut lines: Vec<String> = history().iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    lines.push(serde_json::to_string(&case).unwrap());
    let written = lines.join("\n") + "\n";
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if written != known {
        std::fs::write(path.with_extension("new"), &written).unwrap();
        panic!("the stored form has changed; compare {0} with {0} as `.new`", path.display());
    }
    let mut read = known.lines();
    for event in history() {
        assert_eq!(serde_json::from_str::<Recorded>(read.next().unwrap()).unwrap(), event);
    }
    assert_eq!(serde_json::from_str::<Case>(read.next().unwrap()).unwrap(), case);
    let ends: Vec<Option<Outcome>> = case.clocks.iter().map(|clock| clock.closed.map(|closed| closed.how)).collect();
    assert_eq!(ends, [Some(Outcome::MetLate), Some(Outcome::Void), Some(Outcome::Met)]);
}

#[test]
fn what_was_written_before_there_were_clocks_is_read() {
    let case = serde_json::to_value(engine::fold(id(1), &history()[..1]).unwrap()).unwrap();
    assert!(!case.as_object().unwrap().contains_key("clocks"), "nothing is written where nothing is");
    assert_eq!(serde_json::from_value::<Case>(case).unwrap().clocks, []);
}
