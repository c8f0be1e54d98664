//! What many cases did, as people read it.

use comfy_table::{Table, presets};

use super::steps::{right, windows};
use super::{grouped, mebibytes, milliseconds, unknown, written};
use crate::cli::bench::growth::Growth;

pub(super) fn text(growth: &Growth) -> String {
    let live = growth.live_bytes_per_case.saturating_mul(growth.cases);
    let memory = growth.memory_after_start.map_or_else(unknown, |memory| mebibytes(memory.now_bytes));
    let lost = if growth.is_good() { "nothing answered was lost" } else { "ANSWERED EVENTS WERE LOST" };
    [
        format!("{} cases of {} commands each\n", grouped(growth.cases), growth.steps),
        windows(std::slice::from_ref(&growth.made)),
        if growth.bytes.counted { written(growth.bytes) } else { String::new() },
        format!(
            "disk: {}, {} bytes a case; a case as served has {} bytes: {} times that on disk\n",
            mebibytes(growth.disk_bytes),
            grouped(growth.disk_bytes.checked_div(growth.cases).unwrap_or_default()),
            grouped(growth.live_bytes_per_case),
            ratio(growth.disk_bytes, live)
        ),
        format!(
            "stopped in {:.2} s, ready again in {:.2} s with {memory} of memory\n",
            growth.stop_seconds, growth.start_seconds
        ),
        format!(
            "killed under load, ready again in {:.2} s; events answered {}, found {}: {lost}\n\n",
            growth.start_after_kill_seconds,
            grouped(growth.events_answered),
            grouped(growth.events_after_kill)
        ),
        reads(growth),
    ]
    .concat()
}

fn reads(growth: &Growth) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["read", "times", "bytes", "p50 ms", "p99 ms", "max ms"]);
    for read in &growth.reads {
        let latency = &read.latency;
        let times = [latency.p50_us, latency.p99_us, latency.max_us].map(milliseconds);
        let [p50, p99, max] = times;
        table.add_row([read.name.clone(), grouped(read.times as u64), grouped(read.bytes), p50, p99, max]);
    }
    right(&mut table, 1);
    format!("{}\n", super::steps::trimmed(&table))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(bytes: u64, of: u64) -> String {
    if of == 0 { unknown() } else { format!("{:.2}", bytes as f64 / of as f64) }
}
