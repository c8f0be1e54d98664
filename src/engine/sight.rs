//! Stored cases as expressions see them outside a command: in views and measures.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Actor, Case, Name, Timestamp, Value, VerdictError, World};
use crate::rule::{Expression, Facts};
use crate::workflow::{Definition, Workflow};

use super::draft::Draft;
use super::{judge, visible};

/// Who looks at cases of a workflow, and when.
#[derive(Clone)]
pub struct Sight<'a> {
    /// The definitions.
    pub definition: &'a Definition,
    /// The workflow of the cases.
    pub workflow: &'a Workflow,
    /// Who looks.
    pub actor: &'a Actor,
    /// Rows of tables, and the budget.
    pub world: &'a Arc<dyn World>,
    /// The moment.
    pub now: Timestamp,
}

impl std::fmt::Debug for Sight<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sight").field("workflow", &self.workflow.name).finish_non_exhaustive()
    }
}

impl Sight<'_> {
    /// What expressions see of a case. A subset whose condition can't be judged has no rows to see; what names it is
    /// then in error.
    pub(super) fn facts(&self, case: &Case) -> Facts {
        let (actor, case) = (self.actor.clone(), case.clone());
        let draft = Draft::new(self.definition, self.workflow, case, actor, self.world, self.now);
        draft.facts().unwrap_or_else(|_| draft.bare_facts())
    }

    /// The same without hidden fields, as if they were not set.
    pub(super) fn without(&self, facts: &Facts, hidden: &BTreeSet<Name>) -> Facts {
        if hidden.is_empty() {
            return facts.clone();
        }
        Facts { fields: Arc::new(visible(hidden, &facts.fields)), ..facts.clone() }
    }

    /// The places of the rows of `list`; without a list one row, which has no place.
    pub(super) fn lines(list: Option<&Name>, case: &Case) -> Vec<Option<usize>> {
        match list {
            Some(list) => {
                let rows = case.fields.get(list).and_then(Value::as_list).map_or(0, <[Value]>::len);
                (0..rows).map(Some).collect()
            }
            None => vec![None],
        }
    }

    /// The value of an expression; `None` is a missing one.
    pub(super) fn value(
        &self,
        expression: &Expression,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<Option<Value>, VerdictError> {
        match self.definition.engine.evaluate(expression, facts, line) {
            Err(error) if &*error.code == VerdictError::MISSING => Ok(None),
            other => other,
        }
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// When it has no value, or can't be judged.
    pub(super) fn holds(
        &self,
        condition: &Expression,
        facts: &Facts,
        line: Option<usize>,
    ) -> Result<bool, VerdictError> {
        match self.definition.engine.evaluate(condition, facts, line)? {
            Some(Value::Boolean(flag)) => Ok(flag),
            other => Err(judge::undecided(condition, other.is_none())),
        }
    }
}
