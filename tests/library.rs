//! The library on real folders: every way in which files are saved, broken files, restarts, and whole swaps.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gendan::clock::Clock;
use gendan::diagnostic::Diagnostic;
use gendan::field::Tables;
use gendan::library::{Library, OpenError};
use gendan::model::{Name, Place, Revision, Timestamp, Title};
use gendan::rule::RuleEngine;
use gendan::store::{Fault, Memory, Shared, Store};
use gendan::workflow::suite::Tests;
use gendan::workflow::{Compiled, Definition, Files, Role};
use tempfile::TempDir;

/// A compiler for files that read `begin MARK end`; each becomes a role whose title is its mark. Whatever is
/// cut off is an error.
fn compile(files: &Files) -> Compiled {
    let mut diagnostics = Vec::new();
    let mut roles = BTreeMap::new();
    let mut all = String::new();
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        all.push_str(&format!("{path}={text};"));
        assert!(!text.contains("panic"), "told to panic");
        match text.trim().strip_prefix("begin ").and_then(|text| text.strip_suffix(" end")) {
            Some(mark) => drop(roles.insert(path.clone(), Role { name: path.clone(), title: Title::both(mark) })),
            None => {
                let place = Place { file: path.clone(), line: 1, column: 1 };
                diagnostics.push(Diagnostic::error("E001", place, "it has no beginning or no end"));
            }
        }
    }
    let definition = diagnostics.is_empty().then(|| Definition {
        revision: Revision(all.as_str().into()),
        workflows: BTreeMap::new(),
        tables: Arc::new(Tables::default()),
        roles,
        rules: BTreeMap::new(),
        engine: Arc::new(RuleEngine::new(&BTreeMap::new()).unwrap()),
        calendars: BTreeMap::new(),
        resources: Arc::default(),
        tests: Tests::default(),
    });
    Compiled { definition, diagnostics }
}

/// A folder with one workflow, and what is live from it.
struct Bed {
    root: TempDir,
    store: Arc<Memory>,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { root: tempfile::tempdir().unwrap(), store: Arc::new(Memory::new()) };
        fs::create_dir_all(bed.path("workflows")).unwrap();
        bed.save("workflows/a.yaml", "v0");
        bed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn save(&self, name: &str, mark: &str) {
        fs::write(self.path(name), whole(mark)).unwrap();
    }

    fn open(&self) -> Result<Library, OpenError> {
        let store: Shared = Arc::clone(&self.store) as Shared;
        Library::open_with(self.root.path().to_owned(), store, Clock::manual(Timestamp(1_000)), compile)
    }
}

fn whole(mark: &str) -> String {
    format!("begin {mark} end\n")
}

fn marks(library: &Library) -> BTreeMap<String, String> {
    let live = library.live();
    let marks = live.roles.iter();
    marks.map(|(path, role)| (path.to_string(), role.title.en.as_deref().unwrap_or_default().to_owned())).collect()
}

fn mark(library: &Library, path: &str) -> Option<String> {
    marks(library).remove(path)
}

/// Waits until something holds; a watch that works needs a fraction of this.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}

#[test]
fn what_is_live_is_told_and_kept() {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    let status = library.status();
    assert_eq!(marks(&library), [("workflows/a.yaml".to_owned(), "v0".to_owned())].into());
    assert_eq!((status.since, status.attempt.accepted), (Timestamp(1_000), true));
    assert_eq!(status.revision, library.live().revision);
    assert_eq!(bed.store.live().unwrap(), Some((status.revision, library.files())));
    assert_eq!(library.refused_files(), None);
    assert_eq!(library.folder(), bed.root.path());
}

