//! The files of tests as written: scenarios of a workflow, tests of a rule.

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Severity};
use crate::workflow::walk::{At, Entry, Node, Spot, What};

use super::read::{Keys, entries, items, one_or_more, text, texts};
use super::workflow::named;

mod step;

pub(in crate::workflow) use step::{DeedSource, ExpectSource, ExpectedSource, StepSource, TaskWord};

use step::step;

const FILE_KEYS: &[&str] = &["people", "tables", "resources", "opening", "answers", "clock", "scenarios"];

const SCENARIO_KEYS: &[&str] =
    &["scenario", "covers", "clock", "at", "tables", "resources", "opening", "answers", "steps"];

const RULE_KEYS: &[&str] = &["rule", "workflow", "people", "tables", "resources", "clock", "given", "tests"];

const TEST_KEYS: &[&str] =
    &["test", "covers", "clock", "tables", "resources", "as", "given", "with", "finds", "returns", "error"];

/// The scenarios of a workflow as written.
#[derive(Debug)]
pub(in crate::workflow) struct SuiteSource {
    /// The workflow: the file's name, up to its first dot.
    pub(in crate::workflow) workflow: Name,
    /// The rest of the file's name: `WORKFLOW.TOPIC.scenarios.yaml`. It shares what the file without a topic says.
    pub(in crate::workflow) topic: Option<Name>,
    /// The file.
    pub(in crate::workflow) file: Spot,
    /// What all scenarios share.
    pub(in crate::workflow) common: Common,
    /// The scenarios.
    pub(in crate::workflow) scenarios: Vec<ScenarioSource>,
}

/// Who acts on what; a scenario has some of its own.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Common {
    /// Who there is, with their roles.
    pub(in crate::workflow) people: Vec<(At<Name>, Vec<At<Name>>)>,
    /// The rows of each table.
    pub(in crate::workflow) tables: Vec<(At<Name>, Vec<Node>)>,
    /// What there is of each pool.
    pub(in crate::workflow) resources: Vec<PoolSource>,
    /// The fields with which a case is opened.
    pub(in crate::workflow) opening: Vec<Entry>,
    /// The answers to what is asked on the way to a stage.
    pub(in crate::workflow) answers: Vec<Entry>,
    /// When it begins.
    pub(in crate::workflow) clock: Option<At<Name>>,
}

/// A pool as written: how it stands, or shall stand.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct PoolSource {
    /// The resource.
    pub(in crate::workflow) resource: At<Name>,
    /// Its key.
    pub(in crate::workflow) key: At<Name>,
    /// How it stands; a number alone is what is on hand.
    pub(in crate::workflow) what: Node,
}

/// A scenario as written.
#[derive(Debug)]
pub(in crate::workflow) struct ScenarioSource {
    /// What it shows.
    pub(in crate::workflow) name: At<Name>,
    /// The requirements that it covers.
    pub(in crate::workflow) covers: Vec<Name>,
    /// What it has of its own.
    pub(in crate::workflow) common: Common,
    /// The stage that it begins in.
    pub(in crate::workflow) at: Option<At<Name>>,
    /// The turns.
    pub(in crate::workflow) steps: Vec<StepSource>,
}

/// The tests of a rule as written.
#[derive(Debug)]
pub(in crate::workflow) struct RuleSuiteSource {
    /// The rule: the file's name.
    pub(in crate::workflow) rule: Name,
    /// The file.
    pub(in crate::workflow) file: Spot,
    /// The workflow whose case it judges.
    pub(in crate::workflow) workflow: Option<At<Name>>,
    /// What all tests share.
    pub(in crate::workflow) common: Common,
    /// The fields that the case has in all tests.
    pub(in crate::workflow) given: Vec<Entry>,
    /// The tests.
    pub(in crate::workflow) tests: Vec<RuleTestSource>,
}

/// A test of a rule as written.
#[derive(Debug)]
pub(in crate::workflow) struct RuleTestSource {
    /// What it shows.
    pub(in crate::workflow) name: At<Name>,
    /// The requirements that it covers.
    pub(in crate::workflow) covers: Vec<Name>,
    /// What it has of its own.
    pub(in crate::workflow) common: Common,
    /// Who acts.
    pub(in crate::workflow) by: Option<At<Name>>,
    /// The fields of the case.
    pub(in crate::workflow) given: Vec<Entry>,
    /// The parameters.
    pub(in crate::workflow) with: Vec<Entry>,
    /// What must come of it.
    pub(in crate::workflow) outcome: OutcomeSource,
}

/// What must come of a rule, as written.
#[derive(Debug)]
pub(in crate::workflow) enum OutcomeSource {
    /// These findings.
    Finds(Vec<FoundSource>),
    /// These fields.
    Returns(Vec<Entry>),
    /// It can't be judged, with this code.
    Error(At<Name>),
}

