//! What was backed up comes back.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use gendan::store::journal::{Draft as RecordDraft, Record};
use gendan::store::{Ledger, Outcome, Store};

use crate::bed::{Folders, back_up, check, fill, holds_items, items, links, names, records, restore, tiny};

#[test]
fn a_folder_comes_back_as_it_was() {
    let folders = Folders::new();
    let (data, to, again) = (folders.path("data"), folders.path("b/c"), folders.path("d/again"));
    fill(&data, 20);
    let made = back_up(&data, &to).unwrap();
    assert_eq!((made.events, made.files, made.files_copied), (40, 1, 1));
    let manifest = check(&to).unwrap();
    assert_eq!((manifest.bytes(), manifest.end.link), (made.bytes, made.link));
    let built = restore(&to, &again).unwrap();
    assert_eq!((built.events, built.cases, built.end), (40, 20, manifest.end));
    holds_items(&again, 20);
    // A folder that is there and empty is as good as none.
    let empty = folders.path("empty");
    fs::create_dir(&empty).unwrap();
    restore(&to, &empty).unwrap();
    holds_items(&empty, 20);
}

#[test]
fn the_manifest_says_what_there_is() {
    let folders = Folders::new();
    fill(&folders.path("data"), 1);
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    insta::assert_snapshot!(fs::read_to_string(folders.path("b/manifest.json")).unwrap(), @r#"
    {
      "gendan_backup": 1,
      "at": "2026-09-21T14:13:20Z",
      "files": [
        {
          "name": "00000000000000000000.journal",
          "bytes": 2125,
          "sha256": "99c8b6dba845584b7a156bfd73a3ba0afde29b8fcc0f1ce63abc385ee4f7cd08"
        }
      ],
      "end": {
        "address": 2061,
        "position": 2,
        "link": "ef36568c3b4f843cafe7029545e7e872651a89ce28ac39ea7231ce5e6c7b2337"
      }
    }
    "#);
}

#[test]
fn a_journal_without_records_comes_back_too() {
    let folders = Folders::new();
    drop(Ledger::open(&folders.path("data"), true).unwrap());
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    assert_eq!(restore(&folders.path("b"), &folders.path("again")).unwrap().events, 0);
}

#[test]
fn only_what_is_new_is_copied_and_archives_take_the_places_of_files() {
    let folders = Folders::new();
    let (all, data, to) = (folders.path("all"), folders.path("data"), folders.path("b"));
    fill(&all, 20);
    let records = records(&all);
    drop(tiny(&data, &records[..12], false));
    let first = back_up(&data, &to).unwrap();
    assert_eq!(first.files, first.files_copied);
    let nothing_new = back_up(&data, &to).unwrap();
    assert_eq!((nothing_new.files_copied, nothing_new.link), (0, first.link));

    drop(tiny(&data, &records[..30], false));
    let more = back_up(&data, &to).unwrap();
    // The newest file of the first backup has grown, or was closed just there.
    assert!(
        more.files_copied >= more.files - first.files && more.files_copied <= more.files - first.files + 1,
        "{more:?}"
    );
    assert_eq!(names(&to), names(&data));

    drop(tiny(&data, &records, true));
    assert!(names(&data).iter().filter(|name| name.ends_with(".archive")).count() > 5);
    let archived = back_up(&data, &to).unwrap();
    assert!(archived.files_copied < archived.files || archived.files == names(&data).len() as u64);
    assert_eq!(names(&to), names(&data), "files that stand compressed beside are gone");
    assert_eq!(check(&to).unwrap().files.len() as u64, archived.files);
    restore(&to, &folders.path("again")).unwrap();
    holds_items(&folders.path("again"), 20);
}

/// Whenever a second backup stops, the first one can be restored, and the next one goes on.
#[test]
fn a_backup_that_was_cut_off_leaves_the_one_before() {
    let folders = Folders::new();
    let (all, data, to) = (folders.path("all"), folders.path("data"), folders.path("b"));
    fill(&all, 20);
    let records = records(&all);
    drop(tiny(&data, &records[..12], false));
    let first = back_up(&data, &to).unwrap();
    drop(tiny(&data, &records, true));
    // As a stop would leave it: copies under other names, then the files in their places, but the old manifest.
    let newest = names(&to).pop().unwrap();
    for name in names(&data) {
        fs::copy(data.join("journal").join(&name), to.join("journal").join(format!("{name}.part"))).unwrap();
        assert_eq!(check(&to).unwrap().end.link, first.link);
    }
    for name in names(&data) {
        fs::rename(to.join("journal").join(format!("{name}.part")), to.join("journal").join(&name)).unwrap();
        assert_eq!(check(&to).unwrap().end.link, first.link);
    }
    assert!(names(&to).contains(&newest));
    fs::write(to.join("manifest.json.part"), "{").unwrap();
    assert_eq!(restore(&to, &folders.path("old")).unwrap().end.link, first.link);
    let second = back_up(&data, &to).unwrap();
    assert_eq!(second.link, links(&all).last().unwrap().1);
    assert_eq!(names(&to), names(&data));
    restore(&to, &folders.path("again")).unwrap();
    holds_items(&folders.path("again"), 20);
}

#[test]
fn a_first_backup_that_was_cut_off_is_begun_again() {
    let folders = Folders::new();
    let (data, to) = (folders.path("data"), folders.path("b"));
    fill(&data, 3);
    back_up(&data, &to).unwrap();
    fs::rename(to.join("manifest.json"), to.join("manifest.json.part")).unwrap();
    fs::write(to.join("journal/00000000000000000000.journal.part"), "half").unwrap();
    fs::write(to.join("journal/00000000000000000000.journal"), "half").unwrap();
    assert_eq!(back_up(&data, &to).unwrap().files_copied, 1);
    assert_eq!(names(&to), names(&data));
    restore(&to, &folders.path("again")).unwrap();
    holds_items(&folders.path("again"), 3);
}

#[test]
fn a_file_of_the_backup_that_rots_is_copied_again() {
    let folders = Folders::new();
    let (all, data, to) = (folders.path("all"), folders.path("data"), folders.path("b"));
    fill(&all, 20);
    drop(tiny(&data, &records(&all), false));
    back_up(&data, &to).unwrap();
    let rotten = to.join("journal").join(&names(&to)[1]);
    let mut bytes = fs::read(&rotten).unwrap();
    bytes[70] ^= 1;
    fs::write(&rotten, bytes).unwrap();
    assert!(check(&to).is_err());
    assert_eq!(back_up(&data, &to).unwrap().files_copied, 1);
    check(&to).unwrap();
}

/// The position of the only item of a group.
fn position(outcomes: &[Outcome]) -> u64 {
    match outcomes {
        [Outcome::Done(position)] => position.0,
        other => panic!("{other:?}"),
    }
}

/// Every backup that is made while others commit holds what was acknowledged before it began, and follows from
/// the one before.
#[test]
fn commits_go_on_meanwhile() {
    let folders = Folders::new();
    let (data, to) = (folders.path("data"), folders.path("b"));
    let store = Ledger::open(&data, true).unwrap();
    let (acknowledged, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for item in items(150) {
                acknowledged.store(position(&store.commit(vec![item]).unwrap()), Ordering::SeqCst);
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut round = 0;
        loop {
            let (last, before) = (done.load(Ordering::SeqCst), acknowledged.load(Ordering::SeqCst));
            let made = back_up(&data, &to).unwrap();
            assert!(made.events >= before, "{} of {before}", made.events);
            let again = folders.path(&format!("again-{round}"));
            assert_eq!(restore(&to, &again).unwrap().events, made.events);
            assert_eq!(made.link, links(&again).last().map_or([0; 32], |(_, link)| *link));
            round += 1;
            if last {
                break;
            }
        }
        assert!(round > 1);
    });
    drop(store);
    restore(&to, &folders.path("last")).unwrap();
    holds_items(&folders.path("last"), 150);
}

/// The same with files that are begun, compressed and removed all the time.
#[test]
fn files_are_compressed_and_removed_meanwhile() {
    let folders = Folders::new();
    let (all, data, to) = (folders.path("all"), folders.path("data"), folders.path("b"));
    fill(&all, 250);
    let records = records(&all);
    let journal = tiny(&data, &records[..4], false);
    let (appended, done) = (AtomicU64::new(journal.end().address.0), AtomicBool::new(false));
    let append = |record: &Record| {
        journal.append(&[RecordDraft { events: record.events, body: record.body.clone() }]).unwrap();
        appended.store(record.end.address.0, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for some in records[4..].chunks(8) {
                some.iter().for_each(append);
                journal.archive(1).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let (last, before) = (done.load(Ordering::SeqCst), appended.load(Ordering::SeqCst));
            back_up(&data, &to).unwrap();
            let manifest = check(&to).unwrap();
            assert!(manifest.end.address.0 >= before);
            if last {
                break;
            }
        }
    });
    drop(journal);
    assert!(names(&to).iter().any(|name| name.ends_with(".archive")));
    restore(&to, &folders.path("again")).unwrap();
    holds_items(&folders.path("again"), 250);
}
