//! Closed files are compressed while others read and write; looking on from beside; copies.

use std::sync::Arc;

use gendan::store::disk::Fault;
use gendan::store::journal::{Draft, End, Journal};
use gendan::store::{Disk, FolderDisk, Position, SimDisk};

use crate::bed::{TINY, contents, filled, groups, held, open, place, records, try_open};

/// Files of a few groups.
const SMALL: u64 = 500;

/// Groups that fill pieces: some records stand across two.
fn long(count: u64) -> Vec<Draft> {
    (0..count).map(|number| Draft { events: 1, body: format!("{number} ").repeat(9_000).into_bytes() }).collect()
}

#[test]
fn archives_give_back_what_was_written() {
    for (segment_bytes, groups) in
        [(TINY, groups(0, 30)), (150_000, long(20).chunks(2).map(<[Draft]>::to_vec).collect())]
    {
        let disk = Arc::new(SimDisk::new());
        let journal = open(&disk, segment_bytes);
        for group in &groups {
            journal.append(group).unwrap();
        }
        let files = disk.list().unwrap().len();
        let bytes: u64 = journal.segments().iter().map(|segment| segment.bytes).sum();
        assert_eq!(journal.archive(2).unwrap(), files - 3);
        assert_eq!(journal.archive(2).unwrap(), 0);
        let names = disk.list().unwrap();
        assert_eq!(names.iter().filter(|name| name.ends_with(".archive")).count(), files - 3);
        assert_eq!((names.len(), contents(&journal)), (files, groups.concat()));
        let again = open(&disk, segment_bytes);
        assert_eq!(contents(&again), groups.concat());
        assert_eq!(again.archive(0).unwrap(), 2);
        again.append(&long(1)).unwrap();
        assert_eq!(contents(&open(&disk, segment_bytes)), [groups.concat(), long(1)].concat());
        let smaller: u64 = again.segments().iter().map(|segment| segment.bytes).sum();
        assert!(smaller < bytes * 2, "{smaller} of {bytes}");
    }
}

#[test]
fn text_becomes_much_smaller() {
    let disk = Arc::new(SimDisk::new());
    let journal = open(&disk, 150_000);
    for group in long(20).chunks(2) {
        journal.append(group).unwrap();
    }
    let bytes = |journal: &Journal| journal.segments().iter().map(|segment| segment.bytes).sum::<u64>();
    let before = bytes(&journal);
    journal.archive(0).unwrap();
    assert!(bytes(&journal) * 3 < before, "{} of {before}", bytes(&journal));
}

/// Stops at the `nth` operation of archiving.
fn stop(nth: u64, seed: u64, killed: bool) -> bool {
    let told = format!("operation {nth}, seed {seed}, killed {killed}");
    let (disk, journal) = filled(SMALL, 14);
    let disk_after = Arc::new(SimDisk::seeded(seed));
    for name in disk.list().unwrap() {
        disk_after.put(&name, &disk.bytes(&name).unwrap());
    }
    drop(journal);
    let disk = disk_after;
    let journal = open(&disk, SMALL);
    disk.fault(nth, Fault::Crash);
    let archived = journal.archive(1);
    let next = Arc::new(if killed { disk.after_kill() } else { disk.after_power_loss(seed) });
    let again = open(&next, SMALL);
    assert_eq!(contents(&again), groups(0, 14).concat(), "{told}");
    let clean = |disk: &SimDisk| {
        let names = disk.list().unwrap();
        let bases: std::collections::BTreeSet<_> = names.iter().map(|name| name.split('.').next()).collect();
        assert!(names.iter().all(|name| !name.ends_with(".part")) && bases.len() == names.len(), "{told}: {names:?}");
    };
    clean(&next);
    again.archive(0).unwrap();
    again.append(&groups(14, 1).concat()).unwrap();
    let last = Arc::new(next.after_power_loss(seed));
    assert_eq!(contents(&open(&last, SMALL)), groups(0, 15).concat(), "{told}");
    clean(&last);
    archived.is_err()
}

#[test]
fn a_stop_at_any_step_of_archiving_loses_nothing() {
    for (seed, killed) in (0..6).flat_map(|seed| [(seed, false), (seed, true)]) {
        let reached = (1..).take_while(|nth| stop(*nth, seed, killed)).count();
        assert!(reached >= 20, "only {reached} operations");
    }
}

