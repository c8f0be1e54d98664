//! The outbox as the runtime has it: reading it, sending again by hand, marking as read, and what its channels say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::limit::PAGE_ITEMS_MAX;
use crate::model::{
    Actor, CaseId, Channel, Event, Notice, Reason, Recipient, Recorded, Refusal, RefusalKind, SendingId, Timestamp,
    Title,
};
use crate::store::{Delivery, DeliveryChange, DeliveryState, Item, Wanted};

use super::rows::Reads;
use super::{Failure, Runtime, not_found};

/// What wakes the dispatcher, and what it has to say.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    written: Notify,
    /// Why the last try on a channel failed.
    failing: Mutex<BTreeMap<Channel, String>>,
}

impl Outbox {
    /// Waits until something was written.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    /// Tells of events that became durable.
    pub(super) fn tell(&self, events: &[Recorded]) {
        let mut any = false;
        for recorded in events {
            let Event::Notified { notice } = &recorded.event else { continue };
            any = true;
            alert(notice);
        }
        if any {
            self.written.notify_one();
        }
    }

    /// A channel works.
    pub(super) fn works(&self, channel: Channel) {
        self.failing().remove(&channel);
    }

    /// A channel fails.
    pub(super) fn fails(&self, channel: Channel, reason: &str) {
        self.failing().insert(channel, reason.to_owned());
    }

    /// What whoever looks after the server should know.
    pub(super) fn notices(&self) -> Vec<String> {
        let failing = self.failing();
        let say = |(channel, reason): (&Channel, &String)| format!("the channel `{}` fails: {reason}", channel.name());
        failing.iter().map(say).collect()
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<Channel, String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn alert(notice: &Notice) {
    if let Some(reason) = &notice.failed {
        tracing::error!(message = &*notice.message, reason = &**reason, "a message could not be written");
        metrics::counter!("gendan_messages_unwritten_total").increment(1);
    }
}

impl Runtime {
    /// Sendings of the outbox.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn deliveries(&self, wanted: Wanted, limit: usize) -> Result<Vec<Delivery>, Failure> {
        self.read(move |store| store.outbox(&wanted, limit)).await
    }

    /// One sending.
    ///
    /// # Errors
    /// When there is none, or the store can't be read.
    pub async fn delivery(&self, id: SendingId) -> Result<Delivery, Failure> {
        let found = self.deliveries(Wanted::One(id), 1).await?.into_iter().next();
        found.ok_or_else(|| not_found("delivery", &id.to_string()))
    }

    /// The words of a sending.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn words(&self, id: SendingId) -> Result<Option<Notice>, Failure> {
        self.read(move |store| store.notice(id)).await
    }

    /// Sends a message that is no case's, such as one about many of them. `id` is the same for ever for the same
    /// cause: what was announced under it already is not announced again.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn announce(&self, id: CaseId, notice: Notice) -> Result<(), Failure> {
        alert(&notice);
        let item = || Item::Notice { id, at: self.now(), notice: Box::new(notice.clone()) };
        self.settle(|| self.commit(item(), Reads::default())).await?;
        self.0.outbox.written.notify_one();
        Ok(())
    }

    /// Has a dead sending sent again.
    ///
    /// # Errors
    /// When there is none, it is not dead, or its message could not be written.
    pub async fn send_again(&self, id: SendingId, actor: &Actor) -> Result<Delivery, Failure> {
        let delivery = self.delivery(id).await?;
        if !matches!(delivery.state, DeliveryState::Dead { .. }) {
            let title = Title::new("该消息尚未失败,无需重发", "it is not dead, so there is nothing to send again");
            return Err(conflict("not_dead", title));
        }
        if self.words(id).await?.is_some_and(|notice| notice.failed.is_some()) {
            let title =
                Title::new("该消息未能生成,没有可发送的内容", "it could not be written, so there is nothing to send");
            return Err(conflict("not_written", title));
        }
        self.deliver(id, DeliveryChange::Again { by: Arc::clone(&actor.user) }).await?;
        self.0.outbox.written.notify_one();
        self.delivery(id).await
    }

    /// Messages for `actor`, as a person and in every role, the newest first; only unread ones, when wanted.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn messages(
        &self,
        actor: &Actor,
        unread: bool,
        after: Option<SendingId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Failure> {
        let after = match after {
            Some(id) => Some((self.delivery(id).await?.at, id)),
            None => None,
        };
        let mut found = Vec::new();
        for of in boxes(actor) {
            found.extend(self.in_box(of, actor, unread, after, limit).await?);
        }
        found.sort_by(|one, other| other.at.cmp(&one.at).then(one.id.cmp(&other.id)));
        found.dedup_by(|one, other| one.id == other.id);
        found.truncate(limit);
        Ok(found)
    }

    async fn in_box(
        &self,
        of: Recipient,
        actor: &Actor,
        unread: bool,
        mut after: Option<(Timestamp, SendingId)>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Failure> {
        let mut found = Vec::new();
        loop {
            let page = self.deliveries(Wanted::Inbox { of: of.clone(), after }, PAGE_ITEMS_MAX).await?;
            let full = page.len() < PAGE_ITEMS_MAX;
            after = page.last().map(|last| (last.at, last.id));
            found.extend(page.into_iter().filter(|delivery| !unread || !delivery.read.contains_key(&actor.user)));
            if full || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Notes that `actor` has read a message of the inbox.
    ///
    /// # Errors
    /// When there is none in any of the actor's boxes.
    pub async fn mark_read(&self, id: SendingId, actor: &Actor) -> Result<Delivery, Failure> {
        let delivery = self.delivery(id).await?;
        if delivery.channel != Channel::Inbox || !boxes(actor).contains(&delivery.to) {
            return Err(not_found("message", &id.to_string()));
        }
        if !delivery.read.contains_key(&actor.user) {
            self.deliver(id, DeliveryChange::Read { by: Arc::clone(&actor.user) }).await?;
        }
        self.delivery(id).await
    }

    /// Makes durable what became of a sending.
    pub(super) async fn deliver(&self, id: SendingId, change: DeliveryChange) -> Result<(), Failure> {
        let item = || Item::Delivery { id, at: self.now(), change: change.clone() };
        self.settle(|| self.commit(item(), Reads::default())).await
    }
}

/// The boxes that `actor` may look into.
fn boxes(actor: &Actor) -> Vec<Recipient> {
    let roles = actor.roles.iter().map(|role| Recipient::Role(Arc::clone(role)));
    std::iter::once(Recipient::User(Arc::clone(&actor.user))).chain(roles).collect()
}

fn conflict(code: &str, title: Title) -> Failure {
    Failure::Refused(Box::new(Refusal::because(Reason::new(RefusalKind::Conflict, code, title))))
}
