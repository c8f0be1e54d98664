//! The way to a stage: found by trying, from the opening on, what leads nearest to it. Everything on it really
//! happens, so that the case is as one that came there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::field::{Bounds, Items, Kind, Schema};
use crate::model::command::Input;
use crate::model::limit::WAY_STEPS_MAX;
use crate::model::task::TaskState;
use crate::model::{Actor, Attachment, Case, CaseId, Name, TaskStep};
use crate::runtime::{Failure as Refused, Want};
use crate::workflow::suite::{At, Suite};
use crate::workflow::{Ask, Definition, Target, Task, Transition, Workflow};

use super::bed::Bed;
use super::report::{Failure, Why, told};

/// Brings a new case into a stage.
pub(super) async fn find(definition: &Definition, bed: &Bed, suite: &Suite, at: &At) -> Result<CaseId, Failure> {
    let lost = |found: String, reasons: Vec<Why>| Failure {
        place: at.place.clone(),
        step: format!("the way to `{}`", at.stage),
        expected: format!("that a case can be brought to `{}`", at.stage),
        found,
        reasons,
    };
    let Some(workflow) = definition.workflows.get(&suite.workflow) else {
        return Err(lost(format!("there is no workflow `{}`", suite.workflow), Vec::new()));
    };
    let guide = Guide { workflow, bed, suite, at, far: distances(workflow, &at.stage) };
    let (id, mut stage) = guide.open().await.map_err(|reasons| lost("it can't be opened".to_owned(), reasons))?;
    let mut taken = BTreeSet::new();
    for _ in 0..WAY_STEPS_MAX {
        if stage == at.stage {
            return Ok(id);
        }
        let stuck = |reasons| lost(format!("nothing leads on from `{stage}`"), reasons);
        stage = guide.step(id, &mut taken).await.map_err(stuck)?;
    }
    Err(lost(format!("it was not there after {WAY_STEPS_MAX} steps"), Vec::new()))
}

struct Guide<'a> {
    workflow: &'a Workflow,
    bed: &'a Bed,
    suite: &'a Suite,
    at: &'a At,
    /// How many transitions each stage is away.
    far: BTreeMap<Name, usize>,
}

