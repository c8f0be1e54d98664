//! What a run found out, in numbers; [`text`] says it to people.

mod growth;
mod steps;

use serde::Serialize;

use super::growth::Growth;
use super::measure::Window;
use super::system::Machine;
use super::yardstick::Bytes;

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Report {
    /// What a case is.
    pub(super) load: String,
    /// Commands of a case.
    pub(super) commands_per_case: usize,
    /// The program, and how it was built.
    pub(super) program: String,
    /// The machine.
    pub(super) machine: Machine,
    /// A window for each number of clients; of a sustained run one for each ten seconds, then the whole.
    pub(super) windows: Vec<Window>,
    /// What the machine can do at best, for each number of clients.
    pub(super) yardsticks: Vec<Yardstick>,
    /// What was written for a command.
    pub(super) bytes: Bytes,
    /// What was done, and what the server has.
    pub(super) counted: Counted,
    /// Bytes of the data folder for each case.
    pub(super) disk_bytes_per_case: u64,
    /// What many cases did to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) growth: Option<Growth>,
    /// Commands that failed.
    pub(super) failed: u64,
    /// What was said about the first of them.
    pub(super) problems: Vec<String>,
}

/// What the machine can do at best.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Yardstick {
    /// How many clients.
    pub(super) clients: usize,
    /// A server that answers `hello`.
    pub(super) hello: Window,
    /// Commands a second that a plain file takes, in groups as large as the number of clients.
    pub(super) append_per_second: f64,
    /// The same for the project's own journal.
    pub(super) journal_per_second: f64,
}

/// What was done, by the answers, and what the server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counted {
    /// Cases that were opened.
    pub(super) cases_done: u64,
    /// Cases that are there.
    pub(super) cases_found: u64,
    /// Cases that were taken through the last step.
    pub(super) ended_done: u64,
    /// Cases in the stage where that leads.
    pub(super) ended_found: u64,
    /// Events that were answered.
    pub(super) events_done: u64,
    /// Events in the log.
    pub(super) events_found: u64,
}

impl Counted {
    /// Whether the server has exactly what was done.
    pub(super) fn agree(self) -> bool {
        self.cases_done == self.cases_found
            && self.ended_done == self.ended_found
            && self.events_done == self.events_found
    }
}

impl Report {
    /// Whether nothing failed and everything that was done is there.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0 && self.counted.agree() && self.growth.as_ref().is_none_or(Growth::is_good)
    }
}

/// The report for people.
pub(super) fn text(report: &Report) -> String {
    let mut parts = vec![head(report)];
    if !report.windows.is_empty() {
        parts.push(steps::windows(&report.windows));
    }
    if !report.yardsticks.is_empty() {
        parts.push(steps::yardsticks(report));
    }
    if let Some(growth) = &report.growth {
        parts.push(growth::text(growth));
    }
    parts.push(foot(report));
    parts.join("\n")
}

/// A line of a sustained run while it runs.
pub(super) fn line(window: Option<&Window>, seconds: u64) -> String {
    let Some(window) = window else { return String::new() };
    let latency = &window.latency;
    let cpu = window.server_cpu.map_or_else(unknown, |cpu| format!("{:.0} us", cpu.total_us()));
    let memory = window.memory.map_or_else(unknown, |memory| mebibytes(memory.now_bytes));
    let [p50, p99, max] = [latency.p50_us, latency.p99_us, latency.max_us].map(milliseconds);
    let per_second = rate(window.per_second);
    format!(
        "{seconds:>6} s  {per_second:>8} commands/s  p50 {p50} ms  p99 {p99} ms  max {max} ms  CPU {cpu}  memory {memory}"
    )
}

fn head(report: &Report) -> String {
    let machine = &report.machine;
    let processor = machine.processor.as_deref().unwrap_or("-");
    let memory = machine.memory_bytes.map_or_else(|| "-".to_owned(), mebibytes);
    let (load, commands) = (&report.load, report.commands_per_case);
    format!(
        "{load}: {commands} commands a case\n{}\n{} cores of {processor}, {memory} of memory, {}\n",
        report.program, machine.cores, machine.system
    )
}

fn foot(report: &Report) -> String {
    let counted = &report.counted;
    let mut text = format!(
        "done and found on the server: cases {}, at the end {}, events {}\n",
        pair(counted.cases_done, counted.cases_found),
        pair(counted.ended_done, counted.ended_found),
        pair(counted.events_done, counted.events_found)
    );
    if report.growth.is_none() {
        text.push_str(&written(report.bytes));
        text.push_str(&format!("{} bytes on disk a case\n", grouped(report.disk_bytes_per_case)));
    }
    if report.failed > 0 {
        text.push_str(&format!("FAILED: {} commands\n", grouped(report.failed)));
    }
    for problem in &report.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    text
}

fn written(bytes: Bytes) -> String {
    let how = if bytes.counted { "written to the journal" } else { "stated for the comparison, not counted" };
    format!("{} bytes a command ({how})\n", grouped(bytes.per_command))
}

fn pair(done: u64, found: u64) -> String {
    if done == found {
        format!("{} = {}", grouped(done), grouped(found))
    } else {
        format!("{} BUT {}", grouped(done), grouped(found))
    }
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are small and not negative")]
fn rate(per_second: f64) -> String {
    grouped(per_second.round() as u64)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes / (1024 * 1024)))
}

fn milliseconds(micros: u32) -> String {
    format!("{:.1}", f64::from(micros) / 1000.0)
}

/// What is not known.
fn unknown() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests;
