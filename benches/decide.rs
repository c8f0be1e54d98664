//! What a decision costs: microseconds of CPU for each step on the way of an order of five lines through the
//! shipped process, from opening it to the inspection.
//!
//! `cargo bench --bench decide` prints a table: the decision itself (every check, formula and automatic transition
//! of the step), the fold of its events onto the case, the events as JSON, and the case as JSON. Each number is the
//! fastest of many batches, so that what else the machine does counts as little as possible.
//! `cargo bench --bench decide -- SECONDS` measures that long for each number, `-- SECONDS STEP` decides this step
//! alone and again and again, for a profiler to look at.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gendan::engine::{Decision, decide, evolve};
use gendan::field::Reader;
use gendan::model::limit::RULE_OPERATIONS_MAX;
use gendan::model::{Act, Actor, Budget, Case, CaseId, Command, Name, Pool, Record, TaskStep, Timestamp, World};
use gendan::workflow::{Definition, Files, compile};
use serde_json::{Value as Json, json};

/// Decisions in a batch.
const BATCH: u32 = 8;

/// How long each number is measured unless the command line says otherwise.
const SECONDS: f64 = 0.5;

/// A step: who takes which transition with which input; the first one opens.
type Step = (&'static str, &'static str, &'static str, Json);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let seconds = std::env::args().filter_map(|argument| argument.parse::<f64>().ok()).next().unwrap_or(SECONDS);
    let span = Duration::from_secs_f64(seconds);
    let only = std::env::args().nth(2).filter(|argument| !argument.starts_with('-'));
    let rest = if only.is_some() { Duration::ZERO } else { span };
    let definition = shipped()?;
    let world: Arc<dyn World> = Arc::new(Shelf::new(&definition)?);
    let now = Timestamp::parse("2026-09-24T09:00:00+08:00")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<14} {:>8} {:>8} {:>8} {:>8}   microseconds", "step", "decide", "evolve", "events", "case")?;
    let (mut case, mut sums) = (None::<Case>, [0.0; 4]);
    let steps = steps();
    for (who, role, transition, input) in &steps {
        let command = command(who, role, transition, input, now);
        let decided = decide(&definition, case.as_ref(), &command, &world, now).map_err(|no| format!("{no:?}"))?;
        if only.as_deref().is_some_and(|only| only != *transition && only != "all") {
            case = Some(decided.case);
            continue;
        }
        let costs = [
            fastest(span, || decide(&definition, case.as_ref(), &command, &world, now)),
            folding(rest, case.as_ref(), &decided),
            fastest(rest, || serde_json::to_vec(&decided.events)),
            fastest(rest, || serde_json::to_vec(&decided.case)),
        ];
        let [decide, evolve, events, stored] = costs;
        writeln!(out, "{transition:<14} {decide:>8.1} {evolve:>8.1} {events:>8.1} {stored:>8.1}")?;
        sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += cost);
        case = Some(decided.case);
    }
    let count = f64::from(u32::try_from(steps.len())?);
    let [decide, evolve, events, stored] = sums.map(|sum| sum / count);
    writeln!(out, "{:<14} {decide:>8.1} {evolve:>8.1} {events:>8.1} {stored:>8.1}", "mean")?;
    Ok(())
}

/// Microseconds of one call of `work`.
fn fastest<T>(span: Duration, work: impl Fn() -> T) -> f64 {
    let (start, mut best) = (clock(), Duration::MAX);
    while start.elapsed() < span {
        let batch = clock();
        for _ in 0..BATCH {
            drop(black_box(work()));
        }
        best = best.min(batch.elapsed());
    }
    if best == Duration::MAX { 0.0 } else { best.as_secs_f64() * 1e6 / f64::from(BATCH) }
}

/// Microseconds of folding the events of a decision onto a case that nobody else needs any more.
fn folding(span: Duration, case: Option<&Case>, decided: &Decision) -> f64 {
    let (start, mut best) = (clock(), Duration::MAX);
    while start.elapsed() < span {
        let before: Vec<Option<Case>> = (0..BATCH).map(|_| case.cloned()).collect();
        let batch = clock();
        for case in before {
            let fold = |case, recorded| evolve(decided.case.id, case, recorded);
            drop(black_box(decided.events.iter().fold(case, fold)));
        }
        best = best.min(batch.elapsed());
    }
    if best == Duration::MAX { 0.0 } else { best.as_secs_f64() * 1e6 / f64::from(BATCH) }
}

#[expect(clippy::disallowed_methods, reason = "a measurement is about the time that passes")]
fn clock() -> Instant {
    Instant::now()
}

/// The way of an order that the shelf covers.
fn steps() -> [Step; 7] {
    let counted: Vec<Json> = lines().iter().map(counted).collect();
    [
        ("rep_li", "sales", "open", order()),
        ("rep_li", "sales", "submit", json!({})),
        ("reviewer_wang", "reviewer", "approve", json!({})),
        ("warehouse_zhao", "warehouse", "check_stock", json!({})),
        ("warehouse_zhao", "warehouse", "pick", json!({ "picked": counted })),
        ("warehouse_qian", "warehouse", "recheck", json!({ "rechecked": counted })),
        ("warehouse_zhao", "warehouse", "pack", json!({ "shockproof": true })),
    ]
}

