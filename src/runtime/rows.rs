//! The rows of the reference tables, all in memory, and what a decision has seen of them.
//!
//! The maps share what did not change, so that each decision has its own unchanging view for nothing. What it has
//! seen is checked by the committer.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use imbl::OrdMap;

use crate::model::{Name, Record};
use crate::store::{self, Item, Shared};
use crate::sync::RwLock;

/// Every row by table and key.
pub(super) type Tables = OrdMap<Name, OrdMap<Name, Arc<Record>>>;

/// The rows as they stand at one moment.
#[derive(Clone, Debug, Default)]
pub struct Stand {
    /// Grows with every change, so that one look says whether anything changed at all.
    epoch: u64,
    pub(super) tables: Tables,
}

impl Stand {
    /// The row of `table` under `key`.
    #[must_use]
    pub fn row(&self, table: &str, key: &str) -> Option<&Arc<Record>> {
        self.tables.get(table)?.get(key)
    }

    /// A number that grows with every change.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The rows as they stand after `item`; `None` when it changes none.
    #[must_use]
    pub fn after(&self, item: &Item) -> Option<Self> {
        let Item::Rows { table, put, remove } = item else { return None };
        let mut next = Self { epoch: self.epoch.saturating_add(1), tables: self.tables.clone() };
        let rows = next.tables.entry(Arc::clone(table)).or_default();
        for key in remove {
            rows.remove(key);
        }
        for (key, row) in put {
            rows.insert(Arc::clone(key), Arc::new(row.clone()));
        }
        Some(next)
    }
}

/// The rows as they stand now; only the committer changes them.
#[derive(Clone, Debug, Default)]
pub struct Rows(Arc<RwLock<Stand>>);

impl Rows {
    /// Reads all rows from the store.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn load(store: &Shared) -> Result<Self, store::Error> {
        let mut tables = Tables::new();
        for (table, key, row) in store.rows()? {
            tables.entry(table).or_default().insert(key, Arc::new(row));
        }
        Ok(Self(Arc::new(RwLock::new(Stand { epoch: 0, tables }))))
    }

    /// The rows of this moment.
    #[must_use]
    pub fn now(&self) -> Stand {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes rows that have become durable the ones that are seen, all at once. For the committer alone.
    pub fn publish(&self, stand: Stand) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = stand;
    }
}

/// What a decision has seen of the tables: each row that it looked at, also that there was none.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    epoch: u64,
    seen: BTreeMap<Name, BTreeMap<Name, Option<Arc<Record>>>>,
}

impl Reads {
    /// Nothing yet, of the rows as they stand at this moment.
    #[must_use]
    pub fn of(stand: &Stand) -> Self {
        Self { epoch: stand.epoch, seen: BTreeMap::new() }
    }

    /// Looks at a row of `stand`, of which these reads are, and notes it. A row is noted once, however often it
    /// is looked at.
    pub fn row(&mut self, stand: &Stand, table: &str, key: &str) -> Option<Arc<Record>> {
        if let Some(row) = self.seen.get(table).and_then(|rows| rows.get(key)) {
            return row.clone();
        }
        let found = stand.tables.get(table).and_then(|rows| rows.get_key_value(key));
        let key = found.map_or_else(|| key.into(), |(key, _)| Arc::clone(key));
        let row = found.map(|(_, row)| Arc::clone(row));
        match self.seen.get_mut(table) {
            Some(rows) => rows.insert(key, row.clone()),
            None => self.seen.entry(table.into()).or_default().insert(key, row.clone()),
        };
        row
    }

    /// Whether every row that was seen still is what it was. Costs nothing when no row of any table has changed.
    #[must_use]
    pub fn hold(&self, stand: &Stand) -> bool {
        self.epoch == stand.epoch
            || self.seen.iter().all(|(table, rows)| {
                let now = stand.tables.get(table);
                rows.iter().all(|(key, seen)| same(seen.as_ref(), now.and_then(|now| now.get(key))))
            })
    }
}

/// Rows that were written again with the same values are the same.
fn same(seen: Option<&Arc<Record>>, now: Option<&Arc<Record>>) -> bool {
    match (seen, now) {
        (None, None) => true,
        (Some(seen), Some(now)) => Arc::ptr_eq(seen, now) || seen == now,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reads, Stand};
    use crate::model::{Record, Value};
    use crate::store::Item;

    fn put(stand: &Stand, key: &str, value: i64) -> Stand {
        let row: Record = [("n".into(), Value::Integer(value))].into_iter().collect();
        let item = Item::Rows { table: "things".into(), put: vec![(key.into(), row)], remove: Vec::new() };
        stand.after(&item).unwrap()
    }

    fn remove(stand: &Stand, key: &str) -> Stand {
        stand.after(&Item::Rows { table: "things".into(), put: Vec::new(), remove: vec![key.into()] }).unwrap()
    }

    #[test]
    fn reads_hold_as_long_as_their_rows_do() {
        let base = put(&Stand::default(), "a", 1);
        let check = |seen: &[&str], now: &Stand, holds: bool| {
            let mut reads = Reads::of(&base);
            for key in seen {
                assert_eq!(reads.row(&base, "things", key), base.row("things", key).cloned());
                assert_eq!(reads.row(&base, "things", key), base.row("things", key).cloned(), "looked at twice");
            }
            assert_eq!(reads.hold(now), holds, "{seen:?} in {now:?}");
        };
        check(&["a", "b"], &base, true);
        check(&["a"], &put(&base, "b", 1), true);
        check(&["a"], &put(&base, "a", 2), false);
        check(&["a"], &put(&base, "a", 1), true);
        check(&["a"], &put(&put(&base, "a", 2), "a", 1), true);
        check(&["a"], &remove(&base, "a"), false);
        check(&["b"], &put(&base, "b", 1), false);
        check(&["b"], &remove(&put(&base, "b", 1), "b"), true);
        check(&[], &remove(&base, "a"), true);
    }
}
