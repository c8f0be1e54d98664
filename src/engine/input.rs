//! What a command brings: read by the field types, and laid over the values of the case.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::field::{Field, Kind, Problem, Reader, read_value};
use crate::model::command::Input;
use crate::model::{Name, Reason, Record, RefusalKind, Value};

use super::draft::Draft;
use super::{attached, judge};

impl Draft<'_> {
    /// Reads `input`, of which only the fields in `allowed` may be given, and lays it over the values: rows given
    /// for a list that only grows are added to it, `null` unsets, everything else replaces. Every mistake is a
    /// reason.
    pub(super) fn take_in(&mut self, input: &Input, allowed: &BTreeSet<Name>) -> Vec<Reason> {
        let world = Arc::clone(self.world);
        let exists = move |table: &str, key: &str| world.row(table, key).is_some();
        let mut reader = Reader::new(self.workflow.zone, &exists);
        let (mut read, mut unset) = (Record::new(), Vec::new());
        let mut reasons = Vec::new();
        for (name, json) in input {
            match self.workflow.schema.get(name).filter(|field| allowed.contains(&field.name)) {
                Some(field) => match read_value(&mut reader, &field.kind, json, name) {
                    Some(value) => read.set(Arc::clone(&field.name), value),
                    None if json.is_null() => {
                        unset.push(Arc::clone(&field.name));
                        reasons.extend(self.clear(field));
                    }
                    None => {}
                },
                None => reasons.push(judge::not_taken(self.workflow, name, allowed)),
            }
        }
        for (name, value) in read.iter() {
            if let Some(field) = self.workflow.schema.get(name) {
                reasons.extend(self.lay(field, value.clone()));
            }
        }
        reasons.extend(reader.problems.into_iter().map(reason));
        reasons.extend(attached::strangers(&self.workflow.schema, &read, &self.case));
        (self.input, self.unset) = (Arc::new(read), unset);
        reasons
    }

    fn lay(&mut self, field: &Field, value: Value) -> Option<Reason> {
        let old = self.fields.get(&field.name);
        if field.write_once && old.is_some_and(|old| *old != value) {
            return Some(judge::write_once(&field.name));
        }
        let value = match (field.append_only, old, value) {
            (true, Some(Value::List(old)), Value::List(new)) => {
                let all: Vec<Value> = old.iter().cloned().chain(new).collect();
                if let Kind::List(list) = &field.kind
                    && all.len() > list.max
                {
                    return Some(judge::too_many(&field.name, list.max));
                }
                Value::List(all)
            }
            (_, _, value) => value,
        };
        self.fields.set(Arc::clone(&field.name), value);
        None
    }

    fn clear(&mut self, field: &Field) -> Option<Reason> {
        if (field.write_once || field.append_only) && self.fields.get(&field.name).is_some() {
            return Some(judge::write_once(&field.name));
        }
        self.fields.clear(&field.name);
        None
    }

    /// Every required field that a row lacks, after rows got the values they begin with.
    pub(super) fn incomplete_rows(&self) -> Vec<Reason> {
        let exists = |_: &str, _: &str| true;
        let mut reader = Reader::new(self.workflow.zone, &exists);
        let lists = self.workflow.schema.fields.values().filter(|field| matches!(field.kind, Kind::List(_)));
        for field in lists {
            if let Some(value) = self.fields.get(&field.name) {
                reader.require_rows(&field.kind, value, &field.name);
            }
        }
        reader.problems.into_iter().map(reason).collect()
    }
}

pub(super) fn reason(problem: Problem) -> Reason {
    Reason::new(RefusalKind::Invalid, problem.code, problem.message).at(&problem.path)
}
