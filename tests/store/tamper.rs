//! `verify` finds what was changed behind the store's back, and says where.

use gendan::store::{Ledger, Store};

use crate::bed::{Draft, comment, entry, event, id, opened, unique};

/// Changes a folder with two cases by hand and gives what `verify` says about it.
fn verified_after(change: impl Fn(&sled::Db)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let store = Ledger::open(&path, true).unwrap();
    let first = Draft::open(id(1), "W1").hold(&unique("a")).index(&[entry("stage", "new")], &[]);
    store.commit(vec![first.into(), Draft::open(id(2), "W2").due(77).into()]).unwrap();
    store.commit(vec![Draft::after(id(1), &[event(1, opened("W1"))], vec![comment("paid 100")]).into()]).unwrap();
    assert_eq!(store.verify(&mut |_, _| ()).unwrap(), []);
    drop(store);
    let db = sled::Config::new().path(path.join("state")).segment_size(2 * 1024 * 1024).flush_every_ms(None);
    // Another handle in this process may still be letting go of it.
    let db = (0..200)
        .find_map(|_| {
            let opened = db.open();
            if opened.is_err() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            opened.ok()
        })
        .unwrap();
    change(&db);
    drop(db);
    let store = Ledger::look(&path).unwrap();
    let damage = store.verify(&mut |_, _| ()).unwrap();
    damage.into_iter().map(|damage| damage.what).collect()
}

fn key(db: &sled::Db, prefix: &str, nth: usize) -> sled::IVec {
    db.scan_prefix(prefix).keys().nth(nth).unwrap().unwrap()
}

fn replace(db: &sled::Db, key: &[u8], from: &str, to: &str) {
    let value = db.get(key).unwrap().unwrap();
    let place = value.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    let value = [&value[..place], to.as_bytes(), &value[place + from.len()..]].concat();
    db.insert(key, value).unwrap();
}

#[track_caller]
fn check(change: impl Fn(&sled::Db), said: &[&str]) {
    let found = verified_after(change);
    for part in said {
        assert!(found.iter().any(|what| what.contains(part)), "{part:?} is not in {found:#?}");
    }
    assert_eq!(found.len(), said.len(), "{found:#?}");
}

#[test]
fn a_changed_or_missing_snapshot_is_found() {
    let newest_first = 1;
    check(
        |db| replace(db, &key(db, "c/", newest_first), "\"new\"", "\"old\""),
        &["its snapshot is not what its events say"],
    );
    check(
        |db| drop(db.remove(key(db, "c/", newest_first)).unwrap()),
        &["the cases have 1 of the 3 events in the journal", "the index entry", "the unique value"],
    );
    check(
        |db| drop(db.insert(key(db, "c/", 0), b"\x01{").unwrap()),
        &["stored data is damaged at case", "the cases have 2 of the 3 events in the journal"],
    );
}

#[test]
fn index_and_unique_values_are_compared_both_ways() {
    check(
        |db| drop(db.remove(key(db, "i/", 0)).unwrap()),
        &["its index entry stage `new` is missing", "1 cases are counted as stage `new`; there are 0"],
    );
    check(|db| drop(db.remove(key(db, "u/", 0)).unwrap()), &["its unique external_id `a` is not noted as its own"]);
    check(
        |db| drop(db.remove(key(db, "w/", 0)).unwrap()),
        &["that it wants to be woken at 1970-01-01T00:00:00.077Z is missing"],
    );
    let stray = |db: &sled::Db, prefix: &str, from: &str, to: &str| {
        let old = key(db, prefix, 0);
        let place = old.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        let new = [&old[..place], to.as_bytes(), &old[place + from.len()..]].concat();
        db.insert(new, db.get(&old).unwrap().unwrap()).unwrap();
    };
    check(|db| stray(db, "i/", "new", "old"), &["is none of its own", "1 entries of the index are in no count"]);
    check(|db| stray(db, "w/", "M", "N"), &["is none of its own"]);
    check(|db| stray(db, "u/", "external", "internal"), &["is none of its own"]);
}

#[test]
fn counts_are_compared_with_the_index() {
    check(|db| replace(db, b"counts", "1]", "3]"), &["3 cases are counted as stage `new`; there are 1"]);
}

#[test]
fn an_unknown_value_is_told_and_not_guessed_at() {
    check(|db| drop(db.insert("t/a\0b", b"\x02{}").unwrap()), &["it has no known version"]);
}
