//! What has happened to a case because its time had come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::Name;
use super::time::Timestamp;

/// The moments for which something timed was done already, so that nothing is done twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// The timed transitions that were taken since the case entered its stage, and the moment of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<Name, Timestamp>,
    /// The last due time of each schedule that came by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scheduled: BTreeMap<Name, Timestamp>,
}

impl Timers {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.scheduled.is_empty()
    }

    /// Whether a timed transition was not taken yet for a moment.
    #[must_use]
    pub fn untaken(&self, transition: &str, at: Timestamp) -> bool {
        self.taken.get(transition).is_none_or(|taken| *taken < at)
    }

    /// Whether a schedule has not come by yet for a due time.
    #[must_use]
    pub fn unscheduled(&self, schedule: &str, at: Timestamp) -> bool {
        self.scheduled.get(schedule).is_none_or(|done| *done < at)
    }
}
