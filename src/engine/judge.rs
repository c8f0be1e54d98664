//! Judging a transition: who may, under which condition, and what the checks say. Every reason is collected.

use std::collections::BTreeSet;

use crate::diagnostic::did_you_mean;
use crate::model::world::Hold;
use crate::model::{
    Actor, CaseId, Finding, Mode, Name, Reason, Record, RefusalKind, Severity, Title, Verdict, VerdictError,
};
use crate::rule::{Expression, Facts};
use crate::workflow::{Check, Checked, Given, Transition, Workflow};

use super::draft::Draft;

/// Refuses whoever is not the engine itself.
pub(super) fn engine_only(actor: &Actor) -> Result<(), Reason> {
    if actor.has(crate::model::command::SYSTEM) {
        return Ok(());
    }
    let title = Title::new("只由系统自身执行", "is only done by the engine itself");
    Err(Reason::new(RefusalKind::Forbidden, "role", title))
}

impl Draft<'_> {
    /// Why the condition of `transition` does not hold.
    pub(super) fn condition_fails(&self, transition: &Transition, facts: &Facts) -> Option<Reason> {
        self.unmet(transition.when.as_deref(), facts)
    }

    /// Why a condition does not hold.
    pub(super) fn unmet(&self, condition: Option<&Expression>, facts: &Facts) -> Option<Reason> {
        let condition = condition?;
        match self.condition(condition, facts, None) {
            Ok(true) => None,
            Ok(false) => {
                let text = &condition.text;
                let title = Title::new(&format!("条件不成立: {text}"), &format!("the condition does not hold: {text}"));
                let reason = Reason::new(RefusalKind::Conflict, "condition", title);
                Some(Reason { place: Some(condition.place.clone()), ..reason })
            }
            Err(reason) => Some(reason),
        }
    }

    /// What every check of `transition` says; none is left out because another failed.
    pub(super) fn verdicts(&self, transition: &Transition, facts: &Facts) -> Vec<(bool, Verdict)> {
        self.verdicts_of(&transition.checks, facts)
    }

    /// What every one of some checks says.
    pub(super) fn verdicts_of(&self, checks: &[Check], facts: &Facts) -> Vec<(bool, Verdict)> {
        checks.iter().map(|check| (check.refuse_on_error, self.verdict(check, facts))).collect()
    }

    fn verdict(&self, check: &Check, facts: &Facts) -> Verdict {
        match &check.checked {
            Checked::Rule { rule, with } => {
                let parameters = match self.parameters(with, facts) {
                    Ok(parameters) => parameters,
                    Err(error) => return failed(&rule.name, check.mode, error),
                };
                let (findings, error) = self.definition.engine.check(rule, facts, &parameters);
                Verdict { rule: rule.name.clone(), mode: check.mode, findings, error }
            }
            Checked::Need { condition, say, code } => match self.definition.engine.evaluate(condition, facts, None) {
                Ok(Some(crate::model::Value::Boolean(true))) => {
                    Verdict { rule: "need".into(), mode: check.mode, findings: Vec::new(), error: None }
                }
                Ok(Some(crate::model::Value::Boolean(false))) => Verdict {
                    rule: "need".into(),
                    mode: check.mode,
                    findings: vec![need(say, code, &condition.place)],
                    error: None,
                },
                Ok(other) => failed("need", check.mode, undecided(condition, other.is_none())),
                Err(error) => failed("need", check.mode, error),
            },
        }
    }

    /// The parameters of a rule, worked out.
    pub(super) fn parameters(&self, with: &[(Name, Given)], facts: &Facts) -> Result<Record, VerdictError> {
        let mut parameters = Record::new();
        for (name, given) in with {
            let value = match given {
                Given::Value(value) => Some(value.clone()),
                Given::Nothing | Given::Today(_) => None,
                Given::Expression(expression) => self.definition.engine.evaluate(expression, facts, None)?,
            };
            if let Some(value) = value {
                parameters.set(name.clone(), value);
            }
        }
        Ok(parameters)
    }
}

fn need(say: &Title, code: &Name, place: &crate::model::Place) -> Finding {
    Finding {
        severity: Severity::Fail,
        code: Name::clone(code),
        path: "".into(),
        facts: Record::new(),
        sentence: say.clone(),
        place: place.clone(),
    }
}

