//! From Rhai's tree to a plan. What a plan can't do gives no plan at all.

mod call;
mod chain;
mod statement;

use std::collections::BTreeMap;

use rhai::{Expr, Stmt, StmtBlock};
use rust_decimal::Decimal;

use super::super::check;
use super::super::fault::Origin;
use super::super::load::Library;
use super::super::parsed::{self, Parsed};
use super::node::{Function, Member, Node, Plan, Word};
use crate::model::Name;
use crate::model::limit::RULE_DIRECT_PLACES_MAX;

/// The plan of an expression.
pub(in crate::rule) fn expression(parsed: &Parsed, line: bool) -> Option<Plan> {
    let library = BTreeMap::new();
    let mut compiler = Compiler::new(&library, Script::new(parsed, None, Origin::file("")), true, line);
    let body = compiler.block(parsed.ast.statements())?;
    let entry = Function { places: compiler.most, body };
    compiler.finish(Some(entry), &[])
}

/// The plan of a rule.
pub(in crate::rule) fn rule(parsed: &Parsed, library: &Library, origin: Origin) -> Option<Plan> {
    let only_imports = |statement: &Stmt| matches!(statement, Stmt::Import(..) | Stmt::Noop(_));
    if !parsed.ast.statements().iter().all(only_imports) {
        return None;
    }
    let mut compiler = Compiler::new(&library.modules, Script::new(parsed, None, origin), false, false);
    let mut named = Vec::new();
    for name in ["check", "run"] {
        if let Some(function) = parsed.functions.iter().find(|function| function.name == name) {
            named.push((name, compiler.number(None, name, function.parameters.len())));
        }
    }
    compiler.finish(None, &named)
}

/// The script that is being compiled: the rule, or a module.
#[derive(Clone)]
struct Script<'s> {
    parsed: &'s Parsed,
    module: Option<String>,
    imports: BTreeMap<String, String>,
    origin: Origin,
}

impl<'s> Script<'s> {
    fn new(parsed: &'s Parsed, module: Option<String>, origin: Origin) -> Self {
        Self { parsed, module, imports: check::imports(&parsed.ast), origin }
    }
}

/// A function by its module, name and count of parameters.
type Key = (Option<String>, String, usize);

struct Compiler<'s> {
    modules: &'s BTreeMap<Name, Parsed>,
    script: Script<'s>,
    main: Script<'s>,
    /// Whether fields are bare names.
    bare: bool,
    /// Whether there is a row called `line`.
    line: bool,
    /// The variables that can be named here, and their places.
    scope: Vec<(String, usize)>,
    /// How many places the frame has used so far, and at most at once.
    places: usize,
    most: usize,
    /// The functions that are called, in the order of their numbers.
    called: Vec<Key>,
}

impl<'s> Compiler<'s> {
    fn new(modules: &'s BTreeMap<Name, Parsed>, script: Script<'s>, bare: bool, line: bool) -> Self {
        let (scope, called) = (Vec::new(), Vec::new());
        Self { modules, main: script.clone(), script, bare, line, scope, places: 0, most: 0, called }
    }

    /// The number of a function; it is compiled later.
    fn number(&mut self, module: Option<String>, name: &str, arity: usize) -> usize {
        let key = (module, name.to_owned(), arity);
        let known = self.called.iter().position(|known| *known == key);
        known.unwrap_or_else(|| {
            self.called.push(key);
            self.called.len() - 1
        })
    }

