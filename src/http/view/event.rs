//! What a caller sees of events: who did what, and what changed of the fields that they may see.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Changes, Event, Name, Recorded, Timestamp};
use crate::store::Logged;

use super::super::kin::RelatedBody;
use super::super::moved::MovedBody;
use super::super::shown::{Fields, Written};
use super::super::slas::{ClockData, EscalationData};
use super::{VerdictBody, View};

impl View {
    /// An event in the log, as `CloudEvents` 1.0 has it.
    pub(in crate::http) fn event(&self, logged: &Logged) -> EventBody {
        let recorded = &logged.recorded;
        EventBody {
            specversion: "1.0",
            id: logged.position.0.to_string(),
            source: "/v1",
            r#type: format!("gendan.case.{}.v1", recorded.event.kind()),
            subject: logged.case.to_string(),
            time: recorded.at.to_string(),
            datacontenttype: "application/json",
            data: self.recorded(&logged.workflow, recorded),
        }
    }

    /// What happened in an event of a case of `workflow`.
    pub(in crate::http) fn recorded(&self, workflow: &Name, recorded: &Recorded) -> EventData {
        let mut data = self.bare(workflow, recorded);
        let text = |name: &Name| Some(Name::clone(name));
        let (changes, comment) = Self::told_by(&recorded.event, &mut data);
        data.comment = comment.and_then(text);
        data.changes = changes.filter(|changes| !changes.is_empty()).map(|changes| self.changes(workflow, changes));
        data
    }

    /// What is told of every event.
    fn bare(&self, workflow: &Name, recorded: &Recorded) -> EventData {
        EventData {
            kind: recorded.event.kind(),
            workflow: Name::clone(workflow),
            version: recorded.version,
            at: Written(recorded.at),
            by: Name::clone(&recorded.by),
            revision: Name::clone(&recorded.revision.0),
            verdicts: self.verdicts(workflow, &recorded.because),
            number: None,
            transition: None,
            from: None,
            to: None,
            due: None,
            schedule: None,
            changes: None,
            comment: None,
            parent: None,
            child: None,
            signal: None,
            signalled: None,
            resource: MovedBody::of(&recorded.event),
            on_behalf_of: recorded.on_behalf_of.clone(),
            duty: self.duty(workflow, &recorded.event),
            message: None,
            document: None,
            clock: ClockData::of(&recorded.event),
            escalation: EscalationData::of(&recorded.event),
        }
    }

    /// What only some events tell; gives what the event changed, and the remark that came with it.
    fn told_by<'e>(event: &'e Event, data: &mut EventData) -> (Option<&'e Changes>, Option<&'e Name>) {
        let text = |name: &Name| Some(Name::clone(name));
        match event {
            Event::Opened { number, stage, changes, comment, parent, .. } => {
                data.parent = parent.as_ref().map(RelatedBody::of);
                (data.number, data.to) = (text(number), text(stage));
                (Some(changes), comment.as_ref())
            }
            Event::Taken { transition, from, to, changes, comment, signal, due } => {
                data.signal = signal.as_ref().map(RelatedBody::from);
                data.due = due.map(Written);
                (data.transition, data.from, data.to) = (text(transition), text(from), text(to));
                (Some(changes), comment.as_ref())
            }
            Event::Edited { changes, comment } => (Some(changes), comment.as_ref()),
            Event::Commented { text } => (None, Some(text)),
            Event::ChildOpened { child } => {
                data.child = Some(RelatedBody::of(child));
                (None, None)
            }
            Event::Signalled { to, transition } => {
                (data.signalled, data.transition) = (Some(RelatedBody::from(to)), text(transition));
                (None, None)
            }
            Event::Scheduled { schedule, due, changes } => {
                (data.schedule, data.due) = (text(schedule), Some(Written(*due)));
                (Some(changes), None)
            }
            Event::Reserved { .. } | Event::Released { .. } | Event::Consumed { .. } | Event::Put { .. } => {
                (None, None)
            }
            Event::TaskCompleted { changes, comment, .. } => (Some(changes), comment.as_ref()),
            Event::ApprovalRequested { transition, comment, .. }
            | Event::ApprovalGiven { transition, comment, .. }
            | Event::ApprovalLapsed { transition, comment, .. } => {
                data.transition = text(transition);
                (None, comment.as_ref())
            }
            Event::TaskOpened { .. }
            | Event::TaskClaimed { .. }
            | Event::TaskReleased { .. }
            | Event::TaskReopened { .. }
            | Event::TaskDropped { .. }
            | Event::Clock { .. }
            | Event::Escalated { .. } => (None, None),
            Event::Notified { notice } => {
                data.message = text(&notice.message);
                (None, None)
            }
            Event::Issued { document, number, .. } => {
                (data.document, data.number) = (text(document), text(number));
                (None, None)
            }
            // What was attached tells `GET .../attachments`, to whoever may see it.
            Event::Attached { .. } => (None, None),
        }
    }

    pub(super) fn changes(&self, workflow: &Name, changes: &Changes) -> ChangesBody {
        // A field that is hidden is not told to have been cleared either.
        let clear = changes.clear.iter().filter(|field| !self.hides(workflow, field));
        let clear: BTreeSet<&Name> = clear.collect();
        ChangesBody { set: self.visible(workflow, &changes.set), clear: clear.into_iter().cloned().collect() }
    }
}

