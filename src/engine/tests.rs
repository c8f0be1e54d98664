//! The numbered meanings of the language, one table after the other: a small workflow, steps, and what came out.

mod approval;
mod notify;
mod resource;
mod sla;
mod task;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::model::command::Input;
use crate::model::limit::RULE_OPERATIONS_MAX;
use crate::model::{Actor, Budget, CaseId, Event, Language, Mode, Pool, Record, Value};
use crate::workflow::{Files, compile};

/// Tables and unique values that a test makes up.
#[derive(Default)]
struct TestWorld {
    rows: BTreeMap<(String, String), Arc<Record>>,
    holders: BTreeMap<(String, String), CaseId>,
    pools: BTreeMap<(String, String), Pool>,
}

impl World for TestWorld {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.rows.get(&(table.to_owned(), key.to_owned())).cloned()
    }

    fn holder(&self, _: &str, field: &str, value: &str) -> Option<CaseId> {
        self.holders.get(&(field.to_owned(), value.to_owned())).copied()
    }

    fn budget(&self) -> Budget {
        Budget::operations(RULE_OPERATIONS_MAX)
    }

    fn pool(&self, resource: &str, key: &str) -> Pool {
        self.pools.get(&(resource.to_owned(), key.to_owned())).cloned().unwrap_or_default()
    }
}

mod kin;

const ROLES: &str = "roles: { clerk: Clerk, boss: Boss, service: Service }";
const TABLES: &str = "
tables:
  things:
    key: code
    columns:
      code: { type: text }
      name: { type: text, required: true }
      least: { type: money, required: true }
";

fn definition(workflow: &str, rules: &[(&str, &str)]) -> Definition {
    let mut files = Files::new();
    let mut put = |path: &str, text: &str| drop(files.insert(path.into(), Arc::from(text.as_bytes())));
    put("workflows/roles.yaml", ROLES);
    put("workflows/tables.yaml", TABLES);
    put("workflows/job.yaml", workflow);
    for (path, text) in rules {
        put(path, text);
    }
    let compiled = compile(&files);
    let errors: Vec<_> =
        compiled.diagnostics.iter().filter(|found| found.level == crate::diagnostic::Level::Error).collect();
    compiled.definition.unwrap_or_else(|| panic!("{errors:#?}"))
}

fn world() -> Arc<dyn World> {
    Arc::new(test_world())
}

fn test_world() -> TestWorld {
    let mut world = TestWorld::default();
    for (code, name, least) in [("a", "Anvil", "10"), ("b", "Bolt", "0.5")] {
        let row = [
            ("code", Value::text(code)),
            ("name", Value::text(name)),
            ("least", Value::Decimal(least.parse().unwrap())),
        ];
        let row = row.into_iter().map(|(name, value)| (name.into(), value)).collect::<Record>();
        world.rows.insert(("things".into(), code.into()), Arc::new(row));
    }
    world.holders.insert(("key".into(), "TAKEN".into()), CaseId::new(7, 7));
    world
}

/// `ann:clerk` or `ann:clerk+boss`.
fn actor(who: &str) -> Actor {
    let (user, roles) = who.split_once(':').unwrap_or((who, ""));
    Actor::new(user, &roles.split('+').collect::<Vec<_>>())
}

fn input(json: Json) -> Input {
    json.as_object().cloned().unwrap_or_default()
}

fn now() -> Timestamp {
    Timestamp::parse("2026-09-24T01:00:00Z").unwrap()
}

/// A case on its way through a workflow.
struct Play {
    definition: Definition,
    world: Arc<dyn World>,
    case: Option<Case>,
    history: Vec<Recorded>,
    now: Timestamp,
}

impl Play {
    fn new(workflow: &str) -> Self {
        Self::with_rules(workflow, &[])
    }

    fn with_rules(workflow: &str, rules: &[(&str, &str)]) -> Self {
        Self { definition: definition(workflow, rules), world: world(), case: None, history: Vec::new(), now: now() }
    }

    #[track_caller]
    fn step(&mut self, who: &str, act: Act, expect: &str) -> &mut Self {
        let command = Command { actor: actor(who), act };
        let said = match decide(&self.definition, self.case.as_ref(), &command, &self.world, self.now) {
            Ok(decision) => {
                self.history.extend(decision.events.clone());
                let folded = fold(decision.case.id, &self.history);
                assert_eq!(folded.as_ref(), Some(&decision.case), "fold(events) == snapshot");
                self.case = Some(decision.case.clone());
                told(&decision)
            }
            Err(refusal) => refused(&refusal),
        };
        assert_eq!(said, expect);
        self
    }

