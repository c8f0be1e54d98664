//! Take transitions: versions, retries, dry runs, refusals.

use super::*;

#[tokio::test]
async fn a_transition_is_taken() {
    let api = Api::start().await;
    let case = api.opened().await;
    let answer = api.post("ann", &format!("{case}/transitions/submit"), json!({ "comment": "please" })).await;
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
        "stage": "review",
        "stage_title": "Review",
        "owner": "boss",
        "fields": {
          "amount": "5",
          "thing": "A",
          "twice": "10"
        },
        "opened_at": "2026-09-24T01:00:00Z",
        "opened_by": "ann",
        "updated_at": "2026-09-24T01:00:00Z",
        "entered_at": "2026-09-24T01:00:00Z"
      },
      "events": [
        {
          "kind": "taken",
          "workflow": "request",
          "version": 2,
          "at": "2026-09-24T01:00:00Z",
          "by": "ann",
          "revision": "<revision>",
          "transition": "submit",
          "from": "draft",
          "to": "review",
          "comment": "please"
        }
      ],
      "verdicts": [],
      "dry_run": false
    }
    "#);
}

#[tokio::test]
async fn a_refusal_names_rule_line_and_facts() {
    let api = Api::start().await;
    let case = api.opened().await;
    api.patch("ann", &case, json!({ "fields": { "amount": 150 } })).await;
    api.post("ann", &format!("{case}/transitions/submit"), json!({})).await;
    let answer = api.post("bob", &format!("{case}/transitions/approve"), json!({})).await;
    insta::assert_snapshot!(answer, @r#"
    422
    {
      "type": "/problems/invalid",
      "title": "checks not passed",
      "status": 422,
      "detail": "`amount`: the amount is above the limit",
      "code": "invalid",
      "instance": "r1",
      "retryable": false,
      "errors": [
        {
          "code": "too_much",
          "message": "the amount is above the limit",
          "path": "amount",
          "pointer": "/amount",
          "rule": "within",
          "file": "rules/within.rhai",
          "line": 4,
          "column": 9,
          "facts": {
            "found": "150",
            "largest": 100
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn each_kind_of_no_has_its_status() {
    let api = Api::start().await;
    let case = api.submitted().await;
    let check = async |who: &str, transition: &str, body: Json| {
        api.post(who, &format!("{case}/transitions/{transition}"), body).await.faults()
    };
    insta::assert_snapshot!(check("ann", "approve", json!({})).await, @r#"
    403 forbidden: "needs `boss`; `ann` is neither (and 1 more)"
    - role  needs `boss`; `ann` is neither
    - four_eyes  `ann` took `open`, `submit` of this case; somebody else must take this one
    "#);
    insta::assert_snapshot!(check("ann", "submit", json!({})).await, @r#"
    409 conflict: "the case is in `review`, `submit` leaves `draft`; what leaves `review`: `approve`, `reject`"
    - wrong_stage  the case is in `review`, `submit` leaves `draft`; what leaves `review`: `approve`, `reject`
    "#);
    insta::assert_snapshot!(check("bob", "reject", json!({})).await, @r#"
    422 invalid: "`reason`: is required"
    - required /reason is required
    "#);
    insta::assert_snapshot!(check("bob", "reject", json!({ "input": { "reasn": "x" } })).await, @r#"
    422 invalid: "`reasn`: is not a field of `request`; did you mean `reason`? (and 1 more)"
    - unknown_field /reasn is not a field of `request`; did you mean `reason`?
    - required /reason is required
    "#);
    insta::assert_snapshot!(check("bob", "aprove", json!({})).await, @r#"
    404 not_found: "there is no transition `aprove` in `request`; did you mean `approve`?"
    - unknown_transition  there is no transition `aprove` in `request`; did you mean `approve`?
    "#);
    insta::assert_snapshot!(api.post("bob", "/v1/cases/RQ1/transitions/approve", json!({})).await.faults(), @r#"404 not_found: "there is no case `RQ1`""#);
    assert_eq!(api.get("bob", &case).await.json()["version"], 2);
}

#[tokio::test]
async fn four_eyes_hold() {
    let api = Api::start().await;
    let body = json!({ "fields": { "thing": "A", "amount": 5 } });
    let case = api.post("max", "/v1/workflows/request/cases", body).await.header("location").unwrap().to_owned();
    api.post("ann", &format!("{case}/transitions/submit"), json!({})).await;
    let answer = api.post("max", &format!("{case}/transitions/approve"), json!({})).await;
    insta::assert_snapshot!(answer.faults(), @r#"
    403 forbidden: "`max` took `open` of this case; somebody else must take this one"
    - four_eyes  `max` took `open` of this case; somebody else must take this one
    "#);
    assert_eq!(api.post("bob", &format!("{case}/transitions/approve"), json!({})).await.status, 200);
}

#[tokio::test]
async fn a_dry_run_judges_and_changes_nothing() {
    let api = Api::start().await;
    let case = api.opened().await;
    let path = format!("{case}/transitions/submit?dry_run=true");
    let answer = api.ask("ann", "POST", &path).header("idempotency-key", "k").json(json!({})).send(&api).await;
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["dry_run"], &body["case"]["stage"]),
        (200, &json!(true), &json!("review"))
    );
    assert_eq!(answer.header("etag"), None);
    assert_eq!(api.get("ann", &case).await.json()["stage"], "draft");
    let opening = json!({ "fields": { "thing": "A", "amount": 1 } });
    let answer = api.post("ann", "/v1/workflows/request/cases?dry_run=true", opening).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, None), "{answer}");
    assert_eq!(api.get("ann", "/v1/cases?count=true").await.json()["count"], 1);
    assert_eq!(api.post("bob", &path, json!({})).await.status, 403);
    insta::assert_snapshot!(api.post("ann", &path.replace("dry_run", "dryrun"), json!({})).await.faults(), @r#"
    400 unknown_parameter: "unknown parameter `dryrun`, did you mean `dry_run`?"
    - unknown_parameter  unknown parameter `dryrun`, did you mean `dry_run`?
    "#);
}

#[tokio::test]
async fn a_stale_command_is_told_what_happened_since() {
    let api = Api::start().await;
    let case = api.opened().await;
    api.patch("bob", &case, json!({ "fields": { "amount": 6, "budget": 99 } })).await;
    let path = format!("{case}/transitions/submit");
    let answer = api.ask("ann", "POST", &path).header("if-match", "\"v1\"").json(json!({})).send(&api).await;
    insta::assert_snapshot!(answer, @r#"
    412
    {
      "type": "/problems/stale",
      "title": "stale version",
      "status": 412,
      "detail": "the case is at version 2 and the request was made for version 1; read it again",
      "code": "stale",
      "instance": "r1",
      "retryable": false,
      "version": 2,
      "since": [
        {
          "specversion": "1.0",
          "id": "2",
          "source": "/v1",
          "type": "gendan.case.edited.v1",
          "subject": "<case>",
          "time": "2026-09-24T01:00:00Z",
          "datacontenttype": "application/json",
          "data": {
            "kind": "edited",
            "workflow": "request",
            "version": 2,
            "at": "2026-09-24T01:00:00Z",
            "by": "bob",
            "revision": "<revision>",
            "changes": {
              "set": {
                "amount": "6",
                "twice": "12"
              },
              "clear": []
            }
          }
        }
      ]
    }
    "#);
    let answer = api.ask("ann", "POST", &path).header("if-match", "v1").json(json!({})).send(&api).await;
    insta::assert_snapshot!(answer.faults(), @r#"400 bad_header: "`v1` in `if-match` is not an entity tag; write `\"v3\"` with its quotes, or `*`""#);
    let answer = api.ask("ann", "POST", &path).header("if-match", "\"v2\"").json(json!({})).send(&api).await;
    assert_eq!(answer.status, 200, "{answer}");
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_the_first_answer() {
    let api = Api::start().await;
    let open = |amount: u64| {
        let body = json!({ "fields": { "thing": "A", "amount": amount } });
        api.ask("ann", "POST", "/v1/workflows/request/cases").header("idempotency-key", "k1").json(body)
    };
    let first = open(1).send(&api).await;
    api.clock.advance(std::time::Duration::from_secs(60));
    let again = open(1).send(&api).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, None));
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(
        (&first.text, first.header("etag"), first.header("location")),
        (&again.text, again.header("etag"), again.header("location"))
    );
    insta::assert_snapshot!(open(2).send(&api).await.faults(), @r#"422 key_reused: "this Idempotency-Key was used for another request; choose a new one for each request""#);
    let other = open(2);
    let mut other = Ask { headers: other.headers, ..other };
    other.headers.retain(|(name, _)| name != "authorization");
    let other = other.header("authorization", &format!("Bearer {}", api.keys["eve"])).send(&api).await;
    assert_eq!(other.status, 201, "a key is its actor's own: {other}");
    assert_eq!(api.get("ann", "/v1/cases?count=true").await.json()["count"], 2);
    let bad = api.ask("ann", "POST", "/v1/workflows/request/cases").header("idempotency-key", "").json(json!({}));
    insta::assert_snapshot!(bad.send(&api).await.faults(), @r#"400 bad_header: "`Idempotency-Key` must be given once, with 1 to 255 visible ASCII characters""#);
}

#[tokio::test]
async fn a_refused_request_that_is_sent_again_is_judged_again() {
    let api = Api::start().await;
    let open = || {
        let body = json!({ "fields": { "thing": "NEW", "amount": 1 } });
        api.ask("ann", "POST", "/v1/workflows/request/cases").header("idempotency-key", "k").json(body)
    };
    assert_eq!(open().send(&api).await.status, 422, "there is no such thing yet");
    api.put("dat", "/v1/tables/things/NEW", json!({ "name": "New", "least": 10 })).await;
    let first = open().send(&api).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, None), "{first}");
    assert_eq!(open().send(&api).await.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn many_at_once_with_one_key_make_one_case() {
    let api = Arc::new(Api::start().await);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let api = Arc::clone(&api);
            tokio::spawn(async move {
                let body = json!({ "fields": { "thing": "A", "amount": 1 } });
                let ask = api.ask("ann", "POST", "/v1/workflows/request/cases").header("idempotency-key", "one");
                ask.json(body).send(&api).await.status.as_u16()
            })
        })
        .collect();
    for task in tasks {
        let status = task.await.unwrap();
        assert!([201, 409].contains(&status), "{status}");
    }
    assert_eq!(api.get("ann", "/v1/cases?count=true").await.json()["count"], 1);
}
