//! Expressions: what each gives, and what in it can't be right.

use rhai::{Expr, FnCallExpr, Position, Stmt};

use super::super::operator::{BINARY, Op};
use super::super::shape::{Shape, Typed, result};
use super::Checker;
use super::guard::{set_if, set_unless};
use super::property::Link;

impl<'a> Checker<'a> {
    /// What an expression gives.
    pub(super) fn infer(&mut self, expression: &'a Expr) -> Typed {
        match expression {
            Expr::BoolConstant(..) => Typed::set(Shape::Boolean),
            Expr::IntegerConstant(..) => Typed::set(Shape::Integer),
            Expr::CharConstant(..) | Expr::StringConstant(..) => Typed::set(Shape::Text),
            Expr::Unit(_) => Typed::set(Shape::Missing),
            Expr::DynamicConstant(value, position) => self.constant(value, *position),
            Expr::InterpolatedString(parts, _) => {
                for part in parts.iter() {
                    let typed = self.infer(part);
                    self.needs(&typed, part.start_position());
                    self.writes(&typed, part.start_position());
                }
                Typed::set(Shape::Text)
            }
            Expr::Array(items, _) => self.array(items),
            Expr::Map(entries, _) => {
                for (_, value) in &entries.0 {
                    self.infer(value);
                }
                Typed::set(Shape::Object)
            }
            Expr::Variable(names, _, position) if names.2.is_empty() => self.variable(&names.1, *position),
            Expr::Variable(..) => Typed::set(Shape::Any),
            Expr::Dot(pair, flags, _) => {
                let base = self.infer(&pair.lhs);
                self.link(base, Link::Dot, *flags, &pair.rhs)
            }
            Expr::Index(pair, flags, _) => {
                let base = self.infer(&pair.lhs);
                self.link(base, Link::Index, *flags, &pair.rhs)
            }
            Expr::And(parts, _) => self.all_or_any(parts, true),
            Expr::Or(parts, _) => self.all_or_any(parts, false),
            Expr::Coalesce(parts, _) => self.coalesce(parts),
            Expr::FnCall(call, position) => self.function_or_operator(call, *position),
            Expr::Stmt(block) => self.nested_block(block),
            Expr::ThisPtr(_) | Expr::Property(..) | Expr::MethodCall(..) | Expr::Custom(..) => Typed::maybe(Shape::Any),
            _ => Typed::maybe(Shape::Any),
        }
    }

    /// Refuses what can't be written into a text, whatever it holds.
    fn writes(&mut self, typed: &Typed, position: Position) {
        if typed.shape.is_written() {
            return;
        }
        let message = format!("{} can't be written into a text", typed.shape.title());
        self.error("E208", position, 1, message, Some("name what of it is meant".to_owned()));
    }

    fn constant(&mut self, value: &rhai::Dynamic, position: Position) -> Typed {
        if value.is_decimal() {
            return Typed::set(Shape::Decimal);
        }
        if value.is_fnptr() {
            self.stray_closure(position);
        }
        Typed::set(Shape::Any)
    }

    fn stray_closure(&mut self, position: Position) {
        let message = "a closure can only be an argument of a list function".to_owned();
        self.error("E209", position, 1, message, Some("write a function with `fn`".to_owned()));
    }

    fn nested_block(&mut self, block: &'a rhai::StmtBlock) -> Typed {
        if let [Stmt::Share(_), Stmt::Expr(_)] = block.statements() {
            self.stray_closure(block.position());
            return Typed::set(Shape::Any);
        }
        self.block(block.statements())
    }

    fn array(&mut self, items: &'a [Expr]) -> Typed {
        let mut shape: Option<Shape> = None;
        for item in items {
            let typed = self.infer(item);
            let item = if typed.optional { Shape::Any } else { typed.shape };
            shape = Some(match shape {
                Some(known) => known.join(&item),
                None => item,
            });
        }
        Typed::set(Shape::Array(Box::new(shape.unwrap_or(Shape::Any))))
    }

    /// `&&` and `||`: each part is judged where those before it held, or did not.
    fn all_or_any(&mut self, parts: &'a [Expr], all: bool) -> Typed {
        let before = self.guards.len();
        for part in parts {
            let typed = self.infer(part);
            self.condition(&typed, part.start_position());
            let paths = if all { set_if(part) } else { set_unless(part) };
            self.guards.extend(paths);
        }
        self.guards.truncate(before);
        Typed::set(Shape::Boolean)
    }

