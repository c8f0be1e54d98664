//! Open, list, read, edit, comment, what can be done now.

use super::*;

const OPEN: &str = "/v1/workflows/request/cases";

#[tokio::test]
async fn a_case_is_opened_and_read_by_id_or_number() {
    let api = Api::start().await;
    let fields = json!({ "thing": "A", "amount": "12.50", "lines": [{ "what": "x", "cost": 3 }] });
    let answer = api.post("ann", OPEN, json!({ "fields": fields, "comment": "first" })).await;
    insta::assert_snapshot!(answer, @r#"
    201
    etag: "v1"
    location: /v1/cases/<case>
    {
      "case": {
        "id": "<case>",
        "workflow": "request",
        "number": "RQ20260924-0001",
        "version": 1,
        "revision": "<revision>",
        "stage": "draft",
        "stage_title": "Draft",
        "owner": "clerk",
        "fields": {
          "amount": "12.50",
          "lines": [
            {
              "what": "x"
            }
          ],
          "thing": "A",
          "twice": "25"
        },
        "opened_at": "2026-09-24T01:00:00Z",
        "opened_by": "ann",
        "updated_at": "2026-09-24T01:00:00Z",
        "entered_at": "2026-09-24T01:00:00Z"
      },
      "events": [
        {
          "kind": "opened",
          "workflow": "request",
          "version": 1,
          "at": "2026-09-24T01:00:00Z",
          "by": "ann",
          "revision": "<revision>",
          "number": "RQ20260924-0001",
          "to": "draft",
          "changes": {
            "set": {
              "amount": "12.50",
              "lines": [
                {
                  "what": "x"
                }
              ],
              "thing": "A",
              "twice": "25"
            },
            "clear": []
          },
          "comment": "first"
        }
      ],
      "verdicts": [],
      "dry_run": false
    }
    "#);
    let by_id = api.get("ann", answer.header("location").unwrap()).await;
    let by_number = api.get("ann", "/v1/cases/RQ20260924-0001").await;
    assert_eq!((by_number.status.as_u16(), by_number.header("etag")), (200, Some("\"v1\"")));
    assert_eq!(by_number.json(), answer.json()["case"]);
    assert_eq!(by_id.text, by_number.text);
}

#[tokio::test]
async fn a_refusal_lists_everything_at_once() {
    let api = Api::start().await;
    let fields = json!({ "thing": "Z", "amuont": 1, "twice": 2, "lines": [{ "cost": "x" }] });
    let answer = api.post("ann", OPEN, json!({ "fields": fields })).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    422 invalid: "`amuont`: is not a field of `request`; did you mean `amount`? (and 5 more)"
    - unknown_field /amuont is not a field of `request`; did you mean `amount`?
    - computed /twice is computed by a formula; leave it out
    - unknown_reference /thing there is no `Z` in the table `things`
    - not_a_decimal /lines/0/cost must be a decimal, such as "12.50"
    - required /amount is required
    - required /lines/0/what is required
    "#);
    let answer = api.post("ann", OPEN, json!({ "field": {}, "actor": "bob" })).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    422 bad_body: "unknown key `field`, did you mean `fields`? (and 1 more)"
    - unknown_key /field unknown key `field`, did you mean `fields`?
    - unknown_key /actor unknown key `actor`; known are `fields`, `comment`
    "#);
    let answer = api.post("aud", OPEN, json!({ "fields": { "thing": "A", "amount": 1 } })).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    403 forbidden: "needs `clerk`, `boss`; `aud` is neither"
    - role  needs `clerk`, `boss`; `aud` is neither
    "#);
    let answer = api.post("ann", "/v1/workflows/reqest/cases", json!({})).await;
    insta::assert_snapshot!(answer.faults(), @r#"404 not_found: "there is no workflow `reqest`""#);
}

#[tokio::test]
async fn messages_come_in_the_language_of_the_caller() {
    let api = Api::start().await;
    let ask = api.ask("ann", "POST", OPEN).json(json!({ "fields": { "amount": 1 } }));
    let answer = ask.header("accept-language", "zh-CN").send(&api).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    422 invalid: "`thing`：必填"
    - required /thing 必填
    "#);
    let case = api.opened().await;
    let answer = api.ask("ann", "GET", &case).header("accept-language", "zh").send(&api).await;
    assert_eq!(answer.json()["stage_title"], "草稿");
}

#[tokio::test]
async fn only_the_body_of_json_is_taken() {
    let api = Api::start().await;
    let answer = api.ask("ann", "POST", OPEN).body("a=b").header("content-type", "text/plain").send(&api).await;
    insta::assert_snapshot!(answer.faults(), @r#"415 unsupported_media_type: "the content type `text/plain` is not supported here; use application/json""#);
    let answer = api.ask("ann", "POST", OPEN).body("{").header("content-type", "application/json").send(&api).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    400 bad_json: "the body is not JSON: EOF while parsing an object at line 1 column 1"
    - line 1: not_json  the body is not JSON: EOF while parsing an object at line 1 column 1
    "#);
    let huge = json!({ "comment": "x".repeat(gendan::model::limit::BODY_BYTES_MAX) });
    assert_eq!(api.post("ann", OPEN, huge).await.status, 413);
}

#[tokio::test]
async fn hidden_fields_are_nowhere_to_be_seen() {
    let api = Api::start().await;
    let fields = json!({
        "thing": "A", "amount": 5, "budget": 77_777, "secret": "hush-hush", "lines": [{ "what": "x", "cost": 88_888 }]
    });
    let case = api.post("bob", OPEN, json!({ "fields": fields })).await.header("location").unwrap().to_owned();
    let cleared = api.patch("bob", &case, json!({ "fields": { "budget": null } })).await;
    assert_eq!(cleared.status, 200, "{cleared}");
    for path in
        [case.clone(), format!("{case}/available"), format!("{case}/events"), "/v1/cases".into(), "/v1/events".into()]
    {
        let (clerk, boss) = (api.get("ann", &path).await, api.get("bob", &path).await);
        assert_eq!((clerk.status, boss.status), (StatusCode::OK, StatusCode::OK), "{path}");
        for value in ["77777", "hush", "88888", "budget"] {
            assert!(!clerk.text.contains(value), "{value} is in {path}: {clerk}");
        }
        assert!(boss.text.contains("hush"), "{path}: {boss}");
    }
    api.patch("bob", &case, json!({ "fields": { "budget": 77_777 } })).await;
    api.post("ann", &format!("{case}/transitions/submit"), json!({})).await;
    let (clerk, boss) =
        (api.get("ann", &format!("{case}/available")).await, api.get("max", &format!("{case}/available")).await);
    assert!(boss.text.contains("77777") && !clerk.text.contains("77777"), "{clerk}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&clerk.json()["transitions"][0]["reasons"]).unwrap(), @r#"
    [
      {
        "code": "role",
        "message": "needs `boss`; `ann` is neither",
        "path": "",
        "pointer": ""
      },
      {
        "code": "four_eyes",
        "message": "`ann` took `submit` of this case; somebody else must take this one",
        "path": "",
        "pointer": ""
      },
      {
        "code": "over_budget",
        "message": "it has to do with a field that is hidden from you",
        "path": "budget",
        "pointer": "/budget",
        "rule": "within",
        "file": "rules/within.rhai",
        "line": 7,
        "column": 9
      }
    ]
    "#);
    let id = case.rsplit('/').next().unwrap();
    let evaluated = api.post("ann", "/v1/rules/within/evaluate", json!({ "case": id })).await;
    assert!(evaluated.status.is_success() && !evaluated.text.contains("77777"), "{evaluated}");
    assert_eq!(api.get("ann", "/v1/cases?q=hush").await.json()["data"], json!([]));
    assert_eq!(api.get("bob", "/v1/cases?q=hush").await.json()["data"].as_array().unwrap().len(), 1);
    let filtered = api.get("ann", "/v1/cases?workflow=request&field.secret=hush-hush").await;
    insta::assert_snapshot!(filtered.faults(), @r#"403 forbidden: "the field `secret` is hidden from you""#);
    let remark = api.post("ann", &format!("{case}/comments"), json!({ "text": "x" })).await;
    assert!(remark.status.is_success() && !remark.text.contains("hush"), "{remark}");
}

#[tokio::test]
async fn an_edit_changes_what_the_stage_allows() {
    let api = Api::start().await;
    let case = api.opened().await;
    let answer = api.patch("ann", &case, json!({ "fields": { "amount": 7, "reason": "more" } })).await;
    insta::assert_snapshot!(answer, @r#"
    200
    etag: "v2"
    {
      "case": {
        "id": "<case>",
        "workflow": "request",
        "number": "RQ20260924-0001",
        "version": 2,
        "revision": "<revision>",
        "stage": "draft",
        "stage_title": "Draft",
        "owner": "clerk",
        "fields": {
          "amount": "7",
          "reason": "more",
          "thing": "A",
          "twice": "14"
        },
        "opened_at": "2026-09-24T01:00:00Z",
        "opened_by": "ann",
        "updated_at": "2026-09-24T01:00:00Z",
        "entered_at": "2026-09-24T01:00:00Z"
      },
      "events": [
        {
          "kind": "edited",
          "workflow": "request",
          "version": 2,
          "at": "2026-09-24T01:00:00Z",
          "by": "ann",
          "revision": "<revision>",
          "changes": {
            "set": {
              "amount": "7",
              "reason": "more",
              "twice": "14"
            },
            "clear": []
          }
        }
      ],
      "verdicts": [],
      "dry_run": false
    }
    "#);
    let answer = api.patch("ann", &case, json!({ "fields": { "thing": "A" } })).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    403 forbidden: "`thing`: you can't change this in the stage `draft`"
    - not_editable /thing you can't change this in the stage `draft`
    "#);
}

#[tokio::test]
async fn a_remark_is_left() {
    let api = Api::start().await;
    let case = api.opened().await;
    let answer = api.post("ann", &format!("{case}/comments"), json!({ "text": "look at this" })).await;
    insta::assert_snapshot!(serde_json::to_string(&answer.json()["events"]).unwrap().replace(&api.runtime.revision().to_string(), "<revision>"), @r#"[{"kind":"commented","workflow":"request","version":2,"at":"2026-09-24T01:00:00Z","by":"ann","revision":"<revision>","comment":"look at this"}]"#);
    for body in [json!({}), json!({ "text": " " }), json!({ "text": 1 }), json!({ "text": "x".repeat(4_001) })] {
        let answer = api.post("ann", &format!("{case}/comments"), body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (422, Some("bad_body")), "{answer}");
    }
}

#[tokio::test]
async fn what_can_be_done_now_comes_with_every_reason_why_not() {
    let api = Api::start().await;
    let case = api.submitted().await;
    let answer = api.get("max", &format!("{case}/available")).await;
    assert_eq!(answer.header("etag"), Some("\"v2\""));
    let mut transitions = answer.json()["transitions"].clone();
    for transition in transitions.as_array_mut().unwrap() {
        transition.as_object_mut().unwrap().remove("input");
    }
    insta::assert_snapshot!(steady(&serde_json::to_string_pretty(&transitions).unwrap()), @r#"
    [
      {
        "transition": "approve",
        "title": "Approve",
        "here": true,
        "possible": true,
        "reasons": [],
        "verdicts": [
          {
            "rule": "within",
            "mode": "enforce",
            "passed": true,
            "findings": []
          }
        ],
        "to": [
          "approved"
        ]
      },
      {
        "transition": "reject",
        "title": "reject",
        "here": true,
        "possible": true,
        "reasons": [],
        "verdicts": [],
        "to": [
          "rejected"
        ]
      },
      {
        "transition": "submit",
        "title": "Submit",
        "here": false,
        "possible": false,
        "reasons": [
          {
            "code": "wrong_stage",
            "message": "the case is in `review`; this leaves `draft`",
            "path": "",
            "pointer": ""
          }
        ],
        "verdicts": [],
        "to": [
          "review"
        ]
      }
    ]
    "#);
    let answer = api.get("bob", &format!("{case}/available")).await;
    insta::assert_snapshot!(answer.json()["transitions"][2]["input"], @r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#);
}

#[tokio::test]
async fn cases_of_other_workflows_stay_closed() {
    let api = Api::start().await;
    let case = api.opened().await;
    for (who, status) in
        [("ann", 200), ("bob", 200), ("root", 200), ("aud", 403), ("bot", 403), ("dat", 403), ("", 401)]
    {
        for path in ["", "/available", "/events"] {
            let answer = api.get(who, &format!("{case}{path}")).await;
            assert_eq!(answer.status, status, "{who} {path}: {answer}");
        }
        let answer = api.post(who, &format!("{case}/comments"), json!({ "text": "x" })).await;
        // The engine wants a role of the workflow, and the admin has none.
        assert_eq!(answer.status.as_u16(), if who == "root" { 403 } else { status }, "{who}: {answer}");
        let answer = api.get(who, "/v1/cases?count=true").await;
        let seen = answer.json()["data"].as_array().map(Vec::len);
        let expected = match (who, status) {
            ("", _) => None,
            (_, 200) => Some(1),
            _ => Some(0),
        };
        assert_eq!(seen, expected, "{who}: {answer}");
    }
    insta::assert_snapshot!(api.get("aud", "/v1/cases?workflow=request").await.faults(), @r#"403 forbidden: "this needs a role of the workflow `request`""#);
    assert_eq!(api.get("aud", "/v1/cases?count=true").await.json()["count"], 0);
}

#[tokio::test]
async fn a_list_is_walked_page_by_page_while_cases_come() {
    let api = Api::start().await;
    for _ in 0..5 {
        api.opened().await;
        api.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(walked(&api, "-opened_at").await, "5 4 3 2 1");
    assert_eq!(walked(&api, "opened_at").await, "1 2 3 4 5 6 7");
}

/// The numbers on all pages; a case is opened after the first.
async fn walked(api: &Api, sort: &str) -> String {
    let mut next = Some(format!("/v1/cases?workflow=request&sort={sort}&limit=2&count=true"));
    let mut seen = Vec::new();
    while let Some(path) = next {
        let answer = api.get("ann", &path).await;
        let body = answer.json();
        assert_eq!(body["has_more"] == true, body["next_cursor"].is_string(), "{answer}");
        let numbers = body["data"].as_array().unwrap().iter().map(|case| case["number"].as_str().unwrap().to_owned());
        if seen.is_empty() {
            api.opened().await;
            api.clock.advance(std::time::Duration::from_secs(1));
        }
        seen.extend(numbers.map(|number| number.trim_start_matches("RQ20260924-000").to_owned()));
        let link = answer.header("link").and_then(|link| link.strip_prefix('<')?.strip_suffix(">; rel=\"next\""));
        next = link.map(str::to_owned);
    }
    seen.join(" ")
}

#[tokio::test]
async fn a_list_is_filtered() {
    let api = Api::start().await;
    for (external_id, amount) in [("E1", 1), ("E2", 2), ("E3", 2)] {
        let fields = json!({ "thing": "A", "amount": amount, "external_id": external_id, "reason": format!("因为 {external_id}") });
        api.post("ann", OPEN, json!({ "fields": fields })).await;
        api.clock.advance(std::time::Duration::from_secs(1));
    }
    api.post("ann", "/v1/cases/RQ20260924-0002/transitions/submit", json!({})).await;
    for (query, expected) in [
        ("", "E3 E2 E1"),
        ("stage=review", "E2"),
        ("stage=draft&stage=review", "E3 E2 E1"),
        ("owner=boss", "E2"),
        ("workflow=request&owner=clerk", "E3 E1"),
        ("workflow=request&field.external_id=E3", "E3"),
        ("workflow=request&field.amount=2", "E3 E2"),
        ("q=%E5%9B%A0%E4%B8%BA%20e1", "E1"),
        ("q=0002", "E2"),
        ("q=nothing", ""),
    ] {
        let answer = api.get("ann", &format!("/v1/cases?{query}")).await;
        let found: Vec<String> = answer.json()["data"]
            .as_array()
            .unwrap_or_else(|| panic!("{query}: {answer}"))
            .iter()
            .map(|case| case["fields"]["external_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found.join(" "), expected, "{query}");
    }
    insta::assert_snapshot!(api.get("ann", "/v1/cases?stge=draft").await.faults(), @r#"
    400 unknown_parameter: "unknown parameter `stge`, did you mean `stage`?"
    - unknown_parameter  unknown parameter `stge`, did you mean `stage`?
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/cases?workflow=request&field.amuont=2").await.faults(), @r#"
    400 unknown_parameter: "unknown parameter `field.amuont`, did you mean `field.amount`?"
    - unknown_parameter  unknown parameter `field.amuont`, did you mean `field.amount`?
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/cases?field.amount=2").await.faults(), @r#"
    400 bad_parameter: "the parameter `workflow` is needed to filter by fields"
    - bad_parameter  the parameter `workflow` is needed to filter by fields
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/cases?cursor=x").await.faults(), @r#"400 bad_cursor: "a cursor goes with the query that gave it; begin again with the first page""#);
    insta::assert_snapshot!(api.get("ann", "/v1/cases?workflow=requests").await.faults(), @r#"404 not_found: "there is no workflow `requests`""#);
}

#[tokio::test]
async fn a_client_that_has_the_version_gets_no_body() {
    let api = Api::start().await;
    let case = api.opened().await;
    let answer = api.ask("ann", "GET", &case).header("if-none-match", "\"v1\"").send(&api).await;
    insta::assert_snapshot!(answer, @r#"
    304
    etag: "v1"
    "#);
    let answer = api.ask("ann", "GET", &case).header("if-none-match", "\"v2\"").send(&api).await;
    assert_eq!(answer.status, 200);
}
