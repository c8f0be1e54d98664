//! What becomes of files that nobody looks after.

use std::collections::BTreeMap;
use std::fmt;

use crate::dice::Dice;

/// Files, by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What was done to which files.
#[derive(Clone, Debug)]
pub(crate) struct Harm {
    /// What was done.
    pub(crate) what: String,
    /// The files that it was done to.
    pub(crate) files: Vec<String>,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.files, self.what)
    }
}

/// Damages one or two of these files; `kept` says that each keeps its name and its length. Something always changes.
pub(crate) fn harm(files: &mut Files, kept: bool, dice: &mut Dice) -> Harm {
    let before = files.clone();
    let names: Vec<String> = files.keys().cloned().collect();
    loop {
        let harm = once(files, &names, kept, dice);
        if *files != before {
            return harm;
        }
    }
}

fn once(files: &mut Files, names: &[String], kept: bool, dice: &mut Dice) -> Harm {
    let name = names[dice.place(names.len())].clone();
    let other = names[dice.place(names.len())].clone();
    let bytes = files.get_mut(&name).unwrap();
    let one = |what: String| Harm { what, files: vec![name.clone()] };
    match dice.below(if kept { 5 } else { 10 }) {
        0..3 => one(flip(bytes, dice)),
        3 => one(zero(bytes, dice)),
        4 => one(repeat(bytes, dice)),
        5 => one(double(bytes, dice)),
        6 => one(cut(bytes, dice)),
        7 => {
            files.remove(&name);
            one("it was removed".to_owned())
        }
        8 => {
            let [first, second] = [&name, &other].map(|name| files[name].clone());
            files.insert(name.clone(), second);
            files.insert(other.clone(), first);
            Harm { what: "they were swapped".to_owned(), files: vec![name, other] }
        }
        _ => {
            let copied = files[&other].clone();
            files.insert(name.clone(), copied);
            Harm { what: format!("it became a copy of {other}"), files: vec![name] }
        }
    }
}

/// Bits in up to three places.
fn flip(bytes: &mut [u8], dice: &mut Dice) -> String {
    let mut told = Vec::new();
    for _ in 0..=dice.below(3) {
        if !bytes.is_empty() {
            let (at, bit) = (dice.place(bytes.len()), dice.below(8));
            bytes[at] ^= 1 << bit;
            told.push(format!("bit {bit} of byte {at}"));
        }
    }
    format!("{} flipped", told.join(", "))
}

fn cut(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let left = dice.place(bytes.len() + 1);
    bytes.truncate(left);
    format!("cut to {left} bytes")
}

fn zero(bytes: &mut [u8], dice: &mut Dice) -> String {
    let (from, to) = range(bytes.len(), dice);
    bytes[from..to].fill(0);
    format!("zeros from {from} to {to}")
}

/// A piece stands twice, and what was behind it moves back.
fn double(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let (from, to) = range(bytes.len(), dice);
    let piece = bytes[from..to].to_vec();
    let at = dice.place(bytes.len() + 1);
    bytes.splice(at..at, piece);
    format!("the piece from {from} to {to} stands once more at {at}")
}

/// A piece stands twice, and what was there is gone.
fn repeat(bytes: &mut [u8], dice: &mut Dice) -> String {
    let (from, to) = range(bytes.len(), dice);
    let at = dice.place(bytes.len() - (to - from) + 1);
    bytes.copy_within(from..to, at);
    format!("the piece from {from} to {to} stands also at {at}")
}

fn range(bytes: usize, dice: &mut Dice) -> (usize, usize) {
    let from = dice.place(bytes + 1);
    let most = if dice.one_in(2) { 600 } else { bytes - from };
    (from, (from + dice.place(most + 1)).min(bytes))
}
