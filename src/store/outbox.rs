//! The outbox: every sending of every message, and what became of it.
//!
//! A sending follows from the entry that caused it (a case's, with the event `Notified`, or a notice of its own); there
//! is nothing beside the entry that could be lost. What becomes of it are entries of their own, each with the address
//! of the one before it, so that a rebuild gives the same and [`super::verify`] can compare.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{
    CaseId, Channel, Event, Name, Notice, Recipient, Recorded, Sending, SendingId, Timestamp, Title, UserId,
};

use super::apply::Apply;
use super::entry::{self, CaseEntry, DeliveryEntry, Entry, damaged};
use super::journal::{Address, Journal};
use super::keys::{self, KeyRange};
use super::ledger::Parts;
use super::value::Value;
use super::{Error, codec};

/// Sendings of one case that are looked at for its order.
const EARLIER_MAX: usize = 10_000;

/// The message of an escalation; no file can have this name, for it begins with no letter.
const ESCALATED: &str = "!escalated";

/// One sending: a message to one recipient on one channel, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its identity, the same for ever.
    pub id: SendingId,
    /// The message.
    pub message: Name,
    /// The road.
    pub channel: Channel,
    /// Whom it is for.
    pub to: Recipient,
    /// When it was written.
    pub at: Timestamp,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried, since it was last sent again by hand.
    pub tries: u32,
    /// Why the last try failed, or it can't be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    /// Who had it sent again last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_by: Option<UserId>,
    /// Who has read it, and when (inbox only).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<UserId, Timestamp>,
}

/// How a sending stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It waits for its next try.
    Pending {
        /// When that is.
        due: Timestamp,
    },
    /// It was handed over.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// It is not tried any more.
    Dead {
        /// Since when.
        at: Timestamp,
    },
}

/// What becomes of a sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryChange {
    /// It was handed over.
    Sent,
    /// A try failed.
    Failed {
        /// Why.
        reason: Name,
        /// When it is tried next.
        next: Timestamp,
    },
    /// The last try failed, or it can never be sent.
    Dead {
        /// Why.
        reason: Name,
    },
    /// Somebody wants it tried again.
    Again {
        /// Who.
        by: UserId,
    },
    /// Somebody has read it.
    Read {
        /// Who.
        by: UserId,
    },
}

/// Which sendings are wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// This one.
    One(SendingId),
    /// Those that are to be tried by now, the longest due first, after the one at that moment.
    Due {
        /// The moment.
        now: Timestamp,
        /// The last one of the page before, and when it was due.
        after: Option<(Timestamp, SendingId)>,
    },
    /// Those that wait, whenever they are due, the first due first.
    Pending(Option<(Timestamp, SendingId)>),
    /// Those that were sent, the newest first.
    Sent(Option<(Timestamp, SendingId)>),
    /// Those that are dead, the newest first.
    Dead(Option<(Timestamp, SendingId)>),
    /// Those in a box, the newest first.
    Inbox {
        /// Whose box.
        of: Recipient,
        /// The last one of the page before, and when it was written.
        after: Option<(Timestamp, SendingId)>,
    },
    /// Those of the same source before this one, the first one first.
    Before(SendingId),
}

/// A sending as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OutboxRecord {
    /// The sending.
    pub(super) delivery: Delivery,
    /// The record of the journal that has its words.
    pub(super) first: Address,
    /// Its last record in the journal.
    pub(super) last: Address,
}

impl codec::Stored for OutboxRecord {}

impl Delivery {
    /// The moment by which it stands in the lists of its state: when it is due, was sent or died.
    #[must_use]
    pub fn moment(&self) -> Timestamp {
        match self.state {
            DeliveryState::Pending { due } => due,
            DeliveryState::Sent { at } | DeliveryState::Dead { at } => at,
        }
    }

    /// Whether a change can follow.
    fn takes(&self, change: &DeliveryChange) -> bool {
        match (change, self.state) {
            (
                DeliveryChange::Sent | DeliveryChange::Failed { .. } | DeliveryChange::Dead { .. },
                DeliveryState::Pending { .. },
            )
            | (DeliveryChange::Again { .. }, DeliveryState::Dead { .. }) => true,
            (DeliveryChange::Read { by }, _) => self.channel == Channel::Inbox && !self.read.contains_key(by),
            (
                DeliveryChange::Sent | DeliveryChange::Failed { .. } | DeliveryChange::Dead { .. },
                DeliveryState::Sent { .. } | DeliveryState::Dead { .. },
            )
            | (DeliveryChange::Again { .. }, DeliveryState::Pending { .. } | DeliveryState::Sent { .. }) => false,
        }
    }

