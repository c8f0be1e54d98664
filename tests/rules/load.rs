//! What is refused when a file is loaded, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gendan::model::{Title, name};
use gendan::rule::{Environment, RuleEngine};

use crate::ask::{place, told};
use crate::common::{case_schema, engine, environment, field, schema};

/// What is wrong with an expression, one line each.
fn wrong(engine: &RuleEngine, text: &str, environment: &Environment) -> String {
    match engine.expression(text, place(), environment) {
        Ok(_) => "nothing".to_owned(),
        Err(found) => found.iter().map(told).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "mistakes and what is said about them are data")]
fn mistakes_have_a_code_a_place_and_advice() {
    let engine = engine();
    let all: Vec<String> = [
        "totl > 5",
        "customer.grad == \"key\"",
        "lines.all(|l| l.quantty > 0)",
        "lines.shrt.len()",
        "lines.dear.all(|l| l.product.flor > 1)",
        "table(\"custmers\", \"C1\")",
        "entered.aproved?.times",
        "rebate > 5",
        "total + rebate",
        "kind == copies",
        "promised_on < now",
        "promised_on < \"2026-10-15\"",
        "total > kind || urgent == \"yes\"",
        "copies && urgent",
        "kind + copies",
        "rond(total, 2)",
        "total.round(2, 3)",
        "setting.lage > 3",
        "remark == ()",
        "switch kind { \"a\" => 1 }",
        "eval(\"1\")",
        "try { total } catch { 1 }",
        "fn f() { 1 } f()",
        "import \"money\" as money; 1",
        "let f = |x| x; 1",
        "total >",
        "",
        "urgent ==\n  totl",
        "if copies { 1 }",
        "backup.grade == \"key\"",
        "is_set(remark) || remark == \"x\"",
        "lines.map(|l| { copies = 1; l.price })",
        "let case = 1; case",
        "actor.name",
        "money::net(lines[0])",
        "line.price",
    ]
    .iter()
    .map(|text| format!("{text}\n{}\n", wrong(&engine, text, &environment())))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r##"
totl > 5
E203 workflows/sample.yaml:10:12+4: there is no `totl` here; did you mean `total`?

customer.grad == "key"
E204 workflows/sample.yaml:10:21+4: there is no field `grad`; did you mean `grade`?

lines.all(|l| l.quantty > 0)
E204 workflows/sample.yaml:10:28+7: there is no field `quantty`; did you mean `quantity`?

lines.shrt.len()
E213 workflows/sample.yaml:10:18+4: the list has no subset `shrt`

lines.dear.all(|l| l.product.flor > 1)
E204 workflows/sample.yaml:10:41+4: there is no field `flor`; did you mean `floor`?

table("custmers", "C1")
E213 workflows/sample.yaml:10:18+8: there is no table `custmers`; did you mean `customers`?

entered.aproved?.times
E213 workflows/sample.yaml:10:20+7: there is no stage `aproved`; did you mean `approved`?

rebate > 5
E207 workflows/sample.yaml:10:12+6: `rebate` may be missing here; write `rebate ?? ...`, or ask `is_set(rebate)` before

total + rebate
E207 workflows/sample.yaml:10:20+6: `rebate` may be missing here; write `rebate ?? ...`, or ask `is_set(rebate)` before

kind == copies
E208 workflows/sample.yaml:10:17+1: a text and an integer can't be compared

promised_on < now
E208 workflows/sample.yaml:10:24+1: a date and a datetime can't be compared; take the day of the datetime with `.date()`

promised_on < "2026-10-15"
E208 workflows/sample.yaml:10:24+1: a date and a text can't be compared; write the date as `date("2026-10-15")`

total > kind || urgent == "yes"
E208 workflows/sample.yaml:10:18+1: a decimal and a text can't be compared
E208 workflows/sample.yaml:10:35+1: a boolean and a text can't be compared

copies && urgent
E212 workflows/sample.yaml:10:12+1: a condition is a boolean, and this is an integer

kind + copies
E208 workflows/sample.yaml:10:17+1: a text and an integer can't be added; write a text with `${...}` in backticks

rond(total, 2)
E205 workflows/sample.yaml:10:12+4: there is no function `rond`; did you mean `round`?

total.round(2, 3)
E206 workflows/sample.yaml:10:18+5: `round` takes 1 or 2 arguments, and here are 3

setting.lage > 3
E204 workflows/sample.yaml:10:20+4: there is no field `lage`; did you mean `large`?

remark == ()
E207 workflows/sample.yaml:10:12+6: `remark` may be missing here; write `remark ?? ...`, or ask `is_set(remark)` before
E207 workflows/sample.yaml:10:22+2: `()` can't be compared or computed with; write `is_set(x)` or `!is_set(x)`

switch kind { "a" => 1 }
E209 workflows/sample.yaml:10:12+6: `switch` is not part of the language; a missing value would fall into its last arm unseen; write `if ... else if ...`

eval("1")
E209 workflows/sample.yaml:10:12+4: `eval` is not part of the language; a script does not make scripts

try { total } catch { 1 }
E209 workflows/sample.yaml:10:12+3: `try` is not part of the language; an error would be swallowed; a rule that can't be judged refuses

fn f() { 1 } f()
E209 workflows/sample.yaml:10:19+1: an expression has no functions of its own; write a rule, or a formula without `fn`

import "money" as money; 1
E209 workflows/sample.yaml:10:12+6: an expression can't import

let f = |x| x; 1
E209 workflows/sample.yaml:10:20+1: a closure can only be an argument of a list function; write a function with `fn`

total >
E201 workflows/sample.yaml:10:19+1: script is incomplete


E201 workflows/sample.yaml:10:12+1: the expression is empty

urgent ==
  totl
E203 workflows/sample.yaml:11:3+4: there is no `totl` here; did you mean `total`?

if copies { 1 }
E212 workflows/sample.yaml:10:15+1: a condition is a boolean, and this is an integer

backup.grade == "key"
E207 workflows/sample.yaml:10:12+6: `backup` may be missing here; write `backup ?? ...`, or ask `is_set(backup)` before

is_set(remark) || remark == "x"
E207 workflows/sample.yaml:10:30+6: `remark` may be missing here; write `remark ?? ...`, or ask `is_set(remark)` before

lines.map(|l| { copies = 1; l.price })
E209 workflows/sample.yaml:10:28+6: a closure can't change `copies`; write a `for` loop

let case = 1; case
E209 workflows/sample.yaml:10:16+4: `case` is a reserved word; choose another name

actor.name
E204 workflows/sample.yaml:10:18+4: the actor has no `name`

money::net(lines[0])
E211 workflows/sample.yaml:10:12+5: there is no module `money` here; write `import "money" as money;` at the top

line.price
E203 workflows/sample.yaml:10:12+4: there is no `line` here; did you mean `lines`?
"##);
}

