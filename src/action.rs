//! Actions: what stands under `do`.
//!
//! What holds resources, opens and signals other cases, or sends messages has a file of its own in this folder.

mod hold;
pub mod kin;
mod message;

use std::sync::Arc;

use crate::model::Name;
use crate::rule::Rule;
use crate::workflow::Given;

pub use hold::{Hold, Rows, Verb};
pub use message::Notify;

/// One action.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sets fields.
    Set(Vec<(Name, Given)>),
    /// Runs a rule that returns fields to set.
    Run {
        /// The rule; its function is `run`.
        rule: Arc<Rule>,
        /// Its parameters.
        with: Vec<(Name, Given)>,
    },
    /// Leaves a remark in the log of the case.
    Comment(Given),
    /// Opens child cases.
    Open(kin::Open),
    /// Takes a transition of other cases.
    Signal(kin::Signal),
    /// Holds, releases, consumes or puts what is finite.
    Hold(Hold),
    /// Puts the case before a role, and before whoever owns what was not done.
    Escalate(Name),
    /// Sends a message.
    Notify(Arc<Notify>),
    /// Issues a document: gives it its number and freezes what is printed.
    Issue(Name),
}