    /// As it stands after a change.
    fn after(mut self, change: &DeliveryChange, at: Timestamp) -> Self {
        match change {
            DeliveryChange::Sent => {
                (self.state, self.reason) = (DeliveryState::Sent { at }, None);
                self.tries = self.tries.saturating_add(1);
            }
            DeliveryChange::Failed { reason, next } => {
                (self.state, self.reason) = (DeliveryState::Pending { due: *next }, Some(Name::clone(reason)));
                self.tries = self.tries.saturating_add(1);
            }
            DeliveryChange::Dead { reason } => {
                (self.state, self.reason) = (DeliveryState::Dead { at }, Some(Name::clone(reason)));
                self.tries = self.tries.saturating_add(1);
            }
            DeliveryChange::Again { by } => {
                (self.state, self.tries) = (DeliveryState::Pending { due: at }, 0);
                self.again_by = Some(UserId::clone(by));
            }
            DeliveryChange::Read { by } => drop(self.read.insert(UserId::clone(by), at)),
        }
        self
    }
}

/// The sendings of a notice, as they begin. What is for a box inside is there at once.
fn begun(source: CaseId, version: u64, at: Timestamp, notice: &Notice) -> Vec<Delivery> {
    let sendings = (0_u16..).zip(&notice.sendings);
    let each = sendings.map(|(place, sending)| {
        let state = match (&notice.failed, sending.channel) {
            (Some(_), _) => DeliveryState::Dead { at },
            (None, Channel::Inbox) => DeliveryState::Sent { at },
            (None, Channel::Email | Channel::Sms | Channel::Webhook | Channel::Log) => {
                DeliveryState::Pending { due: at }
            }
        };
        Delivery {
            id: SendingId { source, version, place },
            message: Name::clone(&notice.message),
            channel: sending.channel,
            to: sending.to.clone(),
            at,
            state,
            tries: 0,
            reason: notice.failed.clone(),
            again_by: None,
            read: BTreeMap::new(),
        }
    });
    each.collect()
}

