//! The values that fields begin with.

use std::sync::Arc;

use crate::model::{Name, Reason, Value};
use crate::rule::Facts;
use crate::workflow::Initial;

use super::draft::Draft;

impl Draft<'_> {
    /// Gives fields (and the fields of rows) that begin with a value that value. A field that a transition asks
    /// for gets it when it is asked, every other one at the opening.
    pub(super) fn begin(&mut self, wanted: &dyn Fn(&Name) -> bool) -> Result<(), Reason> {
        let workflow = self.workflow;
        for initial in &workflow.initials {
            match &initial.list {
                None if (self.fields.get(&initial.field).is_none() || self.past(&initial.field))
                    && wanted(&initial.field) =>
                {
                    self.begin_field(initial, &self.bare_facts())?;
                }
                None => {}
                Some(list) if self.lacks(list, &initial.field) => self.begin_rows(initial, list)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn begin_rows(&mut self, initial: &Initial, list: &Name) -> Result<(), Reason> {
        let facts = self.bare_facts();
        self.each_row(list, &initial.field, true, |draft, kind, line| {
            draft.given(&initial.value, kind, &facts, Some(line))
        })
    }

    /// Whether some row of `list` has no value in `field`.
    fn lacks(&self, list: &str, field: &str) -> bool {
        let rows = self.fields.get(list).and_then(Value::as_list).unwrap_or_default();
        let mut near = 0;
        rows.iter().filter_map(Value::as_row).any(|row| {
            let (place, value) = row.get_near(field, near);
            near = place;
            value.is_none()
        })
    }

    fn begin_field(&mut self, initial: &Initial, facts: &Facts) -> Result<(), Reason> {
        let Some(field) = self.workflow.schema.get(&initial.field) else { return Ok(()) };
        match self.given(&initial.value, &field.kind, facts, None)? {
            Some(value) => {
                self.fields.set(Arc::clone(&initial.field), value);
                self.begun.insert(Arc::clone(&initial.field));
            }
            // What is asked for once more is not answered by what is past.
            None => drop(self.fields.clear(&initial.field)),
        }
        Ok(())
    }

    /// Whether a field has a moment or day of an earlier time that is past: where it is asked for again, and not
    /// answered, it begins anew, so that nothing that waits for it is due at once.
    fn past(&self, field: &Name) -> bool {
        let once = self.workflow.schema.get(field).is_some_and(|field| field.write_once);
        if once || self.input.get(field).is_some() || self.fields.get(field) != self.case.fields.get(field) {
            return false;
        }
        match self.fields.get(field) {
            Some(Value::Datetime(moment)) => *moment <= self.now,
            Some(Value::Date(day)) => *day < self.now.day(self.workflow.zone),
            Some(
                Value::Text(_)
                | Value::Integer(_)
                | Value::Decimal(_)
                | Value::Boolean(_)
                | Value::Duration(_)
                | Value::List(_)
                | Value::Row(_)
                | Value::Map(_),
            )
            | None => false,
        }
    }

    /// Whether `field` got the value it begins with in this step: then it is answered.
    pub(super) fn began(&self, field: &Name) -> bool {
        self.begun.contains(field)
    }
}
