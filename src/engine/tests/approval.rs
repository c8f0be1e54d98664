//! Approvals: who agrees, what ends a request, and that it is judged again (Meaning 8; R10, R109, R110, R125).

use super::*;

const CANCEL: &str = r#"
workflow: job
number: "J{seq:3}"
fields:
  why: { type: text }
  note: { type: text }
  cost: { type: money, default: 0 }
  helper: { type: user }
  open_days: { type: integer, default: 1 }
edit:
  - { stages: all, by: [clerk, boss], fields: [why, note, cost, open_days] }
open: { by: [clerk, service], to: new }
stages:
  new:
    transitions:
      work: { by: clerk, to: busy }
      again: { by: clerk, stay: true, ask: [note] }
      cancel:
        by: [clerk, boss]
        ask: [why!, cost]
        when: '(note ?? "") != "no"'
        approvals:
          - { of: [boss, helper], when: "cost > 10", count: 2 }
          - { of: service, when: "cost > 100" }
        to: gone
        do: [ set: { note: "=actor.user" } ]
      drop: { by: boss, not_by: open, approvals: { of: [clerk, helper] }, stay: true }
  busy:
    transitions:
      rest: { by: clerk, to: new }
  gone: { final: cancelled }
"#;

impl Play {
    #[track_caller]
    fn approve(&mut self, who: &str, expect: &str) -> &mut Self {
        self.step(who, Act::Approve { approve: true, comment: None }, expect)
    }

    #[track_caller]
    fn refuse(&mut self, who: &str, expect: &str) -> &mut Self {
        self.step(who, Act::Approve { approve: false, comment: None }, expect)
    }

    #[track_caller]
    fn asked(&mut self) -> &mut Self {
        let asked = "new: cancel asked cost=50 why=late";
        self.take("ann:clerk+boss", "cancel", json!({ "why": "late", "cost": 50 }), asked)
    }
}

fn opened() -> Play {
    let mut play = Play::new(CANCEL);
    let opened = "new: open helper=hal note=yes open_days=1";
    play.open("ann:clerk", json!({ "note": "yes", "helper": "hal" }), opened);
    play
}

#[test]
fn what_needs_no_approval_is_taken_at_once() {
    opened().take("ann:clerk", "cancel", json!({ "why": "late", "cost": 5 }), "gone: cancel cost=5 note=ann why=late");
}

#[test]
fn a_request_is_judged_and_changes_nothing_until_enough_others_agree() {
    let mut play = opened();
    play.take("ann:clerk", "cancel", json!({ "cost": 50 }), "Invalid: required why")
        .take("eve:service", "cancel", json!({ "why": "late", "cost": 50 }), "Forbidden: role")
        .asked()
        .take("eve:boss", "cancel", json!({ "why": "x", "cost": 60 }), "Conflict: approval_pending")
        .approve("ann:boss", "Forbidden: four_eyes")
        .approve("eve:clerk", "Forbidden: role")
        .approve("bot:boss+system", "Forbidden: four_eyes")
        .approve("bob:boss", "new: agreed")
        .approve("bob:boss", "Forbidden: four_eyes")
        // The transition is taken for who asked for it, with what was asked.
        .approve("hal:", "gone: agreed at last, cancel cost=50 note=ann why=late")
        .approve("eve:boss", "Conflict: no_approval");
    let case = play.case.as_ref().unwrap();
    assert_eq!(case.takers["cancel"], ["ann".into()].into());
    assert_eq!(&*play.history.last().unwrap().by, "ann");
}

#[test]
fn steps_come_one_after_the_other() {
    opened()
        .take("ann:clerk", "cancel", json!({ "why": "late", "cost": 200 }), "new: cancel asked cost=200 why=late")
        .approve("sam:service", "Forbidden: role")
        .approve("bob:boss", "new: agreed")
        .approve("eve:boss", "new: agreed")
        .approve("liz:boss", "Forbidden: role")
        .approve("bob:service", "Forbidden: four_eyes")
        .approve("sam:service", "gone: agreed at last, cancel cost=200 note=ann why=late");
}

#[test]
fn a_refusal_a_withdrawal_another_stage_or_another_question_ends_it() {
    opened()
        .asked()
        .refuse("eve:clerk", "Forbidden: role")
        .refuse("bob:boss", "new: lapsed refused")
        .asked()
        .refuse("ann:clerk", "new: lapsed withdrawn")
        .asked()
        .edit("ann:clerk", json!({ "open_days": 2 }), "new: edit open_days=2")
        .approve("bob:boss", "new: agreed")
        .edit("ann:clerk", json!({ "cost": 2 }), "new: edit cost=2, lapsed changed")
        .approve("eve:boss", "Conflict: no_approval")
        .asked()
        .take("ann:clerk", "again", json!({ "note": "still" }), "new: again note=still")
        .take("ann:clerk", "work", json!({}), "busy: work, lapsed moved")
        .approve("bob:boss", "Conflict: no_approval");
}

#[test]
fn it_is_judged_again_at_the_last_agreement() {
    let mut play = opened();
    play.asked()
        .approve("bob:boss", "new: agreed")
        .edit("ann:clerk", json!({ "note": "no" }), "new: edit note=no")
        .approve("eve:boss", "Conflict: condition")
        .edit("ann:clerk", json!({ "note": "yes" }), "new: edit note=yes");
    // A definition that came since may ask for more than the request did.
    play.definition = definition(&CANCEL.replace("cost > 100", "cost > 20"), &[]);
    play.approve("eve:boss", "Conflict: approval_outdated").refuse("eve:boss", "new: lapsed refused");
}

#[test]
fn four_eyes_bind_who_agrees_too() {
    opened()
        .take("ann:boss", "drop", json!({}), "Forbidden: four_eyes")
        .take("bob:boss", "drop", json!({}), "new: drop asked")
        .approve("ann:clerk", "Forbidden: four_eyes")
        .approve("eve:clerk", "new: agreed at last, drop");
}