/// The message of an event, when it is one.
fn noticed(recorded: &Recorded) -> Option<Notice> {
    match &recorded.event {
        Event::Notified { notice } => Some(notice.clone()),
        Event::Escalated { to, owner, sla } => Some(escalated(to, owner.as_ref(), sla.as_ref())),
        Event::Opened { .. }
        | Event::Taken { .. }
        | Event::Edited { .. }
        | Event::Commented { .. }
        | Event::Issued { .. }
        | Event::Reserved { .. }
        | Event::Released { .. }
        | Event::Consumed { .. }
        | Event::Put { .. }
        | Event::TaskOpened { .. }
        | Event::TaskClaimed { .. }
        | Event::TaskReleased { .. }
        | Event::TaskCompleted { .. }
        | Event::TaskReopened { .. }
        | Event::TaskDropped { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalLapsed { .. }
        | Event::ChildOpened { .. }
        | Event::Signalled { .. }
        | Event::Scheduled { .. }
        | Event::Attached { .. }
        | Event::Clock { .. } => None,
    }
}

/// An escalation stands in the box of the role, and in that of whoever should have done it. The event does not say
/// whether that is a role or a person, so it is in the box of either name.
fn escalated(to: &Name, owner: Option<&Name>, sla: Option<&Name>) -> Notice {
    let mut boxes = vec![Recipient::Role(Name::clone(to))];
    if let Some(owner) = owner.filter(|owner| *owner != to) {
        boxes.extend([Recipient::Role(Name::clone(owner)), Recipient::User(Name::clone(owner))]);
    }
    let sendings = boxes.into_iter().map(|to| Sending { channel: Channel::Inbox, to });
    let (zh, en) = sla.map_or(("已升级".to_owned(), "escalated".to_owned()), |sla| {
        (format!("已超期升级:{sla}"), format!("`{sla}` was breached and is escalated"))
    });
    Notice {
        message: ESCALATED.into(),
        language: None,
        subject: Title::new(&zh, &en),
        body: Title::default(),
        html: Title::default(),
        sendings: sendings.collect(),
        failed: None,
    }
}

/// The sendings that a case's entry causes.
pub(super) fn caused(entry: &CaseEntry) -> Vec<Delivery> {
    let mut caused = Vec::new();
    for recorded in entry.events.iter() {
        if let Some(notice) = noticed(recorded) {
            caused.extend(begun(entry.case, recorded.version, recorded.at, &notice));
        }
    }
    caused
}

/// The key under which a sending is listed: by its state.
pub(super) fn listed(delivery: &Delivery) -> Vec<u8> {
    match delivery.state {
        DeliveryState::Pending { due } => keys::pending(due, delivery.id),
        DeliveryState::Sent { at } => keys::sent(at, delivery.id),
        DeliveryState::Dead { at } => keys::dead(at, delivery.id),
    }
}

/// The key under which it stands in a box, when it does.
pub(super) fn boxed(delivery: &Delivery) -> Option<Vec<u8>> {
    let inside = delivery.channel == Channel::Inbox && !matches!(delivery.state, DeliveryState::Dead { .. });
    inside.then(|| keys::boxed(&delivery.to, delivery.at, delivery.id))
}

impl Apply<'_> {
    /// Applies what a case's entry at `record` sends.
    pub(super) fn outgoing(&mut self, entry: &CaseEntry, record: Address) -> Result<(), Error> {
        caused(entry).into_iter().try_for_each(|delivery| self.enqueue(delivery, record))
    }

    /// Applies a notice of its own.
    pub(super) fn noticed(&mut self, id: CaseId, at: Timestamp, notice: &Notice, record: Address) -> Result<(), Error> {
        begun(id, 0, at, notice).into_iter().try_for_each(|delivery| self.enqueue(delivery, record))
    }

    /// Whether a notice of its own is there already.
    pub(super) fn is_noticed(&self, id: CaseId) -> Result<bool, Error> {
        let first = SendingId { source: id, version: 0, place: 0 };
        Ok(self.read::<OutboxRecord>(&keys::sending(first))?.is_some())
    }

    /// The last record of a sending, when a change can follow.
    pub(super) fn follows(&self, id: SendingId, change: &DeliveryChange) -> Result<Option<Address>, Error> {
        let known: Option<OutboxRecord> = self.read(&keys::sending(id))?;
        Ok(known.filter(|known| known.delivery.takes(change)).map(|known| known.last))
    }

    fn enqueue(&mut self, delivery: Delivery, record: Address) -> Result<(), Error> {
        let key = keys::sending(delivery.id);
        if let Some(ahead) = self.read::<OutboxRecord>(&key)?.filter(|known| known.last >= record) {
            return self.list_again(&ahead);
        }
        self.list(&delivery);
        let kept = OutboxRecord { delivery, first: record, last: record };
        self.writes.insert(key.clone(), Some(Value::of(&key, &kept)?));
        Ok(())
    }

    /// Applies what became of a sending.
    pub(super) fn delivery(&mut self, entry: &DeliveryEntry, record: Address) -> Result<(), Error> {
        let key = keys::sending(entry.id);
        let known: Option<OutboxRecord> = self.read(&key)?;
        let known = known.ok_or_else(|| damaged(record, format!("there is no delivery {}", entry.id)))?;
        if known.last >= record {
            return self.list_again(&known);
        }
        if known.last != entry.previous {
            return Err(damaged(record, format!("it does not follow what is known of delivery {}", entry.id)));
        }
        self.writes.insert(listed(&known.delivery), None);
        let after = OutboxRecord { delivery: known.delivery.after(&entry.change, entry.at), last: record, ..known };
        self.list(&after.delivery);
        self.writes.insert(key.clone(), Some(Value::of(&key, &after)?));
        Ok(())
    }

    fn list(&mut self, delivery: &Delivery) {
        self.writes.insert(listed(delivery), Some(Value::Mark));
        if let Some(key) = boxed(delivery) {
            self.writes.insert(key, Some(Value::Mark));
        }
    }

    /// The state has a sending as it was later on: the process was stopped while the state was being written. The
    /// lists it stood in before may still have it.
    fn list_again(&mut self, ahead: &OutboxRecord) -> Result<(), Error> {
        for earlier in states(self.journal, ahead)? {
            self.writes.insert(listed(&earlier), None);
        }
        self.list(&ahead.delivery);
        Ok(())
    }
}

