//! What is done to a store: a workload, as a seed decides it.

use std::io::ErrorKind;

use crate::dice::Dice;
use crate::model::{CASES, NAMES};

/// A thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Commit a group.
    Commit(Vec<Part>),
    /// Write the state and make it durable.
    Settle,
    /// Compress closed files of the journal, all but so many.
    Archive(usize),
    /// Let some of the next steps fail: the first of them, how many, how.
    Fail(u64, u64, ErrorKind),
    /// End the process and start the next one.
    Restart(Restart),
}

/// How the process ends, and what the next one finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    /// It is killed, or the power goes.
    pub(crate) kill: bool,
    /// What survives of that which is not durable.
    pub(crate) seed: u64,
    /// The state is damaged and must be built again.
    pub(crate) damage: bool,
}

/// An item of a group; numbers stand for names.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Command(Command),
    Rows {
        put: Vec<usize>,
        remove: Vec<usize>,
        text: u64,
    },
    Key {
        number: usize,
        last4: u64,
    },
    Live {
        number: u64,
    },
    /// Forget the answers that are older than so many commands.
    Forget {
        behind: i64,
    },
}

/// A command on a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    pub(crate) case: u64,
    /// So many versions behind the newest.
    pub(crate) behind: u64,
    /// The texts of its events, each with so many bytes behind it.
    pub(crate) events: Vec<(u64, usize)>,
    pub(crate) add: Vec<usize>,
    pub(crate) remove: Vec<usize>,
    pub(crate) hold: Vec<usize>,
    pub(crate) release: Vec<usize>,
    pub(crate) series: Option<(usize, u64)>,
    pub(crate) answer: Option<usize>,
    /// What it does to other cases; they have no answer of their own.
    pub(crate) others: Vec<Self>,
    /// A case that it was decided on, and so many versions behind.
    pub(crate) reads: Option<(u64, u64)>,
}

/// Restarts, failing steps and so many groups, with what is done between them.
pub(crate) fn work(dice: &mut Dice, groups: u64) -> Vec<Action> {
    let mut actions = Vec::new();
    for _ in 0..groups {
        actions.push(Action::Commit(group(dice)));
        match dice.below(12) {
            0 | 1 => actions.push(Action::Settle),
            2 | 3 => actions.push(Action::Archive(dice.place(3))),
            4 => actions.push(Action::Fail(1 + dice.below(12), 1 + dice.below(3), kind(dice))),
            5 => actions.push(Action::Restart(restart(dice))),
            _ => {}
        }
    }
    actions
}

/// A life without failures of its own.
pub(crate) fn quiet(dice: &mut Dice, groups: u64) -> Vec<Action> {
    let mut actions: Vec<Action> = (0..groups).map(|_| Action::Commit(group(dice))).collect();
    actions.extend([Action::Settle, Action::Commit(group(dice)), Action::Archive(dice.place(2))]);
    actions
}

pub(crate) fn restart(dice: &mut Dice) -> Restart {
    Restart { kill: dice.one_in(2), seed: dice.below(u64::MAX), damage: dice.one_in(6) }
}

/// The disk is full, or broken.
pub(crate) fn kind(dice: &mut Dice) -> ErrorKind {
    if dice.one_in(2) { ErrorKind::StorageFull } else { ErrorKind::Other }
}

pub(crate) fn group(dice: &mut Dice) -> Vec<Part> {
    let size = if dice.one_in(3) { 2 + dice.below(5) } else { 1 };
    let mut group: Vec<Part> = (0..size).map(|_| part(dice)).collect();
    // What came before in the group has been answered when it forgets.
    if dice.one_in(8) {
        group.push(Part::Forget { behind: i64::try_from(dice.below(8)).unwrap() });
    }
    group
}

fn part(dice: &mut Dice) -> Part {
    match dice.below(12) {
        0 => {
            let (put, remove) = (dice.places(NAMES.len(), 3), dice.places(NAMES.len(), 1));
            Part::Rows { put, remove, text: dice.below(1_000) }
        }
        1 => Part::Key { number: dice.place(NAMES.len()), last4: dice.below(10_000) },
        2 => Part::Live { number: dice.below(4) },
        _ => Part::Command(wide(dice)),
    }
}

/// A command on one case, or on several.
fn wide(dice: &mut Dice) -> Command {
    let mut wide = command(dice);
    if dice.one_in(3) {
        let mut seen = vec![wide.case];
        for _ in 0..=dice.below(3) {
            let other = Command { answer: None, ..command(dice) };
            if !seen.contains(&other.case) {
                seen.push(other.case);
                wide.others.push(other);
            }
        }
        wide.reads = dice.one_in(3).then(|| (dice.below(CASES), u64::from(dice.one_in(4))));
    }
    wide
}

fn command(dice: &mut Dice) -> Command {
    let names = |dice: &mut Dice| if dice.one_in(2) { dice.places(NAMES.len(), 2) } else { Vec::new() };
    // Some cases stand in pieces under several keys of the state.
    let long = |dice: &mut Dice| if dice.one_in(10) { 9_000 } else { dice.place(60) };
    Command {
        case: dice.below(CASES),
        behind: u64::from(dice.one_in(8)),
        events: (0..=dice.below(3)).map(|_| (dice.below(1_000_000), long(dice))).collect(),
        add: names(dice),
        remove: names(dice),
        hold: names(dice),
        release: names(dice),
        series: dice.one_in(3).then(|| (dice.place(NAMES.len()), dice.below(50))),
        answer: dice.one_in(2).then(|| dice.place(NAMES.len())),
        others: Vec::new(),
        reads: None,
    }
}
