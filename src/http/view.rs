//! What a caller sees of cases and events: only the fields that they may see, in their language.
//!
//! INVARIANT: every value of a case that leaves the server passes [`View::visible`].

mod duty;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::engine;
use crate::model::{
    Actor, Case, CaseId, Changes, Event, Finding, Language, Mode, Name, Reason, Record, Recorded, Severity, Timestamp,
    Title, Verdict, VerdictError,
};
use crate::store::Logged;
use crate::workflow::{By, Definition, End, Stage};

pub(super) use duty::{ApprovalBody, StepBody};

use super::App;
use super::auth::{Asked, readable};
use super::error::{Fault, FaultBody, pointer};
use super::kin::RelatedBody;
use super::moved::MovedBody;
use super::shown::{Fields, Hidden, Written};
use super::slas::{ClockData, EscalationData};

/// A caller's view.
#[derive(Clone)]
pub(super) struct View {
    actor: Actor,
    language: Language,
    definition: Arc<Definition>,
    /// What was found to be hidden so far: lists ask again and again.
    hidden: Arc<Mutex<BTreeMap<Name, Hidden>>>,
}

impl View {
    /// The view of whoever asks, under the definitions that are live now.
    pub(super) fn new(app: &App, asked: &Asked) -> Self {
        Self {
            actor: asked.actor.clone(),
            language: asked.language,
            definition: app.runtime.library().live(),
            hidden: Arc::default(),
        }
    }

    /// The definitions.
    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The text in the caller's language.
    pub(super) fn text(&self, title: &Title) -> String {
        title.text(self.language).to_owned()
    }

    /// The title, or the name itself when there is none.
    pub(super) fn title(&self, title: &Title, name: &str) -> String {
        if title.is_empty() { name.to_owned() } else { self.text(title) }
    }

    /// Those of `fields`, values of a case of `workflow`, that the caller may see; nothing of a workflow that is not
    /// live any more, for nobody knows what is to be hidden.
    pub(super) fn visible(&self, workflow: &Name, fields: &Record) -> Fields {
        self.hidden(workflow).map_or_else(Fields::default, |hidden| Fields::new(fields, hidden))
    }

    /// Whether the field at `path` (`lines[0].discount`) is hidden from the caller.
    pub(super) fn hides(&self, workflow: &Name, path: &str) -> bool {
        let Some(hidden) = self.hidden(workflow) else { return true };
        let mut pieces = path.split('.').map(|piece| piece.split('[').next().unwrap_or_default());
        let field = pieces.next().unwrap_or_default();
        hidden.contains(field) || pieces.next().is_some_and(|column| hidden.contains(&*format!("{field}.{column}")))
    }

    /// What is hidden from the caller in each live workflow, where something is.
    pub(super) fn all_hidden(&self) -> BTreeMap<Name, Hidden> {
        let all = self.definition.workflows.keys().filter_map(|name| Some((Arc::clone(name), self.hidden(name)?)));
        all.filter(|(_, hidden)| !hidden.is_empty()).collect()
    }