    #[track_caller]
    fn open(&mut self, who: &str, fields: Json, expect: &str) -> &mut Self {
        let (id, workflow) = (CaseId::new(1, 1), "job".into());
        self.step(who, Act::Open { id, workflow, sequence: 1, fields: input(fields), comment: None }, expect)
    }

    #[track_caller]
    fn take(&mut self, who: &str, transition: &str, given: Json, expect: &str) -> &mut Self {
        self.step(who, Act::Take { transition: transition.into(), input: input(given), comment: None }, expect)
    }

    #[track_caller]
    fn edit(&mut self, who: &str, fields: Json, expect: &str) -> &mut Self {
        self.step(who, Act::Edit { fields: input(fields), comment: None }, expect)
    }
}

/// `stage: what changed in each event`.
fn told(decision: &Decision) -> String {
    let events = decision.events.iter().map(|recorded| match &recorded.event {
        Event::Opened { changes, .. } => format!("open {}", changed(changes)),
        Event::Taken { transition, changes, .. } => format!("{transition} {}", changed(changes)),
        Event::Edited { changes, .. } => format!("edit {}", changed(changes)),
        Event::Commented { text } => format!("comment {text}"),
        Event::ChildOpened { child } => format!("child {}", child.case.number),
        Event::Signalled { to, transition } => format!("signal {} {transition}", to.number),
        Event::Scheduled { schedule, changes, .. } => format!("{schedule} {}", changed(changes)),
        event @ (Event::Reserved { .. } | Event::Released { .. } | Event::Consumed { .. } | Event::Put { .. }) => {
            resource::moved(event)
        }
        Event::TaskOpened { task, .. } => format!("{task} opens"),
        Event::TaskClaimed { task } => format!("{task} claimed"),
        Event::TaskReleased { task } => format!("{task} released"),
        Event::TaskCompleted { task, rows, redo, changes, .. } => {
            let rows: Json = rows.iter().map(Record::to_json).collect();
            let redo = redo.as_ref().map(|redo| format!(" redo {redo}")).unwrap_or_default();
            format!("{task} does {} {}", rows.to_string().replace('"', ""), changed(changes)).trim().to_owned()
                + redo.as_str()
        }
        Event::TaskReopened { task, attempt, waiting } => format!("{task} again {attempt} ({})", waiting.join(" ")),
        Event::TaskDropped { task } => format!("{task} drops"),
        Event::ApprovalRequested { transition, input, .. } => format!("{transition} asked {}", changed(input)),
        Event::ApprovalGiven { last, .. } => if *last { "agreed at last" } else { "agreed" }.to_owned(),
        Event::ApprovalLapsed { why, .. } => format!("lapsed {}", why.word()),
        Event::Clock { sla, number, change, .. } => format!("{sla}#{number} {}", change.kind()),
        Event::Escalated { to, .. } => format!("escalated to {to}"),
        Event::Attached { attachment } => format!("attach {}", attachment.name),
        Event::Notified { notice } => format!("notify {}", notice.message),
        Event::Issued { document, number, .. } => format!("issue {document} {number}"),
    });
    format!("{}: {}", decision.case.stage, events.map(|event| event.trim().to_owned()).collect::<Vec<_>>().join(", "))
}

fn changed(changes: &crate::model::Changes) -> String {
    let set = changes.set.iter().map(|(name, value)| format!("{name}={}", value.to_json()));
    set.chain(changes.clear.iter().map(|name| format!("-{name}"))).collect::<Vec<_>>().join(" ").replace('"', "")
}

fn refused(refusal: &Refusal) -> String {
    let reasons = refusal.reasons.iter().map(|reason| {
        let at = if reason.path.is_empty() { String::new() } else { format!(" {}", reason.path) };
        format!("{}{at}", reason.code)
    });
    format!("{:?}: {}", refusal.kind(), reasons.collect::<Vec<_>>().join(", "))
}

