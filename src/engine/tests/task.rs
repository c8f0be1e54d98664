//! Tasks: rounds, attempts, four eyes, rows and outcomes (Meanings 1, 2, 8 and 9; R52, R68-R71).

use super::*;
use crate::model::TaskStep;

const SHIP: &str = r#"
workflow: job
number: "J{seq:3}"
fields:
  helper: { type: user }
  note: { type: text }
  days: { type: integer, min: 1 }
  found: { type: text }
  checked_by: { type: text }
  lines:
    type: list
    of:
      thing: { type: reference, table: things, required: true }
      pieces: { type: integer, default: 1 }
open: { by: [clerk, service], to: new }
stages:
  new:
    owner: boss
    tasks:
      tell: { by: helper, do: [ comment: told ] }
    transitions:
      start: { by: clerk, to: packing }
  packing:
    owner: clerk
    tasks:
      pick: { title: { zh: 拣货, en: Pick }, by: [clerk, service], each: lines, ask: [thing, pieces, { batch: { type: text, required: true } }] }
      recheck:
        by: [clerk, boss]
        after: pick
        not_by: pick
        each: lines
        ask: [thing!, pieces!, { batch: { type: text, required: true } }]
        outcome:
          - { when: rows == tasks.pick.rows, result: done }
          - { redo: pick, do: [ set: { found: "=`${tasks.pick.attempts} by ${tasks.pick.by ?? \"\"}`" } ] }
        do: [ set: { checked_by: "=actor.user" } ]
      pack: { by: clerk, after: recheck, when: 'note != "stop"', ask: [note!] }
      estimate: { by: boss, not_by: open, ask: [days!, { sure: { type: boolean, required: true } }], checks: [ { need: "days < 10", say: { zh: 太久, en: too long } } ] }
    transitions:
      back: { by: boss, to: new }
      sent: { auto: true, when: tasks_done && tasks.pick.rows.len() > 0, to: done }
  done: { final: success }
"#;

pub(super) fn claim() -> TaskStep {
    TaskStep::Claim
}

pub(super) fn done(json: Json) -> TaskStep {
    TaskStep::Complete { input: input(json), comment: None }
}

impl Play {
    #[track_caller]
    fn task(&mut self, who: &str, task: &str, step: TaskStep, expect: &str) -> &mut Self {
        self.step(who, Act::Task { task: task.into(), step }, expect)
    }
}

fn picking() -> Play {
    let mut play = Play::new(SHIP);
    let lines = json!([{ "thing": "a", "pieces": 2 }, { "thing": "b" }]);
    let opened = "new: open helper=hal lines=[{pieces:2,thing:a},{pieces:1,thing:b}], tell opens";
    play.open("ann:clerk", json!({ "lines": lines, "helper": "hal" }), opened).take(
        "ann:clerk",
        "start",
        json!({}),
        "packing: start, tell drops, pick opens, estimate opens",
    );
    play
}

fn rows(batches: [&str; 2], pieces: i64) -> Json {
    let row = |thing: &str, pieces: i64, batch: &str| json!({ "thing": thing, "pieces": pieces, "batch": batch });
    json!({ "rows": [row("a", pieces, batches[0]), row("b", 1, batches[1])] })
}

#[test]
fn tasks_of_a_stage_are_parallel_unless_after_and_all_done_lets_the_case_go() {
    picking()
        .task("ann:clerk", "recheck", done(json!({})), "Conflict: task_waiting")
        .task("ann:clerk", "tell", done(json!({})), "Conflict: wrong_stage")
        .task("ann:clerk", "pik", done(json!({})), "Unknown: unknown_task")
        .task("bob:boss", "pick", done(json!({})), "Forbidden: role")
        .task("ann:clerk", "pick", done(json!({})), "Invalid: required rows[0].batch, required rows[1].batch")
        // What is left out stays as it was in the list.
        .task(
            "ann:clerk",
            "pick",
            done(json!({ "rows": [{ "batch": "x" }, { "batch": "y", "pieces": 1 }] })),
            "packing: pick does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
        )
        .task("ann:clerk", "pick", done(json!({})), "Conflict: task_done")
        .task(
            "eve:clerk",
            "recheck",
            done(rows(["x", "y"], 2)),
            "packing: recheck does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}] checked_by=eve, pack opens",
        )
        .task("ann:clerk", "pack", done(json!({})), "Invalid: required note")
        .task("ann:clerk", "pack", done(json!({ "note": "stop" })), "Conflict: condition")
        .task("ann:clerk", "pack", done(json!({ "note": "go" })), "packing: pack does [] note=go")
        .task(
            "bob:boss",
            "estimate",
            done(json!({ "days": 3, "sure": false })),
            "done: estimate does [{sure:false}] days=3, sent",
        );
}

