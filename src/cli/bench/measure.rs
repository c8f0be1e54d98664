//! A window of time over running clients: what was done in it, how long it took, and what it cost.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::drive::Drive;
use super::process::Process;
use super::system::{Cpu, Memory};
use crate::clock::Watch;

/// How long answers took, in microseconds; exact, from every one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Latency {
    /// Half of them took at most this.
    pub(super) p50_us: u32,
    /// 99 of a hundred.
    pub(super) p99_us: u32,
    /// 999 of a thousand.
    pub(super) p999_us: u32,
    /// The slowest.
    pub(super) max_us: u32,
}

/// CPU that one command took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct CpuEach {
    /// In the process's own code.
    pub(super) user_us: f64,
    /// In the system's.
    pub(super) system_us: f64,
}

/// What was measured in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Window {
    /// How many clients were at work.
    pub(super) clients: usize,
    /// How long it was.
    pub(super) seconds: f64,
    /// Commands that ended in it.
    pub(super) commands: u64,
    /// That is per second.
    pub(super) per_second: f64,
    /// How long they took.
    pub(super) latency: Latency,
    /// What the server used.
    pub(super) server_cpu: Option<CpuEach>,
    /// What the generator used.
    pub(super) generator_cpu: Option<CpuEach>,
    /// The server's memory at the end.
    pub(super) memory: Option<Memory>,
}

/// Readings at the beginning of a window.
#[derive(Debug)]
pub(super) struct Begun {
    watch: Watch,
    server: Option<Cpu>,
    generator: Option<Cpu>,
}

impl Latency {
    /// What the samples say; they are sorted.
    pub(super) fn of(samples: &mut [u32]) -> Self {
        samples.sort_unstable();
        let at = |share: u128| {
            // The smallest value that so many of ten thousand do not exceed.
            let rank = (samples.len() as u128).saturating_mul(share).div_ceil(10_000);
            let index = usize::try_from(rank).unwrap_or(usize::MAX).saturating_sub(1);
            samples.get(index).copied().unwrap_or_default()
        };
        Self { p50_us: at(5_000), p99_us: at(9_900), p999_us: at(9_990), max_us: at(10_000) }
    }
}

impl CpuEach {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    fn of(used: Cpu, commands: u64) -> Option<Self> {
        let each = |micros: u64| micros as f64 / commands as f64;
        (commands > 0).then(|| Self { user_us: each(used.user), system_us: each(used.system) })
    }

    /// Both together.
    pub(super) fn total_us(self) -> f64 {
        self.user_us + self.system_us
    }
}

impl Begun {
    /// Begins a window: what was done before does not count.
    pub(super) fn now(drive: &Drive, server: &Process) -> Self {
        drop(drive.take_samples());
        Self { watch: Watch::start(), server: server.cpu(), generator: Cpu::own() }
    }

    /// Ends it with the samples that were taken in it.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    pub(super) fn end(&self, samples: &mut [u32], server: &Process, clients: usize) -> Window {
        let seconds = self.watch.elapsed().as_secs_f64();
        let used = |now: Option<Cpu>, before: Option<Cpu>| Some(now?.since(before?));
        let (of_server, own) = (used(server.cpu(), self.server), used(Cpu::own(), self.generator));
        let commands = samples.len() as u64;
        Window {
            clients,
            seconds,
            commands,
            per_second: commands as f64 / seconds.max(f64::MIN_POSITIVE),
            latency: Latency::of(samples),
            server_cpu: of_server.and_then(|cpu| CpuEach::of(cpu, commands)),
            generator_cpu: own.and_then(|cpu| CpuEach::of(cpu, commands)),
            memory: server.memory(),
        }
    }
}

/// Runs clients for a while: nothing of the warm-up counts.
pub(super) async fn measured(
    drive: &Arc<Drive>,
    server: &Process,
    clients: usize,
    warm_up: Duration,
    time: Duration,
) -> Window {
    let running = drive.start(clients);
    tokio::time::sleep(warm_up).await;
    let begun = Begun::now(drive, server);
    tokio::time::sleep(time).await;
    let window = begun.end(&mut drive.take_samples(), server, clients);
    drive.stop();
    running.join_all().await;
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut samples: Vec<u32>, expected: [u32; 4]) {
        let found = Latency::of(&mut samples);
        assert_eq!([found.p50_us, found.p99_us, found.p999_us, found.max_us], expected);
    }

    #[test]
    fn shares_are_exact() {
        check(Vec::new(), [0, 0, 0, 0]);
        check(vec![7], [7, 7, 7, 7]);
        check((1..=100).rev().collect(), [50, 99, 100, 100]);
        check((1..=10_000).collect(), [5_000, 9_900, 9_990, 10_000]);
    }

    #[test]
    fn cpu_is_shared_by_the_commands() {
        let each = CpuEach::of(Cpu { user: 300, system: 100 }, 4).unwrap();
        assert_eq!((each, each.total_us()), (CpuEach { user_us: 75.0, system_us: 25.0 }, 100.0));
        assert_eq!(CpuEach::of(Cpu::default(), 0), None);
    }
}
