//! Resources (R53-R56, R62): what is reserved, what is refused, and what expressions see of it.

use serde_json::json;

use super::*;
use crate::model::resource::Arrival;

const RESOURCES: &str = "
resources:
  stock: { per: things, row: { key: thing, quantity: pieces } }
  hours: { per: day, row: { key: day, quantity: units }, default: 8 }
";

const JOB: &str = r#"
workflow: job
fields:
  due: { type: date }
  thing: { type: reference, table: things }
  made: { type: decimal }
  lines:
    type: list
    of:
      thing: { type: reference, table: things, required: true }
      pieces: { type: decimal, required: true }
      covered: { type: boolean, formula: resource.stock.covers(line) }
      soon: { type: boolean, formula: "is_set(due) && resource.stock.covers(line, due)" }
    subsets: { short: "!line.covered" }
  plan: { type: list, of: { day: { type: date, required: true }, units: { type: integer, required: true } } }
  left: { type: decimal, formula: 'resource.stock.available("a")' }
  mine: { type: decimal, formula: 'resource.stock.held("a")' }
  lying: { type: decimal, formula: 'resource.stock.on_hand("a")' }
edit:
  - { stages: [new, waiting, held], by: clerk, fields: [lines, plan, due, thing, made] }
open: { by: clerk, to: new }
stages:
  new:
    transitions:
      take_all: { by: clerk, to: held, do: [ reserve: { stock: lines } ] }
      take_some:
        by: clerk
        to:
          - { when: "lines.all(|l| l.covered)", stage: held, do: [ reserve: { stock: lines } ] }
          - { stage: waiting, do: [ reserve: { stock: lines, up_to: available } ] }
      take_short: { by: clerk, stay: true, do: [ reserve: { stock: lines.short, up_to: available } ] }
      book: { by: clerk, stay: true, do: [ reserve: { hours: plan, stock: lines } ] }
      make: { by: clerk, stay: true, do: [ put: { stock: { key: "=thing", quantity: "=made" } } ] }
      wait: { by: clerk, to: waiting }
  waiting:
    transitions:
      arrived: { auto: true, when: "lines.len() > 0 && lines.all(|l| l.covered)", to: held, do: [ reserve: { stock: lines } ] }
      careless: { auto: true, when: "is_set(made)", to: held, do: [ reserve: { stock: lines } ] }
  held:
    transitions:
      more: { by: clerk, stay: true, do: [ reserve: { stock: lines } ] }
      back: { by: clerk, to: new, do: [ release: { stock: lines } ] }
      use: { by: clerk, to: done, do: [ consume: { stock: lines, as: "=stage" } ] }
      use_up: { by: clerk, stay: true, do: [ consume: { stock: all } ] }
      stop: { by: clerk, to: stopped }
  done: { final: success }
  stopped: { final: cancelled }
"#;

/// `reserved stock a=5`
pub(super) fn moved(event: &Event) -> String {
    let moves = crate::model::resource::Moves::of([event]);
    let used_as = if let Event::Consumed { used_as: Some(used_as), .. } = event {
        format!(" as {used_as}")
    } else {
        String::new()
    };
    let moved = moves.each().map(|(resource, key, moved)| {
        let by = if moved.held.is_zero() { moved.on_hand } else { moved.held };
        format!("{resource} {key}={}{used_as}", by.abs())
    });
    format!("{} {}", event.kind(), moved.collect::<Vec<_>>().join(" "))
}

/// A case on its way, with this on hand and this held by others.
fn play(pools: &[(&str, &str, &str, &str)]) -> Play {
    let mut play = Play::with_rules(JOB, &[("workflows/resources.yaml", RESOURCES)]);
    play.world = world_with(pools, Vec::new());
    play
}

fn world_with(pools: &[(&str, &str, &str, &str)], arrivals: Vec<Arrival>) -> Arc<dyn World> {
    let mut world = test_world();
    for (resource, key, set, held) in pools {
        let (set, held) = (Some(set.parse().unwrap()), held.parse().unwrap());
        let pool = Pool { set, held, version: 1, arrivals: arrivals.clone(), ..Pool::default() };
        world.pools.insert(((*resource).to_owned(), (*key).to_owned()), pool);
    }
    Arc::new(world)
}

/// What is told of the case after a step, without what its fields are.
#[track_caller]
fn step(play: &mut Play, transition: &str) -> String {
    let given = Act::Take { transition: transition.into(), input: input(json!({})), comment: None };
    tell(play, given)
}

