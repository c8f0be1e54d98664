//! Messages, escalations and remarks: each cause has what follows from it, exactly once and in its order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gendan::model::{CaseId, ClockChange, Event, SendingId};

use crate::whole::book::{Held, Seen};
use crate::whole::facts::{self, Follow};
use crate::whole::kept::marked;

/// What is to follow yet, and what was written.
#[derive(Default)]
pub(crate) struct Follows {
    open: BTreeMap<CaseId, VecDeque<Follow>>,
    once: BTreeSet<(CaseId, &'static str)>,
    versions: BTreeMap<CaseId, u64>,
    /// Everything that is to leave by webhook.
    pub(crate) to_send: BTreeSet<SendingId>,
}

impl Follows {
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        let id = seen.life.id;
        let version = self.versions.entry(id).or_default();
        *version += 1;
        let version = *version;
        let found = match seen.event {
            Event::Notified { notice } => {
                if let Some(failed) = &notice.failed {
                    return Err(format!("the message could not be written: {failed}"));
                }
                let sendings = (0_u16..).zip(&notice.sendings);
                let leave = sendings.filter(|(_, sending)| sending.channel.name() == "webhook");
                self.to_send.extend(leave.map(|(place, _)| SendingId { source: id, version, place }));
                Found::Told(&notice.message)
            }
            Event::Escalated { .. } => Found::Escalated,
            Event::Commented { text } if marked(text).is_none() => Found::Said(text),
            _ => return self.cause(seen),
        };
        let next = self.open.get_mut(&id).and_then(VecDeque::pop_front);
        let due = match (&found, next) {
            (Found::Told(message), Some(Follow::Told(due) | Follow::ToldOnce(due))) => **message == *due,
            (Found::Escalated, Some(Follow::Escalated)) => true,
            (Found::Said(text), Some(Follow::Said(due))) => **text == *due,
            _ => false,
        };
        if due { Ok(()) } else { Err(format!("nothing asks for it now; due is {next:?}")) }
    }

    /// Nothing is left to follow.
    pub(crate) fn settled(&self) -> Held {
        let missing = self.open.iter().find(|(_, follows)| !follows.is_empty());
        missing.map_or(Ok(()), |(id, follows)| Err(format!("after the last cause in {id} {follows:?} is missing")))
    }

    /// Nothing has come that is not in the log, and what comes again under one id says the same; gives the ids.
    pub(crate) fn received(&self, taken: &[(String, String)]) -> Result<BTreeSet<SendingId>, String> {
        let mut words: BTreeMap<SendingId, &str> = BTreeMap::new();
        for (id, text) in taken {
            let sending: SendingId = id.parse().map_err(|_| format!("`{id}` is no id"))?;
            if !self.to_send.contains(&sending) {
                return Err(format!("message {id} was sent, and nothing in the log has caused it: {text}"));
            }
            if words.insert(sending, text).is_some_and(|before| before != text) {
                return Err(format!("message {id} has come with other words: {text}"));
            }
        }
        Ok(words.into_keys().collect())
    }

    /// Everything that was to be sent has come; gives how much of it has come more than once.
    pub(crate) fn delivered(&self, taken: &[(String, String)]) -> Result<u64, String> {
        let received = self.received(taken)?;
        let missing = self.to_send.difference(&received).next();
        if let Some(missing) = missing {
            return Err(format!("message {missing} has never come"));
        }
        Ok((taken.len() - received.len()) as u64)
    }

    fn cause(&mut self, seen: &Seen<'_>) -> Held {
        let follows: &[Follow] = match seen.event {
            Event::Taken { transition, to, .. } => facts::after_way(&seen.life.workflow, transition, to),
            Event::Scheduled { schedule, .. } => facts::after_schedule(schedule),
            Event::Clock { sla, change, .. } => after_clock(sla, change, seen.later)?,
            _ => &[],
        };
        for follow in follows {
            let again = match follow {
                Follow::ToldOnce(message) => !self.once.insert((seen.life.id, message)),
                Follow::Told(_) | Follow::Escalated | Follow::Said(_) => false,
            };
            if !again {
                self.open.entry(seen.life.id).or_default().push_back(*follow);
            }
        }
        Ok(())
    }
}

/// What was found in the log.
enum Found<'a> {
    Told(&'a str),
    Escalated,
    Said(&'a str),
}

fn after_clock(sla: &str, change: &ClockChange, later: bool) -> Result<&'static [Follow], String> {
    let slas = facts::slas(later);
    let sla = slas.iter().find(|known| known.name == sla).ok_or("there is no such clock")?;
    Ok(match change {
        ClockChange::Warned { .. } => sla.warn.map(|(_, follows)| follows).unwrap_or_default(),
        ClockChange::Breached { rung, .. } => {
            let place = usize::try_from(*rung).unwrap().checked_sub(1);
            let rung = place.and_then(|place| sla.rungs.get(place));
            rung.map(|(_, follows)| *follows).ok_or("there is no such rung")?
        }
        _ => &[],
    })
}
