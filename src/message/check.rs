//! The check at load: every name, filter and test of a template, and what it computes with.
//!
//! It walks the syntax tree and infers shapes. Where it is sure, it refuses; where only the run time knows, it
//! accepts, for a missing value is an error there again.

use std::sync::Arc;

use minijinja::machinery::ast::{BinOpKind, CallArg, Compare, CompareOpKind, Expr, ForLoop, Stmt};
use minijinja::machinery::{Span, parse};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::Place;

use super::shape::{CASE_MEMBERS, Shape, case_member, member};
use super::template::Origin;
use super::{Names, filter};

/// Names at the top of a template beside the fields of the case and what a case has.
const OWNED: [&str; 8] = ["now", "today", "actor", "input", "setting", "with", "cases", "documents"];

/// Tests that a template may use.
const TESTS: [&str; 13] = [
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "divisibleby",
    "startingwith",
    "endingwith",
    "in",
    "eq",
    "ne",
    "true",
    "false",
];

/// Checks a template whose form is right.
pub(super) fn check(source: &str, origin: &Origin, names: &Names) -> Vec<Diagnostic> {
    let Ok(tree) = parse(source, "text", minijinja::syntax::SyntaxConfig::default()) else { return Vec::new() };
    let mut checker = Checker { names, origin, source, locals: Vec::new(), found: Vec::new() };
    checker.statement(&tree);
    checker.found
}