#[test]
fn a_failure_at_any_step_of_archiving_heals() {
    let mut reached = 0;
    for nth in 1.. {
        let (disk, journal) = filled(SMALL, 14);
        let before = disk.operations();
        disk.fault(nth, Fault::Fail(std::io::ErrorKind::StorageFull));
        let failed = journal.archive(1).is_err();
        assert_eq!(contents(&journal), groups(0, 14).concat(), "operation {nth}");
        if disk.operations() < before + nth {
            break;
        }
        journal.append(&groups(14, 1).concat()).unwrap();
        let next = Arc::new(disk.after_power_loss(nth));
        assert_eq!(contents(&open(&next, SMALL)), groups(0, 15).concat(), "operation {nth}");
        journal.archive(0).unwrap();
        assert_eq!(contents(&open(&disk, SMALL)), groups(0, 15).concat(), "operation {nth}");
        reached += u64::from(failed);
    }
    assert!(reached >= 20, "only {reached} operations");
}

#[test]
fn a_newest_file_that_lost_its_head_behind_an_archive_is_made_again() {
    // Its first group is torn and cut off, which leaves a file without records.
    let (disk, _) = filled(1, 6);
    let newest = disk.list().unwrap().pop().unwrap();
    disk.cut(&newest, 70);
    let journal = open(&disk, 1);
    journal.archive(0).unwrap();
    // Then a sync fails, the file is emptied to be begun again, and the power goes.
    disk.fault(2, Fault::Fail(std::io::ErrorKind::Other));
    journal.append(&groups(6, 1).concat()).unwrap_err();
    disk.fault(3, Fault::Crash);
    journal.append(&groups(6, 1).concat()).unwrap_err();
    let mut emptied = 0;
    for seed in 0..40 {
        let next = Arc::new(disk.after_power_loss(seed));
        emptied += u64::from(next.len(&newest).unwrap() < 64);
        let peeked = held(&Journal::peek(next.clone() as Arc<dyn Disk>).unwrap());
        let again = open(&next, 1);
        assert_eq!(held(&again), peeked, "seed {seed}");
        assert!(peeked == groups(0, 5).concat() || peeked == [groups(0, 5), groups(6, 1)].concat().concat());
        again.append(&groups(7, 1).concat()).unwrap();
        let last = Arc::new(next.after_power_loss(seed));
        assert_eq!(contents(&open(&last, 1)), [peeked, groups(7, 1).concat()].concat(), "seed {seed}");
    }
    assert!(emptied > 0);
}

#[test]
fn damage_is_not_archived() {
    let (disk, journal) = filled(TINY, 12);
    let name = &disk.list().unwrap()[2];
    disk.flip(name, 100, 4);
    assert!(place(&journal.archive(0).unwrap_err()).starts_with(&format!("journal/{name}: byte ")));
    assert!(disk.list().unwrap().contains(name));
}

#[test]
fn every_flipped_byte_of_an_archive_is_found() {
    let (disk, journal) = filled(SMALL, 12);
    journal.archive(0).unwrap();
    let names = disk.list().unwrap();
    let (newest, archives) = names.split_last().unwrap();
    assert!(newest.ends_with(".journal") && archives.len() > 2);
    for name in &archives[..3] {
        for at in 0..disk.len(name).unwrap() {
            disk.flip(name, at, 0x21);
            let told = format!("{name}, byte {at}");
            let report = Journal::check(&(disk.clone() as Arc<dyn Disk>), &mut |_, _| {}).unwrap();
            assert!(
                !report.flaws.is_empty() && report.flaws.iter().all(|flaw| &flaw.file == name),
                "{told}: {report:?}"
            );
            let error = try_open(&disk, SMALL).and_then(|(journal, _)| {
                records(&journal, End::default())?;
                journal.find(Position(1))?;
                let all = (1..=journal.end().position.0).step_by(3);
                all.map(|event| journal.find(Position(event))).collect::<Result<Vec<_>, _>>()
            });
            assert!(place(&error.unwrap_err()).starts_with(&format!("journal/{name}: byte ")), "{told}");
            disk.flip(name, at, 0x21);
        }
    }
    assert_eq!(contents(&open(&disk, SMALL)), groups(0, 12).concat());
}

#[test]
fn a_missing_archive_is_named() {
    let (disk, journal) = filled(TINY, 12);
    journal.archive(0).unwrap();
    let names = disk.list().unwrap();
    for (number, name) in names.iter().enumerate() {
        let bytes = disk.bytes(name).unwrap();
        disk.delete(name);
        let missing = format!("journal/{}.journal: byte 0", name.split('.').next().unwrap());
        assert_eq!(place(&try_open(&disk, TINY).unwrap_err()), missing, "{number}");
        let report = Journal::check(&(disk.clone() as Arc<dyn Disk>), &mut |_, _| {}).unwrap();
        assert!(!report.flaws.is_empty(), "{number}");
        disk.put(name, &bytes);
    }
}