/// A finding as written.
#[derive(Debug)]
pub(in crate::workflow) struct FoundSource {
    /// Its code.
    pub(in crate::workflow) code: At<Name>,
    /// How grave it is.
    pub(in crate::workflow) severity: Option<Severity>,
    /// Its path.
    pub(in crate::workflow) path: Option<At<Name>>,
    /// Its facts.
    pub(in crate::workflow) facts: Vec<(Name, At<Name>)>,
}

/// Reads the scenarios in a file of this `name`. `lines` is the text of the file: what a scenario covers may stand in a comment.
pub(in crate::workflow) fn suite(
    file: &Name,
    name: &str,
    root: &Node,
    lines: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<SuiteSource> {
    let keys = Keys::of(root, "a file of scenarios", FILE_KEYS, found)?;
    let scenarios = keys.need("scenarios", "a file of scenarios", found)?;
    let scenarios = items(scenarios, "`scenarios`", found);
    let scenarios = scenarios.iter().filter_map(|node| scenario(node, lines, found)).collect();
    let (workflow, topic) = name.split_once('.').map_or((name, None), |(workflow, topic)| (workflow, Some(topic)));
    let (workflow, topic) = (workflow.into(), topic.map(Name::from));
    Some(SuiteSource { workflow, topic, file: Spot::file(file), common: Common::read(&keys, found), scenarios })
}

/// Reads the tests of `rule`.
pub(in crate::workflow) fn rule_suite(
    file: &Name,
    rule: &str,
    root: &Node,
    lines: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<RuleSuiteSource> {
    let keys = Keys::of(root, "a file of tests", RULE_KEYS, found)?;
    named(&keys, "rule", rule, found);
    let tests = keys.need("tests", "a file of tests", found)?;
    Some(RuleSuiteSource {
        rule: rule.into(),
        file: Spot::file(file),
        workflow: keys.get("workflow").and_then(|node| text(node, "`workflow`", found)),
        given: fields(&keys, "given", found),
        tests: items(tests, "`tests`", found).iter().filter_map(|node| rule_test(node, lines, found)).collect(),
        common: Common::read(&keys, found),
    })
}

impl Common {
    fn read(keys: &Keys<'_>, found: &mut Vec<Diagnostic>) -> Self {
        Self {
            people: keys.get("people").map(|node| people(node, found)).unwrap_or_default(),
            tables: keys.get("tables").map(|node| tables(node, found)).unwrap_or_default(),
            resources: keys.get("resources").map(|node| pools(node, found)).unwrap_or_default(),
            opening: fields(keys, "opening", found),
            answers: fields(keys, "answers", found),
            clock: keys.get("clock").and_then(|node| text(node, "`clock`", found)),
        }
    }
}

fn people(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<(At<Name>, Vec<At<Name>>)> {
    let people = entries(node, "`people`", found).unwrap_or_default();
    people.iter().map(|entry| (entry.key.clone(), texts(&entry.value, "the roles of a person", found))).collect()
}

fn tables(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<(At<Name>, Vec<Node>)> {
    let tables = entries(node, "`tables`", found).unwrap_or_default();
    tables.iter().map(|entry| (entry.key.clone(), items(&entry.value, "the rows of a table", found).to_vec())).collect()
}

/// The pools under `resources`: by resource, then by key.
fn pools(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<PoolSource> {
    let mut pools = Vec::new();
    for resource in entries(node, "`resources`", found).unwrap_or_default() {
        for pool in entries(&resource.value, "the pools of a resource", found).unwrap_or_default() {
            let (resource, key, what) = (resource.key.clone(), pool.key.clone(), pool.value.clone());
            pools.push(PoolSource { resource, key, what });
        }
    }
    pools
}

/// The fields under `key`, as they were written.
fn fields(keys: &Keys<'_>, key: &str, found: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let node = keys.get(key);
    node.and_then(|node| entries(node, &format!("`{key}`"), found)).unwrap_or_default().to_vec()
}

fn scenario(node: &Node, lines: &str, found: &mut Vec<Diagnostic>) -> Option<ScenarioSource> {
    let keys = Keys::of(node, "a scenario", SCENARIO_KEYS, found)?;
    let name = text(keys.need("scenario", "a scenario", found)?, "`scenario`", found)?;
    let steps = keys.need("steps", "a scenario", found)?;
    Some(ScenarioSource {
        covers: covers(&keys, &name, lines, found),
        common: Common::read(&keys, found),
        at: keys.get("at").and_then(|node| text(node, "`at`", found)),
        steps: items(steps, "`steps`", found).iter().filter_map(|node| step(node, found)).collect(),
        name,
    })
}

/// The requirements after the name, in a comment, and those under `covers`.
fn covers(keys: &Keys<'_>, name: &At<Name>, lines: &str, found: &mut Vec<Diagnostic>) -> Vec<Name> {
    let line = usize::try_from(name.spot.place.line).ok().and_then(|line| lines.lines().nth(line.saturating_sub(1)));
    let after = name.spot.place.column.saturating_sub(1);
    let skipped = usize::try_from(after).unwrap_or(usize::MAX).saturating_add(name.spot.length);
    let rest: String = line.unwrap_or_default().chars().skip(skipped).collect();
    let mut covers = requirements(rest.split_once('#').map(|(_, comment)| comment).unwrap_or_default());
    if let Some(node) = keys.get("covers") {
        for said in texts(node, "`covers`", found) {
            let named = requirements(&said.value);
            if named.is_empty() {
                let error = said.spot.error("E023", format!("`{}` is no requirement", said.value));
                found.push(error.help("write it as `R22`"));
            }
            covers.extend(named);
        }
    }
    covers
}

/// The requirements that a text names: `R22`, and those between in `R22-R24`.
#[must_use]
pub fn requirements(text: &str) -> Vec<Name> {
    let mut named: Vec<u32> = Vec::new();
    let mut until = false;
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
        let number = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if let Some(number) = number.strip_prefix('R').and_then(|digits| digits.parse::<u32>().ok()) {
            match named.last() {
                Some(from) if until && number.saturating_sub(*from) <= REQUIREMENTS_MAX => {
                    named.extend(from.saturating_add(1)..number.saturating_add(1));
                }
                Some(_) | None => named.push(number),
            }
        }
        until = word.ends_with('-');
    }
    named.into_iter().map(|number| format!("R{number}").into()).collect()
}

/// How many requirements a range names at most.
const REQUIREMENTS_MAX: u32 = 1_000;

fn rule_test(node: &Node, lines: &str, found: &mut Vec<Diagnostic>) -> Option<RuleTestSource> {
    let keys = Keys::of(node, "a test", TEST_KEYS, found)?;
    let name = text(keys.need("test", "a test", found)?, "`test`", found)?;
    Some(RuleTestSource {
        covers: covers(&keys, &name, lines, found),
        common: Common::read(&keys, found),
        by: keys.get("as").and_then(|node| text(node, "`as`", found)),
        given: fields(&keys, "given", found),
        with: fields(&keys, "with", found),
        outcome: outcome(&keys, &name, found)?,
        name,
    })
}

fn outcome(keys: &Keys<'_>, name: &At<Name>, found: &mut Vec<Diagnostic>) -> Option<OutcomeSource> {
    match (keys.get("finds"), keys.get("returns"), keys.get("error")) {
        (Some(node), None, None) => {
            let finds = one_or_more(node, "`finds`", found);
            Some(OutcomeSource::Finds(finds.iter().filter_map(|node| finding(node, found)).collect()))
        }
        (None, Some(_), None) => Some(OutcomeSource::Returns(fields(keys, "returns", found))),
        (None, None, Some(node)) => text(node, "`error`", found).map(OutcomeSource::Error),
        (None, None, None) => {
            let error = name.spot.error("E021", "a test needs `finds`, `returns` or `error`");
            found.push(error.help("write `finds: []` where the rule has nothing to say"));
            None
        }
        (Some(_), _, _) | (None, Some(_), Some(_)) => {
            found.push(name.spot.error("E030", "a test has one of `finds`, `returns` and `error`"));
            None
        }
    }
}

fn finding(node: &Node, found: &mut Vec<Diagnostic>) -> Option<FoundSource> {
    if matches!(node.what, What::Scalar(_)) {
        let code = text(node, "a code", found)?;
        return Some(FoundSource { code, severity: None, path: None, facts: Vec::new() });
    }
    let keys = Keys::of(node, "a finding", &["fail", "warn", "note", "at", "facts"], found)?;
    let severities = [("fail", Severity::Fail), ("warn", Severity::Warn), ("note", Severity::Note)];
    let mut said = severities.into_iter().filter_map(|(key, severity)| keys.get(key).map(|node| (node, severity)));
    let (Some((code, severity)), None) = (said.next(), said.next()) else {
        found.push(node.spot.error("E021", "a finding needs one of `fail`, `warn` and `note`, with its code"));
        return None;
    };
    let facts = keys.get("facts").and_then(|node| entries(node, "`facts`", found)).unwrap_or_default();
    let facts = facts.iter().filter_map(|entry| {
        let fact = text(&entry.value, "a fact", found)?;
        Some((Name::clone(&entry.key.value), fact))
    });
    Some(FoundSource {
        facts: facts.collect(),
        code: text(code, "a code", found)?,
        severity: Some(severity),
        path: keys.get("at").and_then(|node| text(node, "`at`", found)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_requirements_one_by_one_and_as_a_range() {
        for (text, named) in [
            ("R22 R23", "R22 R23"),
            ("R22-R24, R97 at the limit", "R22 R23 R24 R97"),
            ("R1-R9999999", "R1 R9999999"),
            ("nothing Rx R", ""),
            ("XR5 R05", "R5"),
        ] {
            assert_eq!(requirements(text).join(" "), named, "{text}");
        }
    }
}
