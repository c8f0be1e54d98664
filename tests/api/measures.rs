//! Measures: shares and times by month, and the cases behind every number.

use std::time::Duration;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

impl Api {
    /// Requests of two months: two approved after one and five days, one rejected, one that waits, one draft.
    async fn judged() -> Self {
        let api = Self::start().await;
        for (amount, days, end) in
            [(5, 1, "approve"), (7, 5, "approve"), (9, 2, "reject"), (11, 1, ""), (13, 0, "draft")]
        {
            let lines = json!([{ "what": "a", "cost": "1" }, { "what": "b" }]);
            let fields = json!({ "thing": "A", "amount": amount, "budget": 6, "lines": lines });
            let fields = if amount == 13 { json!({ "thing": "A", "amount": amount }) } else { fields };
            let opened = api.post("max", "/v1/workflows/request/cases", json!({ "fields": fields })).await;
            assert_eq!(opened.status, StatusCode::CREATED, "{opened}");
            let case = opened.header("location").unwrap().to_owned();
            if end != "draft" {
                api.taken("ann", &case, "submit", json!({})).await;
            }
            api.clock.advance(DAY * days);
            if matches!(end, "approve" | "reject") {
                api.taken("bob", &case, end, json!({ "reason": "no" })).await;
            }
        }
        api
    }

    async fn taken(&self, who: &str, case: &str, transition: &str, input: Json) {
        let input = if transition == "reject" { input } else { json!({}) };
        let taken = self.post(who, &format!("{case}/transitions/{transition}"), json!({ "input": input })).await;
        assert_eq!(taken.status, StatusCode::OK, "{taken}");
    }

    /// The months, the total and what has no month, a line each.
    async fn months(&self, who: &str, path: &str) -> String {
        let answer = self.get(who, path).await;
        if answer.status != StatusCode::OK {
            return answer.faults();
        }
        let body = answer.json();
        let months = body["months"].as_array().unwrap().iter().map(Json::to_string);
        let rest = ["total", "undated"].map(|name| format!("{name} {}", body[name]));
        months.chain(rest).collect::<Vec<_>>().join("\n")
    }

    /// What is behind a number, a line each.
    async fn behind(&self, path: &str) -> String {
        let answer = self.get("bob", path).await;
        if answer.status != StatusCode::OK {
            return answer.faults();
        }
        let body = answer.json();
        let line = |counted: &Json| {
            let mut counted = counted.clone();
            counted.as_object_mut().unwrap().shift_remove("case").unwrap();
            counted.to_string()
        };
        let more = format!("more: {}", body["has_more"]);
        body["data"].as_array().unwrap().iter().map(line).chain([more]).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn a_share_has_its_numerator_and_denominator_by_month() {
    let api = Api::judged().await;
    insta::assert_snapshot!(api.get("bob", "/v1/measures/approved").await, @r#"
    200
    {
      "measure": "approved",
      "workflow": "request",
      "title": "Approved",
      "kind": "share",
      "zone": "UTC",
      "months": [
        {
          "month": "2026-09",
          "of": 3,
          "count": 2,
          "share": "0.6667",
          "unknown": 0
        }
      ],
      "total": {
        "of": 3,
        "count": 2,
        "share": "0.6667",
        "unknown": 0
      }
    }
    "#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/within_budget").await, @r#"
    {"month":"2026-09","of":3,"count":1,"share":"0.3333","unknown":0}
    {"month":"2026-10","of":1,"count":0,"share":"0","unknown":1}
    total {"of":4,"count":1,"share":"0.25","unknown":1}
    undated null
    "#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/within_budget?from=2026-10&to=2026-12").await, @r#"
    {"month":"2026-10","of":1,"count":0,"share":"0","unknown":1}
    total {"of":1,"count":0,"share":"0","unknown":1}
    undated null
    "#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/rows_with_costs").await, @r#"
    {"month":"2026-09","of":6,"count":3,"share":"0.5","unknown":0}
    {"month":"2026-10","of":2,"count":1,"share":"0.5","unknown":0}
    total {"of":8,"count":4,"share":"0.5","unknown":0}
    undated null
    "#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/waiting").await, @r#"
    {"month":"2026-09","of":2,"figures":{"max":432000,"median":86400,"p95":432000},"unknown":1}
    {"month":"2026-10","of":0,"figures":{},"unknown":1}
    total {"of":2,"figures":{"max":432000,"median":86400,"p95":432000},"unknown":2}
    undated null
    "#);
}