#[test]
fn what_a_task_asks_is_read_and_judged_like_any_input() {
    picking()
        .task("bob:boss", "estimate", done(json!({})), "Invalid: required days, required sure")
        .task(
            "bob:boss",
            "estimate",
            done(json!({ "days": 0, "sure": 1 })),
            "Invalid: too_small days, not_a_boolean sure",
        )
        .task(
            "bob:boss",
            "estimate",
            done(json!({ "days": 1, "sure": true, "note": "x" })),
            "Invalid: not_taken_here note",
        )
        .task("bob:boss", "estimate", done(json!({ "days": 1, "sure": true, "dys": 1 })), "Invalid: unknown_field dys")
        .task("bob:boss", "estimate", done(json!({ "days": 10, "sure": true })), "Invalid: need")
        .task("ann:clerk", "pick", done(json!({ "rows": [{}] })), "Invalid: wrong_count rows")
        .task(
            "ann:clerk",
            "pick",
            done(json!({ "rows": [1, { "thing": "zzz", "batch": "y", "colour": "red" }] })),
            "Invalid: not_a_row rows[0], unknown_reference rows[1].thing, unknown_field rows[1].colour, \
             required rows[0].batch",
        );
}

#[test]
fn meaning_8_four_eyes_count_everyone_who_did_the_task_in_the_present_round() {
    let mut play = picking();
    let pick = |batch: &str| done(rows([batch, "y"], 2));
    play.task(
        "ann:clerk",
        "pick",
        pick("x"),
        "packing: pick does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
    )
    .task("ann:clerk", "recheck", done(json!({})), "Forbidden: four_eyes")
    .task("ann:clerk+boss", "recheck", claim(), "Forbidden: four_eyes")
    .task("bot:boss+system", "recheck", done(rows(["x", "y"], 2)), "Forbidden: four_eyes")
    .task("ann:boss", "estimate", done(json!({ "days": 1, "sure": true })), "Forbidden: four_eyes")
    // A mismatch opens the pick again, and who picked once may not recheck in this round (R70).
    .task(
        "eve:clerk",
        "recheck",
        done(rows(["z", "y"], 2)),
        "packing: recheck does [{batch:z,pieces:2,thing:a},{batch:y,pieces:1,thing:b}] found=1 by ann redo pick, \
         pick again 2 (recheck)",
    )
    .task("eve:clerk", "recheck", done(json!({})), "Conflict: task_waiting")
    .task(
        "dan:clerk",
        "pick",
        pick("z"),
        "packing: pick does [{batch:z,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
    )
    .task("ann:clerk", "recheck", done(rows(["z", "y"], 2)), "Forbidden: four_eyes")
    .task("dan:clerk", "recheck", done(rows(["z", "y"], 2)), "Forbidden: four_eyes");
    assert_eq!(play.case.as_ref().unwrap().tasks["recheck"].attempt, 2);
}

#[test]
fn meaning_9_leaving_drops_what_is_open_and_coming_back_is_a_new_round() {
    let mut play = picking();
    play.task("ann:clerk", "pick", claim(), "packing: pick claimed")
        .take("bob:boss", "back", json!({}), "new: back, estimate drops, pick drops, tell opens")
        .task("ann:clerk", "pick", done(json!({})), "Conflict: wrong_stage")
        .task("ann:clerk", "tell", done(json!({})), "Forbidden: role")
        .task("hal:", "tell", done(json!({})), "new: tell does [], comment told")
        .take("ann:clerk", "start", json!({}), "packing: start, pick opens, estimate opens");
    let tasks = &play.case.as_ref().unwrap().tasks;
    assert_eq!((tasks["pick"].round, tasks["pick"].claimed_by.as_deref()), (2, None));
    // Whoever did it in another round is not counted any more.
    play.task(
        "ann:clerk",
        "pick",
        done(rows(["x", "y"], 2)),
        "packing: pick does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
    )
    .take("bob:boss", "back", json!({}), "new: back, estimate drops, recheck drops, tell opens")
    .take("ann:clerk", "start", json!({}), "packing: start, tell drops, pick opens, estimate opens")
    .task(
        "eve:clerk",
        "pick",
        done(rows(["x", "y"], 2)),
        "packing: pick does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
    )
    .task(
        "ann:clerk",
        "recheck",
        done(rows(["x", "y"], 2)),
        "packing: recheck does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}] checked_by=ann, pack opens",
    );
}

