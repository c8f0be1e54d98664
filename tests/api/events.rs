//! The log of a case, the log of all, the stream.

use std::time::Duration;

use axum::body::BodyDataStream;
use tokio_stream::StreamExt as _;

use super::*;

#[tokio::test]
async fn the_log_of_a_case_is_read_in_pieces() {
    let api = Api::start().await;
    let case = api.submitted().await;
    let answer = api.get("ann", &format!("{case}/events?limit=1")).await;
    insta::assert_snapshot!(answer, @r#"
    200
    link: </v1/cases/<case>/events?limit=1&after=1>; rel="next"
    {
      "data": [
        {
          "specversion": "1.0",
          "id": "1",
          "source": "/v1",
          "type": "gendan.case.opened.v1",
          "subject": "<case>",
          "time": "2026-09-24T01:00:00Z",
          "datacontenttype": "application/json",
          "data": {
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
                "amount": "5",
                "thing": "A",
                "twice": "10"
              },
              "clear": []
            }
          }
        }
      ],
      "next_after": "1",
      "has_more": true
    }
    "#);
    let answer = api.get("ann", &format!("{case}/events?after=1")).await;
    insta::assert_snapshot!(answer, @r#"
    200
    {
      "data": [
        {
          "specversion": "1.0",
          "id": "2",
          "source": "/v1",
          "type": "gendan.case.taken.v1",
          "subject": "<case>",
          "time": "2026-09-24T01:00:00Z",
          "datacontenttype": "application/json",
          "data": {
            "kind": "taken",
            "workflow": "request",
            "version": 2,
            "at": "2026-09-24T01:00:00Z",
            "by": "ann",
            "revision": "<revision>",
            "transition": "submit",
            "from": "draft",
            "to": "review"
          }
        }
      ],
      "next_after": "2",
      "has_more": false
    }
    "#);
}

#[tokio::test]
async fn the_log_of_all_is_read_in_pieces_and_filtered() {
    let api = Api::start().await;
    let case = api.submitted().await;
    api.post("aud", "/v1/workflows/audit/cases", json!({ "fields": { "about": "x" } })).await;
    api.post("aud", "/v1/cases/AU001/transitions/close", json!({})).await;
    let id = case.rsplit('/').next().unwrap();
    for (who, query, expected) in [
        ("root", String::new(), "opened taken opened taken; 4 false"),
        ("ann", String::new(), "opened taken; 4 false"),
        ("aud", String::new(), "opened taken; 4 false"),
        ("aud", "limit=1".into(), "opened; 3 true"),
        ("aud", "after=3".into(), "taken; 4 false"),
        ("root", "workflow=audit".into(), "opened taken; 4 false"),
        ("root", format!("case={id}"), "opened taken; 4 false"),
        ("aud", format!("case={id}"), "; 4 false"),
        ("root", "after=4".into(), "; 4 false"),
    ] {
        let answer = api.get(who, &format!("/v1/events?{query}")).await;
        let body = answer.json();
        let events = body["data"].as_array().unwrap_or_else(|| panic!("{query}: {answer}"));
        let kinds: Vec<&str> = events.iter().map(|event| event["data"]["kind"].as_str().unwrap()).collect();
        let found = format!("{}; {} {}", kinds.join(" "), body["next_after"].as_str().unwrap(), body["has_more"]);
        assert_eq!(found, expected, "{who} {query}");
        assert_eq!(answer.header("link").is_some(), body["has_more"] == true, "{who} {query}");
    }
    insta::assert_snapshot!(api.get("ann", "/v1/events?workflow=audit").await.faults(), @r#"403 forbidden: "this needs a role of the workflow `audit`""#);
    insta::assert_snapshot!(api.get("ann", "/v1/events?case=x").await.faults(), @r#"
    400 bad_parameter: "the parameter `case` must be the id of a case"
    - bad_parameter  the parameter `case` must be the id of a case
    "#);
}

/// A stream of events as it is read.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(api: &Api, who: &str, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {}", api.keys[who]))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
        {
            assert_eq!(headers[name], value);
        }
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event, without its data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            let whole = self.text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()));
            if let Some((event, rest)) = whole {
                self.text = rest;
                let lines = event.lines().filter(|line| !line.starts_with("data:") && !line.starts_with(':'));
                match lines.collect::<Vec<_>>().join(", ") {
                    // A keep-alive is nothing but a remark.
                    remark if remark.is_empty() => continue,
                    event => return Some(event),
                }
            }
            let piece =
                tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("it must go on or end");
            self.text.push_str(std::str::from_utf8(&piece?.unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn a_stream_gives_every_event_once_across_reconnects() {
    let api = Api::start().await;
    api.opened().await;
    let mut stream = Stream::open(&api, "ann", "/v1/events?after=0", None).await;
    assert_eq!(stream.next().await.unwrap(), "retry: 2000");
    assert_eq!(stream.next().await.unwrap(), "id: 1, event: gendan.case.opened.v1");
    api.post("ann", "/v1/cases/RQ20260924-0001/transitions/submit", json!({})).await;
    assert_eq!(stream.next().await.unwrap(), "id: 2, event: gendan.case.taken.v1");
    drop(stream);
    for _ in 0..3 {
        api.opened().await;
    }
    let mut stream = Stream::open(&api, "ann", "/v1/events?after=0", Some("2")).await;
    assert_eq!(stream.next().await.unwrap(), "retry: 2000");
    for id in 3..=5 {
        assert_eq!(stream.next().await.unwrap(), format!("id: {id}, event: gendan.case.opened.v1"));
    }
    let mut fresh = Stream::open(&api, "ann", "/v1/events", None).await;
    assert_eq!(fresh.next().await.unwrap(), "retry: 2000");
    api.opened().await;
    assert_eq!(fresh.next().await.unwrap(), "id: 6, event: gendan.case.opened.v1");
    assert_eq!(stream.next().await.unwrap(), "id: 6, event: gendan.case.opened.v1");
}

#[tokio::test]
async fn a_stream_shows_only_what_the_caller_may_read_and_ends_with_the_key() {
    let api = Api::start().await;
    let mut stream = Stream::open(&api, "aud", "/v1/events?after=0", None).await;
    stream.next().await;
    api.opened().await;
    api.post("aud", "/v1/workflows/audit/cases", json!({ "fields": { "about": "x" } })).await;
    assert_eq!(stream.next().await.unwrap(), "id: 2, event: gendan.case.opened.v1");
    let id = api.keys["aud"].split('_').nth(1).unwrap();
    let revoked = api.ask("root", "DELETE", &format!("/v1/keys/{id}")).send(&api).await;
    assert_eq!(revoked.status, 200, "{revoked}");
    api.opened().await;
    assert_eq!(stream.next().await, None);
}
