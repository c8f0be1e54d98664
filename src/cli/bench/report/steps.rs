//! The tables of windows and of yardsticks.

use comfy_table::{CellAlignment, Table, presets};

use super::{Report, grouped, mebibytes, milliseconds, rate, unknown};
use crate::cli::bench::measure::{CpuEach, Window};

/// A line for each window.
pub(super) fn windows(windows: &[Window]) -> String {
    let mut table = Table::new();
    let header = [
        "clients",
        "seconds",
        "commands",
        "per second",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "CPU us",
        "user",
        "system",
        "generator us",
        "memory",
        "peak",
    ];
    table.load_style(presets::NOTHING).set_header(header);
    for window in windows {
        let latency = &window.latency;
        let cpu = |part: fn(CpuEach) -> f64| window.server_cpu.map_or_else(unknown, |cpu| whole(part(cpu)));
        let memory = window
            .memory
            .map_or_else(|| [unknown(), unknown()], |memory| [memory.now_bytes, memory.peak_bytes].map(mebibytes));
        let [now, peak] = memory;
        table.add_row([
            window.clients.to_string(),
            format!("{:.1}", window.seconds),
            grouped(window.commands),
            rate(window.per_second),
            milliseconds(latency.p50_us),
            milliseconds(latency.p99_us),
            milliseconds(latency.p999_us),
            milliseconds(latency.max_us),
            cpu(CpuEach::total_us),
            cpu(|cpu| cpu.user_us),
            cpu(|cpu| cpu.system_us),
            window.generator_cpu.map_or_else(unknown, |cpu| whole(cpu.total_us())),
            now,
            peak,
        ]);
    }
    right(&mut table, 0);
    format!("{}\n", trimmed(&table))
}

/// A line for each number of clients: what the machine does at best, and what part of it the server reaches.
pub(super) fn yardsticks(report: &Report) -> String {
    let mut table = Table::new();
    let header = [
        "clients",
        "hello a second",
        "CPU us",
        "appended a second",
        "journal a second",
        "commands / hello",
        "commands / appended",
        "journal / appended",
    ];
    table.load_style(presets::NOTHING).set_header(header);
    for yardstick in &report.yardsticks {
        let window = report.windows.iter().rev().find(|window| window.clients == yardstick.clients);
        let ratio = |rate: Option<f64>, best: f64| {
            rate.filter(|_| best > 0.0).map_or_else(unknown, |rate| format!("{:.3}", rate / best))
        };
        let commands = window.map(|window| window.per_second);
        let (hello, append, journal) =
            (yardstick.hello.per_second, yardstick.append_per_second, yardstick.journal_per_second);
        table.add_row([
            yardstick.clients.to_string(),
            rate(hello),
            yardstick.hello.server_cpu.map_or_else(unknown, |cpu| whole(cpu.total_us())),
            rate(append),
            rate(journal),
            ratio(commands, hello),
            ratio(commands, append),
            ratio(Some(journal), append),
        ]);
    }
    right(&mut table, 0);
    format!("{}\n", trimmed(&table))
}

/// Numbers stand on the right; the first columns are names.
pub(super) fn right(table: &mut Table, names: usize) {
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The table without spaces at the ends of its lines.
pub(super) fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}
