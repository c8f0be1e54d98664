//! What a caller sees of cases and events: only the fields that they may see, in their language.
//!
//! INVARIANT: every value of a case that leaves the server passes [`View::visible`].

mod duty;
mod event;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::engine;
use crate::model::{
    Actor, Case, CaseId, Finding, Held, Language, Mode, Name, Reason, Record, Severity, Timestamp, Title, Verdict,
    VerdictError,
};
use crate::workflow::{By, Definition, End, Stage};

pub(super) use duty::{ApprovalBody, StepBody};
pub(super) use event::{ChangesBody, EventBody, EventData};

use super::App;
use super::auth::{Asked, readable};
use super::error::{Fault, FaultBody, pointer};
use super::kin::RelatedBody;
use super::shown::{Fields, Hidden, Written};

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
            held: case.held.clone(),
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
    /// What it holds, by resource and pool.
    #[serde(skip_serializing_if = "Held::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>)]
    held: Held,
    /// The transition that waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalBody>,
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
