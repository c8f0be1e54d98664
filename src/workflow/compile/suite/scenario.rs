//! The scenarios of a workflow.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value as Json;

use crate::field::{Kind, Reader, read_value};
use crate::model::command::Input;
use crate::model::{Actor, Name, TaskStep, Timestamp, Value};
use crate::workflow::compile::names::unknown;
use crate::workflow::definition::Workflow;
use crate::workflow::definition::suite::{
    At as Begin, Changed, Deed, Expect, Expected, Kinship, Rows, Scenario, Step, Suite, TASK_STATES, Whose,
};
use crate::workflow::source::{
    DeedSource, ExpectSource, ExpectedSource, ScenarioSource, StepSource, SuiteSource, TaskWord,
};
use crate::workflow::walk::At;

use super::{Ground, together, whole};

/// What the scenarios of a file share.
struct Common<'a> {
    workflow: &'a Arc<Workflow>,
    people: BTreeMap<Name, Actor>,
    tables: Rows,
    pools: Rows,
    opening: Input,
    answers: Input,
    clock: Timestamp,
}

/// What has happened in a scenario so far, as far as names go.
struct Told<'a> {
    people: BTreeMap<Name, Actor>,
    opening: Input,
    /// Who acted last.
    actor: Option<Actor>,
    /// The workflow of the case that was opened last.
    last: &'a Arc<Workflow>,
    /// The workflow of each case that has a name.
    cases: BTreeMap<Name, &'a Arc<Workflow>>,
}

