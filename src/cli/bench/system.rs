//! What the system says about a process and a folder: CPU, memory, disk. Where it says nothing, nothing is claimed.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// Microseconds of one clock tick of `/proc`: Linux shows ticks of a hundredth of a second on every machine.
const TICK_MICROSECONDS: u64 = 10_000;
const KIBIBYTE: u64 = 1024;

/// CPU time that a process has used, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    /// In its own code.
    pub(super) user: u64,
    /// In the system's.
    pub(super) system: u64,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) now_bytes: u64,
    /// The most that was ever resident.
    pub(super) peak_bytes: u64,
}

/// The machine, as far as it says what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Machine {
    /// Cores that may be used.
    pub(super) cores: usize,
    /// The name of the processor.
    pub(super) processor: Option<String>,
    /// Memory, in bytes.
    pub(super) memory_bytes: Option<u64>,
    /// The system.
    pub(super) system: String,
}

impl Cpu {
    /// What process `id` has used by now.
    pub(super) fn of(id: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// What this process has used by now.
    pub(super) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// What was used since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }

    // The name of the process stands in parentheses and may hold anything, so what is wanted is counted from its end.
    fn read(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok()?.checked_mul(TICK_MICROSECONDS);
        Some(Self { user: ticks()?, system: ticks()? })
    }
}

impl Memory {
    /// That of process `id`.
    pub(super) fn of(id: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
    }

    fn read(status: &str) -> Option<Self> {
        Some(Self { now_bytes: kibibytes(status, "VmRSS:")?, peak_bytes: kibibytes(status, "VmHWM:")? })
    }
}

impl Machine {
    /// This one.
    pub(super) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processor = |text: &str| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            processor: processor(&read("/proc/cpuinfo")),
            memory_bytes: kibibytes(&read("/proc/meminfo"), "MemTotal:"),
            system: [std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim()].join(" ").trim().to_owned(),
        }
    }
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(KIBIBYTE)
}

/// Bytes that a folder takes on the disk, with everything in it; a file that goes away meanwhile counts nothing.
pub(super) fn folder_bytes(folder: &Path) -> u64 {
    let mut bytes = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                bytes = bytes.saturating_add(allocated(&metadata));
            }
        }
    }
    bytes
}

#[cfg(unix)]
fn allocated(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    // Blocks are counted in 512 bytes, whatever the file system's own size is.
    metadata.blocks().saturating_mul(512)
}

#[cfg(not(unix))]
fn allocated(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_that_may_hold_anything() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 9 0 1 1 1";
        assert_eq!(Cpu::read(stat), Some(Cpu { user: 1_230_000, system: 450_000 }));
        assert_eq!(Cpu::read("42 (a) S 1"), None);
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(Memory::read(status), Some(Memory { now_bytes: 1024 * 1024, peak_bytes: 2048 * 1024 }));
        assert_eq!(Memory::read("VmRSS: 1 kB"), None);
    }

    #[test]
    fn a_folder_is_counted_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/file"), vec![1_u8; 100_000]).unwrap();
        assert!(folder_bytes(folder.path()) >= 98_304);
        assert_eq!(folder_bytes(&folder.path().join("nowhere")), 0);
    }
}
