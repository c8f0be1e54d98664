//! The check at load: every name, every call and every type that can be known before a case exists.
//!
//! It walks the syntax tree and infers shapes. Where it is sure, it refuses; where a guard is in doubt, it
//! accepts, for the run time refuses a missing or mistyped value again.

mod argument;
mod call;
mod expression;
mod guard;
mod kin;
mod property;
mod resource;
mod statement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rhai::{ASTNode, Expr, ImmutableString, Position, Stmt};

use crate::diagnostic::Diagnostic;
use crate::field::Schema;
use crate::model::limit::{RULE_CHECK_CALLS_MAX, RULE_CHECK_DEPTH_MAX};
use crate::model::{Name, Title};

use super::fault::Origin;
use super::load::Library;
use super::parsed::{Function, Parsed};
use super::shape::{RowKind, Shape, Typed};
use super::{Environment, Gives};

pub(super) use call::closure_parts;
pub(super) use statement::imports;

/// A script under the check: its functions, and where they stand.
#[derive(Clone)]
pub(super) struct Script<'a> {
    parsed: &'a Parsed,
    origin: Origin,
    imports: BTreeMap<String, String>,
}

impl<'a> Script<'a> {
    /// The script whose text begins at `origin`.
    pub(super) fn new(parsed: &'a Parsed, origin: Origin) -> Self {
        Self { parsed, origin, imports: imports(&parsed.ast) }
    }
}

/// A variable of the script.
struct Local {
    name: ImmutableString,
    typed: Typed,
    /// Whether a closure reads it from outside; it can't change it there.
    captured: bool,
}

/// The check of one script.
pub(super) struct Checker<'a> {
    library: &'a Library,
    environment: Option<&'a Environment>,
    /// Whether fields are bare names: in expressions, not in rules.
    bare: bool,
    script: Script<'a>,
    locals: Vec<Local>,
    /// Paths that are known to be set here.
    guards: Vec<String>,
    /// Functions that are being looked into.
    active: Vec<&'a Function>,
    calls: usize,
    found: BTreeSet<Diagnostic>,
}

/// Checks an expression, and finds out what it gives.
pub(super) fn expression(script: Script<'_>, library: &Library, environment: &Environment) -> (Vec<Diagnostic>, Gives) {
    let mut checker = Checker::new(script, library, Some(environment), true);
    checker.no_functions();
    let parsed = checker.script.parsed;
    let given = checker.block(parsed.ast.statements());
    let position = Position::new(1, 1);
    if matches!(
        given.shape,
        Shape::Actor
            | Shape::Entered
            | Shape::Entry
            | Shape::Tasks
            | Shape::Range
            | Shape::Supplies
            | Shape::Supply(_)
            | Shape::Calendar
            | Shape::Children
    ) {
        let message = format!("the expression gives {}, and no field can hold that", given.shape.title());
        checker.error("E208", position, 1, message, None);
    }
    let optional = given.optional || matches!(given.shape, Shape::Missing);
    let gives = Gives { kind: given.shape.kind(), optional };
    (checker.found.into_iter().collect(), gives)
}

/// Checks a rule. Without an environment only what does not depend on a workflow is known.
pub(super) fn rule(
    script: Script<'_>,
    library: &Library,
    environment: Option<&Environment>,
    with: Option<&Schema>,
) -> Vec<Diagnostic> {
    let mut checker = Checker::new(script, library, environment, false);
    let parsed = checker.script.parsed;
    let outside = statement::outside_functions(&checker.script);
    checker.found.extend(outside);
    checker.block(parsed.ast.statements());
    let parameters = with.map(|with| Shape::Row(with.clone().into(), RowKind::Parameters));
    let case = environment.map(|environment| Shape::Row(environment.schema.clone(), RowKind::Case));
    for function in &parsed.functions {
        let entry = matches!(function.name.as_str(), "check" | "run");
        // Without an environment every function is looked into once; with one, those that are called.
        if function.is_closure() || (environment.is_some() && !entry) {
            continue;
        }
        let shapes = [&case, &parameters].into_iter().map(|shape| shape.clone().filter(|_| entry));
        let shapes = shapes.chain(std::iter::repeat(None));
        let arguments =
            function.parameters.iter().zip(shapes).map(|(_, shape)| Typed::set(shape.unwrap_or(Shape::Any)));
        let arguments = arguments.collect();
        checker.enter(function, arguments);
        if function.name == "run" {
            checker.returned_fields(function);
        }
    }
    checker.found.into_iter().collect()
}

