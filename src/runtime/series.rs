//! Number series: each place is handed out once. A place that was not used is taken back when nobody has drawn a
//! later one, so that refused commands leave no gaps in the usual case.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Name;
use crate::store::{self, Shared};

/// The series, by name; read from the store when first drawn from.
#[derive(Debug)]
pub(super) struct Series {
    store: Shared,
    last: Mutex<BTreeMap<Name, u64>>,
}

impl Series {
    pub(super) fn new(store: Shared) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// Draws the next place of a series.
    pub(super) fn draw(&self, series: &Name) -> Result<Ticket<'_>, store::Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.contains_key(series) {
            last.insert(Arc::clone(series), self.store.series(series)?);
        }
        let place = last.entry(Arc::clone(series)).or_default();
        *place = place.saturating_add(1);
        Ok(Ticket { series: self, name: Arc::clone(series), sequence: *place, kept: false })
    }
}

/// A place in a series; given back when it is dropped without being kept.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    series: &'a Series,
    name: Name,
    /// The place.
    pub(super) sequence: u64,
    kept: bool,
}

impl Ticket<'_> {
    /// The place is used.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut last = self.series.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = last.get_mut(&self.name).filter(|place| !self.kept && **place == self.sequence) {
            *place = place.saturating_sub(1);
        }
    }
}