/// A condition that gave no value, or one that is neither true nor false.
pub(super) fn undecided(condition: &Expression, missing: bool) -> VerdictError {
    let text = &condition.text;
    let (code, message) = if missing {
        ("missing_value", format!("`{text}` has no value, so it is neither true nor false"))
    } else {
        ("type_mismatch", format!("`{text}` is neither true nor false"))
    };
    VerdictError { code: code.into(), message: message.into(), place: condition.place.clone() }
}

fn failed(rule: &str, mode: Mode, error: VerdictError) -> Verdict {
    Verdict { rule: rule.into(), mode, findings: Vec::new(), error: Some(error) }
}

/// The reasons to refuse that a verdict gives: the failing findings of an enforced check, and an error that may
/// not pass. Running out of a budget refuses whatever the mode of the error, except in shadow.
pub(super) fn reasons(verdict: &Verdict, refuse_on_error: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if verdict.mode == Mode::Enforce {
        let failing = verdict.findings.iter().filter(|finding| finding.severity == Severity::Fail);
        reasons.extend(failing.map(|finding| found(&verdict.rule, finding)));
    }
    if let Some(error) = &verdict.error {
        let budget = &*error.code == VerdictError::BUDGET;
        let bites = match verdict.mode {
            Mode::Enforce => refuse_on_error || budget,
            Mode::Warn => budget,
            Mode::Shadow => false,
        };
        if bites {
            reasons.push(broken(Some(&verdict.rule), error));
        }
    }
    reasons
}

fn found(rule: &Name, finding: &Finding) -> Reason {
    let sentence = if finding.sentence.is_empty() { Title::both(&finding.code) } else { finding.sentence.clone() };
    Reason {
        rule: Some(rule.clone()),
        place: Some(finding.place.clone()),
        facts: finding.facts.clone(),
        ..Reason::new(RefusalKind::Invalid, &finding.code, sentence).at(&finding.path)
    }
}

/// A check, condition or formula that could not be judged.
pub(super) fn broken(rule: Option<&Name>, error: &VerdictError) -> Reason {
    let kind = if &*error.code == VerdictError::BUDGET { RefusalKind::Unavailable } else { RefusalKind::Invalid };
    let (zh, en) = (format!("无法判定: {}", error.message), format!("can't be judged: {}", error.message));
    Reason {
        rule: rule.cloned(),
        place: Some(error.place.clone()),
        ..Reason::new(kind, &error.code, Title::new(&zh, &en))
    }
}

/// A required field without a value.
pub(super) fn required(field: &str) -> Reason {
    Reason::new(RefusalKind::Invalid, "required", Title::new("必填", "is required")).at(field)
}

/// A field that keeps its first value.
pub(super) fn write_once(field: &str) -> Reason {
    let title = Title::new("首次写入后不可更改", "keeps its first value and can't be changed");
    Reason::new(RefusalKind::Invalid, "write_once", title).at(field)
}

/// A list that is full.
pub(super) fn too_many(field: &str, max: usize) -> Reason {
    let title = Title::new(&format!("最多 {max} 项"), &format!("has room for {max} items and would have more"));
    Reason::new(RefusalKind::Invalid, "wrong_count", title).at(field)
}

/// A field that is given and may not be given here.
pub(super) fn not_taken(workflow: &Workflow, name: &str, allowed: &BTreeSet<Name>) -> Reason {
    let known = workflow.schema.get(name);
    if known.is_some_and(|field| field.computed) {
        let title = Title::new("由公式计算,不能填写", "is computed by a formula; leave it out");
        return Reason::new(RefusalKind::Invalid, "computed", title).at(name);
    }
    if known.is_some() {
        let list = allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let list = if list.is_empty() { "nothing".to_owned() } else { list };
        let title =
            Title::new(&format!("此处不能填写;可填写: {list}"), &format!("can't be given here; what can: {list}"));
        return Reason::new(RefusalKind::Invalid, "not_taken_here", title).at(name);
    }
    let near = did_you_mean(name, workflow.schema.fields.keys().map(|name| &**name));
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let title = Title::new("没有此字段", &format!("is not a field of `{}`{hint}", workflow.name));
    Reason::new(RefusalKind::Invalid, "unknown_field", title).at(name)
}

/// A unique value that another case has (R37).
pub(super) fn taken(hold: &Hold, holder: CaseId) -> Reason {
    let (field, value) = (&hold.field, &hold.value);
    let title = Title::new(
        &format!("`{value}` 已被另一单据使用"),
        &format!("`{value}` belongs to another case already; open that one"),
    );
    Reason { case: Some(holder), ..Reason::new(RefusalKind::Conflict, "taken", title).at(field) }
}
