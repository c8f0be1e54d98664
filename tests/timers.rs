//! Timers over a real runtime, under a clock that is moved by hand: what is due happens once, whatever comes between.
#![cfg(test)]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use gendan::clock::Clock;
use gendan::library::Library;
use gendan::model::command::Input;
use gendan::model::{Actor, CaseId, Event, Timestamp};
use gendan::runtime::{Done, Failure, Request, Runtime, Want};
use gendan::store::{Answer, Fault, Memory, Store as _};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const JOB: &str = r#"
workflow: job
fields:
  due: { type: datetime }
  ready: { type: boolean, default: true }
  count: { type: integer }
edit:
  - { stages: all, by: clerk, fields: [due, ready, count] }
open: { by: clerk, to: waiting }
stages:
  waiting:
    transitions:
      lapse: { at: due, when: ready ?? false, to: gone }
      nudge: { at: 2h after entered, stay: true, do: [ comment: nudged ] }
  gone: { final: failure }
"#;

/// A runtime over a memory that outlives it.
struct Bed {
    folder: TempDir,
    memory: Arc<Memory>,
    clock: Clock,
    runtime: Runtime,
}

impl Bed {
    fn new(job: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("workflows")).unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join("workflows").join(name), text).unwrap();
        file("roles.yaml", "roles: { clerk: Clerk }");
        file("job.yaml", job);
        let clock = Clock::manual(Timestamp::parse("2026-09-24T01:00:00Z").unwrap());
        let memory = Arc::new(Memory::new());
        let runtime = Self::runtime(&folder, &memory, &clock);
        Self { folder, memory, clock, runtime }
    }

    fn runtime(folder: &TempDir, memory: &Arc<Memory>, clock: &Clock) -> Runtime {
        let library = Library::open(folder.path().to_owned(), Arc::clone(memory) as _, clock.clone()).unwrap();
        Runtime::start(Arc::clone(memory) as _, library, clock.clone()).unwrap()
    }

    /// The power goes, and the server is started again.
    fn restart(&mut self) {
        self.runtime.stop();
        self.memory = Arc::new(self.memory.crash().unwrap());
        self.runtime = Self::runtime(&self.folder, &self.memory, &self.clock);
    }

    async fn want(&self, want: Want) -> Result<CaseId, Failure> {
        let request =
            Request { actor: Actor::new("ann", &["clerk"]), want, expected: None, retry: None, dry_run: false };
        let render = |done: &Done| Answer {
            fingerprint: "".into(),
            at: Timestamp(0),
            status: 200,
            headers: Vec::new(),
            body: done.case.id.to_string().into(),
        };
        Ok(self.runtime.execute(request, Box::new(render)).await?.answer.body.parse().unwrap())
    }

    async fn open(&self, fields: Json) -> CaseId {
        self.want(Want::Open { workflow: "job".into(), fields: input(fields), comment: None }).await.unwrap()
    }

    async fn edit(&self, id: CaseId, fields: Json) {
        self.want(Want::Edit { id, fields: input(fields), comment: None }).await.unwrap();
    }

    fn clock_at(&mut self, text: &str) -> &mut Self {
        let Clock::Manual(moment) = &self.clock else { panic!("it is moved by hand") };
        moment.store(Timestamp::parse(text).unwrap().0, std::sync::atomic::Ordering::SeqCst);
        self
    }

    /// Sweeps; gives when something is due next.
    async fn sweep(&self) -> String {
        self.runtime.sweep().await.unwrap().map_or_else(|| "never".to_owned(), |next| next.to_string())
    }

    /// The events of a case, after the first.
    fn told(&self, id: CaseId) -> String {
        let history = self.memory.history(id, 1, 100).unwrap();
        let event = |event: &Event| {
            if let Event::Taken { transition, .. } = event {
                transition.to_string()
            } else if let Event::Commented { text } = event {
                format!("({text})")
            } else if let Event::Scheduled { schedule, due, .. } = event {
                format!("{schedule} of {due}")
            } else {
                event.kind().to_owned()
            }
        };
        history.iter().map(|logged| event(&logged.recorded.event)).collect::<Vec<_>>().join(" ")
    }

    fn sound(&self) {
        assert_eq!(self.memory.verify(&mut |_, _| ()).unwrap(), []);
    }
}

