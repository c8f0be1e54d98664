//! The engine: the whole product in two functions.
//!
//! Invariants
//! 1. Rules run in [`decide`] only; an old log replays the same under any rules.
//! 2. Same inputs, same events: no clock, randomness, I/O or map order in the core. Ids and `now` come in.
//! 3. `fold(events) == snapshot`, always.
//! 4. No event is acknowledged or sent before it is durable.
//! 5. One choke point: whoever wants something of a case, it goes through [`decide`].

mod evolve;

use std::sync::Arc;

use crate::model::world::Hold;
use crate::model::{Case, Command, Name, Recorded, Refusal, Timestamp, Verdict, World};
use crate::workflow::Definition;

pub use evolve::{evolve, fold};

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What happens; never empty.
    pub events: Vec<Recorded>,
    /// The case after it.
    pub case: Case,
    /// What the checks said, shadowed ones too.
    pub because: Vec<Verdict>,
    /// Unique values that the case takes.
    pub hold: Vec<Hold>,
    /// Unique values that the case gives back.
    pub release: Vec<Hold>,
    /// The number series it used, and the place in it.
    pub series: Option<(Name, u64)>,
}

/// Decides a command: events, or every reason why not. Pure.
///
/// # Errors
/// The refusal, with its reasons.
pub fn decide(
    _definition: &Definition,
    _case: Option<&Case>,
    _command: &Command,
    _world: &Arc<dyn World>,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(Refusal::because(crate::model::Reason::new(
        crate::model::RefusalKind::Unknown,
        "unknown",
        crate::model::Title::default(),
    )))
}

/// Whether somebody can take a transition now, and if not, why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    /// The transition.
    pub transition: Name,
    /// Its title.
    pub title: crate::model::Title,
    /// Whether it leaves the stage that the case is in.
    pub here: bool,
    /// Whether the actor can take it now (with an answer to what it asks).
    pub possible: bool,
    /// Every reason why not; without a reason when it is possible.
    pub reasons: Vec<crate::model::Reason>,
    /// What the checks said that could be judged before the input is known; shadowed ones are left out.
    pub because: Vec<Verdict>,
    /// What it asks: JSON Schema of its input (asked fields and those that may be changed).
    pub input: serde_json::Value,
    /// The stages it can lead to; the present one when it stays.
    pub to: Vec<Name>,
}
