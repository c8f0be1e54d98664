//! Which scripts go the short way, and that what it says is what Rhai says (debug builds compare by themselves).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{Environment, Facts, RuleEngine};
use crate::field::{Bounds, Field, Items, Kind, ListKind, Required, Schema, Table, Tables};
use crate::model::{Actor, Budget, CaseId, Name, Place, Record, Timestamp, Title, Value, World, name};

struct Shelf(u64);

impl World for Shelf {
    fn row(&self, table: &str, key: &str) -> Option<Arc<Record>> {
        let row = Record::from_iter([(name("code"), Value::text("A")), (name("heavy"), Value::Boolean(true))]);
        (table == "parts" && key == "A").then(|| Arc::new(row))
    }

    fn holder(&self, _: &str, _: &str, _: &str) -> Option<CaseId> {
        None
    }

    fn budget(&self) -> Budget {
        Budget::operations(self.0)
    }
}

/// Fields of these kinds; all but `nothing` and `heavy` are always set.
fn schema(fields: Vec<(&str, Kind)>) -> Arc<Schema> {
    let always = |called: &str| !matches!(called, "nothing" | "heavy" | "spec");
    let field = |called: &str, kind| Field {
        name: name(called),
        title: Title::default(),
        kind,
        required: if always(called) { Required::Always } else { Required::Never },
        unique: false,
        write_once: false,
        append_only: false,
        computed: false,
    };
    Arc::new(Schema { fields: fields.into_iter().map(|(called, kind)| (name(called), field(called, kind))).collect() })
}

fn case() -> Arc<Schema> {
    let part = || Kind::Reference { table: name("parts") };
    let rows = schema(vec![("part", part()), ("count", Kind::Integer(Bounds::default()))]);
    let list = ListKind { min: 0, max: 100, of: Items::Rows(rows), subsets: Vec::new() };
    schema(vec![
        ("part", part()),
        ("other", part()),
        ("total", Kind::Money(Bounds::default())),
        ("nothing", Kind::Integer(Bounds::default())),
        ("rows", Kind::List(Box::new(list))),
        ("spec", Kind::Map),
    ])
}

fn tables() -> Arc<Tables> {
    let columns = schema(vec![("code", Kind::Text), ("heavy", Kind::Boolean)]);
    let table = Table { name: name("parts"), title: Title::default(), key: name("code"), columns };
    Arc::new(Tables::from([(name("parts"), table)]))
}

fn facts(operations: u64) -> Facts {
    let row = |part: &str, count| {
        let row = [(name("part"), Value::text(part)), (name("count"), Value::Integer(count))];
        Value::Row(Record::from_iter(row))
    };
    let fields = Record::from_iter([
        (name("part"), Value::text("A")),
        (name("other"), Value::text("Z")),
        (name("total"), Value::Integer(3)),
        (name("rows"), Value::List(vec![row("A", 1), row("B", 2), row("A", 3)])),
    ]);
    Facts {
        fields: Arc::new(fields),
        schema: case(),
        subsets: Arc::default(),
        settings: Arc::default(),
        setting_schema: Arc::default(),
        tables: tables(),
        world: Arc::new(Shelf(operations)),
        input: Arc::default(),
        actor: Actor::new("li", &["clerk"]),
        stage: name("desk"),
        number: name("N1"),
        opened_at: Timestamp(0),
        opened_by: name("li"),
        entered: Arc::default(),
        now: Timestamp(1_000_000_000_000),
        zone: chrono_tz::UTC,
        kin: None,
        resources: Arc::default(),
        tasks: Arc::default(),
        calendar: None,
    }
}

fn environment() -> Environment {
    Environment {
        schema: case(),
        line: None,
        settings: Arc::default(),
        tables: tables(),
        stages: vec![name("desk")],
        always: BTreeSet::new(),
        kin: Arc::default(),
        resources: Arc::default(),
        tasks: Arc::default(),
        rows: None,
        calendar: false,
    }
}