#[track_caller]
fn tell(play: &mut Play, act: Act) -> String {
    let who = if matches!(act, Act::Wake) { Actor::system() } else { actor("ann:clerk") };
    let command = Command { actor: who, act };
    match decide(&play.definition, play.case.as_ref(), &command, &play.world, play.now) {
        Ok(decision) => {
            play.history.extend(decision.events.clone());
            assert_eq!(fold(decision.case.id, &play.history).as_ref(), Some(&decision.case));
            play.case = Some(decision.case.clone());
            let kinds = decision.events.iter().map(|recorded| {
                if let Event::Taken { transition, .. } = &recorded.event {
                    return transition.to_string();
                }
                moved(&recorded.event).trim_end().to_owned()
            });
            let held = decision.case.held.each().map(|(resource, key, held)| format!("{resource} {key}={held}"));
            let held = held.collect::<Vec<_>>().join(" ");
            format!("{}: {} | {held}", decision.case.stage, kinds.collect::<Vec<_>>().join(", "))
        }
        Err(refusal) => {
            let told = refusal
                .reasons
                .iter()
                .map(|reason| format!("{} {}: {}", reason.code, reason.path, reason.message.text(Language::En)));
            told.collect::<Vec<_>>().join("\n")
        }
    }
}

fn open(play: &mut Play, fields: Json) {
    let (id, workflow) = (CaseId::new(1, 1), "job".into());
    let told = tell(play, Act::Open { id, workflow, sequence: 1, fields: input(fields), comment: None });
    assert_eq!(told, "new: opened | ");
}

fn lines(lines: &[(&str, &str)]) -> Json {
    lines.iter().map(|(thing, pieces)| json!({ "thing": thing, "pieces": pieces })).collect()
}

fn field(play: &Play, name: &str) -> String {
    play.case.as_ref().and_then(|case| case.fields.get(name)).map(|value| value.to_json().to_string()).unwrap()
}

#[test]
fn a_reservation_is_granted_whole_or_refused() {
    let check = |wanted: &[(&str, &str)], expect: &str| {
        let mut play = play(&[("stock", "a", "10", "4"), ("stock", "b", "2.5", "0")]);
        open(&mut play, json!({ "lines": lines(wanted) }));
        assert_eq!(step(&mut play, "take_all"), expect, "{wanted:?}");
    };
    check(&[("a", "6")], "held: take_all, reserved stock a=6 | stock a=6");
    check(&[("a", "6"), ("b", "2.50")], "held: take_all, reserved stock a=6 stock b=2.5 | stock a=6 stock b=2.5");
    check(&[("a", "4"), ("b", "1"), ("a", "2")], "held: take_all, reserved stock a=6 stock b=1 | stock a=6 stock b=1");
    check(&[("a", "0")], "held: take_all | ");
    check(&[], "held: take_all | ");
    // Two rows of one pool are added up.
    check(
        &[("b", "1"), ("a", "4"), ("a", "2.1")],
        "short lines[1]: not enough of `stock`: `a`: 6.1 wanted, 6 available",
    );
    check(
        &[("a", "7"), ("b", "3")],
        "short lines[0]: not enough of `stock`: `a`: 7 wanted, 6 available; `b`: 3 wanted, 2.5 available",
    );
    check(
        &[("a", "-1")],
        "quantity lines[0].pieces: must be a quantity from 0 to 1000000000000000 with at most 9 decimals",
    );
    check(
        &[("a", "0.0000000001")],
        "quantity lines[0].pieces: must be a quantity from 0 to 1000000000000000 with at most 9 decimals",
    );
}

