//! A small world for the tests: one workflow's fields, two tables, and a case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gendan::field::{Bounds, Field, Items, Kind, ListKind, Required, Schema, Table, Tables};
use gendan::model::{Actor, Budget, CaseId, Entry, Record, Timestamp, Title, Value, World, name};
use gendan::rule::{Environment, Facts, RuleEngine};

pub(crate) struct TestWorld {
    pub(crate) rows: BTreeMap<(String, String), Arc<Record>>,
    pub(crate) budget: Budget,
}

impl World for TestWorld {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        self.rows.get(&(table.to_owned(), key.to_owned())).cloned()
    }

    fn holder(&self, _: &str, _: &str, _: &str) -> Option<CaseId> {
        None
    }

    fn budget(&self) -> Budget {
        self.budget.clone()
    }
}

pub(crate) fn field(called: &str, kind: Kind, required: bool) -> Field {
    Field {
        name: name(called),
        title: Title::default(),
        kind,
        required: if required { Required::Always } else { Required::Never },
        unique: false,
        write_once: false,
        append_only: false,
        computed: false,
    }
}

pub(crate) fn schema(fields: Vec<Field>) -> Arc<Schema> {
    Arc::new(Schema { fields: fields.into_iter().map(|field| (field.name.clone(), field)).collect() })
}

fn list(of: Items, subsets: &[&str]) -> Kind {
    let subsets = subsets.iter().map(|subset| name(subset)).collect();
    Kind::List(Box::new(ListKind { min: 0, max: 1_000, of, subsets }))
}

fn choice(of: &[&str]) -> Kind {
    Kind::Choice(of.iter().map(|one| (name(one), Title::default())).collect())
}

fn reference(table: &str) -> Kind {
    Kind::Reference { table: name(table) }
}

pub(crate) fn tables() -> Arc<Tables> {
    let customers = schema(vec![
        field("code", Kind::Text, true),
        field("grade", Kind::Text, true),
        field("limit", Kind::Money(Bounds::default()), false),
        field("parent", reference("customers"), false),
    ]);
    let products = schema(vec![
        field("code", Kind::Text, true),
        field("floor", Kind::Money(Bounds::default()), true),
        field("keys", list(Items::Plain(Kind::Text), &[]), false),
        field("defaults", Kind::Map, false),
    ]);
    let table = |called: &str, columns: Arc<Schema>| {
        (name(called), Table { name: name(called), title: Title::default(), key: name("code"), columns })
    };
    Arc::new(Tables::from([table("customers", customers), table("products", products)]))
}

pub(crate) fn case_schema() -> Arc<Schema> {
    let money = || Kind::Money(Bounds::default());
    let lines = schema(vec![
        field("product", reference("products"), true),
        field("quantity", Kind::Integer(Bounds::default()), true),
        field("price", money(), true),
        field("discount", Kind::Percent(Bounds::default()), false),
        field("spec", Kind::Map, false),
        field("note", Kind::Text, false),
    ]);
    let progress = schema(vec![field("at", Kind::Datetime, true), field("text", Kind::Text, true)]);
    schema(vec![
        field("customer", reference("customers"), true),
        field("backup", reference("customers"), false),
        field("kind", Kind::Text, true),
        field("source", choice(&["online", "verbal"]), true),
        field("promised_on", Kind::Date, true),
        field("signed_at", Kind::Datetime, false),
        field("confirmed_on", Kind::Date, false),
        field("total", money(), true),
        field("rebate", money(), false),
        field("copies", Kind::Integer(Bounds::default()), true),
        field("pages", Kind::Integer(Bounds::default()), false),
        field("urgent", Kind::Boolean, true),
        field("checked", Kind::Boolean, false),
        field("remark", Kind::Text, false),
        field("span", Kind::Duration, true),
        field("rep", Kind::User { role: None }, true),
        field("lines", list(Items::Rows(lines), &["dear"]), true),
        field("progress", list(Items::Rows(progress), &[]), false),
        field("tags", list(Items::Plain(Kind::Text), &[]), false),
        field("extra", Kind::Map, false),
    ])
}

pub(crate) fn settings_schema() -> Arc<Schema> {
    schema(vec![field("large", Kind::Integer(Bounds::default()), true), field("city", Kind::Text, true)])
}

