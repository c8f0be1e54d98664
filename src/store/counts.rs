//! How many cases are under each entry of the index.
//!
//! They are sums over the entries of the journal, so they belong to an end of it: the state keeps them with the end
//! that it has reached, in the same batch. A count is never made from the keys that happen to be there, which may be
//! ahead of that end after a stop in the middle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{CaseEntry, Parts};

/// Counts by workflow, facet and value; there is none of 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Parts, u64)>", into = "Vec<(Parts, u64)>")]
pub(super) struct Counts(BTreeMap<Parts, u64>);

/// By how much counts change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved(BTreeMap<Parts, i64>);

impl Counts {
    /// Adds what was moved.
    pub(super) fn add(&mut self, moved: &Moved) {
        for (parts, by) in &moved.0 {
            let count = self.0.get(parts).copied().unwrap_or(0).saturating_add_signed(*by);
            if count == 0 {
                self.0.remove(parts);
            } else {
                self.0.insert(parts.clone(), count);
            }
        }
    }

    /// Each of them.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Parts, u64)> {
        self.0.iter().map(|(parts, count)| (parts, *count))
    }
}

impl Moved {
    /// Adds what an entry of the journal moves; it names only what really changes.
    pub(super) fn entry(&mut self, entry: &CaseEntry) {
        let added = entry.index_add.iter().map(|parts| (parts, 1));
        for (parts, by) in added.chain(entry.index_remove.iter().map(|parts| (parts, -1))) {
            let sum = self.0.entry(parts.clone()).or_insert(0);
            *sum = sum.saturating_add(by);
        }
    }
}

impl From<Vec<(Parts, u64)>> for Counts {
    fn from(counts: Vec<(Parts, u64)>) -> Self {
        Self(counts.into_iter().collect())
    }
}

impl From<Counts> for Vec<(Parts, u64)> {
    fn from(counts: Counts) -> Self {
        counts.0.into_iter().collect()
    }
}
