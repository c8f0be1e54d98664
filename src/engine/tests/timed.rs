//! Timed transitions (R86): when they are due, and that each is taken once.

use serde_json::json;

use super::*;

const TIMED: &str = r#"
workflow: job
number: "J{seq:3}"
calendar: berlin
fields:
  due: { type: datetime }
  day: { type: date }
  ready: { type: boolean, default: true }
  why: { type: text }
  nudges: { type: integer, default: 0 }
edit:
  - { stages: all, by: clerk, fields: [due, day, ready, why] }
open: { by: clerk, to: waiting }
stages:
  waiting:
    transitions:
      answer: { by: clerk, to: answered }
      nudge: { at: 1h after entered, stay: true, do: [ set: { nudges: "=(nudges ?? 0) + 1" } ] }
      lapse:
        by: clerk
        at: due
        when: ready ?? false
        to:
          - { when: is_set(why), stage: answered, do: [ set: { why: by default } ] }
          - { stage: gone }
  answered:
    transitions:
      close: { at: "18:00 on the day of day", to: done }
      back: { by: clerk, to: waiting }
      forget: { at: 3 days after entered, to: gone }
  done: { final: success }
  gone: { final: failure }
"#;

const BERLIN: &str =
    "calendar: berlin\ntime_zone: Europe/Berlin\nhours: { mon-fri: [ '09:00-17:00' ] }\nyears: { 2026: {} }\n";

