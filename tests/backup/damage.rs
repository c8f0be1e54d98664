//! A backup that is damaged is refused, with the place, and the data folder stays as it was.

use std::fs;
use std::path::Path;

use crate::bed::{Folders, back_up, check, fill, names, records, restore, tiny};

/// A backup with archives and plain files.
fn backed_up() -> Folders {
    let folders = Folders::new();
    fill(&folders.path("all"), 8);
    drop(tiny(&folders.path("data"), &records(&folders.path("all")), true));
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    folders
}

/// What is said after a damage; by the check and by the restoring, which both see it.
#[track_caller]
fn told(damage: impl Fn(&Path)) -> String {
    let folders = backed_up();
    let (to, again) = (folders.path("b"), folders.path("again"));
    fs::create_dir(&again).unwrap();
    damage(&to);
    let checked = folders.told(&check(&to).unwrap_err());
    let restored = folders.told(&restore(&to, &again).unwrap_err());
    assert_eq!(fs::read_dir(&again).unwrap().count(), 0, "the folder is as it was");
    assert!(!folders.path("again.part").exists());
    if checked == restored { checked } else { format!("{checked}\n{restored}") }
}

fn change(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn manifest(to: &Path, from: &str, into: &str) {
    let path = to.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, into, 1)).unwrap();
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!(told(|to| fs::remove_file(to.join("journal").join(&names(to)[1])).unwrap()), @"the backup is damaged: journal/00000000000000000997.archive is missing");
}

#[test]
fn a_file_that_was_cut_short() {
    insta::assert_snapshot!(told(|to| change(&to.join("journal").join(&names(to)[0]), |bytes| bytes.truncate(100))), @"the backup is damaged: journal/00000000000000000000.archive has 100 bytes, and not 878");
}

#[test]
fn a_newest_file_that_was_cut_short() {
    let cut = |to: &Path| {
        change(&to.join("journal").join(names(to).last().unwrap()), |bytes| {
            bytes.pop();
        });
    };
    insta::assert_snapshot!(told(cut), @"the backup is damaged: journal/00000000000000008859.journal has 391 bytes, and not 392");
}

#[test]
fn a_manifest_that_says_something_else() {
    insta::assert_snapshot!(told(|to| manifest(to, "\"position\": 16", "\"position\": 15")), @r"
    the backup is damaged: the journal ends at address 9187 after event 16 with the link a5bc8a4ceaa32368edd79a60d218056db0dae25daa372e8c54279eeaebad6062, and not at address 9187 after event 15 with the link a5bc8a4ceaa32368edd79a60d218056db0dae25daa372e8c54279eeaebad6062
    what was brought back ends at address 9187 after event 16 with the link a5bc8a4ceaa32368edd79a60d218056db0dae25daa372e8c54279eeaebad6062, and not at address 9187 after event 15 with the link a5bc8a4ceaa32368edd79a60d218056db0dae25daa372e8c54279eeaebad6062
    ");
    insta::assert_snapshot!(told(|to| manifest(to, ".archive", ".archives")), @"the backup is damaged: journal/00000000000000000000.archives is missing");
    insta::assert_snapshot!(told(|to| manifest(to, "\"name\": \"", "\"name\": \"../journal/")), @"the backup is damaged: journal/../journal/00000000000000000000.archive is missing");
    insta::assert_snapshot!(told(|to| change(&to.join("manifest.json"), |bytes| bytes.truncate(200))), @"`b/manifest.json` is damaged: EOF while parsing a string at line 8 column 59");
}

/// Every byte of every file counts: each one that changes is noticed.
#[test]
fn a_changed_byte_anywhere() {
    let folders = backed_up();
    let to = folders.path("b");
    for name in names(&to) {
        let path = to.join("journal").join(&name);
        let sound = fs::read(&path).unwrap();
        for at in (0..sound.len()).step_by(97) {
            change(&path, |bytes| bytes[at] ^= 0x10);
            let error = folders.told(&check(&to).unwrap_err());
            assert!(error.contains(&name) && error.contains("SHA-256"), "{error}");
            fs::write(&path, &sound).unwrap();
        }
    }
    check(&to).unwrap();
}

/// A data folder that is damaged is not taken into the backup: the one before stays.
#[test]
fn damage_in_the_data_folder_does_not_reach_the_backup() {
    let folders = Folders::new();
    let (all, data, to) = (folders.path("all"), folders.path("data"), folders.path("b"));
    fill(&all, 8);
    let records = records(&all);
    drop(tiny(&data, &records[..6], false));
    let first = back_up(&data, &to).unwrap();
    drop(tiny(&data, &records, false));
    let damaged = names(&data)[names(&to).len()].clone();
    change(&data.join("journal").join(&damaged), |bytes| bytes[150] ^= 1);
    let error = folders.told(&back_up(&data, &to).unwrap_err());
    assert!(error.contains(&damaged) && error.contains("what was copied is damaged"), "{error}");
    assert_eq!(check(&to).unwrap().end.link, first.link);
    restore(&to, &folders.path("again")).unwrap();
}