const PLAIN: &str = r#"
workflow: job
number: "J{seq:3}"
settings: { most: 20 }
fields:
  key: { type: text, unique: true }
  helper: { type: user }
  agreed: { type: boolean }
  why: { type: text }
  first: { type: text, write: once }
  count: { type: integer, min: 1, required: true }
  price: { type: money, default: 2 }
  total: { type: money, formula: "count * (price ?? 0)" }
  dear: { type: boolean, formula: "total > setting.most" }
  due: { type: datetime, default: "17:00 today" }
  log: { type: list, append_only: true, of: { text: { type: text, required: true } } }
  lines:
    type: list
    of:
      thing: { type: reference, table: things, required: true }
      pieces: { type: integer, default: 1 }
      worth: { type: money, formula: "line.thing.least * line.pieces" }
    subsets: { many: "line.pieces > 1" }
  bulk: { type: integer, formula: "lines.many.len()" }
edit:
  - { stages: [new], by: [clerk, helper], fields: [count, helper, lines, log, why, key] }
open: { by: [clerk, service], to: new }
stages:
  new:
    owner: clerk
    transitions:
      submit: { by: [clerk, helper], to: check, do: [ set: { first: '=why ?? "none"' } ] }
  check:
    owner: boss
    transitions:
      approve:
        by: [boss, system]
        not_by: [open, submit]
        ask: [agreed!, log]
        change: [count]
        when: agreed
        to:
          - { when: dear, stage: costly, do: [ set: { why: dear }, comment: costs too much ] }
          - { stage: done }
        do: [ set: { helper: "=actor.user" } ]
      back: { by: boss, ask: [due, why!], to: new }
      nod: { by: boss, stay: true, ask: [log!] }
  costly: { final: failure }
  done: { final: success }
any_stage:
  drop: { from: { except: [check] }, by: clerk, to: dropped }
"#;

const DROPPED: &str = "  dropped: { final: cancelled }\nany_stage:";

fn plain() -> Play {
    Play::new(&PLAIN.replace("any_stage:", DROPPED))
}

#[test]
fn a_case_is_opened_with_defaults_and_formulas() {
    plain().open("ann:clerk", json!({ "count": 3 }), "new: open bulk=0 count=3 dear=false price=2 total=6");
    plain().open(
        "ann:clerk",
        json!({ "count": 1, "lines": [{ "thing": "a" }, { "thing": "b", "pieces": 4 }] }),
        "new: open bulk=1 count=1 dear=false lines=[{pieces:1,thing:a,worth:10},{pieces:4,thing:b,worth:2}] price=2 total=2",
    );
}

#[test]
fn an_opening_is_judged_like_any_transition_and_tells_every_mistake() {
    plain()
        .open("bob:boss", json!({ "count": 3 }), "Forbidden: role")
        .open("ann:clerk", json!({}), "Invalid: required count")
        .open(
            "ann:clerk",
            json!({ "count": 0, "total": 5, "cuont": 1, "lines": [{ "thing": "zzz" }, {}], "due": "x" }),
            "Invalid: computed total, unknown_field cuont, not_taken_here due, too_small count, \
             unknown_reference lines[0].thing, required lines[1].thing",
        )
        .open("ann:clerk", json!({ "count": 1, "key": "TAKEN" }), "Conflict: taken key")
        .open("ann:clerk", json!({ "count": 1, "first": "x" }), "Invalid: not_taken_here first");
}

#[test]
fn meaning_2_stage_role_duty_input_and_condition_all_must_hold() {
    let mut play = plain();
    play.open("ann:clerk", json!({ "count": 3 }), "new: open bulk=0 count=3 dear=false price=2 total=6")
        .take("ann:clerk", "approve", json!({}), "Conflict: wrong_stage")
        .take("ann:clerk", "aprove", json!({}), "Unknown: unknown_transition")
        .take("bob:boss", "submit", json!({}), "Forbidden: role")
        .take("ann:clerk", "submit", json!({ "why": "x" }), "Invalid: not_taken_here why")
        .take("ann:clerk", "submit", json!({}), "check: submit first=none")
        .take("ann:clerk+boss", "approve", json!({ "agreed": true }), "Forbidden: four_eyes")
        .take("bot:system", "approve", json!({ "agreed": true }), "Forbidden: four_eyes")
        .take("bob:boss", "approve", json!({}), "Invalid: required agreed")
        .take("bob:boss", "approve", json!({ "agreed": false }), "Conflict: condition")
        .take(
            "bob:boss",
            "approve",
            json!({ "agreed": true, "count": 4 }),
            "done: approve agreed=true count=4 helper=bob total=8",
        )
        .take("bob:boss", "approve", json!({ "agreed": true }), "Conflict: wrong_stage");
}

