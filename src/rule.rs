//! Rules and expressions: the one Rhai engine, its sandbox and its limits.
//!
//! INVARIANT: only this folder names rhai. A missing or mistyped value never makes a rule pass: it is an error
//! with a place. See the tests for what is refused and why.
//!
//! What a value is
//! - An unset field is `()`. Comparing or computing with it is the error `missing_value`; `is_set(x)` asks, and
//!   `x ?? 0` answers for it. An unset list or map is an empty one; `is_set` of an empty one is false.
//! - Text, choice, user, phone, e-mail and attachment are texts. A reference is the row of its table, which also
//!   equals its key. Unlike types are never equal or unequal: comparing them is the error `type_mismatch`.
//! - Numbers mix exactly. `/` never cuts off: `7 / 2` is 3.5, `6 / 2` is the integer 3.
//! - `date - date` is whole days; `date + 3` and `date + days(3)` are dates.
//!
//! What a script can name
//! - Expressions: the fields; `line` (the row, in a list's formula); `today`, `now`, `stage`, `number`, `opened_at`,
//!   `opened_by`, `actor` (`.user`, `.roles`, `.has_role(x)`), `setting.NAME`, `input.FIELD`, `entered.STAGE` (missing,
//!   or `.at`, `.by`, `.times`), `table(name, key)` (missing, or the row), `resource.NAME` (`.available(x)`,
//!   `.on_hand(x)`, `.held(x)`, `.covers(row)`; `available` and `covers` also with a day until which arrivals count),
//!   `parent.FIELD`, `children.NAME` (a list of cases, each with its fields, `number`, `stage`, `opened_at`, `opened_by`;
//!   `.open` counts those that have not ended, `.live` are those that were not called off).
//! - Rules: the same without bare fields and `line`; their first parameter is the case (its fields, `number`, `stage`,
//!   `opened_at`, `opened_by`), their second the parameters that the workflow gives. `fail`, `warn` and `note`
//!   (code, path, facts, sentence) report a finding.
//! - Lists: `for (x, i) in list`, `list[0]`, `list[-1]`, `len`, `is_empty`, `contains` (also `x in list`), `map`,
//!   `filter`, `all`, `any` (`some`), `none`, `count`, `find`, `sum`, `min`, `max`, `first`, `last`, `sort_by`,
//!   `reverse`, `join`, and subsets (`lines.short`).
//! - Maps of texts: `m[key]`, `get`, `contains`, `keys`, `values`, `len`, `is_empty`. Arrays and `#{}` of a script's
//!   own: also `push`, `pop`, `insert`, `remove`, `clear`.
//! - Numbers: `abs`, `round(x)`, `round(x, digits)`, `floor`, `ceiling`, `min`, `max`, `parse_integer`, `parse_decimal`.
//! - Texts: `len`, `trim`, `to_upper`, `to_lower`, `starts_with`, `ends_with`, `contains`, `sub_string`, `replace`,
//!   `split`, `to_string`, and backticks with `${...}`.
//! - Time: `date("2026-10-15")`, `datetime("2026-10-15T09:00:00+08:00")`, `.date()` of a moment in the zone of the
//!   calendar, `.year`, `.month`, `.day`, `.weekday` (1 is Monday), `days(n)`, `hours(n)`, `minutes(n)`, `seconds(n)`.
//! - Where the workflow has a calendar: `calendar.add_working_days(day, n)`, `calendar.working_days(from, to)`,
//!   `calendar.is_working_day(day)`, `calendar.days(from, to)` and `calendar.add_working_hours(moment, n)`.
//!
//! What is not part of the language, and why, stands in `sandbox::DISABLED`. `import "money" as money;` takes a
//! module of `rules/lib`, by its plain name, from memory; `money::f(x)` calls a function of it.
//!
//! Most scripts run without Rhai's evaluator, on a plan that is made when they are loaded (see `direct`). Rhai says
//! what a script means, and every error.
//!
//! INVARIANT: a thread that runs scripts has [`crate::model::limit::DECIDER_STACK_BYTES`] of stack.

mod check;
mod convert;
mod direct;
mod fault;
mod function;
mod holding;
mod host;
mod kin;
mod load;
mod operator;
mod parsed;
mod reserved;
mod run;
mod sandbox;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono_tz::Tz;
use rhai::{CallFnOptions, Dynamic, Engine, EvalAltResult, Scope};

