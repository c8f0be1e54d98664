//! The report as people read it; the figures are made up.

use super::*;
use crate::cli::bench::growth::Answered;
use crate::cli::bench::measure::{CpuEach, Latency};
use crate::cli::bench::system::Memory;

fn window(clients: usize, per_second: f64) -> Window {
    Window {
        clients,
        seconds: 10.0,
        commands: 12_345,
        per_second,
        latency: Latency { p50_us: 940, p99_us: 12_300, p999_us: 40_000, max_us: 1_234_567 },
        server_cpu: Some(CpuEach { user_us: 80.4, system_us: 20.4 }),
        generator_cpu: Some(CpuEach { user_us: 20.0, system_us: 10.0 }),
        memory: Some(Memory { now_bytes: 60 << 20, peak_bytes: 1 << 30 }),
    }
}

fn report() -> Report {
    let hello = Window { server_cpu: Some(CpuEach { user_us: 4.0, system_us: 5.0 }), ..window(64, 48_000.0) };
    let counted = Counted {
        cases_done: 1_763,
        cases_found: 1_763,
        ended_done: 1_700,
        ended_found: 1_700,
        events_done: 14_000,
        events_found: 14_000,
    };
    Report {
        load: "a case".into(),
        commands_per_case: 7,
        program: "gendan 0.0.0, release build".into(),
        machine: Machine {
            cores: 2,
            processor: Some("a processor".into()),
            memory_bytes: Some(8 << 30),
            system: "linux 6".into(),
        },
        windows: vec![
            Window { server_cpu: None, generator_cpu: None, memory: None, ..window(1, 800.0) },
            window(64, 9_600.0),
        ],
        yardsticks: vec![Yardstick { clients: 64, hello, append_per_second: 64_000.0, journal_per_second: 48_000.0 }],
        bytes: Bytes { per_command: 2_345, counted: true },
        counted,
        disk_bytes_per_case: 23_456,
        ..Report::default()
    }
}

fn grown() -> Growth {
    Growth {
        cases: 200_000,
        steps: 7,
        made: window(64, 9_600.0),
        bytes: Bytes { per_command: 1_000, counted: true },
        disk_bytes: 6_000_000_000,
        live_bytes_per_case: 3_000,
        stop_seconds: 0.5,
        start_seconds: 1.25,
        memory_after_start: Some(Memory { now_bytes: 100 << 20, peak_bytes: 200 << 20 }),
        start_after_kill_seconds: 2.5,
        events_answered: 1_600_000,
        events_after_kill: 1_600_003,
        reads: vec![Answered {
            name: "by id".into(),
            times: 300,
            bytes: 3_000,
            latency: Latency { p50_us: 300, p99_us: 900, p999_us: 950, max_us: 1_000 },
        }],
    }
}

#[test]
fn a_run_is_a_table_of_windows_and_one_of_ratios() {
    insta::assert_snapshot!(text(&report()), @"
    a case: 7 commands a case
    gendan 0.0.0, release build
    2 cores of a processor, 8,192 MiB of memory, linux 6

     clients  seconds  commands  per second  p50 ms  p99 ms  p99.9 ms  max ms  CPU us  user  system  generator us  memory       peak
           1     10.0    12,345         800     0.9    12.3      40.0  1234.6       -     -       -             -       -          -
          64     10.0    12,345       9,600     0.9    12.3      40.0  1234.6     101    80      20            30  60 MiB  1,024 MiB

     clients  hello a second  CPU us  appended a second  journal a second  commands / hello  commands / appended  journal / appended
          64          48,000       9             64,000            48,000             0.200                0.150               0.750

    done and found on the server: cases 1,763 = 1,763, at the end 1,700 = 1,700, events 14,000 = 14,000
    2,345 bytes a command (written to the journal)
    23,456 bytes on disk a case
    ");
}

#[test]
fn what_went_wrong_stands_at_the_end() {
    let counted = Counted { cases_found: 1_762, ..report().counted };
    let report = Report {
        windows: Vec::new(),
        yardsticks: Vec::new(),
        bytes: Bytes { per_command: 2_000, counted: false },
        failed: 3,
        problems: vec!["open: the answer".into()],
        counted,
        ..report()
    };
    assert!(!report.is_good());
    insta::assert_snapshot!(text(&report), @"
    a case: 7 commands a case
    gendan 0.0.0, release build
    2 cores of a processor, 8,192 MiB of memory, linux 6

    done and found on the server: cases 1,763 BUT 1,762, at the end 1,700 = 1,700, events 14,000 = 14,000
    2,000 bytes a command (stated for the comparison, not counted)
    23,456 bytes on disk a case
    FAILED: 3 commands
      open: the answer
    ");
}

#[test]
fn many_cases_have_a_page_of_their_own() {
    let report = Report { windows: Vec::new(), yardsticks: Vec::new(), growth: Some(grown()), ..report() };
    assert!(report.is_good());
    insta::assert_snapshot!(text(&report), @"
    a case: 7 commands a case
    gendan 0.0.0, release build
    2 cores of a processor, 8,192 MiB of memory, linux 6

    200,000 cases of 7 commands each
     clients  seconds  commands  per second  p50 ms  p99 ms  p99.9 ms  max ms  CPU us  user  system  generator us  memory       peak
          64     10.0    12,345       9,600     0.9    12.3      40.0  1234.6     101    80      20            30  60 MiB  1,024 MiB
    1,000 bytes a command (written to the journal)
    disk: 5,722 MiB, 30,000 bytes a case; a case as served has 3,000 bytes: 10.00 times that on disk
    stopped in 0.50 s, ready again in 1.25 s with 100 MiB of memory
    killed under load, ready again in 2.50 s; events answered 1,600,000, found 1,600,003: nothing answered was lost

     read   times  bytes  p50 ms  p99 ms  max ms
     by id    300  3,000     0.3     0.9     1.0

    done and found on the server: cases 1,763 = 1,763, at the end 1,700 = 1,700, events 14,000 = 14,000
    ");
    let lost = Growth { events_after_kill: 1_599_999, ..grown() };
    assert!(!Report { growth: Some(lost), ..report }.is_good());
}

#[test]
fn a_line_of_a_long_run_stands_alone() {
    let line = line(Some(&window(64, 9_600.0)), 20);
    insta::assert_snapshot!(line.trim_start(), @"20 s     9,600 commands/s  p50 0.9 ms  p99 12.3 ms  max 1234.6 ms  CPU 101 us  memory 60 MiB");
}
