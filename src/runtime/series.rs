//! Number series: each place is handed out once at a time. A place that was not used is handed out again before
//! any new one, so that refused commands and lost races leave no gaps behind. What was given back is forgotten
//! when the process ends, and a place whose write failed is never used again, for it may be on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Name;
use crate::store::{self, Shared};

/// The series, by name; read from the store when first drawn from.
#[derive(Debug)]
pub(super) struct Series {
    store: Shared,
    places: Mutex<BTreeMap<Name, Places>>,
}

#[derive(Debug, Default)]
struct Places {
    /// The largest place that was drawn and not given back.
    last: u64,
    /// Smaller ones that were given back.
    free: BTreeSet<u64>,
}

impl Series {
    pub(super) fn new(store: Shared) -> Self {
        Self { store, places: Mutex::default() }
    }

    /// Draws the next place of a series.
    pub(super) fn draw(self: &Arc<Self>, series: &Name) -> Result<Ticket, store::Error> {
        let mut all = self.places();
        if !all.contains_key(series) {
            let places = Places { last: self.store.series(series)?, free: BTreeSet::new() };
            all.insert(Arc::clone(series), places);
        }
        let sequence = all.entry(Arc::clone(series)).or_default().draw();
        drop(all);
        Ok(Ticket { series: Arc::clone(self), name: Arc::clone(series), sequence, kept: false })
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<Name, Places>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn draw(&mut self) -> u64 {
        self.free.pop_first().unwrap_or_else(|| {
            self.last = self.last.saturating_add(1);
            self.last
        })
    }

    fn give_back(&mut self, place: u64) {
        self.free.insert(place);
        while self.free.remove(&self.last) {
            self.last = self.last.saturating_sub(1);
        }
    }
}

/// A place in a series; given back when it is dropped without being kept.
#[derive(Debug)]
pub(super) struct Ticket {
    series: Arc<Series>,
    name: Name,
    /// The place.
    pub(super) sequence: u64,
    kept: bool,
}

impl Ticket {
    /// Whether it is this place.
    pub(super) fn is(&self, place: Option<&(Name, u64)>) -> bool {
        place.is_some_and(|(series, sequence)| *series == self.name && *sequence == self.sequence)
    }

    /// The place is used.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.kept
            && let Some(places) = self.series.places().get_mut(&self.name)
        {
            places.give_back(self.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Series;
    use crate::store::Memory;

    #[test]
    fn what_is_given_back_is_drawn_again_first() {
        let series = Arc::new(Series::new(Arc::new(Memory::new())));
        let draw = || series.draw(&"s".into()).unwrap();
        let (first, second, third) = (draw(), draw(), draw());
        assert_eq!([first.sequence, second.sequence, third.sequence], [1, 2, 3]);
        drop(first);
        let again = draw();
        assert_eq!(again.sequence, 1);
        again.keep();
        drop(second);
        drop(third);
        let (second, third) = (draw(), draw());
        assert_eq!([second.sequence, third.sequence], [2, 3]);
        second.keep();
        drop(third);
        assert_eq!(draw().sequence, 3);
    }
}