impl Guide<'_> {
    async fn open(&self) -> Result<(CaseId, Name), Vec<Why>> {
        let mut nearest = Vec::new();
        for actor in self.people() {
            let (workflow, fields) = (Name::clone(&self.workflow.name), self.at.opening.clone());
            match self.bed.act(actor, Want::Open { workflow, fields, comment: None }).await {
                Ok(done) => return Ok((done.case.id, Name::clone(&done.case.stage))),
                Err(failure) => nearest = nearer(nearest, &failure),
            }
        }
        Err(nearest)
    }

    /// Takes the first transition that somebody can take, those that lead nearest first, none twice from a stage.
    /// Where none leads nearer, what is to be done in the stage is done before one is taken that leads away.
    async fn step(&self, id: CaseId, taken: &mut BTreeSet<(Name, Name)>) -> Result<Name, Vec<Why>> {
        let mut nearest = Vec::new();
        let case = self.bed.case(id).await.map_err(|failure| told(&failure).1)?;
        let here = self.far.get(&case.stage).copied().unwrap_or(usize::MAX);
        let mut leaving: Vec<(usize, &Transition)> = self
            .workflow
            .leaving(&case.stage)
            .filter_map(|transition| Some((self.away(transition)?, transition)))
            .filter(|(_, transition)| !taken.contains(&(Name::clone(&case.stage), Name::clone(&transition.name))))
            .collect();
        leaving.sort_by_key(|(away, _)| *away);
        let (nearing, others): (Vec<_>, Vec<_>) = leaving.into_iter().partition(|(away, _)| *away < here);
        for (_, transition) in nearing {
            match self.anybody(&case, transition).await {
                Ok(stage) => return Ok(went(taken, &case, transition, stage)),
                Err(failures) => nearest = failures.iter().fold(nearest, nearer),
            }
        }
        for task in self.open_tasks(&case) {
            match self.anybody_does(&case, task).await {
                Ok(stage) => return Ok(stage),
                Err(failures) => nearest = failures.iter().fold(nearest, nearer),
            }
        }
        for (_, transition) in others {
            match self.anybody(&case, transition).await {
                Ok(stage) => return Ok(went(taken, &case, transition, stage)),
                Err(failures) => nearest = failures.iter().fold(nearest, nearer),
            }
        }
        Err(nearest)
    }

    fn open_tasks(&self, case: &Case) -> Vec<&Task> {
        let stage = self.workflow.stages.get(&case.stage);
        let tasks = stage.into_iter().flat_map(|stage| &stage.tasks);
        let open = |task: &Name| case.tasks.get(task).is_some_and(|task| task.state == TaskState::Open);
        tasks.filter(|task| open(&task.name)).map(|task| &**task).collect()
    }

    /// Has the first one do a task who can.
    async fn anybody_does(&self, case: &Case, task: &Task) -> Result<Name, Vec<Refused>> {
        let mut failures = Vec::new();
        let must = |field: &Name| task.ask.iter().any(|ask| ask.must && ask.field == *field);
        for actor in self.people() {
            let step = TaskStep::Complete { input: self.answers(&task.ask, &task.change, &must), comment: None };
            match self.bed.act(actor, Want::Task { id: case.id, task: Name::clone(&task.name), step }).await {
                Ok(done) => return Ok(Name::clone(&done.case.stage)),
                Err(failure) => failures.push(failure),
            }
        }
        Err(failures)
    }

    /// Has the first one take a transition who can.
    async fn anybody(&self, case: &Case, transition: &Transition) -> Result<Name, Vec<Refused>> {
        let mut failures = Vec::new();
        for actor in self.people() {
            match self.take(case, transition, actor).await {
                Ok(stage) => return Ok(stage),
                Err(failure) => failures.push(failure),
            }
        }
        Err(failures)
    }

    /// Takes a transition with an answer to what must be answered; where more is asked for, with that too.
    async fn take(&self, case: &Case, transition: &Transition, actor: &Actor) -> Result<Name, Refused> {
        let must = |field: &Name| transition.ask.iter().any(|ask| ask.must && ask.field == *field);
        let first = self.answers(&transition.ask, &transition.change, &must);
        match self.attempt(case, transition, actor, first).await {
            Err(Refused::Refused(refusal)) => {
                let wanted: BTreeSet<&Name> = refusal.reasons.iter().map(|reason| &reason.path).collect();
                let more =
                    self.answers(&transition.ask, &transition.change, &|field| must(field) || wanted.contains(field));
                self.attempt(case, transition, actor, more).await
            }
            other => other,
        }
    }

    async fn attempt(&self, case: &Case, taken: &Transition, actor: &Actor, input: Input) -> Result<Name, Refused> {
        for (name, value) in &input {
            let kind = self.workflow.schema.get(name).map(|field| &field.kind);
            let Some(sha256) = value.as_str().filter(|_| matches!(kind, Some(Kind::Attachment))) else { continue };
            let (name, media_type) = (Name::from(name.as_str()), "application/octet-stream".into());
            let attachment = Attachment { sha256: sha256.into(), name, media_type, bytes: 0 };
            self.bed.act(actor, Want::Attach { id: case.id, attachment }).await?;
        }
        let want = Want::Take { id: case.id, transition: Name::clone(&taken.name), input, comment: None };
        self.bed.act(actor, want).await.map(|done| Name::clone(&done.case.stage))
    }

    /// The answers that the scenario gives, and samples where some `must` be answered that it does not give.
    fn answers(&self, ask: &[Ask], change: &[Name], must: &dyn Fn(&Name) -> bool) -> Input {
        let takes = ask.iter().map(|ask| &ask.field).chain(change);
        let answered = takes.filter_map(|name| {
            let given = self.at.answers.get(&**name).cloned();
            let field = self.workflow.schema.get(name)?;
            let answer = given.or_else(|| must(name).then(|| self.sample(&field.kind)))?;
            Some((name.to_string(), answer))
        });
        answered.collect()
    }

    /// How far the nearest stage is that a transition may lead to.
    fn away(&self, transition: &Transition) -> Option<usize> {
        let Target::Branches(branches) = &transition.to else { return None };
        branches.iter().filter_map(|branch| self.far.get(&branch.stage)).min().copied()
    }

    fn people(&self) -> impl Iterator<Item = &Actor> {
        self.suite.people.values()
    }

    /// A value that a field of this kind may have.
    fn sample(&self, kind: &Kind) -> Json {
        let least = |bounds: &Bounds| {
            let one = rust_decimal::Decimal::ONE;
            bounds.min.unwrap_or_else(|| bounds.max.map_or(one, |max| max.min(one)))
        };
        match kind {
            Kind::Text => json!("sample"),
            Kind::Integer(bounds) => json!(i64::try_from(least(bounds).ceil()).unwrap_or(1)),
            Kind::Decimal(bounds) | Kind::Money(bounds) | Kind::Percent(bounds) => json!(least(bounds).to_string()),
            Kind::Boolean => json!(true),
            Kind::Date => json!(self.bed.now().day(self.suite.zone).to_string()),
            Kind::Datetime => json!(self.bed.now().to_string()),
            Kind::Duration => json!(3_600),
            Kind::Choice(of) => json!(of.keys().next().map(|name| &**name)),
            Kind::Reference { table } => {
                let rows = self.bed.runtime.rows(table, None, 1).unwrap_or_default();
                json!(rows.first().map(|(key, _)| &**key))
            }
            Kind::User { role } => {
                let able = |actor: &&Actor| role.as_ref().is_none_or(|role| actor.has(role));
                json!(self.people().find(able).map(|actor| &*actor.user))
            }
            Kind::Phone => json!("12345"),
            Kind::Email => json!("sample@example.com"),
            Kind::Attachment => json!("0".repeat(64)),
            Kind::Map => json!({ "sample": "sample" }),
            Kind::List(list) => {
                let item = match &list.of {
                    Items::Plain(kind) => self.sample(kind),
                    Items::Rows(rows) => self.sample_row(rows),
                };
                Json::Array(vec![item; list.min.max(1)])
            }
        }
    }

    fn sample_row(&self, rows: &Schema) -> Json {
        let required =
            rows.fields.values().filter(|field| field.required == crate::field::Required::Always && !field.computed);
        required.map(|field| (field.name.to_string(), self.sample(&field.kind))).collect()
    }
}

