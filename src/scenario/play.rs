//! Playing a scenario: its steps in order, until one of them is not as expected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::field::{Items, Kind};
use crate::model::command::Input;
use crate::model::{Case, CaseId, Name, Place, Record};
use crate::runtime::{self, Done, Want};
use crate::store::Logged;
use crate::workflow::suite::{self, Changed, Deed, Kinship, Scenario, Step, Suite, Whose};
use crate::workflow::{Definition, Files, Workflow};

use super::bed::{Bed, between};
use super::coverage::Touched;
use super::report::{Failure, told};
use super::{expect, way};

/// Plays it; what was not as expected.
pub(super) async fn play(
    definition: &Arc<Definition>,
    files: &Files,
    suite: &Suite,
    scenario: &Scenario,
    touched: &mut Touched,
) -> Vec<Failure> {
    let bed = match Bed::start(definition, files, scenario.clock, (&scenario.tables, &scenario.pools)).await {
        Ok(bed) => bed,
        Err(failure) => return vec![beginning(&scenario.place).because(&failure)],
    };
    let mut stage = Play { definition, bed, last: None, named: BTreeMap::new() };
    let failures = stage.scenario(suite, scenario).await;
    match stage.bed.everything().await {
        Ok(events) => touched.see(&events),
        Err(failure) => return vec![beginning(&scenario.place).because(&failure)],
    }
    failures
}

fn beginning(place: &Place) -> Failure {
    let (step, expected) = ("the beginning".to_owned(), "tables with these rows".to_owned());
    Failure { place: place.clone(), step, expected, found: String::new(), reasons: Vec::new() }
}

/// A scenario that is being played.
struct Play<'a> {
    definition: &'a Definition,
    bed: Bed,
    /// The case that was opened last.
    last: Option<CaseId>,
    /// The cases that have a name.
    named: BTreeMap<Name, CaseId>,
}

/// What came of a step.
pub(super) struct Came {
    /// What was done, or why not; `None` where nothing was to be done.
    pub(super) outcome: Option<Result<Done, runtime::Failure>>,
    /// The case that the step is about, as it stands then.
    pub(super) case: Option<Arc<Case>>,
    /// What happened meanwhile, in any case.
    pub(super) news: Vec<Logged>,
    /// The messages about many cases that were sent meanwhile.
    pub(super) letters: Vec<Name>,
}

impl Play<'_> {
    async fn scenario(&mut self, suite: &Suite, scenario: &Scenario) -> Vec<Failure> {
        if let Some(at) = &scenario.at {
            match way::find(self.definition, &self.bed, suite, at).await {
                Ok(id) => self.last = Some(id),
                Err(failure) => return vec![failure],
            }
            // What happened on the way is not of the first step.
            if let Err(failure) = self.bed.news().await {
                return vec![beginning(&scenario.place).because(&failure)];
            }
        }
        for (index, step) in scenario.steps.iter().enumerate() {
            let failures = match self.step(step).await {
                Ok(came) => expect::compare(&self.bed, step, &came).await,
                Err(failure) => vec![missed(step).because(&failure)],
            };
            if !failures.is_empty() {
                let name = format!("step {}: {}", index + 1, deed(step));
                return failures.into_iter().map(|failure| Failure { step: name.clone(), ..failure }).collect();
            }
        }
        Vec::new()
    }

    async fn step(&mut self, step: &Step) -> Result<Came, runtime::Failure> {
        let about = self.about(&step.on).await?;
        let outcome = match &step.deed {
            Deed::Wait(seconds) => self.wait(Duration::from_secs(u64::try_from(*seconds).unwrap_or(0))).await,
            Deed::WaitUntil(moment) => self.wait(between(self.bed.now(), *moment)).await,
            Deed::Pools(pools) => self.bed.put_pools(pools).await.err().map(Err),
            Deed::Look => None,
            Deed::Open { .. }
            | Deed::Take { .. }
            | Deed::Edit(_)
            | Deed::Comment(_)
            | Deed::Task { .. }
            | Deed::Approve(_) => {
                let want = self.want(about, &step.deed).await?;
                self.attach(about, step).await?;
                Some(self.bed.act(&step.actor, want).await)
            }
        };
        let mut about = about;
        if let (Some(Ok(done)), Deed::Open { name, .. }) = (&outcome, &step.deed) {
            about = Some(done.case.id);
            self.last = about;
            self.named.extend(name.as_ref().map(|name| (Name::clone(name), done.case.id)));
        }
        let (news, letters) = (self.bed.news().await?, self.bed.letters().await?);
        let case = match about {
            Some(id) => Some(self.bed.case(id).await?),
            None => None,
        };
        Ok(Came { outcome, case, news, letters })
    }

    /// The case that is spoken of; none where none was opened yet.
    async fn about(&self, whose: &Whose) -> Result<Option<CaseId>, runtime::Failure> {
        let mut about = match &whose.name {
            Some(name) => self.named.get(name).copied(),
            None => self.last,
        };
        for kinship in &whose.way {
            let Some(id) = about else { break };
            let case = self.bed.case(id).await?;
            let next = match kinship {
                Kinship::Parent => case.kin.parent.as_ref().map(|bond| bond.case.case),
                Kinship::Child { role, at: Some(at) } => case.kin.children(role).nth(*at).map(|child| child.case),
                Kinship::Child { role, at: None } => case.kin.children(role).last().map(|child| child.case),
            };
            let lost = || runtime::Failure::NotFound { what: "case", name: whose.to_string() };
            about = Some(next.ok_or_else(lost)?);
        }
        Ok(about)
    }

    /// Lets time pass; nothing is to be told of it unless the engine could not go on.
    async fn wait(&self, by: Duration) -> Option<Result<Done, runtime::Failure>> {
        self.bed.wait(by).await.err().map(Err)
    }

    /// Attaches the files that a step names.
    async fn attach(&self, about: Option<CaseId>, step: &Step) -> Result<(), runtime::Failure> {
        let (Some(id), Deed::Take { with, .. } | Deed::Edit(with)) = (about, &step.deed) else { return Ok(()) };
        for file in &with.files {
            self.bed.act(&step.actor, Want::Attach { id, attachment: file.clone() }).await?;
        }
        Ok(())
    }

    async fn want(&self, about: Option<CaseId>, deed: &Deed) -> Result<Want, runtime::Failure> {
        if let Deed::Open { workflow, fields, .. } = deed {
            return Ok(Want::Open { workflow: Name::clone(workflow), fields: fields.clone(), comment: None });
        }
        let id = about.ok_or_else(|| runtime::Failure::NotFound { what: "case", name: "yet".to_owned() })?;
        Ok(match deed {
            Deed::Take { transition, with } => {
                let input = self.filled(id, with).await?;
                Want::Take { id, transition: Name::clone(transition), input, comment: None }
            }
            Deed::Edit(with) => Want::Edit { id, fields: self.filled(id, with).await?, comment: None },
            Deed::Comment(text) => Want::Comment { id, text: Name::clone(text) },
            Deed::Task { task, step } => Want::Task { id, task: Name::clone(task), step: step.clone() },
            Deed::Approve(approve) => Want::Approve { id, approve: *approve, comment: None },
            Deed::Open { .. } | Deed::Wait(_) | Deed::WaitUntil(_) | Deed::Pools(_) | Deed::Look => Want::Wake { id },
        })
    }

    /// Whole fields; where only a part is given, the rest is what the case has.
    async fn filled(&self, id: CaseId, with: &Changed) -> Result<Input, runtime::Failure> {
        let mut input = with.whole.clone();
        if with.parts.is_empty() {
            return Ok(input);
        }
        let case = self.bed.case(id).await?;
        let workflow = self.definition.workflows.get(&case.workflow);
        for (path, value) in &with.parts {
            if let (Some(first), Some(workflow)) = (path.first(), workflow)
                && !input.contains_key(&**first)
            {
                input.extend(writable(workflow, &case.fields, first).map(|value| (first.to_string(), value)));
            }
            suite::put(&mut input, path, value);
        }
        Ok(input)
    }
}

