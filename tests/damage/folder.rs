//! The data folder is damaged: its journal, its state, its format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gendan::store::{Disk, Error, Ledger, Store};

use crate::dice::Dice;
use crate::harm::{Files, Harm, harm};
use crate::journal::{Well, names, well};
use crate::model::Model;
use crate::{rounds, work};

/// The parts of a folder that are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Journal,
    State,
    Format,
}

impl Part {
    fn of_round(seed: u64) -> Self {
        match seed % 8 {
            0..4 => Self::State,
            7 => Self::Format,
            _ => Self::Journal,
        }
    }

    /// The folder with its files.
    fn folder(self, data: &Path) -> PathBuf {
        match self {
            Self::Journal => data.join("journal"),
            Self::State => data.join("state"),
            Self::Format => data.to_owned(),
        }
    }
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// It was not opened.
    Refused,
    /// It was opened, and says where it is damaged.
    Told,
    /// The state was of no use and was made again, which it said.
    Rebuilt,
    /// Everything is there.
    Harmless,
}

/// A folder with the journal of a well, on which work went on; its state was written piece by piece and is behind
/// nothing. Gives what should be in it.
fn folder(well: &Well, data: &Path, dice: &mut Dice) -> Model {
    let disk = well.world.machine.disk();
    fs::create_dir_all(data.join("journal")).unwrap();
    for name in disk.list().unwrap() {
        fs::write(data.join("journal").join(&name), disk.bytes(&name).unwrap()).unwrap();
    }
    fs::write(data.join("format"), "2\n").unwrap();
    let store = Ledger::open(data, false).unwrap();
    let mut model = well.world.model.clone();
    for _ in 0..10 {
        let (items, outcomes, after) = model.after(&work::group(dice), &store);
        assert_eq!(store.commit(items).unwrap(), outcomes);
        store.settle().unwrap();
        model = after;
    }
    assert_eq!(model.differs(&store), None);
    model
}

/// The files that stand in a folder, without those in the folders in it.
fn read(folder: &Path) -> Files {
    let files = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file() && entry.file_name() != "lock");
    files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn write(folder: &Path, before: &Files, after: &Files) {
    before.keys().for_each(|name| fs::remove_file(folder.join(name)).unwrap());
    after.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

/// What must not be changed when a folder can't be opened.
fn truth(data: &Path) -> [Files; 2] {
    [Part::Journal, Part::Format].map(|part| read(&part.folder(data)))
}

fn damage(seed: u64, well: &Well) -> Came {
    let mut dice = Dice(seed);
    let part = Part::of_round(seed);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let model = folder(well, &data, &mut dice);
    let whole = read(&part.folder(&data));
    let mut files = whole.clone();
    let harm = harm(&mut files, false, &mut dice);
    write(&part.folder(&data), &whole, &files);
    let told = format!("GENDAN_SEED={seed}, {part:?}: {harm}");
    let before = truth(&data);
    let verdict = verified(&data);
    match Ledger::open(&data, false) {
        Ok(store) => opened(&store, &model, (part, &harm, &files), &verdict, &told),
        Err(error) => {
            refused(&error, (part, &harm, &files), &told);
            assert_eq!(truth(&data), before, "{told}: it was changed");
            // Of a journal, verify tells every damage and not only the one that keeps it from being opened.
            let names_it = part == Part::Journal && names(&verdict.1, &harm, &files);
            assert!(!verdict.0 && (names_it || verdict.1.contains(&error.to_string())), "{told}: {verdict:?}");
            Came::Refused
        }
    }
}

/// Only what nothing can be made of without it may keep a folder from being opened.
fn refused(error: &Error, (part, harm, files): (Part, &Harm, &Files), told: &str) {
    match (part, error) {
        (Part::Journal, Error::Damaged { place, .. }) => assert!(names(place, harm, files), "{told}: {error}"),
        (Part::Format, Error::Damaged { place, .. }) => assert!(place.ends_with("format"), "{told}: {error}"),
        (Part::Format, Error::Newer { .. }) => {}
        // Without its format a folder is no data folder.
        (Part::Format, Error::Io(_)) => assert!(files.is_empty(), "{told}: {error}"),
        (part, error) => panic!("{told}: {part:?}: {error}"),
    }
}

fn opened(store: &Ledger, model: &Model, harm: (Part, &Harm, &Files), verdict: &(bool, String), told: &str) -> Came {
    let notices = store.health().notices;
    assert!(!notices.iter().any(|notice| notice.contains("never acknowledged")), "{told}: {notices:?}");
    let look = model.look(store);
    assert_eq!(look.wrong, None, "{told}: {notices:?}");
    let damage = store.verify(&mut |_, _| ()).unwrap();
    let made = |notice: &String| notice.contains("was built again") || notice.contains("it was made from the journal");
    let rebuilt = notices.iter().any(made);
    match harm {
        (Part::Journal, harm, files) if !damage.is_empty() => {
            assert!(damage.iter().any(|damage| names(&damage.what, harm, files)), "{told}: {damage:#?}");
            assert!(!verdict.0 && damage.iter().all(|damage| verdict.1.contains(&damage.what)), "{told}: {verdict:?}");
            Came::Told
        }
        _ => {
            assert!(damage.is_empty() && look.damaged.is_empty(), "{told}: {look:?} {damage:#?}");
            if rebuilt { Came::Rebuilt } else { Came::Harmless }
        }
    }
}

/// What `gendan verify` says: whether all is well, and its words.
fn verified(data: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gendan"));
    let output = command.env_clear().args(["verify", "--data"]).arg(data).output().unwrap();
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.code().is_some_and(|code| code < 100), "{}: {words}", output.status);
    (output.status.success(), words)
}

#[test]
fn a_damaged_folder_is_told_or_built_again_and_never_believed() {
    let mut came: BTreeMap<(Part, Came), u64> = BTreeMap::new();
    let wells: Vec<Well> = (0..4).map(|seed| well(seed, true)).collect();
    for seed in rounds(20) {
        let number = usize::try_from(seed).unwrap() % wells.len();
        *came.entry((Part::of_round(seed), damage(seed, &wells[number]))).or_default() += 1;
    }
    println!("{came:?}");
    assert!(came.values().sum::<u64>() < 20 || came.contains_key(&(Part::State, Came::Rebuilt)), "{came:?}");
}
