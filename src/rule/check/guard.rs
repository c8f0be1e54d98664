//! Guards: which paths are known to be set where a condition holds, or does not hold.

use rhai::Expr;

use super::Checker;

impl<'a> Checker<'a> {
    /// The paths that are set when `condition` holds.
    pub(super) fn set_if(&mut self, condition: &'a Expr) -> Vec<String> {
        match condition {
            Expr::And(parts, _) => parts.iter().flat_map(|part| self.set_if(part)).collect(),
            Expr::FnCall(call, _) => match (call.name.as_str(), call.args.as_slice()) {
                ("is_set", [asked]) => self.infer(asked).path.into_iter().collect(),
                ("!", [denied]) => self.set_unless(denied),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The paths that are set when `condition` does not hold.
    pub(super) fn set_unless(&mut self, condition: &'a Expr) -> Vec<String> {
        match condition {
            Expr::Or(parts, _) => parts.iter().flat_map(|part| self.set_unless(part)).collect(),
            Expr::FnCall(call, _) => match (call.name.as_str(), call.args.as_slice()) {
                ("!", [denied]) => self.set_if(denied),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Every path that `expression` asks about in any way: a guard in doubt is accepted.
    pub(super) fn asked(&mut self, expression: &'a Expr) -> Vec<String> {
        match expression {
            Expr::And(parts, _) | Expr::Or(parts, _) => parts.iter().flat_map(|part| self.asked(part)).collect(),
            Expr::FnCall(call, _) => match (call.name.as_str(), call.args.as_slice()) {
                ("is_set", [asked]) => self.infer(asked).path.into_iter().collect(),
                ("!", [denied]) => self.asked(denied),
                _ => Vec::new(),
            },
            _ => Vec::new(),
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
