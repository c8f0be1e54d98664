//! Claiming, releasing and completing tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::did_you_mean;
use crate::engine::draft::{Draft, conflict};
use crate::engine::duty::{self, Absences, Standing};
use crate::engine::task::awaited;
use crate::engine::{Decision, judge};
use crate::model::command::Input;
use crate::model::{
    Act, Actor, Case, Command, Event, Name, Reason, Refusal, RefusalKind, Task as State, TaskState, TaskStep,
    Timestamp, Title, Verdict, World,
};
use crate::rule::Facts;
use crate::workflow::{Definition, Outcome, Task, Workflow, task::ROWS};

use super::take::{asked_reasons, dedup};

/// The role that may take a claim from somebody.
const ADMIN: &str = "admin";

/// Decides [`Act::Task`].
pub(in crate::engine) fn task(
    definition: &Definition,
    workflow: &Workflow,
    case: &Case,
    command: &Command,
    world: &Arc<dyn World>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Act::Task { task, step } = &command.act else {
        return Err(Refusal::because(conflict("not_a_task", "不是任务", "is not about a task")));
    };
    let task = find(workflow, case, task)?;
    let absences = Absences { world, now };
    let standing = match step {
        TaskStep::Claim | TaskStep::Complete { .. } => standing(task, case, &command.actor, absences),
        TaskStep::Release => release(workflow, task, case, &command.actor, absences),
    };
    if !standing.reasons.is_empty() {
        return Err(Refusal::new(standing.reasons, Vec::new()));
    }
    let state = case.task(&task.name).filter(|state| state.state == TaskState::Open);
    let state = state.ok_or_else(|| Refusal::because(not_open(task, case)))?;
    let mut draft = Draft::new(definition, workflow, case.clone(), command.actor.clone(), world, now);
    draft.on_behalf_of = standing.on_behalf_of;
    let name = Arc::clone(&task.name);
    match step {
        TaskStep::Claim if state.claimed_by.is_none() => draft.record(Event::TaskClaimed { task: name }, Vec::new()),
        TaskStep::Release if state.claimed_by.is_some() => draft.record(Event::TaskReleased { task: name }, Vec::new()),
        TaskStep::Claim | TaskStep::Release => return draft.finish(None),
        TaskStep::Complete { input, comment } => draft.complete(task, input, comment.clone())?,
    }
    draft.advance()?;
    draft.finish(None)
}

/// How `actor` stands to a task that is to be claimed or completed: role, four eyes, and the claim of somebody else.
pub(in crate::engine) fn standing(task: &Task, case: &Case, actor: &Actor, absences: Absences<'_>) -> Standing {
    let claimed = case.task(&task.name).and_then(|state: &State| state.claimed_by.as_ref());
    let mut standing = duty::to_task(task, case, actor, absences);
    let Some(claimer) = claimed.filter(|claimer| **claimer != actor.user) else { return standing };
    if absences.stands_in(actor, claimer) {
        return for_claimer(task, case, claimer, actor);
    }
    let zh = format!("`{claimer}` 已认领此任务;须先释放");
    let en = format!("`{claimer}` has claimed it; they or the owner of the stage must release it first");
    standing.reasons.push(conflict("claimed", &zh, &en));
    standing
}

/// Who stands in for the claimer may complete what they claimed, unless four eyes keep one of the two out.
fn for_claimer(task: &Task, case: &Case, claimer: &Name, actor: &Actor) -> Standing {
    let earlier = task.not_by.iter().map(|not_by| (not_by.name(), duty::did(case, not_by)));
    let reasons = duty::kept_out(earlier, &[&actor.user, claimer]);
    Standing { reasons, on_behalf_of: Some(Arc::clone(claimer)) }
}