/// Expressions over values that may be missing, each guarded.
pub(crate) const GUARDED: &[&str] = &[
    "is_set(rebate) && rebate > 5",
    "!is_set(rebate) || rebate > 5",
    "kind != \"a\" && is_set(rebate) && total > rebate",
    "kind == \"a\" || !is_set(remark) || remark == \"x\"",
    "if is_set(rebate) { rebate > 5 } else { false }",
    "if !is_set(rebate) { 0 } else { rebate * 2 }",
    "rebate ?? 0 > 5",
    "(rebate ?? 0) > 5",
    "lines.all(|l| is_set(l.note) && l.note == \"x\")",
    "lines.all(|l| !is_set(l.note) || l.note.len() > 3)",
    "backup?.grade ?? \"none\" == \"key\"",
    "is_set(backup) && is_set(backup.parent) && backup.parent.grade == \"key\"",
    "let known = is_set(rebate); known && rebate > 5",
    "is_set(signed_at) && is_set(confirmed_on) && signed_at.date() <= confirmed_on",
    "!is_set(confirmed_on) || confirmed_on < today",
    "let total_of = 0; for l in lines { if !is_set(l.note) { continue; } total_of += l.note.len(); } total_of",
    "!(is_set(rebate) && rebate > 5)",
    "lines.filter(|l| l.discount > 0).len() > 0",
    "progress.len() > 0 && progress.last().at < now",
    "let row = table(\"customers\", \"C1\"); is_set(row) && row.grade == \"key\"",
];

