//! The rules on data that nobody here made up: what `gendan demo` finds in the Northwind orders is what a plain
//! comparison of the CSV files finds.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rust_decimal::Decimal;
use serde_json::Value as Json;

type Row = BTreeMap<String, String>;

/// The folder of the data, or nothing, loudly, when it is not there.
#[expect(clippy::disallowed_methods, reason = "the place of test data is no setting of the program")]
fn data() -> Option<PathBuf> {
    let data = std::env::var("GENDAN_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data")).join("northwind");
    if data.join("orders.csv").is_file() {
        return Some(data);
    }
    let required = std::env::var("GENDAN_REQUIRE_DATA").is_ok_and(|value| !value.is_empty());
    assert!(!required, "the data is required, and `{}` is not there", data.display());
    eprintln!("SKIPPED: `{}` is not there; name its parent with GENDAN_DATA", data.display());
    None
}

fn rows(data: &Path, file: &str) -> Vec<Row> {
    csv::Reader::from_path(data.join(file)).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

fn by_key(rows: Vec<Row>, column: &str) -> BTreeMap<String, Row> {
    rows.into_iter().map(|row| (row[column].clone(), row)).collect()
}

fn decimal(row: &Row, column: &str) -> Decimal {
    row[column].parse().unwrap()
}

/// Findings and the distinct orders they stand in.
type Count = (u64, u64);

/// What a plain comparison finds, by the code of the finding that a rule makes of it.
fn compared(data: &Path) -> BTreeMap<&'static str, Count> {
    let products = by_key(rows(data, "products.csv"), "ProductID");
    let customers = by_key(rows(data, "customers.csv"), "CustomerID");
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in rows(data, "order_details.csv") {
        let product = &products[&line["ProductID"]];
        for (code, holds) in [
            ("price_below_list", decimal(&line, "UnitPrice") < decimal(product, "UnitPrice")),
            ("discount_above_limit", decimal(&line, "Discount") > Decimal::ZERO),
            ("stock_short", decimal(&line, "Quantity") > decimal(product, "UnitsInStock")),
        ] {
            if holds {
                found.entry(code).or_default().push(line["OrderID"].clone());
            }
        }
    }
    for order in rows(data, "orders.csv") {
        let customer = &customers[&order["CustomerID"]];
        for (code, differs) in [
            ("address_differs", order["ShipAddress"] != customer["Address"]),
            ("name_differs", order["ShipName"] != customer["CompanyName"]),
        ] {
            if differs {
                found.entry(code).or_default().push(order["OrderID"].clone());
            }
        }
    }
    let count = |orders: Vec<String>| (orders.len() as u64, orders.into_iter().collect::<BTreeSet<_>>().len() as u64);
    found.into_iter().map(|(code, orders)| (code, count(orders))).collect()
}

fn demo(data: &Path, arguments: &[&str]) -> Json {
    let output = Command::new(env!("CARGO_BIN_EXE_gendan"))
        .args(["demo", "--exit", "--format", "json", "--data"])
        .arg(data)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("GENDAN_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn reported(summary: &Json) -> BTreeMap<&str, Count> {
    let number = |found: &Json, field: &str| found[field].as_u64().unwrap();
    let findings = summary["judged"]["findings"].as_array().unwrap();
    let count = |found: &Json| (number(found, "findings"), number(found, "cases"));
    findings.iter().map(|found| (found["code"].as_str().unwrap(), count(found))).collect()
}

#[test]
fn the_rules_find_what_a_plain_comparison_of_all_orders_finds() {
    let Some(data) = data() else { return };
    let compared = compared(&data);
    // As they were counted when this was written, so that the comparison itself can't drift.
    let known = [
        ("address_differs", (48, 48)),
        ("discount_above_limit", (838, 380)),
        ("name_differs", (34, 34)),
        ("price_below_list", (658, 250)),
        ("stock_short", (790, 496)),
    ];
    assert_eq!(compared, BTreeMap::from(known));

    let summary = demo(&data, &["--judge-only"]);
    assert_eq!(summary["judged"]["cases"], 830);
    assert_eq!(summary["judged"]["failed"], Json::Array(Vec::new()), "every order can be judged");
    assert_eq!(reported(&summary), compared);
}

#[test]
fn real_orders_go_through_the_process() {
    let Some(data) = data() else { return };
    let summary = demo(&data, &["--cases", "30"]);
    let count = |pointer: &str| summary.pointer(pointer).and_then(Json::as_u64).unwrap();
    assert_eq!((count("/cases/planned"), count("/cases/opened")), (30, 30), "{summary:#}");
    let stages = summary["stages"].as_array().unwrap();
    let ended = stages.iter().filter(|stage| stage["end"] != Json::Null).map(|stage| stage["cases"].as_u64().unwrap());
    assert!(ended.sum::<u64>() >= 20, "in two years most of them came to an end: {summary:#}");
    let approved =
        summary["reached"].as_array().unwrap().iter().find(|reached| reached["stage"] == "approved").unwrap();
    assert!(approved["cases"].as_u64().unwrap() >= 20, "{summary:#}");
}