/// An event in the log of all events, as `CloudEvents` 1.0 has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(in crate::http) struct EventBody {
    /// `1.0`.
    specversion: &'static str,
    /// Its position in the log; go on after it with `after`.
    id: String,
    /// `/v1`.
    source: &'static str,
    /// `gendan.case.{kind}.v1`.
    #[schema(example = "gendan.case.taken.v1")]
    r#type: String,
    /// The id of the case.
    subject: String,
    /// When it happened.
    #[schema(format = DateTime)]
    time: String,
    /// `application/json`.
    datacontenttype: &'static str,
    /// What happened.
    data: EventData,
}

impl EventBody {
    /// Its `CloudEvents` type.
    pub(in crate::http) fn kind(&self) -> &str {
        &self.r#type
    }
}

/// What happened to a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct EventData {
    /// What happened: `opened`, `taken`, `edited`, `commented`; of what is held, `reserved`, `released`, `consumed`,
    /// `put`; of tasks, `task_opened`, `task_claimed`, `task_released`, `task_completed`, `task_reopened`,
    /// `task_dropped`; of approvals, `approval_requested`, `approval_given`, `approval_lapsed`; of other cases,
    /// `child_opened`, `signalled`; of times, `scheduled`; of a message, `notified`;
    /// of clocks, `clock_started`, `clock_paused`, `clock_resumed`, `clock_met`, `clock_met_late`, `clock_void`,
    /// `clock_undetermined`, `clock_moved`, `clock_warned`, `clock_breached`, and `escalated`.
    kind: &'static str,
    /// The workflow.
    #[schema(value_type = String)]
    workflow: Name,
    /// The version of the case after it.
    version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Written<Timestamp>,
    /// Who caused it.
    #[schema(value_type = String)]
    by: Name,
    /// The definition set it was decided under.
    #[schema(value_type = String)]
    revision: Name,
    /// The number that the case got.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    number: Option<Name>,
    /// The transition that was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    transition: Option<Name>,
    /// The stage before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    from: Option<Name>,
    /// The stage after.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    to: Option<Name>,
    /// The schedule that came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    schedule: Option<Name>,
    /// When it was to be taken by itself, for a timed transition, or when the schedule was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Written<Timestamp>>,
    /// What it did to the fields that the caller may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesBody>,
    /// The remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    comment: Option<Name>,
    /// The case that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<RelatedBody>,
    /// The case that it opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    child: Option<RelatedBody>,
    /// The case whose signal took the transition.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<RelatedBody>,
    /// The case whose transition it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    signalled: Option<RelatedBody>,
    /// What it moved of a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<MovedBody>,
    /// The message that was written; its words are for those it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<Name>,
    /// The document that was issued; `number` is its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    document: Option<Name>,
    /// What the checks said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<VerdictBody>,
    /// For whom it was done, when who did it stood in for somebody who is away.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<Name>,
    #[serde(flatten)]
    duty: super::duty::DutyData,
    /// What it tells of a clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<ClockData>,
    /// Before whom it puts the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation: Option<EscalationData>,
}

/// What an event did to the fields.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Changes)]
pub(in crate::http) struct ChangesBody {
    /// Fields that got a value.
    #[schema(value_type = Object)]
    set: Fields,
    /// Fields that lost their value.
    #[schema(value_type = Vec<String>)]
    clear: Vec<Name>,
}
