//! What the tests share: journals on simulated disks, and what must hold of each.

use std::sync::Arc;

use gendan::store::journal::{Draft, End, Journal, Opened, Options, Record};
use gendan::store::{Disk, Error, Position, SimDisk};

/// Files so small that nearly every group begins one.
pub(crate) const TINY: u64 = 300;

/// A record that is like no other.
pub(crate) fn draft(number: u64) -> Draft {
    let bytes = usize::try_from(number * 131 % 300).unwrap();
    let body = format!("record {number} ").into_bytes().into_iter().cycle().take(bytes).collect();
    Draft { events: number % 4, body }
}

/// Groups of one to three records; the same for the same numbers.
pub(crate) fn groups(from: u64, count: u64) -> Vec<Vec<Draft>> {
    (from..from + count).map(|group| (0..=group % 3).map(|record| draft(group * 10 + record)).collect()).collect()
}

pub(crate) fn disk() -> Arc<SimDisk> {
    Arc::new(SimDisk::new())
}

pub(crate) fn try_open(disk: &Arc<SimDisk>, segment_bytes: u64) -> Result<(Journal, Opened), Error> {
    let disk: Arc<dyn Disk> = disk.clone();
    Journal::open(disk, Options { segment_bytes, ..Options::default() })
}

#[track_caller]
pub(crate) fn open(disk: &Arc<SimDisk>, segment_bytes: u64) -> Journal {
    try_open(disk, segment_bytes).unwrap().0
}

/// A journal with these groups on a disk of its own.
pub(crate) fn filled(segment_bytes: u64, count: u64) -> (Arc<SimDisk>, Journal) {
    let disk = disk();
    let journal = open(&disk, segment_bytes);
    for group in groups(0, count) {
        journal.append(&group).unwrap();
    }
    (disk, journal)
}

/// All records from an end on.
pub(crate) fn records(journal: &Journal, from: End) -> Result<Vec<Record>, Error> {
    let mut scan = journal.scan(from)?;
    std::iter::from_fn(|| scan.next().transpose()).collect()
}

/// What the journal holds.
#[track_caller]
pub(crate) fn held(journal: &Journal) -> Vec<Draft> {
    let records = records(journal, End::default()).unwrap();
    assert_eq!(records.last().map_or(End::default(), |last| last.end), journal.end());
    records.into_iter().map(|record| Draft { events: record.events, body: record.body }).collect()
}

/// What the journal holds, after checking that all ways of reading agree.
#[track_caller]
pub(crate) fn contents(journal: &Journal) -> Vec<Draft> {
    let records = records(journal, End::default()).unwrap();
    let mut end = End::default();
    for record in &records {
        assert_eq!((record.address, record.position), (end.address, end.position));
        assert_eq!(record.end.address.0 - record.address.0, Journal::record_bytes(record.body.len()));
        assert_eq!(record.end.link, record.link);
        assert_eq!(&journal.read(record.address).unwrap(), record);
        for event in (record.position.0 + 1..=record.position.0 + record.events).step_by(2) {
            assert_eq!(journal.find(Position(event)).unwrap(), Some(record.address), "event {event}");
        }
        end = record.end;
    }
    assert_eq!(journal.end(), end);
    assert_eq!(journal.find(Position(0)).unwrap(), None);
    assert_eq!(journal.find(Position(end.position.0 + 1)).unwrap(), None);
    records.into_iter().map(|record| Draft { events: record.events, body: record.body }).collect()
}

/// The place that an error names; fails for errors without one.
#[track_caller]
pub(crate) fn place(error: &Error) -> String {
    let Error::Damaged { place, .. } = error else { panic!("not damage: {error}") };
    place.clone()
}