/// A sending at each of its records, the first one first.
pub(super) fn states(journal: &Journal, kept: &OutboxRecord) -> Result<Vec<Delivery>, Error> {
    let (mut changes, mut next) = (Vec::new(), kept.last);
    let first = loop {
        let record = journal.read(next)?;
        match entry::decode(next, &record.body)?.0 {
            Entry::Delivery(entry) if entry.id == kept.delivery.id && entry.previous < next => {
                next = entry.previous;
                changes.push(entry);
            }
            Entry::Case(entry) => break caused(&entry),
            Entry::Notice { id, at, notice } => break begun(id, 0, at, &notice),
            Entry::Delivery(_)
            | Entry::Rows { .. }
            | Entry::Key(_)
            | Entry::File { .. }
            | Entry::Live { .. }
            | Entry::Forget { .. }
            | Entry::Progress { .. }
            | Entry::Pools { .. } => {
                return Err(damaged(next, format!("it has nothing of delivery {}", kept.delivery.id)));
            }
        }
    };
    let missing = || damaged(next, format!("it does not cause delivery {}", kept.delivery.id));
    let mut now = first.into_iter().find(|delivery| delivery.id == kept.delivery.id).ok_or_else(missing)?;
    let mut states = vec![now.clone()];
    for change in changes.iter().rev() {
        now = now.after(&change.change, change.at);
        states.push(now.clone());
    }
    Ok(states)
}

impl Parts {
    /// The sendings that are wanted, at most `limit` of them.
    pub(super) fn outbox(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Delivery>, Error> {
        let range = match wanted {
            Wanted::One(id) => {
                let kept: Option<OutboxRecord> = self.read(&keys::sending(*id))?;
                return Ok(kept.into_iter().map(|kept| kept.delivery).collect());
            }
            Wanted::Before(id) => return self.before(*id),
            Wanted::Due { now, after } => after_key(keys::due(*now), *after, keys::pending),
            Wanted::Pending(after) => after_key(keys::all_pending(), *after, keys::pending),
            Wanted::Sent(after) => after_key(keys::all_sent(), *after, keys::sent),
            Wanted::Dead(after) => after_key(keys::all_dead(), *after, keys::dead),
            Wanted::Inbox { of, after } => after_key(keys::inbox(of), *after, |at, id| keys::boxed(of, at, id)),
        };
        let mut found = Vec::new();
        for key in self.state()?.keys(&range, limit)? {
            let id = keys::sending_at_end(&key).ok_or_else(|| codec::damaged(&key, "it names no delivery"))?;
            let kept: Option<OutboxRecord> = self.read(&keys::sending(id))?;
            found.extend(kept.map(|kept| kept.delivery));
        }
        Ok(found)
    }

    /// The words of a sending.
    pub(super) fn words(&self, id: SendingId) -> Result<Option<Notice>, Error> {
        let kept: Option<OutboxRecord> = self.read(&keys::sending(id))?;
        let Some(kept) = kept else { return Ok(None) };
        let record = self.journal.read(kept.first)?;
        let notice = match entry::decode(kept.first, &record.body)?.0 {
            Entry::Notice { notice, .. } => Some(notice),
            Entry::Case(entry) => entry.events.iter().find(|recorded| recorded.version == id.version).and_then(noticed),
            Entry::Delivery(_)
            | Entry::Rows { .. }
            | Entry::Key(_)
            | Entry::File { .. }
            | Entry::Live { .. }
            | Entry::Forget { .. }
            | Entry::Progress { .. }
            | Entry::Pools { .. } => None,
        };
        notice.map(Some).ok_or_else(|| damaged(kept.first, format!("it has no words of delivery {id}")))
    }

    fn before(&self, id: SendingId) -> Result<Vec<Delivery>, Error> {
        let mut range = keys::sendings_of(id.source);
        range.to = keys::sending(id);
        let mut found = Vec::new();
        for key in self.state()?.keys(&range, EARLIER_MAX)? {
            let kept: Option<OutboxRecord> = self.read(&key)?;
            found.extend(kept.map(|kept| kept.delivery));
        }
        Ok(found)
    }
}

fn after_key(
    range: KeyRange,
    after: Option<(Timestamp, SendingId)>,
    key: impl Fn(Timestamp, SendingId) -> Vec<u8>,
) -> KeyRange {
    match after {
        Some((at, id)) => range.after(&key(at, id)),
        None => range,
    }
}