    /// Compiles every function that is called.
    fn finish(mut self, entry: Option<Function>, named: &[(&'static str, usize)]) -> Option<Plan> {
        let mut functions = Vec::new();
        while let Some((module, name, arity)) = self.called.get(functions.len()).cloned() {
            self.script = match &module {
                None => self.main.clone(),
                Some(module) => {
                    let parsed = self.modules.get(module.as_str())?;
                    let origin = Origin::file(parsed.ast.source().unwrap_or_default());
                    Script::new(parsed, Some(module.clone()), origin)
                }
            };
            let function = self.script.parsed.function(&name, arity)?;
            functions.push(self.function(function)?);
        }
        Some(Plan { entry, functions, named: named.iter().copied().collect() })
    }

    fn function(&mut self, function: &'s parsed::Function) -> Option<Function> {
        (self.scope, self.places, self.most) = (Vec::new(), 0, 0);
        for name in &function.parameters {
            self.place(name);
        }
        let body = self.block(&function.body)?;
        (self.most <= RULE_DIRECT_PLACES_MAX).then_some(Function { places: self.most, body })
    }

    /// A place for a new variable.
    fn place(&mut self, name: &str) -> usize {
        let place = self.places;
        self.places += 1;
        self.most = self.most.max(self.places);
        self.scope.push((name.to_owned(), place));
        place
    }

    /// What `work` compiles, with variables of its own.
    fn scoped<T>(&mut self, work: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.scope.len();
        let done = work(self);
        self.scope.truncate(before);
        done
    }

    /// Statements with a scope of their own.
    fn block(&mut self, statements: &'s [Stmt]) -> Option<Node> {
        self.scoped(|compiler| {
            let mut nodes = Vec::with_capacity(statements.len());
            for statement in statements {
                nodes.push(compiler.statement(statement)?);
            }
            Some(match nodes.len() {
                1 => nodes.pop()?,
                _ => Node::Block(nodes),
            })
        })
    }

    fn inner(&mut self, block: &'s StmtBlock) -> Option<Node> {
        self.block(block.statements())
    }

    fn all(&mut self, expressions: &'s [Expr]) -> Option<Vec<Node>> {
        expressions.iter().map(|expression| self.node(expression)).collect()
    }

    fn two(&mut self, one: &'s Expr, other: &'s Expr) -> Option<Box<(Node, Node)>> {
        Some(Box::new((self.node(one)?, self.node(other)?)))
    }

    /// An expression.
    fn node(&mut self, expression: &'s Expr) -> Option<Node> {
        match expression {
            Expr::BoolConstant(flag, _) => Some(Node::Boolean(*flag)),
            Expr::IntegerConstant(number, _) => Some(Node::Integer(*number)),
            Expr::StringConstant(text, _) => Some(Node::Text(text.as_str().into())),
            Expr::Unit(_) => Some(Node::Unit),
            Expr::DynamicConstant(value, _) => value.read_lock::<Decimal>().map(|number| Node::Decimal(*number)),
            Expr::InterpolatedString(parts, _) => self.all(parts).map(Node::Written),
            Expr::Array(items, _) => self.all(items).map(Node::Array),
            Expr::Map(entries, _) => {
                let entry =
                    |(name, value): &'s (rhai::Ident, Expr)| Some((name.name.as_str().into(), self.node(value)?));
                entries.0.iter().map(entry).collect::<Option<_>>().map(Node::Map)
            }
            Expr::Variable(names, ..) if names.2.is_empty() => self.variable(&names.1),
            Expr::Dot(pair, flags, _) => {
                let base = self.node(&pair.lhs)?;
                self.link(base, chain::Link::Dot, *flags, &pair.rhs)
            }
            Expr::Index(pair, flags, _) => {
                let base = self.node(&pair.lhs)?;
                self.link(base, chain::Link::Index, *flags, &pair.rhs)
            }
            Expr::And(parts, _) => self.all(parts).map(Node::All),
            Expr::Or(parts, _) => self.all(parts).map(Node::Any),
            Expr::Coalesce(parts, _) => self.all(parts).map(Node::Coalesce),
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::Stmt(block) => self.inner(block),
            Expr::Variable(..)
            | Expr::CharConstant(..)
            | Expr::ThisPtr(_)
            | Expr::Property(..)
            | Expr::MethodCall(..)
            | Expr::Custom(..) => None,
            _ => None,
        }
    }

    /// A name: a variable, one of the language, or a field.
    fn variable(&self, name: &str) -> Option<Node> {
        if let Some(place) = self.local(name) {
            return Some(Node::Local(place));
        }
        Some(Node::Word(match name {
            "today" => Word::Today,
            "now" => Word::Now,
            "stage" => Word::Stage,
            "number" => Word::Number,
            "opened_at" => Word::OpenedAt,
            "opened_by" => Word::OpenedBy,
            "actor" => Word::Actor,
            "setting" => Word::Setting,
            "input" => Word::Input,
            "entered" => Word::Entered,
            // Tasks are rare; Rhai says.
            "tasks" | "tasks_done" => return None,
            "line" if self.line => Word::Line,
            "calendar" => return None,
            "parent" | "children" => return None,
            _ if self.bare => return Some(Node::Field(Member::new(name))),
            _ => return None,
        }))
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, place)| *place)
    }
}
