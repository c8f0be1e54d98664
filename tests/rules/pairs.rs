//! Every operator over every pair of types: unlike ones are refused, and none is answered silently.

use gendan::rule::RuleEngine;

use crate::common::{engine, environment, facts, place};

/// A value of each type, hidden from the check at load, with the family it may be compared within.
const VALUES: [(&str, &str); 19] = [
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
const COMPUTING: [&str; 13] = ["+", "-", "*", "/", "%", "&", "|", "^", "..", "..=", "**", "<<", ">>"];

/// What `left op right` gives, with both hidden in an array so that nothing is known of them at load.
fn outcome(engine: &RuleEngine, left: &str, op: &str, right: &str) -> String {
    let text = format!("let v = [{left}, 0, {right}, \"\"]; v[0] {op} v[2]");
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

#[test]
fn comparisons_of_unlike_types_are_errors() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (left, of) in VALUES {
        for (right, with) in VALUES {
            for op in COMPARING {
                let found = outcome(&engine, left, op, right);
                let fine = if of == "missing" || with == "missing" {
                    found == "missing_value"
                } else if comparable(of, with, !matches!(op, "==" | "!=")) {
                    // Lists of unlike items can't be compared either.
                    found == "true" || found == "false" || (of != with || of == "list") && found == "type_mismatch"
                } else {
                    found == "type_mismatch"
                };
                if !fine {
                    wrong.push(format!("{left} {op} {right} gives {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn calculations_of_unlike_types_are_errors() {
    let engine = engine();
    let fits = |op: &str, left: &str, right: &str| match (op, left, right) {
        ("+" | "-" | "*" | "/" | "%", "number", "number") => true,
        ("+", "text", "text") | ("+", "array", "array") => true,
        ("-", "date", "date") | ("-", "datetime", "datetime") => true,
        ("+" | "-", "datetime" | "duration", "duration") | ("+", "duration", "datetime") => true,
        ("*", "duration", "number") | ("*", "number", "duration") => true,
        ("&" | "|" | "^", "boolean", "boolean") => true,
        _ => false,
    };
    // These depend on the value: a decimal is no count of days, two hours are no whole day, ranges are of integers.
    let depends = |op: &str, left: &str, right: &str| {
        matches!((op, left, right), (".." | "..=", "number", "number"))
            || matches!((left, right), ("date", "number" | "duration") | ("duration", "date"))
    };
    let mut wrong = Vec::new();
    for (left, of) in VALUES {
        for (right, with) in VALUES {
            for op in COMPUTING {
                let found = outcome(&engine, left, op, right);
                let refused = if of == "missing" || with == "missing" { "missing_value" } else { "type_mismatch" };
                let fine = if fits(op, of, with) {
                    !found.contains('_') || found.contains('"')
                } else {
                    found == refused || depends(op, of, with) || found.starts_with("load `")
                };
                if !fine {
                    wrong.push(format!("{left} {op} {right} gives {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn containment_and_single_operands_are_errors_too() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (value, family) in VALUES {
        for (op, fits) in [("!", "boolean"), ("-", "number"), ("-", "duration")] {
            let found = outcome(&engine, "0", "==", &format!("0, {op}[{value}][0]"));
            let refused = if family == "missing" { "missing_value" } else { "type_mismatch" };
            let fits = family == fits || (op == "-" && ["number", "duration"].contains(&family));
            if !fits && found != refused && !found.starts_with("load ") {
                wrong.push(format!("{op}{value} gives {found}"));
            }
        }
        for (whole, of) in VALUES {
            let found = outcome(&engine, value, "in", whole);
            let refused = if of == "missing" || family == "missing" { "missing_value" } else { "type_mismatch" };
            let may = ["text", "list", "array", "object", "map"].contains(&of);
            if found != refused && !(may && (found == "true" || found == "false")) {
                wrong.push(format!("{value} in {whole} gives {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
