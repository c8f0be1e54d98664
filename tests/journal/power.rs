//! The power goes at every operation, or the process is killed there.

use std::sync::Arc;

use gendan::store::SimDisk;
use gendan::store::disk::Fault;
use gendan::store::journal::Draft;

use crate::bed::{TINY, groups, held, open, try_open};

/// What a journal may hold after a stop: what was acknowledged, and perhaps one of the groups that failed since.
struct Expected {
    acknowledged: Vec<Draft>,
    perhaps: Vec<Vec<Draft>>,
}

impl Expected {
    fn nothing() -> Self {
        Self { acknowledged: Vec::new(), perhaps: Vec::new() }
    }

    #[track_caller]
    fn check(&mut self, found: Vec<Draft>, told: &str) {
        let (before, rest) = found.split_at(found.len().min(self.acknowledged.len()));
        assert!(before == self.acknowledged, "{told}: what was acknowledged is not there");
        assert!(rest.is_empty() || self.perhaps.iter().any(|group| group == rest), "{told}: what is {rest:?}?");
        self.acknowledged = found;
        self.perhaps.clear();
    }

    /// Appends groups, and archives files now and then, until the disk is dead; failures before are gone over.
    fn work(&mut self, disk: &Arc<SimDisk>, segment_bytes: u64, groups: Vec<Vec<Draft>>, archive_every: usize) {
        let (journal, _) = match try_open(disk, segment_bytes) {
            Ok(opened) => opened,
            Err(error) => return assert!(matches!(error, gendan::store::Error::Io(_)), "{error}"),
        };
        self.check(held(&journal), "opened");
        for (number, group) in groups.into_iter().enumerate() {
            if number % archive_every == archive_every - 1 {
                drop(journal.archive(number % 2));
            }
            match journal.append(&group) {
                Ok(_) => {
                    self.acknowledged.extend(group);
                    self.perhaps.clear();
                }
                Err(_) if disk.crashed() => return self.perhaps.push(group),
                Err(_) => {
                    self.perhaps.push(group);
                    assert_eq!(held(&journal), self.acknowledged);
                }
            }
        }
        assert_eq!(held(&journal), self.acknowledged);
    }
}

/// Crashes at the `nth` operation, looks at what the next process finds, and lets that one go on and crash too.
fn crash(nth: u64, seed: u64, segment_bytes: u64, after: impl Fn(&SimDisk, u64) -> SimDisk) -> bool {
    let told = format!("operation {nth}, seed {seed}, files of {segment_bytes}");
    let disk = Arc::new(SimDisk::seeded(seed));
    let mut expected = Expected::nothing();
    disk.fault(nth, Fault::Crash);
    expected.work(&disk, segment_bytes, groups(0, 8), usize::MAX);
    let reached = disk.crashed();
    let mut disk = Arc::new(after(&disk, seed));
    for round in 0..4 {
        // The crash may also come while the journal is opened.
        disk.fault(1 + (seed + round * 3) % 11, Fault::Crash);
        expected.work(&disk, segment_bytes, groups(100 + round * 10, 3), usize::MAX);
        disk = Arc::new(after(&disk, seed + round));
        let found = held(&open(&disk, segment_bytes));
        expected.check(found, &format!("{told}, round {round}"));
        disk = Arc::new(disk.after_power_loss(seed));
    }
    expected.work(&disk, segment_bytes, groups(200, 3), usize::MAX);
    let found = held(&open(&disk, segment_bytes));
    expected.check(found, &told);
    assert!(expected.acknowledged.ends_with(&groups(200, 3).concat()), "{told}: it does not go on");
    reached
}

#[test]
fn the_power_goes_at_every_operation() {
    for segment_bytes in [1, TINY, 2_000, 1_000_000] {
        for seed in 0..8 {
            let reached = (1..).take_while(|nth| crash(*nth, seed, segment_bytes, SimDisk::after_power_loss)).count();
            assert!(reached >= 16, "only {reached} operations");
        }
    }
}

#[test]
fn the_process_is_killed_at_every_operation() {
    for segment_bytes in [1, TINY, 2_000, 1_000_000] {
        for seed in 0..4 {
            let reached = (1..).take_while(|nth| crash(*nth, seed, segment_bytes, |disk, _| disk.after_kill())).count();
            assert!(reached >= 16, "only {reached} operations");
        }
    }
}

/// Faults of all kinds, stops of both kinds, one after the other on the same disk.
fn long_life(seed: u64) {
    let mut chance = seed;
    let mut below = |limit: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % limit
    };
    let segment_bytes = [1, TINY, 1_500, 1_000_000][usize::try_from(below(4)).unwrap()];
    let mut disk = Arc::new(SimDisk::seeded(seed));
    let mut expected = Expected::nothing();
    for life in 0..8 {
        for _ in 0..below(4) {
            let kind = [std::io::ErrorKind::StorageFull, std::io::ErrorKind::Other][usize::try_from(below(2)).unwrap()];
            disk.fail_from(1 + below(40), 1 + below(5), kind);
        }
        disk.fault(1 + below(50), Fault::Crash);
        expected.work(&disk, segment_bytes, groups(life * 100, 1 + below(12)), 3);
        let next = if below(3) == 0 { disk.after_kill() } else { disk.after_power_loss(below(1_000_000)) };
        disk = Arc::new(next);
        let found = held(&open(&disk, segment_bytes));
        expected.check(found, &format!("seed {seed}, life {life}"));
        if below(2) == 0 {
            // What was found by opening is there for good.
            disk = Arc::new(disk.after_power_loss(below(1_000_000)));
            let found = held(&open(&disk, segment_bytes));
            expected.check(found, &format!("seed {seed}, life {life}, again"));
        }
    }
}

#[test]
fn long_lives_lose_nothing() {
    (0..300).for_each(long_life);
}