fn input(json: Json) -> Input {
    json.as_object().cloned().unwrap()
}

fn due(text: &str) -> Json {
    json!({ "due": text })
}

#[tokio::test]
async fn a_case_is_woken_when_it_is_due_and_waits_for_nothing_else() {
    let mut bed = Bed::new(JOB);
    let first = bed.open(due("2026-09-24T02:00:00Z")).await;
    let second = bed.open(json!({})).await;
    assert_eq!(bed.sweep().await, "2026-09-24T02:00:00Z");
    assert_eq!(bed.clock_at("2026-09-24T01:59:59Z").sweep().await, "2026-09-24T02:00:00Z");
    assert_eq!((bed.told(first), bed.told(second)), (String::new(), String::new()));
    assert_eq!(bed.clock_at("2026-09-24T02:00:00Z").sweep().await, "2026-09-24T03:00:00Z");
    assert_eq!(bed.told(first), "lapse");
    assert_eq!(bed.clock_at("2026-09-24T09:00:00Z").sweep().await, "never");
    assert_eq!((bed.told(first), bed.told(second)), ("lapse".to_owned(), "nudge (nudged)".to_owned()));
    bed.sound();
}

#[tokio::test]
async fn what_was_missed_is_done_once_after_a_restart() {
    let mut bed = Bed::new(JOB);
    let case = bed.open(json!({})).await;
    bed.restart();
    assert_eq!(bed.clock_at("2026-09-26T00:00:00Z").sweep().await, "never");
    for _ in 0..2 {
        assert_eq!(bed.told(case), "nudge (nudged)");
        bed.restart();
        bed.sweep().await;
    }
    bed.sound();
}

#[tokio::test]
async fn what_can_not_happen_stays_due_without_being_tried_all_the_time() {
    let mut bed = Bed::new(JOB);
    let case = bed.open(json!({ "due": "2026-09-24T01:30:00Z", "ready": false })).await;
    // Nothing of it can happen, but it looks on to what is due later.
    assert_eq!(bed.clock_at("2026-09-24T01:30:00Z").sweep().await, "2026-09-24T03:00:00Z");
    assert_eq!(bed.told(case), "");
    bed.restart();
    assert_eq!(bed.sweep().await, "2026-09-24T03:00:00Z");
    assert_eq!(bed.clock_at("2026-09-24T03:00:00Z").sweep().await, "never");
    bed.edit(case, json!({ "count": 1 })).await;
    bed.edit(case, json!({ "ready": true })).await;
    assert_eq!(bed.told(case), "nudge (nudged) edited edited lapse");
    bed.sound();
}

#[tokio::test]
async fn a_clock_that_jumps_back_doubles_nothing_and_loses_nothing() {
    let mut bed = Bed::new(JOB);
    let first = bed.open(due("2026-09-24T02:00:00Z")).await;
    bed.clock_at("2026-09-24T03:30:00Z").sweep().await;
    assert_eq!(bed.told(first), "lapse");
    bed.clock_at("2026-09-24T01:00:00Z");
    let second = bed.open(due("2026-09-24T02:30:00Z")).await;
    assert_eq!(bed.sweep().await, "2026-09-24T02:30:00Z");
    assert_eq!(bed.told(second), "");
    assert_eq!(bed.clock_at("2026-09-24T02:30:00Z").sweep().await, "never");
    assert_eq!((bed.told(first), bed.told(second)), ("lapse".to_owned(), "lapse".to_owned()));
    bed.sound();
}

#[tokio::test]
async fn a_wake_that_fails_is_tried_again_with_growing_pauses() {
    let mut bed = Bed::new(JOB);
    let case = bed.open(due("2026-09-24T02:00:00Z")).await;
    bed.clock_at("2026-09-24T02:00:00Z");
    for next in ["2026-09-24T02:00:01Z", "2026-09-24T02:00:03Z", "2026-09-24T02:00:07Z"] {
        bed.memory.fault(1, Fault::Fail);
        assert_eq!(bed.sweep().await, next);
        // Before its time it is left alone.
        assert_eq!(bed.sweep().await, next);
        assert_eq!(bed.told(case), "");
        bed.clock_at(next);
    }
    assert_eq!(bed.sweep().await, "never");
    assert_eq!(bed.told(case), "lapse");
    bed.sound();
}

