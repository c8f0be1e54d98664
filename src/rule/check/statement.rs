//! Statements: variables, conditions, loops, assignments.

use std::collections::BTreeMap;

use rhai::{AST, ASTFlags, BinaryExpr, Expr, FlowControl, Ident, OpAssignment, Stmt};

use super::super::operator::BINARY;
use super::super::parsed::Function;
use super::super::shape::{Shape, Typed};
use super::guard::{asked, set_if, set_unless};
use super::{Checker, Local, Script};
use crate::diagnostic::Diagnostic;

/// The modules that a script imports, by the names it gives them.
pub(in super::super) fn imports(ast: &AST) -> BTreeMap<String, String> {
    let import = |statement: &Stmt| {
        let Stmt::Import(import, _) = statement else { return None };
        let Expr::StringConstant(path, _) = &import.0 else { return None };
        Some((import.1.name.to_string(), path.to_string()))
    };
    ast.statements().iter().filter_map(import).collect()
}

/// Whether there is a `return` anywhere in these statements.
pub(super) fn returns(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| {
        if let Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) = statement {
            return returns(flow.body.statements()) || returns(flow.branch.statements());
        }
        if let Stmt::For(parts, _) = statement {
            return returns(parts.2.body.statements());
        }
        if let Stmt::Block(block) = statement {
            return returns(block.statements());
        }
        matches!(statement, Stmt::Return(..))
    })
}

/// Outside functions a script imports, names constants, and does nothing.
pub(super) fn outside_functions(script: &Script<'_>) -> Vec<Diagnostic> {
    let does = |statement: &&Stmt| {
        let constant = matches!(statement, Stmt::Var(_, flags, _) if flags.intersects(ASTFlags::CONSTANT));
        !constant && !matches!(statement, Stmt::Import(..) | Stmt::Noop(_))
    };
    let refuse = |statement: &Stmt| {
        let message = "outside functions there are only `import` and `const`";
        let place = script.origin.place(statement.position());
        Diagnostic::error("E209", place, message).help("move it into `fn check`")
    };
    script.parsed.ast.statements().iter().filter(does).map(refuse).collect()
}

impl<'a> Checker<'a> {
    /// Functions and imports have no place in an expression.
    pub(super) fn no_functions(&mut self) {
        let parsed = self.script.parsed;
        for function in parsed.functions.iter().filter(|function| !function.is_closure()) {
            let message = "an expression has no functions of its own".to_owned();
            let help = Some("write a rule, or a formula without `fn`".to_owned());
            self.error("E209", function.position, 1, message, help);
        }
        if parsed.ast.statements().is_empty() {
            self.error("E201", rhai::Position::NONE, 1, "the expression is empty".to_owned(), None);
        }
    }

    /// The names in the map that `run` ends with are fields.
    pub(super) fn returned_fields(&mut self, function: &'a Function) {
        let (Some(environment), Some(Stmt::Expr(last))) = (self.environment, function.body.last()) else { return };
        let Expr::Map(entries, _) = &**last else { return };
        for (name, _) in &entries.0 {
            if environment.schema.get(&name.name).is_none() {
                let near = super::super::load::near(&name.name, environment.schema.fields.keys().map(|name| &**name));
                let message = format!("there is no field `{}`", name.name);
                self.error("E204", name.pos, name.name.chars().count(), message, near);
            }
        }
    }

    /// Statements one after another; gives what the last one gives.
    pub(super) fn block(&mut self, statements: &'a [Stmt]) -> Typed {
        let (locals, guards) = (self.locals.len(), self.guards.len());
        let mut given = Typed::set(Shape::Missing);
        for statement in statements {
            given = self.statement(statement);
        }
        // What was known inside stays true of what is given.
        given.optional &= !self.is_guarded(&given);
        self.locals.truncate(locals);
        self.guards.truncate(guards);
        given
    }

    fn statement(&mut self, statement: &'a Stmt) -> Typed {
        match statement {
            Stmt::Expr(expression) => return self.infer(expression),
            Stmt::FnCall(call, position) => return self.call_statement(call, *position),
            Stmt::Block(block) => return self.block(block.statements()),
            Stmt::If(flow, _) => return self.if_else(flow),
            Stmt::Var(parts, ..) => self.define(&parts.0, &parts.1),
            Stmt::Assignment(parts) => self.assign(&parts.0, &parts.1),
            Stmt::For(parts, _) => self.for_each(&parts.0, parts.1.as_ref(), &parts.2),
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => self.while_loop(flow),
            Stmt::Return(value, ..) | Stmt::BreakLoop(value, ..) => {
                if let Some(value) = value {
                    return self.infer(value);
                }
            }
            Stmt::Import(import, position) => self.import(&import.0, *position),
            Stmt::Noop(_) | Stmt::Switch(..) | Stmt::TryCatch(..) | Stmt::Export(..) | Stmt::Share(_) => {}
            _ => {}
        }
        Typed::set(Shape::Missing)
    }

