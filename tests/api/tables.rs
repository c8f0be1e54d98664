//! Reference tables: rows, one or many.

use super::*;

#[tokio::test]
async fn rows_are_put_read_and_removed() {
    let api = Api::start().await;
    insta::assert_snapshot!(api.put("dat", "/v1/tables/things/B", json!({ "name": "Bolt", "least": "0.50" })).await, @r#"
    200
    {
      "key": "B",
      "row": {
        "code": "B",
        "least": "0.50",
        "name": "Bolt"
      }
    }
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/tables/things?limit=1").await, @r#"
    200
    link: </v1/tables/things?limit=1&after=A>; rel="next"
    {
      "data": [
        {
          "key": "A",
          "row": {
            "code": "A",
            "least": "10",
            "name": "Anvil"
          }
        }
      ],
      "next_after": "A",
      "has_more": true
    }
    "#);
    insta::assert_snapshot!(api.get("ann", "/v1/tables/things?after=A").await, @r#"
    200
    {
      "data": [
        {
          "key": "B",
          "row": {
            "code": "B",
            "least": "0.50",
            "name": "Bolt"
          }
        }
      ],
      "has_more": false
    }
    "#);
    assert_eq!(api.ask("dat", "DELETE", "/v1/tables/things/B").send(&api).await.status, 204);
    insta::assert_snapshot!(api.get("ann", "/v1/tables/things/B").await.faults(), @r#"404 not_found: "there is no row `B`""#);
    insta::assert_snapshot!(api.get("ann", "/v1/tables/thing").await.faults(), @r#"404 not_found: "there is no table `thing`""#);
}

#[tokio::test]
async fn tables_describe_themselves() {
    let api = Api::start().await;
    insta::assert_snapshot!(api.get("ann", "/v1/tables").await, @r#"
    200
    {
      "data": [
        {
          "table": "things",
          "title": "Things",
          "key": "code",
          "row": {
            "type": "object",
            "properties": {
              "code": {
                "type": "string",
                "maxLength": 4000
              },
              "name": {
                "type": "string",
                "maxLength": 4000
              },
              "least": {
                "type": [
                  "string",
                  "number"
                ],
                "format": "decimal"
              }
            },
            "required": [
              "code",
              "name",
              "least"
            ],
            "additionalProperties": false
          }
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_bad_row_is_refused_with_every_mistake() {
    let api = Api::start().await;
    let check = async |key: &str, row: Json| api.put("dat", &format!("/v1/tables/things/{key}"), row).await.faults();
    insta::assert_snapshot!(check("B", json!({ "nam": "x", "least": "much" })).await, @r#"
    422 invalid: "`nam`: is not a field here; did you mean `name`? (and 2 more)"
    - unknown_field /nam is not a field here; did you mean `name`?
    - not_a_decimal /least must be a decimal, such as "12.50"
    - required /name is required
    "#);
    insta::assert_snapshot!(check("B", json!({ "code": "C", "name": "x", "least": 1 })).await, @r#"
    422 bad_body: "`code` must be `B` as in the path, or be left out"
    - other_key /code `code` must be `B` as in the path, or be left out
    "#);
    insta::assert_snapshot!(check("B", json!([])).await, @r#"
    422 bad_body: "the body must be a JSON object"
    - not_an_object  the body must be a JSON object
    "#);
}

#[tokio::test]
async fn many_rows_are_put_all_or_none() {
    let api = Api::start().await;
    let put = async |kind: &str, text: &str| {
        let ask = api.ask("dat", "POST", "/v1/tables/things").header("content-type", kind);
        ask.body(text).send(&api).await
    };
    let answer = put("text/csv", "code,name,least\nB,Bolt,0.5\nC,\"Clamp, large\",2\n").await;
    insta::assert_snapshot!(answer, @r#"
    200
    {
      "rows": 2
    }
    "#);
    let answer = put("application/x-ndjson", "{\"code\":\"D\",\"name\":\"Drill\",\"least\":\"3\"}\n").await;
    insta::assert_snapshot!(answer, @r#"
    200
    {
      "rows": 1
    }
    "#);
    let answer = put("text/csv; charset=utf-8", "code,name,least\nE,Edge,1\nF,,x\n,G,1\n").await;
    insta::assert_snapshot!(answer.faults(), @r#"
    422 bad_rows: "`least`: must be a decimal, such as \"12.50\" (and 2 more)"
    - line 3: not_a_decimal /least must be a decimal, such as "12.50"
    - line 3: required /name is required
    - line 4: required /code is required
    "#);
    let answer = put("application/json", "{}").await;
    insta::assert_snapshot!(answer.faults(), @r#"415 unsupported_media_type: "the content type `application/json` is not supported here; use application/x-ndjson, text/csv""#);
    assert_eq!(api.get("ann", "/v1/tables/things/E").await.status, 404);
    assert_eq!(api.get("ann", "/v1/tables/things/C").await.json()["row"]["name"], "Clamp, large");
}

#[tokio::test]
async fn writing_needs_a_role_and_reading_a_workflow() {
    let api = Api::start().await;
    for (who, read, write) in
        [("ann", 200, 403), ("bot", 403, 403), ("dat", 200, 200), ("root", 200, 200), ("", 401, 401)]
    {
        for path in ["/v1/tables", "/v1/tables/things", "/v1/tables/things/A"] {
            assert_eq!(api.get(who, path).await.status, read, "{who} {path}");
        }
        let row = json!({ "name": "Anvil", "least": 10 });
        assert_eq!(api.put(who, "/v1/tables/things/A", row).await.status, write, "{who}");
        let bulk = api.ask(who, "POST", "/v1/tables/things").header("content-type", "text/csv");
        assert_eq!(bulk.body("code,name,least\nA,Anvil,10\n").send(&api).await.status, write, "{who}");
        let removed = api.ask(who, "DELETE", "/v1/tables/things/A").send(&api).await;
        assert_eq!(removed.status, if write == 200 { 204 } else { write }, "{who}");
        api.put("dat", "/v1/tables/things/A", json!({ "name": "Anvil", "least": 10 })).await;
    }
}