impl<'a> Ground<'a, '_> {
    /// The scenarios of one workflow; nothing, when it is broken.
    pub(super) fn suite(&mut self, source: &'a SuiteSource) -> Option<Suite> {
        let workflow = self.workflow(&whole(&source.file, &source.workflow))?;
        let common = self.common(workflow, source);
        let scenarios = source.scenarios.iter().map(|source| self.scenario(&common, source)).collect();
        let (workflow, zone) = (Name::clone(&workflow.name), workflow.zone);
        Some(Suite { workflow, zone, people: common.people, scenarios })
    }

    /// What the scenarios of a file share; that of a topic has what the file without one says, and its own over it.
    fn common(&mut self, workflow: &'a Arc<Workflow>, source: &'a SuiteSource) -> Common<'a> {
        let whole = |other: &&SuiteSource| other.workflow == source.workflow && other.topic.is_none();
        let base = source.topic.as_ref().and_then(|_| self.shared.sources.suites.iter().find(whole));
        // What is wrong there was told where it stands.
        let told = self.found.len();
        let base = base.map(|base| self.common(workflow, base));
        self.found.truncate(told);
        let own = &source.common;
        let (tables, pools) = (self.rows(&own.tables), self.pools(&own.resources));
        let base = base.unwrap_or_else(|| Common {
            workflow,
            people: BTreeMap::new(),
            tables: Rows::new(),
            pools: Rows::new(),
            opening: Input::new(),
            answers: Input::new(),
            clock: self.moment(None, workflow.zone),
        });
        let mut people = base.people;
        people.extend(self.people(own));
        Common {
            people,
            tables: together(&base.tables, tables),
            pools: together(&base.pools, pools),
            opening: self.over(workflow, &base.opening, &own.opening),
            answers: self.over(workflow, &base.answers, &own.answers),
            clock: own.clock.as_ref().map_or(base.clock, |said| self.moment(Some(said), workflow.zone)),
            workflow,
        }
    }

    fn scenario(&mut self, common: &Common<'a>, source: &'a ScenarioSource) -> Scenario {
        let mut people = common.people.clone();
        people.extend(self.people(&source.common));
        let opening = self.over(common.workflow, &common.opening, &source.common.opening);
        let answers = self.over(common.workflow, &common.answers, &source.common.answers);
        let said = source.common.clock.as_ref();
        let clock = if said.is_some() { self.moment(said, common.workflow.zone) } else { common.clock };
        let (tables, pools) = (self.rows(&source.common.tables), self.pools(&source.common.resources));
        let at = source.at.as_ref().map(|at| {
            self.stage(common.workflow, at);
            let (stage, place) = (Name::clone(&at.value), at.spot.place.clone());
            Begin { stage, place, opening: opening.clone(), answers }
        });
        let (actor, last, cases) = (None, common.workflow, BTreeMap::new());
        let mut told = Told { people, opening, actor, last, cases };
        let steps = source.steps.iter().filter_map(|step| self.step(common, &mut told, step)).collect();
        Scenario {
            name: Name::clone(&source.name.value),
            place: source.name.spot.place.clone(),
            covers: source.covers.clone(),
            clock,
            tables: together(&common.tables, tables),
            pools: together(&common.pools, pools),
            at,
            steps,
        }
    }

    fn step(&mut self, common: &Common<'a>, told: &mut Told<'a>, source: &StepSource) -> Option<Step> {
        if let Some(by) = &source.by {
            told.actor = Some(self.person(&told.people, by)?);
        }
        let acts = match &source.deed {
            DeedSource::Wait(_) | DeedSource::WaitUntil(_) | DeedSource::Resources(_) | DeedSource::Look => false,
            DeedSource::Open(..)
            | DeedSource::Take(_)
            | DeedSource::Edit
            | DeedSource::Comment(_)
            | DeedSource::Task(..)
            | DeedSource::Approve(_) => true,
        };
        if acts && told.actor.is_none() {
            self.found.push(source.spot.error("E021", "the first step needs `as`: who acts"));
            return None;
        }
        let (on, workflow) = match &source.on {
            None => (Whose::default(), told.last),
            Some(on) => self.whose(told, on)?,
        };
        let refused = source.expect.iter().any(|expect| matches!(expect.what, ExpectedSource::Refused(_)));
        let deed = self.deed(common, told, workflow, source, refused)?;
        let workflow = if matches!(deed, Deed::Open { .. }) { told.last } else { workflow };
        Some(Step {
            place: source.spot.place.clone(),
            actor: told.actor.clone().unwrap_or_else(Actor::system),
            on,
            deed,
            expect: source.expect.iter().flat_map(|expect| self.expect(workflow, expect)).collect(),
        })
    }

    /// The case that `on` names, and its workflow: `NAME`, `ROLE`, `NAME.ROLE.0.parent`.
    fn whose(&mut self, told: &Told<'a>, on: &At<Name>) -> Option<(Whose, &'a Arc<Workflow>)> {
        let mut parts = on.value.split('.').peekable();
        let named = parts.peek().and_then(|part| told.cases.get_key_value(*part));
        let (name, mut workflow) = match named {
            Some((name, workflow)) => (Some(Name::clone(name)), *workflow),
            None => (None, told.last),
        };
        if name.is_some() {
            parts.next();
        }
        let mut way = Vec::new();
        while let Some(part) = parts.next() {
            let (kinship, next) = match (part, workflow.children.get(part), &workflow.parent) {
                ("parent", _, Some(parent)) => (Kinship::Parent, parent),
                (_, Some(child), _) => {
                    let at = parts.peek().and_then(|at| at.parse().ok());
                    if at.is_some() {
                        parts.next();
                    }
                    (Kinship::Child { role: part.into(), at }, child)
                }
                (_, None, _) => {
                    let known = told.cases.keys().filter(|_| way.is_empty()).chain(workflow.children.keys());
                    let part = At { value: part.into(), spot: on.spot.clone() };
                    self.found.push(unknown("E138", "case", &part, known.map(|name| &**name)));
                    return None;
                }
            };
            way.push(kinship);
            workflow = self.workflows.get(next)?;
        }
        Some((Whose { name, way }, workflow))
    }

    fn deed(
        &mut self,
        common: &Common<'a>,
        told: &mut Told<'a>,
        workflow: &'a Arc<Workflow>,
        source: &StepSource,
        refused: bool,
    ) -> Option<Deed> {
        let changed = |ground: &mut Self, workflow: &Workflow| {
            if refused { ground.wrong(workflow, &source.with) } else { ground.changed(workflow, &source.with) }
        };
        Some(match &source.deed {
            DeedSource::Open(opened, name) => {
                let opened = self.workflow(opened)?;
                let base = if opened.name == common.workflow.name { told.opening.clone() } else { Input::new() };
                let fields = with(base, changed(self, opened));
                if !refused {
                    told.last = opened;
                    told.cases.extend(name.as_ref().map(|name| (Name::clone(&name.value), opened)));
                }
                let name = name.as_ref().map(|name| Name::clone(&name.value));
                Deed::Open { workflow: Name::clone(&opened.name), name, fields }
            }
            DeedSource::Take(transition) => {
                self.transition(workflow, transition);
                Deed::Take { transition: Name::clone(&transition.value), with: changed(self, workflow) }
            }
            DeedSource::Edit => Deed::Edit(changed(self, workflow)),
            DeedSource::Task(task, word) => {
                self.task(workflow, task);
                let step = match word {
                    TaskWord::Claim => TaskStep::Claim,
                    TaskWord::Release => TaskStep::Release,
                    TaskWord::Do => TaskStep::Complete { input: self.answers(workflow, &source.with), comment: None },
                };
                Deed::Task { task: Name::clone(&task.value), step }
            }
            DeedSource::Approve(approve) => Deed::Approve(*approve),
            DeedSource::Resources(pools) => Deed::Pools(self.pools(pools)),
            DeedSource::Comment(text) => Deed::Comment(Name::clone(&text.value)),
            DeedSource::Wait(span) => Deed::Wait(self.span(span)?),
            DeedSource::WaitUntil(moment) => Deed::WaitUntil(self.moment(Some(moment), common.workflow.zone)),
            DeedSource::Look => Deed::Look,
        })
    }

    fn expect(&mut self, workflow: &Workflow, source: &ExpectSource) -> Vec<Expect> {
        let expect = |what| Expect { place: source.spot.place.clone(), what };
        if let ExpectedSource::Pool(pool) = &source.what {
            return self.expected_pool(pool).into_iter().map(expect).collect();
        }
        self.expected_one(workflow, source).map(expect).into_iter().collect()
    }

    fn expected_one(&mut self, workflow: &Workflow, source: &ExpectSource) -> Option<Expected> {
        let names = |names: &[At<Name>]| names.iter().map(|name| Name::clone(&name.value)).collect();
        Some(match &source.what {
            ExpectedSource::Pool(_) => return None,
            ExpectedSource::Stage(stage) => {
                self.stage(workflow, stage);
                Expected::Stage(Name::clone(&stage.value))
            }
            ExpectedSource::Refused(codes) => Expected::Refused(names(codes)),
            ExpectedSource::Warned(codes) => Expected::Warned(names(codes)),
            ExpectedSource::Available(transitions) => {
                transitions.iter().for_each(|transition| self.transition(workflow, transition));
                Expected::Available(names(transitions))
            }
            ExpectedSource::Breached(slas) => {
                slas.iter().for_each(|sla| self.sla(workflow, sla));
                Expected::Breached(names(slas))
            }
            ExpectedSource::Late(slas) => {
                slas.iter().for_each(|sla| self.sla(workflow, sla));
                Expected::Late(names(slas))
            }
            ExpectedSource::Escalated(roles) => Expected::Escalated(names(roles)),
            ExpectedSource::Notified(messages) => {
                messages.iter().for_each(|message| self.message(message));
                Expected::Notified(names(messages))
            }
            ExpectedSource::Children(role, count) => {
                if !workflow.children.contains_key(&role.value) {
                    self.found.push(unknown("E186", "child", role, workflow.children.keys().map(|name| &**name)));
                }
                let Ok(count) = count.value.parse() else {
                    self.found.push(count.spot.error("E023", format!("`{}` is no number of cases", count.value)));
                    return None;
                };
                Expected::Children(Name::clone(&role.value), count)
            }
            ExpectedSource::Task(task, state) => {
                self.task(workflow, task);
                if !TASK_STATES.contains(&&*state.value) {
                    self.found.push(unknown("E024", "state of a task", state, TASK_STATES));
                }
                Expected::Task(Name::clone(&task.value), Name::clone(&state.value))
            }
            ExpectedSource::Field(key, node) => {
                let (path, value) = self.expected(workflow, key, node)?;
                Expected::Field(path, value)
            }
        })
    }

    fn message(&mut self, message: &At<Name>) {
        let known = self.shared.sources.letters.keys();
        if !self.shared.sources.letters.contains_key(&message.value) {
            self.found.push(unknown("E194", "message", message, known.map(|name| &**name)));
        }
    }

    fn stage(&mut self, workflow: &Workflow, stage: &At<Name>) {
        if !workflow.stages.contains_key(&stage.value) {
            self.found.push(unknown("E101", "stage", stage, workflow.stages.keys().map(|name| &**name)));
        }
    }

    fn transition(&mut self, workflow: &Workflow, transition: &At<Name>) {
        let known = workflow.transitions.iter().map(|transition| &*transition.name);
        if !known.clone().any(|name| *name == *transition.value) {
            self.found.push(unknown("E107", "transition", transition, known));
        }
    }

    fn task(&mut self, workflow: &Workflow, task: &At<Name>) {
        let known: Vec<&str> = workflow.tasks().map(|task| &*task.name).collect();
        if !known.contains(&&*task.value) {
            self.found.push(unknown("E168", "task", task, known));
        }
    }

    fn sla(&mut self, workflow: &Workflow, sla: &At<Name>) {
        let known = workflow.slas.iter().map(|sla| &*sla.name);
        if !known.clone().any(|name| *name == *sla.value) {
            self.found.push(unknown("E139", "SLA", sla, known));
        }
    }

    fn span(&mut self, said: &At<Name>) -> Option<i64> {
        let exists = |_: &str, _: &str| true;
        let mut reader = Reader::new(Tz::UTC, &exists);
        match read_value(&mut reader, &Kind::Duration, &Json::from(&*said.value), "") {
            Some(Value::Duration(seconds)) => Some(seconds),
            Some(_) | None => {
                let error = said.spot.error("E023", format!("`{}` is no span of time", said.value));
                self.found.push(error.help("write it as `90s`, `60m`, `24h` or `3d`"));
                None
            }
        }
    }
}

/// The fields of an opening with some of another value.
fn with(mut base: Input, changed: Changed) -> Input {
    base.extend(changed.whole);
    for (path, value) in &changed.parts {
        crate::workflow::suite::put(&mut base, path, value);
    }
    base
}