    fn if_else(&mut self, flow: &'a FlowControl) -> Typed {
        let condition = self.infer(&flow.expr);
        self.condition(&condition, flow.expr.start_position());
        let (held, not_held) = (set_if(&flow.expr), set_unless(&flow.expr));
        let leaves = |statements: &[Stmt]| matches!(statements.last(), Some(Stmt::Return(..) | Stmt::BreakLoop(..)));
        let (body, branch) = (flow.body.statements(), flow.branch.statements());
        let given = self.guarded(held.clone(), |checker| checker.block(body));
        let other = self.guarded(not_held.clone(), |checker| checker.block(branch));
        // After `if !is_set(x) { return; }` x is set.
        if leaves(body) {
            self.guards.extend(not_held);
            return other;
        }
        if leaves(branch) {
            self.guards.extend(held);
            return given;
        }
        given.join(&other)
    }

    fn define(&mut self, name: &Ident, value: &'a Expr) {
        let typed = self.infer(value);
        let optional = typed.optional && !self.is_guarded(&typed);
        self.guards.extend(asked(value));
        self.forget(&name.name);
        let typed = Typed { optional: optional || matches!(typed.shape, Shape::Missing), ..typed };
        self.locals.push(Local { name: name.name.clone(), typed, captured: false });
    }

    /// A name has a new value: what was known of the old one holds no more.
    fn forget(&mut self, name: &str) {
        let of_it =
            |path: &String| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.guards.retain(|path| !of_it(path));
    }

    fn assign(&mut self, how: &OpAssignment, sides: &'a BinaryExpr) {
        let value = self.infer(&sides.rhs);
        self.no_capture(&sides.lhs);
        let operator = how.get_op_assignment_info().map(|(.., syntax)| syntax);
        let operator = operator.and_then(|syntax| BINARY.iter().find(|(name, _)| *name == syntax));
        if let Some((_, op)) = operator {
            let target = self.infer(&sides.lhs);
            self.needs(&target, sides.lhs.start_position());
            self.needs(&value, sides.rhs.start_position());
            self.operator(*op, &target.shape, &value.shape, how.position());
            return;
        }
        let Expr::Variable(names, ..) = &sides.lhs else {
            self.assign_inside(&sides.lhs);
            return;
        };
        let optional = value.optional && !self.is_guarded(&value);
        self.forget(&names.1);
        match self.locals.iter_mut().rev().find(|local| local.name == names.1) {
            Some(local) => {
                // A loop may come back with the new value, so both are possible.
                let known = local.typed.clone().join(&value);
                local.typed = Typed { optional: local.typed.optional || optional, ..known };
                if !optional {
                    self.guards.push(names.1.to_string());
                }
            }
            None => {
                let message = format!("`{}` can't be changed", names.1);
                let help = "a rule changes fields by what `run` returns".to_owned();
                self.error("E209", sides.lhs.start_position(), names.1.chars().count(), message, Some(help));
            }
        }
    }

    /// `x.y = ...` and `x[y] = ...`: only maps and arrays that the script made can change.
    fn assign_inside(&mut self, target: &'a Expr) {
        let (Expr::Dot(pair, ..) | Expr::Index(pair, ..)) = target else { return };
        let base = self.infer(&pair.lhs);
        if !matches!(base.shape, Shape::Object | Shape::Array(_) | Shape::Any | Shape::Missing) {
            let message = format!("{} can't be changed", base.shape.title());
            let help = "a rule changes fields by what `run` returns".to_owned();
            self.error("E209", target.start_position(), 1, message, Some(help));
        }
        if let Expr::Dot(..) = &pair.rhs {
            self.infer(&pair.lhs);
        }
    }

    fn for_each(&mut self, name: &Ident, counter: Option<&Ident>, flow: &'a FlowControl) {
        let list = self.infer(&flow.expr);
        let position = flow.expr.start_position();
        self.needs(&list, position);
        let item = list.shape.item().unwrap_or_else(|| {
            if !matches!(list.shape, Shape::Missing) {
                let message = format!("`for` goes through a list, and this is {}", list.shape.title());
                self.error("E208", position, 1, message, None);
            }
            Shape::Any
        });
        let before = self.locals.len();
        let guards = self.guards.clone();
        self.forget(&name.name);
        self.locals.push(Local { name: name.name.clone(), typed: Typed::set(item), captured: false });
        if let Some(counter) = counter {
            self.locals.push(Local { name: counter.name.clone(), typed: Typed::set(Shape::Integer), captured: false });
        }
        self.block(flow.body.statements());
        self.locals.truncate(before);
        self.guards = guards;
    }

    fn while_loop(&mut self, flow: &'a FlowControl) {
        let mut held = Vec::new();
        if !matches!(flow.expr, Expr::Unit(_)) {
            let condition = self.infer(&flow.expr);
            self.condition(&condition, flow.expr.start_position());
            held = set_if(&flow.expr);
        }
        self.guarded(held, |checker| checker.block(flow.body.statements()));
    }

    fn import(&mut self, path: &'a Expr, position: rhai::Position) {
        if self.bare {
            let message = "an expression can't import".to_owned();
            self.error("E209", position, "import".len(), message, None);
            return;
        }
        let Expr::StringConstant(name, at) = path else {
            let message = "the name of a module is a text as it stands".to_owned();
            self.error("E211", position, 1, message, Some("write `import \"money\" as money;`".to_owned()));
            return;
        };
        if !self.library.modules.contains_key(name.as_str()) {
            let near = super::super::load::near(name, self.library.names());
            self.error("E211", *at, name.chars().count(), format!("there is no module `{name}` in rules/lib"), near);
        }
    }
}