struct Checker<'a> {
    names: &'a Names,
    origin: &'a Origin,
    source: &'a str,
    /// Names that the template makes itself, the innermost last.
    locals: Vec<(String, Shape)>,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.emitted(&emit.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(each) => self.each(each),
            Stmt::IfCond(branch) => {
                self.shape(&branch.expr);
                self.within(|checker| checker.statements(&branch.true_body));
                self.within(|checker| checker.statements(&branch.false_body));
            }
            Stmt::WithBlock(block) => self.within(|checker| {
                for (target, value) in &block.assignments {
                    let shape = checker.shape(value);
                    checker.bind(target, &shape);
                }
                checker.statements(&block.body);
            }),
            Stmt::Set(set) => {
                let shape = self.shape(&set.expr);
                self.bind(&set.target, &shape);
            }
            Stmt::SetBlock(set) => {
                self.within(|checker| checker.statements(&set.body));
                set.filter.iter().for_each(|filter| drop(self.shape(filter)));
                self.bind(&set.target, &Shape::Plain);
            }
            Stmt::AutoEscape(block) => {
                let span = block.span();
                self.error("E196", span, "`autoescape` is not a part of templates".to_owned(), None);
            }
            Stmt::FilterBlock(block) => {
                self.shape(&block.filter);
                self.within(|checker| checker.statements(&block.body));
            }
            Stmt::Do(call) => self.error("E196", call.span(), "`do` is not a part of templates".to_owned(), None),
        }
    }

    /// What is written must be a value with a form for people.
    fn emitted(&mut self, expression: &Expr<'_>) {
        let shape = self.shape(expression);
        if matches!(
            shape,
            Shape::List(_)
                | Shape::Row(_)
                | Shape::Case
                | Shape::Texts
                | Shape::Titles(..)
                | Shape::Documents(_)
                | Shape::Issued
                | Shape::Loop
                | Shape::Actor
                | Shape::Kin(..)
                | Shape::Children
                | Shape::Brood(..)
                | Shape::Tasks
        ) {
            let message = format!("{} can't be written as it is", shape.title());
            self.error(
                "E197",
                expression.span(),
                message,
                Some("name one of its members, or go through it".to_owned()),
            );
        }
    }

    fn each(&mut self, each: &ForLoop<'_>) {
        let whole = self.shape(&each.iter);
        let item = whole.item().unwrap_or_else(|| {
            let message = format!("{} can't be gone through", whole.title());
            self.error("E197", each.iter.span(), message, None);
            Shape::Any
        });
        self.within(|checker| {
            checker.bind(&each.target, &item);
            each.filter_expr.iter().for_each(|filter| drop(checker.shape(filter)));
            checker.locals.push(("loop".to_owned(), Shape::Loop));
            checker.statements(&each.body);
        });
        self.within(|checker| checker.statements(&each.else_body));
    }

    /// Names that are made inside end with it.
    fn within(&mut self, inside: impl FnOnce(&mut Self)) {
        let before = self.locals.len();
        inside(self);
        self.locals.truncate(before);
    }

    fn bind(&mut self, target: &Expr<'_>, shape: &Shape) {
        if let Expr::Var(variable) = target {
            self.locals.push((variable.id.to_owned(), shape.clone()));
        }
        let parts = match target {
            Expr::List(list) => list.items.as_slice(),
            Expr::Tuple(tuple) => tuple.items.as_slice(),
            Expr::Var(_)
            | Expr::Const(_)
            | Expr::Slice(_)
            | Expr::UnaryOp(_)
            | Expr::BinOp(_)
            | Expr::Compare(_)
            | Expr::IfExpr(_)
            | Expr::Filter(_)
            | Expr::Test(_)
            | Expr::GetAttr(_)
            | Expr::GetItem(_)
            | Expr::Call(_)
            | Expr::Map(_) => &[],
        };
        parts.iter().for_each(|part| self.bind(part, &Shape::Any));
    }

    fn shape(&mut self, expression: &Expr<'_>) -> Shape {
        match expression {
            Expr::Var(variable) => self.variable(variable.id, variable.span()),
            Expr::Const(_) => Shape::Plain,
            Expr::Slice(slice) => self.shape(&slice.expr),
            Expr::UnaryOp(unary) => {
                let inside = self.shape(&unary.expr);
                if matches!(unary.op, minijinja::machinery::ast::UnaryOpKind::Neg) {
                    self.computed(&inside, unary.expr.span());
                }
                Shape::Plain
            }
            Expr::BinOp(binary) => {
                let (left, right) = (self.shape(&binary.left), self.shape(&binary.right));
                self.operation(binary.op, (&left, binary.left.span()), (&right, binary.right.span()))
            }
            Expr::Compare(compare) => {
                self.chain(compare);
                Shape::Plain
            }
            Expr::IfExpr(choice) => {
                self.shape(&choice.test_expr);
                let shape = self.shape(&choice.true_expr);
                choice.false_expr.iter().for_each(|other| drop(self.shape(other)));
                shape
            }
            Expr::Filter(filter) => self.filter(filter.name, filter.expr.as_ref(), &filter.args, filter.span()),
            Expr::Test(test) => {
                self.shape(&test.expr);
                self.arguments(&test.args);
                self.known("test", test.name, &TESTS, test.span());
                Shape::Plain
            }
            Expr::GetAttr(member) => {
                let whole = self.shape(&member.expr);
                self.member(&whole, member.name, member.span())
            }
            Expr::GetItem(item) => self.item(&item.expr, &item.subscript_expr),
            Expr::Call(call) => {
                self.arguments(&call.args);
                let help = "what it may use besides values are filters, as `{{ x | join(\", \") }}`".to_owned();
                self.error("E196", call.span(), "a template calls no functions".to_owned(), Some(help));
                Shape::Any
            }
            Expr::List(list) => {
                let shapes: Vec<Shape> = list.items.iter().map(|item| self.shape(item)).collect();
                Shape::List(Box::new(shapes.into_iter().next().unwrap_or(Shape::Any)))
            }
            Expr::Tuple(tuple) => {
                tuple.items.iter().for_each(|item| drop(self.shape(item)));
                Shape::List(Box::new(Shape::Any))
            }
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|item| drop(self.shape(item)));
                Shape::Any
            }
        }
    }

    fn chain(&mut self, compare: &Compare<'_>) {
        let mut left = (self.shape(&compare.expr), compare.expr.span());
        for step in &compare.ops {
            let right = (self.shape(&step.expr), step.expr.span());
            if !matches!(step.op, CompareOpKind::In | CompareOpKind::NotIn) {
                self.compared((&left.0, left.1), (&right.0, right.1));
            }
            left = right;
        }
    }

    fn variable(&mut self, name: &str, span: Span) -> Shape {
        if let Some((_, shape)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return shape.clone();
        }
        if let Some(shape) = self.owned(name) {
            return shape;
        }
        if let Some(shape) = case_member(name, self.names) {
            return shape;
        }
        let known: Vec<String> = self
            .locals
            .iter()
            .map(|(local, _)| local.clone())
            .chain(self.names.schema.fields.keys().map(ToString::to_string))
            .chain(CASE_MEMBERS.iter().chain(&OWNED).map(|name| (*name).to_owned()))
            .collect();
        let near = did_you_mean(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let help = if name == "parent" { Some("the workflow that sends it has no `parent`".to_owned()) } else { near };
        self.error("E196", span, format!("there is no `{name}` here"), help);
        Shape::Any
    }

    fn owned(&self, name: &str) -> Option<Shape> {
        Some(match name {
            "now" | "today" => Shape::Time,
            "actor" => Shape::Actor,
            "input" => Shape::Row(Arc::clone(&self.names.schema)),
            "setting" => Shape::Row(Arc::clone(&self.names.settings)),
            "with" => Shape::Row(Arc::clone(&self.names.with)),
            "cases" => Shape::List(Box::new(Shape::Case)),
            "document" => Shape::Row(Arc::clone(self.names.document.as_ref()?)),
            "documents" if self.names.schema.get(name).is_none() => Shape::Documents(Arc::clone(&self.names.documents)),
            _ => return None,
        })
    }

    fn member(&mut self, whole: &Shape, name: &str, span: Span) -> Shape {
        member(whole, name, self.names).unwrap_or_else(|known| {
            let near =
                did_you_mean(name, known.iter().map(|name| &**name)).map(|near| format!("did you mean `{near}`?"));
            self.error("E196", span, format!("{} has no `{name}`", whole.title()), near);
            Shape::Any
        })
    }

    fn item(&mut self, whole: &Expr<'_>, key: &Expr<'_>) -> Shape {
        let shape = self.shape(whole);
        let name = key.as_const().filter(|_| !matches!(shape, Shape::List(_)));
        match name.as_ref().and_then(|name| name.as_str()) {
            Some(name) => self.member(&shape, name, key.span()),
            None => {
                self.shape(key);
                shape.item().unwrap_or(Shape::Any)
            }
        }
    }

    fn filter(&mut self, name: &str, of: Option<&Expr<'_>>, args: &[CallArg<'_>], span: Span) -> Shape {
        let shape = of.map_or(Shape::Plain, |of| self.shape(of));
        self.arguments(args);
        self.known("filter", name, &filter::KNOWN, span);
        match name {
            "first" | "last" => shape.item().unwrap_or(Shape::Any),
            "reverse" | "sort" | "unique" | "default" | "d" | "select" | "reject" | "selectattr" | "rejectattr" => {
                shape
            }
            "map" | "groupby" | "batch" | "slice" | "min" | "max" => Shape::Any,
            "sum" | "round" | "abs" => {
                let inside = shape.item().unwrap_or(shape);
                self.computed(&inside, span);
                Shape::Plain
            }
            _ => Shape::Plain,
        }
    }

    fn arguments(&mut self, args: &[CallArg<'_>]) {
        for arg in args {
            match arg {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => {
                    self.shape(value);
                }
            }
        }
    }

    fn known(&mut self, what: &str, name: &str, known: &[&str], span: Span) {
        if !known.contains(&name) {
            let near = did_you_mean(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let help = near.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            self.error("E196", span, format!("there is no {what} `{name}`"), Some(help));
        }
    }

    fn operation(&mut self, op: BinOpKind, left: (&Shape, Span), right: (&Shape, Span)) -> Shape {
        match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => return left.0.clone(),
            BinOpKind::In | BinOpKind::Concat => {}
            BinOpKind::Eq | BinOpKind::Ne | BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
                self.compared(left, right);
            }
            BinOpKind::Add
            | BinOpKind::Sub
            | BinOpKind::Mul
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => {
                self.computed(left.0, left.1);
                self.computed(right.0, right.1);
            }
        }
        Shape::Plain
    }

    /// A comparison that a template would get wrong is refused.
    fn compared(&mut self, left: (&Shape, Span), right: (&Shape, Span)) {
        let times = [left.0, right.0].iter().filter(|shape| matches!(shape, Shape::Time)).count();
        for (shape, span) in [left, right] {
            if matches!(shape, Shape::Exact | Shape::Table(_)) || (times == 1 && matches!(shape, Shape::Time)) {
                let message = format!("a template does not compare {}", shape.title());
                self.error("E197", span, message, Some("compare in a computed field, and name that one".to_owned()));
            }
        }
    }

    fn computed(&mut self, shape: &Shape, span: Span) {
        if matches!(shape, Shape::Exact | Shape::Time) {
            let message = format!("a template does not compute with {}", shape.title());
            self.error("E197", span, message, Some("compute it in a field with a `formula`".to_owned()));
        }
    }

    fn error(&mut self, code: &str, span: Span, message: String, help: Option<String>) {
        let place = self.place(span);
        let length = usize::try_from(span.end_offset.saturating_sub(span.start_offset)).unwrap_or(1);
        let length = if span.start_line == span.end_line { length.max(1) } else { 1 };
        let error = Diagnostic::error(code, place, message).length(length);
        self.found.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }

    /// Columns are counted in characters, whatever the engine counts.
    fn place(&self, span: Span) -> Place {
        let offset = usize::try_from(span.start_offset).unwrap_or(0);
        let before = self.source.get(..offset).unwrap_or(self.source);
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let line = before.matches('\n').count().saturating_add(1);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.origin.at(number(line), number(column.saturating_add(1)))
    }
}