/// What a script does outside its functions: nothing but imports and constants.
pub(super) fn outside_functions(script: Script<'_>) -> Vec<Diagnostic> {
    statement::outside_functions(&script)
}

/// Codes that the rule reports and that have no sentence, neither in its messages nor where they are reported.
pub(super) fn unsaid(script: &Script<'_>, messages: &BTreeMap<Name, Title>) -> Vec<Diagnostic> {
    let mut found = BTreeSet::new();
    script.parsed.ast.walk(&mut |path: &[ASTNode<'_>]| {
        let call = match path.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _))) => call,
            _ => return true,
        };
        let reports = matches!(call.name.as_str(), "fail" | "warn" | "note") && call.args.len() < 4;
        if let (true, Some(Expr::StringConstant(code, position))) = (reports, call.args.first())
            && !messages.contains_key(code.as_str())
        {
            let message = format!("code `{code}` has no sentence");
            let place = script.origin.place(*position);
            let help = "write one, zh and en, in the rule's `.messages.yaml`";
            found.insert(Diagnostic::warning("W201", place, message).help(help).length(code.chars().count() + 2));
        }
        true
    });
    found.into_iter().collect()
}

impl<'a> Checker<'a> {
    fn new(script: Script<'a>, library: &'a Library, environment: Option<&'a Environment>, bare: bool) -> Self {
        Self {
            library,
            environment,
            bare,
            script,
            locals: Vec::new(),
            guards: Vec::new(),
            active: Vec::new(),
            calls: 0,
            found: BTreeSet::new(),
        }
    }

    /// Looks into a function that is called with these arguments; gives what it returns.
    fn enter(&mut self, function: &'a Function, arguments: Vec<Typed>) -> Typed {
        let again = self.active.iter().any(|active| std::ptr::eq(*active, function));
        if again || self.active.len() >= RULE_CHECK_DEPTH_MAX || self.calls >= RULE_CHECK_CALLS_MAX {
            return Typed::set(Shape::Any);
        }
        self.calls += 1;
        self.active.push(function);
        let (locals, guards) = (std::mem::take(&mut self.locals), std::mem::take(&mut self.guards));
        for (name, typed) in function.parameters.iter().zip(arguments) {
            let typed = typed.at(Some(name.to_string()));
            self.locals.push(Local { name: name.clone(), typed, captured: false });
        }
        let given = self.body(function);
        self.locals = locals;
        self.guards = guards;
        self.active.pop();
        given
    }

    /// The body of a function; what it returns is not known when it returns from the middle.
    fn body(&mut self, function: &'a Function) -> Typed {
        let given = self.block(&function.body);
        if statement::returns(&function.body) { Typed::set(Shape::Any) } else { given.at(None) }
    }

    fn error(&mut self, code: &str, position: Position, length: usize, message: String, help: Option<String>) {
        let place = self.script.origin.place(position);
        let mut diagnostic = Diagnostic::error(code, place, message).length(length);
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.found.insert(diagnostic);
    }

    /// Refuses what may be missing, unless a guard says that it is set.
    fn needs(&mut self, typed: &Typed, position: Position) {
        if matches!(typed.shape, Shape::Missing) && !typed.optional {
            let message = "`()` can't be compared or computed with".to_owned();
            self.error("E207", position, 2, message, Some("write `is_set(x)` or `!is_set(x)`".to_owned()));
            return;
        }
        if !typed.optional || self.is_guarded(typed) || self.presumes() {
            return;
        }
        let (message, help) = match &typed.path {
            Some(path) => (
                format!("`{path}` may be missing here"),
                format!("write `{path} ?? ...`, or ask `is_set({path})` before"),
            ),
            None => ("this may be missing".to_owned(), "write `... ?? ...` for what counts then".to_owned()),
        };
        let length = typed.path.as_ref().map_or(1, |path| path.chars().count());
        self.error("E207", position, length, message, Some(help));
    }

