//! Who may not do what: roles, four eyes, wrong stages, missing answers, and what nobody may change.

use serde_json::{Value as Json, json};

use crate::play::{PLAN, Play, Turn, codes, go_to, line, order_in, short_order_in};

#[test]
fn every_action_belongs_to_its_roles_r11() {
    let rows: &[(&str, Turn)] = &[
        ("registered", ("reviewer_wang", "submit", "", "! role")),
        ("review", ("rep_chen", "approve", "", "! role")),
        ("review", ("manager_feng", "reject", r#"{"reject_reason": "price"}"#, "! role")),
        ("approved", ("rep_li", "check_stock", "", "! role")),
        (
            "to_ship",
            ("quality_zhou", "pick", r#"{"picked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#, "! role"),
        ),
        ("inspection", ("warehouse_zhao", "pass", r#"{"label": "QC-1"}"#, "! role")),
        ("ready", ("rep_li", "ship", r#"{"tracking_no": "SF0", "expected_arrival": "2026-09-26"}"#, "! role")),
        (
            "shipped",
            ("warehouse_zhao", "sign", r#"{"signed_by": "x", "signed_at": "2026-09-24T08:59:00+08:00"}"#, "! role"),
        ),
        ("delivered", ("logistics_zheng", "complete", "", "! role")),
    ];
    for (stage, turn) in rows {
        order_in(stage).turns(&[*turn]);
    }
    let refusal = Play::new().open("warehouse_zhao", &json!({})).unwrap_err();
    assert_eq!(codes(&refusal), "! role");
}

#[test]
fn nobody_reviews_what_they_registered_or_submitted_r52_r125() {
    for (opener, submitter, refused) in
        [("rep_li", "rep_li", "rep_li"), ("service_hu", "rep_li", "service_hu"), ("service_hu", "rep_li", "rep_li")]
    {
        let mut play = Play::new();
        play.open(opener, &json!({})).unwrap();
        play.take(submitter, "submit", &json!({})).unwrap();
        play.also("reviewer", refused);
        play.turns(&[("reviewer_wang", "approve", "", "approved")]);
        let mut play = Play::new();
        play.open(opener, &json!({})).unwrap();
        play.take(submitter, "submit", &json!({})).unwrap();
        play.also("reviewer", refused);
        let refusal = play.take(refused, "approve", &json!({})).unwrap_err();
        assert_eq!(codes(&refusal), "! four_eyes", "{opener} {submitter} {refused}");
    }
}

#[test]
fn who_picked_does_not_recheck_and_a_mismatch_blocks_packing_r69_r70() {
    let picked = r#"{"picked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#;
    let other_batch = r#"{"rechecked": [{"product": "A", "quantity": 10, "batch": "B2"}]}"#;
    let fewer = r#"{"rechecked": [{"product": "A", "quantity": 9, "batch": "B1"}]}"#;
    let same = r#"{"rechecked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#;
    let mut play = order_in("to_ship");
    play.turns(&[
        ("warehouse_qian", "recheck", same, "! condition"),
        ("warehouse_zhao", "pack", "", "! not_picked"),
        ("warehouse_zhao", "pick", picked, "to_ship"),
        ("warehouse_zhao", "pack", "", "! not_rechecked"),
        ("warehouse_zhao", "recheck", same, "! four_eyes"),
        ("warehouse_qian", "recheck", other_batch, "to_ship"),
        ("warehouse_zhao", "pack", "", "! recheck_differs"),
        ("warehouse_qian", "recheck", fewer, "to_ship"),
        ("warehouse_zhao", "pack", "", "! recheck_differs"),
        ("warehouse_qian", "recheck", same, "to_ship"),
        ("warehouse_zhao", "pick", r#"{"picked": [{"product": "B", "quantity": 10, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_zhao", "pack", "", "! not_rechecked picked_differs picked_not_ordered"),
    ]);
}

#[test]
fn fragile_goods_are_packed_shockproof_r71() {
    let mut play = Play::new();
    play.open("rep_li", &json!({ "lines": [line("F", 2)] })).unwrap();
    go_to(&mut play, "to_ship");
    play.turns(&[
        ("warehouse_zhao", "pick", r#"{"picked": [{"product": "F", "quantity": 2, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_qian", "recheck", r#"{"rechecked": [{"product": "F", "quantity": 2, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_zhao", "pack", "", "! need"),
        ("warehouse_zhao", "pack", r#"{"shockproof": true}"#, "inspection"),
    ]);
}

#[test]
fn what_a_transition_asks_must_be_answered_r31_r73_r74_r78() {
    let rows: &[(&str, Turn)] = &[
        ("review", ("reviewer_wang", "ask_customer", "", "! required")),
        ("to_ship", ("warehouse_zhao", "pick", "", "! required")),
        ("inspection", ("quality_zhou", "pass", "", "! required")),
        ("ready", ("warehouse_zhao", "ship", r#"{"expected_arrival": "2026-09-26"}"#, "! required")),
        ("shipped", ("logistics_zheng", "sign", r#"{"signed_by": "张经理"}"#, "! required")),
        (
            "inspection",
            ("warehouse_zhao", "ship", r#"{"tracking_no": "SF0", "expected_arrival": "2026-09-26"}"#, "! wrong_stage"),
        ),
    ];
    for (stage, turn) in rows {
        order_in(stage).turns(&[*turn]);
    }
    for field in
        ["external_id", "customer", "customer_name", "contact", "phone", "ordered_on", "source", "channel", "lines"]
    {
        let refusal = Play::new().open("rep_li", &json!({ field: null })).unwrap_err();
        assert_eq!(codes(&refusal), "! required", "{field}");
    }
}

#[test]
fn what_is_asked_of_a_short_order_must_be_answered_r38_r57_r61_r66() {
    let lines = r#"{"lines": [{"product": "B", "quantity": 3, "unit": "箱", "unit_price": "50"}]}"#;
    let rows: &[(&str, Turn)] = &[
        ("shortage", ("production_sun", "estimate", r#"{"lead_days": 5}"#, "! required")),
        ("shortage", ("production_sun", "estimate", r#"{"offered_on": "2026-10-12"}"#, "! required")),
        ("shortage", ("rep_li", "other_product", lines, "! required")),
        ("to_schedule", ("rep_li", "hand_in", "", "! required")),
        ("to_schedule", ("production_sun", "plan", r#"{"step_owner": "production_sun"}"#, "! required")),
        ("to_schedule", ("production_sun", "report_progress", "", "! required")),
        ("registered", ("production_sun", "report_progress", PROGRESS, "! wrong_stage")),
        ("inspection", ("quality_zhou", "fail", "", "! required")),
    ];
    for (stage, turn) in rows {
        short_order_in(stage, false).turns(&[*turn]);
    }
    order_in("shipped").turns(&[("logistics_zheng", "check_transit", "", "! required")]);
    let mut play = order_in("to_ship");
    play.turns(&[
        ("warehouse_zhao", "pick", r#"{"picked": [{"product": "A", "quantity": 10, "batch": "B1"}]}"#, "to_ship"),
        ("warehouse_qian", "recheck", "", "! required"),
    ]);
}

const PROGRESS: &str = r#"{"progress": [{"item": "产品B", "percent": 80, "expected": "2026-10-09T14:00"}]}"#;

#[test]
fn what_is_asked_of_the_customer_can_be_answered_r49() {
    let asked = r#"{"missing": [{"position": 0, "element": "颜色"}]}"#;
    let no_such_line = r#"{"missing": [{"position": 1, "element": "颜色"}]}"#;
    let over = r#"{"missing": [{"position": 0, "element": "颜色"}], "answer_due": "2026-09-24T09:00:00+08:00"}"#;
    let mut play = order_in("review");
    play.turns(&[
        ("reviewer_wang", "ask_customer", no_such_line, "! need"),
        ("reviewer_wang", "ask_customer", over, "! need"),
        ("reviewer_wang", "ask_customer", asked, "awaiting_customer"),
        ("rep_li", "answered", "", "! required"),
    ]);
    // At six in the evening the usual deadline of that day has passed.
    let mut play = order_in("review");
    play.wait_until("2026-09-24T18:00:00+08:00");
    play.turns(&[("reviewer_wang", "ask_customer", asked, "! required")]);
}

#[test]
fn documents_are_reviewed_by_somebody_else_and_again_when_they_are_new_r63_r125() {
    let hash = "0123456789abcdef".repeat(4);
    let documents = json!({ "drawings": hash, "bill_of_material": hash });
    let mut play = short_order_in("to_schedule", true);
    play.also("technical", "production_sun");
    play.take("production_sun", "hand_in", &documents).unwrap();
    play.turns(&[
        ("production_sun", "review_documents", r#"{"documents_complete": true}"#, "! four_eyes"),
        ("technical_wu", "review_documents", "", "! required"),
        ("technical_wu", "review_documents", r#"{"documents_complete": true}"#, "to_schedule"),
    ]);
    play.take("rep_li", "hand_in", &documents).unwrap();
    play.turns(&[("production_sun", "plan", PLAN, "! need")]);
}

#[test]
fn a_plan_begins_before_it_ends_r61() {
    let plan =
        r#"{"plan_start": "2026-10-12T12:00", "plan_finish": "2026-10-12T12:00", "step_owner": "production_sun"}"#;
    short_order_in("to_schedule", false).turns(&[("production_sun", "plan", plan, "! need")]);
}

#[test]
fn a_verbal_order_needs_its_confirmation_in_writing_r35_r36() {
    let mut play = Play::new();
    play.open("rep_li", &json!({ "channel": "verbal" })).unwrap();
    go_to(&mut play, "review");
    play.turns(&[("reviewer_wang", "approve", "", "! need")]);
    play.edit("rep_li", &json!({ "written_confirmation": "0123456789abcdef".repeat(4) })).unwrap();
    play.turns(&[("reviewer_wang", "approve", "", "approved")]);
}

#[test]
fn an_order_can_be_called_off_until_it_is_inspected_or_dispatched_r113_r122() {
    let hash = "0123456789abcdef".repeat(4);
    let asked = json!({ "cancel_reason": "客户取消", "cancel_request": hash });
    let assessed = json!({ "cancel_reason": "客户取消", "cancel_request": hash, "loss": "50" });
    let rows: &[(&str, &str, &Json, &str)] = &[
        ("registered", "rep_li", &json!({ "cancel_reason": "客户取消" }), "! required"),
        ("registered", "warehouse_zhao", &asked, "! role"),
        ("registered", "rep_li", &asked, "cancelled"),
        ("review", "rep_li", &asked, "cancelled"),
        ("approved", "manager_feng", &asked, "cancelled"),
        ("to_ship", "manager_feng", &asked, "! need"),
        ("to_ship", "manager_feng", &assessed, "cancelled"),
        ("inspection", "manager_feng", &assessed, "! wrong_stage"),
        ("ready", "manager_feng", &assessed, "! wrong_stage"),
        ("shipped", "manager_feng", &assessed, "! wrong_stage"),
        ("delivered", "manager_feng", &assessed, "! wrong_stage"),
        ("completed", "manager_feng", &assessed, "! wrong_stage"),
    ];
    for (stage, who, input, expected) in rows {
        let mut play = order_in(stage);
        let outcome = match play.take(who, "cancel", input) {
            Ok(()) => play.stage().to_owned(),
            Err(refusal) => codes(&refusal),
        };
        assert_eq!(&outcome, expected, "{who} cancels in {stage}");
    }
}

#[test]
fn before_the_approval_an_order_may_be_corrected_and_after_it_not_r112_r121() {
    let rows = [
        ("registered", "rep_li", json!({ "address": "上海市南京路2号" }), "registered"),
        ("review", "service_hu", json!({ "lines": [line("B", 3)] }), "review"),
        ("review", "reviewer_wang", json!({ "lines": [line("B", 3)] }), "! not_editable"),
        ("approved", "rep_li", json!({ "lines": [line("B", 3)] }), "! not_editable"),
        ("registered", "rep_li", json!({ "first_promised_on": "2026-01-01" }), "! not_editable"),
        ("registered", "rep_li", json!({ "external_id": "E2" }), "! not_editable"),
        ("registered", "rep_li", json!({ "amount": "1" }), "! computed"),
        ("shipped", "rep_li", json!({ "remarks": [{ "text": "客户询问" }] }), "shipped"),
        ("shipped", "manager_feng", json!({ "rep": "rep_chen" }), "shipped"),
    ];
    for (stage, who, fields, expected) in rows {
        let mut play = order_in(stage);
        let outcome = match play.edit(who, &fields) {
            Ok(()) => play.stage().to_owned(),
            Err(refusal) => codes(&refusal),
        };
        assert_eq!(outcome, expected, "{who} edits {fields} in {stage}");
    }
}
