//! The files as written: their shape, without looking at what names refer to.
//!
//! Each reader takes a node of the walked tree, says everything that is wrong with it, and gives back what could
//! be read; a missing or broken part has been reported when it is `None`. `serde_yaml` types the scalars.

mod calendar;
mod condition;
mod document;
mod field;
mod kin;
mod measure;
mod message;
mod read;
mod resource;
mod schedule;
mod set;
mod sla;
mod suite;
mod task;
mod transition;
mod view;
mod workflow;

pub(super) use calendar::calendar;
pub(super) use condition::{Code, Condition};
pub(super) use document::DocumentSource;
pub(super) use field::{FieldSource, schema_of};
pub(super) use kin::{OpenSource, SignalSource, names as kin_names};
pub(super) use measure::MeasureSource;
pub(super) use message::{MessageSource, NotifySource, WordsSource, message};
pub(super) use read::{ScalarKind, is_null, literal_of};
pub(super) use resource::{HoldSource, ResourceSource, RowsSource, resources};
pub(super) use schedule::ScheduleSource;
pub(super) use set::{TableSource, messages, people, roles, tables};
pub(super) use sla::{BreachSource, EdgeSource, SlaSource, WarnSource};
pub use suite::requirements;
pub(super) use task::{ApprovalSource, AskSource, TaskSource};

pub(super) use suite::{
    Common, DeedSource, ExpectSource, ExpectedSource, OutcomeSource, PoolSource, RuleSuiteSource, RuleTestSource,
    ScenarioSource, StepSource, SuiteSource, TaskWord, rule_suite, suite,
};
pub(super) use transition::{ActionSource, CheckSource, FromSource, Judge, ToSource, TransitionSource};
pub(super) use view::{ColumnSource, ViewSource};
pub(super) use workflow::{StageSource, Stages, WorkflowSource, workflow};
