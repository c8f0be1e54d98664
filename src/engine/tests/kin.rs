//! Parents and children: opened, signalled, waited for, all within one command.

mod letters;
mod pools;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::*;

const ORDER: &str = r#"
workflow: order
number: "O{seq:3}"
fields:
  name: { type: text, required: true }
  due: { type: date }
  urgent: { type: boolean, default: false }
  news: { type: text }
  done_share: { type: integer, formula: "children.jobs.filter(|j| j.stage == \"done\").len()" }
  lines:
    type: list
    of:
      part: { type: text, required: true }
      count: { type: integer, min: 1, required: true }
      made: { type: boolean, default: false }
    subsets: { to_make: "!line.made" }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      start:
        by: clerk
        ask: [lines]
        to: making
        do:
          - set: { news: started }
          - open:
              workflow: job
              as: jobs
              each: lines.to_make
              when: 'line.part != "none"'
              with: { part: "=line.part", count: "=line.count", about: "=news", urgent: "=urgent" }
  making:
    transitions:
      report: { by: signal, change: [news], stay: true }
      made: { auto: true, when: "children.jobs.live.len() > 0 && children.jobs.live.all(|j| j.stage == \"done\")", to: made }
      push: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: hurry, with: { urgent: true } } ] }
      nudge: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: hurry, with: { urgent: true }, optional: true } ] }
      around: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: back } ] }
  made:
    transitions:
      close: { by: clerk, when: { none_open: [jobs, defects] }, to: closed }
  closed: { final: success }
  cancelled: { final: cancelled }
any_stage:
  cancel:
    from: [new, making, made]
    by: clerk
    to: cancelled
    do: [ signal: { to: children.jobs, take: stop, optional: true } ]
  around_again: { from: [making], by: signal, stay: true }
  defect: { from: [making, made], by: clerk, ask: [news!], stay: true, do: [ open: { workflow: defect, as: defects, with: { text: "=news" } } ] }
"#;

const JOB: &str = r#"
workflow: job
number: "J{seq:3}"
parent: order
fields:
  part: { type: text, required: true, unique: true }
  count: { type: integer, min: 1, max: 100, required: true }
  about: { type: text }
  urgent: { type: boolean }
  label: { type: text, formula: "parent.name + \"/\" + part" }
open: { by: system, to: waiting }
stages:
  waiting:
    transitions:
      begin: { auto: true, when: 'parent.name != "slow"', to: running }
  running:
    transitions:
      progress: { by: worker, ask: [about!], stay: true, do: [ signal: { to: parent, take: report, with: { news: "=about" } } ] }
      finish: { by: worker, to: done }
      hurry: { by: signal, change: [urgent], stay: true }
      fault: { by: worker, ask: [about!], stay: true, do: [ open: { workflow: defect, as: defects, under: parent, with: { text: "=about" } } ] }
      back: { by: signal, stay: true, do: [ signal: { to: parent, take: around_again } ] }
  done: { final: success }
  stopped: { final: cancelled }
any_stage:
  stop: { from: [waiting, running], by: signal, to: stopped }
"#;

const DEFECT: &str = r#"
workflow: defect
number: "D{seq:3}"
parent: order
fields:
  text: { type: text, required: true }
open: { by: [clerk, worker], to: found }
stages:
  found: { transitions: { close: { by: clerk, to: closed } } }
  closed: { final: success }
"#;

fn family(changes: &[(&str, &str, &str)]) -> Definition {
    family_with(changes, Files::new())
}