use crate::calendar::Calendar;
use crate::diagnostic::Diagnostic;
use crate::field::{Kind, Resources, Schema, Tables};
use crate::model::{Actor, Entry, Finding, Name, Place, Record, Timestamp, Title, Value, VerdictError, World};

use fault::{Fault, Origin};
use host::Row;
use run::Run;

pub use holding::Holdings;
pub use kin::{Kindred, Relation, Relations, Relative};
pub use reserved::is_reserved;

/// The hardened script engine of one definition set, with the modules of `rules/lib`.
pub struct RuleEngine {
    engine: Engine,
    library: load::Library,
}

impl std::fmt::Debug for RuleEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleEngine").field("modules", &self.library.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// A compiled condition or formula.
#[derive(Debug)]
pub struct Expression {
    /// Where it stands: the first character of the expression itself.
    pub place: Place,
    /// As it was written.
    pub text: Name,
    /// What it gives.
    pub gives: Gives,
    parsed: parsed::Parsed,
    plan: Option<direct::Plan>,
    line: Option<Name>,
}

/// What an expression gives, as far as it is known before it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Gives {
    /// The kind of value; `None` when only the run time decides.
    pub kind: Option<Kind>,
    /// Whether it may give no value.
    pub optional: bool,
}

/// A compiled rule: a script with a function `check` (finds) or `run` (returns fields to set).
#[derive(Debug)]
pub struct Rule {
    /// Its name: the file's name.
    pub name: Name,
    /// The doc comment at its top, for people.
    pub about: Title,
    /// Whether it has a function `check`.
    pub checks: bool,
    /// Whether it has a function `run`.
    pub runs: bool,
    /// Whether its function takes parameters (`with`).
    pub parameters: bool,
    /// Where it begins: the first character of its file.
    pub place: Place,
    parsed: parsed::Parsed,
    plan: Option<direct::Plan>,
    messages: Arc<BTreeMap<Name, Title>>,
    /// What is wrong or doubtful in it whatever workflow uses it, without being an error.
    pub warnings: Vec<Diagnostic>,
}

/// What an expression or rule of one workflow may name: the basis of the check at load.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The fields of the case.
    pub schema: Arc<Schema>,
    /// The list whose row is `line`, if any.
    pub line: Option<Name>,
    /// The settings.
    pub settings: Arc<Schema>,
    /// The tables.
    pub tables: Arc<Tables>,
    /// The stages, for `entered.STAGE`.
    pub stages: Vec<Name>,
    /// Fields that are known to be set here although their schema does not say so: those with an initial value,
    /// and those that the transition itself requires. Fields of rows are written `lines.amount`. Required
    /// (`Always`) and computed fields need not be named. `*` takes everything for set: what is missing is an error
    /// when the expression runs, which whoever runs it tells apart.
    pub always: BTreeSet<Name>,
    /// The cases that belong to it.
    pub kin: Arc<Relations>,
    /// The resources.
    pub resources: Arc<Resources>,
    /// The tasks, and what is seen of each.
    pub tasks: Arc<BTreeMap<Name, Arc<Schema>>>,
    /// A row of the task that is being completed, inside one that keeps rows.
    pub rows: Option<Arc<Schema>>,
    /// Whether the workflow has a calendar.
    pub calendar: bool,
}

/// What an expression or rule sees: one case at one moment, built once per command and shared.
///
/// It holds nothing but shared values, so that a clone is cheap and nothing is converted before it is read.
#[derive(Clone)]
pub struct Facts {
    /// The values of the fields.
    pub fields: Arc<Record>,
    /// The fields.
    pub schema: Arc<Schema>,
    /// The rows of each subset: (list, subset) to the positions of its rows.
    pub subsets: Arc<BTreeMap<(Name, Name), Vec<usize>>>,
    /// The settings.
    pub settings: Arc<Record>,
    /// What the settings hold.
    pub setting_schema: Arc<Schema>,
    /// The tables, to resolve references.
    pub tables: Arc<Tables>,
    /// Rows of tables, and the budget.
    pub world: Arc<dyn World>,
    /// What the command brought: the values read from its input, by field.
    pub input: Arc<Record>,
    /// Who commands.
    pub actor: Actor,
    /// The stage, while there is one.
    pub stage: Name,
    /// The number of the case.
    pub number: Name,
    /// When the case was opened.
    pub opened_at: Timestamp,
    /// Who opened the case.
    pub opened_by: Name,
    /// Its last entry into each stage.
    pub entered: Arc<BTreeMap<Name, Entry>>,
    /// The moment.
    pub now: Timestamp,
    /// The zone of `today`.
    pub zone: Tz,
    /// The cases that belong to it; `None` for a case without any.
    pub kin: Option<Arc<dyn Kindred>>,
    /// Resources, and what the case holds of them.
    pub resources: Arc<Holdings>,
    /// What is seen of the tasks.
    pub tasks: Arc<TaskFacts>,
    /// The calendar, when the workflow has one.
    pub calendar: Option<Arc<Calendar>>,
}