fn command(who: &str, role: &str, transition: &str, input: &Json, now: Timestamp) -> Command {
    let (fields, comment) = (input.as_object().cloned().unwrap_or_default(), None);
    let act = if transition == "open" {
        Act::Open { id: CaseId::new(now.0, 1), workflow: "sales_order".into(), sequence: 1, fields, comment }
    } else {
        match transition {
            "pick" | "recheck" | "pack" => {
                Act::Task { task: transition.into(), step: TaskStep::Complete { input: fields, comment } }
            }
            _ => Act::Take { transition: transition.into(), input: fields, comment },
        }
    };
    Command { actor: Actor::new(who, &[role]), act }
}

fn order() -> Json {
    json!({
        "external_id": "E1", "rep": "rep_li", "customer": "C1", "customer_name": "华星", "address": "上海市南京路1号",
        "bank": "工商银行", "contact": "张经理", "phone": "021-5555000", "ordered_on": "2026-09-24", "source": "online",
        "channel": "system", "tax_included": true, "discount_method": "line", "promised_on": "2026-09-30",
        "packing": "foam", "lines": lines(),
    })
}

fn lines() -> [Json; 5] {
    let line = |product, quantity, unit, price, spec: Json| json!({ "product": product, "quantity": quantity, "unit": unit, "unit_price": price, "spec": spec });
    let red = json!({ "颜色": "红", "尺寸": "大" });
    let mut lines = [
        line("A", 10, "件", "100", red.clone()),
        line("B", 5, "箱", "50.50", json!({})),
        line("F", 4, "只", "20", json!({})),
        line("A", 20, "件", "99.90", red),
        line("B", 1, "箱", "50", json!({})),
    ];
    if let Some(first) = lines.first_mut() {
        first["discount"] = json!("5");
        first["model"] = json!("A1");
    }
    lines
}

fn counted(line: &Json) -> Json {
    json!({ "product": line["product"], "quantity": line["quantity"], "batch": "B1" })
}

fn tables() -> Json {
    json!({
        "regions": [{ "code": "sh", "name": "上海" }],
        "customers": [{ "code": "C1", "name": "华星", "address": "上海市南京路1号", "bank": "工商银行", "region": "sh",
            "grade": "a" }],
        "products": [
            { "code": "A", "name": "产品A", "model": "A1", "unit": "件", "spec_keys": ["颜色", "尺寸"],
              "defaults": { "颜色": "白" }, "allowed_discounts": ["line"] },
            { "code": "B", "name": "产品B", "unit": "箱" },
            { "code": "F", "name": "玻璃杯", "unit": "只", "fragile": true },
        ],
        "price_list": [
            { "product": "A", "list_price": "100", "floor_price": "80" },
            { "product": "B", "list_price": "50", "floor_price": "45" },
            { "product": "F", "list_price": "20", "floor_price": "10" },
        ],
        "carriers": [{ "code": "sf", "name": "顺丰" }, { "code": "china_post", "name": "邮政", "remote": true }],
        "packings": [{ "code": "foam", "name": "泡沫", "shockproof": true }],
    })
}

fn shipped() -> Outcome<Definition> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    for folder in ["workflows", "rules"] {
        collect(&root, &root.join(folder), &mut files)?;
    }
    let compiled = compile(&files);
    compiled.definition.ok_or_else(|| format!("{:?}", compiled.diagnostics).into())
}

fn collect(root: &Path, folder: &Path, files: &mut Files) -> Outcome<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_str().ok_or("a path that is no text")?.into();
            files.insert(name, std::fs::read(&path)?.into());
        }
    }
    Ok(())
}

/// The rows of the tables, as a world.
struct Shelf(BTreeMap<Name, BTreeMap<Name, Arc<Record>>>);

impl Shelf {
    fn new(definition: &Definition) -> Outcome<Self> {
        let mut shelf = BTreeMap::new();
        for (table, rows) in tables().as_object().into_iter().flatten() {
            let schema = definition.tables.get(table.as_str()).ok_or("an unknown table")?;
            let put: &mut BTreeMap<Name, Arc<Record>> = shelf.entry(table.as_str().into()).or_default();
            for row in rows.as_array().into_iter().flatten() {
                let mut reader = Reader::new(chrono_tz::Asia::Shanghai, &|_, _| true);
                let record = reader.record(&schema.columns, row.as_object().ok_or("no row")?, "");
                let key = row[&*schema.key].as_str().ok_or("no key")?.into();
                put.insert(key, Arc::new(record));
            }
        }
        Ok(Self(shelf))
    }
}

impl World for Shelf {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.0.get(table)?.get(key).cloned()
    }

    fn holder(&self, _: &str, _: &str, _: &str) -> Option<CaseId> {
        None
    }

    /// There is more than enough of everything.
    fn pool(&self, _: &str, _: &str) -> Pool {
        Pool { set: Some(1_000_000.into()), ..Pool::default() }
    }

    /// As the server does it: with a clock.
    fn budget(&self) -> Budget {
        let start = clock();
        let overdue = move || start.elapsed() > Duration::from_secs(1);
        Budget { rule_operations_max: RULE_OPERATIONS_MAX, overdue: Arc::new(overdue) }
    }

    fn rule_operations_max(&self) -> u64 {
        RULE_OPERATIONS_MAX
    }
}