#[tokio::test]
async fn a_wake_that_is_refused_is_left_and_what_is_due_later_is_not() {
    // Nobody can say whether it holds: `count` has no value.
    let job = JOB.replace("when: ready ?? false", "when: 'if ready ?? false { lines[0] > 1 } else { true }'");
    let job =
        job.replace("  count: { type: integer }", "  count: { type: integer }\n  lines: { type: list, of: integer }");
    let mut bed = Bed::new(&job);
    let case = bed.open(due("2026-09-24T02:00:00Z")).await;
    assert_eq!(bed.clock_at("2026-09-24T02:00:00Z").sweep().await, "2026-09-24T03:00:00Z");
    assert_eq!(bed.told(case), "");
    assert_eq!(bed.clock_at("2026-09-24T03:00:00Z").sweep().await, "never");
}

#[tokio::test]
async fn a_change_of_the_definitions_reaches_open_cases_once() {
    let untimed = JOB.replace("at: due, ", "by: clerk, ").replace("at: 2h after entered, ", "by: clerk, ");
    let mut bed = Bed::new(&untimed);
    let first = bed.open(due("2026-09-24T02:00:00Z")).await;
    let second = bed.open(due("2026-09-24T05:00:00Z")).await;
    assert_eq!(bed.clock_at("2026-09-24T04:00:00Z").sweep().await, "never");
    bed.runtime.catch_up().await.unwrap();
    fs::write(bed.folder.path().join("workflows/job.yaml"), JOB).unwrap();
    bed.restart();
    let before = bed.runtime.position();
    for _ in 0..2 {
        bed.runtime.catch_up().await.unwrap();
        assert_eq!(bed.sweep().await, "2026-09-24T05:00:00Z");
        assert_eq!((bed.told(first), bed.told(second)), ("lapse".to_owned(), "nudge (nudged)".to_owned()));
        assert_eq!(bed.runtime.position().0, before.0 + 3);
        bed.restart();
    }
    fs::write(bed.folder.path().join("workflows/job.yaml"), untimed).unwrap();
    bed.restart();
    bed.runtime.catch_up().await.unwrap();
    assert_eq!(bed.clock_at("2026-09-24T05:00:00Z").sweep().await, "never");
    assert_eq!(bed.told(second), "nudge (nudged)");
    bed.sound();
}

#[tokio::test]
async fn many_that_are_due_at_once_are_all_woken() {
    let mut bed = Bed::new(JOB);
    let mut cases = Vec::new();
    for _ in 0..600 {
        cases.push(bed.open(due("2026-09-24T02:00:00Z")).await);
    }
    assert_eq!(bed.clock_at("2026-09-24T02:00:00Z").sweep().await, "never");
    assert!(cases.iter().all(|case| bed.told(*case) == "lapse"));
    bed.sound();
}