/// What is seen of the tasks of a case.
#[derive(Clone, Debug, Default)]
pub struct TaskFacts {
    /// Each task: what is seen of it, and the fields of that.
    pub tasks: BTreeMap<Name, (Arc<Record>, Arc<Schema>)>,
    /// Whether all tasks of the stage are done.
    pub all_done: bool,
    /// The task that is being completed.
    pub present: Option<(Arc<Record>, Arc<Schema>)>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts").field("number", &self.number).field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl RuleEngine {
    /// Makes the engine of a set. `library` maps the name of each module of `rules/lib` to its path and source.
    ///
    /// # Errors
    /// Every mistake in the modules.
    pub fn new(library: &BTreeMap<Name, (Name, Arc<str>)>) -> Result<Self, Vec<Diagnostic>> {
        let modules = sandbox::Modules::default();
        let engine = sandbox::engine(modules.clone());
        let library = load::Library::load(&engine, &modules, library)?;
        Ok(Self { engine, library })
    }

    /// Compiles an expression and checks every name in it against `environment`.
    ///
    /// # Errors
    /// Every mistake in it, placed in the file it stands in.
    pub fn expression(
        &self,
        text: &str,
        place: Place,
        environment: &Environment,
    ) -> Result<Expression, Vec<Diagnostic>> {
        let (parsed, gives) = load::expression(&self.engine, &self.library, text, &place, environment)?;
        let plan = direct::expression(&parsed, environment.line.is_some());
        Ok(Expression { place, text: text.into(), gives, parsed, plan, line: environment.line.clone() })
    }

