//! Opening a case: a transition from nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::Decision;
use crate::engine::draft::{Draft, conflict};
use crate::engine::duty::{self, Absences};
use crate::model::command::Input;
use crate::model::{Act, Actor, Case, CaseId, Command, Held, Kin, Name, Record, Refusal, Timers, Timestamp, World};
use crate::rule::Facts;
use crate::workflow::{Definition, Workflow};

/// Decides [`Act::Open`].
pub(in crate::engine) fn open(
    definition: &Definition,
    workflow: &Workflow,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Act::Open { id, sequence, fields, comment, .. } = &command.act else {
        return Err(Refusal::because(conflict("not_an_opening", "不是新建", "is not an opening")));
    };
    if let Some(parent) = &workflow.parent {
        let (zh, en) = (format!("只能由 `{parent}` 单据新建"), format!("is only opened by a case of `{parent}`"));
        return Err(Refusal::because(conflict("needs_parent", &zh, &en)));
    }
    let day = now.day(workflow.zone);
    let number = workflow.number.write(day, *sequence);
    let case = unborn(definition, workflow, *id, number, &command.actor, now);
    let absences = Absences { world, now };
    let standing = duty::to_transition(&workflow.open, &case, &given_users(fields), &command.actor, absences);
    if !standing.reasons.is_empty() {
        return Err(Refusal::new(standing.reasons, Vec::new()));
    }
    let mut draft = Draft::new(definition, workflow, case, command.actor.clone(), world, now);
    draft.on_behalf_of = standing.on_behalf_of;
    let reasons = draft.take_in(fields, &super::opening_fields(workflow));
    draft.go(&workflow.open, reasons, comment.clone())?;
    draft.advance()?;
    draft.finish(Some((workflow.number.series(&workflow.name, day), *sequence)))
}

/// What rules would see of a case that would be opened with these fields, and of whatever is wrong with them
/// only what can't be read: a sample may lack what an opening may not.
///
/// # Errors
/// When a field can't be read, or a formula can't be computed.
pub fn sample(
    definition: &Definition,
    workflow: &Workflow,
    actor: &Actor,
    case: Result<&Case, &Input>,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Facts, Refusal> {
    let unopened = || unborn(definition, workflow, CaseId::new(0, 0), "".into(), actor, now);
    let stored = case.cloned().unwrap_or_else(|_| unopened());
    let mut draft = Draft::new(definition, workflow, stored, actor.clone(), world, now);
    if let Err(fields) = case {
        let writable = workflow.schema.fields.values().filter(|field| !field.computed);
        let allowed: BTreeSet<Name> = writable.map(|field| Arc::clone(&field.name)).collect();
        let mut reasons = draft.take_in(fields, &allowed);
        // Nothing can be attached to a case that is not there.
        reasons.retain(|reason| &*reason.code != "not_attached");
        draft.begin(&|_| true).map_err(Refusal::because)?;
        reasons.extend(draft.incomplete_rows());
        if !reasons.is_empty() {
            return Err(Refusal::new(reasons, Vec::new()));
        }
        draft.compute().map_err(Refusal::because)?;
    }
    draft.facts().map_err(Refusal::because)
}

/// The persons in the fields as the client wrote them: opening may be for the person in a `user` field.
pub(in crate::engine) fn given_users(fields: &Input) -> Record {
    let texts = fields.iter().filter_map(|(name, json)| Some((Name::from(name.as_str()), json.as_str()?)));
    texts.map(|(name, text)| (name, crate::model::Value::text(text))).collect()
}

pub(in crate::engine) fn unborn(
    definition: &Definition,
    workflow: &Workflow,
    id: CaseId,
    number: Name,
    actor: &Actor,
    now: Timestamp,
) -> Case {
    Case {
        id,
        workflow: Arc::clone(&workflow.name),
        number,
        version: 0,
        revision: definition.revision.clone(),
        stage: "".into(),
        fields: Record::new(),
        opened_at: now,
        opened_by: Arc::clone(&actor.user),
        updated_at: now,
        entered: BTreeMap::new(),
        takers: BTreeMap::new(),
        kin: Kin::default(),
        timers: Timers::default(),
        held: Held::default(),
        tasks: BTreeMap::new(),
        approval: None,
        clocks: Vec::new(),
        attachments: Vec::new(),
        told: BTreeSet::new(),
        documents: BTreeMap::new(),
    }
}
