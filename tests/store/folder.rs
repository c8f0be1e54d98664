//! The data folder of the embedded store.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gendan::store::{Error, Ledger, Position, Store};

use crate::bed::{Bed, Draft, comment, event, id, opened};

/// A closed folder with a few cases in it.
fn used() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let store = Ledger::open(&path, true).unwrap();
    for case in 0..50 {
        store.commit(vec![Draft::open(id(case), "W").into()]).unwrap();
        store.settle().unwrap();
    }
    (folder, path)
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn one_process_has_a_folder() {
    let (_folder, path) = used();
    let store = Ledger::open(&path, false).unwrap();
    assert!(matches!(Ledger::open(&path, false), Err(Error::InUse(_))));
    assert_eq!(store.position(), Position(50));
    drop(store);
    Ledger::open(&path, false).unwrap();
}

#[test]
fn nothing_is_made_unless_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    assert!(matches!(Ledger::open(&path, false), Err(Error::Io(_))));
    assert!(!path.exists());
}

#[test]
fn a_newer_folder_is_left_untouched() {
    let (_folder, path) = used();
    fs::write(path.join("format"), "3\n").unwrap();
    let before = contents(&path);
    let error = Ledger::open(&path, true).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 3, known: 2 }), "{error}");
    assert_eq!(contents(&path), before);
}

#[test]
fn a_folder_from_before_the_first_release_is_told_and_left_untouched() {
    let (_folder, path) = used();
    fs::write(path.join("format"), "1\n").unwrap();
    let before = contents(&path);
    let error = Ledger::open(&path, true).unwrap_err();
    insta::assert_snapshot!(error, @"the store failed: the data folder has format 1, of a time before the first release; this gendan reads format 2 only");
    assert_eq!(contents(&path), before);
}

