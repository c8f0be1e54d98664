//! Every operator over every pair of types: unlike ones are refused, and none is answered silently.

use gendan::rule::RuleEngine;

use crate::ask::{facts, place};
use crate::common::{engine, environment};

/// An expression, and the family of what it gives.
type Hidden = (&'static str, &'static str);

/// A value of each type, hidden from the check at load, with the family it may be compared within.
const VALUES: [Hidden; 19] = [
    ("rebate", "missing"),
    ("urgent", "boolean"),
    ("copies", "number"),
    ("total", "number"),
    ("kind", "text"),
    ("'x'", "text"),
    ("rep", "text"),
    ("promised_on", "date"),
    ("now", "datetime"),
    ("span", "duration"),
    ("customer", "reference"),
    ("lines[0]", "row"),
    ("lines", "list"),
    ("tags", "list"),
    ("[1]", "array"),
    ("#{a: 1}", "object"),
    ("lines[0].spec", "map"),
    ("actor", "actor"),
    ("entered", "entered"),
];
const COMPARING: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const COMPUTING: [&str; 10] = ["+", "-", "*", "/", "%", "&", "|", "^", "..", "..="];

/// What `left op right` gives, with both hidden in an array so that nothing is known of them at load.
fn outcome(engine: &RuleEngine, left: &str, op: &str, right: &str) -> String {
    // A range is nothing that an expression can give.
    let (open, close) = if op.starts_with("..") { ("(", ").contains(1)") } else { ("", "") };
    let text = format!("let v = [{left}, 0, {right}, \"\"]; {open}v[0] {op} v[2]{close}");
    match engine.expression(&text, place(), &environment()) {
        Err(found) => format!("load {}", found[0].message),
        Ok(expression) => match engine.evaluate(&expression, &facts(), None) {
            Ok(Some(value)) => value.to_json().to_string(),
            Ok(None) => "missing".to_owned(),
            Err(error) => error.code.to_string(),
        },
    }
}

/// Whether two families may meet in a comparison; `ordered` asks for `<` and the like.
fn comparable(left: &str, right: &str, ordered: bool) -> bool {
    if ordered {
        return left == right && ["number", "text", "date", "datetime", "duration"].contains(&left);
    }
    let like = [("reference", "text"), ("text", "reference"), ("list", "array"), ("array", "list")];
    let never = ["missing", "object", "actor", "entered"];
    (left == right && !never.contains(&left))
        || like.contains(&(left, right))
        || [("row", "reference"), ("reference", "row")].contains(&(left, right))
}

/// Every pair of values with every operator, and what comes of it when `fine` does not agree.
fn wrong(operators: &[&str], fine: impl Fn(&str, &str, &str, &str) -> bool) -> Vec<String> {
    let engine = engine();
    let pairs = VALUES.iter().flat_map(|left| VALUES.iter().map(move |right| (left, right)));
    let triples = pairs.flat_map(|pair| operators.iter().map(move |op| (pair, *op)));
    let judge = |((left, right), op): ((&Hidden, &Hidden), &str)| {
        let found = outcome(&engine, left.0, op, right.0);
        (!fine(op, left.1, right.1, &found)).then(|| format!("{} {op} {} gives {found}", left.0, right.0))
    };
    triples.filter_map(judge).collect()
}

/// How a pair that does not go together is refused.
fn refusal(left: &str, right: &str) -> &'static str {
    if left == "missing" || right == "missing" { "missing_value" } else { "type_mismatch" }
}

#[test]
fn comparisons_of_unlike_types_are_errors() {
    let wrong = wrong(&COMPARING, |op, left, right, found| {
        // Lists of unlike items can't be compared either.
        let unlike_items = (left != right || left == "list") && found == "type_mismatch";
        if comparable(left, right, !matches!(op, "==" | "!=")) {
            found == "true" || found == "false" || unlike_items
        } else {
            found == refusal(left, right)
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn calculations_of_unlike_types_are_errors() {
    let fits = |op: &str, left: &str, right: &str| {
        matches!(
            (op, left, right),
            ("+" | "-" | "*" | "/" | "%", "number", "number")
                | ("+", "text", "text")
                | ("+", "array", "array")
                | ("-", "date", "date")
                | ("-", "datetime", "datetime")
                | ("+" | "-", "datetime" | "duration", "duration")
                | ("+", "duration", "datetime")
                | ("*", "duration", "number")
                | ("*", "number", "duration")
                | ("&" | "|" | "^", "boolean", "boolean")
        )
    };
    // These depend on the value: a decimal is no count of days, two hours are no whole day, ranges are of integers.
    let depends = |op: &str, left: &str, right: &str| {
        matches!((op, left, right), (".." | "..=", "number", "number"))
            || matches!((left, right), ("date", "number" | "duration") | ("duration", "date"))
    };
    let codes = ["missing_value", "type_mismatch", "script", "budget"];
    let wrong = wrong(&COMPUTING, |op, left, right, found| {
        if fits(op, left, right) {
            !codes.contains(&found) && !found.starts_with("load")
        } else {
            found == refusal(left, right) || depends(op, left, right)
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn looking_up_what_can_not_be_inside_is_an_error() {
    let wrong = wrong(&["in"], |_, inside, whole, found| {
        let may = ["text", "list", "array", "object", "map"].contains(&whole);
        found == refusal(inside, whole) || (may && (found == "true" || found == "false"))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn operators_that_rhai_has_and_rules_do_not_are_refused() {
    let engine = engine();
    for op in ["**", "<<", ">>"] {
        assert!(outcome(&engine, "1", op, "2").contains("is not part of the language"), "{op}");
    }
}

#[test]
fn operators_of_one_operand_take_their_own_type_only() {
    let engine = engine();
    for (value, family) in VALUES {
        for (op, takes) in [("!", &["boolean"][..]), ("-", &["number", "duration"])] {
            let text = format!("let v = [{value}, 0, \"\"]; {op}v[0]");
            let expression = engine.expression(&text, place(), &environment()).unwrap();
            let given = engine.evaluate(&expression, &facts(), None);
            let code = given.map_or_else(|error| error.code.to_string(), |_| "fine".to_owned());
            let wanted = if takes.contains(&family) { "fine" } else { refusal(family, "") };
            assert_eq!(code, wanted, "{op}{value}");
        }
    }
}