/// How `actor` stands to giving a task back: the claimer may, who stands in for them, who the stage waits for, and an
/// admin.
fn release(workflow: &Workflow, task: &Task, case: &Case, actor: &Actor, absences: Absences<'_>) -> Standing {
    let claimed = case.task(&task.name).and_then(|state: &State| state.claimed_by.as_ref());
    let Some(claimer) = claimed else { return duty::to_task(task, case, actor, absences) };
    if *claimer == actor.user || actor.has(ADMIN) {
        return Standing::default();
    }
    if absences.stands_in(actor, claimer) {
        return Standing { reasons: Vec::new(), on_behalf_of: Some(Arc::clone(claimer)) };
    }
    let owner = workflow.stages.get(&case.stage).and_then(|stage| stage.owner.as_ref());
    let owner = owner.and_then(|owner| duty::may(std::slice::from_ref(owner), &case.fields, actor, absences));
    if let Some(on_behalf_of) = owner {
        return Standing { reasons: Vec::new(), on_behalf_of };
    }
    let zh = format!("`{claimer}` 已认领此任务;只有本人、阶段负责人或管理员可以释放");
    let en = format!("`{claimer}` has claimed it; they, the owner of the stage or an admin may release it");
    let reason = Reason::new(RefusalKind::Forbidden, "claimed", Title::new(&zh, &en));
    Standing { reasons: vec![reason], on_behalf_of: None }
}

/// Why a task of the stage can't be done now.
pub(in crate::engine) fn not_open(task: &Task, case: &Case) -> Reason {
    let name = &task.name;
    let before: Vec<String> = awaited(task, case).map(|before| format!("`{before}`")).collect();
    if !before.is_empty() {
        let before = before.join(", ");
        let (zh, en) = (format!("`{name}` 须在 {before} 之后"), format!("`{name}` comes after {before}"));
        return conflict("task_waiting", &zh, &en);
    }
    match case.task(name) {
        Some(state) if state.state == TaskState::Done => {
            conflict("task_done", &format!("`{name}` 已完成"), &format!("`{name}` is done already"))
        }
        Some(_) | None => {
            conflict("task_not_open", &format!("`{name}` 尚未开始"), &format!("`{name}` is not open yet"))
        }
    }
}

fn find<'a>(workflow: &'a Workflow, case: &Case, name: &str) -> Result<&'a Task, Refusal> {
    if let Some(task) = workflow.tasks_in(&case.stage).iter().find(|task| &*task.name == name) {
        return Ok(task);
    }
    let stage = workflow.stages.values().find(|stage| stage.tasks.iter().any(|task| &*task.name == name));
    Err(Refusal::because(match stage {
        Some(stage) => {
            let zh = format!("单据在 `{}`;`{name}` 属于 `{}`", case.stage, stage.name);
            conflict(
                "wrong_stage",
                &zh,
                &format!("the case is in `{}`; `{name}` belongs to `{}`", case.stage, stage.name),
            )
        }
        None => {
            let near = did_you_mean(name, workflow.tasks().map(|task| &*task.name));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let en = format!("there is no task `{name}` in `{}`{hint}", workflow.name);
            let title = Title::new(&format!("流程中没有任务 `{name}`"), &en);
            Reason::new(RefusalKind::Unknown, "unknown_task", title)
        }
    }))
}

