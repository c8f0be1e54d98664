//! Judging: what the rules say about each case before anybody works on it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::mapping::{Judge, Mapping};
use super::plan::PlannedCase;
use super::player::in_parallel;
use crate::cli::Failed;
use crate::cli::client::{Client, Problem, segment};

/// What all rules said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Judged {
    /// Cases that were judged.
    pub(crate) cases: usize,
    /// What was found, by rule in the order of the mapping, the most frequent first.
    pub(crate) findings: Vec<Found>,
    /// Cases that a rule could not judge.
    pub(crate) failed: Vec<Unjudged>,
}

/// What one rule found under one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    /// The rule.
    pub(crate) rule: String,
    /// The code.
    pub(crate) code: String,
    /// How grave: `fail`, `warn` or `note`.
    pub(crate) severity: String,
    /// How often.
    pub(crate) findings: usize,
    /// In how many cases.
    pub(crate) cases: usize,
    /// The first of them, as a sentence.
    pub(crate) example: String,
}

/// Cases that a rule could not judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unjudged {
    /// The rule.
    pub(crate) rule: String,
    /// Why, for the first of them.
    pub(crate) reason: String,
    /// How many.
    pub(crate) cases: usize,
}

/// What one rule said about one case.
type Said = Result<Vec<Finding>, String>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    code: String,
    severity: String,
    message: String,
}

/// Has every rule of the mapping judge every case. `told` is told once for each case.
///
/// # Errors
/// When the server can't be reached.
pub(crate) fn judge(
    mapping: &Mapping,
    cases: &[PlannedCase],
    client: &Client,
    clients: usize,
    told: impl Fn() + Sync,
) -> Result<Judged, Failed> {
    let mut said: Vec<(&PlannedCase, Vec<Said>)> = cases.iter().map(|case| (case, Vec::new())).collect();
    in_parallel(&mut said, clients, |(case, said)| {
        for judge in &mapping.judge {
            said.push(ask(mapping, judge, case, client)?);
        }
        told();
        Ok(())
    })?;
    let said: Vec<Vec<Said>> = said.into_iter().map(|(_, said)| said).collect();
    Ok(count(&mapping.judge, &said))
}

fn ask(mapping: &Mapping, judge: &Judge, case: &PlannedCase, client: &Client) -> Result<Said, Failed> {
    let mut body = json!({ "workflow": mapping.workflow, "fields": case.fields });
    if let Some(body) = body.as_object_mut()
        && !judge.with.is_empty()
    {
        body.insert("with".into(), judge.with.clone().into_iter().collect());
    }
    let answer = client.post(&format!("/v1/rules/{}/evaluate", segment(&judge.rule)), &body)?;
    if !answer.is_ok() {
        return Ok(Err(Problem::read(&answer).to_string()));
    }
    let verdict = answer.json.get("verdict").unwrap_or(&Json::Null);
    if let Some(error) = verdict.get("error").filter(|error| !error.is_null()) {
        return Ok(Err(error.get("message").and_then(Json::as_str).unwrap_or_default().to_owned()));
    }
    let findings = verdict.get("findings").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Ok(findings.iter().map(Finding::read).collect()))
}

impl Finding {
    fn read(json: &Json) -> Self {
        let text = |name: &str| json.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        Self { code: text("code"), severity: text("severity"), message: text("message") }
    }
}

fn count(judges: &[Judge], said: &[Vec<Said>]) -> Judged {
    let mut judged = Judged { cases: said.len(), ..Judged::default() };
    for (place, judge) in judges.iter().enumerate() {
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        let mut failed: Option<Unjudged> = None;
        for case in said.iter().filter_map(|case| case.get(place)) {
            match case {
                Ok(findings) => count_case(&judge.rule, findings, &mut found),
                Err(reason) => {
                    let new = || Unjudged { rule: judge.rule.clone(), reason: reason.clone(), cases: 0 };
                    failed.get_or_insert_with(new).cases += 1;
                }
            }
        }
        let mut found: Vec<Found> = found.into_values().collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.findings));
        judged.findings.extend(found);
        judged.failed.extend(failed);
    }
    judged
}

fn count_case<'f>(rule: &str, findings: &'f [Finding], found: &mut BTreeMap<&'f str, Found>) {
    let mut seen: Vec<&str> = Vec::new();
    for finding in findings {
        let entry = found.entry(&finding.code).or_insert_with(|| Found {
            rule: rule.to_owned(),
            code: finding.code.clone(),
            severity: finding.severity.clone(),
            findings: 0,
            cases: 0,
            example: finding.message.clone(),
        });
        entry.findings += 1;
        if !seen.contains(&finding.code.as_str()) {
            entry.cases += 1;
            seen.push(&finding.code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_with_the_cases_they_stand_in() {
        let finding = |code: &str| Finding { code: code.into(), severity: "fail".into(), message: format!("{code}!") };
        let judges: Vec<Judge> = serde_yaml::from_str("[{ rule: r }, { rule: s, with: { a: 1 } }]").unwrap();
        let said = [
            vec![Ok(vec![finding("x"), finding("y"), finding("y")]), Ok(vec![])],
            vec![Ok(vec![finding("y")]), Err("broke".to_owned())],
            vec![Ok(vec![]), Err("broke again".to_owned())],
        ];
        let judged = count(&judges, &said);
        let found: Vec<_> = judged.findings.iter().map(|one| (one.code.as_str(), one.findings, one.cases)).collect();
        assert_eq!(found, [("y", 3, 2), ("x", 1, 1)]);
        assert_eq!(judged.failed, [Unjudged { rule: "s".into(), reason: "broke".into(), cases: 2 }]);
        assert_eq!(judged.cases, 3);
    }
}
