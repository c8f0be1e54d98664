//! Resources: pools as the API reads and sets them.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::field::{Per, Problem, Reader, Resource};
use crate::model::command::Input;
use crate::model::limit::{RESOURCE_DECIMALS_MAX, RESOURCE_QUANTITY_MAX};
use crate::model::resource::{Arrival, is_quantity};
use crate::model::{Case, CaseId, Name, Pool, Record, Title, Value, World};
use crate::store::{Item, PoolSet};

use super::snapshot::Snapshot;
use super::{BadRow, Failure, Runtime, not_found, store_failure};

impl Runtime {
    /// A resource of the live definitions.
    ///
    /// # Errors
    /// When there is none.
    pub fn resource(&self, name: &str) -> Result<Resource, Failure> {
        self.0.library.live().resources.get(name).cloned().ok_or_else(|| not_found("resource", name))
    }

    /// A pool.
    ///
    /// # Errors
    /// When there is no such resource or pool, or the store can't be read.
    pub fn pool(&self, resource: &Resource, key: &str) -> Result<Pool, Failure> {
        let pool = self.0.store.pool(&resource.name, key).map_err(store_failure)?;
        let known = pool.version > 0
            || match &resource.per {
                Per::Table(table) => self.0.rows.now().row(table, key).is_some(),
                Per::Day => resource.key_of(&Value::text(key)).is_some_and(|day| *day == *key),
            };
        if known { Ok(pool) } else { Err(not_found("pool", key)) }
    }

    /// Pools to which something happened, after a key, in the order of the keys.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn pools(&self, resource: &str, after: Option<&str>, limit: usize) -> Result<Vec<(Name, Pool)>, Failure> {
        self.0.store.pools(resource, after, limit).map_err(store_failure)
    }

    /// The cases that hold something of a pool, newest first, after one of them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn holders(
        &self,
        resource: &str,
        key: &str,
        after: Option<CaseId>,
        limit: usize,
    ) -> Result<Vec<(Arc<Case>, Decimal)>, Failure> {
        let holders = self.0.store.holders(resource, key, after, limit).map_err(store_failure)?;
        let cases = holders.into_iter().map(|(id, held)| Ok((self.stored(id)?, held)));
        cases.collect()
    }

    /// Sets pools: all or none. Each comes with its line, for the messages; what it does not say stays as it is, and
    /// of a pool that is named twice, what is said last counts. Who waits for one of them is woken.
    ///
    /// # Errors
    /// With every mistake in every row.
    pub async fn put_pools(&self, resource: &Resource, rows: Vec<(usize, Input)>) -> Result<usize, Failure> {
        let (count, of) = (rows.len(), resource.clone());
        let named: Vec<(Name, Name)> = rows
            .iter()
            .filter_map(|(_, row)| Some((Arc::clone(&resource.name), Name::from(row.get("key")?.as_str()?))))
            .collect();
        self.change_rows(move |snapshot| {
            let (mut put, mut bad) = (Vec::with_capacity(rows.len()), Vec::new());
            for (line, row) in &rows {
                match read_pool(&of, snapshot, row) {
                    Ok(set) => put.push(set),
                    Err(problems) => bad.push(BadRow { line: *line, problems }),
                }
            }
            let item = Item::Pools { resource: Arc::clone(&of.name), put };
            if bad.is_empty() { Ok(item) } else { Err(Failure::BadRows(bad)) }
        })
        .await?;
        self.0.waiting.more(named);
        Ok(count)
    }
}

fn read_pool(resource: &Resource, snapshot: &Snapshot, row: &Input) -> Result<(Name, PoolSet), Vec<Problem>> {
    let table = resource.table();
    let exists = |other: &str, key: &str| snapshot.row(other, key).is_some();
    let mut reader = Reader::new(chrono_tz::UTC, &exists);
    let record = reader.record(&table.columns, row, "");
    let mut problems = reader.problems;
    let key = record.get("key").and_then(|key| resource.key_of(key));
    let on_hand = record.get("on_hand").and_then(|value| quantity(value, "on_hand", &mut problems));
    let arrivals = record.get("arrivals").and_then(Value::as_list).map(|rows| arrivals(rows, &mut problems));
    match key {
        Some(key) if problems.is_empty() => Ok((key, PoolSet { on_hand, arrivals })),
        Some(_) | None => Err(problems),
    }
}

fn arrivals(rows: &[Value], problems: &mut Vec<Problem>) -> Vec<Arrival> {
    let (mut arrivals, mut seen) = (Vec::new(), BTreeSet::new());
    for (position, row) in rows.iter().enumerate().filter_map(|(position, row)| Some((position, row.as_row()?))) {
        let path = format!("arrivals[{position}]");
        let said = row.get("quantity").and_then(|value| quantity(value, &format!("{path}.quantity"), problems));
        let Some((id, on, quantity)) = parts(row, said) else { continue };
        if !seen.insert(Name::clone(&id)) {
            let message = Title::new("重复", "stands twice; each arrival has an id of its own");
            problems.push(Problem { path: format!("{path}.id"), code: "duplicate", message });
        }
        arrivals.push(Arrival { id, on, quantity });
    }
    arrivals.sort_by(|one, other| (one.on, &one.id).cmp(&(other.on, &other.id)));
    arrivals
}

fn parts(row: &Record, quantity: Option<Decimal>) -> Option<(Name, chrono::NaiveDate, Decimal)> {
    let Value::Date(on) = row.get("on")? else { return None };
    Some((row.text("id")?.into(), *on, quantity?))
}

fn quantity(value: &Value, path: &str, problems: &mut Vec<Problem>) -> Option<Decimal> {
    let Value::Decimal(number) = value else { return None };
    if is_quantity(*number) {
        return Some(number.normalize());
    }
    let message = Title::new(
        &format!("须为 0 至 {RESOURCE_QUANTITY_MAX} 的数量，最多 {RESOURCE_DECIMALS_MAX} 位小数"),
        &format!("must be a quantity from 0 to {RESOURCE_QUANTITY_MAX} with at most {RESOURCE_DECIMALS_MAX} decimals"),
    );
    problems.push(Problem { path: path.to_owned(), code: "quantity", message });
    None
}