/// What the short way says of an expression as JSON, `slow` when it leaves it to Rhai, `no plan` without one.
fn short(text: &str, operations: u64) -> String {
    let engine = RuleEngine::new(&BTreeMap::new()).unwrap();
    let expression = engine.expression(text, Place::default(), &environment()).unwrap();
    let facts = facts(operations);
    // Compares the two where the short way has an answer.
    let said = engine.evaluate(&expression, &facts, None);
    let Some(plan) = &expression.plan else { return "no plan".to_owned() };
    let Some(value) = super::value(plan, &facts, None) else { return "slow".to_owned() };
    assert_eq!(said, Ok(value.clone()), "{text}");
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_json().to_string())
}

#[test]
fn what_goes_the_short_way_and_what_does_not() {
    for (text, expected) in [
        ("part.heavy ?? false", "true"),
        ("is_set(nothing)", "false"),
        ("nothing ?? 7", "7"),
        ("nothing", "nothing"),
        ("rows.sum(|row| row.count)", "6"),
        ("rows.filter(|row| row.part == part).len()", "2"),
        ("let least = 1; rows.filter(|row| row.count > least).map(|row| row.count)", "[2,3]"),
        ("rows[-1].count / 2", "\"1.5\""),
        ("total * 1.50", "\"4.50\""),
        ("`${part}: ${total + 0.5}`", "\"A: 3.5\""),
        ("rows == rows && !(rows != rows)", "true"),
        ("let n = 0; for row in rows { if row.count == 2 { continue; } n += row.count; } n", "4"),
        ("let a = []; for (row, i) in rows { a.push(i); } a", "[0,1,2]"),
        ("let m = #{ x: 1 }; m.y = 2; m.get(\"z\") ?? m.y", "2"),
        ("let a = [1]; let b = a; b.push(2); a.len()", "1"),
        ("spec.len() + spec.keys().len()", "0"),
        ("table(\"parts\", \"B\") ?? \"none\"", "\"none\""),
        ("actor.has_role(\"clerk\") && stage == \"desk\"", "true"),
        ("now.date() == today", "true"),
        // Errors are for Rhai to explain, and so is what is rare.
        ("rows[7]", "slow"),
        ("1 / 0", "slow"),
        ("9223372036854775807 + 1", "slow"),
        ("other.heavy ?? false", "slow"),
        ("let m = #{ x: 1 }; m.y", "slow"),
        ("\"abc\".to_upper()", "no plan"),
        ("let n = 0; while n < 3 { n += 1; } n", "no plan"),
    ] {
        assert_eq!(short(text, 100_000), expected, "{text}");
    }
}

#[test]
fn a_plan_ends_well_before_the_budget_does() {
    let text = "rows.sum(|row| row.count)";
    assert_eq!(short(text, 100_000), "6");
    assert_eq!(short(text, 40), "slow");
}

#[test]
fn a_rule_finds_the_same_on_both_ways() {
    let source = "import \"lib\" as lib;\nfn check(it, given) {\n  for (row, i) in it.rows {\n    if lib::large(row, given.most) {\n      \
        fail(\"large\", `rows[${i}].count`, #{ found: row.count, part: row.part });\n    }\n  }\n}\n";
    let library = "fn large(row, most) {\n  if row.count > most { return true; }\n  false\n}\n";
    let library = BTreeMap::from([(name("lib"), (name("rules/lib/lib.rhai"), Arc::from(library)))]);
    let engine = RuleEngine::new(&library).unwrap();
    let messages = BTreeMap::from([(name("large"), Title::both("{found} of {part} are too many"))]);
    let rule = engine.rule("sizes", "rules/sizes.rhai", source, messages).unwrap();
    let with = Record::from_iter([(name("most"), Value::Integer(2))]);
    let plan = rule.plan.as_ref().unwrap();
    let short = super::findings(plan, &facts(100_000), Some(&with), &rule.messages).unwrap();
    let (found, error) = engine.check_by_rhai(&rule, &facts(100_000), &with);
    assert_eq!((&short, error), (&found, None));
    let told: Vec<(Name, &str, u32)> = short
        .iter()
        .map(|it| (Name::clone(&it.path), it.sentence.text(crate::model::Language::En), it.place.line))
        .collect();
    assert_eq!(told, [(name("rows[2].count"), "3 of A are too many", 5)]);
    // Without the parameter the comparison is an error, and both ways are one.
    assert!(super::findings(plan, &facts(100_000), Some(&Record::new()), &rule.messages).is_none());
    assert_eq!(&*engine.check(&rule, &facts(100_000), &Record::new()).1.unwrap().code, "missing_value");
}
