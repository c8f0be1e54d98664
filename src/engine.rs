//! The engine: the whole product in two functions.
//!
//! Invariants
//! 1. Rules run in [`decide`] only; an old log replays the same under any rules.
//! 2. Same inputs, same events: no clock, randomness, I/O or map order in the core. Ids and `now` come in.
//! 3. `fold(events) == snapshot`, always.
//! 4. No event is acknowledged or sent before it is durable.
//! 5. One choke point: whoever wants something of a case, it goes through [`decide`].

mod advance;
mod approval;
mod attached;
mod available;
mod decide;
mod document;
mod draft;
mod due;
mod duty;
mod evolve;
mod facet;
mod family;
mod hold;
mod input;
mod judge;
mod kin;
mod measure;
mod message;
mod perform;
mod settle;
mod sight;
pub mod sla;
pub mod task;
mod view;
mod visible;
mod work;

use std::sync::Arc;

use crate::model::world::Hold;
use crate::model::{
    Act, Case, Command, Name, Reason, Recorded, Refusal, RefusalKind, Timestamp, Title, Verdict, World,
};
use crate::workflow::{Definition, Workflow};

pub use available::{ApprovalDuty, Availability, Duties, TaskDuty, available, duties};
pub use decide::sample;
pub use due::{due, timed};
pub use evolve::{evolve, fold};
pub use facet::{PARENT, STAGE, facets, value_text};
pub use measure::{Judged, Month, Part};
pub use message::together;
pub use sight::Sight;
pub use view::{Cell, Placed, compare};
pub use visible::{hidden_fields, visible};
pub use work::{Work, WorkKind, stands_in, work, work_facets};

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What happens; empty when the case is already as it was wanted.
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
    /// What happens to other cases; each of them once.
    pub others: Vec<Touched>,
}

/// What a command does to a case that is not its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// The case before; `None` for one that is opened.
    pub before: Option<Arc<Case>>,
    /// What happens; never empty.
    pub events: Vec<Recorded>,
    /// The case after it.
    pub case: Case,
    /// Unique values that it takes.
    pub hold: Vec<Hold>,
    /// Unique values that it gives back.
    pub release: Vec<Hold>,
    /// The number series it used, and the place in it.
    pub series: Option<(Name, u64)>,
}

/// Decides a command: events, or every reason why not. Pure. `case` is `None` for [`Act::Open`] and the case
/// as it stands for everything else.
///
/// # Errors
/// The refusal, with its reasons.
pub fn decide(
    definition: &Definition,
    case: Option<&Case>,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match (&command.act, case) {
        (Act::Open { workflow, .. }, None) => {
            decide::open(definition, find(definition, workflow)?, command, world, now)
        }
        (Act::Take { .. }, Some(case)) => {
            decide::take(definition, find(definition, &case.workflow)?, case, command, world, now)
        }
        (Act::Edit { .. }, Some(case)) => {
            decide::edit(definition, find(definition, &case.workflow)?, case, command, world, now)
        }
        (Act::Comment { text }, Some(case)) => {
            decide::comment(definition, find(definition, &case.workflow)?, case, command, text, world, now)
        }
        (Act::Attach { attachment }, Some(case)) => {
            decide::attach(definition, find(definition, &case.workflow)?, case, command, attachment, world, now)
        }
        (Act::Wake, Some(case)) => {
            decide::wake(definition, find(definition, &case.workflow)?, case, command, world, now)
        }
        (Act::Task { .. }, Some(case)) => {
            decide::task(definition, find(definition, &case.workflow)?, case, command, world, now)
        }
        (Act::Approve { .. }, Some(case)) => {
            decide::approve(definition, find(definition, &case.workflow)?, case, command, world, now)
        }
        (Act::Scheduled { schedule, due }, Some(case)) => {
            let (workflow, which) = (find(definition, &case.workflow)?, (schedule, *due));
            decide::scheduled(definition, workflow, case, command, which, world, now)
        }
        (Act::Open { .. }, Some(case)) => Err(Refusal::because(exists(case))),
        (
            Act::Take { .. }
            | Act::Edit { .. }
            | Act::Comment { .. }
            | Act::Wake
            | Act::Task { .. }
            | Act::Approve { .. }
            | Act::Attach { .. }
            | Act::Scheduled { .. },
            None,
        ) => Err(Refusal::because(Reason::new(
            RefusalKind::Unknown,
            "unknown_case",
            Title::new("没有这个单据", "there is no such case"),
        ))),
    }
}

fn find<'a>(definition: &'a Definition, workflow: &Name) -> Result<&'a Workflow, Refusal> {
    definition.workflows.get(workflow).map(Arc::as_ref).ok_or_else(|| {
        let known = crate::diagnostic::did_you_mean(workflow, definition.workflows.keys().map(|name| &**name));
        let hint = known.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let title = Title::new(&format!("没有流程 `{workflow}`"), &format!("there is no workflow `{workflow}`{hint}"));
        Refusal::because(Reason::new(RefusalKind::Unknown, "unknown_workflow", title))
    })
}

fn exists(case: &Case) -> Reason {
    let title = Title::new("单据已存在", "the case exists already");
    Reason { case: Some(case.id), ..Reason::new(RefusalKind::Conflict, "exists", title) }
}

#[cfg(test)]
mod tests;
