//! Dispatch: brings what stands in the outbox to whom it is for.
//!
//! A sending leaves after its cause is durable, at least once, and always under the same id: when the process stops
//! between a success and its record, it is sent again. What fails is tried again, later and later and at random
//! moments, so that a channel that comes back is not overrun; at last it is dead, and somebody has it sent again by
//! hand. Sendings of one case on one channel leave in the order in which they were written.

mod email;
mod log;
pub mod settings;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::limit::{
    DELIVERIES_BESIDE, DELIVERY_DELAY_SECONDS_MAX, DELIVERY_DELAY_SECONDS_MIN, DELIVERY_TRIES_MAX, PAGE_ITEMS_MAX,
};
use crate::model::{CaseId, Channel, Language, Notice, Recipient, SendingId, Timestamp};
use crate::store::{Delivery, DeliveryChange, DeliveryState, Wanted};

use super::{Failure, Runtime, random};
use email::Email;
use settings::Channels;
use webhook::Webhook;

/// Reads a variable of the environment, for secrets.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Brings sendings on their way: a cheap handle.
#[derive(Clone, Debug)]
pub struct Dispatcher(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    runtime: Runtime,
    settings: Channels,
    email: Option<Email>,
    sms: Option<Webhook>,
    webhook: Option<Webhook>,
    /// Held by the one who sends: nothing is sent twice at the same time.
    sending: Mutex<()>,
    stop: CancellationToken,
}

/// What a sending says, in the language in which it leaves.
#[derive(Clone, Debug)]
struct Letter {
    delivery: Delivery,
    language: Language,
    subject: String,
    body: String,
    html: String,
    /// The e-mail address of the recipient, when it has one.
    email: Option<String>,
    /// The telephone number of the recipient, when it has one.
    phone: Option<String>,
    /// The moment at which it leaves.
    now: Timestamp,
}

/// Why a sending did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// It may leave later.
    Later(String),
    /// It never will.
    Never(String),
}

impl Dispatcher {
    /// A dispatcher with these channels.
    ///
    /// # Errors
    /// Which setting of a channel can't be used, and why.
    pub fn new(runtime: Runtime, settings: &Channels, variable: Variable<'_>) -> Result<Self, String> {
        let webhook = |name, settings: Option<&settings::Webhook>| {
            let made = settings.map(|settings| Webhook::new(settings, variable)).transpose();
            made.map_err(|wrong| format!("`channels.{name}`: {wrong}"))
        };
        let email = settings.email.as_ref().map(|settings| Email::new(settings, variable)).transpose();
        Ok(Self(Arc::new(Parts {
            runtime,
            settings: settings.clone(),
            email: email.map_err(|wrong| format!("`channels.email`: {wrong}"))?,
            sms: webhook("sms", settings.sms.as_ref())?,
            webhook: webhook("webhook", settings.webhook.as_ref())?,
            sending: Mutex::new(()),
            stop: CancellationToken::new(),
        })))
    }