pub(crate) fn environment() -> Environment {
    Environment {
        schema: case_schema(),
        line: None,
        settings: settings_schema(),
        tables: tables(),
        stages: vec![name("review"), name("approved")],
        always: BTreeSet::from([name("lines.discount")]),
        kin: Arc::default(),
        resources: Arc::default(),
        tasks: Arc::default(),
        rows: None,
        calendar: false,
    }
}

pub(crate) fn record<const N: usize>(values: [(&str, Value); N]) -> Record {
    values.into_iter().map(|(field, value)| (name(field), value)).collect()
}

pub(crate) fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

pub(crate) fn date(text: &str) -> Value {
    Value::Date(text.parse().unwrap())
}

pub(crate) fn world(budget: Budget) -> Arc<TestWorld> {
    let rows = [
        (
            "customers",
            "C1",
            record([("code", Value::text("C1")), ("grade", Value::text("key")), ("parent", Value::text("C2"))]),
        ),
        (
            "customers",
            "C2",
            record([("code", Value::text("C2")), ("grade", Value::text("plain")), ("limit", decimal("1000"))]),
        ),
        (
            "products",
            "A",
            record([
                ("code", Value::text("A")),
                ("floor", decimal("90.00")),
                ("keys", Value::List(vec![Value::text("size"), Value::text("colour")])),
                ("defaults", Value::Map(BTreeMap::from([(name("size"), name("M"))]))),
            ]),
        ),
        ("products", "B", record([("code", Value::text("B")), ("floor", decimal("5"))])),
    ];
    let rows = rows.into_iter().map(|(table, key, row)| ((table.to_owned(), key.to_owned()), Arc::new(row))).collect();
    Arc::new(TestWorld { rows, budget })
}

pub(crate) fn line(product: &str, quantity: i64, price: &str, discount: &str) -> Value {
    Value::Row(record([
        ("product", Value::text(product)),
        ("quantity", Value::Integer(quantity)),
        ("price", decimal(price)),
        ("discount", decimal(discount)),
        ("spec", Value::Map(BTreeMap::from([(name("size"), name("L"))]))),
    ]))
}

pub(crate) fn fields() -> Record {
    record([
        ("customer", Value::text("C1")),
        ("kind", Value::text("online")),
        ("source", Value::text("verbal")),
        ("promised_on", date("2026-10-15")),
        ("total", decimal("1250.50")),
        ("copies", Value::Integer(7)),
        ("urgent", Value::Boolean(true)),
        ("span", Value::Duration(7_200)),
        ("rep", Value::text("li")),
        ("lines", Value::List(vec![line("A", 10, "100.00", "15"), line("B", 3, "9.90", "0")])),
    ])
}

pub(crate) fn facts_with(fields: Record, budget: Budget) -> Facts {
    let entry = Entry { at: Timestamp::parse("2026-09-24T01:00:00Z").unwrap(), by: name("li"), times: 2 };
    Facts {
        fields: Arc::new(fields),
        schema: case_schema(),
        subsets: Arc::new(BTreeMap::from([((name("lines"), name("dear")), vec![0])])),
        settings: Arc::new(record([("large", Value::Integer(1_000)), ("city", Value::text("上海"))])),
        setting_schema: settings_schema(),
        tables: tables(),
        world: world(budget),
        input: Arc::new(record([("remark", Value::text("please"))])),
        actor: Actor::new("wang", &["reviewer", "sales"]),
        stage: name("review"),
        number: name("SO20260924-0001"),
        opened_at: Timestamp::parse("2026-09-24T01:00:00Z").unwrap(),
        opened_by: name("li"),
        entered: Arc::new(BTreeMap::from([(name("review"), entry)])),
        now: Timestamp::parse("2026-09-30T17:30:00Z").unwrap(),
        zone: chrono_tz::Asia::Shanghai,
        kin: None,
        resources: Arc::default(),
        tasks: Arc::default(),
        calendar: None,
    }
}

pub(crate) fn engine() -> RuleEngine {
    RuleEngine::new(&BTreeMap::from([(
        name("money"),
        (
            name("rules/lib/money.rhai"),
            Arc::from(
                "fn net(line) { line.price * (100 - line.discount) / 100 }\nfn bad(x) {\n  x.remark + \"!\"\n}\n",
            ),
        ),
    )]))
    .unwrap()
}
