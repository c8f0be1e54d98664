//! Checks, actions and conditions.

use std::sync::Arc;

use crate::action::Action;
use crate::diagnostic::Diagnostic;
use crate::field::{Field, Kind, Required, Schema};
use crate::model::{Name, Title};
use crate::rule::{Expression, Gives, Rule};
use crate::workflow::definition::{Check, Checked, Given};
use crate::workflow::source::{ActionSource, CheckSource, Code, Condition, Judge, ScalarKind, literal_of};
use crate::workflow::walk::{At, Entry, Node, What};

use super::given::computed;
use super::names::unknown;
use super::words::words;
use super::workflow::Compiler;

/// A rule with its parameters.
/// The code of a refusal by a `need` that has none of its own.
const NEED: &str = "need";

type Called = (Arc<Rule>, Vec<(Name, Given)>);

impl Compiler<'_> {
    /// Compiles checks.
    pub(super) fn checks(&mut self, sources: &[CheckSource]) -> Vec<Check> {
        sources.iter().filter_map(|source| self.check(source)).collect()
    }

    fn check(&mut self, source: &CheckSource) -> Option<Check> {
        let checked = match &source.judge {
            Judge::Rule(name, with) => {
                let (rule, with) = self.rule(name, with, "check")?;
                Checked::Rule { rule, with }
            }
            Judge::Need(condition, say, code) => {
                let say = say.as_ref().map_or_else(Title::default, |say| say.value.clone());
                let say = if say.is_empty() { Title::both(&condition.text) } else { say };
                let code = code.as_ref().map_or_else(|| Name::from(NEED), |code| Name::clone(&code.value));
                Checked::Need { condition: self.holds(condition, None)?, say, code }
            }
        };
        let place = source.spot.place.clone();
        Some(Check { mode: source.mode, refuse_on_error: source.refuse_on_error, checked, place })
    }

    /// A rule with its parameters; `function` is what it must have.
    fn rule(&mut self, name: &At<Name>, with: &[Entry], function: &str) -> Option<Called> {
        self.used.rules.insert(Name::clone(&name.value));
        let (given, schema) = self.parameters(with);
        let Some(rule) = self.shared.rules.get(&name.value) else {
            let known = self.shared.rules.keys().map(|rule| &**rule);
            let error = unknown("E105", "rule", name, known);
            self.found.push(match error.help {
                Some(_) => error,
                None => error.help(format!("write it as `rules/{}.rhai`", name.value)),
            });
            return None;
        };
        let rule = Arc::clone(rule.as_ref()?);
        if let Some(Some((_, script))) = self.shared.sources.rules.get(&name.value) {
            self.used.words.extend(words(script).into_iter().map(|word| word.name.into()));
        }
        let has = if function == "run" { rule.runs } else { rule.checks };
        if !has {
            let error = name.spot.error("E128", format!("the rule `{}` has no function `{function}`", name.value));
            self.found.push(error.help(format!("add `fn {function}(...)` to `rules/{}.rhai`", name.value)));
            return None;
        }
        self.takes(name, &rule, with, &schema);
        Some((rule, given))
    }

    fn takes(&mut self, name: &At<Name>, rule: &Rule, with: &[Entry], schema: &Schema) {
        if let (Some(first), false) = (with.first(), rule.parameters) {
            let error = first.key.spot.error("E129", format!("the rule `{}` takes no parameters", name.value));
            self.found.push(error.help("give its function a second parameter, or leave `with` out"));
            return;
        }
        // What a rule leans on can't be judged while a field is not what it should be.
        if let (true, Some(engine)) = (self.broken.is_empty(), &self.shared.engine) {
            self.found.extend(engine.check_use(rule, &self.environment, schema));
        }
    }

    /// Compiles actions.
    pub(super) fn actions(&mut self, sources: &[ActionSource]) -> Vec<Action> {
        sources.iter().filter_map(|source| self.action(source)).collect()
    }

    fn action(&mut self, source: &ActionSource) -> Option<Action> {
        match source {
            ActionSource::Set(entries) => {
                let set = entries.iter().filter_map(|entry| {
                    let name = self.writable_field(&entry.key)?;
                    let field = self.known_field(&name)?;
                    Some((name, self.given(&field, &entry.value)?))
                });
                Some(Action::Set(set.collect()))
            }
            ActionSource::Run(name, with) => {
                let (rule, with) = self.rule(name, with, "run")?;
                Some(Action::Run { rule, with })
            }
            ActionSource::Comment(node) => {
                let What::Scalar(scalar) = &node.what else { return None };
                let given = match computed(scalar, node) {
                    Some(code) => Given::Expression(self.expression(&code, None)?),
                    None => Given::Value(crate::model::Value::Text(Name::clone(&scalar.text))),
                };
                Some(Action::Comment(given))
            }
            ActionSource::Open(source) => self.open_action(source),
            ActionSource::Signal(source) => self.signal_action(source),
            ActionSource::Hold(hold) => self.hold(hold),
            ActionSource::Escalate(role) => self.role(role).map(Action::Escalate),
            ActionSource::Notify(source) => self.notify(source).map(|notify| Action::Notify(Arc::new(notify))),
            ActionSource::Issue(name) => self.issued(name).map(Action::Issue),
        }
    }

    /// Compiles a condition.
    pub(super) fn condition(&mut self, source: Option<&Condition>) -> Option<Arc<Expression>> {
        self.condition_in(source, None)
    }

    /// Compiles a condition; with `line`, it is asked of the rows of that list.
    pub(super) fn condition_in(&mut self, source: Option<&Condition>, line: Option<&Name>) -> Option<Arc<Expression>> {
        match source? {
            Condition::Code(code) => self.holds(code, line),
            Condition::Fields(fields) => {
                let parts = fields.iter().map(|(name, values)| self.compared(name, values));
                let parts = parts.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
                let (first, _) = fields.first()?;
                let code =
                    Code { text: parts.join(" && ").into(), place: first.spot.place.clone(), spot: first.spot.clone() };
                self.holds(&code, line)
            }
        }
    }

    /// Compiles an expression that is true or false. One that may give no value would be an error when it does.
    pub(super) fn holds(&mut self, code: &Code, line: Option<&Name>) -> Option<Arc<Expression>> {
        let expression = self.expression(code, line)?;
        let Gives { kind, optional } = &expression.gives;
        let wrong = match kind {
            Some(Kind::Boolean) | None if *optional => {
                let error = code.spot.error("E134", "this condition may have no value");
                Some(error.help(format!("write `({}) ?? false`, or ask with `is_set` before", code.text)))
            }
            Some(Kind::Boolean) | None => None,
            Some(kind) => {
                let message = format!("a condition is true or false, and this gives {}", called(kind));
                Some(code.spot.error("E133", message))
            }
        };
        if let Some(wrong) = wrong {
            self.found.push(wrong);
            return None;
        }
        Some(expression)
    }

    /// Compiles an expression whose value goes into `field`.
    pub(super) fn fitting(&mut self, code: &Code, line: Option<&Name>, field: &Field) -> Option<Arc<Expression>> {
        let expression = self.expression(code, line)?;
        let broken = self.broken.contains(&field.name);
        if let (Some(kind), false) = (&expression.gives.kind, broken)
            && called(kind) != called(&field.kind)
        {
            let message = format!("`{}` holds {}, and this gives {}", field.name, called(&field.kind), called(kind));
            self.found.push(code.spot.error("E133", message));
            return None;
        }
        Some(expression)
    }

    /// The expression that says that a field has one of some values.
    fn compared(&mut self, name: &At<Name>, values: &[Node]) -> Option<String> {
        if &*name.value == "none_open" && self.known_field("none_open").is_none() {
            return self.none_open(values);
        }
        let name_known = self.field(name)?;
        let field = self.known_field(&name_known)?;
        if self.broken.contains(&name_known) {
            return None;
        }
        let written = values.iter().map(|value| self.operand(&field, value)).collect::<Vec<_>>();
        let written = written.into_iter().collect::<Option<Vec<_>>>()?;
        let one_of = written.iter().map(|value| format!("{name_known} == {value}")).collect::<Vec<_>>().join(" || ");
        Some(match field.required {
            Required::Always => format!("({one_of})"),
            Required::Never | Required::By(_) => format!("(is_set({name_known}) && ({one_of}))"),
        })
    }

    /// A value as it is written in an expression.
    fn operand(&mut self, field: &Field, node: &Node) -> Option<String> {
        let What::Scalar(scalar) = &node.what else {
            if !matches!(node.what, What::Broken) {
                self.found.push(node.spot.error("E022", "a field is compared with a value or a list of values"));
            }
            return None;
        };
        let literal = literal_of(scalar);
        match (&field.kind, literal) {
            (_, ScalarKind::Nothing) => {
                let error = node.spot.error("E127", "there is no value to compare with");
                self.found.push(error.help(format!("write `when: '!is_set({})'`", field.name)));
                None
            }
            (Kind::Choice(of), _) if !of.contains_key(&scalar.text) => {
                let at = At { value: Name::clone(&scalar.text), spot: node.spot.clone() };
                let known = of.keys().map(|name| &**name);
                let message = format!("`{}` has no choice `{}`", field.name, scalar.text);
                self.found.push(Diagnostic { message: message.into(), ..unknown("E110", "choice", &at, known) });
                None
            }
            (Kind::Choice(_) | Kind::Text | Kind::Phone | Kind::Email | Kind::User { .. }, _) => {
                Some(quoted(&scalar.text))
            }
            (Kind::Boolean, ScalarKind::Boolean(flag)) => Some(flag.to_string()),
            (Kind::Integer(_) | Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), ScalarKind::Integer(number)) => {
                Some(number.to_string())
            }
            (Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_), ScalarKind::Decimal(number)) => {
                Some(number.to_string())
            }
            _ => {
                let error =
                    node.spot.error("E127", format!("`{}` can't be compared with `{}` here", field.name, scalar.text));
                self.found.push(error.help("write the condition as an expression"));
                None
            }
        }
    }
}

/// What people call a value of this kind; kinds with one name can stand for each other.
pub(super) fn called(kind: &Kind) -> &'static str {
    match kind {
        Kind::Integer(_) | Kind::Decimal(_) | Kind::Money(_) | Kind::Percent(_) => "a number",
        Kind::Boolean => "true or false",
        Kind::Date => "a date",
        Kind::Datetime => "a date with a time",
        Kind::Duration => "a span of time",
        Kind::Map => "a map",
        Kind::List(_) => "a list",
        Kind::Text
        | Kind::Choice(_)
        | Kind::Reference { .. }
        | Kind::User { .. }
        | Kind::Phone
        | Kind::Email
        | Kind::Attachment => "a text",
    }
}

/// A text as a string of an expression.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