#[test]
fn guards_are_understood() {
    let engine = engine();
    for text in GUARDED {
        assert_eq!(wrong(&engine, text, &environment()), "nothing", "{text}");
    }
}

#[test]
fn what_a_transition_requires_counts_as_set() {
    let engine = engine();
    let mut environment = environment();
    assert!(wrong(&engine, "rebate > 5", &environment).starts_with("E207"));
    environment.always.insert(name("rebate"));
    assert_eq!(wrong(&engine, "rebate > 5", &environment), "nothing");
}

#[test]
fn the_row_of_a_list_is_line() {
    let engine = engine();
    let environment = Environment { line: Some(name("lines")), ..environment() };
    assert_eq!(wrong(&engine, "line.price * line.quantity", &environment), "nothing");
    assert!(wrong(&engine, "line.prise", &environment).contains("did you mean `price`"));
}

const SAMPLE: &str = r#"import "money" as money;

/// 定价 / Pricing.
fn check(order, policy) {
    for (line, i) in order.lines {
        if line.discount > policy.most {
            fail("above", `lines[${i}].discount`, #{ most: policy.most, found: line.discount });
        }
        if net(line) < line.product.floor {
            fail("below", "lines", #{ floor: line.product.floor });
        }
    }
    if order.lines.any(|l| l.quantity > setting.large) { warn("large", "lines", #{}); }
    if is_set(order.remark) && order.remark.len() > 3 { note("remark", "remark", #{}); }
    if !is_set(order.rebate) { return; }
    if order.rebate > order.total { fail("rebate", "rebate", #{}); }
}

fn net(line) {
    if line.urgent_price() { 1 } else { money::net(line) }
}

fn urgent_price(x) { false }
"#;

fn with() -> gendan::field::Schema {
    let most = field("most", gendan::field::Kind::Percent(gendan::field::Bounds::default()), true);
    (*schema(vec![most])).clone()
}

fn messages() -> BTreeMap<Arc<str>, Title> {
    let codes = ["above", "below", "large", "remark", "rebate"];
    codes.iter().map(|code| (name(code), Title::new("", "x"))).collect()
}

/// What is wrong with a rule in this workflow.
fn rule_wrong(source: &str) -> Vec<String> {
    let engine = engine();
    match engine.rule("sample", "rules/sample.rhai", source, messages()) {
        Ok(rule) => engine.check_use(&rule, &environment(), &with()).iter().map(told).collect(),
        Err(found) => found.iter().map(told).collect(),
    }
}

fn sample() -> String {
    SAMPLE.replace("line.urgent_price()", "urgent_price(line)")
}

#[test]
fn a_good_rule_has_nothing_wrong() {
    assert_eq!(rule_wrong(&sample()), Vec::<String>::new());
    assert_eq!(rule_wrong(SAMPLE).len(), 2, "{:?}", rule_wrong(SAMPLE));
}

/// Renames each field that a rule reads, one at a time: every one is refused.
#[test]
fn every_misspelt_field_is_refused() {
    let source = sample();
    let mut names: BTreeSet<String> = case_schema().fields.keys().map(|name| name.to_string()).collect();
    for word in ["discount", "product", "floor", "quantity", "price", "most", "large"] {
        names.insert(word.to_owned());
    }
    let mut renamed = 0;
    for word in names {
        let dotted = format!(".{word}");
        for (at, _) in source.match_indices(&dotted) {
            let (before, after) = source.split_at(at + dotted.len());
            let whole = !after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
            if !whole || before.ends_with(&format!("lines[${{i}}]{dotted}")) {
                continue;
            }
            let misspelt = format!("{before}x{after}");
            let found = rule_wrong(&misspelt);
            assert!(!found.is_empty(), "{word} at {at} is not missed");
            renamed += 1;
        }
    }
    assert!(renamed >= 16, "only {renamed} names were tried");
}

#[test]
fn choices_stages_paths_and_returned_fields_are_checked() {
    let engine = engine();
    for (text, wanted) in [
        (
            "source == \"onlin\"",
            "E214 workflows/sample.yaml:10:22+7: `source` is never `onlin`; did you mean `online`?",
        ),
        (
            "\"x\" != source",
            "E214 workflows/sample.yaml:10:12+3: `source` is never `x`; it is one of `online`, `verbal`",
        ),
        (
            "source in [\"online\", \"verbl\"]",
            "E214 workflows/sample.yaml:10:33+7: `source` is never `verbl`; did you mean `verbal`?",
        ),
        ("stage == \"reviw\"", "E214 workflows/sample.yaml:10:21+7: `stage` is never `reviw`; did you mean `review`?"),
        ("stage in [\"review\"] && source == \"verbal\"", "nothing"),
    ] {
        assert_eq!(wrong(&engine, text, &environment()), wanted, "{text}");
    }
    for (source, wanted) in [
        ("fn check(o) { if o.stage == \"aproved\" { } }", "E214"),
        (
            "fn check(o) { fail(\"a\", \"totl\", #{}); }",
            "E204 rules/sample.rhai:1:25+6: there is no field `totl`; did you mean `total`?",
        ),
        ("fn check(o) { for (l, i) in o.lines { fail(\"a\", `lines[${i}].discont`, #{}); } }", "E204"),
        ("fn check(o) { for (l, i) in o.lines { fail(\"a\", `lines[${i}].spec.${i}`, #{}); } }", ""),
        (
            "fn run(o) { #{ total: 1, remrk: \"\" } }",
            "E204 rules/sample.rhai:1:26+5: there is no field `remrk`; did you mean `remark`?",
        ),
        ("const MOST = 5;\nfn check(o) { if o.total > global::MOST { } }", ""),
        ("let x = 5;\nfn check(o) { }", "E209"),
        ("loop { }\nfn check(o) { }", "E209"),
    ] {
        let found = rule_wrong(source).join("\n");
        assert!(if wanted.is_empty() { found.is_empty() } else { found.starts_with(wanted) }, "{source}\n{found}");
    }
}

#[test]
fn what_is_wrong_in_a_rule_is_told_at_once() {
    for (source, wanted) in [
        (
            "fn chek(order) {}",
            vec![
                "E210 rules/sample.rhai:1:1+1: the rule has no function `check` and no function `run`; write `fn check(it) { ... }`",
            ],
        ),
        (
            "fn check() {}",
            vec![
                "E210 rules/sample.rhai:1:12+1: `check` takes the case, or the case and its parameters; write `fn check(it, given)`",
            ],
        ),
        (
            "fn check(o) {\n  fial(\"a\", \"b\", #{});\n  helper(1, 2);\n  x + 1;\n}\nfn helper(a) {}",
            vec![
                "E203 rules/sample.rhai:4:3+1: there is no `x` here; did you mean `o`?",
                "E205 rules/sample.rhai:2:3+4: there is no function `fial`; did you mean `fail`?",
                "E206 rules/sample.rhai:3:3+6: `helper` takes 1 arguments, and here are 2",
            ],
        ),
        (
            "import \"mony\" as money;\nfn check(o) { money::net(o); monney::net(o); }",
            vec![
                "E211 rules/sample.rhai:1:8+4: there is no module `mony` in rules/lib; did you mean `money`?",
                "E211 rules/sample.rhai:2:30+6: there is no module `monney` here; did you mean `money`?",
            ],
        ),
        (
            "import \"money\" as money;\nfn check(o) { money::nett(o); money::net(o, 1); }",
            vec![
                "E205 rules/sample.rhai:2:22+4: module `money` has no function `nett`; did you mean `net`?",
                "E206 rules/sample.rhai:2:38+3: `net` takes 1 arguments, and here are 2",
            ],
        ),
        (
            "fn check(o) { o.total = 5; }",
            vec![
                "E209 rules/sample.rhai:1:15+1: a record can't be changed; a rule changes fields by what `run` returns",
            ],
        ),
        (
            "fn check(o) {}\nfn check(o, given) {}",
            vec!["E210 rules/sample.rhai:1:1+1: there are several functions `check`; keep one of them"],
        ),
        ("fn check(o) { sleep(3); }", vec!["E205 rules/sample.rhai:1:15+5: there is no function `sleep`"]),
    ] {
        assert_eq!(rule_wrong(source), wanted, "{source}");
    }
}

#[test]
fn a_script_has_limits_of_its_own() {
    let long = format!("fn check(o) {{ }}\n{}", "// x\n".repeat(2_001));
    assert!(rule_wrong(&long)[0].starts_with("E202"));
    let wide = format!("fn check(o) {{ }} // {}", "x".repeat(65_536));
    assert!(rule_wrong(&wide)[0].starts_with("E202"));
}

#[test]
fn a_code_without_a_sentence_is_a_warning() {
    let engine = engine();
    let source = "/// 检查 / A check.\nfn check(o) { fail(\"none\", \"total\", #{}); fail(\"own\", \"total\", #{}, \"own words\"); }";
    let rule = engine.rule("sample", "rules/sample.rhai", source, BTreeMap::new()).unwrap();
    let warnings: Vec<String> = rule.warnings.iter().map(told).collect();
    assert_eq!(
        warnings,
        [
            "W201 rules/sample.rhai:2:20+6: code `none` has no sentence; write one, zh and en, in the rule's `.messages.yaml`"
        ]
    );
    assert_eq!(rule.about, Title::new("检查", "A check."));
}

#[test]
fn modules_are_known_by_plain_names_and_do_not_go_round() {
    let sources = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
        pairs
            .iter()
            .map(|(module, source)| (name(module), (name(&format!("rules/lib/{module}.rhai")), Arc::from(*source))))
            .collect()
    };
    let wrong = |pairs: &[(&str, &str)]| -> Vec<String> {
        RuleEngine::new(&sources(pairs)).map_or_else(|found| found.iter().map(told).collect(), |_| Vec::new())
    };
    assert_eq!(wrong(&[("a", "fn f() { 1 }"), ("b", "import \"a\" as a; fn g() { a::f() }")]), Vec::<String>::new());
    assert_eq!(wrong(&[("b", "fn f() { 1 }"), ("a", "import \"b\" as b; fn g() { b::f() }")]), Vec::<String>::new());
    assert!(wrong(&[("../evil", "fn f() { 1 }")])[0].contains("can't be the name of a module"));
    let round = wrong(&[("a", "import \"b\" as b; fn f() { 1 }"), ("b", "import \"a\" as a; fn f() { 1 }")]);
    assert!(wrong(&[("a", "loop { }")])[0].starts_with("E209"));
    assert!(wrong(&[("a", "const X = if true { loop { } };")])[0].starts_with("E211"));
    assert!(wrong(&[("a", "const X = today;")])[0].contains("facts can be used inside functions only"));
    assert_eq!(round.len(), 2);
    assert!(round[0].starts_with("E211 rules/lib/a.rhai:1:8"), "{round:?}");
}

/// Test threads have 2 MiB of stack, as most threads do.
#[test]
fn deep_scripts_are_checked_on_a_small_stack() {
    let nested = |inner: &str| format!("{}{inner}{}", "1 + (".repeat(9), ")".repeat(9));
    let functions: Vec<String> =
        (0..20).map(|i| format!("fn f{i}(o) {{ {} }}", nested(&format!("f{}(o)", i + 1)))).collect();
    let source = format!("fn check(o) {{ f0(o); }}\n{}\nfn f20(o) {{ o.total }}", functions.join("\n"));
    assert_eq!(rule_wrong(&source), Vec::<String>::new());
    let wide: String = (0..60).map(|i| format!("fn g{i}(o) {{ g{}(o); g{}(o) }}\n", i + 1, i + 1)).collect();
    assert_eq!(rule_wrong(&format!("fn check(o) {{ g0(o); }} fn g60(o) {{ 1 }}\n{wide}")), Vec::<String>::new());
}
