//! Where an order can go: the main path to its end, and the side roads that lead back to it.

use serde_json::json;

use crate::play::{PLAN, Play, go_to, line, order_in, short_order_in};

#[test]
fn an_order_that_stock_covers_goes_from_the_desk_to_the_signature_r13_r14_r22_r28_r30() {
    let mut play = order_in("completed");
    assert_eq!(play.field("first_promised_on"), json!("2026-09-30"));
    assert_eq!(play.field("amount"), json!("1000"));
    assert_eq!((play.field("large"), play.field("carrier")), (json!(false), json!("sf")));
    play.turns(&[("rep_li", "submit", "", "! wrong_stage")]);
}

#[test]
fn what_is_computed_when_an_order_is_opened_r54_r55_r76_r124() {
    let rows = [
        (json!({ "carrier_wish": "china_post" }), "carrier", json!("china_post")),
        (json!({ "customer": "C2" }), "carrier", json!("china_post")),
        (json!({ "customer": "C2" }), "large", json!(true)),
        (json!({ "lines": [line("A", 1000)] }), "large", json!(true)),
        (json!({ "lines": [line("A", 999)] }), "large", json!(false)),
        (json!({ "channel": "verbal" }), "verbal", json!(true)),
    ];
    for (with, field, expected) in rows {
        let mut play = Play::new();
        play.open("rep_li", &with).unwrap();
        assert_eq!(play.field(field), expected, "{with}");
    }
}

#[test]
fn stock_covers_what_is_there_in_time_r22_r23_r54_r55() {
    // On hand 20, reserved 5, and of the arrivals only the one that comes by the promised day.
    let rows = [
        (vec![line("B", 25)], "to_ship", json!([])),
        (vec![line("B", 26)], "shortage", json!([{ "product": "B", "wanted": 26, "available": 25 }])),
        (vec![line("B", 20), line("A", 1), line("B", 5)], "to_ship", json!([])),
        (
            vec![line("B", 20), line("A", 1), line("B", 6)],
            "shortage",
            json!([{ "product": "B", "wanted": 26, "available": 25 }]),
        ),
    ];
    for (lines, stage, short) in rows {
        let mut play = Play::new();
        play.open("rep_li", &json!({ "lines": lines })).unwrap();
        go_to(&mut play, "approved");
        play.turns(&[("warehouse_zhao", "check_stock", "", stage)]);
        assert_eq!(play.field("short_lines"), short, "{lines:?}");
    }
}

#[test]
fn of_many_short_lines_the_first_thirty_are_named_and_all_are_counted_r23() {
    let lines: Vec<_> = std::iter::once(line("B", 26)).chain((0..30).map(|_| line("B", 1))).collect();
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": lines })).unwrap();
    go_to(&mut play, "approved");
    play.turns(&[("warehouse_zhao", "check_stock", "", "shortage")]);
    assert_eq!(play.field("short_count"), json!(31));
    assert_eq!(play.field("short_lines").as_array().map(Vec::len), Some(30));
}

#[test]
fn the_customer_answers_and_the_review_goes_on_r17_r18_r38() {
    let mut play = order_in("review");
    play.turns(&[
        ("reviewer_wang", "ask_customer", r#"{"missing": [{"position": 0, "element": "颜色"}]}"#, "awaiting_customer"),
        (
            "rep_li",
            "answered",
            r#"{"remarks": [{"how": "phone", "text": "客户要白色"}],
                "lines": [{"product": "A", "quantity": 10, "unit": "件", "unit_price": "100", "spec": {"颜色": "白"}}]}"#,
            "review",
        ),
        ("reviewer_wang", "approve", "", "approved"),
    ]);
    assert_eq!(play.line(0, "spec"), json!({ "颜色": "白" }));
    assert_eq!(play.field("remarks")[0]["text"], json!("客户要白色"));
    assert_eq!(play.field("answer_due"), json!("2026-09-24T09:00:00Z"));
}