fn family_with(changes: &[(&str, &str, &str)], mut files: Files) -> Definition {
    let mut put = |path: &str, text: &str| drop(files.insert(path.into(), Arc::from(text.as_bytes())));
    put("workflows/roles.yaml", "roles: { clerk: Clerk, worker: Worker }");
    for (name, text) in [("order", ORDER), ("job", JOB), ("defect", DEFECT)] {
        let mut text = text.to_owned();
        for (_, from, to) in changes.iter().filter(|(file, _, _)| *file == name) {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        put(&format!("workflows/{name}.yaml"), &text);
    }
    let compiled = compile(&files);
    let told: Vec<_> = compiled.diagnostics.iter().map(|found| format!("{} {}", found.code, found.message)).collect();
    compiled.definition.unwrap_or_else(|| panic!("{told:#?}"))
}

/// A case and its history.
type Kept = (Arc<Case>, Vec<Recorded>);

/// Every case there is, and the next number.
#[derive(Default)]
struct Village {
    cases: Mutex<BTreeMap<CaseId, Kept>>,
    drawn: AtomicU64,
    pools: Mutex<BTreeMap<(Name, Name), Pool>>,
}

impl Village {
    /// Lets pools follow what cases have moved.
    fn follow(&self, events: &[Recorded]) {
        let mut pools = self.pools.lock().unwrap();
        let moves = crate::model::resource::Moves::of(events.iter().map(|recorded| &recorded.event));
        for (resource, key, moved) in moves.each() {
            pools.entry((Name::clone(resource), Name::clone(key))).or_default().follow(moved);
        }
    }
}

impl World for Village {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        test_world().row(table, key)
    }

    fn holder(&self, workflow: &str, field: &str, value: &str) -> Option<CaseId> {
        let cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = cases.values().map(|(case, _)| case);
        all.find(|case| &*case.workflow == workflow && case.fields.text(field) == Some(value)).map(|case| case.id)
    }

    fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        self.cases.lock().unwrap().get(&id).map(|(case, _)| Arc::clone(case))
    }

    fn fresh_id(&self, now: Timestamp) -> Option<CaseId> {
        Some(CaseId::new(now.0, u128::from(self.drawn.fetch_add(1, Ordering::SeqCst))))
    }

    fn place(&self, series: &Name) -> Option<u64> {
        let cases = self.cases.lock().unwrap();
        let there = cases.values().filter(|(case, _)| case.workflow == *series).count();
        // Drawn places are not given back in one command.
        let drawn = self.drawn.load(Ordering::SeqCst);
        drop(cases);
        u64::try_from(there).ok().map(|there| there.max(drawn))
    }

    fn budget(&self) -> Budget {
        Budget::operations(RULE_OPERATIONS_MAX)
    }

    fn pool(&self, resource: &str, key: &str) -> Pool {
        self.pools.lock().unwrap().get(&(resource.into(), key.into())).cloned().unwrap_or_default()
    }
}

struct Play {
    definition: Definition,
    village: Arc<Village>,
}

impl Play {
    fn new(changes: &[(&str, &str, &str)]) -> Self {
        Self { definition: family(changes), village: Arc::default() }
    }

    fn case(&self, number: &str) -> Arc<Case> {
        let cases = self.village.cases.lock().unwrap();
        Arc::clone(cases.values().map(|(case, _)| case).find(|case| &*case.number == number).unwrap())
    }

    fn decide(&self, who: &str, number: Option<&str>, act: Act) -> Result<Decision, Refusal> {
        let case = number.map(|number| self.case(number));
        let world: Arc<dyn World> = Arc::clone(&self.village) as _;
        decide(&self.definition, case.as_deref(), &Command { actor: actor(who), act }, &world, now())
    }

    /// What a command did to each case, or why it did nothing.
    fn act(&self, who: &str, number: Option<&str>, act: Act) -> String {
        let decision = match self.decide(who, number, act) {
            Ok(decision) => decision,
            Err(refusal) => return refused_with_words(&refusal),
        };
        let mut told = vec![self.keep(None, &decision.case, &decision.events)];
        for other in &decision.others {
            told.push(self.keep(other.before.as_deref(), &other.case, &other.events));
        }
        told.join("\n")
    }

    fn keep(&self, before: Option<&Case>, case: &Case, events: &[Recorded]) -> String {
        let mut cases = self.village.cases.lock().unwrap();
        let entry = cases.entry(case.id).or_insert_with(|| (Arc::new(case.clone()), Vec::new()));
        if let Some(before) = before {
            assert_eq!(before, &*entry.0);
        }
        entry.1.extend(events.iter().cloned());
        entry.0 = Arc::new(case.clone());
        assert_eq!(fold(case.id, &entry.1).as_ref(), Some(case), "fold(events) == snapshot");
        self.village.follow(events);
        #[expect(clippy::wildcard_enum_match_arm, reason = "these tests are about kin alone")]
        let told = events.iter().map(|recorded| match &recorded.event {
            Event::Opened { parent, .. } => match parent {
                Some(parent) => format!("opened by {} as {}", parent.case.number, parent.role),
                None => "opened".to_owned(),
            },
            Event::Taken { transition, signal: Some(from), .. } => format!("{transition} (from {})", from.number),
            Event::Taken { transition, .. } => transition.to_string(),
            Event::Edited { .. } => "edited".to_owned(),
            Event::Commented { .. } => "commented".to_owned(),
            Event::ChildOpened { child } => format!("child {}", child.case.number),
            Event::Signalled { to, transition } => format!("signals {} {transition}", to.number),
            other => other.kind().to_owned(),
        });
        format!("{} {}: {}", case.number, case.stage, told.collect::<Vec<_>>().join(", "))
    }

    fn open(&self, name: &str) -> String {
        let (id, workflow) = (self.village.fresh_id(now()).unwrap(), "order".into());
        let fields = input(json!({ "name": name }));
        self.act("ann:clerk", None, Act::Open { id, workflow, sequence: 1, fields, comment: None })
    }

    fn take(&self, who: &str, number: &str, transition: &str, given: Json) -> String {
        let act = Act::Take { transition: transition.into(), input: input(given), comment: None };
        self.act(who, Some(number), act)
    }