#[test]
fn a_person_in_a_user_field_may_stand_wherever_a_role_may() {
    let mut play = plain();
    play.open(
        "ann:clerk",
        json!({ "count": 3, "helper": "eve" }),
        "new: open bulk=0 count=3 dear=false helper=eve price=2 total=6",
    )
    .take("dan:", "submit", json!({}), "Forbidden: role")
    .edit("eve:", json!({ "why": "rush" }), "new: edit why=rush")
    .take("eve:", "submit", json!({}), "check: submit first=rush")
    // Four eyes count everyone who ever took it, whichever way they were allowed to.
    .take("eve:boss", "approve", json!({ "agreed": true }), "Forbidden: four_eyes");
}

#[test]
fn meaning_5_a_branch_acts_before_its_transition_and_a_failure_changes_nothing() {
    let mut play = plain();
    play.open("ann:clerk", json!({ "count": 11 }), "new: open bulk=0 count=11 dear=true price=2 total=22")
        .take("ann:clerk", "submit", json!({}), "check: submit first=none")
        .take(
            "bob:boss",
            "approve",
            json!({ "agreed": true }),
            "costly: approve agreed=true helper=bob why=dear, comment costs too much",
        )
        .take("ann:clerk", "drop", json!({}), "Conflict: wrong_stage");
}

#[test]
fn lists_that_only_grow_are_added_to_and_first_values_stay() {
    let mut play = plain();
    play.open(
        "ann:clerk",
        json!({ "count": 1, "why": "one" }),
        "new: open bulk=0 count=1 dear=false price=2 total=2 why=one",
    )
    .take("ann:clerk", "submit", json!({}), "check: submit first=one")
    .take("bob:boss", "nod", json!({}), "Invalid: required log")
    .take("bob:boss", "nod", json!({ "log": [{ "text": "a" }] }), "check: nod log=[{text:a}]")
    .take("bob:boss", "nod", json!({ "log": [{ "text": "b" }] }), "check: nod log=[{text:a},{text:b}]")
    .take("bob:boss", "nod", json!({ "log": null }), "Invalid: write_once log")
    .take(
        "bob:boss",
        "back",
        json!({ "why": "two" }),
        "new: back due=2026-09-24T09:00:00Z why=two".replace("09:00", "17:00").as_str(),
    )
    .take("ann:clerk", "submit", json!({}), "check: submit");
}

#[test]
fn a_default_that_is_past_when_it_is_asked_must_be_answered() {
    let mut play = plain();
    play.open("ann:clerk", json!({ "count": 1 }), "new: open bulk=0 count=1 dear=false price=2 total=2").take(
        "ann:clerk",
        "submit",
        json!({}),
        "check: submit first=none",
    );
    play.now = Timestamp::parse("2026-09-24T18:00:00Z").unwrap();
    play.take("bob:boss", "back", json!({ "why": "late" }), "Invalid: required due").take(
        "bob:boss",
        "back",
        json!({ "why": "late", "due": "2026-09-25 08:00" }),
        "new: back due=2026-09-25T08:00:00Z why=late",
    );
}

#[test]
fn fields_are_edited_only_where_and_by_whom_it_is_granted() {
    let mut play = plain();
    play.open("ann:clerk", json!({ "count": 1 }), "new: open bulk=0 count=1 dear=false price=2 total=2")
        .edit("bob:boss", json!({ "count": 2 }), "Forbidden: not_editable count")
        .edit("ann:clerk", json!({ "price": 2 }), "Forbidden: not_editable price")
        .edit("ann:clerk", json!({ "count": null }), "Invalid: required count")
        .edit("ann:clerk", json!({ "count": 1 }), "new: ")
        .edit("ann:clerk", json!({ "count": 20, "key": "K" }), "new: edit count=20 dear=true key=K total=40")
        .edit("ann:clerk", json!({ "key": "TAKEN" }), "Conflict: taken key")
        .take("ann:clerk", "submit", json!({}), "check: submit first=none")
        .edit("ann:clerk", json!({ "count": 2 }), "Forbidden: not_editable count");
}

#[test]
fn unique_values_are_held_and_given_back() {
    let mut play = plain();
    play.open(
        "ann:clerk",
        json!({ "count": 1, "key": "A" }),
        "new: open bulk=0 count=1 dear=false key=A price=2 total=2",
    );
    let act = Act::Edit { fields: input(json!({ "key": "B" })), comment: None };
    let command = Command { actor: actor("ann:clerk"), act };
    let decision = decide(&play.definition, play.case.as_ref(), &command, &play.world, play.now).unwrap();
    let hold = |value: &str| vec![Hold { workflow: "job".into(), field: "key".into(), value: value.into() }];
    assert_eq!((decision.hold, decision.release), (hold("B"), hold("A")));
}

