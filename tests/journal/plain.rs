//! Nothing goes wrong.

use std::sync::Arc;

use gendan::model::limit::RECORD_BYTES_MAX;
use gendan::store::journal::{Address, Draft, End, Journal, Options};
use gendan::store::{Disk, Error, FolderDisk, Position, SimDisk};

use crate::bed::{TINY, contents, disk, filled, groups, open, place, records, try_open};

#[test]
fn what_is_appended_is_read() {
    for segment_bytes in [1, TINY, 5_000, 64 * 1024 * 1024] {
        let (disk, journal) = filled(segment_bytes, 60);
        let all = groups(0, 60).concat();
        assert_eq!(contents(&journal), all);
        let files = disk.list().unwrap().len();
        assert_eq!(files == 1, segment_bytes > 1_000_000, "{files} files");
        let again = open(&disk, segment_bytes);
        assert_eq!((contents(&again), again.end()), (all, journal.end()));
    }
}

#[test]
fn a_folder_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = || -> Arc<dyn Disk> { Arc::new(FolderDisk::make(folder.path().join("journal")).unwrap()) };
    let options = Options { segment_bytes: 4_000, create: true, ..Default::default() };
    let (journal, opened) = Journal::open(disk(), options).unwrap();
    assert!(opened.created);
    for group in groups(0, 40) {
        journal.append(&group).unwrap();
    }
    assert_eq!(contents(&journal), groups(0, 40).concat());
    let (again, opened) = Journal::open(disk(), Options { create: false, ..options }).unwrap();
    assert_eq!(opened, Default::default());
    again.append(&groups(40, 1).concat()).unwrap();
    assert_eq!(contents(&again), groups(0, 41).concat());
}

#[test]
fn a_scan_goes_on_from_any_end() {
    let (_disk, journal) = filled(2_000, 30);
    let all = records(&journal, End::default()).unwrap();
    for (number, record) in all.iter().enumerate() {
        assert_eq!(records(&journal, record.end).unwrap(), all[number + 1..]);
        let elsewhere = End { link: [7; 32], ..record.end };
        assert!(matches!(records(&journal, elsewhere), Err(Error::Damaged { .. })), "{elsewhere:?}");
    }
    let beyond = End { address: Address(journal.end().address.0 + 1), ..journal.end() };
    assert!(matches!(journal.scan(beyond), Err(Error::Damaged { .. })));
}

#[test]
fn a_scan_ends_where_the_journal_ended_when_it_began() {
    let (_disk, journal) = filled(2_000, 5);
    let mut scan = journal.scan(End::default()).unwrap();
    journal.append(&groups(5, 1).concat()).unwrap();
    let mut count = 0;
    while scan.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, groups(0, 5).concat().len());
}

#[test]
fn what_there_is_not_is_not_read() {
    let (_disk, journal) = filled(2_000, 5);
    for at in [journal.end().address, Address(journal.end().address.0 + 9), Address(1), Address(u64::MAX)] {
        place(&journal.read(at).unwrap_err());
    }
    assert_eq!(journal.find(Position(u64::MAX)).unwrap(), None);
}

#[test]
fn nothing_is_appended_for_nothing() {
    let (disk, journal) = filled(2_000, 5);
    let (end, operations) = (journal.end(), disk.operations());
    assert_eq!(journal.append(&[]).unwrap(), end);
    assert_eq!(disk.operations(), operations);
}

#[test]
fn what_is_too_large_is_refused_whole() {
    let (_disk, journal) = filled(2_000, 5);
    let end = journal.end();
    let small = Draft { events: 1, body: b"small".to_vec() };
    for large in [Draft { events: 1, body: vec![0; RECORD_BYTES_MAX + 1] }, Draft { events: 1 << 31, body: Vec::new() }]
    {
        let refused = journal.append(&[small.clone(), large]);
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
        assert_eq!(journal.end(), end);
    }
    journal.append(&[small]).unwrap();
    assert_eq!(contents(&journal).len(), groups(0, 5).concat().len() + 1);
}

#[test]
fn no_journal_is_begun_where_none_is_wanted() {
    let disk = disk();
    let options = Options { create: false, ..Options::default() };
    assert!(matches!(Journal::open(disk.clone(), options), Err(Error::Io(_))));
    assert_eq!(disk.operations(), 0);
    assert!(try_open(&disk, TINY).unwrap().1.created);
    assert!(!try_open(&disk, TINY).unwrap().1.created);
}

#[test]
fn a_group_costs_one_write_and_one_sync() {
    let (disk, journal) = filled(1_000_000, 5);
    let before = disk.operations();
    journal.append(&groups(2, 1).concat()).unwrap();
    assert_eq!(disk.operations() - before, 2);
}

#[test]
fn an_end_is_kept_as_text() {
    let (_disk, journal) = filled(2_000, 5);
    let text = serde_json::to_string(&journal.end()).unwrap();
    assert_eq!(serde_json::from_str::<End>(&text).unwrap(), journal.end());
    for wrong in ["+f", "é", "", "00"] {
        let text = format!(r#"{{"address":0,"position":0,"link":"{wrong}"}}"#);
        assert!(serde_json::from_str::<End>(&text).is_err(), "{text}");
    }
    assert_eq!(serde_json::to_string(&End::default()).unwrap().matches('0').count(), 66);
}

#[test]
fn readers_see_only_what_is_durable() {
    let disk = Arc::new(SimDisk::new());
    let journal = Arc::new(open(&disk, 2_000));
    let follow = |journal: &Journal| {
        let mut end = End::default();
        while end.position.0 < 300 {
            let new = records(journal, end).unwrap();
            end = new.last().map_or(end, |last| last.end);
            assert!(end.address <= journal.end().address);
            assert!(new.last().is_none_or(|last| &journal.read(last.address).unwrap() == last));
        }
    };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let journal = Arc::clone(&journal);
            std::thread::spawn(move || follow(&journal))
        })
        .collect();
    for number in 0..300 {
        journal.append(&[Draft { events: 1, body: vec![0; number] }]).unwrap();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}
