//! Reference tables: their rows as the API reads and writes them.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use crate::field::{Reader, Table};
use crate::model::command::Input;
use crate::model::limit::KEY_BYTES_MAX;
use crate::model::{Name, Record, Title, Value, World};
use crate::store::Item;
use crate::workflow::{Checked, Given, Workflow};

use super::rows::Reads;
use super::snapshot::Snapshot;
use super::{BadRow, Failure, Runtime, not_found};

impl Runtime {
    /// A row of a table.
    ///
    /// # Errors
    /// When there is no such table or row.
    pub fn row(&self, table: &str, key: &str) -> Result<Arc<Record>, Failure> {
        self.table(table)?;
        self.0.rows.now().row(table, key).cloned().ok_or_else(|| not_found("row", key))
    }

    /// Rows of a table after a key, in the order of the keys.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn rows(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Arc<Record>)>, Failure> {
        self.table(table)?;
        let tables = self.0.rows.now().tables;
        let Some(rows) = tables.get(table) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(Name::from(key)));
        let rows = rows.range((from, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(key, row)| (Arc::clone(key), Arc::clone(row))).collect())
    }

    /// How many rows a table has.
    #[must_use]
    pub fn row_count(&self, table: &str) -> usize {
        self.0.rows.now().tables.get(table).map_or(0, OrdMap::len)
    }

    /// Puts rows: all or none. Each comes with its line, for the messages. A later row with the same key wins.
    ///
    /// # Errors
    /// When there is no such table, or with every mistake in every row.
    pub async fn put_rows(&self, table: &str, rows: Vec<(usize, Input)>) -> Result<usize, Failure> {
        let table = self.table(table)?;
        let count = rows.len();
        self.change_rows(move |snapshot| {
            let (mut put, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
            for (line, row) in &rows {
                match read_row(&table, snapshot, row) {
                    Ok(row) => put.push(row),
                    Err(problems) => bad.push(BadRow { line: *line, problems }),
                }
            }
            let item = Item::Rows { table: Arc::clone(&table.name), put, remove: Vec::new() };
            if bad.is_empty() { Ok(item) } else { Err(Failure::BadRows(bad)) }
        })
        .await?;
        Ok(count)
    }

    /// Removes a row.
    ///
    /// # Errors
    /// When there is no such table or row.
    pub async fn remove_row(&self, table: &str, key: &str) -> Result<(), Failure> {
        self.table(table)?;
        let (table, key): (Name, Name) = (table.into(), key.into());
        self.change_rows(move |snapshot| match snapshot.row(&table, &key) {
            Some(_) => Ok(Item::Rows { table: Arc::clone(&table), put: Vec::new(), remove: vec![Arc::clone(&key)] }),
            None => Err(not_found("row", &key)),
        })
        .await
    }

    /// Reads what is to be changed on a thread where that may take long, and makes it durable; reads again when
    /// rows that it leans on have changed in between.
    pub(super) async fn change_rows(
        &self,
        read: impl Fn(&Snapshot) -> Result<Item, Failure> + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        let read = Arc::new(read);
        // The first time before it has a turn: nobody who wants his alone shall wait for a long file.
        let mut first = Some(self.read_rows(Arc::clone(&read)).await?);
        self.settle(|| {
            let (first, read) = (first.take(), Arc::clone(&read));
            async move {
                let (item, reads) = match first {
                    Some(first) => first,
                    None => self.read_rows(read).await?,
                };
                self.commit(item, reads).await
            }
        })
        .await
    }

    async fn read_rows(
        &self,
        read: Arc<impl Fn(&Snapshot) -> Result<Item, Failure> + Send + Sync + 'static>,
    ) -> Result<(Item, Reads), Failure> {
        let snapshot = self.snapshot();
        let read = tokio::task::spawn_blocking(move || Ok((read(&snapshot)?, snapshot.take_seen().rows))).await;
        read.map_err(|_| Failure::Store)?
    }

    fn table(&self, table: &str) -> Result<Table, Failure> {
        self.0.library.live().tables.get(table).cloned().ok_or_else(|| not_found("table", table))
    }
}

fn read_row(table: &Table, snapshot: &Snapshot, row: &Input) -> Result<(Name, Record), Vec<crate::field::Problem>> {
    let exists = |other: &str, key: &str| snapshot.row(other, key).is_some();
    let mut reader = Reader::new(chrono_tz::UTC, &exists);
    let record = reader.record(&table.columns, row, "");
    let mut problems = reader.problems;
    let key = record.get(&table.key).map(crate::engine::value_text).unwrap_or_default();
    if !key.is_empty() && key.len() >= KEY_BYTES_MAX {
        let title = Title::new("键过长", &format!("is too long for a key, which has at most {KEY_BYTES_MAX} bytes"));
        problems.push(crate::field::Problem { path: table.key.to_string(), code: "too_long", message: title });
    }
    if key.is_empty() && problems.is_empty() {
        let title = Title::new("必填", "is the key of the row and is required");
        problems.push(crate::field::Problem { path: table.key.to_string(), code: "required", message: title });
    }
    if problems.is_empty() { Ok((key, record)) } else { Err(problems) }
}

/// The parameters that the workflow gives `rule` where it first uses it, as far as they need no case.
pub(super) fn rule_parameters(workflow: &Workflow, rule: &str) -> Record {
    let mut checks = workflow.transitions.iter().chain([&workflow.open]).flat_map(|transition| &transition.checks);
    let with = checks.find_map(|check| match &check.checked {
        Checked::Rule { rule: used, with } if &*used.name == rule => Some(with),
        Checked::Rule { .. } | Checked::Need { .. } => None,
    });
    let given = with.into_iter().flatten().filter_map(|(name, given)| match given {
        Given::Value(value) => Some((Arc::clone(name), value.clone())),
        Given::Expression(expression) => {
            let setting = expression.text.trim().strip_prefix("setting.")?;
            Some((Arc::clone(name), workflow.settings.get(setting)?.clone()))
        }
        Given::Nothing | Given::Today(_) => None,
    });
    given.collect()
}

/// A parameter as a client wrote it.
pub(super) fn plain_value(json: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    match json {
        Json::Bool(flag) => Some(Value::Boolean(*flag)),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Some(Value::Integer(number)),
            None => number.to_string().parse().ok().map(Value::Decimal),
        },
        Json::String(text) => Some(Value::text(text)),
        Json::Array(items) => Some(Value::List(items.iter().filter_map(plain_value).collect())),
        Json::Null | Json::Object(_) => None,
    }
}
