//! What the caller can do with the tasks of a case and with what waits for approval.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::engine::{ApprovalDuty, TaskDuty};
use crate::model::{Name, TaskState, Timestamp};

use super::error::FaultBody;
use super::shown::{Fields, Written};
use super::view::{VerdictBody, View};

/// Whether the caller can complete a task now, and if not, why not.
#[derive(Serialize, ToSchema)]
pub(super) struct AvailableTask {
    /// The task.
    task: String,
    /// Its title, in the caller's language.
    title: String,
    /// How it stands: `waiting`, `open`, `done` or `dropped`.
    #[schema(value_type = String)]
    state: TaskState,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Written<Timestamp>>,
    /// Who has claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    claimed_by: Option<Name>,
    /// For whom the caller would do it, when that person is away.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<Name>,
    /// Whether the caller can complete it now, given an answer to what it asks.
    possible: bool,
    /// Every reason why not.
    reasons: Vec<FaultBody>,
    /// What the checks said that could be judged before the input is known.
    verdicts: Vec<VerdictBody>,
    /// The JSON Schema of its input.
    #[schema(value_type = Object)]
    input: Value,
    /// The rows that it begins with, for a task that goes through a list; as far as the caller may see them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    rows: Option<Vec<Fields>>,
}

/// Whether the caller can agree to what waits for approval, and if not, why not.
#[derive(Serialize, ToSchema)]
pub(super) struct AvailableApproval {
    /// Whether the caller can agree or refuse.
    possible: bool,
    /// Every reason why not.
    reasons: Vec<FaultBody>,
    /// Whether the caller asked for it and may take it back.
    withdraw: bool,
}

/// A task, as the caller sees it.
pub(super) fn task(view: &View, workflow: &Name, found: &TaskDuty) -> AvailableTask {
    AvailableTask {
        task: found.task.to_string(),
        title: view.title(&found.title, &found.task),
        state: found.state,
        since: found.since.map(Written),
        claimed_by: found.claimed_by.clone(),
        on_behalf_of: found.on_behalf_of.clone(),
        possible: found.possible,
        reasons: found.reasons.iter().map(|reason| view.reason(workflow, reason)).collect(),
        verdicts: view.verdicts(workflow, &found.because),
        input: found.input.clone(),
        rows: found.rows.as_ref().map(|rows| view.answers(workflow, &found.task, rows)),
    }
}

/// What waits for approval, as the caller stands to it.
pub(super) fn approval(view: &View, workflow: &Name, found: &ApprovalDuty) -> AvailableApproval {
    AvailableApproval {
        possible: found.possible,
        reasons: found.reasons.iter().map(|reason| view.reason(workflow, reason)).collect(),
        withdraw: found.withdraw,
    }
}
