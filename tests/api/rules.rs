//! Rules on cases and drafts.

use super::*;

const EVALUATE: &str = "/v1/rules/within/evaluate";

#[tokio::test]
async fn a_rule_is_evaluated_on_a_case_and_on_a_draft() {
    let api = Api::start().await;
    let case = api.opened().await;
    let id = case.rsplit('/').next().unwrap();
    let answer = api.post("ann", EVALUATE, json!({ "case": id })).await;
    insta::assert_snapshot!(answer, @r#"
    200
    {
      "verdict": {
        "rule": "within",
        "mode": "enforce",
        "passed": true,
        "findings": []
      },
      "revision": "<revision>"
    }
    "#);
    let fields = json!({ "thing": "A", "amount": 500 });
    let answer = api.post("bob", EVALUATE, json!({ "workflow": "request", "fields": fields })).await;
    insta::assert_snapshot!(answer, @r#"
    200
    {
      "verdict": {
        "rule": "within",
        "mode": "enforce",
        "passed": false,
        "findings": [
          {
            "severity": "fail",
            "code": "too_much",
            "message": "the amount is above the limit",
            "path": "amount",
            "pointer": "/amount",
            "facts": {
              "found": "500",
              "largest": 100
            },
            "file": "rules/within.rhai",
            "line": 4,
            "column": 9
          }
        ]
      },
      "revision": "<revision>"
    }
    "#);
    let answer = api.post("bob", EVALUATE, json!({ "case": id, "with": { "largest": 1 } })).await;
    assert_eq!(answer.json()["verdict"]["passed"], false, "{answer}");
    assert_eq!(api.get("ann", &case).await.json()["version"], 1);
}

#[tokio::test]
async fn a_draft_of_a_rule_is_the_admins() {
    let api = Api::start().await;
    let case = api.opened().await;
    let id = case.rsplit('/').next().unwrap();
    let source = "fn check(r) { if r.amount > 1 { fail(\"much\", \"amount\", #{}, \"too much\"); } }";
    let answer = api.post("root", "/v1/rules/new/evaluate", json!({ "case": id, "source": source })).await;
    assert_eq!(answer.json()["verdict"]["passed"], false, "{answer}");
    insta::assert_snapshot!(api.post("root", EVALUATE, json!({ "case": id, "source": "fn check(r) {\n  let = 1; }" })).await.faults(), @r#"
    422 bad_script: "expecting name of a variable"
    - line 2: E201  expecting name of a variable
    "#);
    insta::assert_snapshot!(api.post("bob", EVALUATE, json!({ "case": id, "source": source })).await.faults(), @r#"403 forbidden: "the role `admin` is needed""#);
}

#[tokio::test]
async fn what_can_not_be_evaluated_is_said() {
    let api = Api::start().await;
    let case = api.opened().await;
    let id = case.rsplit('/').next().unwrap();
    let check = async |who: &str, rule: &str, body: Json| {
        api.post(who, &format!("/v1/rules/{rule}/evaluate"), body).await.faults()
    };
    insta::assert_snapshot!(check("bob", "witin", json!({ "case": id })).await, @r#"404 not_found: "there is no rule `witin`""#);
    insta::assert_snapshot!(check("bob", "within", json!({})).await, @r#"
    422 bad_body: "`case` or `workflow` is needed"
    - required /case `case` or `workflow` is needed
    "#);
    insta::assert_snapshot!(check("bob", "within", json!({ "case": id, "workflow": "request" })).await, @r#"
    422 bad_body: "`case` goes without `workflow` and `fields`"
    - ambiguous /case `case` goes without `workflow` and `fields`
    "#);
    insta::assert_snapshot!(check("bob", "within", json!({ "workflow": "requests" })).await, @r#"404 not_found: "there is no workflow `requests`""#);
    insta::assert_snapshot!(check("aud", "within", json!({ "case": id })).await, @r#"403 forbidden: "this needs a role of the workflow `request`""#);
    insta::assert_snapshot!(check("ann", "within", json!({ "case": id, "with": { "largest": 1 } })).await, @r#"403 forbidden: "`with` is for those who may see every field of the workflow""#);
    insta::assert_snapshot!(check("bob", "within", json!({ "workflow": "request", "fields": { "amount": "x" } })).await, @r#"
    422 invalid: "`amount`: must be a decimal, such as \"12.50\""
    - not_a_decimal /amount must be a decimal, such as "12.50"
    "#);
}