    /// An order with two jobs, J002 and J003.
    fn started(changes: &[(&str, &str, &str)]) -> Self {
        let play = Self::new(changes);
        play.open("one");
        play.take("ann:clerk", "O001", "start", rows(&["a", "b"]));
        play
    }
}

fn refused_with_words(refusal: &Refusal) -> String {
    let reasons = refusal.reasons.iter();
    let reasons = reasons.map(|reason| format!("{}: {}", reason.code, reason.message.text(Language::En)));
    reasons.collect::<Vec<_>>().join("\n")
}

fn rows(parts: &[&str]) -> Json {
    json!({ "lines": parts.iter().map(|part| json!({ "part": part, "count": 2 })).collect::<Vec<_>>() })
}

#[test]
fn children_are_opened_for_rows_and_go_on_by_themselves() {
    let play = Play::new(&[]);
    play.open("one");
    let given = json!({ "lines": [
        { "part": "a", "count": 2 },
        { "part": "b", "count": 3, "made": true },
        { "part": "none", "count": 1 },
        { "part": "c", "count": 4 },
    ] });
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "start", given), @"
    O001 making: start, child J002, child J003
    J002 running: opened by O001 as jobs, begin
    J003 running: opened by O001 as jobs, begin
    ");
    let fields = |number: &str| play.case(number).fields.to_json().to_string();
    insta::assert_snapshot!(fields("J002"), @r#"{"about":"started","count":2,"label":"one/a","part":"a","urgent":false}"#);
    insta::assert_snapshot!(fields("J003"), @r#"{"about":"started","count":4,"label":"one/c","part":"c","urgent":false}"#);
    assert_eq!(play.case("J002").opened_by.as_ref(), "ann");
    assert_eq!(play.case("O001").kin.children("jobs").count(), 2);
}

#[test]
fn what_a_child_refuses_refuses_everything() {
    let play = Play::new(&[]);
    play.open("one");
    let given = json!({ "lines": [{ "part": "a", "count": 2 }, { "part": "b", "count": 200 }] });
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "start", given), @"too_large: job `count`: must be at most 100");
    // Two children of one command can't have one unique value either.
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "start", rows(&["a", "a"])), @"taken: job `part`: `a` would belong to two cases of this command");
    assert_eq!(play.village.cases.lock().unwrap().len(), 1);
    let open = |workflow: &str| {
        let (id, workflow) = (CaseId::new(9, 9), workflow.into());
        play.act("ann:clerk", None, Act::Open { id, workflow, sequence: 9, fields: input(json!({})), comment: None })
    };
    insta::assert_snapshot!(open("defect"), @"needs_parent: is only opened by a case of `order`");
}

#[test]
fn the_parent_goes_on_with_its_last_child() {
    let play = Play::started(&[]);
    insta::assert_snapshot!(play.take("bo:worker", "J002", "finish", json!({})), @"J002 done: finish");
    insta::assert_snapshot!(play.take("bo:worker", "J003", "finish", json!({})), @"
    J003 done: finish
    O001 made: made
    ");
    assert_eq!(play.case("O001").fields.get("done_share"), Some(&Value::Integer(2)));
}

#[test]
fn signals_take_transitions_of_kin() {
    let play = Play::started(&[]);
    let about = json!({ "about": "half way" });
    insta::assert_snapshot!(play.take("bo:worker", "J002", "progress", about.clone()), @"
    J002 running: progress, signals O001 report
    O001 making: report (from J002)
    ");
    assert_eq!(play.case("O001").fields.text("news"), Some("half way"));
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "push", json!({})), @"
    O001 making: push, signals J002 hurry, signals J003 hurry
    J002 running: hurry (from O001)
    J003 running: hurry (from O001)
    ");
    play.take("bo:worker", "J002", "finish", json!({}));
    // A case that can't take it refuses the whole command, unless it may.
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "push", json!({})), @"wrong_stage: J002: the case is in `done`, `hurry` leaves `running`; what leaves `done`: nothing");
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "nudge", json!({})), @"
    O001 making: nudge, signals J003 hurry
    J003 running: hurry (from O001)
    ");
    insta::assert_snapshot!(play.take("ann:clerk+signal", "O001", "report", json!({})), @"role: needs `signal`; `ann` is neither");
    insta::assert_snapshot!(play.take("bo:worker", "J003", "fault", about), @"
    J003 running: fault
    D004 found: opened by O001 as defects
    O001 making: child D004
    ");
}

#[test]
fn a_circle_of_signals_is_refused_with_its_way() {
    let play = Play::started(&[]);
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "around", json!({})), @"signal_circle: J002: signals go in a circle: O001 `around` -> J002 `back` -> O001 `around_again`");
}

