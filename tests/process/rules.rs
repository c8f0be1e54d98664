//! What each rule says about an order that the reviewer wants to approve. Every finding stands at its line.

use serde_json::{Value as Json, json};

use crate::files::shipped_with;
use crate::play::{Play, go_to, line, order_in};

/// Opens the usual order with some fields of another value, and compares what the approval is refused for with
/// `expected`: `code path` for each reason, in the order in which they were found; nothing when it is approved.
fn check(prepare: impl Fn(&mut Play), rows: &[(Json, &[&str])]) {
    for (with, expected) in rows {
        let mut play = Play::new();
        prepare(&mut play);
        play.open("rep_li", with).unwrap();
        go_to(&mut play, "review");
        let found: Vec<String> = match play.take("reviewer_wang", "approve", &json!({})) {
            Ok(()) => Vec::new(),
            Err(refusal) => refusal.reasons.iter().map(|reason| format!("{} {}", reason.code, reason.path)).collect(),
        };
        assert_eq!(&found, expected, "{with}");
    }
}

/// A line with some other values.
fn other(product: &str, quantity: u32, with: &Json) -> Json {
    let mut line = line(product, quantity);
    line.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    line.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    line
}

#[test]
fn required_fields_r44_r45_r47() {
    check(
        |_| {},
        &[
            (json!({}), &[]),
            (json!({ "tax_included": false }), &[]),
            (json!({ "tax_included": null }), &["tax_not_stated tax_included"]),
            (json!({ "discount_method": null }), &["discount_method_not_stated discount_method"]),
            (json!({ "ordered_on": "2026-09-25" }), &["ordered_in_future ordered_on"]),
            (
                json!({ "ordered_on": "2026-09-25", "promised_on": "2026-09-24" }),
                &["ordered_in_future ordered_on", "promised_before_ordered promised_on"],
            ),
            (json!({ "special_requests": "轻拿轻放" }), &["special_request_vague special_requests"]),
            (json!({ "special_requests": "轻拿轻放", "packing": "foam" }), &[]),
        ],
    );
}

#[test]
fn customer_master_r39() {
    check(
        |_| {},
        &[
            (json!({ "customer_name": "华星公司" }), &["name_differs customer_name"]),
            (json!({ "address": "上海市南京路2号" }), &["address_differs address"]),
            (json!({ "bank": "建设银行" }), &["bank_differs bank"]),
            (json!({ "bank": null }), &[]),
            (
                json!({ "customer": "C2" }),
                &["name_differs customer_name", "address_differs address", "bank_differs bank"],
            ),
        ],
    );
}

#[test]
fn product_master_r40_r41_r42() {
    check(
        |_| {},
        &[
            (
                json!({ "lines": [line("A", 1), other("A", 1, &json!({ "model": "A2" }))] }),
                &["model_differs lines[1].model"],
            ),
            (json!({ "lines": [other("A", 1, &json!({ "model": "A1" }))] }), &[]),
            (json!({ "lines": [other("A", 1, &json!({ "unit": null }))] }), &["unit_not_stated lines[0].unit"]),
            (json!({ "lines": [other("A", 1, &json!({ "unit": "箱" }))] }), &["unit_differs lines[0].unit"]),
            (json!({ "lines": [other("A", 1, &json!({ "spec": null }))] }), &["element_missing lines[0].spec.颜色"]),
            (
                json!({ "lines": [other("B", 1, &json!({ "spec": { "颜色": "红" } }))] }),
                &["element_unknown lines[0].spec.颜色"],
            ),
        ],
    );
}

#[test]
fn pricing_policy_r43_r45() {
    let discounted = |product: &str, discount: u32, method: &str| json!({ "discount_method": method, "lines": [other(product, 1, &json!({ "discount": discount }))] });
    check(
        |_| {},
        &[
            (discounted("A", 15, "line"), &[]),
            (discounted("A", 16, "line"), &["discount_above_limit lines[0].discount"]),
            (
                discounted("A", 21, "line"),
                &["discount_above_limit lines[0].discount", "price_below_floor lines[0].unit_price"],
            ),
            (discounted("A", 5, "rebate"), &["discount_method_not_allowed lines[0].discount"]),
            (discounted("A", 5, "none"), &["discount_method_not_allowed lines[0].discount"]),
            (discounted("B", 5, "rebate"), &[]),
            (
                json!({ "lines": [line("A", 1), other("A", 1, &json!({ "unit_price": "79.99" }))] }),
                &["price_below_floor lines[1].unit_price"],
            ),
            (json!({ "lines": [other("A", 1, &json!({ "unit_price": "80" }))] }), &[]),
        ],
    );
    check(
        |play| play.lose("price_list", "B"),
        &[(json!({ "lines": [line("A", 1), line("B", 1)] }), &["price_not_listed lines[1].unit_price"])],
    );
}