    fn is_guarded(&self, typed: &Typed) -> bool {
        typed.path.as_ref().is_some_and(|path| self.guards.contains(path))
    }

    /// Whether everything is taken for set: who runs the expression counts what is missing.
    fn presumes(&self) -> bool {
        self.environment.is_some_and(|environment| environment.always.contains("*"))
    }

    /// Refuses what is not a boolean.
    fn condition(&mut self, typed: &Typed, position: Position) {
        self.needs(typed, position);
        if !matches!(typed.shape, Shape::Boolean | Shape::Any | Shape::Missing) {
            let message = format!("a condition is a boolean, and this is {}", typed.shape.title());
            self.error("E212", position, 1, message, None);
        }
    }

    /// The value of a name.
    fn variable(&mut self, name: &str, position: Position) -> Typed {
        let path = Some(name.to_owned());
        if let Some(local) = self.locals.iter().rev().find(|local| local.name == name) {
            return local.typed.clone().at(path);
        }
        if let Some(typed) = self.owned(name, position) {
            return typed.at(path);
        }
        let environment = self.environment.filter(|_| self.bare);
        if let Some(field) = environment.and_then(|environment| environment.schema.get(name)) {
            return self.field(field, &RowKind::Case).at(path);
        }
        let near = super::load::near(name, self.names().iter().map(String::as_str));
        let message = format!("there is no `{name}` here");
        self.error("E203", position, name.chars().count(), message, near);
        Typed::set(Shape::Any)
    }

    /// A name that expressions own.
    fn owned(&mut self, name: &str, position: Position) -> Option<Typed> {
        let known = |shape: fn(&Environment) -> Shape| self.environment.map_or(Shape::Any, shape);
        Some(Typed::set(match name {
            "today" => Shape::Date,
            "now" | "opened_at" => Shape::Datetime,
            "stage" => return Some(self.stage()),
            "number" | "opened_by" => Shape::Text,
            "actor" => Shape::Actor,
            "entered" => Shape::Entered,
            "children" => Shape::Children,
            "parent" => return Some(self.parent(position)),
            "resource" => Shape::Supplies,
            "tasks" => Shape::Tasks,
            "tasks_done" => Shape::Boolean,
            "rows" => match &self.environment?.rows {
                Some(rows) => {
                    let row = Shape::Row(Arc::clone(rows), RowKind::Line(name.into()));
                    Shape::List(Box::new(row), Vec::new())
                }
                None => return None,
            },
            "setting" => known(|environment| Shape::Row(environment.settings.clone(), RowKind::Settings)),
            "input" => known(|environment| Shape::Row(environment.schema.clone(), RowKind::Input)),
            "calendar" if self.environment.is_none_or(|environment| environment.calendar) => Shape::Calendar,
            "line" if self.bare => return self.line(),
            _ => return None,
        }))
    }

    fn line(&self) -> Option<Typed> {
        let environment = self.environment?;
        let list = environment.line.as_ref()?;
        let field = environment.schema.get(list)?;
        Shape::of(&field.kind, list, &environment.tables).item().map(Typed::set)
    }

    /// Every name that could have been meant.
    fn names(&self) -> Vec<String> {
        const OWNED: &[&str] = &[
            "today",
            "now",
            "stage",
            "number",
            "opened_at",
            "opened_by",
            "actor",
            "setting",
            "input",
            "entered",
            "tasks",
            "tasks_done",
            "resource",
            "parent",
            "children",
        ];
        let locals = self.locals.iter().map(|local| local.name.to_string());
        let fields = self.environment.filter(|_| self.bare).map(|environment| environment.schema.fields.keys());
        let fields = fields.into_iter().flatten().map(Name::to_string);
        let calendar = self.environment.is_none_or(|environment| environment.calendar).then(|| "calendar".to_owned());
        locals.chain(fields).chain(OWNED.iter().map(|&owned| owned.to_owned())).chain(calendar).collect()
    }
}
