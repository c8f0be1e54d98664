//! Cases of one command that want the same pool: what they want together must be there (R53, R56).

use super::*;

const RESOURCES: &str = "resources: { stock: { per: things, row: { key: thing, quantity: count } } }";

const ORDER: &str = r#"
workflow: order
number: "O{seq:3}"
fields:
  name: { type: text }
  lines:
    type: list
    of:
      thing: { type: reference, table: things, required: true }
      count: { type: integer, required: true }
      covered: { type: boolean, formula: resource.stock.covers(line) }
  left: { type: decimal, formula: 'resource.stock.available("a")' }
  lying: { type: decimal, formula: 'resource.stock.on_hand("a")' }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      start: { by: clerk, ask: [lines], to: running, do: [ open: { workflow: job, as: jobs, each: lines, with: { thing: "=line.thing", count: "=line.count" } } ] }
      share: { by: clerk, ask: [lines], to: running, do: [ reserve: { stock: lines }, open: { workflow: job, as: jobs, each: lines, with: { thing: "=line.thing", count: "=line.count" } } ] }
      patient: { by: clerk, ask: [lines], to: running, do: [ open: { workflow: later, as: laters, each: lines, with: { thing: "=line.thing", count: "=line.count" } } ] }
  running:
    transitions:
      grow: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: grow } ] }
      grow_who_can: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: grow, optional: true } ] }
      swap: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: stop }, open: { workflow: job, as: jobs, each: lines, with: { thing: "=line.thing", count: "=line.count" } } ] }
      again: { by: clerk, stay: true, do: [ signal: { to: children.jobs, take: give }, signal: { to: children.jobs, take: grow } ] }
      make: { by: clerk, to: full, do: [ signal: { to: children.jobs, take: make } ] }
  full:
    transitions:
      filled: { auto: true, when: 'resource.stock.on_hand("a") > 10', to: done }
  done: { final: success }
"#;

const JOB: &str = r#"
workflow: job
number: "J{seq:3}"
parent: order
fields:
  thing: { type: reference, table: things, required: true }
  count: { type: integer, required: true }
open: { by: system, to: held, do: [ reserve: { stock: { key: "=thing", quantity: "=count" } } ] }
stages:
  held:
    transitions:
      grow: { by: signal, stay: true, do: [ reserve: { stock: { key: "=thing", quantity: "=count + 3" } } ] }
      give: { by: signal, stay: true, do: [ release: { stock: all } ] }
      make: { by: signal, to: used, do: [ consume: { stock: all }, put: { stock: { key: "=thing", quantity: "=2 * count" } } ] }
      stop: { by: signal, to: stopped }
  used: { final: success }
  stopped: { final: cancelled }
"#;

const LATER: &str = r#"
workflow: later
number: "L{seq:3}"
parent: order
fields:
  thing: { type: reference, table: things, required: true }
  count: { type: integer, required: true }
open: { by: system, to: waiting }
stages:
  waiting: { transitions: { served: { auto: true, to: more, do: [ notify: served, reserve: { stock: { key: "=thing", quantity: "=count" } } ] } } }
  more:
    transitions:
      opens: { auto: true, to: held, do: [ notify: served, open: { workflow: job, as: jobs, under: parent, with: { thing: "=thing", count: "=count" } } ] }
  held: { final: success }
"#;

const SERVED: &str = "message: served\nchannels: [log]\nto: [clerk]\nsubject: served\nbody: served\n";

/// An order that has not begun, and so much of `a`.
fn play(on_hand: &str) -> Play {
    let mut files = Files::new();
    let mut put = |path: &str, text: &str| drop(files.insert(path.into(), Arc::from(text.as_bytes())));
    put("workflows/roles.yaml", ROLES);
    put("workflows/tables.yaml", TABLES);
    put("workflows/resources.yaml", RESOURCES);
    put("workflows/messages/served.yaml", SERVED);
    for (name, text) in [("order", ORDER), ("job", JOB), ("later", LATER)] {
        put(&format!("workflows/{name}.yaml"), text);
    }
    let compiled = compile(&files);
    let told: Vec<_> = compiled.diagnostics.iter().map(|found| format!("{} {}", found.code, found.message)).collect();
    let definition = compiled.definition.unwrap_or_else(|| panic!("{told:#?}"));
    let village = Village::default();
    let pool = Pool { set: Some(on_hand.parse().unwrap()), version: 1, ..Pool::default() };
    village.pools.lock().unwrap().insert(("stock".into(), "a".into()), pool);
    let play = Play { definition, village: Arc::new(village) };
    play.open("one");
    play
}