#[test]
fn an_end_waits_for_open_children_and_a_cancellation_says_what_becomes_of_them() {
    let play = Play::started(&[]);
    play.take("ann:clerk", "O001", "defect", json!({ "news": "scratched" }));
    play.take("bo:worker", "J002", "finish", json!({}));
    play.take("bo:worker", "J003", "finish", json!({}));
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "close", json!({})), @"condition: the condition does not hold: children.jobs.open == 0 && children.defects.open == 0");
    insta::assert_snapshot!(play.take("ann:clerk", "D004", "close", json!({})), @"D004 closed: close");
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "close", json!({})), @"O001 closed: close");
    let other = Play::started(&[]);
    other.take("ann:clerk", "O001", "defect", json!({ "news": "scratched" }));
    other.take("bo:worker", "J002", "finish", json!({}));
    insta::assert_snapshot!(other.take("ann:clerk", "O001", "cancel", json!({})), @"
    O001 cancelled: cancel, signals J003 stop
    J003 stopped: stop (from O001)
    ");
    assert_eq!(&*other.case("D004").stage, "found", "nothing happens to children that nobody names");
}

/// Partial delivery: two of three have been shipped, so the whole is partly shipped.
#[test]
fn parts_roll_up() {
    let share = "children.jobs.filter(|j| j.stage == \\\"done\\\").len()";
    let roll = format!(
        "children.jobs.live.len() > 0 && children.jobs.live.all(|j| j.stage == \\\"done\\\")\", to: made }}\n      \
         partly: {{ auto: true, when: \"{share} > 0 && {share} < children.jobs.live.len() && !urgent\", stay: true, do: [ set: {{ urgent: true, news: partly shipped }} ] }}"
    );
    let rule = "children.jobs.live.len() > 0 && children.jobs.live.all(|j| j.stage == \\\"done\\\")\", to: made }";
    let play = Play::new(&[("order", rule, &roll)]);
    play.open("one");
    play.take("ann:clerk", "O001", "start", rows(&["a", "b", "c"]));
    insta::assert_snapshot!(play.take("bo:worker", "J002", "finish", json!({})), @"
    J002 done: finish
    O001 making: partly
    ");
    play.take("bo:worker", "J003", "finish", json!({}));
    let order = play.case("O001");
    assert_eq!((&*order.stage, order.fields.text("news")), ("making", Some("partly shipped")));
    assert_eq!(order.fields.get("done_share"), Some(&Value::Integer(1)), "as it was at its last step");
    insta::assert_snapshot!(play.take("bo:worker", "J004", "finish", json!({})), @"
    J004 done: finish
    O001 made: made
    ");
}

#[test]
fn a_child_goes_on_with_its_parent() {
    let play = Play::new(&[(
        "order",
        "open: { by: clerk, to: new }",
        "edit: [{ stages: all, by: clerk, fields: [name] }]\nopen: { by: clerk, to: new }",
    )]);
    play.open("slow");
    insta::assert_snapshot!(play.take("ann:clerk", "O001", "start", rows(&["a", "b"])), @"
    O001 making: start, child J002, child J003
    J002 waiting: opened by O001 as jobs
    J003 waiting: opened by O001 as jobs
    ");
    let act = Act::Edit { fields: input(json!({ "name": "fast" })), comment: None };
    insta::assert_snapshot!(play.act("ann:clerk", Some("O001"), act), @"
    O001 making: edited
    J002 running: begin
    J003 running: begin
    ");
}

#[test]
fn each_case_takes_so_many_automatic_steps_at_most() {
    let many: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let play = Play::new(&[]);
    play.open("one");
    let told = play.take("ann:clerk", "O001", "start", rows(&many));
    assert_eq!(told.matches(" running: opened by O001 as jobs, begin").count(), 40, "{told}");
    // A parent and its child that never agree.
    let job = "finish: { by: worker, to: done }\n      follow: { auto: true, when: \"urgent != parent.urgent\", stay: true, do: [ set: { urgent: \"=parent.urgent\" } ] }";
    let order = "report: { by: signal, change: [news], stay: true }\n      turn: { auto: true, when: \"children.jobs.any(|j| j.urgent == urgent)\", stay: true, do: [ set: { urgent: \"=!urgent\" } ] }";
    let play = Play::new(&[
        ("job", "finish: { by: worker, to: done }", job),
        ("job", "urgent: { type: boolean }", "urgent: { type: boolean, default: false, required: true }"),
        (
            "order",
            "urgent: { type: boolean, default: false }",
            "urgent: { type: boolean, default: false, required: true }",
        ),
        ("order", "report: { by: signal, change: [news], stay: true }", order),
    ]);
    play.open("one");
    let told = play.take("ann:clerk", "O001", "start", rows(&["a"]));
    assert!(told.starts_with("auto_steps"), "{told}");
}
