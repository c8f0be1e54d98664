//! Places for people, of which some must be taken by different ones: whether that can be done.

use std::collections::BTreeSet;

use crate::model::Name;

/// Who may take a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    pub(super) people: BTreeSet<Name>,
    /// Whether the engine may, which is nobody's double.
    pub(super) engine: bool,
}

/// A place.
#[derive(Debug)]
struct Seat {
    candidates: Candidates,
    /// Whether it was taken before: then nobody is missed who is away, and what nobody could do keeps nobody out.
    earlier: bool,
}

/// Places, and which of them must have different people.
#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Vec<Seat>,
    different: BTreeSet<(usize, usize)>,
}

impl Seats {
    /// Adds a place.
    pub(super) fn add(&mut self, candidates: Candidates, earlier: bool) -> usize {
        self.seats.push(Seat { candidates, earlier });
        self.seats.len() - 1
    }

    /// Whether there is one place only: then it is no duty of several people.
    pub(super) fn is_alone(&self) -> bool {
        self.seats.len() == 1
    }

    /// Two places must have different people.
    pub(super) fn differ(&mut self, one: usize, other: Option<usize>) {
        if let Some(other) = other.filter(|other| *other != one) {
            self.different.insert((one.min(other), one.max(other)));
        }
    }

    /// Everyone who may take some place.
    pub(super) fn people(&self) -> BTreeSet<Name> {
        self.seats.iter().flat_map(|seat| seat.candidates.people.iter().cloned()).collect()
    }

    /// Whether every place can be taken, while one person is away.
    pub(super) fn can_be_taken(&self, away: Option<&Name>) -> bool {
        let may = |seat: &Seat, person: &Name| seat.earlier || Some(person) != away;
        let people =
            self.seats.iter().map(|seat| seat.candidates.people.iter().filter(|person| may(seat, person)).collect());
        let candidates: Vec<BTreeSet<&Name>> = people.collect();
        let needed =
            |(_, seat): &(usize, &Seat)| !(seat.candidates.engine || seat.earlier && seat.candidates.people.is_empty());
        let mut open: BTreeSet<usize> = self.seats.iter().enumerate().filter(needed).map(|(seat, _)| seat).collect();
        // Who has more candidates than neighbours can always be seated last.
        loop {
            let easy = open.iter().copied().find(|seat| {
                let neighbours = open.iter().filter(|other| self.neighbours(*seat, **other)).count();
                candidates.get(*seat).is_some_and(|people| people.len() > neighbours)
            });
            match easy {
                Some(seat) => open.remove(&seat),
                None => break,
            };
        }
        let open: Vec<usize> = open.into_iter().collect();
        self.seat(&open, &candidates, &mut Vec::new())
    }

    fn neighbours(&self, one: usize, other: usize) -> bool {
        self.different.contains(&(one.min(other), one.max(other)))
    }

    /// Tries everyone for the first of the places that are left, then for the others.
    fn seat<'p>(&self, left: &[usize], candidates: &[BTreeSet<&'p Name>], seated: &mut Vec<(usize, &'p Name)>) -> bool {
        let Some((seat, rest)) = left.split_first() else { return true };
        for person in candidates.get(*seat).into_iter().flatten() {
            if seated.iter().any(|(other, taken)| taken == person && self.neighbours(*seat, *other)) {
                continue;
            }
            seated.push((*seat, person));
            if self.seat(rest, candidates, seated) {
                return true;
            }
            seated.pop();
        }
        false
    }
}
