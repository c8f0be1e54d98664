//! The inbox and the deliveries, over HTTP.

use axum::body::Body;
use axum::http::Request;
use gendan::http::{Settings, router};
use gendan::model::{CaseId, Channel, Notice, Recipient, Sending, Title};
use serde_json::Value as Json;
use tower::ServiceExt as _;

use crate::bed::{Bed, ann, channels};

async fn ask(bed: &Bed, key: &str, method: &str, path: &str, language: &str) -> (u16, Json) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("accept-language", language);
    let router = router(bed.runtime.clone(), &Settings::default());
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// Subject, text, whom it is for, and when it was read.
fn shown(page: &Json) -> Vec<String> {
    let items = page["data"].as_array().unwrap().iter();
    let text = |item: &Json, path: &str| item.pointer(path).and_then(Json::as_str).unwrap_or("-").to_owned();
    items.map(|item| ["/subject", "/body", "/to/name", "/read_at"].map(|path| text(item, path)).join(" | ")).collect()
}

#[tokio::test]
async fn a_message_stands_in_the_boxes_of_those_it_is_for_and_each_reads_it_alone() {
    let bed = Bed::start(channels(None, None));
    let case = bed.open(ann()).await;
    bed.take(case, "tell").await;
    let (bob, eve, guest) =
        (bed.key("bob", &["boss"]).await, bed.key("eve", &["boss", "clerk"]).await, bed.key("gus", &["service"]).await);
    let number = bed.runtime.case(&case.to_string()).await.unwrap().number.clone();
    let (_, page) = ask(&bed, &bob, "GET", "/v1/inbox", "en").await;
    assert_eq!(shown(&page), [format!("A {number} | B Ann | boss | -")]);
    let (_, page) = ask(&bed, &eve, "GET", "/v1/inbox", "zh").await;
    assert_eq!(shown(&page).len(), 2, "once for each of the roles");
    let id = page["data"][0]["id"].as_str().unwrap().to_owned();
    let (status, read) = ask(&bed, &eve, "POST", &format!("/v1/inbox/{id}/read"), "zh").await;
    assert_eq!((status, read["read_at"].as_str()), (200, Some("2026-09-24T01:00:00Z")));
    let (_, page) = ask(&bed, &eve, "GET", "/v1/inbox?unread=true", "zh").await;
    assert_eq!(shown(&page).len(), 1);
    let (_, page) = ask(&bed, &bob, "GET", "/v1/inbox?unread=true", "zh").await;
    assert_eq!(shown(&page).len(), 1, "what eve has read, bob has not");
    let (status, _) = ask(&bed, &guest, "POST", &format!("/v1/inbox/{id}/read"), "en").await;
    assert_eq!(status, 404, "it is in no box of his");
    let (_, page) = ask(&bed, &guest, "GET", "/v1/inbox", "en").await;
    assert_eq!(shown(&page), Vec::<String>::new());
    bed.sound().await;
}

/// Everything that a list has, two at a time.
async fn paged(bed: &Bed, key: &str, path: &str) -> Vec<Json> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let (status, page) = ask(bed, key, "GET", &format!("{path}{sign}limit=2{cursor}"), "en").await;
        assert_eq!(status, 200, "{page}");
        pages.extend(page["data"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn pages_hang_together() {
    let bed = Bed::start(channels(None, None));
    let case = bed.open(ann()).await;
    for _ in 0..3 {
        bed.take(case, "tell").await;
        bed.take(case, "mail").await;
        bed.wait(1);
    }
    bed.round().await;
    let (eve, root) = (bed.key("eve", &["boss", "clerk"]).await, bed.key("root", &["admin"]).await);
    for (key, path, count) in [(&eve, "/v1/inbox", 6), (&root, "/v1/deliveries?state=dead", 3)] {
        let (_, all) = ask(&bed, key, "GET", path, "en").await;
        let all: Vec<Json> = all["data"].as_array().unwrap().clone();
        assert_eq!(all.len(), count, "{path}");
        let pages = paged(&bed, key, path).await;
        assert_eq!(pages, all, "{path}");
    }
    let (status, _) = ask(&bed, &root, "GET", "/v1/deliveries?cursor=x", "en").await;
    assert_eq!(status, 400);
    let (status, _) = ask(&bed, &eve, "GET", "/v1/deliveries", "en").await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_dead_message_is_sent_again_over_http_and_no_other() {
    let bed = Bed::start(channels(None, None));
    let case = bed.open(ann()).await;
    bed.take(case, "mail").await;
    bed.round().await;
    let root = bed.key("root", &["admin"]).await;
    let (_, page) = ask(&bed, &root, "GET", "/v1/deliveries?state=dead", "en").await;
    let text = serde_json::to_string_pretty(&page).unwrap().replace(&case.to_string(), "CASE");
    insta::assert_snapshot!(text, @r#"
    {
      "data": [
        {
          "id": "CASE-3-0",
          "message": "mail",
          "channel": "email",
          "to": {
            "kind": "email",
            "name": "ann@example.com"
          },
          "case": "CASE",
          "at": "2026-09-24T01:00:00Z",
          "state": "dead",
          "since": "2026-09-24T01:00:00Z",
          "tries": 1,
          "reason": "the channel `email` is not configured (`channels.email` in the settings)"
        }
      ]
    }
    "#);
    let retry = format!("/v1/deliveries/{}/retry", page["data"][0]["id"].as_str().unwrap());
    let (status, again) = ask(&bed, &root, "POST", &retry, "en").await;
    assert_eq!((status, again["state"].as_str(), again["again_by"].as_str()), (200, Some("pending"), Some("root")));
    let (status, refused) = ask(&bed, &root, "POST", &retry, "en").await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("conflict")));
    for id in ["x", "00000000000000000000000000-1-0"] {
        let (status, _) = ask(&bed, &root, "POST", &format!("/v1/deliveries/{id}/retry"), "en").await;
        assert_eq!(status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_message_about_many_cases_is_announced_once() {
    let bed = Bed::start(channels(None, None));
    let notice = Notice {
        message: "digest".into(),
        language: None,
        subject: Title::both("2 cases"),
        body: Title::both("a, b"),
        html: Title::default(),
        sendings: vec![Sending { channel: Channel::Inbox, to: Recipient::Role("boss".into()) }],
        failed: None,
    };
    for _ in 0..2 {
        bed.runtime.announce(CaseId::new(1, 1), notice.clone()).await.unwrap();
    }
    let bob = bed.key("bob", &["boss"]).await;
    let (_, page) = ask(&bed, &bob, "GET", "/v1/inbox", "en").await;
    assert_eq!(shown(&page), ["2 cases | a, b | boss | -"]);
    assert_eq!(page["data"][0].get("case"), None);
    bed.sound().await;
}
