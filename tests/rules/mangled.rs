//! Scripts that nobody would write: the engine refuses or runs them, and never breaks.

use std::collections::BTreeMap;

use gendan::model::{Budget, Record};
use proptest::prelude::any;

use crate::ask::{cases, place};
use crate::common::{engine, environment, facts_with, fields};

const RULE: &str = r#"import "money" as money;
fn check(order, policy) {
    for (line, i) in order.lines {
        if line.discount > policy.most && !is_set(line.note) { fail("above", `lines[${i}].discount`, #{ most: 5 }); }
        let net = money::net(line);
        if net < line.product.floor { warn("below", "lines", #{ floor: line.product.floor }, "{floor}"); }
    }
    let sum = order.lines.map(|l| l.price * l.quantity).sum() ?? 0;
    if order.kind in ["a", "b"] || sum > order.total { return; }
    order.progress.all(|p| p.at < now && helper(p.text, order))
}
fn helper(text, order) { text.len() > 3 || order.customer.grade == text }
"#;

const TOKENS: &[&str] = &[
    "total",
    "rebate",
    "lines",
    "kind",
    "urgent",
    "customer",
    "progress",
    "extra",
    "promised_on",
    "now",
    "today",
    "setting.large",
    "entered",
    "actor",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ";",
    "==",
    "!=",
    "<",
    ">",
    "&&",
    "||",
    "!",
    "+",
    "-",
    "*",
    "/",
    "%",
    "??",
    "?.",
    "..",
    "in",
    "if",
    "else",
    "let x =",
    "x",
    "for y in",
    "while",
    "|l|",
    "l",
    ".map(",
    ".sum()",
    ".len()",
    ".filter(",
    ".sort_by(",
    ".grade",
    ".price",
    "is_set(",
    "1",
    "0",
    "2.5",
    "\"a\"",
    "`${",
    "}`",
    "#{",
    "a:",
    "()",
    "return",
    "break",
    "true",
    "date(\"2026-01-01\")",
    "days(1)",
];

/// Refuses the message of a panic, and nothing else.
fn unbroken(message: &str) -> Result<(), proptest::test_runner::TestCaseError> {
    proptest::prop_assert!(!message.contains("broke the engine"), "{message}");
    Ok(())
}

#[test]
fn mangled_rules_never_break_the_engine() {
    let engine = engine();
    let letters: Vec<char> = RULE.chars().collect();
    proptest::proptest!(cases(400), |(at in 0..letters.len(), cut in 0usize..6, put in "[a-z(){};.|&!=<>$`\"0-9 \\n]{0,3}")| {
        let after = letters.iter().skip(at + cut);
        let source: String = letters.iter().take(at).copied().chain(put.chars()).chain(after.copied()).collect();
        if let Ok(rule) = engine.rule("mangled", "rules/mangled.rhai", &source, BTreeMap::new()) {
            let _ = engine.check_use(&rule, &environment(), &Default::default());
            let (_, error) = engine.check(&rule, &facts_with(fields(), Budget::operations(20_000)), &Record::new());
            unbroken(error.as_ref().map(|error| &*error.message).unwrap_or_default())?;
        }
    });
}

#[test]
fn random_words_never_break_the_engine() {
    let engine = engine();
    let words = proptest::collection::vec(0..TOKENS.len(), 1..12);
    proptest::proptest!(cases(3_000), |(words in words, glue in any::<bool>())| {
        let words: Vec<&str> = words.iter().map(|word| TOKENS[*word]).collect();
        let text = words.join(if glue { "" } else { " " });
        if let Ok(expression) = engine.expression(&text, place(), &environment()) {
            let given = engine.evaluate(&expression, &facts_with(fields(), Budget::operations(2_000)), None);
            let error = given.err();
            unbroken(error.as_ref().map(|error| &*error.message).unwrap_or_default())?;
            // What passed the check at load leans on nothing missing, and mixes nothing.
            let code = error.map(|error| error.code.to_string()).unwrap_or_default();
            proptest::prop_assert!(!["missing_value", "type_mismatch"].contains(&code.as_str()), "{text}: {code}");
        }
    });
}