/// The value of a field as a client would write it: without what formulas compute.
fn writable(workflow: &Workflow, fields: &Record, name: &str) -> Option<Json> {
    let mut json = fields.get(name)?.to_json();
    if let Kind::List(list) = &workflow.schema.get(name)?.kind
        && let Items::Rows(rows) = &list.of
    {
        for row in json.as_array_mut()?.iter_mut().filter_map(Json::as_object_mut) {
            row.retain(|column, _| rows.get(column).is_none_or(|field| !field.computed));
        }
    }
    Some(json)
}

/// That a step can't be taken at all.
fn missed(step: &Step) -> Failure {
    let expected = "that it can be done".to_owned();
    Failure { place: step.place.clone(), step: String::new(), expected, found: String::new(), reasons: Vec::new() }
}

/// What is done in a step, in words.
fn deed(step: &Step) -> String {
    let who = &step.actor.user;
    let on = step.on.to_string();
    let on = if on.is_empty() { on } else { format!(" on `{on}`") };
    match &step.deed {
        Deed::Open { workflow, .. } => format!("{who} opens `{workflow}`"),
        Deed::Take { transition, .. } => format!("{who} takes `{transition}`{on}"),
        Deed::Edit(_) => format!("{who} edits{on}"),
        Deed::Comment(_) => format!("{who} comments{on}"),
        Deed::Task { task, step } => format!("{who} {}s `{task}`{on}", step.word()),
        Deed::Approve(true) => format!("{who} approves{on}"),
        Deed::Approve(false) => format!("{who} refuses{on}"),
        Deed::Wait(seconds) => format!("{seconds} seconds pass"),
        Deed::WaitUntil(moment) => format!("time passes until {moment}"),
        Deed::Pools(_) => "resources are set".to_owned(),
        Deed::Look => format!("a look{on}"),
    }
}

impl Failure {
    /// A failure of an expectation at `place`; the step is named later.
    pub(super) fn at(place: &Place, expected: String, found: String) -> Self {
        Self { place: place.clone(), step: String::new(), expected, found, reasons: Vec::new() }
    }

    /// A step that was refused, or was not.
    pub(super) fn outcome(place: &Place, expected: String, outcome: &Result<Done, runtime::Failure>) -> Self {
        let (found, reasons) = match outcome {
            Ok(done) => (format!("it was done; the case is in `{}`", done.case.stage), Vec::new()),
            Err(failure) => told(failure),
        };
        Self { reasons, ..Self::at(place, expected, found) }
    }
}