#[test]
fn a_claim_keeps_a_task_for_its_claimer_until_it_is_released() {
    picking()
        .task("bob:boss", "pick", claim(), "Forbidden: role")
        .task("ann:clerk", "recheck", claim(), "Conflict: task_waiting")
        .task("bot:service", "pick", claim(), "packing: pick claimed")
        .task("bot:service", "pick", claim(), "packing: ")
        .task("ann:clerk", "pick", claim(), "Conflict: claimed")
        .task("ann:clerk", "pick", done(json!({})), "Conflict: claimed")
        .task("bob:boss", "pick", TaskStep::Release, "Forbidden: claimed")
        // The stage waits for clerks: they may take a claim from somebody who left it lying.
        .task("ann:clerk", "pick", TaskStep::Release, "packing: pick released")
        .task("ann:clerk", "pick", TaskStep::Release, "packing: ")
        .task("bot:service", "pick", claim(), "packing: pick claimed")
        .task("root:admin", "pick", TaskStep::Release, "packing: pick released")
        .task("ann:clerk", "pick", claim(), "packing: pick claimed")
        .task(
            "ann:clerk",
            "pick",
            done(rows(["x", "y"], 2)),
            "packing: pick does [{batch:x,pieces:2,thing:a},{batch:y,pieces:1,thing:b}], recheck opens",
        );
}

#[test]
fn a_new_definition_opens_its_tasks_at_the_next_step() {
    let bare = SHIP.replace("      tell: { by: helper, do: [ comment: told ] }\n", "      other: { by: boss }\n");
    let mut play = Play::new(&bare);
    play.open("ann:clerk", json!({ "helper": "hal" }), "new: open helper=hal, other opens");
    play.definition = definition(SHIP, &[]);
    // The old task is not one of the stage any more; it is dropped when the case moves on.
    play.task("bob:boss", "other", done(json!({})), "Unknown: unknown_task").take(
        "ann:clerk",
        "start",
        json!({}),
        "packing: start, other drops, pick opens, estimate opens",
    );
}

const DAILY: &str = r#"
workflow: job
number: "J{seq:3}"
open: { by: clerk, to: moving }
stages:
  moving:
    tasks:
      look: { by: clerk, again: "09:00 every day", ask: [ { fine: { type: boolean, required: true } } ] }
      call: { by: clerk }
    transitions:
      arrive: { by: clerk, when: tasks_done, to: done }
  done: { final: success }
"#;

#[test]
fn a_repeating_task_comes_again_at_its_time() {
    let mut play = Play::new(DAILY);
    let fine = || done(json!({ "fine": true }));
    let at = |text: &str| Timestamp::parse(text).unwrap();
    play.open("ann:clerk", json!({}), "moving: open, look opens, call opens");
    assert_eq!(due(&play), None);
    play.task("ann:clerk", "look", fine(), "moving: look does [{fine:true}]").task(
        "ann:clerk",
        "call",
        done(json!({})),
        "moving: call does []",
    );
    assert_eq!(due(&play), Some(at("2026-09-24T09:00:00Z")));
    play.step("ann:clerk", Act::Wake, "Forbidden: role").step("system:system", Act::Wake, "moving: ");
    // Late, and once only, however many mornings were missed.
    play.now = at("2026-09-26T09:00:00Z");
    play.step("system:system", Act::Wake, "moving: look again 2 ()")
        .step("system:system", Act::Wake, "moving: ")
        .take("ann:clerk", "arrive", json!({}), "Conflict: condition")
        .task("ann:clerk", "look", fine(), "moving: look does [{fine:true}]");
    assert_eq!(due(&play), Some(at("2026-09-27T09:00:00Z")));
    play.take("ann:clerk", "arrive", json!({}), "done: arrive");
    assert_eq!(due(&play), None);
}

fn due(play: &Play) -> Option<Timestamp> {
    let case = play.case.as_ref().unwrap();
    crate::engine::task::due(&play.definition.workflows[&case.workflow], case).min()
}
