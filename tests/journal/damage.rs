//! Bytes rot, files go missing or are longer than they should be.

use std::sync::Arc;

use gendan::store::journal::{Address, Draft, End, Flaw, Journal, Options, Report};
use gendan::store::{Disk, Error, SimDisk};

use crate::bed::{TINY, contents, filled, groups, held, open, place, records, try_open};

/// The same disk once more.
fn copy(disk: &SimDisk) -> Arc<SimDisk> {
    let copy = SimDisk::new();
    for name in disk.list().unwrap() {
        copy.put(&name, &disk.bytes(&name).unwrap());
    }
    Arc::new(copy)
}

fn check(disk: &Arc<SimDisk>) -> Report {
    let disk: Arc<dyn Disk> = disk.clone();
    Journal::check(&disk, &mut |done, all| assert!(done <= all)).unwrap()
}

/// All that is there, or the error that it meets.
fn read_all(disk: &Arc<SimDisk>, segment_bytes: u64) -> Result<Vec<Draft>, Error> {
    let (journal, _) = try_open(disk, segment_bytes)?;
    let records = records(&journal, End::default())?;
    Ok(records.into_iter().map(|record| Draft { events: record.events, body: record.body }).collect())
}

/// Flips a byte and says whether that was found, with its place, or took no more than the last group.
fn flip(disk: &SimDisk, name: &str, at: u64, mask: u8, segment_bytes: u64) {
    let told = format!("{name}, byte {at} flipped by {mask}");
    let damaged = copy(disk);
    damaged.flip(name, at, mask);
    let before: Vec<_> = names_with_bytes(&damaged);
    let report = check(&damaged);
    match read_all(&damaged, segment_bytes) {
        Ok(found) => {
            let whole = groups(0, 12);
            assert_eq!(found, whole[..whole.len() - 1].concat(), "{told}");
            assert!(report.tail.is_some() && report.flaws.is_empty(), "{told}: {report:?}");
        }
        Err(error) => {
            assert!(place(&error).starts_with(&format!("journal/{name}: byte ")), "{told}: {error}");
            assert_eq!(report.flaws.len(), 1, "{told}: {report:?}");
            let Flaw { file, at: from, bytes, before: records_before, after, .. } = &report.flaws[0];
            assert!(file == name && *from <= at && at < from + bytes, "{told}: {report:?}");
            let all = u64::try_from(groups(0, 12).concat().len()).unwrap();
            assert!(records_before + after >= all - 1, "{told}: {report:?}");
            assert_eq!(records_before + after, report.records, "{told}");
        }
    }
    if try_open(&copy(&damaged), segment_bytes).is_err() {
        assert_eq!(names_with_bytes(&damaged), before, "{told}: something was changed");
    }
}

fn names_with_bytes(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    disk.list().unwrap().into_iter().map(|name| (name.clone(), disk.bytes(&name).unwrap())).collect()
}