#[test]
fn what_is_missing_is_told() {
    for (missing, said) in [("format", "it is missing"), ("journal", "it is missing")] {
        let (_folder, path) = used();
        fs::rename(path.join(missing), path.with_file_name("elsewhere")).unwrap();
        let error = Ledger::open(&path, true).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(missing) && error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_first_start_that_was_cut_off_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    drop(Ledger::open(&path, true).unwrap());
    for format in [None, Some("")] {
        fs::remove_file(path.join("format")).unwrap();
        fs::remove_dir_all(path.join("journal")).unwrap();
        if let Some(text) = format {
            fs::write(path.join("format"), text).unwrap();
        }
        drop(Ledger::open(&path, true).unwrap());
        assert_eq!(fs::read_to_string(path.join("format")).unwrap(), "2\n");
    }
}

#[test]
fn an_unfinished_snapshot_of_sled_is_no_obstacle() {
    let (_folder, path) = used();
    let leftover = path.join("state/snap.0000000000000000.generating");
    fs::write(&leftover, "half").unwrap();
    assert_eq!(Ledger::open(&path, false).unwrap().position(), Position(50));
    assert!(!leftover.exists());
}

/// Sled's `blobs` are files that nothing makes durable: no value may ever get there.
#[test]
fn nothing_leaves_the_file_that_is_synced() {
    let mut bed = Bed::folder();
    let long = "x".repeat(300_000);
    let mut history = Vec::new();
    for round in 0..6 {
        for case in 0..8 {
            bed.one(Draft::after(id(100 * round + case), &[], vec![opened("W"), comment(&long)]));
        }
        let text = "y".repeat(usize::try_from(round).unwrap() * 90_000);
        let mut changes = gendan::model::Changes::default();
        changes.set.set("text".into(), gendan::model::Value::text(&text));
        let next =
            if history.is_empty() { opened("W") } else { gendan::model::Event::Edited { changes, comment: None } };
        bed.one(Draft::after(id(9_999), &history, vec![next.clone()]));
        history.push(event(u64::try_from(history.len()).unwrap() + 1, next));
    }
    // Index pages hold up to 256 keys of the greatest length.
    let long_entry = |number: u64| {
        let part = |letter: &str| format!("{}{number:04}", letter.repeat(250));
        let entry = |facet: &str| gendan::store::IndexKey {
            workflow: part("w").as_str().into(),
            facet: facet.into(),
            value: part("v").as_str().into(),
        };
        [entry(&part("f")), entry(&part("g"))]
    };
    for batch in 0..10 {
        bed.commit((0..100).map(|number| {
            let number = batch * 100 + number;
            Draft::open(id(20_000 + number), "W").index(&long_entry(number), &[]).into()
        }));
    }
    bed.reopen();
    bed.sound();
    let Bed::Folder(folder, _) = &bed else { panic!("it is sled") };
    let blobs = contents(&folder.path().join("data/state/blobs"));
    assert_eq!(blobs.keys().collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// A state that is lost or damaged in any way is built again from the journal; the one that was there is kept.
#[test]
fn a_damaged_state_is_put_aside_and_built_again() {
    let (_folder, path) = used();
    let whole = contents(&path);
    let (db, bytes) = whole.iter().find(|(file, _)| file.ends_with("state/db")).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for step in 0..24 {
        restore(&path, &whole);
        let mut flipped = bytes.clone();
        match step {
            22 => flipped.truncate(end / 2),
            23 => flipped.fill(0xab),
            _ => flipped[end * step / 24 + step * 7 % 13] ^= 0x10,
        }
        fs::write(db, flipped).unwrap();
        let store = Ledger::open(&path, false).unwrap();
        assert_eq!(store.position(), Position(50), "{step}");
        let damage = store.verify(&mut |_, _| ()).unwrap();
        let aside = path.join("state.aside-1").exists();
        assert_eq!(store.health().notices.iter().any(|notice| notice.contains("built again")), aside);
        // What lies in a page that nobody had to read is found by verifying.
        assert!(damage.is_empty() || !aside, "{step}: {damage:#?}");
    }
    fs::remove_dir_all(path.join("state")).unwrap();
    let store = Ledger::open(&path, false).unwrap();
    assert_eq!(store.verify(&mut |_, _| ()).unwrap(), []);
}

#[test]
fn a_state_that_is_not_the_journals_is_put_aside() {
    let change = |reached: &str| {
        let (folder, path) = used();
        let config = sled::Config::new().path(path.join("state")).segment_size(2 * 1024 * 1024).flush_every_ms(None);
        let db = config.open().unwrap();
        let old = String::from_utf8(db.get("reached").unwrap().unwrap().to_vec()).unwrap();
        let new = match reached {
            "another form" => old.replace("\"form\":3", "\"form\":99"),
            "another journal" => old.replace("\"link\":\"", "\"link\":\"00"),
            _ => "\u{1}{".to_owned(),
        };
        assert_ne!(old, new);
        db.insert("reached", new.as_bytes()).unwrap();
        drop(db);
        (folder, path)
    };
    for reached in ["another form", "another journal", "nonsense"] {
        let (_folder, path) = change(reached);
        let store = Ledger::open(&path, false).unwrap();
        let notices = store.health().notices;
        assert!(
            notices.iter().any(|notice| notice.contains("put aside") && notice.contains("state.aside-1")),
            "{notices:?}"
        );
        assert!(path.join("state.aside-1/db").exists());
        assert_eq!(store.position(), Position(50));
        assert_eq!(store.verify(&mut |_, _| ()).unwrap(), []);
    }
}

#[test]
fn a_journal_that_lost_its_newest_records_is_told_and_left_alone() {
    let (_folder, path) = used();
    let file = path.join("journal/00000000000000000000.journal");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 700]).unwrap();
    let before = contents(&path.join("journal"));
    let error = Ledger::open(&path, false).unwrap_err();
    assert!(error.to_string().contains("the newest records are missing"), "{error}");
    assert_eq!(contents(&path.join("journal")), before);
    fs::remove_file(file).unwrap();
    let error = Ledger::open(&path, false).unwrap_err();
    assert!(error.to_string().contains("all of its files are missing"), "{error}");
}

/// What was changed in the journal is found, with its place, and everything around it is counted.
#[test]
fn a_changed_record_is_found_with_its_place() {
    let (_folder, path) = used();
    let file = path.join("journal/00000000000000000000.journal");
    let mut bytes = fs::read(&file).unwrap();
    let amount = br#""amount":{"i":5}"#;
    let places: Vec<usize> = (0..bytes.len() - amount.len()).filter(|at| bytes[*at..].starts_with(amount)).collect();
    assert_eq!(places.len(), 50);
    bytes[places[20] + amount.len() - 2] = b'6';
    fs::write(&file, bytes).unwrap();
    let error = Ledger::open(&path, false).unwrap_err();
    assert!(matches!(&error, Error::Damaged { place, .. } if place.contains("journal/")), "{error}");
}

/// A full disk refuses commits and nothing else, and when there is room again the same process goes on. It is
/// tried in a process of its own, whose files may not grow.
#[test]
fn a_full_disk_refuses_commits_until_there_is_room() {
    let output = alone("trap '' XFSZ; exec", "folder::on_a_full_disk");
    assert!(output.contains("1 passed"), "{output}");
}

/// Runs an ignored test in a process of its own, by a command of the shell.
fn alone(command: &str, test: &str) -> String {
    let line = format!("{command} \"$0\" --exact {test} --ignored --nocapture 2>&1");
    let output = Command::new("bash").args(["-c", &line]).arg(std::env::current_exe().unwrap()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "it needs a process of its own"]
fn on_a_full_disk() {
    let bed = Bed::folder();
    let Bed::Folder(folder, _) = &bed else { panic!("it is sled") };
    let db = folder.path().join("data/state/db");
    let long = "x".repeat(100_000);
    let next = |number: u64| Draft::after(id(number), &[], vec![opened("W"), comment(&long)]).into();
    bed.one(next(1));
    let mut acknowledged = 1;
    for room in [300_000, 1_000_000] {
        limit_files(Some(fs::metadata(&db).unwrap().len() + room));
        let refused = (acknowledged + 1..).find(|number| bed.store().commit(vec![next(*number)]).is_err()).unwrap();
        acknowledged = refused - 1;
        for _ in 0..3 {
            assert!(matches!(bed.store().commit(vec![next(refused)]), Err(Error::Io(_))));
            assert_eq!(bed.store().position(), Position(2 * acknowledged));
            assert_eq!(bed.history(id(acknowledged)).len(), 2);
            assert_eq!(bed.log().len(), usize::try_from(2 * acknowledged).unwrap());
        }
        limit_files(None);
        bed.one(next(refused));
        acknowledged = refused;
        bed.sound();
    }
    let mut bed = bed;
    bed.reopen();
    assert_eq!(bed.scan(None).len(), usize::try_from(acknowledged).unwrap());
    bed.sound();
}

/// Bounds the size of the files that this process writes.
fn limit_files(bytes: Option<u64>) {
    let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let arguments = [format!("--pid={}", std::process::id()), format!("--fsize={bytes}:unlimited")];
    assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
}

/// The promise itself, as the system sees it: the data is synced between a commit's beginning and its end.
#[test]
fn each_commit_ends_with_a_sync_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    if Command::new("strace").arg("--version").output().is_err() {
        println!("SKIPPED: there is no strace here, so nothing was proved about syncs");
        return;
    }
    let command = format!("exec strace -f -y -s 40 -e trace=fdatasync,write -o {}", trace.display());
    let output = alone(&command, "folder::ten_commits");
    assert!(output.contains("1 passed"), "{output}");
    let trace = fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    let marks: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].contains("\"committed ")).collect();
    assert_eq!(marks.len(), 11);
    for between in marks.windows(2) {
        let synced = lines[between[0]..between[1]]
            .iter()
            .any(|line| line.contains("fdatasync(") && line.contains("/journal/") && line.contains("= 0"));
        assert!(synced, "{:#?}", &lines[between[0]..=between[1]]);
    }
}