const AUTO: &str = r#"
workflow: job
number: "J{seq:3}"
fields:
  steps: { type: integer, default: 0 }
  limit: { type: integer, required: true }
  sure: { type: boolean, required: [go] }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      go: { by: clerk, ask: [sure], to: turning }
  turning:
    transitions:
      turn: { auto: true, when: "steps < limit", to: turned, do: [ set: { steps: "=steps + 1" } ] }
      end: { auto: true, when: "steps >= limit", to: done }
  turned:
    transitions:
      again: { auto: true, to: turning }
  done: { final: success }
"#;

#[test]
fn meaning_6_automatic_transitions_run_to_their_end_within_the_command_and_within_a_bound() {
    let mut play = Play::new(AUTO);
    play.open("ann:clerk", json!({ "limit": 2 }), "new: open limit=2 steps=0")
        .take("ann:clerk", "go", json!({}), "Invalid: required sure")
        // A required boolean means answered, not yes.
        .take(
            "ann:clerk",
            "go",
            json!({ "sure": false }),
            "done: go sure=false, turn steps=1, again, turn steps=2, again, end",
        );
    let mut play = Play::new(AUTO);
    play.open("ann:clerk", json!({ "limit": 100 }), "new: open limit=100 steps=0")
        .take("ann:clerk", "go", json!({ "sure": true }), "Conflict: auto_steps")
        .take("ann:clerk", "turn", json!({}), "Conflict: wrong_stage");
    assert_eq!(play.case.map(|case| case.version), Some(1), "nothing happened");
}

const CHECKED: &str = r#"
workflow: job
number: "J{seq:3}"
settings: { most: 5 }
fields:
  count: { type: integer, required: true }
  other: { type: integer }
  note: { type: text }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      plain: { by: clerk, to: done, checks: [ bounds: { with: { most: "=setting.most" } }, { need: "count != 13", say: { zh: 不吉利, en: unlucky } } ] }
      soft: { by: clerk, to: done, checks: [ bounds: { mode: warn, with: { most: 5 } } ] }
      dark: { by: clerk, to: done, checks: [ bounds: { mode: shadow, with: { most: 5 } } ] }
      lame: { by: clerk, to: done, checks: [ leans ] }
      lenient: { by: clerk, to: done, checks: [ leans: { on_error: warn } ] }
      endless: { by: clerk, to: done, checks: [ spins: { on_error: warn } ] }
      filled: { by: clerk, to: done, do: [ run: fills ] }
      spoiled: { by: clerk, to: done, do: [ run: spoils ] }
  done: { final: success }
"#;