    /// Begins nothing more; what is on its way is sent and recorded before [`Dispatcher::run`] returns.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Sends what is due, as it becomes due, until it is stopped.
    pub async fn run(self) {
        loop {
            let pause = match self.round().await {
                Ok(next) => self.pause(next),
                // The cause went to the log.
                Err(_) => Duration::from_secs(DELIVERY_DELAY_SECONDS_MIN),
            };
            tokio::select! {
                () = self.0.stop.cancelled() => return,
                () = self.0.runtime.0.outbox.written() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn pause(&self, next: Option<Timestamp>) -> Duration {
        const SECONDS_MAX: u64 = 30;
        let milliseconds = next.map(|next| next.0.saturating_sub(self.0.runtime.now().0).max(1));
        let pause = milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs()));
        pause.unwrap_or(Duration::MAX).min(Duration::from_secs(SECONDS_MAX))
    }

    /// Sends everything that is due now; says when the next one is.
    ///
    /// # Errors
    /// When the outbox can't be read or written.
    pub async fn round(&self) -> Result<Option<Timestamp>, Failure> {
        let _sending = self.0.sending.lock().await;
        loop {
            let ready = self.ready().await?;
            if ready.is_empty() || self.0.stop.is_cancelled() {
                return self.next().await;
            }
            self.send_all(ready).await?;
        }
    }

    /// When the first sending is due that is not due yet.
    async fn next(&self) -> Result<Option<Timestamp>, Failure> {
        let last = SendingId { source: CaseId::from_bytes([u8::MAX; 16]), version: u64::MAX, place: u16::MAX };
        let after = Wanted::Pending(Some((self.0.runtime.now(), last)));
        let next = self.0.runtime.deliveries(after, 1).await?;
        Ok(next.first().map(Delivery::moment))
    }

    /// Sendings that are due and whose turn it is.
    async fn ready(&self) -> Result<Vec<Delivery>, Failure> {
        let (now, mut after, mut ready) = (self.0.runtime.now(), None, Vec::new());
        loop {
            let page = self.0.runtime.deliveries(Wanted::Due { now, after }, PAGE_ITEMS_MAX).await?;
            let Some(last) = page.last() else { return Ok(ready) };
            after = Some((last.moment(), last.id));
            ready.extend(self.having_their_turn(page).await?);
            if ready.len() >= PAGE_ITEMS_MAX {
                return Ok(ready);
            }
        }
    }

    async fn having_their_turn(&self, page: Vec<Delivery>) -> Result<Vec<Delivery>, Failure> {
        let mut ready = Vec::new();
        for delivery in page {
            if self.has_its_turn(&delivery).await? {
                ready.push(delivery);
            }
        }
        Ok(ready)
    }

    /// Whether nothing that was written before it for the same case still waits on its channel.
    async fn has_its_turn(&self, delivery: &Delivery) -> Result<bool, Failure> {
        if delivery.id.version <= 1 && delivery.id.place == 0 {
            return Ok(true);
        }
        let before = self.0.runtime.deliveries(Wanted::Before(delivery.id), PAGE_ITEMS_MAX).await?;
        Ok(!before.iter().any(|earlier| {
            earlier.channel == delivery.channel && matches!(earlier.state, DeliveryState::Pending { .. })
        }))
    }

    async fn send_all(&self, ready: Vec<Delivery>) -> Result<(), Failure> {
        let mut ready = ready.into_iter();
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() < DELIVERIES_BESIDE
                && !self.0.stop.is_cancelled()
                && let Some(delivery) = ready.next()
            {
                tasks.spawn(self.clone().deliver(delivery));
            }
            match tasks.join_next().await {
                Some(done) => done.map_err(|_| Failure::Store)??,
                None => return Ok(()),
            }
        }
    }

    async fn deliver(self, delivery: Delivery) -> Result<(), Failure> {
        let Some(notice) = self.0.runtime.words(delivery.id).await? else { return Ok(()) };
        let letter = self.letter(delivery, &notice);
        let sent = self.send(&letter).await;
        let Letter { delivery, .. } = letter;
        let change = self.outcome(&delivery, sent)?;
        self.0.runtime.deliver(delivery.id, change).await
    }

    fn letter(&self, delivery: Delivery, notice: &Notice) -> Letter {
        let language = notice.language.unwrap_or(self.0.settings.language);
        let (subject, body, html) = notice.words(language);
        let contact = match &delivery.to {
            Recipient::Role(name) | Recipient::User(name) => self.0.settings.contacts.get(&**name),
            Recipient::Email(_) | Recipient::Phone(_) | Recipient::Nobody => None,
        };
        let direct = |email: bool| match &delivery.to {
            Recipient::Email(address) if email => Some(address.to_string()),
            Recipient::Phone(number) if !email => Some(number.to_string()),
            Recipient::Email(_) | Recipient::Phone(_) | Recipient::Role(_) | Recipient::User(_) | Recipient::Nobody => {
                None
            }
        };
        Letter {
            email: direct(true).or_else(|| contact.and_then(|contact| contact.email.clone())),
            phone: direct(false).or_else(|| contact.and_then(|contact| contact.phone.clone())),
            delivery,
            language,
            subject: subject.to_owned(),
            body: body.to_owned(),
            html: html.to_owned(),
            now: self.0.runtime.now(),
        }
    }