#[test]
fn every_flipped_byte_is_found() {
    for segment_bytes in [TINY, 1_000_000] {
        let (disk, _) = filled(segment_bytes, 12);
        let files = names_with_bytes(&disk);
        let bytes = files.iter().flat_map(|(name, bytes)| (0..bytes.len()).map(move |at| (name, at)));
        for (name, at) in bytes {
            let mask = if at % 3 == 0 { 0xff } else { 1 << (at % 8) };
            flip(&disk, name, u64::try_from(at).unwrap(), mask, segment_bytes);
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let (disk, _) = filled(TINY, 12);
    let names = disk.list().unwrap();
    assert!(names.len() > 4);
    for (number, name) in names.iter().enumerate() {
        let damaged = copy(&disk);
        damaged.delete(name);
        let report = check(&damaged);
        let opened = try_open(&damaged, TINY);
        if number + 1 == names.len() {
            // The journal can't know that there was another file; whoever keeps an end can.
            let (journal, _) = opened.unwrap();
            let end = filled(TINY, 12).1.end();
            place(&journal.scan(end).unwrap_err());
            continue;
        }
        let expected = if number == 0 { name } else { &names[number - 1] };
        assert!(place(&opened.unwrap_err()).starts_with(&format!("journal/{expected}: byte ")), "{name}");
        assert_eq!((report.flaws.len(), &report.flaws[0].file), (1, expected), "{name}");
        assert_eq!(damaged.list().unwrap().len(), names.len() - 1, "{name}");
    }
}

#[test]
fn a_file_that_was_cut_is_found() {
    let (disk, _) = filled(TINY, 12);
    let names = disk.list().unwrap();
    let (newest, closed) = names.split_last().unwrap();
    for name in closed {
        for bytes in [0, 10, 64, 100] {
            let damaged = copy(&disk);
            damaged.cut(name, bytes);
            let error = try_open(&damaged, TINY).unwrap_err();
            assert!(place(&error).starts_with(&format!("journal/{name}: byte ")), "{name} {bytes}: {error}");
            assert!(!check(&damaged).flaws.is_empty());
        }
    }
    for bytes in 0..disk.len(newest).unwrap() {
        let damaged = copy(&disk);
        damaged.cut(newest, bytes);
        let report = check(&damaged);
        assert!(report.flaws.is_empty() && (bytes == 64 || report.tail.is_some()), "{bytes}: {report:?}");
        let found = held(&open(&damaged, TINY));
        assert_eq!(found, groups(0, 11).concat(), "{bytes}");
        assert_eq!(report.records, u64::try_from(found.len()).unwrap(), "{bytes}");
        assert_eq!(report.bytes, open(&damaged, TINY).end().address.0);
        let mut journal = open(&damaged, TINY);
        journal.append(&groups(11, 1).concat()).unwrap();
        journal = open(&damaged, TINY);
        assert_eq!(held(&journal), groups(0, 12).concat());
    }
}

#[test]
fn what_is_known_to_have_been_there_is_not_cut_off() {
    let (disk, journal) = filled(TINY, 12);
    let reaches = journal.end().address;
    let newest = disk.list().unwrap().pop().unwrap();
    let open = |disk: &Arc<SimDisk>| {
        let options = Options { segment_bytes: TINY, reaches, ..Options::default() };
        Journal::open(disk.clone() as Arc<dyn Disk>, options)
    };
    assert_eq!(held(&open(&copy(&disk)).unwrap().0), groups(0, 12).concat());
    let damages: [&dyn Fn(&SimDisk); 5] = [
        &|disk| disk.delete(&newest),
        &|disk| disk.cut(&newest, 10),
        &|disk| disk.cut(&newest, disk.len(&newest).unwrap() - 1),
        &|disk| disk.list().unwrap().iter().for_each(|name| disk.delete(name)),
        &|disk| {
            disk.list().unwrap().iter().skip(1).for_each(|name| disk.delete(name));
            disk.cut("00000000000000000000.journal", 10);
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let damaged = copy(&disk);
        damage(&damaged);
        let before = names_with_bytes(&damaged);
        let error = open(&damaged).unwrap_err();
        assert!(place(&error).starts_with("journal/"), "{number}: {error}");
        assert_eq!(names_with_bytes(&damaged), before, "{number}");
    }
}

#[test]
fn what_stands_behind_the_beginning_of_the_next_file_does_not_count() {
    let (disk, journal) = filled(TINY, 12);
    let name = &disk.list().unwrap()[2];
    let mut bytes = disk.bytes(name).unwrap();
    // Even what looks like a record.
    let again = bytes[64..].to_vec();
    bytes.extend(again);
    disk.put(name, &bytes);
    assert_eq!(contents(&journal), groups(0, 12).concat());
    assert_eq!(contents(&open(&disk, TINY)), groups(0, 12).concat());
    assert_eq!(check(&disk).flaws, []);
    open(&disk, TINY).archive(0).unwrap();
    assert_eq!(contents(&open(&disk, TINY)), groups(0, 12).concat());
}

#[test]
fn records_at_a_wrong_place_are_found() {
    let (disk, journal) = filled(1_000_000, 4);
    let name = &disk.list().unwrap()[0];
    let all = records(&journal, End::default()).unwrap();
    let (first, second) = (all[1].clone(), all[2].clone());
    let bytes = disk.bytes(name).unwrap();
    let at = |address: Address| usize::try_from(address.0 + 64).unwrap();
    let mut swapped = bytes[..at(first.address)].to_vec();
    swapped.extend(&bytes[at(second.address)..at(second.end.address)]);
    swapped.extend(&bytes[at(first.address)..at(first.end.address)]);
    swapped.extend(&bytes[at(second.end.address)..]);
    disk.put(name, &swapped);
    place(&try_open(&disk, 1_000_000).unwrap_err());
    let [flaw] = &check(&disk).flaws[..] else { panic!("not one flaw") };
    assert_eq!((flaw.before, flaw.after), (1, u64::try_from(all.len()).unwrap() - 3));
}

#[test]
fn a_newer_format_is_left_alone() {
    for archived in [false, true] {
        let (disk, journal) = filled(TINY, 6);
        if archived {
            journal.archive(0).unwrap();
        }
        let name = &disk.list().unwrap()[1];
        let mut bytes = disk.bytes(name).unwrap();
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..60]).to_le_bytes();
        bytes[60..64].copy_from_slice(&crc);
        disk.put(name, &bytes);
        let before = names_with_bytes(&disk);
        assert!(matches!(try_open(&disk, TINY), Err(Error::Newer { found: 2, known: 1 })));
        assert_eq!(names_with_bytes(&disk), before);
        let disk: Arc<dyn Disk> = disk.clone();
        assert!(matches!(Journal::peek(Arc::clone(&disk)), Err(Error::Newer { found: 2, known: 1 })));
        assert!(matches!(Journal::check(&disk, &mut |_, _| {}), Err(Error::Newer { found: 2, known: 1 })));
    }
}

#[test]
fn damage_in_several_places_is_all_reported() {
    let (disk, journal) = filled(2_000, 40);
    let names = disk.list().unwrap();
    for name in [&names[0], &names[2], &names[3]] {
        disk.flip(name, 700, 0x10);
    }
    disk.flip(&names[4], 30, 1);
    let mut told = Vec::new();
    let report = journal.verify(&mut |done, all| told.push((done, all))).unwrap();
    let flawed: Vec<&String> = report.flaws.iter().map(|flaw| &flaw.file).collect();
    assert_eq!(flawed, [&names[0], &names[2], &names[3], &names[4]]);
    let all = u64::try_from(groups(0, 40).concat().len()).unwrap();
    assert_eq!(report.records, all - 3);
    assert_eq!(told.last(), Some(&(journal.end().address.0, journal.end().address.0)));
    insta::assert_snapshot!(report.flaws.iter().map(line).collect::<Vec<_>>().join("\n"), @"
    00000000000000000000.journal 583+276: its checksum is wrong (3 before, 73 after)
    00000000000000004740.journal 643+96: its checksum is wrong (26 before, 50 after)
    00000000000000006840.journal 646+177: its checksum is wrong; events 51 to 53 are lost (36 before, 40 after)
    00000000000000009360.journal 0+64: the checksum of its head is wrong (45 before, 31 after)
    ");
}

fn line(flaw: &Flaw) -> String {
    let Flaw { file, at, bytes, reason, before, after } = flaw;
    format!("{file} {at}+{bytes}: {reason} ({before} before, {after} after)")
}

#[test]
fn a_sound_journal_has_no_flaws() {
    let (disk, journal) = filled(2_000, 40);
    let report = journal.verify(&mut |_, _| {}).unwrap();
    let all = groups(0, 40).concat();
    assert_eq!(report.records, u64::try_from(all.len()).unwrap());
    assert_eq!(report.events, all.iter().map(|draft| draft.events).sum::<u64>());
    assert_eq!(report.bytes, journal.end().address.0);
    assert_eq!(report.files, u64::try_from(disk.list().unwrap().len()).unwrap());
    assert_eq!((report.flaws.len(), report.tail.is_none()), (0, true));
    assert_eq!(check(&disk), report);
    journal.archive(1).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap(), report);
    assert_eq!(check(&disk), report);
}
