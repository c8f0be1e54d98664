//! Cases that were read or written lately, decoded.
//!
//! Two generations: what is written or read from the backend goes into the young one; when that is full it becomes
//! the old one, and what stood there is dropped. So the cache holds between half and all of its bytes, and a use
//! costs no more than two look-ups.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::CaseId;
use crate::model::limit::CASE_CACHE_BYTES_MAX;

use super::super::codec::CaseRecord;

/// Bytes of memory for one byte of a stored case.
const BYTES_IN_MEMORY: usize = 3;

/// The cache.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: Generation,
    old: Generation,
}

/// Cases that were used at about the same time.
#[derive(Debug, Default)]
pub(super) struct Generation {
    cases: BTreeMap<CaseId, (Arc<CaseRecord>, usize)>,
    bytes: usize,
}

impl Cache {
    /// A case, when it is here. It stays in its generation, so that reading changes nothing.
    pub(super) fn get(&self, id: CaseId) -> Option<Arc<CaseRecord>> {
        let found = self.young.cases.get(&id).or_else(|| self.old.cases.get(&id));
        found.map(|(record, _)| Arc::clone(record))
    }

    /// Keeps a case of so many stored bytes. What had to go for it is handed back: to drop thousands of cases takes
    /// long, and is not done while others wait for the cache.
    #[must_use = "it is to be dropped when the cache is free again"]
    pub(super) fn put(&mut self, id: CaseId, record: &Arc<CaseRecord>, stored: usize) -> Option<Generation> {
        if let Some((_, bytes)) = self.old.cases.remove(&id) {
            self.old.bytes = self.old.bytes.saturating_sub(bytes);
        }
        self.young(id, record, stored.saturating_mul(BYTES_IN_MEMORY))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn young(&mut self, id: CaseId, record: &Arc<CaseRecord>, bytes: usize) -> Option<Generation> {
        let replaced = self.young.cases.insert(id, (Arc::clone(record), bytes));
        let gone = replaced.map_or(0, |(_, bytes)| bytes);
        self.young.bytes = self.young.bytes.saturating_add(bytes).saturating_sub(gone);
        let full = self.young.bytes > CASE_CACHE_BYTES_MAX / 2;
        full.then(|| std::mem::replace(&mut self.old, std::mem::take(&mut self.young)))
    }
}
