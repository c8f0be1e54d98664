//! What is refused, with what is said; nothing is touched then.

use std::fs;

use gendan::store::Ledger;

use crate::bed::{Folders, back_up, check, contents, fill, restore};

#[test]
fn a_backup_goes_into_a_folder_of_its_own() {
    let folders = Folders::new();
    let (data, to, strange) = (folders.path("data"), folders.path("b"), folders.path("strange"));
    fill(&data, 2);
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("letter.txt"), "dear").unwrap();
    let told = |to: &str| {
        let before = contents(&folders.path(to));
        let told = folders.told(&back_up(&data, &folders.path(to)).unwrap_err());
        assert_eq!(contents(&folders.path(to)), before);
        told
    };
    insta::assert_snapshot!(told("strange"), @r"
    `strange` holds `letter.txt`, which is no part of a backup
    help: name an empty folder, or one with a backup of this data folder
    ");
    insta::assert_snapshot!(told("data"), @r"
    `data` holds `format`, which is no part of a backup
    help: name an empty folder, or one with a backup of this data folder
    ");
    // What has the look of a journal, but was announced by nobody.
    fs::create_dir_all(folders.path("look/journal")).unwrap();
    insta::assert_snapshot!(told("look"), @r"
    `look` holds `journal`, which is no part of a backup
    help: name an empty folder, or one with a backup of this data folder
    ");
    back_up(&data, &to).unwrap();
    fs::write(to.join("notes"), "mine").unwrap();
    insta::assert_snapshot!(told("b"), @r"
    `b` holds `notes`, which is no part of a backup
    help: name an empty folder, or one with a backup of this data folder
    ");
}

#[test]
fn a_backup_is_of_one_data_folder() {
    let folders = Folders::new();
    for (name, cases) in [("data", 3), ("less", 1), ("copy", 3)] {
        fill(&folders.path(name), cases);
    }
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    let told = |data: &str| {
        let before = contents(&folders.path("b"));
        let told = folders.told(&back_up(&folders.path(data), &folders.path("b")).unwrap_err());
        assert_eq!(contents(&folders.path("b")), before);
        told
    };
    insta::assert_snapshot!(told("less"), @r"
    the backup in `b` has 6 events and the data folder 2: it is another's, or events were lost
    help: name an empty folder, and keep the backup that is there
    ");
    // The same records are the same journal, wherever they stand.
    assert_eq!(back_up(&folders.path("copy"), &folders.path("b")).unwrap().files_copied, 0);
    let other = Ledger::open(&folders.path("other"), true).unwrap();
    let items = crate::bed::items(5).into_iter().skip(1);
    gendan::store::Store::commit(&other, items.collect()).unwrap();
    insta::assert_snapshot!(told("other"), @r"
    `b` holds the backup of another data folder, or this one is damaged (journal/00000000000000000000.journal: byte 4061: its length can't be right)
    help: name an empty folder; `gendan verify` tells whether the data folder is damaged
    ");
}

#[test]
fn what_a_newer_gendan_wrote_is_left_alone() {
    let folders = Folders::new();
    let (data, to) = (folders.path("data"), folders.path("b"));
    fill(&data, 1);
    back_up(&data, &to).unwrap();
    fs::write(to.join("manifest.json"), "{ \"gendan_backup\": 2, \"new\": true }").unwrap();
    insta::assert_snapshot!(folders.told(&check(&to).unwrap_err()), @r"
    the backup in `b` was made by a newer gendan
    help: use that one
    ");
    insta::assert_snapshot!(folders.told(&back_up(&data, &to).unwrap_err()), @r"
    the backup in `b` was made by a newer gendan
    help: use that one
    ");
    fs::write(data.join("format"), "9\n").unwrap();
    insta::assert_snapshot!(folders.told(&back_up(&data, &folders.path("c")).unwrap_err()), @"the data folder has format 9, this gendan knows up to 2; use a newer gendan");
    assert!(!folders.path("c").exists());
}

#[test]
fn one_backup_at_a_time() {
    let folders = Folders::new();
    fill(&folders.path("data"), 1);
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    let other = fs::File::open(folders.path("b/lock")).unwrap();
    other.lock().unwrap();
    insta::assert_snapshot!(folders.told(&back_up(&folders.path("data"), &folders.path("b")).unwrap_err()), @r"
    another backup into `b` is being made
    help: wait until it has ended
    ");
    drop(other);
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
}

#[test]
fn what_is_not_there_is_told() {
    let folders = Folders::new();
    fs::create_dir(folders.path("empty")).unwrap();
    insta::assert_snapshot!(folders.told(&back_up(&folders.path("none"), &folders.path("b")).unwrap_err()), @"the store failed: there is no data in `none`");
    assert!(!folders.path("b").exists());
    insta::assert_snapshot!(folders.told(&check(&folders.path("none")).unwrap_err()), @r"
    there is no backup in `none`
    help: name the folder that `gendan backup` was given; one that was cut off has none yet
    ");
    insta::assert_snapshot!(folders.told(&restore(&folders.path("empty"), &folders.path("d")).unwrap_err()), @r"
    there is no backup in `empty`
    help: name the folder that `gendan backup` was given; one that was cut off has none yet
    ");
    assert!(!folders.path("d").exists());
}

#[test]
fn a_restore_needs_an_empty_place() {
    let folders = Folders::new();
    let (data, to) = (folders.path("data"), folders.path("b"));
    fill(&data, 1);
    back_up(&data, &to).unwrap();
    let before = contents(&data);
    insta::assert_snapshot!(folders.told(&restore(&to, &data).unwrap_err()), @r"
    `data` is not empty
    help: name a new folder
    ");
    assert_eq!(contents(&data), before);
    fs::create_dir(folders.path("again.part")).unwrap();
    insta::assert_snapshot!(folders.told(&restore(&to, &folders.path("again")).unwrap_err()), @r"
    `again.part` is there: it is being made, or was left by an attempt that was cut off
    help: remove it when nothing else is at work
    ");
    assert!(folders.path("again.part").exists() && !folders.path("again").exists());
}
