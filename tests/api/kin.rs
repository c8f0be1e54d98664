//! Parents and children over HTTP.

use super::*;

async fn family() -> Api {
    Api::over(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/family")).await
}

/// An order that has opened a job for each part.
async fn started(api: &Api, name: &str, parts: &[&str]) -> String {
    let answer = api.post("ann", "/v1/workflows/order/cases", json!({ "fields": { "name": name } })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
    let order = answer.headers["location"].to_str().unwrap().to_owned();
    let lines: Vec<Json> = parts.iter().map(|part| json!({ "part": part })).collect();
    let input = json!({ "input": { "lines": lines } });
    let answer = api.post("ann", &format!("{order}/transitions/start"), input).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer}");
    order
}

fn body(answer: &Answer) -> Json {
    answer.json()
}

async fn take(api: &Api, who: &str, case: &str, transition: &str, input: Json) -> Answer {
    api.post(who, &format!("/v1/cases/{case}/transitions/{transition}"), json!({ "input": input })).await
}

/// The kinds of the events of a case, with the other case that each names.
async fn story(api: &Api, case: &str) -> String {
    let events = body(&api.get("max", &format!("/v1/cases/{case}/events")).await);
    let told = events["data"].as_array().unwrap().iter().map(|event| {
        let data = event.get("data").unwrap_or(event);
        let other = ["parent", "child", "signal", "signalled"].iter().find(|key| data.get(**key).is_some());
        let other = other.map(|key| format!(" {key} {}", data[*key]["number"].as_str().unwrap()));
        let taken = data.get("transition").map(|name| format!(" {}", name.as_str().unwrap()));
        format!("{}{}{}", data["kind"].as_str().unwrap(), taken.unwrap_or_default(), other.unwrap_or_default())
    });
    told.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn both_sides_show_each_other() {
    let api = family().await;
    let order = started(&api, "one", &["a", "b"]).await;
    take(&api, "bob", "J001", "finish", json!({})).await;
    let shown = body(&api.get("max", &order).await);
    let id = |related: &Json| related["id"].as_str().unwrap().to_owned();
    let (first, second) = (&shown["children"][0], &shown["children"][1]);
    assert_eq!(
        *first,
        json!({ "id": id(first), "workflow": "job", "number": "J001", "as": "jobs", "stage": "done", "stage_title": "done", "end": "success" })
    );
    assert_eq!((&second["stage"], &second["stage_title"]), (&json!("running"), &json!("Running")));
    // Who has no role in the other workflow learns only that it is there.
    let hidden = body(&api.get("ann", &order).await);
    assert_eq!(hidden["children"][0], json!({ "id": id(first), "workflow": "job", "number": "J001", "as": "jobs" }));
    let child = body(&api.get("bob", "/v1/cases/J001").await);
    assert_eq!((&child["parent"]["number"], &child["parent"]["as"]), (&json!("O001"), &json!("jobs")));
    assert_eq!(child["fields"]["label"], json!("one/a"));
}

#[tokio::test]
async fn children_are_listed_by_their_parent() {
    let api = family().await;
    started(&api, "one", &["a", "b"]).await;
    started(&api, "two", &["c"]).await;
    take(&api, "bob", "J001", "fault", json!({ "about": "bent" })).await;
    let listed = async |query: &str| {
        let page = body(&api.get("max", &format!("/v1/cases?{query}")).await);
        let all = page["data"].as_array().unwrap().iter();
        // All of them were opened in one moment, so their order is any.
        let mut numbers: Vec<_> = all.map(|case| case["number"].as_str().unwrap().to_owned()).collect();
        numbers.sort();
        format!("{} of {}", numbers.join(" "), page["count"])
    };
    assert_eq!(listed("parent=O001&count=true").await, "D001 J001 J002 of 3");
    assert_eq!(listed("parent=O001&workflow=job&count=true").await, "J001 J002 of 2");
    assert_eq!(listed("parent=O001&workflow=job&stage=done&count=true").await, " of 0");
    assert_eq!(listed("parent=O002&sort=opened_at&count=true").await, "J003 of 1");
    assert_eq!(listed("parent=J001&count=true").await, " of 0");
    assert_eq!(api.get("max", "/v1/cases?parent=O009").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_history_of_both_sides_tells_the_story() {
    let api = family().await;
    started(&api, "one", &["a"]).await;
    take(&api, "bob", "J001", "progress", json!({ "about": "half way" })).await;
    take(&api, "bob", "J001", "finish", json!({})).await;
    insta::assert_snapshot!(story(&api, "O001").await, @"
    opened
    taken start
    child_opened child J001
    taken report signal J001
    taken made
    ");
    insta::assert_snapshot!(story(&api, "J001").await, @"
    opened parent O001
    taken progress
    signalled report signalled O001
    taken finish
    ");
    assert_eq!(api.runtime.verify().await.unwrap(), []);
}

#[tokio::test]
async fn a_refusal_on_the_way_refuses_everything() {
    let api = family().await;
    started(&api, "one", &["a"]).await;
    let before = api.runtime.position();
    // The order moves on, so that the job's report finds it elsewhere.
    take(&api, "bob", "J001", "fault", json!({ "about": "bent" })).await;
    take(&api, "bob", "D001", "close", json!({})).await;
    let closed = take(&api, "ann", "O001", "close", json!({})).await;
    assert_eq!(closed.status, StatusCode::OK, "{closed}");
    assert_eq!(body(&api.get("bob", "/v1/cases/J001").await)["stage"], json!("stopped"));
    assert!(api.runtime.position() > before);
    let alone = api.post("bob", "/v1/workflows/job/cases", json!({ "fields": { "part": "x" } })).await;
    assert_eq!((alone.status, &body(&alone)["errors"][0]["code"]), (StatusCode::CONFLICT, &json!("needs_parent")));
}

/// An idempotency key belongs to the command, whatever cases it changes; a dry run changes none of them.
#[tokio::test]
async fn a_command_on_several_cases_has_one_answer() {
    let api = family().await;
    let order = started(&api, "one", &["a"]).await;
    let path = "/v1/cases/J001/transitions/fault";
    let input = json!({ "input": { "about": "bent" } });
    let dry = api.post("bob", &format!("{path}?dry_run=true"), input.clone()).await;
    assert_eq!(dry.status, StatusCode::OK, "{dry}");
    assert_eq!(body(&api.get("max", &order).await)["children"].as_array().unwrap().len(), 1);
    let ask = || api.ask("bob", "POST", path).header("idempotency-key", "k").json(input.clone());
    let (first, again) = (ask().send(&api).await, ask().send(&api).await);
    assert_eq!((first.status, &first.text), (StatusCode::OK, &again.text));
    let shown = body(&api.get("max", &order).await);
    assert_eq!(shown["children"].as_array().unwrap().len(), 2);
    // The dry run's number was given back.
    assert_eq!(shown["children"][1]["number"], json!("D001"));
}

/// A parent can't end while a child is being opened, however they race.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_parent_ends_while_a_child_is_opened() {
    let api = Arc::new(family().await);
    let (mut opened, mut ended) = (0, 0);
    for round in 1..=40 {
        started(&api, "one", &["a"]).await;
        let (order, job) = (format!("O{round:03}"), format!("J{round:03}"));
        let race = |who: &'static str, case: &str, transition: &'static str, input: Json| {
            let (api, case) = (Arc::clone(&api), case.to_owned());
            tokio::spawn(async move { take(&api, who, &case, transition, input).await.status })
        };
        let fault = race("bob", &job, "fault", json!({ "about": "bent" }));
        let close = race("ann", &order, "close", json!({}));
        let (fault, close) = (fault.await.unwrap(), close.await.unwrap());
        let (fault, close) = (fault == StatusCode::OK, close == StatusCode::OK);
        assert!(fault != close, "round {round}: one of them wins: opened {fault}, ended {close}");
        (opened, ended) = (opened + i32::from(fault), ended + i32::from(close));
    }
    assert_eq!(opened + ended, 40);
    assert_eq!(api.runtime.verify().await.unwrap(), []);
}

#[tokio::test]
async fn views_and_measures_see_kin_as_far_as_the_caller_may() {
    let api = family().await;
    started(&api, "one", &["a", "b"]).await;
    started(&api, "two", &["c"]).await;
    take(&api, "bob", "J003", "finish", json!({})).await;
    let titles = body(&api.get("max", "/v1/views/shop?lang=zh").await);
    let titles: Vec<_> = titles["columns"].as_array().unwrap().iter().map(|column| &column["title"]).collect();
    assert_eq!(titles, ["编号", "part", "阶段", "订单编号", "name", "订单阶段"]);
    insta::assert_snapshot!(api.rows("max", "/v1/views/shop").await, @r#"
    "J003" null ["J003","c",{"value":"done","title":"done"},"O002","two",{"value":"made","title":"made"}]
    "J001" null ["J001","a",{"value":"running","title":"Running"},"O001","one",{"value":"making","title":"making"}]
    "J002" null ["J002","b",{"value":"running","title":"Running"},"O001","one",{"value":"making","title":"making"}]
    more: false count: 3
    "#);
    insta::assert_snapshot!(api.rows("max", "/v1/views/making").await, @r#"
    "O001" null ["O001","one",2]
    "O002" null ["O002","two",0]
    more: false count: 2
    "#);
    // Who has no role in the workflow of the kin sees nothing of them, and nothing is sorted by it.
    insta::assert_snapshot!(api.rows("bob", "/v1/views/shop").await, @r#"403 forbidden: "`parent.name` is hidden from you, so nothing is sorted by it; choose other columns with `sort`""#);
    insta::assert_snapshot!(api.rows("bob", "/v1/views/shop?sort=part").await, @r#"
    "J001" null ["J001","a",{"value":"running","title":"Running"},null,null,null]
    "J002" null ["J002","b",{"value":"running","title":"Running"},null,null,null]
    "J003" null ["J003","c",{"value":"done","title":"done"},null,null,null]
    more: false count: 3
    "#);
    insta::assert_snapshot!(api.rows("ann", "/v1/views/making").await, @r#"
    "O001" null ["O001","one",null]
    "O002" null ["O002","two",null]
    more: false count: 2
    "#);
    insta::assert_snapshot!(api.months("max", "/v1/measures/all_done").await, @r#"
    {"month":"2026-09","of":2,"count":1,"share":"0.5","unknown":0}
    total {"of":2,"count":1,"share":"0.5","unknown":0}
    undated null
    "#);
    insta::assert_snapshot!(api.months("ann", "/v1/measures/all_done").await, @r#"403 forbidden: "the measure `all_done` leans on fields that are hidden from you""#);
    // What becomes of a child counts for its parent.
    take(&api, "bob", "J001", "finish", json!({})).await;
    take(&api, "bob", "J002", "finish", json!({})).await;
    insta::assert_snapshot!(api.months("max", "/v1/measures/all_done").await, @r#"
    {"month":"2026-09","of":2,"count":2,"share":"1","unknown":0}
    total {"of":2,"count":2,"share":"1","unknown":0}
    undated null
    "#);
}