#[test]
fn the_default_applies_when_the_customer_is_silent_r18_r49_r86_r97() {
    let mut play = Play::new();
    let mut bare = line("A", 10);
    bare["spec"] = json!({});
    play.open("rep_li", &json!({ "lines": [line("B", 2), bare] })).unwrap();
    play.turns(&[
        ("rep_li", "submit", "", "review"),
        ("reviewer_wang", "approve", "", "! element_missing"),
        ("reviewer_wang", "ask_customer", r#"{"missing": [{"position": 1, "element": "颜色"}]}"#, "awaiting_customer"),
        ("system", "lapse", "", "! condition"),
    ]);
    assert_eq!(play.field("missing")[0]["fallback"], json!("白"));
    play.wait_until("2026-09-24T17:00:00+08:00");
    play.turns(&[("system", "lapse", "", "! condition")]);
    play.wait_until("2026-09-24T17:00:01+08:00");
    play.turns(&[("system", "lapse", "", "review"), ("reviewer_wang", "approve", "", "approved")]);
    assert_eq!(play.line(1, "spec"), json!({ "颜色": "白" }));
    assert_eq!(play.line(0, "product"), json!("B"));
    assert_eq!(play.field("defaults_applied"), json!(true));
}

#[test]
fn without_a_declared_default_a_silent_customer_means_rejection_r50() {
    let mut play = order_in("review");
    let asked = r#"{"missing": [{"position": 0, "element": "颜色"}, {"position": 0, "element": "地址"}]}"#;
    play.turns(&[("reviewer_wang", "ask_customer", asked, "awaiting_customer")]);
    play.wait_until("2026-09-24T18:00:00+08:00");
    play.turns(&[("reviewer_wang", "lapse", "", "rejected")]);
    assert_eq!(play.field("reject_reason"), json!("no_default"));
}

#[test]
fn a_rejected_order_comes_back_only_after_an_adjustment_r20_r21() {
    let same = r#"{"adjustment": "later", "promised_on": "2026-09-30"}"#;
    let other_spec = r#"{"adjustment": "other_product",
        "lines": [{"product": "A", "quantity": 10, "unit": "件", "unit_price": "100", "spec": {"颜色": "蓝"}}]}"#;
    let later = r#"{"adjustment": "later", "promised_on": "2026-10-15"}"#;
    for adjustment in [other_spec, later] {
        let mut play = order_in("review");
        play.turns(&[
            ("reviewer_wang", "reject", "", "! required"),
            ("reviewer_wang", "reject", r#"{"reject_reason": "date"}"#, "rejected"),
            ("rep_li", "resubmit", "", "! required"),
            ("rep_li", "resubmit", r#"{"adjustment": "price"}"#, "! need"),
            ("rep_li", "resubmit", same, "! need"),
            ("rep_li", "resubmit", adjustment, "review"),
            ("reviewer_wang", "approve", "", "approved"),
        ]);
    }
}

#[test]
fn a_correction_outside_the_transition_is_an_adjustment_too_r21_r112() {
    let mut play = order_in("review");
    play.turns(&[("reviewer_wang", "reject", r#"{"reject_reason": "price"}"#, "rejected")]);
    play.edit("rep_li", &json!({ "lines": [line("A", 9)] })).unwrap();
    play.turns(&[("rep_li", "resubmit", r#"{"adjustment": "price"}"#, "review")]);
}

#[test]
fn a_shortage_waits_for_the_customers_yes_and_is_then_produced_r23_r24_r26_r27_r57_r58_r61() {
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [line("B", 30)] })).unwrap();
    go_to(&mut play, "approved");
    play.turns(&[
        ("warehouse_zhao", "check_stock", "", "shortage"),
        ("warehouse_zhao", "check_stock", "", "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "! need"),
        ("production_sun", "estimate", r#"{"lead_days": 5, "offered_on": "2026-09-24"}"#, "! need"),
        ("production_sun", "estimate", r#"{"lead_days": 5, "offered_on": "2026-10-12"}"#, "shortage"),
        ("rep_li", "accept_date", "", "! required"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "to_schedule"),
    ]);
    assert_eq!(play.field("promised_on"), json!("2026-10-12"));
    assert_eq!(play.field("first_promised_on"), json!("2026-09-30"));
    play.turns(&[
        (
            "production_sun",
            "plan",
            r#"{"plan_start": "2026-10-08T09:00", "plan_finish": "2026-10-13T12:00", "step_owner": "production_sun"}"#,
            "! need",
        ),
        (
            "production_sun",
            "plan",
            r#"{"plan_start": "2026-10-08T09:00", "plan_finish": "2026-10-12T12:00", "step_owner": "production_sun"}"#,
            "in_production",
        ),
        (
            "production_sun",
            "report_progress",
            r#"{"progress": [{"item": "产品B", "percent": 80, "expected": "2026-10-09T14:00"}]}"#,
            "in_production",
        ),
        ("production_sun", "finish", "", "produced"),
        ("warehouse_zhao", "stock_in", "", "to_ship"),
    ]);
}

#[test]
fn goods_made_to_order_need_reviewed_documents_r5_r63() {
    let mut custom = line("B", 30);
    custom["custom"] = json!(true);
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [custom] })).unwrap();
    go_to(&mut play, "approved");
    let plan =
        r#"{"plan_start": "2026-10-08T09:00", "plan_finish": "2026-10-12T12:00", "step_owner": "production_sun"}"#;
    let hash = "0123456789abcdef".repeat(4);
    play.turns(&[
        ("warehouse_zhao", "check_stock", "", "shortage"),
        ("production_sun", "estimate", r#"{"lead_days": 5, "offered_on": "2026-10-12"}"#, "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "to_schedule"),
        ("production_sun", "plan", plan, "! need"),
        ("technical_wu", "review_documents", r#"{"documents_complete": true}"#, "! need"),
    ]);
    play.take("rep_li", "hand_in", &json!({ "drawings": hash, "bill_of_material": hash })).unwrap();
    play.turns(&[
        ("technical_wu", "review_documents", r#"{"documents_complete": false}"#, "to_schedule"),
        ("production_sun", "plan", plan, "! need"),
        ("technical_wu", "review_documents", r#"{"documents_complete": true}"#, "to_schedule"),
        ("production_sun", "plan", plan, "in_production"),
    ]);
}

#[test]
fn a_short_order_may_change_its_product_or_wait_for_stock_r25_r105() {
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [line("B", 30)] })).unwrap();
    go_to(&mut play, "approved");
    play.turns(&[
        ("warehouse_zhao", "check_stock", "", "shortage"),
        ("rep_li", "other_product", r#"{"remarks": [{"text": "换A"}]}"#, "! need"),
        (
            "rep_li",
            "other_product",
            r#"{"remarks": [{"text": "换A"}],
                "lines": [{"product": "A", "quantity": 10, "unit": "件", "unit_price": "100", "spec": {"颜色": "红"}}]}"#,
            "review",
        ),
        ("reviewer_wang", "approve", "", "approved"),
        ("system", "check_stock", "", "to_ship"),
    ]);
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [line("B", 30)] })).unwrap();
    go_to(&mut play, "approved");
    play.turns(&[("warehouse_zhao", "check_stock", "", "shortage")]);
    play.put("stock", &json!({ "product": "B", "on_hand": 30 }));
    play.turns(&[("warehouse_zhao", "check_stock", "", "to_ship")]);
}

#[test]
fn rejects_are_reworked_or_scrapped_and_never_shipped_r29_r75() {
    let mut play = order_in("inspection");
    play.turns(&[
        ("quality_zhou", "fail", r#"{"isolated_at": "隔离区3"}"#, "qc_exception"),
        ("warehouse_zhao", "ship", r#"{"tracking_no": "SF0", "expected_arrival": "2026-09-26"}"#, "! wrong_stage"),
        ("production_sun", "rework", "", "inspection"),
        ("quality_zhou", "fail", r#"{"isolated_at": "隔离区3"}"#, "qc_exception"),
        ("quality_zhou", "scrap", "", "! required"),
        ("quality_zhou", "scrap", r#"{"loss": "1000"}"#, "shortage"),
        ("warehouse_zhao", "check_stock", "", "to_ship"),
        ("warehouse_zhao", "pack", "", "! not_picked"),
    ]);
}

#[test]
fn what_was_scrapped_is_offered_accepted_and_planned_anew_r29_r58() {
    let mut play = short_order_in("inspection", false);
    play.turns(&[
        ("quality_zhou", "fail", r#"{"isolated_at": "隔离区3"}"#, "qc_exception"),
        ("manager_feng", "scrap", r#"{"loss": "1500"}"#, "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "! need"),
        ("production_sun", "estimate", r#"{"lead_days": 3, "offered_on": "2026-10-16"}"#, "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "to_schedule"),
    ]);
    assert_eq!((play.field("plan_start"), play.field("step_owner")), (json!(null), json!(null)));
    play.turns(&[
        ("production_sun", "plan", PLAN, "in_production"),
        ("production_sun", "finish", "", "produced"),
        ("warehouse_zhao", "stock_in", "", "to_ship"),
        ("warehouse_zhao", "pack", "", "! not_picked"),
    ]);
}

#[test]
fn another_product_is_offered_and_documented_anew_r25_r63() {
    let hash = "0123456789abcdef".repeat(4);
    let other = r#"{"remarks": [{"text": "换规格"}],
        "lines": [{"product": "B", "quantity": 140, "unit": "箱", "unit_price": "50", "custom": true}]}"#;
    let mut play = short_order_in("to_schedule", true);
    play.take("rep_li", "hand_in", &json!({ "drawings": hash, "bill_of_material": hash })).unwrap();
    play.turns(&[
        ("technical_wu", "review_documents", r#"{"documents_complete": true}"#, "to_schedule"),
        ("production_sun", "plan", PLAN, "in_production"),
        ("production_sun", "finish", "", "produced"),
        ("warehouse_zhao", "stock_in", "", "to_ship"),
        ("warehouse_zhao", "pick", r#"{"picked": [{"product": "B", "quantity": 30, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_qian", "recheck", r#"{"rechecked": [{"product": "B", "quantity": 30, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_zhao", "pack", "", "inspection"),
        ("quality_zhou", "fail", r#"{"isolated_at": "隔离区3"}"#, "qc_exception"),
        ("quality_zhou", "scrap", r#"{"loss": "1500"}"#, "shortage"),
        ("production_sun", "estimate", r#"{"lead_days": 3, "offered_on": "2026-10-16"}"#, "shortage"),
        ("rep_li", "other_product", other, "review"),
        ("reviewer_wang", "approve", "", "approved"),
        ("warehouse_zhao", "check_stock", "", "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "! need"),
        ("production_sun", "estimate", r#"{"lead_days": 3, "offered_on": "2026-10-16"}"#, "shortage"),
        ("rep_li", "accept_date", r#"{"remarks": [{"text": "客户同意"}]}"#, "to_schedule"),
        ("production_sun", "plan", PLAN, "! need"),
    ]);
}

#[test]
fn an_order_in_transit_is_followed_until_it_is_signed_for_r80_r81_r85() {
    let mut play = order_in("shipped");
    play.turns(&[
        ("logistics_zheng", "check_transit", r#"{"transit_checks": [{"where": "南京中转站"}]}"#, "shipped"),
        (
            "logistics_zheng",
            "check_transit",
            r#"{"transit_checks": [{"where": "南京中转站", "anomaly": "delay"}], "expected_arrival": "2026-09-28"}"#,
            "shipped",
        ),
    ]);
    assert_eq!(play.field("transit_checks").as_array().map(Vec::len), Some(2));
    assert_eq!(play.field("expected_arrival"), json!("2026-09-28"));
    go_to_completed(&mut play);
}

fn go_to_completed(play: &mut Play) {
    play.turns(&[("rep_li", "sign", r#"{"signed_by": "张经理", "signed_at": "2026-09-25T08:00:00+08:00"}"#, "! need")]);
    play.wait_until("2026-09-25T09:00:00+08:00");
    play.turns(&[
        ("rep_li", "sign", r#"{"signed_by": "张经理", "signed_at": "2026-09-25T08:00:00+08:00"}"#, "delivered"),
        ("system", "complete", "", "completed"),
    ]);
}
