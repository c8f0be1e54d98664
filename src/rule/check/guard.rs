//! Guards: which paths are known to be set where a condition holds, or does not hold.
//!
//! Paths are read off the text: looking into an expression a second time for each guard around it would make deeply
//! nested ones cost more with every level.

use rhai::{ASTFlags, Expr};

use super::Checker;
use super::property::{Link, written};

/// The paths that are set when `condition` holds.
pub(super) fn set_if(condition: &Expr) -> Vec<String> {
    if let Expr::And(parts, _) = condition {
        return parts.iter().flat_map(set_if).collect();
    }
    match one_argument(condition) {
        Some(("is_set", asked)) => path(asked).into_iter().collect(),
        Some(("!", denied)) => set_unless(denied),
        Some(_) | None => Vec::new(),
    }
}

/// The paths that are set when `condition` does not hold.
pub(super) fn set_unless(condition: &Expr) -> Vec<String> {
    if let Expr::Or(parts, _) = condition {
        return parts.iter().flat_map(set_unless).collect();
    }
    match one_argument(condition) {
        Some(("!", denied)) => set_if(denied),
        Some(_) | None => Vec::new(),
    }
}

/// Every path that `expression` asks about in any way: a guard in doubt is accepted.
pub(super) fn asked(expression: &Expr) -> Vec<String> {
    if let Expr::And(parts, _) | Expr::Or(parts, _) = expression {
        return parts.iter().flat_map(asked).collect();
    }
    match one_argument(expression) {
        Some(("is_set", asked)) => path(asked).into_iter().collect(),
        Some(("!", denied)) => asked(denied),
        Some(_) | None => Vec::new(),
    }
}

/// How an expression is written, when it is a name with properties and simple indexes.
fn path(expression: &Expr) -> Option<String> {
    if let Expr::Dot(pair, flags, _) = expression {
        return follow(path(&pair.lhs)?, Link::Dot, *flags, &pair.rhs);
    }
    if let Expr::Index(pair, flags, _) = expression {
        return follow(path(&pair.lhs)?, Link::Index, *flags, &pair.rhs);
    }
    if let Expr::Variable(names, ..) = expression { Some(names.1.to_string()) } else { None }
}

fn follow(base: String, link: Link, flags: ASTFlags, rest: &Expr) -> Option<String> {
    let (next, after) = link.next(flags, rest);
    let path = match (link, next) {
        (Link::Dot, Expr::Property(names, _)) => format!("{base}.{}", names.2),
        (Link::Index, index) => format!("{base}[{}]", written(index)?),
        (Link::Dot, _) => return None,
    };
    match after {
        Some((link, flags, rest)) => follow(path, link, flags, rest),
        None => Some(path),
    }
}

/// A call with one argument, as `is_set(x)` and `!x` are.
fn one_argument(expression: &Expr) -> Option<(&str, &Expr)> {
    let Expr::FnCall(call, _) = expression else { return None };
    let [argument] = call.args.as_slice() else { return None };
    Some((call.name.as_str(), argument))
}

impl Checker<'_> {
    /// Does `work` where these paths are set.
    pub(super) fn guarded<T>(&mut self, paths: Vec<String>, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.guards.len();
        self.guards.extend(paths);
        let result = work(self);
        self.guards.truncate(before);
        result
    }
}