    fn hidden(&self, workflow: &Name) -> Option<Hidden> {
        let mut known = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hidden) = known.get(workflow) {
            return Some(Arc::clone(hidden));
        }
        let hidden = Arc::new(engine::hidden_fields(self.definition.workflows.get(workflow)?, &self.actor));
        known.insert(Arc::clone(workflow), Arc::clone(&hidden));
        Some(hidden)
    }

    /// A case.
    pub(super) fn case(&self, case: &Case) -> CaseBody {
        let fields = self.visible(&case.workflow, &case.fields);
        let stage = self.definition.workflows.get(&case.workflow).and_then(|workflow| workflow.stages.get(&case.stage));
        CaseBody {
            id: Written(case.id),
            workflow: Name::clone(&case.workflow),
            number: Name::clone(&case.number),
            version: case.version,
            revision: Name::clone(&case.revision.0),
            stage: Name::clone(&case.stage),
            stage_title: stage.map_or_else(|| case.stage.to_string(), |stage| self.title(&stage.title, &stage.name)),
            end: stage.and_then(|stage| stage.end),
            owner: owner(stage, &fields),
            fields,
            parent: case.kin.parent.as_ref().map(RelatedBody::of),
            children: case.kin.children.iter().map(RelatedBody::of).collect(),
            opened_at: Written(case.opened_at),
            opened_by: Name::clone(&case.opened_by),
            updated_at: Written(case.updated_at),
            entered_at: Written(case.entered_at()),
            approval: case.approval.as_ref().map(|approval| self.approval(&case.workflow, approval)),
        }
    }

    /// A case, with the stages of its kin as far as the caller may read those.
    pub(super) fn case_with_kin(&self, case: &Case, kin: &[Arc<Case>]) -> CaseBody {
        let mut body = self.case(case);
        let readable = readable(&self.actor, &self.definition);
        let may = |case: &&Arc<Case>| readable.as_ref().is_none_or(|readable| readable.contains(&case.workflow));
        let found: BTreeMap<CaseId, &Arc<Case>> = kin.iter().filter(may).map(|case| (case.id, case)).collect();
        for related in body.parent.iter_mut().chain(&mut body.children) {
            if let Some(case) = found.get(&related.id()) {
                let workflow = self.definition.workflows.get(&case.workflow);
                let stage = workflow.and_then(|workflow| workflow.stages.get(&case.stage));
                let title = stage.map_or_else(|| case.stage.to_string(), |stage| self.title(&stage.title, &stage.name));
                related.stands(Name::clone(&case.stage), title, stage.and_then(|stage| stage.end));
            }
        }
        body
    }

    /// An event in the log, as `CloudEvents` 1.0 has it.
    pub(super) fn event(&self, logged: &Logged) -> EventBody {
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
    pub(super) fn recorded(&self, workflow: &Name, recorded: &Recorded) -> EventData {
        let mut data = EventData {
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
            clock: ClockData::of(&recorded.event),
            escalation: EscalationData::of(&recorded.event),
        };
        let text = |name: &Name| Some(Name::clone(name));
        let (changes, comment) = match &recorded.event {
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
        };
        data.comment = comment.and_then(text);
        data.changes = changes.filter(|changes| !changes.is_empty()).map(|changes| self.changes(workflow, changes));
        data
    }

    /// What the checks said; those in shadow, and what they found in hidden fields, are left out.
    pub(super) fn verdicts(&self, workflow: &Name, verdicts: &[Verdict]) -> Vec<VerdictBody> {
        let shown = verdicts.iter().filter(|verdict| verdict.mode != Mode::Shadow);
        shown.map(|verdict| self.verdict(workflow, verdict)).collect()
    }

    /// What a check said, without what it found in hidden fields.
    pub(super) fn verdict(&self, workflow: &Name, verdict: &Verdict) -> VerdictBody {
        let failed = verdict.findings.iter().any(|finding| finding.severity == Severity::Fail);
        let shown = verdict.findings.iter().filter(|finding| !self.hides(workflow, &finding.path));
        VerdictBody {
            rule: Name::clone(&verdict.rule),
            mode: verdict.mode,
            passed: !failed && verdict.error.is_none(),
            findings: shown.map(|finding| self.finding(finding)).collect(),
            error: verdict.error.as_ref().map(VerdictErrorBody::from),
        }
    }

    /// A reason why not, in the caller's language.
    pub(super) fn reason(&self, workflow: &Name, reason: &Reason) -> FaultBody {
        Fault::from(&self.told(workflow, reason)).body(self.language)
    }

    /// What the caller may be told of a reason: that a rule stands against it, but nothing of a hidden field's value.
    pub(super) fn told(&self, workflow: &Name, reason: &Reason) -> Reason {
        if reason.rule.is_none() || !self.hides(workflow, &reason.path) {
            return reason.clone();
        }
        let message = Title::new("与一个无权查看的字段有关", "it has to do with a field that is hidden from you");
        Reason { message, facts: Record::new(), ..reason.clone() }
    }

    fn finding(&self, finding: &Finding) -> FindingBody {
        FindingBody {
            severity: finding.severity,
            code: finding.code.to_string(),
            message: self.text(&finding.sentence),
            path: finding.path.to_string(),
            pointer: pointer(&finding.path),
            facts: finding.facts.to_json(),
            file: finding.place.file.to_string(),
            line: finding.place.line,
            column: finding.place.column,
        }
    }

    fn changes(&self, workflow: &Name, changes: &Changes) -> ChangesBody {
        // A field that is hidden is not told to have been cleared either.
        let clear = changes.clear.iter().filter(|field| !self.hides(workflow, field));
        let clear: BTreeSet<&Name> = clear.collect();
        ChangesBody { set: self.visible(workflow, &changes.set), clear: clear.into_iter().cloned().collect() }
    }
}

