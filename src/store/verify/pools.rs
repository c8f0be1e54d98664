//! Pools of resources: what they say is held is what the cases hold, and the other way round.

use rust_decimal::Decimal;

use super::{Check, PAGE_KEYS};
use crate::model::CaseId;
use crate::store::codec::{CaseRecord, HolderRecord, PoolRecord};
use crate::store::state::decoded;
use crate::store::value::Value;
use crate::store::{Error, keys};

impl Check<'_> {
    /// What a case holds is noted as its own.
    pub(super) fn case_holdings(&mut self, id: CaseId, snapshot: &CaseRecord) -> Result<(), Error> {
        for (resource, key, held) in snapshot.case.held.each() {
            let noted: Result<Option<HolderRecord>, Error> = self.parts.read(&keys::holder(resource, key, id));
            let Some(noted) = self.readable(Some(id), noted)? else { continue };
            let same = noted.is_some_and(|noted| noted.held == held);
            if !same && self.unmoved(id, snapshot)? {
                self.found(Some(id), format!("it holds {held} of `{resource}` `{key}`, and that is not noted"));
            }
        }
        Ok(())
    }

    /// Nothing is noted as held by a case that does not hold it, and each pool is held as its cases hold it.
    pub(super) fn pools(&mut self) -> Result<(), Error> {
        let state = self.state;
        let known = |key: &[u8], value: &Value| {
            let Ok(noted) = decoded::<HolderRecord>(key, value) else { return (None, false) };
            let Ok(snapshot) = state.case(noted.case) else { return (Some(noted.case), true) };
            let held = snapshot.map(|snapshot| snapshot.case.held.quantity(&noted.resource, &noted.key));
            (Some(noted.case), held == Some(noted.held))
        };
        self.strays(keys::holders(), &known, "holding")?;
        let mut wrong = Vec::new();
        self.state.each(keys::pools(), &mut |key, value| {
            match decoded::<PoolRecord>(key, &value) {
                Ok(record) => wrong.push(record),
                Err(error) => self.damage.push(crate::store::Damage { case: None, what: error.to_string() }),
            }
            Ok(())
        })?;
        for record in wrong {
            self.pool(&record)?;
        }
        Ok(())
    }

    /// What does not fit is counted again while nobody commits.
    fn pool(&mut self, record: &PoolRecord) -> Result<(), Error> {
        if self.held(record)? == record.pool.held {
            return Ok(());
        }
        let parts = self.parts;
        let _writer = parts.writer();
        let key = keys::pool(&record.resource, &record.key);
        let pool = parts.read::<PoolRecord>(&key)?.map(|record| record.pool).unwrap_or_default();
        let held = self.held(record)?;
        if held != pool.held {
            let (said, resource, key) = (pool.held, &record.resource, &record.key);
            self.found(None, format!("`{resource}` `{key}` says that {said} of it is held; the cases hold {held}"));
        }
        Ok(())
    }

    /// What all cases hold of a pool.
    fn held(&self, record: &PoolRecord) -> Result<Decimal, Error> {
        let (mut sum, mut range) = (Decimal::ZERO, keys::holders_of(&record.resource, &record.key));
        loop {
            let page: Vec<HolderRecord> = self.parts.some(&range, PAGE_KEYS)?;
            sum = page.iter().fold(sum, |sum, holder| sum.saturating_add(holder.held));
            match page.last() {
                Some(last) if page.len() == PAGE_KEYS => {
                    range = range.after(&keys::holder(&record.resource, &record.key, last.case));
                }
                _ => return Ok(sum),
            }
        }
    }
}
