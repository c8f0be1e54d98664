//! What was acknowledged: it is in the log, once; what came to nothing is not.

use std::collections::{BTreeMap, BTreeSet};

use gendan::model::Event;

use crate::whole::book::{Held, Seen};

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Whoever sent it was told that it was done.
    Done,
    /// They were told that nothing has come of it.
    Nothing,
    /// They were told nothing.
    Unknown,
}

/// The commands that leave a mark in the log, and the marks that were found.
#[derive(Default)]
pub(crate) struct Kept {
    fates: BTreeMap<u64, Fate>,
    found: BTreeMap<u64, &'static str>,
    requests: BTreeSet<u64>,
}

/// The number of the command that a remark comes from.
pub(crate) fn marked(text: &str) -> Option<u64> {
    text.strip_prefix('#')?.parse().ok()
}

impl Kept {
    /// What whoever sent a command was told.
    pub(crate) fn told(&mut self, number: u64, fate: Fate) {
        self.fates.insert(number, fate);
    }

    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        let comment = match seen.event {
            Event::Opened { comment, .. }
            | Event::Taken { comment, .. }
            | Event::Edited { comment, .. }
            | Event::TaskCompleted { comment, .. }
            | Event::ApprovalRequested { comment, .. }
            | Event::ApprovalGiven { comment, .. }
            | Event::ApprovalLapsed { comment, .. } => comment.as_ref(),
            Event::Commented { text } => Some(text),
            _ => None,
        };
        let Some(number) = comment.and_then(|comment| marked(comment)) else { return Ok(()) };
        if matches!(seen.event, Event::ApprovalRequested { .. }) {
            self.requests.insert(number);
        } else if self.requests.remove(&number) {
            // What was asked for is taken later, with the remark that came with the request.
            return Ok(());
        }
        match self.found.insert(number, seen.event.kind()) {
            None => Ok(()),
            Some(before) => Err(format!("command {number} was done before, as `{before}`")),
        }
    }

    /// What was done is there, and what came to nothing is not.
    pub(crate) fn settled(&self) -> Held {
        for (number, fate) in &self.fates {
            match (fate, self.found.get(number)) {
                (Fate::Done, None) => return Err(format!("command {number} was acknowledged and is not in the log")),
                (Fate::Nothing, Some(kind)) => {
                    return Err(format!("command {number} came to nothing and is in the log as `{kind}`"));
                }
                (Fate::Done, Some(_)) | (Fate::Nothing, None) | (Fate::Unknown, _) => {}
            }
        }
        let asked = self.found.keys().find(|number| !self.fates.contains_key(number));
        asked.map_or(Ok(()), |number| Err(format!("nobody has sent command {number}")))
    }
}
