//! Statements.

use rhai::{ASTFlags, Expr, OpAssignment, Stmt};

use super::super::super::operator::BINARY;
use super::super::node::Node;
use super::Compiler;

impl<'s> Compiler<'s> {
    /// A statement.
    pub(super) fn statement(&mut self, statement: &'s Stmt) -> Option<Node> {
        match statement {
            Stmt::Noop(_) => Some(Node::Unit),
            Stmt::Expr(expression) => self.node(expression),
            Stmt::FnCall(call, position) => self.call(call, *position),
            Stmt::Block(block) => self.inner(block),
            Stmt::If(flow, _) => {
                let condition = self.node(&flow.expr)?;
                let body = self.inner(&flow.body)?;
                Some(Node::If(Box::new((condition, body, self.inner(&flow.branch)?))))
            }
            Stmt::Var(parts, flags, _) if flags.is_empty() => {
                let value = self.node(&parts.1)?;
                Some(Node::Put(self.place(&parts.0.name), Box::new(value)))
            }
            Stmt::Assignment(parts) => self.assignment(&parts.0, &parts.1.lhs, &parts.1.rhs),
            Stmt::For(parts, _) => {
                let over = self.node(&parts.2.expr)?;
                self.scoped(|compiler| {
                    let item = compiler.place(&parts.0.name);
                    let position = parts.1.as_ref().map(|position| compiler.place(&position.name));
                    let body = compiler.inner(&parts.2.body)?;
                    Some(Node::For(item, position, Box::new((over, body))))
                })
            }
            Stmt::Return(value, flags, _) if !flags.intersects(ASTFlags::BREAK) => {
                let value = value.as_ref().map_or(Some(Node::Unit), |value| self.node(value))?;
                Some(Node::Return(Box::new(value)))
            }
            Stmt::BreakLoop(None, flags, _) if flags.intersects(ASTFlags::BREAK) => Some(Node::Break),
            Stmt::BreakLoop(None, ..) => Some(Node::Continue),
            Stmt::Var(..)
            | Stmt::Return(..)
            | Stmt::BreakLoop(..)
            | Stmt::While(..)
            | Stmt::Do(..)
            | Stmt::Switch(..)
            | Stmt::TryCatch(..)
            | Stmt::Import(..)
            | Stmt::Export(..)
            | Stmt::Share(_) => None,
            _ => None,
        }
    }

    fn assignment(&mut self, how: &OpAssignment, target: &'s Expr, value: &'s Expr) -> Option<Node> {
        let value = self.node(value)?;
        if let Expr::Variable(names, ..) = target {
            let place = self.local(&names.1)?;
            let Some((.., syntax)) = how.get_op_assignment_info() else {
                return Some(Node::Put(place, Box::new(value)));
            };
            let op = BINARY.iter().find(|(name, _)| *name == syntax).map(|(_, op)| *op)?;
            return Some(Node::PutBy(op, place, Box::new(value)));
        }
        let (Expr::Index(pair, ..) | Expr::Dot(pair, ..)) = target else { return None };
        let (Expr::Variable(names, ..), None) = (&pair.lhs, how.get_op_assignment_info()) else { return None };
        let place = self.local(&names.1)?;
        if matches!(pair.rhs, Expr::Dot(..) | Expr::Index(..)) {
            return None;
        }
        let at = if let Expr::Property(name, _) = &pair.rhs {
            Node::Text(name.2.as_str().into())
        } else {
            self.node(&pair.rhs)?
        };
        Some(Node::PutAt(place, Box::new((at, value))))
    }
}