/// Remembers that a transition was taken.
fn went(taken: &mut BTreeSet<(Name, Name)>, case: &Case, transition: &Transition, stage: Name) -> Name {
    taken.insert((Name::clone(&case.stage), Name::clone(&transition.name)));
    stage
}

/// The refusal that came nearest to a success: one that is not about who may, and of those the one with the fewest
/// reasons.
fn nearer(so_far: Vec<Why>, failure: &Refused) -> Vec<Why> {
    let weight = |reasons: &[Why]| {
        let barred = reasons.iter().any(|why| &*why.code == "role" || &*why.code == "four_eyes");
        (reasons.is_empty(), barred, reasons.len())
    };
    let (found, mut reasons) = told(failure);
    if reasons.is_empty() {
        reasons.push(Why { code: "failed".into(), path: "".into(), message: found, rule: None });
    }
    if weight(&reasons) < weight(&so_far) { reasons } else { so_far }
}

/// How many transitions each stage is away from `target`, for those from which it can be reached.
fn distances(workflow: &Workflow, target: &Name) -> BTreeMap<Name, usize> {
    let mut far = BTreeMap::from([(Name::clone(target), 0)]);
    let mut edge = vec![Name::clone(target)];
    let mut distance = 0;
    while !edge.is_empty() {
        distance += 1;
        let mut next = Vec::new();
        for transition in &workflow.transitions {
            let Target::Branches(branches) = &transition.to else { continue };
            if branches.iter().any(|branch| edge.contains(&branch.stage)) {
                next.extend(transition.from.iter().filter(|stage| !far.contains_key(*stage)).cloned());
            }
        }
        next.sort();
        next.dedup();
        far.extend(next.iter().map(|stage| (Name::clone(stage), distance)));
        edge = next;
    }
    far
}
