//! A test of a rule: a case, and what the rule says about it.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::engine::value_text;
use crate::model::command::Input;
use crate::model::{Finding, Name, Severity, VerdictError};
use crate::runtime::{self, Sample};
use crate::workflow::suite::{Found, RuleOutcome, RuleSuite, RuleTest};
use crate::workflow::{Definition, Files};

use super::bed::Bed;
use super::report::Failure;

/// Runs it; what was not as expected.
pub(super) async fn test(
    definition: &Arc<Definition>,
    files: &Files,
    suite: &RuleSuite,
    test: &RuleTest,
) -> Vec<Failure> {
    let came = match Bed::start(definition, files, test.clock, (&test.tables, &test.pools)).await {
        Ok(bed) => judge(&bed, suite, test).await,
        Err(failure) => Err(failure),
    };
    let step = format!("the rule `{}`", suite.rule);
    let failure = match came {
        Ok(failure) => failure,
        Err(failure) => {
            Some(Failure::at(&test.place, "that it can be tried".to_owned(), String::new()).because(&failure))
        }
    };
    failure.into_iter().map(|failure| Failure { step: step.clone(), ..failure }).collect()
}

async fn judge(bed: &Bed, suite: &RuleSuite, test: &RuleTest) -> Result<Option<Failure>, runtime::Failure> {
    let sample = || Sample::Draft { workflow: Name::clone(&suite.workflow), fields: test.given.clone() };
    let (rule, with) = (&suite.rule, test.with.clone());
    let fails = |expected: String, found: String| Some(Failure::at(&test.place, expected, found));
    if let RuleOutcome::Returns(fields) = &test.outcome {
        let returned = bed.runtime.returned(&test.actor, rule, sample(), with).await?;
        let expected = || format!("the fields {}", serde_json::Value::Object(fields.clone()));
        return Ok(match returned {
            Ok(returned) if alike(fields, &returned) => None,
            Ok(returned) => fails(expected(), serde_json::Value::Object(returned).to_string()),
            Err(error) => fails(expected(), unjudged(&error)),
        });
    }
    let verdict = bed.runtime.evaluate(&test.actor, rule, None, sample(), with).await?.verdict;
    Ok(match (&test.outcome, &verdict.error) {
        (RuleOutcome::Error(code), Some(error)) if *code == error.code => None,
        (RuleOutcome::Error(code), Some(error)) => fails(format!("the error `{code}`"), unjudged(error)),
        (RuleOutcome::Error(code), None) => fails(format!("the error `{code}`"), listed(&verdict.findings)),
        (RuleOutcome::Finds(finds), Some(error)) => fails(wanted(finds), unjudged(error)),
        (RuleOutcome::Finds(finds), None) => {
            let same = finds.len() == verdict.findings.len();
            let all = finds.iter().zip(&verdict.findings).all(|(one, other)| fits(one, other));
            if same && all { None } else { fails(wanted(finds), listed(&verdict.findings)) }
        }
        (RuleOutcome::Returns(_), _) => None,
    })
}

/// Whether exactly the fields were returned that were expected, in any order.
fn alike(expected: &Input, found: &Input) -> bool {
    let set = |fields: &Input| fields.values().filter(|value| !value.is_null()).count();
    let stands = |(name, value): (&String, &Json)| match found.get(name) {
        Some(found) => same(value, found),
        None => value.is_null(),
    };
    set(expected) == set(found) && expected.iter().all(stands)
}

/// `3` and `"3"` are one: a rule may give a number where a client would write a text.
fn same(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => alike(expected, found),
        (Json::Array(expected), Json::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(one, other)| same(one, other))
        }
        (one, other) => plain(one) == plain(other),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn fits(expected: &Found, found: &Finding) -> bool {
    let severe = expected.severity.is_none_or(|severity| severity == found.severity);
    let placed = expected.path.as_ref().is_none_or(|path| *path == found.path);
    let fact = |(name, text): &(Name, Name)| {
        found.facts.get(name).is_some_and(|value| {
            let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
            let said = value_text(value);
            said == *text || number(&said).is_some_and(|one| number(text) == Some(one))
        })
    };
    expected.code == found.code && severe && placed && expected.facts.iter().all(fact)
}

fn wanted(finds: &[Found]) -> String {
    let shown = finds.iter().map(|found| {
        let severity = found.severity.map(|severity| format!("{} ", word(severity))).unwrap_or_default();
        let path = found.path.as_ref().map(|path| format!(" at `{path}`")).unwrap_or_default();
        let facts: Vec<String> = found.facts.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" with {}", facts.join(", ")) };
        format!("{severity}`{}`{path}{facts}", found.code)
    });
    or_nothing(&shown.collect::<Vec<_>>())
}

fn listed(findings: &[Finding]) -> String {
    let shown = findings.iter().map(|found| {
        let path = if found.path.is_empty() { String::new() } else { format!(" at `{}`", found.path) };
        let facts: Vec<String> =
            found.facts.iter().map(|(name, value)| format!("{name}: {}", value_text(value))).collect();
        let facts = if facts.is_empty() { String::new() } else { format!(" with {}", facts.join(", ")) };
        format!("{} `{}`{path}{facts}", word(found.severity), found.code)
    });
    or_nothing(&shown.collect::<Vec<_>>())
}

fn or_nothing(shown: &[String]) -> String {
    if shown.is_empty() { "no findings".to_owned() } else { shown.join("; ") }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "fail",
        Severity::Warn => "warn",
        Severity::Note => "note",
    }
}

fn unjudged(error: &VerdictError) -> String {
    let place = &error.place;
    format!("it can't be judged: `{}` {} ({}:{})", error.code, error.message, place.file, place.line)
}
