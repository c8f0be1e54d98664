//! What somebody can do with the tasks of a case and with what waits for approval, and every reason why not.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::engine::decide;
use crate::engine::draft::Draft;
use crate::engine::duty::Absences;
use crate::engine::judge;
use crate::field::{Schema, json_schema};
use crate::model::{
    Actor, Case, Language, Mode, Name, Reason, Record, Task as State, TaskState, Timestamp, Title, UserId, Value,
    Verdict, World,
};
use crate::rule::Facts;
use crate::workflow::{Definition, Task, Workflow, task::ROWS};

/// What somebody can do beside taking transitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Duties {
    /// The tasks of the stage that the case is in.
    pub tasks: Vec<TaskDuty>,
    /// How they stand to what waits for approval.
    pub approval: Option<ApprovalDuty>,
}

/// Whether somebody can complete a task now, and if not, why not.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDuty {
    /// The task.
    pub task: Name,
    /// Its title.
    pub title: Title,
    /// How it stands; it waits for others when it has not been open in this round.
    pub state: TaskState,
    /// Since when; `None` when it has not been open in this round.
    pub since: Option<Timestamp>,
    /// Who has claimed it.
    pub claimed_by: Option<UserId>,
    /// Whether the actor can complete it now (with an answer to what it asks).
    pub possible: bool,
    /// Every reason why not.
    pub reasons: Vec<Reason>,
    /// What the checks said that could be judged before the input is known; shadowed ones are left out.
    pub because: Vec<Verdict>,
    /// For whom the actor would do it, when they stand in for somebody who is away.
    pub on_behalf_of: Option<UserId>,
    /// What it asks: JSON Schema of its input.
    pub input: Json,
    /// The rows that it begins with, for a task that goes through a list.
    pub rows: Option<Vec<Record>>,
}

/// Whether somebody can agree to what waits for approval, and if not, why not.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalDuty {
    /// Whether they can agree or refuse.
    pub possible: bool,
    /// Every reason why not.
    pub reasons: Vec<Reason>,
    /// Whether they may take the request back.
    pub withdraw: bool,
}

/// Judges the tasks of the stage, and what waits for approval, for `actor`.
#[must_use]
pub fn duties(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    actor: &Actor,
    world: &Arc<dyn World>,
    now: Timestamp,
    language: Language,
) -> Duties {
    let judged = |task: &Arc<Task>| {
        let draft = Draft::new(definition, workflow, case.clone(), actor.clone(), world, now);
        judge_one(draft, task, language)
    };
    let approval = case.approval.as_ref().map(|pending| {
        let standing = decide::approval_standing(workflow, case, pending, actor, Absences { world, now });
        let withdraw = pending.requesters().any(|user| *user == actor.user);
        ApprovalDuty { possible: standing.reasons.is_empty(), reasons: standing.reasons, withdraw }
    });
    Duties { tasks: workflow.tasks_in(&case.stage).iter().map(judged).collect(), approval }
}

fn judge_one(mut draft: Draft<'_>, task: &Task, language: Language) -> TaskDuty {
    let absences = Absences { world: draft.world, now: draft.now };
    let standing = decide::task_standing(task, &draft.case, &draft.actor, absences);
    let mut reasons = standing.reasons;
    let state: Option<State> = draft.case.task(&task.name).cloned();
    let (mut because, rows) = (Vec::new(), task.each.is_some().then(|| draft.prefilled(task)));
    if state.as_ref().is_some_and(|state| state.state == TaskState::Open) {
        let (more, verdicts) = conditions(&mut draft, task, rows.as_deref().unwrap_or_default());
        reasons.extend(more);
        because = verdicts;
    } else {
        reasons.push(decide::not_open(task, &draft.case));
    }
    TaskDuty {
        task: Arc::clone(&task.name),
        title: task.title.clone(),
        state: state.as_ref().map_or(TaskState::Waiting, |state| state.state),
        since: state.as_ref().map(|state| state.since),
        claimed_by: state.and_then(|state| state.claimed_by),
        possible: reasons.is_empty(),
        reasons,
        because,
        on_behalf_of: standing.on_behalf_of,
        input: input_schema(draft.workflow, task, rows.as_deref(), language),
        rows,
    }
}

/// Why not, as far as it can be said before the input is known.
fn conditions(draft: &mut Draft<'_>, task: &Task, rows: &[Record]) -> (Vec<Reason>, Vec<Verdict>) {
    let takes = decide::task_takes(task);
    let facts = match facts(draft, task, rows, &takes) {
        Ok(facts) => facts,
        Err(reason) => return (vec![reason], Vec::new()),
    };
    let mut reasons = draft.missing("");
    reasons.retain(|reason| !takes.contains(&reason.path));
    reasons.extend(draft.unmet(task.when.as_deref(), &facts));
    let mut because = Vec::new();
    for (refuse_on_error, verdict) in draft.verdicts_of(&task.checks, &facts) {
        reasons.extend(judge::reasons(&verdict, refuse_on_error));
        because.extend((verdict.mode != Mode::Shadow).then_some(verdict));
    }
    let asks = !takes.is_empty() || !task.answers.is_empty();
    reasons.retain(|reason| !(asks && &*reason.code == "missing_value"));
    (reasons, because)
}

fn facts(
    draft: &mut Draft<'_>,
    task: &Task,
    rows: &[Record],
    takes: &std::collections::BTreeSet<Name>,
) -> Result<Facts, Reason> {
    draft.begin(&|field| takes.contains(field))?;
    draft.compute()?;
    if !task.answers.is_empty() {
        let rows = rows.iter().cloned().map(Value::Row).collect();
        let record = Record::from_iter([(ROWS.into(), Value::List(rows))]);
        draft.answers = Some((Arc::new(record), Arc::clone(&task.answers.seen)));
    }
    draft.facts()
}

/// The fields that it takes, and its own answers: beside them, or as `rows`, as many as the list has.
fn input_schema(workflow: &Workflow, task: &Task, rows: Option<&[Record]>, language: Language) -> Json {
    let takes = decide::task_takes(task);
    let mut fields = workflow.schema.fields.clone();
    fields.retain(|name, _| takes.contains(name));
    if task.each.is_none() {
        fields.extend(task.answers.row.fields.clone());
    }
    let mut json = json_schema(&Schema { fields }, language);
    let must = task.ask.iter().filter(|ask| ask.must).map(|ask| &ask.field);
    let own = task.answers.must.iter().filter(|_| task.each.is_none());
    let must: Vec<Json> = must.chain(own).map(|name| json!(&**name)).collect();
    if let Some(object) = json.as_object_mut() {
        object.insert("required".to_owned(), Json::Array(must));
        if let (Some(rows), Some(Json::Object(properties))) = (rows, object.get_mut("properties")) {
            let mut row = json_schema(&task.answers.row, language);
            if let Some(row) = row.as_object_mut() {
                row.insert("required".to_owned(), task.answers.must.iter().map(|name| json!(&**name)).collect());
            }
            let rows = json!({ "type": "array", "items": row, "minItems": rows.len(), "maxItems": rows.len() });
            properties.insert(ROWS.to_owned(), rows);
        }
    }
    json
}
