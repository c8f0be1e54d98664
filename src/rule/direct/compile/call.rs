//! Calls: of the script's own functions, of those of its modules, and of the language's.

use rhai::{Expr, FnCallExpr, Position};

use super::super::super::check::closure_parts;
use super::super::super::fault::Origin;
use super::super::super::operator::{BINARY, Op};
use super::super::node::{Each, Node, Of, OfTwo, Report};
use super::Compiler;
use crate::model::Severity;

impl<'s> Compiler<'s> {
    /// `f(x)`, `module::f(x)`, or an operator.
    pub(super) fn call(&mut self, call: &'s FnCallExpr, position: Position) -> Option<Node> {
        if call.capture_parent_scope {
            return None;
        }
        if !call.namespace.is_empty() {
            let module = self.script.imports.get(call.namespace.root())?.clone();
            self.modules.get(module.as_str())?.function(&call.name, call.args.len())?;
            let arguments = self.all(&call.args)?;
            return Some(Node::Call(self.number(Some(module), &call.name, call.args.len()), arguments));
        }
        if call.is_operator_call() {
            return self.operator(call);
        }
        if self.script.parsed.function(&call.name, call.args.len()).is_some() {
            let arguments = self.all(&call.args)?;
            let module = self.script.module.clone();
            return Some(Node::Call(self.number(module, &call.name, call.args.len()), arguments));
        }
        let severity = match call.name.as_str() {
            "fail" => Some(Severity::Fail),
            "warn" => Some(Severity::Warn),
            "note" => Some(Severity::Note),
            _ => None,
        };
        if let Some(severity) = severity {
            return self.report(severity, call, position);
        }
        let (first, rest) = call.args.split_first()?;
        // What changes its first argument does so through a method only.
        let base = self.node(first)?;
        self.native(&call.name, base, rest)
    }

    /// `x.f(y)`
    pub(super) fn method(&mut self, base: Node, call: &'s FnCallExpr) -> Option<Node> {
        if !call.namespace.is_empty() || call.capture_parent_scope || self.is_own(&call.name) {
            return None;
        }
        if let ("push", Node::Local(place), [item]) = (call.name.as_str(), &base, &*call.args) {
            return Some(Node::Push(*place, Box::new(self.node(item)?)));
        }
        self.native(&call.name, base, &call.args)
    }

    fn operator(&mut self, call: &'s FnCallExpr) -> Option<Node> {
        let (name, arguments) = (call.name.as_str(), &*call.args);
        if let [operand] = arguments {
            let operand = Box::new(self.node(operand)?);
            return match name {
                "!" => Some(Node::Not(operand)),
                "-" => Some(Node::Negate(operand)),
                _ => None,
            };
        }
        let [left, right] = arguments else { return None };
        let op = BINARY.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)?;
        let both = self.two(left, right)?;
        Some(Node::Operate(op, both))
    }

    /// Whether a function of the script, or of the rule that calls it, has this name: which one is meant then is for
    /// Rhai to say.
    fn is_own(&self, name: &str) -> bool {
        !self.script.parsed.arities(name).is_empty() || !self.main.parsed.arities(name).is_empty()
    }

    fn native(&mut self, name: &str, base: Node, rest: &'s [Expr]) -> Option<Node> {
        if self.is_own(name) {
            return None;
        }
        match rest {
            [] => Some(Node::Of(of(name)?, Box::new(base))),
            [argument] => {
                if let Some(each) = each(name) {
                    return self.closure(each, base, argument);
                }
                let both = Box::new((base, self.node(argument)?));
                if name == "contains" {
                    return Some(Node::Operate(Op::Contains, both));
                }
                Some(Node::OfTwo(of_two(name)?, both))
            }
            _ => None,
        }
    }

    /// A closure is a part of the function in which it stands, with a place for its parameter.
    fn closure(&mut self, each: Each, list: Node, argument: &'s Expr) -> Option<Node> {
        let (name, captured) = closure_parts(argument)?;
        let function = self.script.parsed.functions.iter().find(|function| function.name == name.as_str())?;
        let [item] = function.parameters.get(captured..)? else { return None };
        self.scoped(|compiler| {
            let place = compiler.place(item);
            let body = compiler.block(&function.body)?;
            Some(Node::Each(each, place, Box::new((list, body))))
        })
    }

    fn report(&mut self, severity: Severity, call: &'s FnCallExpr, position: Position) -> Option<Node> {
        if self.bare || self.is_own(&call.name) {
            return None;
        }
        let (code, path, facts) = match &*call.args {
            [code, path] => (code, path, None),
            [code, path, facts] => (code, path, Some(facts)),
            _ => return None,
        };
        let (code, path) = (self.node(code)?, self.node(path)?);
        let facts = match facts {
            Some(facts) => Some(self.node(facts)?),
            None => None,
        };
        let place = Origin::file(&self.script.origin.place.file).place(position);
        Some(Node::Report(Box::new(Report { severity, place, code, path, facts })))
    }
}

fn of(name: &str) -> Option<Of> {
    Some(match name {
        "is_set" => Of::IsSet,
        "len" => Of::Len,
        "is_empty" => Of::IsEmpty,
        "keys" => Of::Keys,
        "sum" => Of::Sum,
        "first" => Of::First,
        "last" => Of::Last,
        "date" => Of::Date,
        _ => return None,
    })
}

fn of_two(name: &str) -> Option<OfTwo> {
    Some(match name {
        "table" => OfTwo::Table,
        "get" => OfTwo::Get,
        "min" => OfTwo::Min,
        "max" => OfTwo::Max,
        "has_role" => OfTwo::HasRole,
        "starts_with" => OfTwo::StartsWith,
        "ends_with" => OfTwo::EndsWith,
        _ => return None,
    })
}

fn each(name: &str) -> Option<Each> {
    Some(match name {
        "map" => Each::Map,
        "filter" => Each::Filter,
        "any" | "some" => Each::Any,
        "all" => Each::All,
        "none" => Each::None,
        "count" => Each::Count,
        "find" => Each::Find,
        "sum" => Each::Sum,
        _ => return None,
    })
}