fn checked() -> Play {
    Play::with_rules(
        CHECKED,
        &[
            (
                "rules/bounds.rhai",
                r#"fn check(job, limits) {
    if job.count > limits.most { fail("too_many", "count", #{ most: limits.most, found: job.count }); }
    if job.count > 10 { fail("far_too_many", "count", #{}); }
    if job.count > 3 { note("quite_some", "count", #{}); }
}"#,
            ),
            (
                "rules/bounds.messages.yaml",
                "too_many: { zh: '{found} 超过 {most}', en: '{found} is more than {most}' }\nfar_too_many: { zh: 太多, en: far too many }\nquite_some: { zh: 不少, en: quite some }\n",
            ),
            (
                "rules/leans.rhai",
                "fn check(job) { if 10 / (job.count - 1) > 3 { fail(\"odd\", \"\", #{}, \"odd\"); } }",
            ),
            ("rules/spins.rhai", "fn check(job) { let i = 0; while true { i += 1; } }"),
            ("rules/fills.rhai", "fn run(job) { #{ note: `n${job.count}`, other: job.count + 1 } }"),
            ("rules/spoils.rhai", "fn run(job) { #{ count: \"many\" } }"),
        ],
    )
}

#[test]
fn every_finding_of_every_enforced_check_refuses() {
    let opened = |count: i64| {
        let mut play = checked();
        play.open("ann:clerk", json!({ "count": count }), &format!("new: open count={count}"));
        play
    };
    opened(13).take("ann:clerk", "plain", json!({}), "Invalid: too_many count, far_too_many count, need");
    opened(4).take("ann:clerk", "plain", json!({}), "done: plain");
    opened(13).take("ann:clerk", "soft", json!({}), "done: soft");
    opened(13).take("ann:clerk", "dark", json!({}), "done: dark");
}

#[test]
fn what_checks_say_is_kept_beside_the_event() {
    let mut play = checked();
    play.open("ann:clerk", json!({ "count": 13 }), "new: open count=13").take(
        "ann:clerk",
        "dark",
        json!({}),
        "done: dark",
    );
    let because = &play.history[1].because[0];
    assert_eq!((&*because.rule, because.mode, because.findings.len()), ("bounds", Mode::Shadow, 3));
    assert_eq!(because.findings[0].sentence.text(Language::En), "13 is more than 5");
    assert_eq!((&*because.findings[0].place.file, because.findings[0].place.line), ("rules/bounds.rhai", 2));
}

#[test]
fn a_check_that_cannot_be_judged_never_passes() {
    let mut play = checked();
    play.open("ann:clerk", json!({ "count": 1 }), "new: open count=1")
        .take("ann:clerk", "lame", json!({}), "Invalid: script")
        .take("ann:clerk", "endless", json!({}), "Unavailable: budget")
        .take("ann:clerk", "lenient", json!({}), "done: lenient");
    assert!(play.history[1].because[0].error.is_some());
}

#[test]
fn a_rule_may_return_fields_to_set_and_they_are_read_like_a_clients() {
    let mut play = checked();
    play.open("ann:clerk", json!({ "count": 1 }), "new: open count=1")
        .take("ann:clerk", "spoiled", json!({}), "Invalid: bad_result count")
        .take("ann:clerk", "filled", json!({}), "done: filled note=n1 other=2");
}

#[test]
fn what_is_available_says_why_not() {
    let mut play = plain();
    play.open("ann:clerk", json!({ "count": 3 }), "new: open bulk=0 count=3 dear=false price=2 total=6").take(
        "ann:clerk",
        "submit",
        json!({}),
        "check: submit first=none",
    );
    let said = |who: &str| {
        let (case, workflow) = (play.case.as_ref().unwrap(), &play.definition.workflows["job"]);
        let judged = available(&play.definition, workflow, case, &actor(who), &play.world, play.now, Language::En);
        let lines = judged.iter().map(|judged| {
            let reasons = judged.reasons.iter().map(|reason| reason.code.to_string()).collect::<Vec<_>>().join(" ");
            format!("{}: {}", judged.transition, if judged.possible { "yes" } else { &reasons })
        });
        lines.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(said("bob:boss"), "approve: yes; back: yes; nod: yes; submit: role wrong_stage; drop: role wrong_stage");
    assert_eq!(
        said("ann:clerk+boss"),
        "approve: four_eyes; back: yes; nod: yes; submit: wrong_stage; drop: wrong_stage"
    );
}

#[test]
fn hidden_fields_are_hidden_from_whoever_has_no_role_that_sees_them() {
    let workflow = PLAIN
        .replace("any_stage:", DROPPED)
        .replace("open: {", "read:\n  - { roles: [boss], hide: [price, lines.worth] }\nopen: {");
    let mut play = Play::new(&workflow);
    play.open(
        "ann:clerk",
        json!({ "count": 1, "lines": [{ "thing": "a" }] }),
        "new: open bulk=0 count=1 dear=false lines=[{pieces:1,thing:a,worth:10}] price=2 total=2",
    );
    let seen = |who: &str| {
        let workflow = &play.definition.workflows["job"];
        let fields = &play.case.as_ref().unwrap().fields;
        visible(&hidden_fields(workflow, &actor(who)), fields).to_json().to_string()
    };
    assert!(seen("ann:clerk").contains("worth") && seen("ann:clerk").contains("price"));
    assert!(!seen("bob:boss").contains("worth") && !seen("bob:boss").contains("price"));
    assert!(seen("eve:boss+clerk").contains("worth"));
}

#[test]
fn anybody_with_a_role_may_remark() {
    let mut play = plain();
    let remark = |text: &str| Act::Comment { text: text.into() };
    play.open("ann:clerk", json!({ "count": 1 }), "new: open bulk=0 count=1 dear=false price=2 total=2")
        .step("bob:boss", remark("called"), "new: comment called")
        .step("bob:boss", remark(" "), "Invalid: wrong_length text")
        .step("eve:guest", remark("hi"), "Forbidden: role");
}

mod timed;
