//! What somebody can do now, and for everything else every reason why not.

mod duties;

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::field::Schema;
use crate::model::{Actor, ApprovalStep, Case, Language, Mode, Name, Reason, Timestamp, Title, Verdict, World};
use crate::workflow::{Definition, Target, Transition, Workflow};

pub use duties::{ApprovalDuty, Duties, TaskDuty, duties};

use super::draft::{Draft, conflict};
use super::duty::{self, Absences};
use super::{decide, judge};

/// Whether somebody can take a transition now, and if not, why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    /// The transition.
    pub transition: Name,
    /// Its title.
    pub title: Title,
    /// Whether it leaves the stage that the case is in.
    pub here: bool,
    /// Whether the actor can take it now (with an answer to what it asks).
    pub possible: bool,
    /// Every reason why not; without a reason when it is possible.
    pub reasons: Vec<Reason>,
    /// What the checks said that could be judged before the input is known; shadowed ones are left out.
    pub because: Vec<Verdict>,
    /// What it asks: JSON Schema of its input (asked fields and those that may be changed).
    pub input: Json,
    /// The stages it can lead to; the present one when it stays.
    pub to: Vec<Name>,
    /// Who must agree to it as things stand, one step after the other.
    pub approvals: Vec<ApprovalStep>,
    /// When the engine takes it by itself, unless somebody does before.
    pub at: Option<Timestamp>,
}

/// Judges every transition of the workflow for `actor`, those of the present stage first.
#[must_use]
pub fn available(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    actor: &Actor,
    world: &Arc<dyn World>,
    now: Timestamp,
    language: Language,
) -> Vec<Availability> {
    let judged = |transition: &Transition| {
        let draft = Draft::new(definition, workflow, case.clone(), actor.clone().in_person(), world, now);
        judge_one(draft, transition, language)
    };
    let here = workflow.leaving(&case.stage).map(judged);
    let elsewhere = workflow.transitions.iter().filter(|transition| !transition.from.contains(&case.stage));
    here.chain(elsewhere.map(judged)).collect()
}

fn judge_one(mut draft: Draft<'_>, transition: &Transition, language: Language) -> Availability {
    let here = transition.from.contains(&draft.case.stage);
    let absences = Absences { world: draft.world, now: draft.now };
    let mut reasons = duty::to_transition(transition, &draft.case, &draft.case.fields, &draft.actor, absences).reasons;
    let (mut because, mut approvals) = (Vec::new(), Vec::new());
    if here {
        let (more, verdicts) = conditions(&mut draft, transition);
        reasons.extend(more);
        because = verdicts;
        match needed(&draft, transition) {
            Ok(steps) => approvals = steps,
            Err(reason) => reasons.extend((&*reason.code != "missing_value").then_some(reason)),
        }
    } else {
        reasons.push(elsewhere(&draft.case, transition));
    }
    Availability {
        transition: Arc::clone(&transition.name),
        title: transition.title.clone(),
        here,
        possible: reasons.is_empty(),
        reasons,
        because,
        input: input_schema(draft.workflow, transition, language),
        to: targets(&draft.case, transition),
        approvals,
        at: if here { super::due::moment(draft.workflow, transition, &draft.case) } else { None },
    }
}

/// Why not, as far as it can be said before the input is known: what leans on a value that the transition will
/// ask for is left open.
fn conditions(draft: &mut Draft<'_>, transition: &Transition) -> (Vec<Reason>, Vec<Verdict>) {
    let takes = decide::takes(transition);
    let mut reasons = draft.missing(&transition.name);
    reasons.retain(|reason| !takes.contains(&reason.path));
    if let Err(reason) = draft.begin(&|field| takes.contains(field)).and_then(|()| draft.compute()) {
        reasons.push(reason);
        return (reasons, Vec::new());
    }
    let facts = match draft.facts() {
        Ok(facts) => facts,
        Err(reason) => return (vec![reason], Vec::new()),
    };
    reasons.extend(draft.condition_fails(transition, &facts));
    let mut because = Vec::new();
    for (refuse_on_error, verdict) in draft.verdicts(transition, &facts) {
        reasons.extend(judge::reasons(&verdict, refuse_on_error));
        because.extend((verdict.mode != Mode::Shadow).then_some(verdict));
    }
    let asks = !takes.is_empty();
    reasons.retain(|reason| !(asks && &*reason.code == "missing_value"));
    (reasons, because)
}

/// Who must agree, as far as it can be said before the input is known.
fn needed(draft: &Draft<'_>, transition: &Transition) -> Result<Vec<ApprovalStep>, Reason> {
    if transition.approvals.is_empty() {
        return Ok(Vec::new());
    }
    draft.approvals_needed(transition, &draft.facts()?)
}

fn elsewhere(case: &Case, transition: &Transition) -> Reason {
    let from = transition.from.iter().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ");
    let zh = format!("单据在 `{}`;须在 {from}", case.stage);
    conflict("wrong_stage", &zh, &format!("the case is in `{}`; this leaves {from}", case.stage))
}

fn targets(case: &Case, transition: &Transition) -> Vec<Name> {
    match &transition.to {
        Target::Stay => vec![Arc::clone(&case.stage)],
        Target::Branches(branches) => {
            let mut stages: Vec<Name> = Vec::new();
            for branch in branches {
                if !stages.contains(&branch.stage) {
                    stages.push(Arc::clone(&branch.stage));
                }
            }
            stages
        }
    }
}

fn input_schema(workflow: &Workflow, transition: &Transition, language: Language) -> Json {
    let takes = decide::takes(transition);
    let fields = workflow.schema.fields.iter().filter(|(name, _)| takes.contains(*name));
    let schema = Schema { fields: fields.map(|(name, field)| (Arc::clone(name), field.clone())).collect() };
    let mut json = crate::field::json_schema(&schema, language);
    let must: Vec<Json> = transition.ask.iter().filter(|ask| ask.must).map(|ask| json!(&*ask.field)).collect();
    if let Some(object) = json.as_object_mut() {
        object.insert("required".to_owned(), Json::Array(must));
    } else {
        json = Json::Object(Map::new());
    }
    json
}
