//! Properties, indexes and methods: Rhai nests them to the right, a plan to the left.

use rhai::{ASTFlags, Expr};

use super::super::node::{Member, Node};
use super::Compiler;

/// How a chain goes on.
#[derive(Clone, Copy)]
pub(super) enum Link {
    /// `.`
    Dot,
    /// `[ ]`
    Index,
}

impl<'s> Compiler<'s> {
    /// Follows a chain from `base`.
    pub(super) fn link(&mut self, base: Node, link: Link, flags: ASTFlags, rest: &'s Expr) -> Option<Node> {
        // `?.` and `?[`
        if flags.intersects(ASTFlags::NEGATED) {
            return None;
        }
        let goes_on = matches!(link, Link::Dot) || !flags.intersects(ASTFlags::BREAK);
        if let (true, Expr::Dot(pair, flags, _)) = (goes_on, rest) {
            let base = self.step(base, link, &pair.lhs)?;
            return self.link(base, Link::Dot, *flags, &pair.rhs);
        }
        if let (true, Expr::Index(pair, flags, _)) = (goes_on, rest) {
            let base = self.step(base, link, &pair.lhs)?;
            return self.link(base, Link::Index, *flags, &pair.rhs);
        }
        self.step(base, link, rest)
    }

    fn step(&mut self, base: Node, link: Link, next: &'s Expr) -> Option<Node> {
        match link {
            Link::Index => Some(Node::Index(Box::new((base, self.node(next)?)))),
            Link::Dot => {
                if let Expr::Property(name, _) = next {
                    return Some(Node::Property(Box::new(base), Member::new(&name.2)));
                }
                let Expr::MethodCall(call, _) = next else { return None };
                self.method(base, call)
            }
        }
    }
}
