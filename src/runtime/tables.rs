//! Reference tables: all rows in memory, in maps that share what did not change, so that each decision has its
//! own unchanging view for nothing.

use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use imbl::OrdMap;

use crate::field::{Reader, Table};
use crate::model::command::Input;
use crate::model::limit::KEY_BYTES_MAX;
use crate::model::{Name, Record, Title, Value};
use crate::store::{self, Item, Shared};
use crate::workflow::{Checked, Given, Workflow};

use super::{BadRow, Failure, Runtime, not_found};

/// Every row by table and key.
pub(super) type Tables = OrdMap<Name, OrdMap<Name, Arc<Record>>>;

/// The rows as they stand now.
#[derive(Clone, Debug)]
pub(super) struct Rows(Arc<RwLock<Tables>>);

impl Rows {
    pub(super) fn load(store: &Shared) -> Result<Self, store::Error> {
        let mut tables = Tables::new();
        for (table, key, row) in store.rows()? {
            tables.entry(table).or_default().insert(key, Arc::new(row));
        }
        Ok(Self(Arc::new(RwLock::new(tables))))
    }

    /// The rows of this moment.
    pub(super) fn now(&self) -> Tables {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies rows that have become durable, all at once.
    pub(super) fn apply(&self, item: &Item) {
        let Item::Rows { table, put, remove } = item else { return };
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let rows = tables.entry(Arc::clone(table)).or_default();
        for key in remove {
            rows.remove(key);
        }
        for (key, row) in put {
            rows.insert(Arc::clone(key), Arc::new(row.clone()));
        }
    }
}

impl Runtime {
    /// A row of a table.
    ///
    /// # Errors
    /// When there is no such table or row.
    pub fn row(&self, table: &str, key: &str) -> Result<Arc<Record>, Failure> {
        self.table(table)?;
        let row = self.0.rows.now().get(table).and_then(|rows| rows.get(key).cloned());
        row.ok_or_else(|| not_found("row", key))
    }

    /// Rows of a table after a key, in the order of the keys.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn rows(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Arc<Record>)>, Failure> {
        self.table(table)?;
        let tables = self.0.rows.now();
        let Some(rows) = tables.get(table) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(Name::from(key)));
        let rows = rows.range((from, Bound::Unbounded)).take(limit);
        Ok(rows.map(|(key, row)| (Arc::clone(key), Arc::clone(row))).collect())
    }

    /// How many rows a table has.
    #[must_use]
    pub fn row_count(&self, table: &str) -> usize {
        self.0.rows.now().get(table).map_or(0, OrdMap::len)
    }

    /// Puts rows: all or none. Each comes with its line, for the messages. A later row with the same key wins.
    ///
    /// # Errors
    /// When there is no such table, or with every mistake in every row.
    pub async fn put_rows(&self, table: &str, rows: Vec<(usize, Input)>) -> Result<usize, Failure> {
        let table = self.table(table)?;
        let tables = self.0.rows.now();
        let read = move || {
            let (mut put, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
            for (line, row) in rows {
                match read_row(&table, &tables, &row) {
                    Ok(row) => put.push(row),
                    Err(problems) => bad.push(BadRow { line, problems }),
                }
            }
            if bad.is_empty() { Ok((table.name, put)) } else { Err(Failure::BadRows(bad)) }
        };
        let (table, put) = tokio::task::spawn_blocking(read).await.map_err(|_| Failure::Store)??;
        let count = put.len();
        self.0.committer.commit(Item::Rows { table, put, remove: Vec::new() }).await?;
        Ok(count)
    }

    /// Removes a row.
    ///
    /// # Errors
    /// When there is no such table or row.
    pub async fn remove_row(&self, table: &str, key: &str) -> Result<(), Failure> {
        self.row(table, key)?;
        let item = Item::Rows { table: table.into(), put: Vec::new(), remove: vec![key.into()] };
        self.0.committer.commit(item).await.map(drop)
    }

    fn table(&self, table: &str) -> Result<Table, Failure> {
        self.0.library.live().tables.get(table).cloned().ok_or_else(|| not_found("table", table))
    }
}

fn read_row(table: &Table, tables: &Tables, row: &Input) -> Result<(Name, Record), Vec<crate::field::Problem>> {
    let exists = |other: &str, key: &str| tables.get(other).is_some_and(|rows| rows.contains_key(key));
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
