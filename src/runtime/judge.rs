//! Judging without doing: what is available, and what a rule says.

use std::sync::Arc;

use crate::engine::{self, Availability, Duties};
use crate::model::command::Input;
use crate::model::{Actor, Case, CaseId, Language, Mode, Record, Verdict, VerdictError};
use crate::rule::{Facts, Rule};
use crate::workflow::{Definition, Workflow};

use super::{Evaluation, Failure, Runtime, Sample, not_found, tables};

/// What somebody can do with a case, all of it as of one moment.
#[derive(Clone, Debug)]
pub struct Available {
    /// The case.
    pub case: Arc<Case>,
    /// Each transition of its workflow.
    pub transitions: Vec<Availability>,
    /// The tasks of its stage, and what waits for approval.
    pub duties: Duties,
}

impl Runtime {
    /// For each transition of the workflow and each task of the stage: whether `actor` can take or complete it now,
    /// and every reason why not.
    ///
    /// # Errors
    /// When there is no such case, or the store can't be read.
    pub async fn available(&self, actor: &Actor, id: CaseId, language: Language) -> Result<Available, Failure> {
        let (runtime, actor) = (self.clone(), actor.clone());
        let judge = move || {
            let (definition, case) = (runtime.0.library.live(), runtime.stored(id)?);
            let workflow = known(&definition, &case.workflow)?;
            let world = runtime.world();
            let now = runtime.now();
            let transitions = engine::available(&definition, workflow, &case, &actor, &world, now, language);
            let duties = engine::duties(&definition, workflow, &case, &actor, &world, now, language);
            Ok(Available { case, transitions, duties })
        };
        self.0.deciders.run(judge).await?
    }

    /// What the live rule `rule`, or the draft script `source`, says about a case. `with` are its parameters.
    ///
    /// # Errors
    /// When there is no such rule or case, the script is broken, or the sample can't be read.
    pub async fn evaluate(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<String>,
        sample: Sample,
        with: Input,
    ) -> Result<Evaluation, Failure> {
        let (runtime, actor, rule) = (self.clone(), actor.clone(), rule.to_owned());
        self.0.deciders.run(move || runtime.evaluate_now(&actor, &rule, source.as_deref(), &sample, &with)).await?
    }

    /// The fields that the function `run` of a rule gives for a case, or why it can't be judged. `with` are its
    /// parameters.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub async fn returned(
        &self,
        actor: &Actor,
        rule: &str,
        sample: Sample,
        with: Input,
    ) -> Result<Result<Input, VerdictError>, Failure> {
        let (runtime, actor, rule) = (self.clone(), actor.clone(), rule.to_owned());
        let judge = move || {
            let judged = runtime.prepared(&actor, &rule, None, &sample, &with)?;
            Ok(judged.definition.engine.run(&judged.rule, &judged.facts, &judged.parameters))
        };
        self.0.deciders.run(judge).await?
    }

    fn evaluate_now(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<&str>,
        sample: &Sample,
        with: &Input,
    ) -> Result<Evaluation, Failure> {
        let Judged { definition, rule, facts, parameters } = self.prepared(actor, rule, source, sample, with)?;
        let (findings, error) = definition.engine.check(&rule, &facts, &parameters);
        let verdict = Verdict { rule: Arc::clone(&rule.name), mode: Mode::Enforce, findings, error };
        Ok(Evaluation { verdict, revision: definition.revision.clone() })
    }

    fn prepared(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<&str>,
        sample: &Sample,
        with: &Input,
    ) -> Result<Judged, Failure> {
        let (definition, now, world) = (self.0.library.live(), self.now(), self.world());
        let stored = match sample {
            Sample::Case(id) => Some(self.stored(*id)?),
            Sample::Draft { .. } => None,
        };
        let (workflow, case) = match (sample, &stored) {
            (Sample::Draft { workflow, fields }, _) => (known(&definition, workflow)?, Err(fields)),
            (Sample::Case(id), None) => return Err(not_found("case", &id.to_string())),
            (Sample::Case(_), Some(case)) => (known(&definition, &case.workflow)?, Ok(&**case)),
        };
        let compiled = match source {
            None => definition.rules.get(rule).cloned().ok_or_else(|| not_found("rule", rule))?,
            Some(source) => Arc::new(compile_draft(&definition, rule, source)?),
        };
        let facts = engine::sample(&definition, workflow, actor, case, &world, now)
            .map_err(|refusal| Failure::Refused(Box::new(refusal)))?;
        let parameters = parameters(workflow, rule, with);
        Ok(Judged { rule: compiled, facts, parameters, definition })
    }
}

/// Everything that a rule needs to judge a case.
struct Judged {
    definition: Arc<Definition>,
    rule: Arc<Rule>,
    facts: Facts,
    parameters: Record,
}

fn known<'a>(definition: &'a Definition, workflow: &str) -> Result<&'a Arc<Workflow>, Failure> {
    definition.workflows.get(workflow).ok_or_else(|| not_found("workflow", workflow))
}

fn compile_draft(definition: &Definition, rule: &str, source: &str) -> Result<Rule, Failure> {
    let file = format!("rules/{rule}.rhai");
    definition.engine.rule(rule, &file, source, std::collections::BTreeMap::new()).map_err(Failure::BadScript)
}

/// The parameters that a client gave, over those that the workflow gives the rule where it first uses it.
fn parameters(workflow: &Workflow, rule: &str, with: &Input) -> Record {
    let mut parameters = tables::rule_parameters(workflow, rule);
    for (name, json) in with {
        match tables::plain_value(json) {
            Some(value) => parameters.set(name.as_str().into(), value),
            None => drop(parameters.clear(name)),
        }
    }
    parameters
}