impl Draft<'_> {
    /// Judges a task with what was answered, and completes it.
    fn complete(&mut self, task: &Task, input: &Input, comment: Option<Name>) -> Result<(), Refusal> {
        let (own, fields): (Input, Input) = input.clone().into_iter().partition(|(name, _)| is_own(task, name));
        let mut reasons = self.take_in(&fields, &takes(task));
        let asked: BTreeSet<Name> = task.ask.iter().map(|ask| Arc::clone(&ask.field)).collect();
        self.begin(&|field| asked.contains(field)).map_err(Refusal::because)?;
        reasons.extend(asked_reasons(self, &task.ask));
        let rows = self.read_answers(task, &own, &mut reasons);
        reasons.extend(self.missing(""));
        reasons.extend(self.incomplete_rows());
        dedup(&mut reasons);
        if !reasons.is_empty() {
            return Err(Refusal::new(reasons, Vec::new()));
        }
        self.compute().map_err(Refusal::because)?;
        self.answers = Some((Arc::new(rows.clone()), Arc::clone(&task.answers.seen)));
        let facts = self.facts().map_err(Refusal::because)?;
        reasons.extend(self.unmet(task.when.as_deref(), &facts));
        let verdicts = self.verdicts_of(&task.checks, &facts);
        reasons
            .extend(verdicts.iter().flat_map(|(refuse_on_error, verdict)| judge::reasons(verdict, *refuse_on_error)));
        let because: Vec<Verdict> = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        if !reasons.is_empty() {
            return Err(Refusal::new(reasons, because));
        }
        let refuse = |reason| Refusal::new(vec![reason], because.clone());
        let outcome = self.outcome(task, &facts).map_err(refuse)?;
        self.finish_task(task, outcome, (rows, comment), because.clone()).map_err(refuse)?;
        let missing = self.missing("");
        if missing.is_empty() { Ok(()) } else { Err(Refusal::new(missing, because)) }
    }

    /// How the task ends: the first outcome that holds; `None` is done.
    fn outcome<'t>(&self, task: &'t Task, facts: &Facts) -> Result<Option<&'t Outcome>, Reason> {
        for outcome in &task.outcomes {
            if outcome.when.as_ref().map_or(Ok(true), |when| self.condition(when, facts, None))? {
                return Ok(Some(outcome));
            }
        }
        if task.outcomes.is_empty() {
            return Ok(None);
        }
        Err(conflict("no_outcome", "没有成立的结果", "none of its outcomes holds as things stand"))
    }

    /// Does what the outcome does, and what the task does when it is done; records it.
    fn finish_task(
        &mut self,
        task: &Task,
        outcome: Option<&Outcome>,
        (rows, comment): (crate::model::Record, Option<Name>),
        because: Vec<Verdict>,
    ) -> Result<(), Reason> {
        let redo = outcome.and_then(|outcome| outcome.redo.clone());
        let own = if redo.is_none() { &*task.actions } else { &[] };
        let follows = self.act(outcome.iter().flat_map(|outcome| &outcome.actions).chain(own), &task.name, None)?;
        self.answers = None;
        let since = self.events.len();
        let (changes, rows) = (self.changes(), super::answers::rows_of(&rows));
        let name = Arc::clone(&task.name);
        self.record(Event::TaskCompleted { task: name, rows, redo: redo.clone(), changes, comment }, because);
        self.follows(follows)?;
        if let Some(redo) = redo {
            let attempt = self.case.task(&redo).map_or(1, |task| task.attempt.saturating_add(1));
            let waiting = self.after(&redo);
            self.record(Event::TaskReopened { task: redo, attempt, waiting }, Vec::new());
        }
        self.settle(since)
    }

    /// The tasks that come after `name`, of those that were open in this round.
    fn after(&self, name: &Name) -> Vec<Name> {
        let tasks = self.workflow.tasks_in(&self.case.stage);
        let mut after: Vec<Name> = Vec::new();
        let mut grown = true;
        while grown {
            let next = tasks.iter().filter(|task| {
                let behind = task.after.iter().any(|before| before == name || after.contains(before));
                behind && task.name != *name && !after.contains(&task.name)
            });
            let next: Vec<Name> = next.map(|task| Arc::clone(&task.name)).collect();
            grown = !next.is_empty();
            after.extend(next);
        }
        after.retain(|task| self.case.task(task).is_some());
        after
    }
}

/// The fields of the case that a task takes.
pub(in crate::engine) fn takes(task: &Task) -> BTreeSet<Name> {
    task.ask.iter().map(|ask| &ask.field).chain(&task.change).cloned().collect()
}

/// Whether what is given under `name` is the task's own.
fn is_own(task: &Task, name: &str) -> bool {
    match &task.each {
        Some(_) => name == ROWS,
        None => task.answers.row.get(name).is_some(),
    }
}