impl Play {
    /// What a transition of the order tells, who holds how much after it, and what is on hand.
    fn step(&self, transition: &str, counts: &[i64]) -> String {
        let lines: Json = counts.iter().map(|count| json!({ "thing": "a", "count": count })).collect();
        let given = if counts.is_empty() { json!({}) } else { json!({ "lines": lines }) };
        let told = self.take("ann:clerk", "O001", transition, given);
        let cases = self.village.cases.lock().unwrap();
        let held = cases.values().filter(|(case, _)| !case.held.is_empty());
        let held = held.map(|(case, _)| format!("{}={}", case.number, case.held.quantity("stock", "a")));
        let held = held.collect::<Vec<_>>().join(" ");
        drop(cases);
        let pool = self.village.pool("stock", "a");
        format!("{told}\n{held} | {} of {}", pool.held, pool.on_hand(Default::default()))
    }
}

#[test]
fn children_of_one_command_get_what_covers_them_together() {
    insta::assert_snapshot!(play("10").step("start", &[6, 4]), @r"
    O001 running: start, child J002, child J003
    J002 held: opened by O001 as jobs, reserved
    J003 held: opened by O001 as jobs, reserved
    J002=6 J003=4 | 10 of 10
    ");
    // The order holds its share before its children ask.
    insta::assert_snapshot!(play("20").step("share", &[6, 4]), @r"
    O001 running: share, reserved, child J002, child J003
    J002 held: opened by O001 as jobs, reserved
    J003 held: opened by O001 as jobs, reserved
    O001=10 J002=6 J003=4 | 20 of 20
    ");
}

#[test]
fn what_they_want_together_and_is_not_there_is_refused_with_the_case_that_lacks_it() {
    insta::assert_snapshot!(play("10").step("start", &[6, 5]), @r"
    short: job: not enough of `stock`: `a`: 5 wanted, 4 available
     | 0 of 10
    ");
    insta::assert_snapshot!(play("19").step("share", &[6, 4]), @r"
    short: job: not enough of `stock`: `a`: 4 wanted, 3 available
     | 0 of 19
    ");
    let play = play("10");
    play.step("start", &[4, 4]);
    insta::assert_snapshot!(play.step("grow", &[]), @r"
    short: J002: not enough of `stock`: `a`: 7 wanted, 6 available
    J002=4 J003=4 | 8 of 10
    ");
}

#[test]
fn who_is_left_out_leaves_its_share_to_the_next() {
    let play = play("15");
    play.step("start", &[4, 4, 4]);
    insta::assert_snapshot!(play.step("grow_who_can", &[]), @r"
    O001 running: grow_who_can, signals J002 grow
    J002 held: grow (from O001), reserved
    J002=7 J003=4 J004=4 | 15 of 15
    ");
}

#[test]
fn what_a_case_gives_back_is_there_for_the_next_of_the_same_command() {
    let swapped = play("10");
    swapped.step("start", &[5, 5]);
    insta::assert_snapshot!(swapped.step("swap", &[]), @r"
    O001 running: swap, signals J002 stop, signals J003 stop, child J004, child J005
    J002 stopped: stop (from O001), released
    J003 stopped: stop (from O001), released
    J004 held: opened by O001 as jobs, reserved
    J005 held: opened by O001 as jobs, reserved
    J004=5 J005=5 | 10 of 10
    ");
    let grown = play("16");
    grown.step("start", &[5, 5]);
    insta::assert_snapshot!(grown.step("again", &[]), @r"
    O001 running: again, signals J002 give, signals J003 give, signals J002 grow, signals J003 grow
    J002 held: give (from O001), released, grow (from O001), reserved
    J003 held: give (from O001), released, grow (from O001), reserved
    J002=8 J003=8 | 16 of 16
    ");
}

#[test]
fn what_a_child_makes_is_seen_by_its_parent_at_once() {
    let play = play("10");
    play.step("start", &[4, 2]);
    insta::assert_snapshot!(play.step("make", &[]), @r"
    O001 done: make, signals J002 make, signals J003 make, filled
    J002 used: make (from O001), consumed, put
    J003 used: make (from O001), consumed, put
     | 0 of 16
    ");
}

#[test]
fn an_automatic_transition_of_a_child_reaches_the_parent_that_does_nothing_now() {
    insta::assert_snapshot!(play("12").step("patient", &[6]), @r"
    O001 running: patient, child L002, child J003
    L002 held: opened by O001 as laters, served, reserved, notified, opens, released, notified
    J003 held: opened by O001 as jobs, reserved
    J003=6 | 6 of 12
    ");
}

#[test]
fn an_automatic_transition_that_is_short_leaves_nothing_behind() {
    // The second one waits; the first one has what it wants, and no more for the case that it would open.
    insta::assert_snapshot!(play("10").step("patient", &[6, 5]), @r"
    O001 running: patient, child L002, child L003
    L002 more: opened by O001 as laters, served, reserved, notified
    L003 waiting: opened by O001 as laters
    L002=6 | 6 of 10
    ");
}
