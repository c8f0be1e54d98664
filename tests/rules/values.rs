//! What expressions give.

use gendan::model::name;
use gendan::rule::Environment;

use crate::ask::{facts, place, refusal, value};
use crate::common::{engine, environment};

#[test]
#[expect(clippy::too_many_lines, reason = "expressions and what they give are data")]
fn expressions_give_exact_values() {
    let (engine, facts) = (engine(), facts());
    let mut wrong = Vec::new();
    for (text, wanted) in [
        ("copies / 2", "\"3.5\""),
        ("6 / 2", "3"),
        ("3 * 85 / 100", "\"2.55\""),
        ("0.1 + 0.2 == 0.3", "true"),
        ("total * 2", "\"2501.00\""),
        ("total + copies", "\"1257.50\""),
        ("-copies", "-7"),
        ("lines.sum(|l| l.quantity * l.price * (100 - l.discount) / 100)", "\"879.7\""),
        ("lines.map(|l| l.quantity).sum()", "13"),
        ("lines.len()", "2"),
        ("lines.all(|l| l.quantity > 2)", "true"),
        ("lines.any(|l| l.quantity > setting.large)", "false"),
        ("lines.some(|l| l.product == \"B\")", "true"),
        ("lines.filter(|l| l.price > 50).len()", "1"),
        ("lines.dear.len()", "1"),
        ("lines.dear.first().product.code", "\"A\""),
        ("lines[1].quantity", "3"),
        ("lines[-1].product", "\"B\""),
        ("lines.last().product.floor", "\"5\""),
        ("progress.is_empty()", "true"),
        ("is_set(progress)", "false"),
        ("is_set(rebate)", "false"),
        ("rebate ?? 5", "5"),
        ("rebate", "missing"),
        ("customer.grade == \"key\"", "true"),
        ("customer.parent?.grade", "\"plain\""),
        ("customer == \"C1\"", "true"),
        ("customer", "\"C1\""),
        ("kind in [\"online\", \"offline\"]", "true"),
        ("kind !in [\"offline\"]", "true"),
        ("kind.starts_with(\"on\") && kind.ends_with(\"line\") && kind.contains(\"nl\")", "true"),
        ("kind.to_upper() + \"!\"", "\"ONLINE!\""),
        ("\" a \".trim().len()", "1"),
        ("promised_on - today", "14"),
        ("promised_on + 3", "\"2026-10-18\""),
        ("promised_on - days(15)", "\"2026-09-30\""),
        ("promised_on > date(\"2026-10-14\")", "true"),
        ("today", "\"2026-10-01\""),
        ("now.date()", "\"2026-10-01\""),
        ("now - hours(2)", "\"2026-09-30T15:30:00Z\""),
        ("now - opened_at > hours(24)", "true"),
        ("span == hours(2)", "true"),
        ("span * 2", "14400"),
        ("promised_on.month", "10"),
        ("is_set(entered.review) && entered.review.times == 2 && entered.review.by == rep", "true"),
        ("is_set(entered.approved)", "false"),
        ("actor.user == \"wang\" && actor.has_role(\"sales\") && !actor.has_role(\"boss\")", "true"),
        ("\"reviewer\" in actor.roles", "true"),
        ("table(\"customers\", \"C2\")?.limit ?? 0", "\"1000\""),
        ("table(\"customers\", \"C9\")", "missing"),
        ("input.remark ?? \"\"", "\"please\""),
        ("setting.city == \"上海\"", "true"),
        ("number + \" \" + stage", "\"SO20260924-0001 review\""),
        ("opened_by == rep", "true"),
        ("min(copies, 3) + max(1, 2) + abs(-4)", "9"),
        ("round(2.345, 2)", "\"2.35\""),
        ("round(2.5)", "3"),
        ("floor(copies / 2)", "3"),
        ("if urgent { \"fast\" } else { \"slow\" }", "\"fast\""),
        ("let a = copies; a * a", "49"),
        ("lines[0].spec.get(\"size\") ?? \"-\"", "\"L\""),
        ("lines[0].product.defaults[\"size\"] ?? \"-\"", "\"M\""),
        ("lines[0].product.keys.contains(\"colour\")", "true"),
        ("lines[0].spec.keys().len()", "1"),
        ("`${kind}: ${total} on ${promised_on}`", "\"online: 1250.50 on 2026-10-15\""),
        ("parse_integer(\"12\") ?? 0", "12"),
        ("parse_decimal(\"x\") ?? 0", "0"),
        ("lines.map(|l| l.product.code).join(\"+\")", "\"A+B\""),
        ("lines.map(|l| l.price).max()", "\"100.00\""),
        ("copies in 1..10", "true"),
        ("let a = [3, 1, 2]; a.push(9); a += [8]; a.len()", "5"),
        ("let a = [3, 1, 2]; a.sort_by(|x| -x)", "[3,2,1]"),
        ("lines.sort_by(|l| l.price).first().product", "\"B\""),
        ("let m = #{}; m.a = 1; m[\"b\"] = m.a + 1; m.values().sum() + m.keys().len()", "5"),
        (
            "let m = #{}; for l in lines { m[l.product.code] = (m.get(l.product.code) ?? 0) + l.quantity; } m.get(\"A\") ?? 0",
            "10",
        ),
        ("let n = 0; for (l, i) in lines { n += l.quantity * i; } n", "3"),
        ("let n = 0; for i in 0..5 { n += i; } n", "10"),
        ("let n = 0; while n < 5 { n += 2; } n", "6"),
        ("[1, 2, 3].all(|x| x > 0) && [1, 2].sum() == 3 && [\"b\"].join(\"\") == \"b\"", "true"),
        ("lines.reverse().map(|l| l.product.code).join(\"\")", "\"BA\""),
        ("lines.find(|l| l.quantity == 3)?.price ?? 0", "\"9.90\""),
        ("lines.count(|l| l.quantity > 3) + [1, 5].count(|n| n > 2)", "2"),
    ] {
        let found = value(&engine, text, &facts);
        if found != wanted {
            wrong.push(format!("{text} gives {found}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_missing_value_never_passes() {
    let (engine, facts) = (engine(), facts());
    let mut wrong = Vec::new();
    for text in [
        "rebate > 5",
        "rebate == 5",
        "rebate != 5",
        "5 - rebate",
        "-rebate",
        "rebate + 1",
        "remark == \"\"",
        "remark != \"\"",
        "\"a\" + remark",
        "confirmed_on < today",
        "confirmed_on + 1",
        "!checked",
        "checked && true",
        "true && checked",
        "checked || true",
        "false || checked",
        "if checked { 1 } else { 2 }",
        "remark in [\"a\"]",
        "\"a\" in remark",
        "[1, 2].contains(pages)",
        "backup.grade",
        "backup.parent.grade",
        "abs(rebate)",
        "min(rebate, 1)",
        "`x ${remark}`",
        "remark.len()",
        "signed_at.date()",
        "2 in 1..pages",
        "lines.all(|l| l.note == \"x\")",
        "lines.sum(|l| l.note)",
        "lines.any(|l| is_set(l.note) || l.note > \"a\")",
        "progress.last().text",
        "table(\"customers\", \"C9\").grade",
        "entered.approved.times",
        "[rebate].sum()",
        "let x = 1; x += rebate; x",
        "let x = rebate; x *= 2; x",
        "extra[\"a\"] == \"b\"",
        "days(pages)",
        "pages in 1..3",
        "rebate == rebate",
        "[rebate] == [1]",
        "[1].some(|x| checked)",
        "lines.all(|l| checked)",
        "[1].filter(|x| checked).len()",
        "[1, 2].sort_by(|x| rebate)",
        "[1].find(|x| x > rebate)",
        "let a = []; a.pop() + 1",
        "let m = #{}; m.get(\"a\") + 1",
        "let m = #{}; m.remove(\"a\") == 1",
        "[1, rebate].max()",
        "[1, rebate].sum()",
        "[remark].join(\"\")",
    ] {
        let refused = refusal(&engine, text, &facts);
        if refused != "run missing_value" && refused != "load E207" {
            wrong.push(format!("{text} gives {refused}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn line_is_the_row_of_its_list() {
    let engine = engine();
    let environment = Environment { line: Some(name("lines")), ..environment() };
    let expression =
        engine.expression("line.price * line.quantity + lines[0].quantity", place(), &environment).unwrap();
    for (row, wanted) in [(0, "1010.00"), (1, "39.70")] {
        let given = engine.evaluate(&expression, &facts(), Some(row)).unwrap().unwrap();
        assert_eq!(given.to_json(), wanted);
    }
    assert_eq!(&*engine.evaluate(&expression, &facts(), None).unwrap_err().code, "script");
    assert_eq!(&*engine.evaluate(&expression, &facts(), Some(9)).unwrap_err().code, "script");
}
