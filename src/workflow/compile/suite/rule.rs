//! The tests of a rule.

use crate::model::command::Input;
use crate::model::{Actor, Name};
use crate::workflow::compile::given::json;
use crate::workflow::compile::names::unknown;
use crate::workflow::definition::suite::{Found, Rows, RuleOutcome, RuleSuite, RuleTest};
use crate::workflow::definition::{Checked, Workflow};
use crate::workflow::source::{OutcomeSource, RuleSuiteSource, RuleTestSource};
use crate::workflow::walk::At;

use super::{Ground, together, whole};

impl<'a> Ground<'a, '_> {
    /// The tests of one rule; nothing, when it or its workflow is broken.
    pub(super) fn rule_suite(&mut self, source: &'a RuleSuiteSource) -> Option<RuleSuite> {
        let sources = self.shared.sources;
        if !sources.rules.contains_key(&source.rule) {
            let known = sources.rules.keys().map(|name| &**name);
            self.found.push(unknown("E105", "rule", &whole(&source.file, &source.rule), known));
            return None;
        }
        let rule = self.shared.rules.get(&source.rule)?.clone()?;
        let workflow = self.judged(source)?;
        let people = self.people(&source.common);
        let (tables, pools) = (self.rows(&source.common.tables), self.pools(&source.common.resources));
        let base = self.over(workflow, &Input::new(), &source.given);
        let mut tests = Vec::new();
        for test in &source.tests {
            let by = test.by.as_ref().and_then(|by| self.person(&people, by));
            let clock = self.moment(test.common.clock.as_ref().or(source.common.clock.as_ref()), workflow.zone);
            let actor = by.unwrap_or_else(Actor::system);
            tests.push(self.rule_test(workflow, test, &base, (&tables, &pools), (actor, clock)));
        }
        if !rule.checks && !rule.runs {
            return None;
        }
        let workflow = Name::clone(&workflow.name);
        Some(RuleSuite { rule: Name::clone(&source.rule), workflow, tests })
    }

    /// The workflow that a rule is tested for: the one that the file names, else the first one that uses it.
    fn judged(&mut self, source: &RuleSuiteSource) -> Option<&'a Workflow> {
        if let Some(name) = &source.workflow {
            return self.workflow(name).map(AsRef::as_ref);
        }
        let uses = |workflow: &Workflow| {
            let transitions = workflow.transitions.iter().chain([&workflow.open]);
            transitions.flat_map(|transition| &transition.checks).any(|check| match &check.checked {
                Checked::Rule { rule, .. } => rule.name == source.rule,
                Checked::Need { .. } => false,
            })
        };
        let used = self.workflows.values().find(|workflow| uses(workflow));
        let first = used.or_else(|| self.workflows.values().next());
        first.map(AsRef::as_ref)
    }

    fn rule_test(
        &mut self,
        workflow: &Workflow,
        source: &RuleTestSource,
        base: &Input,
        (tables, pools): (&Rows, &Rows),
        (actor, clock): (Actor, crate::model::Timestamp),
    ) -> RuleTest {
        let given = self.over(workflow, base, &source.given);
        let (own, own_pools) = (self.rows(&source.common.tables), self.pools(&source.common.resources));
        let with = source.with.iter().map(|entry| {
            let kind = crate::field::Kind::Boolean;
            let json = parameter(&entry.value).unwrap_or_else(|| json(&kind, &entry.value));
            (entry.key.value.to_string(), json)
        });
        RuleTest {
            name: Name::clone(&source.name.value),
            place: source.name.spot.place.clone(),
            covers: source.covers.clone(),
            clock,
            tables: together(tables, own),
            pools: together(pools, own_pools),
            actor,
            given,
            with: with.collect(),
            outcome: self.outcome(workflow, &source.outcome),
        }
    }

    fn outcome(&mut self, workflow: &Workflow, source: &OutcomeSource) -> RuleOutcome {
        match source {
            OutcomeSource::Error(code) => RuleOutcome::Error(Name::clone(&code.value)),
            OutcomeSource::Returns(entries) => RuleOutcome::Returns(self.over(workflow, &Input::new(), entries)),
            OutcomeSource::Finds(finds) => {
                let finds = finds.iter().map(|found| Found {
                    code: Name::clone(&found.code.value),
                    severity: found.severity,
                    path: found.path.as_ref().map(|path: &At<Name>| Name::clone(&path.value)),
                    facts: found
                        .facts
                        .iter()
                        .map(|(name, fact)| (Name::clone(name), Name::clone(&fact.value)))
                        .collect(),
                });
                RuleOutcome::Finds(finds.collect())
            }
        }
    }
}

/// A number stays a number where nothing says what a parameter holds.
fn parameter(node: &crate::workflow::walk::Node) -> Option<serde_json::Value> {
    let crate::workflow::walk::What::Scalar(scalar) = &node.what else { return None };
    match crate::workflow::source::literal_of(scalar) {
        crate::workflow::source::ScalarKind::Integer(number) => Some(number.into()),
        crate::workflow::source::ScalarKind::Decimal(number) => {
            number.to_string().parse::<serde_json::Number>().ok().map(serde_json::Value::Number)
        }
        crate::workflow::source::ScalarKind::Boolean(flag) => Some(flag.into()),
        crate::workflow::source::ScalarKind::Nothing => Some(serde_json::Value::Null),
        crate::workflow::source::ScalarKind::Text => None,
    }
}
