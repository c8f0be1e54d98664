//! Data folders to back up, and what must hold of those that come back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gendan::model::{Revision, Timestamp};
use gendan::store::backup::{self, Built, Error, Made, Manifest};
use gendan::store::export;
use gendan::store::journal::{Draft as RecordDraft, End, Link, Options, Record};
use gendan::store::{FolderDisk, Item, Journal, KeyRecord, Ledger, Store};
use tempfile::TempDir;

use crate::store::{Draft, answer, answer_key, comment, entry, event, id, opened, record, unique};

/// Files so small that nearly every group begins one.
pub(crate) const TINY: u64 = 900;

/// Folders that go away with their test.
pub(crate) struct Folders(TempDir);

impl Folders {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An error, without the place of these folders.
    pub(crate) fn told(&self, error: &Error) -> String {
        let help = match error {
            Error::Refused { help, .. } => format!("\nhelp: {help}"),
            Error::Store(_) | Error::Damaged(_) => String::new(),
        };
        format!("{error}{help}").replace(&format!("{}/", self.0.path().display()), "")
    }
}

pub(crate) fn back_up(data: &Path, to: &Path) -> Result<Made, Error> {
    backup::backup(data, to, Timestamp(1_790_000_000_000), &mut |_, done, all| assert!(done <= all, "{done} of {all}"))
}

pub(crate) fn check(backup: &Path) -> Result<Manifest, Error> {
    backup::check(backup, &mut |_, done, all| assert!(done <= all, "{done} of {all}"))
}

pub(crate) fn restore(backup: &Path, data: &Path) -> Result<Built, Error> {
    backup::restore(backup, data, &mut |_, done, all| assert!(done <= all, "{done} of {all}"))
}

pub(crate) fn export(data: &Path) -> Result<String, Error> {
    let mut out = Vec::new();
    export::export(data, &mut out, Timestamp(1_790_000_000_000), &mut |_, done, all| assert!(done <= all))?;
    Ok(String::from_utf8(out).unwrap())
}

/// `None` when the text is no export.
pub(crate) fn import(text: impl AsRef<[u8]>, data: &Path) -> Result<Option<Built>, Error> {
    export::import(&mut text.as_ref(), data, &mut |_, done, all| assert!(done <= all))
}

/// One of everything that is stored, and `cases` cases with two events each.
pub(crate) fn items(cases: u64) -> Vec<Item> {
    let files = [
        ("workflows/w.yaml".into(), Arc::from(b"workflow: w\n".as_slice())),
        ("workflows/\u{540d}.bin".into(), Arc::from([0xff_u8, 0, 7].as_slice())),
        ("rules/empty.rhai".into(), Arc::from([].as_slice())),
    ];
    let key = KeyRecord {
        id: "gd_1".into(),
        secret_sha256: "aa".into(),
        last4: "wxyz".into(),
        user: "li".into(),
        roles: ["one".into()].into(),
        created_at: Timestamp(1),
        expires_at: Some(Timestamp(2)),
        revoked_at: None,
    };
    let mut items = vec![
        Item::Live { revision: Revision("r1".into()), files: files.into(), at: Timestamp(7) },
        Item::Key(key),
        Item::Rows {
            table: "t".into(),
            put: vec![("r".into(), record("name", "\u{540d}\n\"x\""))],
            remove: Vec::new(),
        },
        Item::Rows { table: "t".into(), put: vec![("s".into(), record("name", "2"))], remove: vec!["r".into()] },
    ];
    for case in 1..=cases {
        let number = format!("W{case}");
        let first = Draft::open(id(case), &number)
            .hold(&unique(&number))
            .index(&[entry("stage", "new")], &[])
            .series("w/20260924", case)
            .answer(&answer_key(&number), &answer(&format!("{{\"case\":{case}}}\n\u{540d}"), 5));
        let long = "y".repeat(usize::try_from(case % 7 * 100).unwrap());
        let second = Draft::after(id(case), &[event(1, opened(&number))], vec![comment(&long)]);
        items.extend([first.into(), second.into()]);
    }
    items
}

/// A closed data folder with [`items`].
pub(crate) fn fill(data: &Path, cases: u64) {
    let store = Ledger::open(data, true).unwrap();
    for item in items(cases) {
        store.commit(vec![item]).unwrap();
    }
}

/// A data folder with the first records of another one, in small files; some of them compressed.
pub(crate) fn tiny(data: &Path, records: &[Record], archived: bool) -> Journal {
    if !data.exists() {
        drop(Ledger::open(data, true).unwrap());
    }
    let disk = Arc::new(FolderDisk::new(data.join("journal")));
    let (journal, _) = Journal::open(disk, Options { segment_bytes: TINY, ..Options::default() }).unwrap();
    let there = journal.end().address;
    for record in records.iter().filter(|record| record.address >= there) {
        journal.append(&[RecordDraft { events: record.events, body: record.body.clone() }]).unwrap();
    }
    if archived {
        assert!(journal.archive(1).unwrap() > 0);
    }
    journal
}

/// The records of a data folder, or of the backup of one.
pub(crate) fn records(folder: &Path) -> Vec<Record> {
    let journal = Journal::peek(Arc::new(FolderDisk::new(folder.join("journal")))).unwrap();
    let mut scan = journal.scan(End::default()).unwrap();
    std::iter::from_fn(|| scan.next().unwrap()).collect()
}

/// The chain of records, by the position after each.
pub(crate) fn links(folder: &Path) -> Vec<(u64, Link)> {
    records(folder).iter().map(|record| (record.end.position.0, record.link)).collect()
}

/// The names of the files of a journal.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every file under a folder, with what is in it.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// That a data folder holds [`items`], is sound, and can be written to.
#[track_caller]
pub(crate) fn holds_items(data: &Path, cases: u64) {
    let folders = Folders::new();
    let wanted = folders.path("wanted");
    fill(&wanted, cases);
    assert_eq!(links(data), links(&wanted));
    let (found, wanted) = (Ledger::open(data, false).unwrap(), Ledger::open(&wanted, false).unwrap());
    assert_eq!(found.verify(&mut |_, _| ()).unwrap(), []);
    assert_eq!(found.health(), wanted.health());
    let all = |store: &Ledger| {
        let log = store.log(gendan::store::Position(0), usize::MAX).unwrap();
        (log, store.rows().unwrap(), store.keys().unwrap(), store.live().unwrap(), store.series("w/20260924").unwrap())
    };
    assert_eq!(all(&found), all(&wanted));
    for case in 1..=cases {
        let (id, number) = (id(case), format!("W{case}"));
        assert_eq!(found.case(id).unwrap(), wanted.case(id).unwrap());
        assert_eq!(found.holder(&unique(&number)).unwrap(), Some(id));
        let answer = found.answer(&answer_key(&number)).unwrap();
        assert!(answer.is_some() && answer == wanted.answer(&answer_key(&number)).unwrap(), "{answer:?}");
    }
    let next = id(cases + 1);
    found.commit(vec![Draft::open(next, "next").into()]).unwrap();
    assert!(found.case(next).unwrap().is_some());
}
