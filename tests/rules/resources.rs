//! What expressions may ask of resources, judged when the file is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use gendan::field::{Per, Resource};
use gendan::model::{Title, name};
use gendan::rule::Environment;

use crate::ask::{place, told};
use crate::common::{engine, environment};

fn with_resources() -> Environment {
    let resource = |of: &str, per: Per, key: &str, quantity: &str| {
        let (title, key, quantity) = (Title::default(), name(key), name(quantity));
        (name(of), Resource { name: name(of), title, per, key, quantity, default: "0".parse().unwrap() })
    };
    let resources = BTreeMap::from([
        resource("stock", Per::Table(name("products")), "product", "quantity"),
        resource("hours", Per::Day, "promised_on", "copies"),
        resource("seats", Per::Table(name("customers")), "customer", "seats"),
    ]);
    Environment { resources: Arc::new(resources), line: Some(name("lines")), ..environment() }
}

#[test]
fn a_resource_is_asked_about_what_it_has_a_pool_for() {
    let (engine, environment) = (engine(), with_resources());
    let said: Vec<String> = [
        "resource.stock.covers(line)",
        "resource.stock.covers(line, today)",
        "resource.stock.available(line.product) + resource.stock.on_hand(\"A\") - resource.stock.held(line)",
        "lines.all(|l| resource.stock.covers(l))",
        "resource.hours.available(today)",
        "resource.stok.covers(line)",
        "resource.stock.cover(line)",
        "resource.stock.covers(line, now)",
        "resource.stock.covers(customer)",
        "resource.stock.covers(3)",
        "resource.stock.available(customer)",
        "resource.stock.available(today)",
        "resource.hours.available(line.product)",
        "resource.seats.covers(line)",
        "resource.seats.available(remark)",
        "resource.stock",
        "resource",
        "resource.stock.covers(line) > 1",
        "resource + 1",
    ]
    .into_iter()
    .map(|text| match engine.expression(text, place(), &environment) {
        Ok(expression) => {
            format!("{text}: {:?}", expression.gives.kind.map(|kind| kind == gendan::field::Kind::Boolean))
        }
        Err(found) => format!("{text}: {}", found.iter().map(told).collect::<Vec<_>>().join("\n")),
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    resource.stock.covers(line): Some(true)
    resource.stock.covers(line, today): Some(true)
    resource.stock.available(line.product) + resource.stock.on_hand("A") - resource.stock.held(line): Some(false)
    lines.all(|l| resource.stock.covers(l)): Some(true)
    resource.hours.available(today): Some(false)
    resource.stok.covers(line): E213 workflows/sample.yaml:10:21+4: there is no resource `stok`; did you mean `stock`?
    resource.stock.cover(line): E205 workflows/sample.yaml:10:27+5: there is no function `cover`; did you mean `covers`?
    resource.stock.covers(line, now): E208 workflows/sample.yaml:10:27+6: `covers` does not take a resource, a record, a datetime
    resource.stock.covers(customer): E215 workflows/sample.yaml:10:27+6: `resource.stock` is asked about a row of `products`, its key, or a row that names one: such records have no field `product` that is a reference to `products`
    resource.stock.covers(3): E208 workflows/sample.yaml:10:27+6: `covers` does not take a resource, an integer
    resource.stock.available(customer): E215 workflows/sample.yaml:10:27+9: `resource.stock` is asked about a row of `products`, its key, or a row that names one: the row of `customers` is none
    resource.stock.available(today): E215 workflows/sample.yaml:10:27+9: `resource.stock` is asked about a row of `products`, its key, or a row that names one: a date is none
    resource.hours.available(line.product): E215 workflows/sample.yaml:10:27+9: `resource.hours` is asked about a day, or a row that names one: the row of `products` is none
    resource.seats.covers(line): E215 workflows/sample.yaml:10:27+6: `resource.seats` is asked about a row of `customers`, its key, or a row that names one: such records have no field `customer` that is a reference to `customers`
    resource.seats.available(remark): E207 workflows/sample.yaml:10:37+6: `remark` may be missing here; write `remark ?? ...`, or ask `is_set(remark)` before
    resource.stock: E208 workflows/sample.yaml:10:12+1: the expression gives a resource, and no field can hold that
    resource: E208 workflows/sample.yaml:10:12+1: the expression gives `resource`, and no field can hold that
    resource.stock.covers(line) > 1: E208 workflows/sample.yaml:10:40+1: a boolean and an integer can't be compared
    resource + 1: E208 workflows/sample.yaml:10:21+1: `resource` and an integer can't be computed with each other
    "#);
}
