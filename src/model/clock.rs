//! The ledger of clocks: what a case owes by when, as it was started, paused and closed.
//!
//! A deadline is always worked out from the ledger and the calendar; what stands here as `due` is what was last told,
//! so that a change of it is seen and told too.

use serde::{Deserialize, Serialize};

use super::id::Name;
use super::time::Timestamp;

/// One clock: one entry into what an SLA times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The SLA.
    pub sla: Name,
    /// Its place among the clocks of this SLA in this case, from 1.
    pub number: u32,
    /// When it started.
    pub started: Timestamp,
    /// When it did not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// The deadline as it was last told; `None` while it is paused, or a year is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The year without data for which it has no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_year: Option<i32>,
    /// When it was warned of its deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Timestamp>,
    /// When each rung of its breach was reached; empty while it is in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breached: Vec<Timestamp>,
    /// How it ended; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// A stretch in which a clock does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it began.
    pub from: Timestamp,
    /// When it ended; `None` while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What paused the clock: a stage.
    pub cause: Name,
}

/// How a clock ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// How.
    pub how: Outcome,
    /// When.
    pub at: Timestamp,
}

/// How a clock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What it timed was done in time; exactly at the deadline is in time (R97).
    Met,
    /// What it timed was done, and late.
    MetLate,
    /// The case left by another road.
    Void,
}

/// What happened to a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    /// It started.
    Started {
        /// Its deadline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// It stands still.
    Paused,
    /// It runs again.
    Resumed {
        /// Its deadline now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// What it timed was done in time.
    Met {
        /// Its deadline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// What it timed was done, and late.
    MetLate {
        /// Its deadline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// The case left by another road.
    Void,
    /// It has no deadline, for the calendar knows nothing of a year.
    Undetermined {
        /// The year.
        year: i32,
    },
    /// Its deadline is another one, although nothing happened to the case.
    Moved {
        /// The deadline before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Timestamp>,
        /// The deadline now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Timestamp>,
    },
    /// Its deadline is near.
    Warned {
        /// The deadline.
        due: Timestamp,
    },
    /// Its deadline is past, or a rung after it.
    Breached {
        /// The deadline.
        due: Timestamp,
        /// The rung, from 1.
        rung: u32,
    },
    /// What is done on a warning or a breach could not be done.
    Failed {
        /// Why not, for people.
        why: Name,
    },
}

impl ClockChange {
    /// The stable name of the kind, as clients see it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "clock_started",
            Self::Paused => "clock_paused",
            Self::Resumed { .. } => "clock_resumed",
            Self::Met { .. } => "clock_met",
            Self::MetLate { .. } => "clock_met_late",
            Self::Void => "clock_void",
            Self::Undetermined { .. } => "clock_undetermined",
            Self::Moved { .. } => "clock_moved",
            Self::Warned { .. } => "clock_warned",
            Self::Breached { .. } => "clock_breached",
            Self::Failed { .. } => "clock_failed",
        }
    }
}

impl Clock {
    /// Whether it still times something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|pause| pause.to.is_none())
    }
}

/// Folds what happened to a clock into the clocks of a case. Total: what can't follow leaves them as they are.
pub fn fold_clock(clocks: &mut Vec<Clock>, sla: &Name, number: u32, change: &ClockChange, cause: &Name, at: Timestamp) {
    let known = clocks.iter_mut().rev().find(|clock| clock.sla == *sla && clock.number == number);
    match (known, change) {
        (None, ClockChange::Started { due }) => clocks.push(Clock {
            sla: Name::clone(sla),
            number,
            started: at,
            pauses: Vec::new(),
            due: *due,
            unknown_year: None,
            warned: None,
            breached: Vec::new(),
            closed: None,
        }),
        (Some(clock), change) if clock.is_open() => fold_open(clock, change, cause, at),
        (Some(_) | None, _) => {}
    }
}

fn fold_open(clock: &mut Clock, change: &ClockChange, cause: &Name, at: Timestamp) {
    let close = |how| Some(Closed { how, at });
    match change {
        ClockChange::Started { .. } | ClockChange::Failed { .. } => {}
        ClockChange::Paused => {
            clock.pauses.push(Pause { from: at, to: None, cause: Name::clone(cause) });
            clock.due = None;
        }
        ClockChange::Resumed { due } => {
            if let Some(pause) = clock.pauses.last_mut() {
                pause.to = Some(at);
            }
            clock.due = *due;
        }
        ClockChange::Met { due } => (clock.due, clock.closed) = (*due, close(Outcome::Met)),
        ClockChange::MetLate { due } => (clock.due, clock.closed) = (*due, close(Outcome::MetLate)),
        ClockChange::Void => clock.closed = close(Outcome::Void),
        ClockChange::Undetermined { year } => (clock.due, clock.unknown_year) = (None, Some(*year)),
        ClockChange::Moved { to, .. } => (clock.due, clock.unknown_year) = (*to, None),
        ClockChange::Warned { .. } => clock.warned = Some(at),
        ClockChange::Breached { .. } => clock.breached.push(at),
    }
}