#[test]
fn broken_files_are_refused_with_their_diagnostics_and_repaired_ones_go_live() {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    let changes = library.subscribe();
    let first = library.status().revision;
    fs::write(bed.path("workflows/a.yaml"), "begin v1").unwrap();
    let attempt = library.reload();
    assert!(!attempt.accepted);
    assert_eq!(attempt.diagnostics.len(), 1);
    assert_eq!(&*attempt.diagnostics[0].place.file, "workflows/a.yaml");
    assert!(changes.has_changed().unwrap());
    assert_eq!(library.status().revision, first);
    assert_ne!(attempt.revision, first);
    assert_eq!(library.refused_files().unwrap()["workflows/a.yaml"].as_ref(), b"begin v1");
    assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v0");
    bed.save("workflows/a.yaml", "v1");
    assert!(library.reload().accepted);
    assert_eq!(library.refused_files(), None);
    assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v1");
    assert_eq!(bed.store.live().unwrap().unwrap().0, library.status().revision);
}

/// A way to break a folder.
type Break = fn(&Bed);

#[test]
fn the_last_good_set_survives_a_restart() {
    let breaks: [(&str, Break); 4] = [
        ("a broken file", |bed| fs::write(bed.path("workflows/a.yaml"), "broken").unwrap()),
        ("an empty file", |bed| fs::write(bed.path("workflows/a.yaml"), "").unwrap()),
        ("no folder", |bed| fs::remove_dir_all(bed.path("workflows")).unwrap()),
        ("a failing compiler", |bed| fs::write(bed.path("workflows/a.yaml"), "panic").unwrap()),
    ];
    for (what, make) in breaks {
        let bed = Bed::new();
        let good = bed.open().unwrap().status().revision;
        make(&bed);
        for _ in 0..3 {
            let library = bed.open().unwrap();
            let status = library.status();
            assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v0", "{what}");
            assert_eq!(status.revision, good, "{what}");
            assert!(!status.attempt.accepted && !status.attempt.diagnostics.is_empty(), "{what}");
            assert!(library.refused_files().is_some(), "{what}");
        }
        fs::create_dir_all(bed.path("workflows")).unwrap();
        bed.save("workflows/a.yaml", "v1");
        assert_eq!(mark(&bed.open().unwrap(), "workflows/a.yaml").unwrap(), "v1", "{what}");
    }
}

#[test]
fn without_any_good_set_the_diagnostics_are_the_error() {
    let bed = Bed::new();
    fs::write(bed.path("workflows/a.yaml"), "broken").unwrap();
    let error = bed.open().unwrap_err();
    insta::assert_snapshot!(error, @"the definitions can't be used, and there are no earlier ones: workflows/a.yaml:1:1 E001 it has no beginning or no end");
    let OpenError::Broken { diagnostics, files } = error else { panic!("{error}") };
    assert_eq!((diagnostics.len(), files.len()), (1, 1));
    assert_eq!(bed.store.live().unwrap(), None);
}

/// Makes something at a path.
type Make<'a> = &'a dyn Fn(&Path);

