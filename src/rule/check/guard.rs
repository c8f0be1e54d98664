//! Guards: which paths are known to be set where a condition holds, or does not hold.

use rhai::Expr;

use super::Checker;

impl<'a> Checker<'a> {
    /// The paths that are set when `condition` holds.
    pub(super) fn set_if(&mut self, condition: &'a Expr) -> Vec<String> {
        if let Expr::And(parts, _) = condition {
            return parts.iter().flat_map(|part| self.set_if(part)).collect();
        }
        match one_argument(condition) {
            Some(("is_set", asked)) => self.infer(asked).path.into_iter().collect(),
            Some(("!", denied)) => self.set_unless(denied),
            Some(_) | None => Vec::new(),
        }
    }

    /// The paths that are set when `condition` does not hold.
    pub(super) fn set_unless(&mut self, condition: &'a Expr) -> Vec<String> {
        if let Expr::Or(parts, _) = condition {
            return parts.iter().flat_map(|part| self.set_unless(part)).collect();
        }
        match one_argument(condition) {
            Some(("!", denied)) => self.set_if(denied),
            Some(_) | None => Vec::new(),
        }
    }

    /// Every path that `expression` asks about in any way: a guard in doubt is accepted.
    pub(super) fn asked(&mut self, expression: &'a Expr) -> Vec<String> {
        if let Expr::And(parts, _) | Expr::Or(parts, _) = expression {
            return parts.iter().flat_map(|part| self.asked(part)).collect();
        }
        match one_argument(expression) {
            Some(("is_set", asked)) => self.infer(asked).path.into_iter().collect(),
            Some(("!", denied)) => self.asked(denied),
            Some(_) | None => Vec::new(),
        }
    }

    /// Does `work` where these paths are set.
    pub(super) fn guarded<T>(&mut self, paths: Vec<String>, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.guards.len();
        self.guards.extend(paths);
        let result = work(self);
        self.guards.truncate(before);
        result
    }
}

/// A call with one argument, as `is_set(x)` and `!x` are.
fn one_argument(expression: &Expr) -> Option<(&str, &Expr)> {
    let Expr::FnCall(call, _) = expression else { return None };
    let [argument] = call.args.as_slice() else { return None };
    Some((call.name.as_str(), argument))
}
