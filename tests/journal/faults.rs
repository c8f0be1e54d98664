//! The disk fails now and then, and the journal heals without a restart.

use std::io::ErrorKind;
use std::sync::Arc;

use gendan::store::SimDisk;
use gendan::store::disk::Fault;

use crate::bed::{TINY, contents, groups, held, open};

/// Fails from the `nth` writing operation on, `count` times.
fn fail(nth: u64, count: u64, kind: ErrorKind, segment_bytes: u64) -> u64 {
    let told = format!("{count} from operation {nth}: {kind}, files of {segment_bytes}");
    let disk = Arc::new(SimDisk::seeded(nth));
    let journal = open(&disk, segment_bytes);
    disk.fail_from(nth, count, kind);
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    for group in groups(0, 60) {
        let before = journal.end();
        match journal.append(&group) {
            Ok(end) => {
                assert_eq!(end, journal.end(), "{told}");
                acknowledged.extend(group);
            }
            Err(error) => {
                assert!(error.to_string().contains("the store failed: journal/"), "{told}: {error}");
                assert_eq!(before, journal.end(), "{told}");
                failed += 1;
            }
        }
        if failed == 1 {
            assert_eq!(held(&journal), acknowledged, "{told}");
        }
    }
    // A group that failed last of all could come back whole.
    disk.heal();
    let last = groups(60, 1).concat();
    journal.append(&last).unwrap();
    acknowledged.extend(last);
    assert_eq!(held(&journal), acknowledged, "{told}");
    let next = Arc::new(disk.after_power_loss(nth));
    assert_eq!(held(&open(&next, segment_bytes)), acknowledged, "{told}");
    assert_eq!(contents(&open(&disk, segment_bytes)), acknowledged, "{told}");
    failed
}

#[test]
fn a_failure_of_any_operation_heals() {
    for (segment_bytes, most) in [(1, 200), (TINY, 160), (1_000_000, 120)] {
        for nth in 1..=most {
            let count = [1, 2, 7][usize::try_from(nth % 3).unwrap()];
            let kind = if nth % 2 == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
            assert!(fail(nth, count, kind, segment_bytes) > 0, "operation {nth} did not fail");
        }
    }
}

#[test]
fn after_a_failed_sync_a_new_file_begins() {
    let disk = Arc::new(SimDisk::new());
    let journal = open(&disk, 1_000_000);
    let [first, second, third] = [0, 1, 2].map(|group| groups(group, 1).concat());
    journal.append(&first).unwrap();
    // Of the write and the sync of a group, the sync.
    disk.fault(2, Fault::Fail(ErrorKind::Other));
    journal.append(&second).unwrap_err();
    journal.append(&third).unwrap();
    let names: Vec<String> = ["0", &journal_end_of(&first)].iter().map(|base| format!("{base:0>20}.journal")).collect();
    assert_eq!(gendan::store::Disk::list(&*disk).unwrap(), names);
    assert_eq!(held(&journal), [first, third].concat());
}

fn journal_end_of(group: &[gendan::store::journal::Draft]) -> String {
    let bytes: u64 = group.iter().map(|draft| gendan::store::Journal::record_bytes(draft.body.len())).sum();
    bytes.to_string()
}

#[test]
fn readers_go_on_while_the_disk_stalls() {
    let disk = Arc::new(SimDisk::new());
    let journal = Arc::new(open(&disk, 1_000_000));
    journal.append(&groups(0, 3).concat()).unwrap();
    disk.fault(2, Fault::Stall);
    let writer = {
        let journal = Arc::clone(&journal);
        std::thread::spawn(move || journal.append(&groups(3, 1).concat()).unwrap())
    };
    while !disk.stalled() {
        std::thread::yield_now();
    }
    assert_eq!(held(&journal), groups(0, 3).concat());
    disk.resume();
    writer.join().unwrap();
    assert_eq!(held(&journal), groups(0, 4).concat());
}
