//! What a caller sees of tasks and approvals, as they stand and in events.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Approval, ApprovalStep, Approver, Event, Name, Record, Timestamp};
use crate::workflow::task::ROWS;

use super::super::shown::{Fields, Written};
use super::super::workflows::Who;
use super::{ChangesBody, View};

/// What events of tasks and approvals tell.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct DutyData {
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    task: Option<Name>,
    /// Which entry into its stage this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<u32>,
    /// How often the task has been opened in this round.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// What was answered, as far as the caller may see it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Fields>,
    /// The task that has to be done again because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    redo: Option<Name>,
    /// The tasks that wait again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    waiting: Vec<Name>,
    /// The input with which a transition was asked for, as far as the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<ChangesBody>,
    /// Who must agree, one step after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepBody>,
    /// Whether it was the last agreement that was needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<bool>,
    /// Why the request ended: `refused`, `withdrawn`, `moved` or `changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// A transition that waits for approval.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
pub(in crate::http) struct ApprovalBody {
    /// The transition.
    #[schema(value_type = String)]
    transition: Name,
    /// Who asked for it.
    #[schema(value_type = String)]
    by: Name,
    /// For whom, when they stood in for somebody.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<Name>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Written<Timestamp>,
    /// The input, as far as the caller may see it.
    input: ChangesBody,
    /// The remark that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    comment: Option<Name>,
    /// Who must agree, one step after the other.
    steps: Vec<StepBody>,
}

/// A step of an approval.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApprovalStep)]
pub(in crate::http) struct StepBody {
    /// Whose agreement counts: roles, and fields that name a person.
    of: Vec<Who>,
    /// How many must agree.
    count: u32,
    /// Who has.
    #[schema(value_type = Vec<String>)]
    given: Vec<Name>,
}

impl From<&ApprovalStep> for StepBody {
    fn from(step: &ApprovalStep) -> Self {
        let of = step.of.iter().map(|approver| match approver {
            Approver::Role(role) => Who::Role(role.to_string()),
            Approver::Field(field) => Who::Field(field.to_string()),
        });
        let given = step.given.iter().map(|agreed| Name::clone(&agreed.by)).collect();
        Self { of: of.collect(), count: step.count, given }
    }
}

impl View {
    /// The approval that a case of `workflow` waits for.
    pub(in crate::http) fn approval(&self, workflow: &Name, approval: &Approval) -> ApprovalBody {
        ApprovalBody {
            transition: Name::clone(&approval.transition),
            by: Name::clone(&approval.by),
            on_behalf_of: approval.on_behalf_of.clone(),
            at: Written(approval.at),
            input: self.changes(workflow, &approval.input),
            comment: approval.comment.clone(),
            steps: approval.steps.iter().map(StepBody::from).collect(),
        }
    }

    /// What an event of a task or an approval tells; nothing for others.
    pub(super) fn duty(&self, workflow: &Name, event: &Event) -> DutyData {
        let mut data = DutyData::default();
        match event {
            Event::TaskOpened { task, round, attempt } => {
                (data.task, data.round, data.attempt) = (Some(Name::clone(task)), Some(*round), Some(*attempt));
            }
            Event::TaskClaimed { task } | Event::TaskReleased { task } | Event::TaskDropped { task } => {
                data.task = Some(Name::clone(task));
            }
            Event::TaskCompleted { task, rows, redo, .. } => {
                (data.task, data.redo) = (Some(Name::clone(task)), redo.clone());
                data.rows = self.answers(workflow, task, rows);
            }
            Event::TaskReopened { task, attempt, waiting } => {
                (data.task, data.attempt, data.waiting) = (Some(Name::clone(task)), Some(*attempt), waiting.clone());
            }
            Event::ApprovalRequested { input, steps, .. } => {
                data.input = Some(self.changes(workflow, input));
                data.steps = steps.iter().map(StepBody::from).collect();
            }
            Event::ApprovalGiven { last, .. } => data.last = Some(*last),
            Event::ApprovalLapsed { why, .. } => data.why = Some(why.word()),
            Event::Opened { .. }
            | Event::Taken { .. }
            | Event::Edited { .. }
            | Event::Commented { .. }
            | Event::Notified { .. }
            | Event::Issued { .. }
            | Event::Reserved { .. }
            | Event::Released { .. }
            | Event::Consumed { .. }
            | Event::Put { .. }
            | Event::Scheduled { .. }
            | Event::ChildOpened { .. }
            | Event::Signalled { .. }
            | Event::Clock { .. }
            | Event::Escalated { .. }
            | Event::Attached { .. } => {}
        }
        data
    }

    /// The answers of a task: a column of its list that is hidden from the caller is hidden here too. Of a task that
    /// is not live any more nobody knows what is to be hidden.
    pub(in crate::http) fn answers(&self, workflow: &Name, task: &str, rows: &[Record]) -> Vec<Fields> {
        let found = self.definition.workflows.get(workflow);
        let Some(found) = found.and_then(|workflow| workflow.tasks().find(|known| *known.name == *task)) else {
            return Vec::new();
        };
        let Some(hidden) = self.hidden(workflow) else { return Vec::new() };
        let list = found.each.as_deref().unwrap_or(ROWS);
        if hidden.contains(list) {
            return Vec::new();
        }
        let prefix = format!("{list}.");
        let columns = hidden.iter().filter_map(|path| path.strip_prefix(&*prefix)).map(Name::from).collect();
        let columns = std::sync::Arc::new(columns);
        rows.iter().map(|row| Fields::new(row, std::sync::Arc::clone(&columns))).collect()
    }
}
