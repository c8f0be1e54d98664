//! The journal is damaged, under a state that is whole and knows how far it came, or came less far.

use gendan::store::journal::Options;
use gendan::store::{Applying, Disk, Error, Machine, Memory, SimDisk, Store};

use crate::dice::Dice;
use crate::harm::{Files, Harm, harm};
use crate::model::Model;
use crate::rounds;
use crate::work::{self, Action};
use crate::world::World;

/// Workloads that are damaged again and again.
const WORKLOADS: u64 = 6;

/// A store that was well: what should be in it, and what was before the last group.
pub(crate) struct Well {
    pub(crate) world: World,
    before: Model,
}

/// A store with some of its files archived. Its state knows all of the journal, or all but the last group.
pub(crate) fn well(seed: u64, settled: bool) -> Well {
    let mut dice = Dice(seed);
    let mut world = World::new(seed, Applying::ByHand, format!("workload {seed}"));
    world.live(&[]);
    world.go_on(&work::quiet(&mut dice, 14));
    world.go_on(&work::quiet(&mut dice, 4));
    world.go_on(&[Action::Settle]);
    let before = world.model.clone();
    while world.model == before {
        world.go_on(&[Action::Commit(work::group(&mut dice))]);
    }
    if settled {
        world.go_on(&[Action::Settle]);
    }
    world.check();
    Well { world, before }
}

fn files(disk: &SimDisk) -> Files {
    disk.list().unwrap().into_iter().map(|name| (name.clone(), disk.bytes(&name).unwrap())).collect()
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// It was not opened.
    Refused,
    /// It was opened, and says where it is damaged.
    Told,
    /// The last group was taken for one that was never acknowledged, which it said.
    Cut,
    /// Nothing that counts was damaged.
    Harmless,
}

fn damage(seed: u64, well: &Well, settled: bool) -> Came {
    let mut dice = Dice(seed);
    // As after a crash: what is not in the state is still to be read from the journal.
    let machine = well.world.machine.after_kill(0);
    let mut damaged = files(machine.disk());
    // That the newest file is gone or ends behind an earlier group, nobody can know who did not know of it.
    let harm = harm(&mut damaged, !settled, &mut dice);
    let told = format!("GENDAN_SEED={seed}, settled {settled}: {harm}");
    put(&machine, &damaged);
    match Memory::start(&machine, Options::default(), Applying::ByHand) {
        Err(Error::Damaged { place, reason }) => {
            assert!(names(&place, &harm, &damaged), "{told}: {place}: {reason}");
            assert_eq!(files(machine.disk()), damaged, "{told}: it was changed");
            Came::Refused
        }
        Err(error) => panic!("{told}: {error}"),
        Ok(store) => opened(&store, well, &harm, &damaged, &told),
    }
}

fn opened(store: &Memory, well: &Well, harm: &Harm, files: &Files, told: &str) -> Came {
    let notices = store.health().notices;
    let cut = |notice: &String| notice.contains("never acknowledged") || notice.contains("a stop in the middle");
    if notices.iter().any(cut) {
        assert!(!told.contains("settled true"), "{told}: the state knew better than {notices:?}");
        assert_eq!(well.before.differs(store), None, "{told}: {notices:?}");
        return Came::Cut;
    }
    let look = well.world.model.look(store);
    assert_eq!(look.wrong, None, "{told}: {notices:?}");
    let damage = store.verify(&mut |_, _| ()).unwrap();
    assert!(look.damaged.is_empty() || !damage.is_empty(), "{told}: {look:?}, and verify finds nothing");
    if damage.is_empty() {
        return Came::Harmless;
    }
    assert!(damage.iter().any(|damage| names(&damage.what, harm, files)), "{told}: {damage:#?}");
    Came::Told
}

/// Whether a place is in a file that was damaged, or in the one before it, which does not reach up to it any more.
pub(crate) fn names(place: &str, harm: &Harm, files: &Files) -> bool {
    harm.files.iter().any(|file| {
        let before = files.range(..file.clone()).next_back().map(|(name, _)| name);
        let after = files.range(file.clone()..).find(|(name, _)| *name != file).map(|(name, _)| name);
        [Some(file), before, after].into_iter().flatten().any(|name| place.contains(name.as_str()))
            || place.contains(file.split('.').next().unwrap())
    }) || files.is_empty()
}

fn put(machine: &Machine, files: &Files) {
    let disk = machine.disk();
    for name in disk.list().unwrap() {
        disk.delete(&name);
    }
    for (name, bytes) in files {
        disk.put(name, bytes);
    }
}

#[test]
fn a_damaged_journal_is_told_and_never_believed() {
    let mut came: std::collections::BTreeMap<Came, u64> = Default::default();
    let wells: Vec<[Well; 2]> = (0..WORKLOADS).map(|seed| [well(seed, true), well(seed, false)]).collect();
    for seed in rounds(80) {
        let number = usize::try_from(seed % WORKLOADS).unwrap();
        let settled = seed % 4 != 0;
        *came.entry(damage(seed, &wells[number][usize::from(!settled)], settled)).or_default() += 1;
    }
    println!("{came:?}");
    let all = [Came::Refused, Came::Told, Came::Cut].iter().all(|kind| came.contains_key(kind));
    assert!(came.values().sum::<u64>() < 100 || all, "{came:?}");
}