    async fn send(&self, letter: &Letter) -> Result<(), Trouble> {
        match letter.delivery.channel {
            // It is in its box as soon as it is written.
            Channel::Inbox => Ok(()),
            Channel::Log => {
                log::send(letter);
                Ok(())
            }
            Channel::Email => match (&self.0.email, &letter.email) {
                (None, _) => Err(unconfigured(Channel::Email)),
                (Some(_), None) => Err(unknown(letter, "e-mail address", "email")),
                (Some(email), Some(address)) => email.send(letter, address).await,
            },
            Channel::Sms => match (&self.0.sms, &letter.phone) {
                (None, _) => Err(unconfigured(Channel::Sms)),
                (Some(_), None) => Err(unknown(letter, "telephone number", "phone")),
                (Some(webhook), Some(_)) => webhook.send(letter).await,
            },
            Channel::Webhook => match &self.0.webhook {
                None => Err(unconfigured(Channel::Webhook)),
                Some(webhook) => webhook.send(letter).await,
            },
        }
    }

    /// What is recorded of a try.
    fn outcome(&self, delivery: &Delivery, sent: Result<(), Trouble>) -> Result<DeliveryChange, Failure> {
        let (id, channel, message) = (delivery.id, delivery.channel.name(), &*delivery.message);
        let count = |outcome: &'static str| {
            metrics::counter!("gendan_deliveries_total", "channel" => channel, "outcome" => outcome).increment(1);
        };
        let outbox = &self.0.runtime.0.outbox;
        let tries = delivery.tries.saturating_add(1);
        Ok(match sent {
            Ok(()) => {
                count("sent");
                outbox.works(delivery.channel);
                DeliveryChange::Sent
            }
            Err(Trouble::Later(reason)) if tries < DELIVERY_TRIES_MAX => {
                count("failed");
                outbox.fails(delivery.channel, &reason);
                let next = Timestamp(self.0.runtime.now().0.saturating_add(delay(tries, random()?)));
                tracing::warn!(delivery = %id, channel, message, reason, tries, next = %next, "a message could not be sent");
                DeliveryChange::Failed { reason: short(&reason), next }
            }
            Err(Trouble::Later(reason) | Trouble::Never(reason)) => {
                count("dead");
                tracing::error!(delivery = %id, channel, message, reason, tries, "a message is dead");
                DeliveryChange::Dead { reason: short(&reason) }
            }
        })
    }
}

fn unconfigured(channel: Channel) -> Trouble {
    let name = channel.name();
    Trouble::Never(format!("the channel `{name}` is not configured (`channels.{name}` in the settings)"))
}

fn unknown(letter: &Letter, what: &str, key: &str) -> Trouble {
    let name = letter.delivery.to.name();
    Trouble::Never(format!("there is no {what} of `{name}` (`channels.contacts.{name}.{key}` in the settings)"))
}

/// What peers say has no end of its own.
fn short(reason: &str) -> crate::model::Name {
    const CHARS_MAX: usize = 300;
    let plain = reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(CHARS_MAX).collect::<String>().into()
}

/// Milliseconds until the next try: exponential, capped, with full jitter.
fn delay(tries: u32, random: u128) -> i64 {
    let seconds = DELIVERY_DELAY_SECONDS_MIN.saturating_mul(1 << tries.min(20)).min(DELIVERY_DELAY_SECONDS_MAX);
    let least = u128::from(DELIVERY_DELAY_SECONDS_MIN) * 1_000;
    let span = u128::from(seconds) * 1_000 - least;
    i64::try_from(least + random % (span + 1)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_further_and_further_apart_and_never_at_a_fixed_moment() {
        for (tries, most) in [(1, 10_000), (2, 20_000), (5, 160_000), (30, 3_600_000)] {
            assert_eq!(delay(tries, 0), 5_000);
            let span = u128::try_from(most - 5_000).unwrap();
            assert_eq!(delay(tries, span), most);
            assert_eq!(delay(tries, span + 1), 5_000);
        }
    }

    #[test]
    fn a_reason_is_short_and_one_line() {
        assert_eq!(&*short("a\r\nb"), "a  b");
        assert_eq!(short(&"x".repeat(1_000)).len(), 300);
    }
}