#[test]
fn what_can_not_be_a_definition_is_refused_with_its_place() {
    let long = |path: &Path| fs::write(path, vec![b' '; gendan::model::limit::FILE_BYTES_MAX + 1]).unwrap();
    let rows: [(&str, &str, Make<'_>); 5] = [
        ("E906", "workflows/x", &long),
        ("E905", "workflows/x", &|path| symlink("/dev/null", path).unwrap()),
        ("E905", "workflows/x", &|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
        ("E901", "workflows/x", &|path| symlink("nowhere", path).unwrap()),
        ("E904", "workflows/x/x/x/x/x/x/x/x", &|path| symlink(".", path).unwrap()),
    ];
    for (code, place, make) in rows {
        let bed = Bed::new();
        let library = bed.open().unwrap();
        make(&bed.path("workflows/x"));
        let attempt = library.reload();
        let found: Vec<_> = attempt.diagnostics.iter().map(|found| (&*found.code, &*found.place.file)).collect();
        assert_eq!(found, [(code, place)]);
        assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v0");
    }
}

#[test]
fn what_editors_leave_behind_is_no_definition() {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    let revision = library.status().revision;
    for name in [".a.yaml.swp", "a.yaml~", "4913", "#a.yaml#", "a.yaml.tmp", ".git"] {
        fs::write(bed.path("workflows").join(name), "broken").unwrap();
    }
    assert!(library.reload().accepted);
    assert_eq!(library.status().revision, revision);
}

#[test]
fn a_set_that_the_store_can_not_keep_does_not_go_live_and_is_tried_again() {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    bed.store.fault(1, Fault::Fail);
    bed.save("workflows/a.yaml", "v1");
    let attempt = library.reload();
    assert!(!attempt.accepted);
    assert_eq!(&*attempt.diagnostics[0].code, "E908");
    assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v0");
    let _watching = library.watch().unwrap();
    until("it goes live by itself", || mark(&library, "workflows/a.yaml").unwrap() == "v1");
    assert_eq!(bed.store.live().unwrap().unwrap().0, library.status().revision);
}

/// A way to save a file: it is given the folder and the new mark.
type Style = fn(&Path, &str);

const STYLES: [(&str, Style); 10] = [
    ("plain write", |folder, mark| fs::write(folder.join("workflows/a.yaml"), whole(mark)).unwrap()),
    ("write beside and rename", |folder, mark| {
        fs::write(folder.join("workflows/.a.yaml.new"), whole(mark)).unwrap();
        fs::rename(folder.join("workflows/.a.yaml.new"), folder.join("workflows/a.yaml")).unwrap();
    }),
    ("vim with a backup", |folder, mark| {
        let file = folder.join("workflows/a.yaml");
        fs::write(folder.join("workflows/4913"), "").unwrap();
        fs::remove_file(folder.join("workflows/4913")).unwrap();
        fs::rename(&file, folder.join("workflows/a.yaml~")).unwrap();
        fs::write(&file, whole(mark)).unwrap();
        fs::remove_file(folder.join("workflows/a.yaml~")).unwrap();
    }),
    ("mv from outside", |folder, mark| {
        fs::write(folder.join("outside"), whole(mark)).unwrap();
        fs::rename(folder.join("outside"), folder.join("workflows/a.yaml")).unwrap();
    }),
    ("truncate and write in two halves", |folder, mark| {
        use std::io::Write;
        let mut file = fs::File::create(folder.join("workflows/a.yaml")).unwrap();
        let text = whole(mark);
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(first).unwrap();
        file.sync_all().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        file.write_all(second).unwrap();
    }),
    ("delete and make again", |folder, mark| {
        fs::remove_file(folder.join("workflows/a.yaml")).unwrap();
        fs::write(folder.join("workflows/a.yaml"), whole(mark)).unwrap();
    }),
    ("delete and make the folder again", |folder, mark| {
        fs::remove_dir_all(folder.join("workflows")).unwrap();
        fs::create_dir(folder.join("workflows")).unwrap();
        fs::write(folder.join("workflows/a.yaml"), whole(mark)).unwrap();
    }),
    ("many writes", |folder, mark| {
        for step in 0..50 {
            fs::write(folder.join("workflows/a.yaml"), whole(&format!("{mark} {step}"))).unwrap();
        }
        fs::write(folder.join("workflows/a.yaml"), whole(mark)).unwrap();
    }),
    ("a mounted folder of links", |folder, mark| {
        let below = folder.join("workflows").join(format!("..{mark}"));
        fs::create_dir(&below).unwrap();
        fs::write(below.join("a.yaml"), whole(mark)).unwrap();
        symlink(format!("..{mark}"), folder.join("workflows/..next")).unwrap();
        fs::rename(folder.join("workflows/..next"), folder.join("workflows/..data")).unwrap();
        if !folder.join("workflows/a.yaml").is_symlink() {
            fs::remove_file(folder.join("workflows/a.yaml")).unwrap();
            symlink("..data/a.yaml", folder.join("workflows/a.yaml")).unwrap();
        }
    }),
    ("in a new folder below", |folder, mark| {
        let below = folder.join("workflows/below");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("b.yaml"), whole(mark)).unwrap();
        fs::write(folder.join("workflows/a.yaml"), whole(mark)).unwrap();
    }),
];

#[test]
fn every_way_of_saving_goes_live() {
    std::thread::scope(|scope| {
        for (name, style) in STYLES {
            scope.spawn(move || check(name, style));
        }
    });
}

fn check(name: &str, style: Style) {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    let _watching = library.watch().unwrap();
    for step in ["v1", "v2", "v3"] {
        style(bed.root.path(), step);
        until(&format!("{name}: {step}"), || {
            mark(&library, "workflows/a.yaml").is_some_and(|mark| mark == step) && library.status().attempt.accepted
        });
    }
}

#[test]
fn a_broken_save_is_seen_and_repaired_by_watching_alone() {
    let bed = Bed::new();
    let library = bed.open().unwrap();
    let watching = library.watch().unwrap();
    fs::write(bed.path("workflows/a.yaml"), "broken").unwrap();
    until("it is refused", || !library.status().attempt.accepted);
    bed.save("workflows/a.yaml", "v1");
    until("it is accepted", || library.status().attempt.accepted);
    assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v1");
    // Saving what is there already is no attempt, and nothing is watched once the watch ended.
    drop(watching);
    bed.save("workflows/a.yaml", "v2");
    assert_eq!(mark(&library, "workflows/a.yaml").unwrap(), "v1");
}

/// Where the files are mounted: `data -> .v1`, and `workflows`, `rules` are links through it.
fn mount(root: &Path, version: &str) {
    let folder = root.join(format!(".{version}"));
    for part in ["workflows", "rules"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for file in ["workflows/a.yaml", "workflows/b.yaml", "rules/c.rhai"] {
        fs::write(folder.join(file), whole(version)).unwrap();
    }
    symlink(&folder, root.join(".next")).unwrap();
    fs::rename(root.join(".next"), root.join("..data")).unwrap();
}

fn mounted() -> Bed {
    let bed = Bed { root: tempfile::tempdir().unwrap(), store: Arc::new(Memory::new()) };
    mount(bed.root.path(), "v0");
    for part in ["workflows", "rules"] {
        symlink(Path::new("..data").join(part), bed.path(part)).unwrap();
    }
    bed
}

#[test]
fn a_swapped_link_goes_live() {
    let bed = mounted();
    let library = bed.open().unwrap();
    let _watching = library.watch().unwrap();
    for version in ["v1", "v2", "v3"] {
        mount(bed.root.path(), version);
        until(version, || mark(&library, "rules/c.rhai").unwrap() == version);
        assert_eq!(marks(&library).into_values().collect::<BTreeSet<_>>(), [version.to_owned()].into());
    }
}

fn read_whole_sets(library: &Library, ended: &AtomicBool, reads: &AtomicU64) {
    while !ended.load(Ordering::Relaxed) {
        let live = library.live();
        let titles: BTreeSet<Option<Name>> = live.roles.values().map(|role| role.title.en.clone()).collect();
        assert_eq!((live.roles.len(), titles.len()), (3, 1), "{titles:?}");
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whoever reads while sets are swapped sees one set or the other, never some of both.
#[test]
fn a_set_is_swapped_as_a_whole() {
    let bed = mounted();
    let library = bed.open().unwrap();
    let _watching = library.watch().unwrap();
    let (ended, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let watch = gendan::clock::Watch::start();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| read_whole_sets(&library, &ended, &reads));
        }
        for version in 1..=12 {
            let version = format!("v{version}");
            mount(bed.root.path(), &version);
            until(&version, || mark(&library, "rules/c.rhai").unwrap() == version);
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(reads.load(Ordering::Relaxed) > 1_000);
    // Looking every two seconds alone would have taken longer: the system does tell.
    assert!(watch.elapsed() < Duration::from_secs(20), "{:?}", watch.elapsed());
}
