//! What rules find, and what they return.

use std::collections::BTreeMap;

use gendan::model::{Budget, Record, Severity, Title, Value, name};
use gendan::rule::{Rule, RuleEngine};

use crate::ask::{facts, told};
use crate::common::{decimal, engine, environment, facts_with, fields, record};

fn compile(engine: &RuleEngine, source: &str, messages: BTreeMap<std::sync::Arc<str>, Title>) -> Rule {
    engine
        .rule("sample", "rules/sample.rhai", source, messages)
        .unwrap_or_else(|found| panic!("{:#?}", found.iter().map(told).collect::<Vec<_>>()))
}

const PRICING: &str = r#"import "money" as money;
/// 定价 / Pricing.
fn check(order, policy) {
    for (line, i) in order.lines {
        if line.discount > policy.most {
            fail("above", `lines[${i}].discount`, #{ most: policy.most, found: line.discount });
        }
        let net = money::net(line);
        if net < line.product.floor {
            fail("below", `lines[${i}].price`, #{ floor: line.product.floor, net: net }, #{ zh: "低于{floor}", en: "{net} is below {floor}" });
        }
    }
    warn("seen", "", #{ by: actor.user, on: today, products: order.lines.map(|l| l.product.code) }, "seen by {by}");
    note("plain", "kind");
}
"#;

#[test]
fn all_findings_are_told_with_place_facts_and_sentence() {
    let engine = engine();
    let messages =
        BTreeMap::from([(name("above"), Title::new("折扣{found}超过上限{most}", "{found} % is above {most} %"))]);
    let rule = compile(&engine, PRICING, messages);
    let (found, error) = engine.check(&rule, &facts(), &record([("most", Value::Integer(10))]));
    assert_eq!(error, None);
    let written: Vec<String> = found
        .iter()
        .map(|finding| {
            let place = format!("{}:{}:{}", finding.place.file, finding.place.line, finding.place.column);
            let said = (finding.sentence.zh.as_deref(), finding.sentence.en.as_deref());
            format!(
                "{:?} {} at `{}` {} {place} {said:?}",
                finding.severity,
                finding.code,
                finding.path,
                finding.facts.to_json()
            )
        })
        .collect();
    insta::assert_snapshot!(written.join("\n"), @r##"
Fail above at `lines[0].discount` {"found":"15","most":10} rules/sample.rhai:6:13 (Some("折扣15超过上限10"), Some("15 % is above 10 %"))
Fail below at `lines[0].price` {"floor":"90.00","net":"85"} rules/sample.rhai:10:13 (Some("低于90.00"), Some("85 is below 90.00"))
Warn seen at `` {"by":"wang","on":"2026-10-01","products":["A","B"]} rules/sample.rhai:13:5 (Some("seen by wang"), Some("seen by wang"))
Note plain at `kind` {} rules/sample.rhai:14:5 (None, None)
"##);
    assert_eq!(found.iter().filter(|finding| finding.severity == Severity::Fail).count(), 2);
}

#[test]
fn what_run_returns_is_json() {
    let engine = engine();
    let source = r#"fn run(order) {
        #{ total: order.total * 2, confirmed_on: order.promised_on + 1, customer: order.customer.parent, remark: (),
           lines: order.lines.map(|l| #{ product: l.product, price: l.price / 3 }), signed_at: now, tags: ["a", "b"] }
    }"#;
    let rule = compile(&engine, source, BTreeMap::new());
    assert!(rule.runs && !rule.checks && !rule.parameters);
    let given = engine.run(&rule, &facts(), &Record::new()).unwrap();
    insta::assert_snapshot!(serde_json::Value::Object(given).to_string(), @r##"
{"confirmed_on":"2026-10-16","customer":"C2","lines":[{"price":"33.333333333333333333333333333","product":"A"},{"price":"3.3","product":"B"}],"remark":null,"signed_at":"2026-09-30T17:30:00Z","tags":["a","b"],"total":"2501.00"}
"##);
    let wrong = compile(&engine, "fn run(order) { 5 }", BTreeMap::new());
    assert_eq!(&*engine.run(&wrong, &facts(), &Record::new()).unwrap_err().code, "type_mismatch");
}

#[test]
fn a_rule_that_breaks_says_where_and_never_passes() {
    let engine = engine();
    for (source, wanted) in [
        (
            "fn check(o) {\n  if o.rebate > 5 { fail(\"a\", \"b\", #{}); }\n}",
            "missing_value rules/sample.rhai:2:15: `rebate` is not set, and a comparison needs a value",
        ),
        (
            "fn check(o) {\n  for l in o.lines { l.note + \"x\"; }\n}",
            "missing_value rules/sample.rhai:2:29: `lines[0].note` is not set, and a calculation needs a value",
        ),
        (
            "fn check(o) {\n  if o.kind > 5 { }\n}",
            "type_mismatch rules/sample.rhai:2:13: a text and an integer can't be compared",
        ),
        (
            "import \"money\" as money;\nfn check(o) {\n  money::bad(o);\n}",
            "missing_value rules/lib/money.rhai:3:12: `remark` is not set, and a calculation needs a value",
        ),
        ("fn check(o) {\n  throw \"enough\";\n}", "script rules/sample.rhai:2:3: the script gave up: enough"),
        (
            "fn check(o) {\n  loop { o.total; }\n}",
            "budget rules/sample.rhai:1:13: the rule used more than 100000 operations",
        ),
        (
            "fn check(o) {\n  o.total / 0;\n}",
            "script rules/sample.rhai:2:11: the result is too large, or a division by zero",
        ),
        ("fn check(o) {\n  `${o.rebate}`; 1 }", "missing_value"),
        ("fn check(o) {\n  note(\"a\", `${o.rebate}`); }", "missing_value"),
        ("fn check(o) {\n  o.backup.grade;\n}", "missing_value rules/sample.rhai:2:12"),
        (
            "fn check(o) {\n  o.lines[7].price;\n}",
            "script rules/sample.rhai:2:10: the list has 2 items, and there is none at 7",
        ),
        ("fn check(o) {\n  let m = #{}; m.x;\n}", "script"),
    ] {
        let rule = compile(&engine, source, BTreeMap::new());
        let (_, error) = engine.check(&rule, &facts(), &Record::new());
        let error = error.expect(source);
        let told = format!(
            "{} {}:{}:{}: {}",
            error.code, error.place.file, error.place.line, error.place.column, error.message
        );
        assert!(told.starts_with(wanted), "{source}\n{told}\n{wanted}");
    }
}

#[test]
fn time_and_operations_are_bounded_by_the_budget() {
    let engine = engine();
    let rule = compile(&engine, "fn check(o) { let n = 0; while n < 1000 { n += 1; } }", BTreeMap::new());
    let spent =
        |budget: Budget| engine.check(&rule, &facts_with(fields(), budget), &Record::new()).1.map(|error| error.code);
    assert_eq!(spent(Budget::operations(100_000)), None);
    assert_eq!(spent(Budget::operations(500)).as_deref(), Some("budget"));
    let overdue = Budget { rule_operations_max: 100_000, overdue: std::sync::Arc::new(|| true) };
    assert_eq!(spent(overdue).as_deref(), Some("budget"));
}

#[test]
fn long_lists_are_no_burden_on_the_limits_of_arrays() {
    let engine = engine();
    let mut many = fields();
    many.set(name("lines"), Value::List((0..1_000).map(|_| crate::common::line("A", 1, "2.50", "0")).collect()));
    let facts = facts_with(many, Budget::operations(100_000));
    let rule = compile(
        &engine,
        "fn run(o) { #{ total: o.lines.map(|l| l.price * l.quantity).sum(), copies: o.lines.filter(|l| l.price > 2).len() } }",
        BTreeMap::new(),
    );
    let given = engine.run(&rule, &facts, &Record::new()).unwrap();
    assert_eq!(serde_json::Value::Object(given).to_string(), r#"{"copies":1000,"total":"2500.00"}"#);
}

#[test]
fn a_script_that_was_used_before_judges_as_a_fresh_one() {
    let shared = engine();
    let rule = compile(&shared, PRICING, BTreeMap::new());
    proptest::proptest!(crate::ask::cases(300), |(price in 1i64..20_000, discount in 0i64..40, most in 0i64..40)| {
        let mut fields = fields();
        let price = rust_decimal::Decimal::new(price, 2).to_string();
        fields.set(name("lines"), Value::List(vec![crate::common::line("A", 2, &price, &discount.to_string())]));
        fields.set(name("total"), decimal(&price));
        let facts = facts_with(fields, Budget::operations(100_000));
        let with = record([("most", Value::Integer(most))]);
        let fresh = compile(&shared, PRICING, BTreeMap::new());
        proptest::prop_assert_eq!(shared.check(&rule, &facts, &with), shared.check(&fresh, &facts, &with));
    });
}

#[test]
fn a_closure_may_read_what_it_is_called_on() {
    let engine = engine();
    let source = r#"fn run(o) {
        let most = 100;
        #{ urgent: o.lines.all(|l| l.price <= o.total && o.lines.any(|m| m.price <= l.price && most > o.lines.len())),
           copies: o.lines.filter(|l| o.lines.all(|m| o.lines.len() == 2 && m.price <= l.price)).len() }
    }"#;
    let rule = compile(&engine, source, BTreeMap::new());
    let given = engine.run(&rule, &facts(), &Record::new()).unwrap();
    assert_eq!(serde_json::Value::Object(given).to_string(), r#"{"copies":1,"urgent":true}"#);
    for (text, wanted) in [
        ("lines.all(|l| lines.any(|m| m.price <= l.price && lines.len() == 2))", "true"),
        ("let a = lines; a.map(|l| a.len() + l.quantity).sum()", "17"),
        ("lines.map(|l| lines.map(|m| m.quantity * l.quantity).sum()).sum()", "169"),
    ] {
        assert_eq!(crate::ask::value(&engine, text, &facts()), wanted, "{text}");
    }
}

#[test]
fn engines_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let engine = engine();
    shared(&engine);
    let rule = compile(&engine, PRICING, BTreeMap::new());
    shared(&rule);
    let with = record([("most", Value::Integer(10))]);
    let one = engine.check(&rule, &facts(), &with);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| engine.check(&rule, &facts(), &with));
        assert_eq!(one, other.join().unwrap());
    });
    assert!(engine.expression("total", crate::ask::place(), &environment()).is_ok());
}