    /// Compiles the script of a rule. `messages` maps its codes to their sentences.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn rule(
        &self,
        name: &str,
        file: &str,
        source: &str,
        messages: BTreeMap<Name, Title>,
    ) -> Result<Rule, Vec<Diagnostic>> {
        load::rule(&self.engine, &self.library, name, file, source, messages)
    }

    /// Checks the names in `rule` for its use by one workflow with these parameters.
    #[must_use]
    pub fn check_use(&self, rule: &Rule, environment: &Environment, with: &Schema) -> Vec<Diagnostic> {
        load::check_use(&self.library, rule, environment, with)
    }

    /// Evaluates an expression; `None` is a missing value. `line` is the position of the row in the list that
    /// the expression's environment named.
    ///
    /// # Errors
    /// When it leans on a missing value, mixes types, or runs out of its budget.
    pub fn evaluate(
        &self,
        expression: &Expression,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, VerdictError> {
        let at = expression.line.as_deref().zip(line);
        let short = expression.plan.as_ref().and_then(|plan| direct::value(plan, facts, at));
        let Some(value) = short else { return self.evaluate_by_rhai(expression, facts, line) };
        debug_assert!(agrees(&Ok(&value), &self.evaluate_by_rhai(expression, facts, line).as_ref()), "{expression:?}");
        Ok(value)
    }

    fn evaluate_by_rhai(
        &self,
        expression: &Expression,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, VerdictError> {
        let mut run = Run::new(facts, true, &expression.place.file);
        run.line = expression.line.clone().zip(line);
        let origin = Origin::at(expression.place.clone());
        let work = || {
            let given = self.engine.eval_ast_with_scope::<Dynamic>(&mut Scope::new(), &expression.parsed.ast)?;
            Ok(convert::to_value(&given)?)
        };
        let (result, _) = contained(run, &origin, work);
        result
    }

    /// Runs the function `check` of a rule: what it found, and why it could not go on to its end.
    #[must_use]
    pub fn check(&self, rule: &Rule, facts: &Facts, with: &Record) -> (Vec<Finding>, Option<VerdictError>) {
        let given = rule.parameters.then_some(with);
        let short = rule.plan.as_ref().and_then(|plan| direct::findings(plan, facts, given, &rule.messages));
        let Some(findings) = short else { return self.check_by_rhai(rule, facts, with) };
        debug_assert!(
            {
                let (found, error) = self.check_by_rhai(rule, facts, with);
                agrees(&Ok(&findings), &error.as_ref().map_or(Ok(&found), Err))
            },
            "{rule:?} {findings:?}"
        );
        (findings, None)
    }

    fn check_by_rhai(&self, rule: &Rule, facts: &Facts, with: &Record) -> (Vec<Finding>, Option<VerdictError>) {
        let (result, findings) = self.call(rule, "check", facts, with, |_| Ok(()));
        (findings, result.err())
    }

    /// Runs the function `run` of a rule: the fields it returns, as JSON for the field types to read.
    ///
    /// # Errors
    /// When it leans on a missing value, mixes types, or runs out of its budget.
    pub fn run(
        &self,
        rule: &Rule,
        facts: &Facts,
        with: &Record,
    ) -> Result<serde_json::Map<String, serde_json::Value>, VerdictError> {
        let given = rule.parameters.then_some(with);
        let short = rule.plan.as_ref().and_then(|plan| direct::returned(plan, facts, given, &rule.messages));
        let Some(fields) = short else { return self.run_by_rhai(rule, facts, with) };
        debug_assert!(agrees(&Ok(&fields), &self.run_by_rhai(rule, facts, with).as_ref()), "{rule:?} {fields:?}");
        Ok(fields)
    }

    fn run_by_rhai(
        &self,
        rule: &Rule,
        facts: &Facts,
        with: &Record,
    ) -> Result<serde_json::Map<String, serde_json::Value>, VerdictError> {
        let (result, _) = self.call(rule, "run", facts, with, |given| {
            if let (true, serde_json::Value::Object(fields)) = (given.is_map(), convert::to_json(&given)?) {
                return Ok(fields);
            }
            Err(Fault::new(fault::MISMATCH, "`run` returns a map of fields: #{ field: value }").into())
        });
        result
    }

    fn call<T>(
        &self,
        rule: &Rule,
        function: &str,
        facts: &Facts,
        with: &Record,
        take: impl FnOnce(Dynamic) -> Result<T, Box<EvalAltResult>>,
    ) -> (Result<T, VerdictError>, Vec<Finding>) {
        let mut run = Run::new(facts, false, &rule.place.file);
        run.messages = Arc::clone(&rule.messages);
        let case = Dynamic::from(Row::case(&facts.fields, &facts.schema));
        let mut arguments = vec![case];
        if rule.parameters {
            arguments.push(Dynamic::from(Row::plain(&Arc::new(with.clone()), None)));
        }
        let work = || {
            let options = CallFnOptions::default();
            let given = self.engine.call_fn_with_options::<Dynamic>(
                options,
                &mut Scope::new(),
                &rule.parsed.ast,
                function,
                arguments,
            )?;
            take(given)
        };
        let mut origin = Origin::file(&rule.place.file);
        let known = rule.parsed.functions.iter().find(|known| known.name == function);
        origin.otherwise = known.map_or_else(|| rule.place.clone(), |known| origin.place(known.position));
        contained(run, &origin, work)
    }
}

/// Whether the short way said what Rhai says, to the last digit. Rhai may have run out of time alone.
fn agrees<T: std::fmt::Debug>(short: &Result<&T, &VerdictError>, by_rhai: &Result<&T, &VerdictError>) -> bool {
    let late = by_rhai.as_ref().is_err_and(|error| &*error.code == VerdictError::BUDGET);
    late || format!("{short:?}") == format!("{by_rhai:?}")
}

/// Does `work` inside `run`. A panic in it, and a fault that Rhai swallowed, are errors like any other.
fn contained<T>(
    run: Run,
    origin: &Origin,
    work: impl FnOnce() -> Result<T, Box<EvalAltResult>>,
) -> (Result<T, VerdictError>, Vec<Finding>) {
    let told = || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| fault::verdict_error(&error, origin)),
        Err(_) => Err(fault::verdict_error(&Fault::script("the script broke the engine").into_error(), origin)),
    };
    let (result, run) = run::within(run, told);
    let Some(mut run) = run else { return (result, Vec::new()) };
    let result = match run::postponed(&mut run) {
        Some(swallowed) if result.is_ok() => Err(fault::verdict_error(&swallowed.into_error(), origin)),
        Some(_) | None => result,
    };
    (result, run.findings)
}
