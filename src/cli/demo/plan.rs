//! The plan: what will be sent, made from the mapping alone, before anything is sent.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Map, Value as Json};

use super::make::{Maker, Scope};
use super::mapping::{Loaded, ResourceFrom, TableFrom};
use super::random::Random;
use super::recipe::Span;
use super::source::{Row, text_of};

/// Everything that will be sent.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The rows of the tables, in the order in which they are loaded.
    pub(crate) tables: Vec<PlannedTable>,
    /// The pools of the resources.
    pub(crate) resources: Vec<PlannedResource>,
    /// The cases, by the day on which they are opened.
    pub(crate) cases: Vec<PlannedCase>,
}

/// The rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedTable {
    /// The table.
    pub(crate) table: String,
    /// The type of `body`.
    pub(crate) content_type: &'static str,
    /// Its rows.
    pub(crate) body: Vec<u8>,
}

/// The pools of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedResource {
    /// Its pools; the table is its name.
    pub(crate) pools: PlannedTable,
    /// Days from one refill to the next.
    pub(crate) refill_days: Option<u32>,
}

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedCase {
    /// Its place among all cases; the first is 1.
    pub(crate) n: usize,
    /// The day on which it is opened.
    pub(crate) day: NaiveDate,
    /// Its fields, with the mistakes that happened.
    pub(crate) fields: Map<String, Json>,
    /// Its fields as they were meant to be.
    pub(crate) right: Map<String, Json>,
    /// In whose hands it is.
    pub(crate) hands: Row,
}

/// The stream of chance for tables; cases have their own from 1 on.
const TABLE_STREAM: u64 = 0;

/// Makes the plan. `count` limits or sets how many cases there are.
///
/// # Errors
/// A sentence about the row that can't be made.
pub(crate) fn plan(loaded: &Loaded, seed: u64, count: Option<usize>) -> Result<Plan, String> {
    let today = loaded.mapping.clock.date_naive();
    let maker = Maker { sources: &loaded.sources, today, correct: false };
    let mut random = Random::new(seed, TABLE_STREAM);
    let mut rows = |name: &String, from: &TableFrom| table(loaded, &maker, (name, from), &mut random);
    let tables = loaded.mapping.tables.iter().map(|(name, from)| rows(name, from)).collect::<Result<_, _>>()?;
    let resource = |(name, from): (&String, &ResourceFrom)| {
        Ok(PlannedResource { pools: rows(name, &from.rows)?, refill_days: from.refill_days })
    };
    let resources = loaded.mapping.resources.iter().map(resource).collect::<Result<_, String>>()?;
    Ok(Plan { tables, resources, cases: cases(loaded, &maker, seed, count)? })
}

fn table(
    loaded: &Loaded,
    maker: &Maker<'_>,
    (table, from): (&String, &TableFrom),
    random: &mut Random,
) -> Result<PlannedTable, String> {
    let (content_type, body) = match from {
        TableFrom::File(file) => {
            let csv = file.ends_with(".csv");
            let body = loaded.files.get(file).cloned().unwrap_or_default();
            (if csv { "text/csv" } else { "application/x-ndjson" }, body)
        }
        TableFrom::Group(group) => {
            let rows = maker.group(group, &Scope::default(), random);
            let rows = rows.map_err(|problem| format!("table `{table}`: {problem}"))?;
            let lines = rows.into_iter().map(|row| format!("{}\n", Json::Object(row)));
            ("application/x-ndjson", lines.collect::<String>().into_bytes())
        }
    };
    Ok(PlannedTable { table: table.clone(), content_type, body })
}

fn cases(loaded: &Loaded, maker: &Maker<'_>, seed: u64, count: Option<usize>) -> Result<Vec<PlannedCase>, String> {
    let mut group = loaded.mapping.cases.clone();
    if group.each.is_none()
        && let Some(count) = count
    {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        group.count = Some(Span { low: count, high: count });
    }
    let members = maker.members(&group, &Scope::default(), &mut Random::new(seed, TABLE_STREAM))?;
    let mut cases = Vec::new();
    for (index, near) in members.into_iter().enumerate().take(count.unwrap_or(usize::MAX)) {
        let n = index + 1;
        let case = case(loaded, maker, seed, n, near.as_deref()).map_err(|problem| format!("case {n}: {problem}"))?;
        cases.push(case);
    }
    cases.sort_by_key(|case| (case.day, case.n));
    Ok(cases)
}

fn case(loaded: &Loaded, maker: &Maker<'_>, seed: u64, n: usize, near: Option<&Row>) -> Result<PlannedCase, String> {
    let hands = loaded.play.hands(n);
    let around = Scope { named: vec![("staff", Some(&hands))], ..Scope::default() };
    let random = Random::new(seed, u64::try_from(n).unwrap_or(u64::MAX));
    let scope = || Scope { parent: Some(&around), near, named: Vec::new(), n };
    let day = day(loaded, maker, &scope(), &mut random.clone())?;
    let fields = |correct: bool| {
        let maker = Maker { today: day, correct, ..*maker };
        let mut random = random.clone();
        random.fork();
        maker.one(&loaded.mapping.cases, &scope(), &mut random, &mut BTreeMap::new())
    };
    Ok(PlannedCase { n, day, fields: fields(false)?, right: fields(true)?, hands })
}

/// The day on which a case is opened, never after the day of the clock.
fn day(loaded: &Loaded, maker: &Maker<'_>, scope: &Scope<'_>, random: &mut Random) -> Result<NaiveDate, String> {
    let last = loaded.mapping.clock.date_naive();
    let Some(recipe) = &loaded.mapping.opened else { return Ok(last) };
    let Some(value) = maker.make(recipe, scope, &mut random.fork())? else { return Ok(last) };
    let text = text_of(&value);
    let day: NaiveDate = text.parse().map_err(|_| format!("`opened`: `{text}` is not a day"))?;
    Ok(day.min(last))
}