#[tokio::test]
async fn time_is_kept_by_itself() {
    let mut bed = Bed::new(JOB);
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(bed.runtime.clone().keep_time(stop.clone()));
    let case = bed.open(due("2026-09-24T02:00:00Z")).await;
    bed.clock_at("2026-09-24T02:00:00Z");
    tokio::time::timeout(Duration::from_secs(20), async {
        while bed.told(case).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(bed.told(case), "lapse");
    stop.cancel();
    keeping.await.unwrap();
}

/// A runtime whose cases are looked at every day at nine, and on Fridays.
fn scheduled() -> String {
    format!(
        "{}schedules:\n  daily: {{ at: 09:00 every day, for: {{ when: ready ?? false }}, do: [ set: {{ count: '=(count ?? 0) + 1' }} ] }}\n",
        JOB.replace("      nudge: { at: 2h after entered, stay: true, do: [ comment: nudged ] }\n", "")
    )
}

#[tokio::test]
async fn a_schedule_is_done_at_its_time() {
    let mut bed = Bed::new(&scheduled());
    assert_eq!(bed.sweep().await, "2026-09-24T09:00:00Z");
    let first = bed.open(json!({})).await;
    let second = bed.open(json!({ "ready": false })).await;
    assert_eq!(bed.clock_at("2026-09-24T08:59:59Z").sweep().await, "2026-09-24T09:00:00Z");
    assert_eq!(bed.told(first), "");
    assert_eq!(bed.clock_at("2026-09-24T09:00:00Z").sweep().await, "2026-09-25T09:00:00Z");
    for _ in 0..2 {
        assert_eq!(bed.told(first), "daily of 2026-09-24T09:00:00Z");
        assert_eq!(bed.told(second), "");
        assert_eq!(bed.sweep().await, "2026-09-25T09:00:00Z");
        bed.restart();
    }
    // The clock jumps back.
    assert_eq!(bed.clock_at("2026-09-24T08:00:00Z").sweep().await, "2026-09-25T09:00:00Z");
    assert_eq!(bed.told(first), "daily of 2026-09-24T09:00:00Z");
    bed.sound();
}

#[tokio::test]
async fn what_a_schedule_missed_is_done_once_for_the_last_of_its_times() {
    let mut bed = Bed::new(&scheduled());
    bed.sweep().await;
    let case = bed.open(json!({})).await;
    bed.clock_at("2026-09-27T12:00:00Z");
    bed.restart();
    let late = bed.open(json!({})).await;
    assert_eq!(bed.sweep().await, "2026-09-28T09:00:00Z");
    assert_eq!((bed.told(case), bed.told(late)), ("daily of 2026-09-27T09:00:00Z".to_owned(), String::new()));
    bed.sound();
}

#[tokio::test]
async fn a_schedule_that_is_cut_off_is_finished_without_doubling_anything() {
    for nth in 1..=9 {
        let mut bed = Bed::new(&scheduled());
        bed.sweep().await;
        let mut cases = Vec::new();
        for _ in 0..8 {
            cases.push(bed.open(json!({})).await);
        }
        bed.clock_at("2026-09-24T09:00:00Z");
        bed.memory.fault(nth, if nth % 2 == 0 { Fault::Tear } else { Fault::Fail });
        let _outcome = bed.runtime.sweep().await;
        if nth % 3 == 0 {
            bed.restart();
        }
        bed.clock_at("2026-09-24T09:00:10Z");
        assert_eq!(bed.sweep().await, "2026-09-25T09:00:00Z");
        for case in &cases {
            assert_eq!(bed.told(*case), "daily of 2026-09-24T09:00:00Z", "{nth}");
        }
        bed.sound();
    }
}

/// Cases that are told of together at nine, and then counted.
fn told_together() -> String {
    let schedules = "schedules:\n  daily: { at: 09:00 every day, for: { stages: [waiting], when: 'ready && !is_set(count)' }, together: [ notify: late ], do: [ set: { count: 1 } ] }\n";
    format!(
        "{}{schedules}",
        JOB.replace("      nudge: { at: 2h after entered, stay: true, do: [ comment: nudged ] }\n", "")
    )
}

const LATE: &str = "message: late\nchannels: [inbox]\nto: clerk\nsubject: \"{{ cases | length }} late\"\nbody: \"{% for each in cases %}{{ each.number }} {% endfor %}\"\n";

impl Bed {
    fn telling() -> Self {
        let bed = Self::new(&told_together().replace("together: [ notify: late ], ", ""));
        fs::create_dir(bed.folder.path().join("workflows/messages")).unwrap();
        fs::write(bed.folder.path().join("workflows/messages/late.yaml"), LATE).unwrap();
        fs::write(bed.folder.path().join("workflows/job.yaml"), told_together()).unwrap();
        let mut bed = bed;
        bed.restart();
        bed
    }

    /// The messages that were sent, without those of single cases.
    fn letters(&self) -> Vec<String> {
        let wanted = gendan::store::Wanted::Inbox { of: gendan::model::Recipient::Role("clerk".into()), after: None };
        let mut sent = self.memory.outbox(&wanted, 100).unwrap();
        sent.sort_by_key(|delivery| delivery.at);
        let words = |id| self.memory.notice(id).unwrap().unwrap();
        let said = |notice: gendan::model::Notice| {
            let text = |title: &gendan::model::Title| title.text(gendan::model::Language::En).trim().to_owned();
            format!("{}: {}", text(&notice.subject), text(&notice.body))
        };
        sent.iter().map(|delivery| said(words(delivery.id))).collect()
    }
}

#[tokio::test]
async fn a_schedule_tells_of_all_its_cases_in_one_message() {
    let mut bed = Bed::telling();
    bed.sweep().await;
    let first = bed.open(json!({})).await;
    bed.open(json!({ "ready": false })).await;
    bed.open(json!({})).await;
    assert_eq!(bed.clock_at("2026-09-24T09:00:00Z").sweep().await, "2026-09-25T09:00:00Z");
    assert_eq!(bed.letters(), ["2 late: job-0001 job-0003"]);
    assert_eq!(bed.told(first), "daily of 2026-09-24T09:00:00Z");
    // None is late any more, so nobody is told; one that is opened later is told of later.
    assert_eq!(bed.clock_at("2026-09-25T09:00:00Z").sweep().await, "2026-09-26T09:00:00Z");
    bed.open(json!({})).await;
    bed.restart();
    bed.sweep().await;
    assert_eq!(bed.letters().len(), 1);
    bed.clock_at("2026-09-29T10:00:00Z").sweep().await;
    assert_eq!(bed.letters(), ["2 late: job-0001 job-0003", "1 late: job-0004"]);
}

/// Jobs with clocks; what `breach` says can be done only while `ready`.
fn clocked() -> String {
    format!(
        "{JOB}slas:\n  answer: {{ stage: waiting, within: 1h, warn: {{ at: 50%, do: [ comment: soon ] }}, breach: [ set: {{ count: '=if ready ?? false {{ 1 }} else {{ lines[0] }}' }} ] }}\n  quiet: {{ stage: waiting, within: 3h, warn: {{ at: 30m before, do: [ comment: nearly ] }} }}\n"
    )
    .replace("  count: { type: integer }", "  count: { type: integer }\n  lines: { type: list, of: integer }")
}

#[tokio::test]
async fn what_a_clock_owes_is_done_whenever_the_machine_looks_though_its_own_clock_was_set_back() {
    let mut bed = Bed::new(&clocked());
    let case = bed.open(json!({})).await;
    assert_eq!(bed.sweep().await, "2026-09-24T01:30:00Z");
    // Somebody acts before the engine looks, and then the clock is set back.
    bed.clock_at("2026-09-24T02:40:00Z");
    bed.want(Want::Comment { id: case, text: "here".into() }).await.unwrap();
    assert_eq!(bed.clock_at("2026-09-24T02:10:00Z").sweep().await, "2026-09-24T03:00:00Z");
    assert!(bed.told(case).ends_with("(here) clock_breached edited"), "{}", bed.told(case));
    bed.sound();
}

#[tokio::test]
async fn what_is_told_together_is_told_once_wherever_it_is_cut_off() {
    for nth in 1..=12 {
        let mut bed = Bed::telling();
        bed.sweep().await;
        for _ in 0..8 {
            bed.open(json!({})).await;
        }
        bed.clock_at("2026-09-24T09:00:00Z");
        bed.memory.fault(nth, if nth % 2 == 0 { Fault::Tear } else { Fault::Fail });
        let _outcome = bed.runtime.sweep().await;
        if nth % 3 == 0 {
            bed.restart();
        }
        for second in 10..14 {
            bed.clock_at(&format!("2026-09-24T09:00:{second}Z"));
            let _outcome = bed.runtime.sweep().await;
        }
        let letters = bed.letters();
        assert_eq!(letters.len(), 1, "{nth}: {letters:?}");
        assert!(letters[0].starts_with("8 late: "), "{nth}: {letters:?}");
        bed.sound();
    }
}

#[tokio::test]
async fn a_warning_that_is_too_late_is_not_tried_all_the_time() {
    let mut bed = Bed::new(&clocked());
    let case = bed.open(json!({ "ready": true })).await;
    assert_eq!(bed.clock_at("2026-09-24T01:30:00Z").sweep().await, "2026-09-24T02:00:00.001Z");
    assert_eq!(bed.clock_at("2026-09-24T02:30:00Z").sweep().await, "2026-09-24T03:00:00Z");
    // The second clock was to warn half an hour before; now it is past its deadline.
    assert_eq!(bed.clock_at("2026-09-24T09:00:00Z").sweep().await, "never");
    let told = bed.told(case);
    assert!(told.contains("clock_warned (soon)") && !told.contains("nearly"), "{told}");
    bed.sound();
}
