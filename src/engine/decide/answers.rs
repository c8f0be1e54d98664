//! What a task asks for as its own: rows that begin as those of the list, and answers.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::engine::draft::Draft;
use crate::field::Reader;
use crate::model::command::Input;
use crate::model::{Reason, Record, RefusalKind, Title, Value};
use crate::workflow::{Task, task::ROWS};

impl Draft<'_> {
    /// The rows that `task` begins with: for each row of its list, what it asks for and need not be answered anew.
    pub(in crate::engine) fn prefilled(&self, task: &Task) -> Vec<Record> {
        let Some(each) = &task.each else { return Vec::new() };
        let rows = self.fields.get(each).and_then(Value::as_list).unwrap_or_default();
        let columns = || task.answers.row.fields.keys().filter(|name| !task.answers.must.contains(name));
        let row = |row: &Record| -> Record {
            columns().filter_map(|name| Some((Arc::clone(name), row.get(name)?.clone()))).collect()
        };
        rows.iter().filter_map(Value::as_row).map(row).collect()
    }

    /// Reads what is the task's own; every mistake is a reason. What is left out stays as it began.
    pub(super) fn read_answers(&self, task: &Task, own: &Input, reasons: &mut Vec<Reason>) -> Record {
        if task.answers.is_empty() {
            return Record::new();
        }
        let world = Arc::clone(self.world);
        let exists = move |table: &str, key: &str| world.row(table, key).is_some();
        let mut reader = Reader::new(self.workflow.zone, &exists);
        let schema = &task.answers.row;
        let rows = if task.each.is_none() {
            vec![reader.record(schema, own, "")]
        } else {
            let mut rows = self.prefilled(task);
            match own.get(ROWS) {
                None | Some(Json::Null) => {}
                Some(Json::Array(given)) if given.len() == rows.len() => {
                    for (index, (row, given)) in rows.iter_mut().zip(given).enumerate() {
                        reasons.extend(over(&mut reader, schema, row, (index, given)));
                    }
                }
                Some(_) => {
                    reasons.push(wrong_count(rows.len()));
                    return Record::new();
                }
            }
            for (index, row) in rows.iter().enumerate() {
                reader.require(schema, row, &format!("{ROWS}[{index}]"));
            }
            rows
        };
        reasons.extend(reader.problems.into_iter().map(crate::engine::input::reason));
        Record::from_iter([(ROWS.into(), Value::List(rows.into_iter().map(Value::Row).collect()))])
    }
}

/// Lays what is given over a row; `null` unsets.
fn over(
    reader: &mut Reader<'_>,
    schema: &crate::field::Schema,
    row: &mut Record,
    (index, given): (usize, &Json),
) -> Option<Reason> {
    let path = format!("{ROWS}[{index}]");
    let Json::Object(given) = given else {
        let title = Title::new("须为对象", "must be an object with the answers of this row");
        return Some(Reason::new(RefusalKind::Invalid, "not_a_row", title).at(&path));
    };
    for name in given.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name) {
        row.clear(name);
    }
    let read = reader.fields(schema, given, &path);
    for (name, value) in read.iter() {
        row.set(Arc::clone(name), value.clone());
    }
    None
}

fn wrong_count(rows: usize) -> Reason {
    let (zh, en) =
        (format!("须为 {rows} 行的列表"), format!("must be a list with {rows} rows, one for each row of its list"));
    Reason::new(RefusalKind::Invalid, "wrong_count", Title::new(&zh, &en)).at(ROWS)
}

/// The rows of what [`Draft::read_answers`] read.
pub(super) fn rows_of(answers: &Record) -> Vec<Record> {
    let rows = answers.get(ROWS).and_then(Value::as_list).unwrap_or_default();
    rows.iter().filter_map(Value::as_row).cloned().collect()
}
