//! The files as written: their shape, without looking at what names refer to.
//!
//! Each reader takes a node of the walked tree, says everything that is wrong with it, and gives back what could
//! be read; a missing or broken part has been reported when it is `None`. `serde_yaml` types the scalars.

mod calendar;
mod condition;
mod field;
mod message;
mod read;
mod resource;
mod set;
mod sla;
mod task;
mod transition;
mod workflow;

pub(super) use calendar::calendar;
pub(super) use condition::{Code, Condition};
pub(super) use field::{FieldSource, schema_of};
pub(super) use message::{MessageSource, NotifySource, WordsSource, message};
pub(super) use read::{ScalarKind, is_null, literal_of};
pub(super) use resource::{HoldSource, ResourceSource, RowsSource, resources};
pub(super) use set::{TableSource, messages, roles, tables};
pub(super) use sla::{BreachSource, EdgeSource, SlaSource, WarnSource};
pub(super) use task::{ApprovalSource, AskSource, TaskSource};
pub(super) use transition::{ActionSource, CheckSource, FromSource, Judge, ToSource, TransitionSource};
pub(super) use workflow::{StageSource, Stages, WorkflowSource, workflow};
