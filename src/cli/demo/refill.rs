//! Refills: what comes in of a resource while a demo is played, from time to time and through the API.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::plan::PlannedResource;
use super::source::text_of;
use crate::cli::Failed;
use crate::cli::client::{Client, segment};

/// Pools on a page.
const PAGE: usize = 200;

/// The refills to come.
#[derive(Debug)]
pub(crate) struct Refills {
    all: Vec<Refill>,
}

/// The refills of one resource.
#[derive(Debug)]
struct Refill {
    resource: String,
    every: Days,
    next: NaiveDate,
    /// What is free of each pool after a refill.
    levels: BTreeMap<String, Decimal>,
}

impl Refills {
    /// The refills of resources that were filled on a day.
    pub(crate) fn new(resources: &[PlannedResource], day: NaiveDate) -> Self {
        let refill = |resource: &PlannedResource| {
            let every = Days::new(u64::from(resource.refill_days.filter(|days| *days > 0)?));
            let levels = levels(&resource.pools.body);
            Some(Refill { resource: resource.pools.table.clone(), every, next: day.checked_add_days(every)?, levels })
        };
        Self { all: resources.iter().filter_map(refill).collect() }
    }

    /// Takes in what has come by a day, and makes the refills that are due on it.
    ///
    /// # Errors
    /// When the server does not take them.
    pub(crate) fn make(&mut self, client: &Client, day: NaiveDate) -> Result<(), Failed> {
        for refill in &mut self.all {
            let due = refill.next <= day;
            if due {
                refill.next = day.checked_add_days(refill.every).unwrap_or(NaiveDate::MAX);
            }
            refill.make(client, day, due)?;
        }
        Ok(())
    }
}

impl Refill {
    fn make(&self, client: &Client, day: NaiveDate, due: bool) -> Result<(), Failed> {
        let path = format!("/v1/resources/{}", segment(&self.resource));
        let mut after = String::new();
        loop {
            let asked = if after.is_empty() { String::new() } else { format!("&after={}", segment(&after)) };
            let page = client.get(&format!("{path}?limit={PAGE}{asked}"))?.ok()?.json;
            let pools = page.get("data").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            let rows: String =
                pools.iter().filter_map(|pool| self.filled(pool, day, due)).map(|row| format!("{row}\n")).collect();
            if !rows.is_empty() {
                client.post_bytes(&path, "application/x-ndjson", rows.as_bytes())?.ok()?;
            }
            match page.get("next_after").and_then(Json::as_str) {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(()),
            }
        }
    }

    /// The pool after it; nothing when it stays as it is.
    fn filled(&self, pool: &Json, day: NaiveDate, due: bool) -> Option<Json> {
        let key = pool.get("key")?.as_str()?;
        let (on_hand, held) = (number(pool, "on_hand"), number(pool, "held"));
        let arrivals = pool.get("arrivals").and_then(Json::as_array).cloned().unwrap_or_default();
        let (come, to_come): (Vec<Json>, Vec<Json>) = arrivals
            .into_iter()
            .partition(|arrival| arrival.get("on").and_then(Json::as_str).and_then(|on| on.parse().ok()) <= Some(day));
        let come: Decimal = come.iter().map(|arrival| number(arrival, "quantity")).sum();
        let wanted = self.levels.get(key).copied().unwrap_or_default() + held;
        let filled = if due { (on_hand + come).max(wanted) } else { on_hand + come };
        (filled != on_hand || !come.is_zero())
            .then(|| json!({ "key": key, "on_hand": filled.to_string(), "arrivals": to_come }))
    }
}

/// What is on hand of each pool at the beginning.
fn levels(ndjson: &[u8]) -> BTreeMap<String, Decimal> {
    let rows =
        ndjson.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Map<String, Json>>(line).ok());
    let level = |row: Map<String, Json>| {
        let row = Json::Object(row);
        Some((text_of(row.get("key")?), number(&row, "on_hand")))
    };
    rows.filter_map(level).collect()
}

fn number(json: &Json, name: &str) -> Decimal {
    json.get(name).map(text_of).and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refill_takes_in_what_has_come_and_fills_up_what_is_free() {
        let levels = levels(b"{\"key\":\"A\",\"on_hand\":10}\n{\"key\":\"B\"}\n");
        let day: NaiveDate = "2026-09-16".parse().unwrap();
        let refill = Refill { resource: "stock".into(), every: Days::new(7), next: day, levels };
        let arrival = |on: &str| json!({ "id": "P1", "on": on, "quantity": "5" });
        let pool = |key: &str, on_hand: &str, held: &str, arrivals: &[Json]| json!({ "key": key, "on_hand": on_hand, "held": held, "arrivals": arrivals });
        let filled_if = |pool: Json, due| {
            refill.filled(&pool, day, due).map(|pool| (pool["on_hand"].clone(), pool["arrivals"].clone()))
        };
        let filled = |pool| filled_if(pool, true);
        assert_eq!(filled_if(pool("A", "4", "3", &[]), false), None);
        assert_eq!(filled(pool("A", "4", "3", &[])), Some((json!("13"), json!([]))));
        assert_eq!(filled(pool("A", "14", "3", &[])), None);
        let (come, to_come) = (arrival("2026-09-16"), arrival("2026-09-17"));
        assert_eq!(filled(pool("B", "1", "0", &[come, to_come.clone()])), Some((json!("6"), json!([to_come]))));
        assert_eq!(filled(pool("B", "1", "1", &[to_come])), None);
    }
}