fn owner(stage: Option<&Stage>, visible: &Fields) -> Option<Name> {
    match stage?.owner.as_ref()? {
        By::Role(role) => Some(Name::clone(role)),
        By::User(field) => visible.text(field),
    }
}

/// A case.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Case)]
pub(super) struct CaseBody {
    /// Its id: 26 characters that sort by the time they were made.
    #[schema(value_type = String)]
    id: Written<CaseId>,
    /// The workflow it follows.
    #[schema(value_type = String)]
    workflow: Name,
    /// Its number for people, unique within the workflow.
    #[schema(value_type = String)]
    number: Name,
    /// How many events it has; the `ETag` is `"v{version}"`.
    version: u64,
    /// The definition set under which its last event was decided.
    #[schema(value_type = String)]
    revision: Name,
    /// The stage it is in.
    #[schema(value_type = String)]
    stage: Name,
    /// The title of that stage, in the caller's language.
    stage_title: String,
    /// How it has ended: `success`, `failure` or `cancelled`; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    end: Option<End>,
    /// The role or person it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    owner: Option<Name>,
    /// The values of those fields that the caller may see; an unset field is absent.
    #[schema(value_type = Object)]
    fields: Fields,
    /// The case that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<RelatedBody>,
    /// The cases that it opened, in that order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<RelatedBody>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Written<Timestamp>,
    /// Who opened it.
    #[schema(value_type = String)]
    opened_by: Name,
    /// When its last event happened.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Written<Timestamp>,
    /// When it entered the stage it is in.
    #[schema(value_type = String, format = DateTime)]
    entered_at: Written<Timestamp>,
    /// The transition that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalBody>,
}

/// An event in the log of all events, as `CloudEvents` 1.0 has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventBody {
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
    pub(super) fn kind(&self) -> &str {
        &self.r#type
    }
}

/// What happened to a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EventData {
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
    /// What the checks said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<VerdictBody>,
    /// For whom it was done, when who did it stood in for somebody who is away.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<Name>,
    #[serde(flatten)]
    duty: duty::DutyData,
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
pub(super) struct ChangesBody {
    /// Fields that got a value.
    #[schema(value_type = Object)]
    set: Fields,
    /// Fields that lost their value.
    #[schema(value_type = Vec<String>)]
    clear: Vec<Name>,
}

/// What one check said.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Verdict)]
pub(super) struct VerdictBody {
    /// The rule, or `need` for a one-line check.
    #[schema(value_type = String)]
    rule: Name,
    /// What it may do: `enforce` or `warn`.
    #[schema(value_type = String)]
    mode: Mode,
    /// Whether it found nothing that fails and could be judged to its end.
    passed: bool,
    /// What it found.
    findings: Vec<FindingBody>,
    /// Why it could not be judged to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<VerdictErrorBody>,
}

/// One thing a check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(super) struct FindingBody {
    /// `fail`, `warn` or `note`.
    #[schema(value_type = String)]
    severity: Severity,
    /// Its stable code.
    code: String,
    /// The sentence, in the caller's language.
    message: String,
    /// The field, as `lines[0].discount`.
    path: String,
    /// The same as a JSON Pointer (RFC 6901) into the fields.
    pointer: String,
    /// The numbers behind it.
    #[schema(value_type = Object)]
    facts: Json,
    /// The file of the rule.
    file: String,
    /// The line.
    line: u32,
    /// The column.
    column: u32,
}

/// Why a check could not be judged.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = VerdictError)]
pub(super) struct VerdictErrorBody {
    /// The stable code.
    code: String,
    /// What went wrong.
    message: String,
    /// The file of the rule.
    file: String,
    /// The line.
    line: u32,
    /// The column.
    column: u32,
}

impl From<&VerdictError> for VerdictErrorBody {
    fn from(error: &VerdictError) -> Self {
        Self {
            code: error.code.to_string(),
            message: error.message.to_string(),
            file: error.place.file.to_string(),
            line: error.place.line,
            column: error.place.column,
        }
    }
}