#[test]
fn one_reads_while_another_archives() {
    let (disk, journal) = filled(TINY, 40);
    let journal = Arc::new(journal);
    let beside: Vec<_> = (0..4).map(|_| Journal::peek(disk.clone() as Arc<dyn Disk>).unwrap()).collect();
    let readers: Vec<_> = beside
        .into_iter()
        .map(|beside| {
            let journal = Arc::clone(&journal);
            let bodies: Vec<_> = groups(0, 60).concat().into_iter().map(|draft| draft.body).collect();
            std::thread::spawn(move || {
                for _ in 0..4 {
                    let found = records(&journal, End::default()).unwrap();
                    assert!(found.iter().map(|record| &record.body).eq(bodies.iter().take(found.len())));
                    assert_eq!(held(&beside), groups(0, 40).concat());
                }
            })
        })
        .collect();
    for group in groups(40, 20) {
        journal.append(&group).unwrap();
        journal.archive(0).unwrap();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(contents(&journal), groups(0, 60).concat());
}

#[test]
fn one_looks_on_beside_the_one_who_writes() {
    let (disk, journal) = filled(TINY, 4);
    let peek = || Journal::peek(disk.clone() as Arc<dyn Disk>).unwrap();
    let before = disk.operations();
    assert_eq!(contents(&peek()), groups(0, 4).concat());
    assert!(peek().append(&groups(4, 1).concat()).is_err() && peek().archive(0).is_err());
    assert_eq!(disk.operations(), before);
    for group in groups(4, 12) {
        journal.append(&group).unwrap();
        assert_eq!(peek().end(), journal.end());
    }
    // A group that is being written ends the look, wherever it stands.
    let (newest, whole) = (disk.list().unwrap().pop().unwrap(), groups(0, 16).concat());
    let bytes = disk.bytes(&newest).unwrap();
    for length in 0..bytes.len() {
        disk.put(&newest, &bytes[..length]);
        assert_eq!(held(&peek()), groups(0, 15).concat(), "{length} bytes");
    }
    disk.put(&newest, &bytes);
    assert_eq!(contents(&peek()), whole);
    assert!(Journal::peek(Arc::new(SimDisk::new())).is_err());
}

#[test]
fn one_looks_on_while_another_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || -> Arc<dyn Disk> { Arc::new(FolderDisk::new(folder.path())) };
    let options = gendan::store::journal::Options { segment_bytes: 1_000, create: true, ..Default::default() };
    let (journal, _) = Journal::open(disk(), options).unwrap();
    let writer = std::thread::spawn(move || {
        for group in groups(0, 150) {
            journal.append(&group).unwrap();
            journal.archive(1).unwrap();
        }
        journal
    });
    let (all, mut looks) = (groups(0, 150).concat(), 0);
    while !writer.is_finished() || looks == 0 {
        let beside = Journal::peek(disk()).unwrap();
        let found = held(&beside);
        assert_eq!(found, all[..found.len()]);
        assert_eq!(beside.verify(&mut |_, _| {}).unwrap().flaws, []);
        looks += 1;
    }
    assert_eq!(contents(&writer.join().unwrap()), all);
}

#[test]
fn copies_of_the_segments_are_the_journal() {
    for keep in [0, 2, 100] {
        let (_disk, journal) = filled(TINY, 20);
        journal.archive(keep).unwrap();
        let segments = journal.segments();
        let end = journal.end();
        journal.append(&groups(20, 1).concat()).unwrap();
        let copy = Arc::new(SimDisk::new());
        for segment in segments {
            let mut bytes = vec![0; usize::try_from(segment.bytes).unwrap() + 10];
            let count = journal.copy(&segment, 0, &mut bytes).unwrap();
            assert_eq!(u64::try_from(count).unwrap(), segment.bytes);
            copy.put(&segment.name, &bytes[..count]);
        }
        let report = Journal::check(&(copy.clone() as Arc<dyn Disk>), &mut |_, _| {}).unwrap();
        assert_eq!((report.flaws.len(), report.tail), (0, None));
        let copied = open(&copy, TINY);
        assert_eq!((held(&copied), copied.end()), (groups(0, 20).concat(), end));
    }
}