#[tokio::test]
async fn every_number_lists_its_cases() {
    let api = Api::judged().await;
    insta::assert_snapshot!(api.behind("/v1/measures/approved/cases").await, @r#"
    {"number":"RQ20260930-0001","month":"2026-09","part":"rest"}
    {"number":"RQ20260925-0001","month":"2026-09","part":"count"}
    {"number":"RQ20260924-0001","month":"2026-09","part":"count"}
    more: false
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/approved/cases?part=rest&month=2026-09").await, @r#"
    {"number":"RQ20260930-0001","month":"2026-09","part":"rest"}
    more: false
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/within_budget/cases?part=unknown").await, @r#"
    {"number":"RQ20261003-0001","month":"2026-10","part":"unknown"}
    more: false
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/rows_with_costs/cases?part=count&limit=2").await, @r#"
    {"number":"RQ20261002-0001","line":0,"month":"2026-10","part":"count"}
    {"number":"RQ20260930-0001","line":0,"month":"2026-09","part":"count"}
    more: true
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/waiting/cases").await, @r#"
    {"number":"RQ20261002-0001","month":"2026-10","part":"unknown"}
    {"number":"RQ20260930-0001","month":"2026-09","part":"unknown"}
    {"number":"RQ20260925-0001","month":"2026-09","part":"count","seconds":432000}
    {"number":"RQ20260924-0001","month":"2026-09","part":"count","seconds":86400}
    more: false
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/waiting/cases?month=none").await, @"more: false");
    let mut path = "/v1/measures/rows_with_costs/cases?limit=1".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = api.get("bob", &path).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|counted| counted["number"].to_string()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/measures/rows_with_costs/cases?limit=1&cursor={next}");
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[tokio::test]
async fn what_is_kept_follows_what_happens() {
    let api = Api::judged().await;
    let before = api.months("bob", "/v1/measures/approved").await;
    assert_eq!(api.months("bob", "/v1/measures/approved").await, before);
    let waits = api.get("bob", "/v1/cases?workflow=request&stage=review").await.json();
    let case = format!("/v1/cases/{}", waits["data"][0]["id"].as_str().unwrap());
    api.taken("bob", &case, "approve", json!({})).await;
    insta::assert_snapshot!(api.months("bob", "/v1/measures/approved").await, @r#"
    {"month":"2026-09","of":3,"count":2,"share":"0.6667","unknown":0}
    {"month":"2026-10","of":1,"count":1,"share":"1","unknown":0}
    total {"of":4,"count":3,"share":"0.75","unknown":0}
    undated null
    "#);
    // A changed row is no event of a case, and yet it counts.
    let cheap = async || api.get("bob", "/v1/measures/cheap").await.json()["total"]["share"].clone();
    assert_eq!(cheap().await, "1");
    api.put("dat", "/v1/tables/things/A", json!({ "name": "Anvil", "least": 12 })).await;
    assert_eq!(cheap().await, "0");
}

#[tokio::test]
async fn a_measure_that_leans_on_the_day_follows_it() {
    let api = Api::judged().await;
    let old = async || api.get("bob", "/v1/measures/old").await.json()["total"]["count"].clone();
    assert_eq!(old().await, 2);
    api.clock.advance(DAY * 5);
    assert_eq!(old().await, 3);
}

#[tokio::test]
async fn what_leans_on_hidden_fields_is_hidden() {
    let api = Api::judged().await;
    let listed = api.get("ann", "/v1/measures").await.json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|measure| &measure["measure"]).collect();
    assert_eq!(names, ["approved", "waiting", "cheap", "old"]);
    insta::assert_snapshot!(api.months("ann", "/v1/measures/within_budget").await, @r#"403 forbidden: "the measure `within_budget` leans on fields that are hidden from you""#);
    insta::assert_snapshot!(api.months("aud", "/v1/measures/approved").await, @r#"403 forbidden: "this needs a role of the workflow `request`""#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/aproved").await, @r#"404 not_found: "there is no measure `aproved`""#);
    insta::assert_snapshot!(api.months("bob", "/v1/measures/approved?from=2026").await, @r#"
    400 bad_parameter: "the parameter `from` must be a month, such as 2026-09"
    - bad_parameter  the parameter `from` must be a month, such as 2026-09
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/approved/cases?part=all").await, @r#"
    400 bad_parameter: "the parameter `part` must be `count`, `rest` or `unknown`"
    - bad_parameter  the parameter `part` must be `count`, `rest` or `unknown`
    "#);
}