fn timed() -> Play {
    Play::with_rules(TIMED, &[("workflows/calendars/berlin.yaml", BERLIN)])
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

impl Play {
    /// It is `text`, and the engine comes by.
    #[track_caller]
    fn wake(&mut self, text: &str, expect: &str) -> &mut Self {
        self.now = at(text);
        self.step("system:system", Act::Wake, expect)
    }

    /// When it is due after `text`.
    #[track_caller]
    fn due(&mut self, text: &str, expect: &str) -> &mut Self {
        let due = due(&self.definition, self.case.as_ref().unwrap(), at(text));
        assert_eq!(due.map_or_else(|| "never".to_owned(), |due| due.to_string()), expect);
        self
    }
}

#[test]
fn a_case_is_due_when_the_earliest_of_its_transitions_is() {
    timed()
        .open("ann:clerk", json!({}), "waiting: open nudges=0 ready=true")
        .due("2026-09-24T01:00:00Z", "2026-09-24T02:00:00Z")
        .due("2026-09-24T02:00:00Z", "never")
        .edit("ann:clerk", json!({ "due": "2026-09-24T03:30:00+02:00" }), "waiting: edit due=2026-09-24T01:30:00Z")
        .due("2026-09-24T01:00:00Z", "2026-09-24T01:30:00Z")
        .due("2026-09-24T01:30:00Z", "2026-09-24T02:00:00Z")
        .edit("ann:clerk", json!({ "due": null, "day": "2026-10-25" }), "waiting: edit day=2026-10-25 -due")
        .take("ann:clerk", "answer", json!({}), "answered: answer")
        // 18:00 in Berlin is winter time by then.
        .due("2026-09-28T00:00:00Z", "2026-10-25T17:00:00Z")
        .due("2026-09-24T01:00:00Z", "2026-09-27T01:00:00Z");
}

#[test]
fn it_is_taken_at_its_moment_and_not_before() {
    timed()
        .open(
            "ann:clerk",
            json!({ "due": "2026-09-24T01:30:00Z" }),
            "waiting: open due=2026-09-24T01:30:00Z nudges=0 ready=true",
        )
        .wake("2026-09-24T01:29:59.999Z", "waiting: ")
        .wake("2026-09-24T01:30:00Z", "gone: lapse")
        .wake("2026-09-24T09:30:00Z", "gone: ");
}

#[test]
fn late_or_repeated_it_is_taken_once() {
    timed()
        .open("ann:clerk", json!({}), "waiting: open nudges=0 ready=true")
        .wake("2026-09-24T05:00:00Z", "waiting: nudge nudges=1")
        .wake("2026-09-24T05:00:00Z", "waiting: ")
        // The clock jumps back.
        .wake("2026-09-24T02:00:00Z", "waiting: ")
        .wake("2026-09-25T05:00:00Z", "waiting: ")
        .take("ann:clerk", "answer", json!({}), "answered: answer")
        .take("ann:clerk", "back", json!({}), "waiting: back")
        .wake("2026-09-25T05:59:59Z", "waiting: ")
        .wake("2026-09-25T06:00:00Z", "waiting: nudge nudges=2");
}

#[test]
fn what_is_due_and_impossible_stays_due() {
    timed()
        .open(
            "ann:clerk",
            json!({ "due": "2026-09-24T01:30:00Z", "ready": false, "why": "?" }),
            "waiting: open due=2026-09-24T01:30:00Z nudges=0 ready=false why=?",
        )
        .wake("2026-09-24T01:30:00Z", "waiting: ")
        .edit("ann:clerk", json!({ "why": "!" }), "waiting: edit why=!")
        // The event that makes it possible takes it along.
        .edit("ann:clerk", json!({ "ready": true }), "answered: edit ready=true, lapse why=by default");
}

#[test]
fn several_that_were_missed_are_taken_in_their_order() {
    timed()
        .open(
            "ann:clerk",
            json!({ "due": "2026-09-24T03:00:00Z" }),
            "waiting: open due=2026-09-24T03:00:00Z nudges=0 ready=true",
        )
        .wake("2026-09-25T00:00:00Z", "gone: nudge nudges=1, lapse");
}

#[test]
fn people_may_take_it_earlier() {
    timed()
        .open(
            "ann:clerk",
            json!({ "due": "2026-09-24T03:00:00Z" }),
            "waiting: open due=2026-09-24T03:00:00Z nudges=0 ready=true",
        )
        .take("ann:clerk", "nudge", json!({}), "Forbidden: role")
        .take("ann:clerk", "lapse", json!({}), "gone: lapse");
}

#[test]
fn it_is_said_when_the_engine_will_take_it() {
    let mut play = timed();
    play.open(
        "ann:clerk",
        json!({ "due": "2026-09-24T03:00:00Z" }),
        "waiting: open due=2026-09-24T03:00:00Z nudges=0 ready=true",
    );
    let (workflow, case) = (&play.definition.workflows["job"], play.case.as_ref().unwrap());
    let found = available(&play.definition, workflow, case, &actor("ann:clerk"), &play.world, play.now, Language::En);
    let told = found.iter().map(|one| {
        let at = one.at.map(|at| format!(" at {at}")).unwrap_or_default();
        format!("{}{at}", one.transition)
    });
    assert_eq!(
        told.collect::<Vec<_>>().join(", "),
        "answer, nudge at 2026-09-24T02:00:00Z, lapse at 2026-09-24T03:00:00Z, close, back, forget"
    );
}

const SCHEDULED: &str = r#"
workflow: job
number: "J{seq:3}"
calendar: berlin
fields:
  seen: { type: datetime }
  urgent: { type: boolean, default: true }
  count: { type: integer, default: 0 }
edit:
  - { stages: all, by: clerk, fields: [urgent] }
open: { by: clerk, to: waiting }
stages:
  waiting:
    transitions:
      close: { by: clerk, to: done }
      enough: { auto: true, when: (count ?? 0) >= 2, to: done }
  parked: { transitions: { back: { by: clerk, to: waiting } } }
  done: { final: success }
any_stage:
  park: { from: [waiting], by: clerk, to: parked }
schedules:
  daily:
    at: 09:00 every day
    for: { stages: { except: [parked] }, when: urgent ?? false }
    do:
      - set: { seen: "=now", count: "=(count ?? 0) + 1" }
      - comment: seen
"#;

impl Play {
    /// It is `text`, and a schedule comes by that was due at `due`.
    #[track_caller]
    fn scheduled(&mut self, due: &str, text: &str, expect: &str) -> &mut Self {
        self.now = at(text);
        self.step("system:system", Act::Scheduled { schedule: "daily".into(), due: at(due) }, expect)
    }
}

#[test]
fn a_schedule_comes_by_once_for_each_due_time_and_as_if_it_were_then() {
    let mut play = Play::with_rules(SCHEDULED, &[("workflows/calendars/berlin.yaml", BERLIN)]);
    play.open("ann:clerk", json!({}), "waiting: open count=0 urgent=true")
        // It was opened after that.
        .scheduled("2026-09-24T00:59:00Z", "2026-09-24T01:10:00Z", "waiting: ")
        .scheduled(
            "2026-09-24T07:00:00Z",
            "2026-09-24T12:00:00Z",
            "waiting: daily count=1 seen=2026-09-24T07:00:00Z, comment seen",
        )
        .scheduled("2026-09-24T07:00:00Z", "2026-09-24T12:00:01Z", "waiting: ")
        .edit("ann:clerk", json!({ "urgent": false }), "waiting: edit urgent=false")
        .scheduled("2026-09-25T07:00:00Z", "2026-09-25T07:00:00Z", "waiting: ")
        .edit("ann:clerk", json!({ "urgent": true }), "waiting: edit urgent=true")
        .take("ann:clerk", "park", json!({}), "parked: park")
        .scheduled("2026-09-26T07:00:00Z", "2026-09-26T07:00:00Z", "parked: ")
        .take("ann:clerk", "back", json!({}), "waiting: back");
    assert_eq!(play.history[1].at, at("2026-09-24T12:00:00Z"), "the log says when it really was");
    play.scheduled(
        "2026-09-27T07:00:00Z",
        "2026-09-27T08:00:00Z",
        "done: daily count=2 seen=2026-09-27T07:00:00Z, comment seen, enough",
    );
    play.step(
        "ann:clerk",
        Act::Scheduled { schedule: "daily".into(), due: at("2026-09-28T07:00:00Z") },
        "Forbidden: role",
    );
}
