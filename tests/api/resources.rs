//! Resources: what is there, who holds it, and what is set from outside (R53-R56).

use super::*;

async fn start() -> Api {
    Api::over(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/held")).await
}

async fn opened(api: &Api, pieces: &str) -> String {
    // Cases that are opened at the same moment have no order.
    api.clock.advance(std::time::Duration::from_secs(1));
    let body = json!({ "fields": { "items": [{ "thing": "A", "pieces": pieces }] } });
    let answer = api.post("ann", "/v1/workflows/request/cases", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn take(api: &Api, case: &str, transition: &str) -> Answer {
    api.post("ann", &format!("{case}/transitions/{transition}"), json!({})).await
}

async fn stage(api: &Api, case: &str) -> String {
    api.get("ann", case).await.json()["stage"].as_str().unwrap().to_owned()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a snapshot of each answer")]
async fn a_pool_is_set_and_read() {
    let api = start().await;
    insta::assert_snapshot!(api.get("ann", "/v1/resources").await, @r#"
    200
    {
      "data": [
        {
          "resource": "hours",
          "title": "Hours",
          "per": "day",
          "default": "8"
        },
        {
          "resource": "shelf",
          "title": "Shelf",
          "per": "things",
          "default": "0"
        }
      ]
    }
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/shelf/A").await, @r#"
    200
    {
      "resource": "shelf",
      "key": "A",
      "on_hand": "0",
      "held": "0",
      "available": "0",
      "arrivals": [],
      "version": 0,
      "holders": []
    }
    "#);
    let arrivals = json!([{ "id": "po2", "on": "2026-10-08", "quantity": 2.5 }, { "id": "po1", "on": "2026-10-01", "quantity": "1" }]);
    let set = json!({ "on_hand": "10.50", "arrivals": arrivals });
    insta::assert_snapshot!(api.put("dat", "/v1/resources/shelf/A", set.clone()).await, @r#"
    200
    {
      "resource": "shelf",
      "key": "A",
      "on_hand": "10.5",
      "held": "0",
      "available": "10.5",
      "arrivals": [
        {
          "id": "po1",
          "on": "2026-10-01",
          "quantity": "1"
        },
        {
          "id": "po2",
          "on": "2026-10-08",
          "quantity": "2.5"
        }
      ],
      "version": 1,
      "holders": []
    }
    "#);
    // The same again changes nothing.
    assert_eq!(api.put("dat", "/v1/resources/shelf/A", set).await.json()["version"], json!(1));
    assert_eq!(
        api.put("dat", "/v1/resources/shelf/A", json!({ "arrivals": [] })).await.json()["on_hand"],
        json!("10.5")
    );
    insta::assert_snapshot!(api.get("ann", "/v1/resources/hours/2026-10-01").await.json()["on_hand"], @r#""8""#);
    assert_eq!(api.put("dat", "/v1/resources/hours/2026-10-01", json!({ "on_hand": 3 })).await.status, 200);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/hours").await, @r#"
    200
    {
      "data": [
        {
          "resource": "hours",
          "key": "2026-10-01",
          "on_hand": "3",
          "held": "0",
          "available": "3",
          "arrivals": [],
          "version": 1
        }
      ],
      "has_more": false
    }
    "#);
}

#[tokio::test]
async fn what_can_not_be_set_is_told() {
    let api = start().await;
    let check = async |who: &str, path: &str, body: Json| api.put(who, path, body).await.faults();
    let mut said = Vec::new();
    for (who, path, body) in [
        ("ann", "/v1/resources/shelf/A", json!({ "on_hand": 1 })),
        ("dat", "/v1/resources/shelf/B", json!({ "on_hand": 1 })),
        ("dat", "/v1/resources/shelve/A", json!({ "on_hand": 1 })),
        ("dat", "/v1/resources/hours/tomorrow", json!({ "on_hand": 1 })),
        ("dat", "/v1/resources/shelf/A", json!({ "on_hand": -1, "on_hands": 2 })),
        ("dat", "/v1/resources/shelf/A", json!({ "on_hand": "0.0000000001" })),
        ("dat", "/v1/resources/shelf/A", json!({ "key": "B" })),
        (
            "dat",
            "/v1/resources/shelf/A",
            json!({ "arrivals": [{ "id": "x", "on": "2026-10-01", "quantity": 1 }, { "id": "x", "on": "soon", "quantity": 1 }, { "id": "x", "on": "2026-10-01", "quantity": 1 }] }),
        ),
    ] {
        said.push(check(who, path, body).await);
    }
    insta::assert_snapshot!(said.join(""), @r#"
    403 forbidden: "the role `admin` or `data` is needed"
    422 invalid: "`key`: there is no `B` in the table `things`"
    - unknown_reference /key there is no `B` in the table `things`
    404 not_found: "there is no resource `shelve`"
    422 invalid: "`key`: must be a date, such as 2026-09-24"
    - not_a_date /key must be a date, such as 2026-09-24
    422 invalid: "`on_hands`: is not a field here; did you mean `on_hand`? (and 1 more)"
    - unknown_field /on_hands is not a field here; did you mean `on_hand`?
    - quantity /on_hand must be a quantity from 0 to 1000000000000000 with at most 9 decimals
    422 invalid: "`on_hand`: must be a quantity from 0 to 1000000000000000 with at most 9 decimals"
    - quantity /on_hand must be a quantity from 0 to 1000000000000000 with at most 9 decimals
    422 bad_body: "`key` must be `A` as in the path, or be left out"
    - other_key /key `key` must be `A` as in the path, or be left out
    422 invalid: "`arrivals[1].on`: must be a date, such as 2026-09-24 (and 1 more)"
    - not_a_date /arrivals/1/on must be a date, such as 2026-09-24
    - duplicate /arrivals/2/id stands twice; each arrival has an id of its own
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/shelf/B").await.faults(), @r#"404 not_found: "there is no pool `B`""#);
    insta::assert_snapshot!(api.get("aud", "/v1/resources").await.faults(), @r#"403 forbidden: "a role of some workflow is needed""#);
}

#[tokio::test]
async fn many_pools_are_set_or_none() {
    let api = start().await;
    let put = async |form: &str, body: &str| {
        api.ask("dat", "POST", "/v1/resources/shelf").header("content-type", form).body(body).send(&api).await
    };
    assert_eq!(api.put("dat", "/v1/tables/things/B", json!({ "name": "Bolt", "least": "0.50" })).await.status, 200);
    let arrivals = "\"[{\"\"id\"\":\"\"po1\"\",\"\"on\"\":\"\"2026-10-01\"\",\"\"quantity\"\":\"\"1\"\"}]\"";
    insta::assert_snapshot!(put("text/csv", &format!("key,on_hand,arrivals\nA,5,{arrivals}\nB,2.5,\n")).await, @r#"
    200
    {
      "rows": 2
    }
    "#);
    insta::assert_snapshot!(put("application/x-ndjson", "{\"key\":\"A\",\"on_hand\":1}\n{\"key\":\"C\",\"on_hand\":1}\n{\"on_hand\":1}").await.faults(), @r#"
    422 bad_rows: "`key`: there is no `C` in the table `things` (and 1 more)"
    - line 2: unknown_reference /key there is no `C` in the table `things`
    - line 3: required /key is required
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/shelf?limit=1").await, @r#"
    200
    link: </v1/resources/shelf?limit=1&after=A>; rel="next"
    {
      "data": [
        {
          "resource": "shelf",
          "key": "A",
          "on_hand": "5",
          "held": "0",
          "available": "5",
          "arrivals": [
            {
              "id": "po1",
              "on": "2026-10-01",
              "quantity": "1"
            }
          ],
          "version": 1
        }
      ],
      "next_after": "A",
      "has_more": true
    }
    "#);
}

#[tokio::test]
async fn what_is_held_is_nobody_elses() {
    let api = start().await;
    assert_eq!(api.put("dat", "/v1/resources/shelf/A", json!({ "on_hand": 10 })).await.status, 200);
    let (first, second, third) = (opened(&api, "6").await, opened(&api, "5").await, opened(&api, "1").await);
    assert_eq!(take(&api, &first, "take").await.status, 200);
    let refused = take(&api, &second, "take").await;
    assert_eq!(refused.status, 409);
    insta::assert_snapshot!(refused.faults(), @r#"
    409 conflict: "`items[0]`: not enough of `shelf`: `A`: 5 wanted, 4 available"
    - short /items/0 not enough of `shelf`: `A`: 5 wanted, 4 available
    "#);
    assert_eq!(take(&api, &second, "wait").await.status, 200);
    assert_eq!(stage(&api, &second).await, "waiting");
    assert_eq!(api.get("ann", &second).await.json()["held"], json!({ "shelf": { "A": "4" } }));
    assert_eq!(api.get("ann", &third).await.json().get("held"), None);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/shelf/A").await, @r#"
    200
    {
      "resource": "shelf",
      "key": "A",
      "on_hand": "10",
      "held": "10",
      "available": "0",
      "arrivals": [],
      "version": 3,
      "holders": [
        {
          "case": "<case>",
          "workflow": "request",
          "number": "R002",
          "quantity": "4"
        },
        {
          "case": "<case>",
          "workflow": "request",
          "number": "R001",
          "quantity": "6"
        }
      ]
    }
    "#);
    assert_eq!(take(&api, &third, "take").await.status, 409);
    // Less than is held: nothing is taken away, and nothing is granted.
    insta::assert_snapshot!(api.put("dat", "/v1/resources/shelf/A", json!({ "on_hand": 8 })).await.json()["warning"], @r#""more is held than is there; nothing is granted until there is more""#);
    assert_eq!(take(&api, &third, "take").await.status, 409);
    // Who waits gets what comes back.
    assert_eq!(api.put("dat", "/v1/resources/shelf/A", json!({ "on_hand": 10 })).await.status, 200);
    assert_eq!(take(&api, &first, "stop").await.status, 200);
    api.runtime.quiet();
    assert_eq!(stage(&api, &second).await, "held");
    assert_eq!(take(&api, &second, "use").await.status, 200);
    insta::assert_snapshot!(api.get("ann", "/v1/resources/shelf/A").await, @r#"
    200
    {
      "resource": "shelf",
      "key": "A",
      "on_hand": "5",
      "held": "0",
      "available": "5",
      "arrivals": [],
      "version": 8,
      "holders": []
    }
    "#);
    let events = api.get("ann", &format!("{second}/events")).await.json();
    let moved = events["data"].as_array().unwrap().iter().filter(|event| !event["data"]["resource"].is_null());
    let moved: Vec<String> =
        moved.map(|event| format!("{} {}", event["data"]["kind"], event["data"]["resource"])).collect();
    insta::assert_snapshot!(moved.join("\n"), @r#"
    "reserved" {"name":"shelf","quantities":{"A":"4"}}
    "reserved" {"name":"shelf","quantities":{"A":"1"}}
    "consumed" {"name":"shelf","quantities":{"A":"5"},"as":"sold"}
    "#);
}