#[test]
fn what_the_case_holds_counts_as_available_to_it() {
    let mut play = play(&[("stock", "a", "10", "0")]);
    open(&mut play, json!({ "lines": lines(&[("a", "6")]) }));
    assert_eq!(step(&mut play, "take_all"), "held: take_all, reserved stock a=6 | stock a=6");
    assert_eq!(
        (field(&play, "left"), field(&play, "mine"), field(&play, "lying")),
        (r#""10""#.into(), r#""6""#.into(), r#""10""#.into())
    );
    // Others took the rest meanwhile: what it has is its own, and no more is there.
    play.world = world_with(&[("stock", "a", "10", "10")], Vec::new());
    assert_eq!(step(&mut play, "more"), "held: more | stock a=6");
    tell(&mut play, Act::Edit { fields: input(json!({ "lines": lines(&[("a", "7")]) })), comment: None });
    assert_eq!(step(&mut play, "more"), "short lines[0]: not enough of `stock`: `a`: 7 wanted, 6 available");
    play.world = world_with(&[("stock", "a", "11", "10")], Vec::new());
    assert_eq!(step(&mut play, "more"), "held: more, reserved stock a=1 | stock a=7");
    assert_eq!(step(&mut play, "back"), "new: back, released stock a=7 | ");
}

#[test]
fn what_is_there_is_taken_where_that_will_do() {
    let mut play = play(&[("stock", "a", "10", "7"), ("stock", "b", "1", "5")]);
    open(&mut play, json!({ "lines": lines(&[("a", "2"), ("a", "2"), ("b", "1")]) }));
    assert_eq!(step(&mut play, "take_some"), "waiting: take_some, reserved stock a=3 | stock a=3");
    // The first row is covered, the second is not, the pool of the third is overdrawn.
    let rows = json!([true, false, false]);
    let covered: Json = play.case.as_ref().unwrap().fields.get("lines").unwrap().to_json();
    let covered: Json = covered.as_array().unwrap().iter().map(|row| row["covered"].clone()).collect();
    assert_eq!(covered, rows);
    assert_eq!(tell(&mut play, Act::Wake), "waiting:  | stock a=3");
    // Of the 10, others hold 7, it holds 3, and now 5 more have come.
    play.world = world_with(&[("stock", "a", "15", "10"), ("stock", "b", "1", "0")], Vec::new());
    assert_eq!(tell(&mut play, Act::Wake), "held: arrived, reserved stock a=1 stock b=1 | stock a=4 stock b=1");
}

#[test]
fn an_automatic_transition_that_is_short_waits() {
    let mut play = play(&[("stock", "a", "1", "0")]);
    open(&mut play, json!({ "lines": lines(&[("a", "2")]), "made": "1" }));
    assert_eq!(step(&mut play, "wait"), "waiting: wait | ");
    play.world = world_with(&[("stock", "a", "2", "0")], Vec::new());
    assert_eq!(tell(&mut play, Act::Wake), "held: arrived, reserved stock a=2 | stock a=2");
}

#[test]
fn consuming_and_ending() {
    let mut play = play(&[("stock", "a", "10", "0")]);
    open(&mut play, json!({ "lines": lines(&[("a", "6")]) }));
    step(&mut play, "take_all");
    tell(&mut play, Act::Edit { fields: input(json!({ "lines": lines(&[("a", "7")]) })), comment: None });
    assert_eq!(step(&mut play, "use"), "not_held lines[0]: does not hold so much of `stock`: `a`: 7 wanted, 6 held");
    tell(&mut play, Act::Edit { fields: input(json!({ "lines": lines(&[("a", "4")]) })), comment: None });
    // What is left is given back at the end, whatever road leads there.
    let (case, history) = (play.case.clone(), play.history.clone());
    assert_eq!(step(&mut play, "use"), "done: use, consumed stock a=4 as held, released stock a=2 | ");
    (play.case, play.history) = (case.clone(), history.clone());
    assert_eq!(step(&mut play, "stop"), "stopped: stop, released stock a=6 | ");
    (play.case, play.history) = (case, history);
    play.world = world_with(&[("stock", "a", "10", "6")], Vec::new());
    assert_eq!(step(&mut play, "use_up"), "held: use_up, consumed stock a=6 | ");
    assert_eq!(
        (field(&play, "left"), field(&play, "mine"), field(&play, "lying")),
        (r#""4""#.into(), r#""0""#.into(), r#""4""#.into())
    );
}

#[test]
fn days_have_what_their_definition_says_until_somebody_sets_it() {
    let plan =
        |days: &[(&str, i64)]| days.iter().map(|(day, units)| json!({ "day": day, "units": units })).collect::<Json>();
    let check = |days: &[(&str, i64)], expect: &str| {
        let mut play = play(&[("hours", "2026-10-01", "0", "0"), ("stock", "a", "1", "0")]);
        open(&mut play, json!({ "plan": plan(days), "lines": lines(&[("a", "1")]) }));
        assert_eq!(step(&mut play, "book"), expect);
    };
    check(
        &[("2026-09-30", 8)],
        "new: book, reserved hours 2026-09-30=8, reserved stock a=1 | hours 2026-09-30=8 stock a=1",
    );
    check(&[("2026-09-30", 9)], "short plan[0]: not enough of `hours`: `2026-09-30`: 9 wanted, 8 available");
    check(&[("2026-10-01", 1)], "short plan[0]: not enough of `hours`: `2026-10-01`: 1 wanted, 0 available");
}

#[test]
fn what_was_made_is_put_in() {
    let mut play = play(&[("stock", "a", "1", "0")]);
    open(&mut play, json!({ "thing": "a", "made": "2.50", "lines": lines(&[("a", "3")]) }));
    assert_eq!(field(&play, "lying"), r#""1""#);
    assert_eq!(step(&mut play, "make"), "new: make, put stock a=2.5 | ");
    // The formulas of the command see what it has moved.
    assert_eq!((field(&play, "left"), field(&play, "lying")), (r#""3.5""#.into(), r#""3.5""#.into()));
}

#[test]
fn arrivals_count_until_the_day_that_is_given() {
    let arrival = Arrival { id: "po1".into(), on: "2026-09-28".parse().unwrap(), quantity: "5".parse().unwrap() };
    let check = |due: &str, soon: bool| {
        let mut play = play(&[]);
        play.world = world_with(&[("stock", "a", "1", "0")], vec![arrival.clone()]);
        open(&mut play, json!({ "due": due, "lines": lines(&[("a", "6")]) }));
        let rows = play.case.as_ref().unwrap().fields.get("lines").unwrap().to_json();
        assert_eq!((&rows[0]["covered"], &rows[0]["soon"]), (&json!(false), &json!(soon)), "{due}");
        assert_eq!(step(&mut play, "take_all"), "short lines[0]: not enough of `stock`: `a`: 6 wanted, 1 available");
    };
    check("2026-09-27", false);
    check("2026-09-28", true);
}