#[test]
#[ignore = "it is traced in a process of its own"]
fn ten_commits() {
    let bed = Bed::folder();
    for number in 0..=10 {
        bed.one(Draft::open(id(number), "W"));
        fs::write("/dev/null", format!("committed {number}")).unwrap();
    }
}

/// What was acknowledged is there after a kill at any moment, whole, and the same folder goes on.
#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..12_usize {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "folder::until_killed", "--ignored", "--nocapture"]).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut committed = said.by_ref().filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok());
        acknowledged = committed.by_ref().nth(round * 7).unwrap_or(acknowledged);
        child.kill().unwrap();
        acknowledged = committed.last().unwrap_or(acknowledged);
        child.wait().unwrap();
        let store = Ledger::open(&folder.path().join("data"), false).unwrap();
        let position = store.position().0;
        assert!(position >= acknowledged * 3, "{position} events of {acknowledged} groups");
        assert_eq!(position % 3, 0);
        assert_eq!(store.verify(&mut |_, _| ()).unwrap(), []);
    }
    assert!(acknowledged > 100, "{acknowledged}");
}

#[test]
#[ignore = "it never ends by itself"]
fn until_killed() {
    let store = Ledger::open(Path::new("data"), true).unwrap();
    for number in store.position().0 / 3 + 1.. {
        let two = Draft::after(id(2 * number), &[], vec![opened("W"), comment(&"x".repeat(12_000))]);
        store.commit(vec![two.into(), Draft::open(id(2 * number + 1), "W").into()]).unwrap();
        println!("committed {number}");
    }
}

fn restore(folder: &Path, whole: &BTreeMap<PathBuf, Vec<u8>>) {
    fs::remove_dir_all(folder).unwrap();
    for part in ["journal", "state/blobs"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for (path, bytes) in whole {
        fs::write(path, bytes).unwrap();
    }
}