    fn coalesce(&mut self, parts: &'a [Expr]) -> Typed {
        let mut joined: Option<Typed> = None;
        for part in parts {
            let typed = self.infer(part);
            let optional = typed.optional || matches!(typed.shape, Shape::Missing);
            let mut next = match joined {
                // What is there is not replaced.
                Some(known) if !known.optional && !matches!(known.shape, Shape::Missing) => return known.at(None),
                Some(known) => Typed { optional: false, ..known }.join(&typed),
                None => typed,
            };
            next.optional = optional;
            joined = Some(next);
        }
        joined.unwrap_or_else(|| Typed::maybe(Shape::Any)).at(None)
    }

    fn function_or_operator(&mut self, call: &'a FnCallExpr, position: Position) -> Typed {
        let operator = BINARY.iter().find(|(name, _)| *name == call.name).map(|(_, op)| *op);
        match (operator, call.args.as_slice()) {
            (Some(op), [left, right]) if call.namespace.is_empty() => {
                let (left_typed, right_typed) = (self.infer(left), self.infer(right));
                self.needs(&left_typed, left.start_position());
                self.needs(&right_typed, right.start_position());
                self.choices(op, (left, &left_typed), (right, &right_typed));
                self.operator(op, &left_typed.shape, &right_typed.shape, position)
            }
            (_, [operand]) if call.is_operator_call() => self.unary(&call.name, operand, position),
            _ => self.call(call, position),
        }
    }

    /// A choice is compared with texts that it can be.
    fn choices(&mut self, op: Op, left: (&'a Expr, &Typed), right: (&'a Expr, &Typed)) {
        if matches!(op, Op::Equal | Op::Unequal) {
            self.possible(left.1, right.0);
            self.possible(right.1, left.0);
        }
        if let (Op::Contains, Expr::Array(items, _)) = (op, left.0) {
            for item in items.iter() {
                self.possible(right.1, item);
            }
        }
    }

    /// The result of an operator; what does not go together is an error.
    pub(super) fn operator(&mut self, op: Op, left: &Shape, right: &Shape, position: Position) -> Typed {
        if matches!(left, Shape::Missing) || matches!(right, Shape::Missing) {
            return Typed::set(Shape::Any);
        }
        if let Some(shape) = result(op, left, right) {
            return Typed::set(shape);
        }
        let (done, help) = match op {
            Op::Equal | Op::Unequal | Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
                ("can't be compared", date_help(left, right))
            }
            Op::Contains => ("can't be looked up in each other", None),
            Op::Range | Op::RangeInclusive => ("can't be the ends of a range", None),
            Op::Add if matches!(left, Shape::Text) || matches!(right, Shape::Text) => {
                ("can't be added", Some("write a text with `${...}` in backticks".to_owned()))
            }
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => {
                ("can't be computed with each other", None)
            }
            Op::And | Op::Or | Op::Xor => ("can't be combined", None),
        };
        self.error("E208", position, 1, format!("{} and {} {done}", left.title(), right.title()), help);
        Typed::set(Shape::Any)
    }

    fn unary(&mut self, name: &str, operand: &'a Expr, position: Position) -> Typed {
        let typed = self.infer(operand);
        if name == "!" {
            self.condition(&typed, operand.start_position());
            return Typed::set(Shape::Boolean);
        }
        self.needs(&typed, operand.start_position());
        if !matches!(typed.shape, Shape::Integer | Shape::Decimal | Shape::Duration | Shape::Any | Shape::Missing) {
            let message = format!("`{name}` can't be applied to {}", typed.shape.title());
            self.error("E208", position, 1, message, None);
        }
        Typed::set(typed.shape)
    }
}

fn date_help(left: &Shape, right: &Shape) -> Option<String> {
    match (left, right) {
        (Shape::Date, Shape::Datetime) | (Shape::Datetime, Shape::Date) => {
            Some("take the day of the datetime with `.date()`".to_owned())
        }
        (Shape::Date, Shape::Text) | (Shape::Text, Shape::Date) => {
            Some("write the date as `date(\"2026-10-15\")`".to_owned())
        }
        _ => None,
    }
}
