//! Clocks: every start, stop, pause and breach, and the traps that others fell into.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::*;
use crate::engine::sla::{due, explain};
use crate::model::ClockChange;

/// 2026-09-24 is a Thursday; the 25th is off.
const OFFICE: &str = "
calendar: office
time_zone: Asia/Shanghai
hours: { mon-fri: [ \"09:00-12:00\", \"13:00-18:00\" ] }
years: { 2026: { off: [ 2026-09-25..2026-09-27: { zh: 中秋节, en: Mid-Autumn Festival } ] } }
";

const WORKFLOW: &str = "
workflow: job
number: \"J{seq:3}\"
calendar: office
fields:
  kind: { type: text, default: plain }
  proof: { type: text }
  note: { type: text }
edit:
  - { stages: all, by: clerk, fields: [proof] }
open: { by: clerk, ask: [kind], to: new }
stages:
  new:
    owner: clerk
    transitions:
      submit: { by: clerk, to: review }
  review:
    owner: boss
    transitions:
      ask: { by: boss, to: waiting }
      pass: { by: boss, to: done }
      back: { by: boss, to: new }
  waiting:
    transitions:
      answer: { by: clerk, to: review }
  done: { final: success }
  dropped: { final: cancelled }
any_stage:
  drop: { from: all, by: clerk, to: dropped }
slas:
";

fn play_with(slas: &str, calendar: &str) -> Play {
    let workflow = format!("{WORKFLOW}{slas}");
    let mut play = Play::with_rules(&workflow, &[("workflows/calendars/office.yaml", calendar)]);
    play.at("2026-09-24 10:00");
    play
}

fn play(slas: &str) -> Play {
    play_with(slas, OFFICE)
}

impl Play {
    /// Moves the clock, which is that of Shanghai.
    fn at(&mut self, text: &str) -> &mut Self {
        let seconds = if text.len() == 16 { ":00" } else { "" };
        self.now = Timestamp::parse(&format!("{}{seconds}+08:00", text.replace(' ', "T"))).unwrap();
        self
    }

    #[track_caller]
    fn begin(&mut self, expect: &str) -> &mut Self {
        self.open("ann:clerk", json!({}), expect)
    }

    #[track_caller]
    fn clerk(&mut self, transition: &str, expect: &str) -> &mut Self {
        self.take("ann:clerk", transition, json!({}), expect)
    }

    #[track_caller]
    fn boss(&mut self, transition: &str, expect: &str) -> &mut Self {
        self.take("bob:boss", transition, json!({}), expect)
    }

    #[track_caller]
    fn wakes(&mut self, expect: &str) -> &mut Self {
        self.step("system:system", Act::Wake, expect)
    }

    /// When the case wants to be woken next, in Shanghai.
    fn next_due(&self) -> String {
        let case = self.case.as_ref().unwrap();
        let due = due(&self.definition.workflows[&case.workflow], case, self.now).min();
        let shown = |due: Timestamp| due.local(chrono_tz::Asia::Shanghai).format("%m-%d %H:%M:%S%.f").to_string();
        due.map_or_else(|| "never".to_owned(), shown)
    }

    /// Everything that there is to say about the clocks, a line each.
    fn explained(&self) -> String {
        let shown = |at: Timestamp| at.local(chrono_tz::Asia::Shanghai).format("%m-%d %H:%M").to_string();
        let mut out = String::new();
        for told in explain(&self.definition, self.case.as_ref().unwrap()) {
            let due = told.due.map_or_else(|| "none".to_owned(), shown);
            let _ = writeln!(out, "{}#{} {} due {due}", told.clock.sla, told.clock.number, told.within);
            for span in told.spans {
                let sign = if span.counted { '+' } else { ' ' };
                let why = span.why.text(Language::En);
                let _ = writeln!(out, "{sign} {} {} {}: {why}", shown(span.from), shown(span.to), span.code);
            }
        }
        out
    }
}

const ANSWER: &str = "  answer: { stage: review, within: 1h, owner: boss, breach: [ escalate: clerk ] }";

#[test]
fn exactly_at_the_limit_is_met_and_one_second_later_is_missed() {
    let mut early = play(ANSWER);
    early.begin("new: open kind=plain").clerk("submit", "review: submit, answer#1 clock_started");
    assert_eq!(early.next_due(), "09-24 11:00:00.001");
    early.at("2026-09-24 11:00").wakes("review: ").boss("pass", "done: pass, answer#1 clock_met");
    assert_eq!(early.next_due(), "never");
    let mut late = play(ANSWER);
    late.begin("new: open kind=plain").clerk("submit", "review: submit, answer#1 clock_started");
    late.at("2026-09-24 11:00:01")
        .wakes("review: answer#1 clock_breached, escalated to clerk")
        // A breach does not stop the clock, and a late act is accepted.
        .at("2026-09-24 15:00")
        .boss("pass", "done: pass, answer#1 clock_met_late");
    let breached = &late.history[late.history.len() - 4];
    assert_eq!(&*breached.by, "system", "{breached:?}");
    assert!(
        matches!(&late.history[late.history.len() - 3].event, Event::Escalated { to, owner: Some(owner), sla: Some(sla) }
        if &**to == "clerk" && &**owner == "boss" && &**sla == "answer")
    );
}

#[test]
fn sweeps_that_are_late_or_come_again_neither_lose_nor_double_an_escalation() {
    let mut play = play(ANSWER);
    play.begin("new: open kind=plain").clerk("submit", "review: submit, answer#1 clock_started");
    play.at("2026-09-30 11:00").wakes("review: answer#1 clock_breached, escalated to clerk");
    assert_eq!(play.next_due(), "never");
    play.wakes("review: ").at("2026-10-10 11:00").wakes("review: ");
    // No sweep at all: whoever stops the clock late escalates it first.
    let mut play = self::play(ANSWER);
    play.begin("new: open kind=plain").clerk("submit", "review: submit, answer#1 clock_started");
    play.at("2026-09-24 12:00")
        .boss("pass", "done: pass, answer#1 clock_breached, escalated to clerk, answer#1 clock_met_late");
    // A sweep whose decision was lost is decided again, with the same outcome.
    let mut play = self::play(ANSWER);
    play.begin("new: open kind=plain").clerk("submit", "review: submit, answer#1 clock_started");
    play.at("2026-09-24 12:00");
    let (case, history) = (play.case.clone(), play.history.clone());
    play.wakes("review: answer#1 clock_breached, escalated to clerk");
    (play.case, play.history) = (case, history);
    play.wakes("review: answer#1 clock_breached, escalated to clerk").wakes("review: ");
}

#[test]
fn each_entry_starts_a_new_clock_and_another_road_makes_it_void() {
    let slas = "  check: { from: { enters: review }, until: { transition: pass }, within: 2h }";
    let mut play = play(slas);
    play.begin("new: open kind=plain")
        .clerk("submit", "review: submit, check#1 clock_started")
        .at("2026-09-24 11:59")
        .boss("back", "new: back, check#1 clock_void")
        .clerk("submit", "review: submit, check#2 clock_started");
    assert_eq!(play.next_due(), "09-24 13:59:00.001");
    // From where it waits it could only be passed after another entry, which is another clock.
    play.boss("ask", "waiting: ask, check#2 clock_void").clerk("drop", "dropped: drop");
    assert_eq!(play.next_due(), "never");
    let slas = "  whole: { from: opened, until: { enters: done }, within: 2h }";
    let mut play = self::play(slas);
    play.begin("new: open kind=plain, whole#1 clock_started").clerk("submit", "review: submit");
    play.boss("back", "new: back").clerk("submit", "review: submit");
    play.at("2026-09-24 12:00").boss("pass", "done: pass, whole#1 clock_met");
}

#[test]
fn a_clock_starts_and_stops_by_fields_transitions_and_leaving_and_only_where_its_condition_holds() {
    let slas = "
  proof: { from: opened, when: { kind: verbal }, until: { field: proof }, within: 24h }
  away: { from: { leaves: new }, until: { leaves: review }, within: 2h }
  shown: { from: { field: proof }, until: { transition: pass }, within: 2h }
  asked: { from: { transition: ask }, until: { transition: answer }, within: 2h }";
    let mut play = play(slas);
    play.begin("new: open kind=plain");
    let mut play = self::play(slas);
    play.open("ann:clerk", json!({ "kind": "verbal" }), "new: open kind=verbal, proof#1 clock_started")
        .clerk("submit", "review: submit, away#1 clock_started")
        .boss("ask", "waiting: ask, away#1 clock_met, asked#1 clock_started")
        .edit("ann:clerk", json!({ "proof": "p" }), "waiting: edit proof=p, proof#1 clock_met, shown#1 clock_started")
        .edit("ann:clerk", json!({ "proof": "q" }), "waiting: edit proof=q, shown#1 clock_void, shown#2 clock_started")
        .clerk("answer", "review: answer, asked#1 clock_met")
        .boss("pass", "done: pass, shown#2 clock_met");
    // What is there already is not waited for.
    let mut play = self::play(slas);
    play.open(
        "ann:clerk",
        json!({ "kind": "verbal", "proof": "p" }),
        "new: open kind=verbal proof=p, shown#1 clock_started",
    );
}

#[test]
fn a_pause_while_the_clock_of_the_machine_was_set_back_makes_no_deadline_earlier() {
    let slas = "
  check: { from: { enters: review }, until: { enters: done }, within: 2h, pauses: { stage: waiting }, breach: [ escalate: boss ] }";
    let mut play = play(slas);
    play.begin("new: open kind=plain")
        .clerk("submit", "review: submit, check#1 clock_started")
        .at("2026-09-24 09:00")
        .boss("ask", "waiting: ask, check#1 clock_paused")
        .at("2026-09-24 08:30")
        .clerk("answer", "review: answer, check#1 clock_resumed");
    assert_eq!(play.next_due(), "09-24 12:00:00.001");
}

#[test]
fn a_paused_clock_does_not_tick() {
    let slas = "
  check: { from: { enters: review }, until: { enters: done }, within: 2h, pauses: { stage: waiting }, breach: [ escalate: boss ] }";
    let mut play = play(slas);
    play.begin("new: open kind=plain")
        .clerk("submit", "review: submit, check#1 clock_started")
        .at("2026-09-24 11:00")
        .boss("ask", "waiting: ask, check#1 clock_paused");
    assert_eq!(play.next_due(), "never");
    play.at("2026-09-30 09:00").wakes("waiting: ").clerk("answer", "review: answer, check#1 clock_resumed");
    assert_eq!(play.next_due(), "09-30 10:00:00.001");
    play.at("2026-09-30 10:00:01")
        .wakes("review: check#1 clock_breached, escalated to boss")
        // What is past stays past.
        .boss("ask", "waiting: ask, check#1 clock_paused")
        .wakes("waiting: ")
        .at("2026-10-01 10:00:01")
        .clerk("answer", "review: answer, check#1 clock_resumed")
        .boss("pass", "done: pass, check#1 clock_met_late");
    insta::assert_snapshot!(play.explained(), @r"
    check#1 2h due 09-30 10:00
    + 09-24 10:00 09-24 11:00 elapsed: all time counts
      09-24 11:00 09-30 09:00 paused: paused by `waiting`
    + 09-30 09:00 09-30 10:00 elapsed: all time counts
    ");
}

#[test]
fn it_warns_once_and_climbs_rung_by_rung() {
    let slas = "
  check:
    stage: review
    within: 4 working hours
    warn: { at: 75%, do: [ set: { note: soon } ] }
    breach: [ escalate: boss, { after: 1 working day, do: [ escalate: service ] }, { after: 10d, do: [ set: { note: lost } ] } ]";
    let mut play = play(slas);
    play.begin("new: open kind=plain").clerk("submit", "review: submit, check#1 clock_started");
    // From ten to twelve and from one to three; three quarters of it are over at two.
    assert_eq!(play.next_due(), "09-24 14:00:00");
    play.at("2026-09-24 14:00").wakes("review: check#1 clock_warned, edit note=soon").wakes("review: ");
    assert_eq!(play.next_due(), "09-24 15:00:00.001");
    play.at("2026-09-24 15:01").wakes("review: check#1 clock_breached, escalated to boss").wakes("review: ");
    // The next working day is Monday.
    assert_eq!(play.next_due(), "09-28 18:00:00.001");
    play.at("2026-12-01 09:00")
        .wakes("review: check#1 clock_breached, escalated to service, check#1 clock_breached, edit note=lost");
    play.wakes("review: ");
    assert_eq!(play.next_due(), "never");
    // A warning that would come after the deadline is none.
    let mut play =
        self::play("  check: { stage: review, within: 4h, warn: { at: 1h before, do: [ escalate: boss ] } }");
    play.begin("new: open kind=plain").clerk("submit", "review: submit, check#1 clock_started");
    assert_eq!(play.next_due(), "09-24 13:00:00");
    play.at("2026-09-24 14:00:01").wakes("review: check#1 clock_breached");
}

#[test]
fn an_edit_of_the_calendar_moves_open_clocks_and_never_closed_ones() {
    let slas = "  check: { stage: review, within: 1 working day, breach: [ escalate: boss ] }";
    let mut play = play(slas);
    play.begin("new: open kind=plain").clerk("submit", "review: submit, check#1 clock_started");
    play.boss("ask", "waiting: ask, check#1 clock_met").clerk("answer", "review: answer, check#2 clock_started");
    assert_eq!(play.next_due(), "09-28 18:00:00.001");
    let closed = play.case.as_ref().unwrap().clocks[0].clone();
    let edited = OFFICE.replace("2026-09-25..2026-09-27", "2026-09-25..2026-09-28");
    play.definition = play_with(slas, &edited).definition;
    play.at("2026-09-24 11:00").wakes("review: check#2 clock_moved").wakes("review: ");
    assert_eq!(play.next_due(), "09-29 18:00:00.001");
    assert_eq!(play.case.as_ref().unwrap().clocks[0], closed);
    let Event::Clock { change: ClockChange::Moved { from, to }, cause, .. } = &play.history.last().unwrap().event
    else {
        panic!("{:?}", play.history.last());
    };
    let day = |at: &Option<Timestamp>| at.unwrap().day(chrono_tz::Asia::Shanghai).to_string();
    assert_eq!((&*day(from), &*day(to), &**cause), ("2026-09-28", "2026-09-29", "calendar"));
    insta::assert_snapshot!(play.explained(), @r"
    check#1 1 working day due 09-28 18:00
    check#2 1 working day due 09-29 18:00
      09-24 10:00 09-25 00:00 start_day: the day of the start is not counted
      09-25 00:00 09-26 00:00 day_off: Mid-Autumn Festival
      09-26 00:00 09-27 00:00 day_off: Mid-Autumn Festival
      09-27 00:00 09-28 00:00 day_off: Mid-Autumn Festival
      09-28 00:00 09-29 00:00 day_off: Mid-Autumn Festival
    + 09-29 00:00 09-29 18:00 counted_day: a day that counts
    ");
}

#[test]
fn a_year_without_data_leaves_the_clock_undetermined_and_the_command_succeeds() {
    let slas = "  check: { stage: review, within: 2 working days, breach: [ escalate: boss ] }";
    let mut play = play(slas);
    play.at("2026-12-30 10:00")
        .begin("new: open kind=plain")
        .clerk("submit", "review: submit, check#1 clock_started, check#1 clock_undetermined, escalated to admin");
    assert_eq!(play.case.as_ref().unwrap().clocks[0].unknown_year, Some(2027));
    play.wakes("review: ").at("2027-03-01 10:00").wakes("review: ");
    assert_eq!((&*play.next_due(), play.explained().lines().count()), ("never", 1));
    // Once the year is known the clock has its deadline, and may be late at once.
    play.definition = play_with(slas, &OFFICE.replace("2026: {", "2027: {}, 2026: {")).definition;
    play.wakes("review: check#1 clock_moved, check#1 clock_breached, escalated to boss");
    assert_eq!(play.case.as_ref().unwrap().clocks[0].unknown_year, None);
    play.boss("pass", "done: pass, check#1 clock_met_late");
}

/// A condition that nobody can judge once it is asked: there is no first part.
const BROKEN: &str = "if parts[0] > 1 { \\\"x\\\" } else { \\\"y\\\" }";

fn with_parts(slas: &str) -> Play {
    let workflow =
        WORKFLOW.replace("  note: { type: text }\n", "  note: { type: text }\n  parts: { type: list, of: integer }\n");
    let workflow = workflow.replace(
        "      ask: { by: boss, to: waiting }\n",
        "      ask: { by: boss, to: waiting }\n      lapse: { at: 2h after entered, when: 'parts[0] > 1', to: waiting }\n",
    );
    let mut play = Play::with_rules(&format!("{workflow}{slas}"), &[("workflows/calendars/office.yaml", OFFICE)]);
    play.at("2026-09-24 10:00").begin("new: open kind=plain");
    play
}

#[test]
fn an_action_that_fails_keeps_no_other_from_happening() {
    let slas = format!(
        "  check: {{ stage: review, within: 1h, warn: {{ at: 50%, do: [ set: {{ note: \"={BROKEN}\" }} ] }}, breach: [ set: {{ note: \"={BROKEN}\" }}, escalate: boss ] }}\n  other: {{ stage: review, within: 1h, breach: [ set: {{ proof: late }} ] }}\n"
    );
    let mut play = with_parts(&slas);
    play.clerk("submit", "review: submit, check#1 clock_started, other#1 clock_started");
    play.at("2026-09-24 10:30").wakes("review: check#1 clock_warned, check#1 clock_failed, escalated to admin");
    play.at("2026-09-24 11:01").wakes("review: check#1 clock_breached, check#1 clock_failed, escalated to admin, escalated to boss, other#1 clock_breached, edit proof=late");
    let why = play.history.iter().find_map(|recorded| {
        let Event::Clock { change: ClockChange::Failed { why }, .. } = &recorded.event else { return None };
        Some(why.to_string())
    });
    insta::assert_snapshot!(why.unwrap(), @r#"can't be judged: the list has 0 items, and there is none at 0"#);
    // It is tried once, as every rung is.
    play.at("2026-09-24 11:30").wakes("review: ");
    play.boss("pass", "done: pass, check#1 clock_met_late, other#1 clock_met_late");
}

#[test]
fn a_case_that_can_not_go_on_is_late_all_the_same() {
    let mut play = with_parts("  check: { stage: review, within: 2h, breach: [ escalate: boss ] }\n");
    play.clerk("submit", "review: submit, check#1 clock_started");
    play.at("2026-09-24 12:01").wakes("review: check#1 clock_breached, escalated to boss");
}

#[test]
fn what_starts_outside_hours_or_on_a_day_off_begins_when_work_does() {
    let slas =
        "  check: { stage: review, within: 2 working hours }\n  day: { stage: review, within: by 18:00 working day }";
    let started = "review: submit, check#1 clock_started, day#1 clock_started";
    for (start, due) in [
        ("2026-09-24 11:00", "09-24 14:00:00.001"),
        ("2026-09-24 12:30", "09-24 15:00:00.001"),
        ("2026-09-24 20:00", "09-28 11:00:00.001"),
        ("2026-09-26 08:00", "09-28 11:00:00.001"),
    ] {
        let mut play = play(slas);
        play.at(start).begin("new: open kind=plain").clerk("submit", started);
        assert_eq!(play.next_due(), due, "{start}");
    }
}

#[test]
fn an_escalation_of_a_transition_goes_to_the_owner_of_the_stage() {
    let workflow = WORKFLOW.replace("by: boss, to: waiting }", "by: boss, to: waiting, do: [ escalate: service ] }");
    let mut play =
        Play::with_rules(workflow.trim_end().trim_end_matches("slas:"), &[("workflows/calendars/office.yaml", OFFICE)]);
    play.begin("new: open kind=plain").clerk("submit", "review: submit");
    play.boss("ask", "waiting: ask, escalated to service");
    let Event::Escalated { owner, sla, .. } = &play.history.last().unwrap().event else { panic!("no escalation") };
    assert_eq!((owner.as_deref(), sla.as_deref()), (Some("boss"), None));
}

#[test]
fn clocks_stop_when_tasks_are_done() {
    let workflow = WORKFLOW.replace(
        "  review:\n    owner: boss\n",
        "  review:\n    owner: boss\n    tasks: { tell: { by: clerk, ask: [note!] } }\n",
    );
    let slas = "  told: { from: { enters: review }, until: { task: tell }, within: 2h }";
    let start = || {
        let mut play = Play::with_rules(&format!("{workflow}{slas}"), &[("workflows/calendars/office.yaml", OFFICE)]);
        play.begin("new: open kind=plain").clerk("submit", "review: submit, tell opens, told#1 clock_started");
        play
    };
    start().boss("back", "new: back, tell drops, told#1 clock_void");
    let task = crate::model::TaskStep::Complete { input: input(json!({ "note": "yes" })), comment: None };
    let act = Act::Task { task: "tell".into(), step: task };
    start().step("ann:clerk", act, "review: tell does [] note=yes, told#1 clock_met");
}

#[test]
fn work_has_the_deadline_of_the_clocks_that_mind_it() {
    let tasks = "  review:\n    owner: boss\n    tasks: { tell: { by: clerk, ask: [note!] }, look: { by: clerk } }\n";
    let workflow = WORKFLOW.replace("  review:\n    owner: boss\n", tasks);
    let told = "  told: { from: { enters: review }, until: { task: tell }, within: 2h }\n";
    for (slas, expected) in [
        (told.to_owned(), "look: None, tell: Some(09-24 12:00)"),
        (format!("{told}  all: {{ stage: review, within: 3h }}\n"), "look: Some(09-24 13:00), tell: Some(09-24 12:00)"),
        ("  none: { stage: waiting, within: 1h }\n".to_owned(), "look: None, tell: None"),
    ] {
        let calendar = [("workflows/calendars/office.yaml", OFFICE)];
        let mut play = Play::with_rules(&format!("{workflow}{slas}"), &calendar);
        play.at("2026-09-24 10:00");
        for act in [
            Act::Open {
                id: CaseId::new(1, 1),
                workflow: "job".into(),
                sequence: 1,
                fields: input(json!({})),
                comment: None,
            },
            Act::Take { transition: "submit".into(), input: input(json!({})), comment: None },
        ] {
            let command = Command { actor: actor("ann:clerk"), act };
            play.case =
                Some(decide(&play.definition, play.case.as_ref(), &command, &play.world, play.now).unwrap().case);
        }
        let workflow = &play.definition.workflows["job"];
        let mut work = work(workflow, play.case.as_ref().unwrap(), &actor("ann:clerk"), &play.world, play.now);
        work.sort_by(|one, other| one.name.cmp(&other.name));
        let zone = chrono_tz::Asia::Shanghai;
        let told = work.iter().map(|work| {
            let due = work.due.map(|due| due.local(zone).format("%m-%d %H:%M").to_string());
            format!("{}: {}", work.name, due.map_or_else(|| "None".to_owned(), |due| format!("Some({due})")))
        });
        assert_eq!(told.collect::<Vec<_>>().join(", "), expected, "{slas}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a case under whatever calendar: the ledger folds, and what is told about a clock lies end
    /// to end from its start to its deadline and adds up to its limit.
    #[test]
    fn what_is_explained_adds_up(
        steps in proptest::collection::vec((0_usize..7, 1_i64..3_000), 1..14),
        off in proptest::collection::btree_set(0_u64..100, 0..30),
    ) {
        let first = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        let days: Vec<String> = off.iter().map(|day| format!("{}: holiday", first + Days::new(*day))).collect();
        let calendar = format!("calendar: office\ntime_zone: Asia/Shanghai\nhours: {{ mon-sat: [ \"09:00-12:00\", \"13:00-18:00\" ] }}\nyears: {{ 2026: {{ off: [ {} ] }} }}\n", days.join(", "));
        let slas = "
  hours: { from: { enters: review }, until: { enters: done }, within: 9 working hours, pauses: { stage: waiting } }
  days: { from: opened, until: { enters: done }, within: 3 working days, pauses: { stage: waiting } }
  plain: { from: opened, until: { enters: done }, within: 30h, pauses: { stage: waiting }, breach: [ escalate: boss ] }
  evening: { from: { leaves: new }, until: { enters: done }, within: by 18:00 working day, pauses: { stage: waiting } }";
        let mut play = play_with(slas, &calendar);
        let who = ["ann:clerk", "bob:boss", "bob:boss", "ann:clerk", "bob:boss", "system:system", "system:system"];
        let what = ["submit", "ask", "back", "answer", "pass", "", ""];
        let id = CaseId::new(1, 1);
        let open = Act::Open { id, workflow: "job".into(), sequence: 1, fields: Input::default(), comment: None };
        let mut act = ("ann:clerk", open);
        for (step, minutes) in steps {
            let command = Command { actor: actor(act.0), act: act.1 };
            if let Ok(decision) = decide(&play.definition, play.case.as_ref(), &command, &play.world, play.now) {
                play.history.extend(decision.events.clone());
                play.case = Some(decision.case);
            }
            prop_assert_eq!(fold(id, &play.history), play.case.clone());
            check_explained(&play);
            play.now = Timestamp(play.now.0 + minutes * 60_000);
            let next = if what[step].is_empty() { Act::Wake } else {
                Act::Take { transition: what[step].into(), input: Input::default(), comment: None }
            };
            act = (who[step], next);
        }
    }
}

fn check_explained(play: &Play) {
    let case = play.case.as_ref().unwrap();
    for told in explain(&play.definition, case) {
        let mut at = told.clock.started;
        for span in &told.spans {
            assert_eq!(span.from, at, "{told:?}");
            at = span.to;
        }
        let Some(due) = told.due.filter(|_| !told.spans.is_empty()) else { continue };
        assert_eq!(at, due, "{told:?}");
        let counted = told.spans.iter().filter(|span| span.counted);
        let hours: i64 = counted.clone().map(|span| span.to.0 - span.from.0).sum::<i64>() / 1_000;
        let (sum, limit) = match &*told.clock.sla {
            "hours" => (hours, 9 * 3_600),
            "plain" => (hours, 30 * 3_600),
            "days" => (i64::try_from(counted.count()).unwrap(), 3),
            _ => (i64::try_from(counted.count()).unwrap(), 1),
        };
        assert_eq!(sum, limit, "{told:?}");
    }
    // Each rung is reached once.
    let mut breaches: Vec<String> = Vec::new();
    for recorded in &play.history {
        if let Event::Clock { sla, number, change: ClockChange::Breached { rung, .. }, .. } = &recorded.event {
            breaches.push(format!("{sla}#{number} {rung}"));
        }
    }
    let count = breaches.len();
    breaches.sort();
    breaches.dedup();
    assert_eq!(breaches.len(), count);
}
