//! Is the outbox what the journal says?

use crate::model::CaseId;
use crate::store::Error;
use crate::store::entry::CaseEntry;
use crate::store::journal::Record;
use crate::store::keys;
use crate::store::outbox::{OutboxRecord, boxed, caused, listed, states};
use crate::store::state::decoded;
use crate::store::value::Value;

use super::{Check, PAGE_CASES};

impl Check<'_> {
    /// Every sending stands as its records say, and in the lists where it should; nothing else stands there.
    pub(super) fn outbox(&mut self) -> Result<(), Error> {
        let mut range = keys::sendings();
        loop {
            let page = self.state.keys(&range, PAGE_CASES)?;
            let Some(last) = page.last() else { break };
            range = range.after(last);
            for key in page {
                self.sending(&key)?;
            }
        }
        let state = self.state;
        let known = |key: &[u8], _: &Value| {
            let id = keys::sending_at_end(key);
            let kept = id.and_then(|id| state.get(&keys::sending(id)).ok().flatten().map(|value| (id, value)));
            let kept = kept.and_then(|(id, value)| decoded::<OutboxRecord>(&keys::sending(id), &value).ok());
            let its_own = kept.is_some_and(|kept| {
                listed(&kept.delivery) == key || boxed(&kept.delivery).is_some_and(|own| own == key)
            });
            (None::<CaseId>, its_own)
        };
        self.strays(keys::lists_of_sendings(), &known, "entry of the outbox")?;
        self.strays(keys::inboxes(), &known, "entry of an inbox")
    }

    fn sending(&mut self, key: &[u8]) -> Result<(), Error> {
        let kept = self.parts.read::<OutboxRecord>(key);
        let Some(Some(kept)) = self.readable(None, kept)? else { return Ok(()) };
        let states = states(&self.parts.journal, &kept);
        let Some(states) = self.readable(None, states)? else { return Ok(()) };
        let id = kept.delivery.id;
        if states.last() != Some(&kept.delivery) {
            self.found(None, format!("the delivery {id} does not stand as its records say"));
        }
        for list in [Some(listed(&kept.delivery)), boxed(&kept.delivery)].into_iter().flatten() {
            let still = self.state.still();
            let there = self.state.get(&list)?.is_some();
            let now = self.state.read::<OutboxRecord>(key)?;
            drop(still);
            if !there && now.is_some_and(|now| now.last == kept.last) {
                self.found(None, format!("the delivery {id} is missing from its list"));
            }
        }
        Ok(())
    }

    /// Every sending that a case has caused is there.
    pub(super) fn caused(&mut self, id: CaseId, chain: &[(Record, CaseEntry)]) -> Result<(), Error> {
        for delivery in chain.iter().flat_map(|(_, entry)| caused(entry)) {
            let kept = self.parts.read::<OutboxRecord>(&keys::sending(delivery.id));
            if let Some(None) = self.readable(Some(id), kept)? {
                self.found(Some(id), format!("its delivery {} is missing", delivery.id));
            }
        }
        Ok(())
    }
}