#[test]
fn the_policy_is_a_matter_of_settings_r43() {
    check(
        |play| play.under(shipped_with("list_prices: false", "list_prices: true")),
        &[
            (json!({ "lines": [line("A", 1), other("B", 1, &json!({ "unit_price": "50.01" }))] }), &[]),
            (
                json!({ "lines": [line("A", 1), other("B", 1, &json!({ "unit_price": "49.99" }))] }),
                &["price_below_list lines[1].unit_price"],
            ),
        ],
    );
    check(
        |play| play.under(shipped_with("max_discount: 15 ", "max_discount: 4.5 ")),
        &[(
            json!({ "discount_method": "line", "lines": [other("B", 1, &json!({ "discount": "4.51" }))] }),
            &["discount_above_limit lines[0].discount"],
        )],
    );
}

#[test]
fn capacity_r46() {
    check(
        |_| {},
        &[
            // 25 of B are there in time, and six days make 300.
            (json!({ "lines": [line("B", 325)] }), &[]),
            (json!({ "lines": [line("B", 200), line("B", 126)] }), &["capacity_exceeded promised_on"]),
            (json!({ "promised_on": "2026-09-24" }), &[]),
            (json!({ "ordered_on": "2026-09-20", "promised_on": "2026-09-23" }), &["promised_in_past promised_on"]),
        ],
    );
    let closed = |play: &mut Play| play.put("capacity", &json!({ "day": "2026-09-30", "units": 0 }));
    check(closed, &[(json!({}), &[]), (json!({ "lines": [line("B", 30)] }), &["no_capacity_that_day promised_on"])]);
    check(|play| play.lose("capacity", "default"), &[(json!({}), &["capacity_unknown promised_on"])]);
}

/// The order of a customer in a remote area, who wishes a carrier.
fn remote(carrier: &str) -> Json {
    json!({
        "customer": "C2", "customer_name": "雪山", "address": "拉萨市北京路2号", "bank": null, "carrier_wish": carrier,
    })
}

#[test]
fn warnings_refuse_nothing_and_are_told_r47_r48_r54_r55_r76() {
    let rows = [
        (json!({}), vec![]),
        (json!({ "lines": [line("B", 25)] }), vec![]),
        (json!({ "lines": [line("B", 26)] }), vec!["stock_short lines[0].quantity"]),
        (json!({ "lines": [line("B", 20), line("A", 1), line("B", 6)] }), vec!["stock_short lines[2].quantity"]),
        (json!({ "lines": [line("B", 20), line("A", 1), line("B", 5)] }), vec![]),
        (json!({ "packing": "paper" }), vec!["packing_unknown packing"]),
        (json!({ "packing": "box", "lines": [line("F", 1)] }), vec!["packing_not_shockproof packing"]),
        (json!({ "packing": "foam", "lines": [line("F", 1)] }), vec![]),
        (json!({ "lines": [line("F", 1)] }), vec!["fragile_standard_packing packing"]),
        (json!({ "carrier_wish": "pigeon" }), vec!["carrier_unknown carrier_wish"]),
        (remote("sf"), vec!["carrier_not_remote carrier_wish"]),
        (remote("china_post"), vec![]),
    ];
    for (with, expected) in rows {
        let mut play = Play::new();
        play.open("rep_li", &with).unwrap();
        go_to(&mut play, "approved");
        assert_eq!(play.told(), expected, "{with}");
    }
}

#[test]
fn a_row_that_is_missing_is_a_finding_and_never_a_pass_r55() {
    let mut play = Play::new();
    play.lose("stock", "B");
    play.open("rep_li", &json!({ "lines": [line("A", 1), line("B", 1)] })).unwrap();
    go_to(&mut play, "approved");
    assert_eq!(play.told(), ["stock_unknown lines[1].product"]);
    play.turns(&[("warehouse_zhao", "check_stock", "", "shortage")]);
    assert_eq!(play.field("short_count"), json!(1));
    let mut play = order_in("review");
    play.lose("customers", "C1");
    play.turns(&[
        ("reviewer_wang", "approve", "", "! customer_unknown"),
        ("reviewer_wang", "reject", r#"{"reject_reason": "other"}"#, "rejected"),
    ]);
}
