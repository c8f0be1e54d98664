//! Tasks, approvals and absences.

use super::*;

const LINES: &str = r#"[{ "thing": "A", "price": 3 }, { "thing": "A" }]"#;

async fn start() -> Api {
    Api::over(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/duty")).await
}

impl Api {
    /// Opens a parcel of max's that ann helps with, and gives its address.
    async fn parcel(&self) -> String {
        self.clock.advance(std::time::Duration::from_secs(1));
        let lines: Json = serde_json::from_str(LINES).unwrap();
        let body = json!({ "fields": { "lines": lines, "helper": "ann" } });
        let answer = self.post("max", "/v1/workflows/parcel/cases", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
        answer.headers["location"].to_str().unwrap().to_owned()
    }

    /// What came of a command: the kinds of its events, or its faults.
    async fn does(&self, who: &str, path: &str, body: Json) -> String {
        let answer = self.post(who, path, body).await;
        let json = answer.json();
        let Some(events) = json["events"].as_array() else {
            let faults = json["errors"].as_array().cloned().unwrap_or_default().into_iter();
            let faults = faults.map(|fault| fault["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            return format!("{} {}", answer.status.as_u16(), faults.join(" "));
        };
        let event = |event: &Json| {
            let name = event["task"].as_str().or(event["transition"].as_str()).unwrap_or_default();
            let by = event["for"].as_str().map(|whom| format!(" for {whom}")).unwrap_or_default();
            format!("{} {name} by {}{by}", event["kind"].as_str().unwrap(), event["by"].as_str().unwrap())
        };
        events.iter().map(event).collect::<Vec<_>>().join(", ")
    }

    /// What waits for `who`.
    async fn inbox(&self, who: &str, query: &str) -> String {
        let answer = self.get(who, &format!("/v1/tasks{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer}");
        let work = |work: &Json| {
            let claimed = work["claimed_by"].as_str().map(|by| format!(" claimed by {by}")).unwrap_or_default();
            let whom = work["for"].as_str().map(|whom| format!(" for {whom}")).unwrap_or_default();
            format!("{} {}{claimed}{whom}", work["case"]["number"].as_str().unwrap(), work["title"].as_str().unwrap())
        };
        answer.json()["data"].as_array().unwrap().iter().map(work).collect::<Vec<_>>().join(", ")
    }
}

fn batches(first: &str) -> Json {
    json!({ "input": { "rows": [{ "thing": "A", "batch": first }, { "thing": "A", "batch": "y" }] } })
}

#[tokio::test]
async fn a_task_is_claimed_completed_and_judged_by_a_second_person() {
    let api = start().await;
    let case = api.parcel().await;
    let task = |name: &str, step: &str| format!("{case}/tasks/{name}/{step}");
    assert_eq!(api.does("bob", &task("pick", "claim"), json!({})).await, "403 role");
    assert_eq!(api.does("ann", &task("pick", "claim"), json!({})).await, "task_claimed pick by ann");
    assert_eq!(api.does("eve", &task("pick", "complete"), batches("x")).await, "409 claimed");
    assert_eq!(api.does("ann", &task("pick", "complete"), json!({})).await, "422 required required");
    assert_eq!(api.does("ann", &task("pick", "finish"), json!({})).await, "404 ");
    let dry = format!("{}?dry_run=true", task("pick", "complete"));
    let done = "task_completed pick by ann, task_opened recheck by ann";
    assert_eq!(api.does("ann", &dry, batches("x")).await, done);
    let complete = || api.ask("ann", "POST", &task("pick", "complete")).header("idempotency-key", "k");
    let first = complete().header("if-match", "\"v4\"").json(batches("x")).send(&api).await;
    assert_eq!(first.status, StatusCode::OK, "{first}");
    let again = complete().header("if-match", "\"v4\"").json(batches("x")).send(&api).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
    let stale = api.ask("ann", "POST", &task("pick", "complete")).header("if-match", "\"v4\"").json(batches("x"));
    assert_eq!(stale.send(&api).await.status, StatusCode::PRECONDITION_FAILED);
    // Prices are hidden from clerks, also those of the rows that a task keeps.
    let rows = json!([{ "batch": "x", "thing": "A" }, { "batch": "y", "thing": "A" }]);
    assert_eq!(first.json()["events"][0]["rows"], rows);
    let seen = api.get("bob", &format!("{case}/events")).await.json();
    let seen = seen["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["data"]["task"] == "pick" && event["data"]["rows"].is_array());
    assert_eq!(seen.unwrap()["data"]["rows"][0], json!({ "batch": "x", "price": "3", "thing": "A" }));
    for (who, said) in [("ann", "403 four_eyes"), ("max", "403 four_eyes"), ("aud", "403 ")] {
        assert_eq!(api.does(who, &task("recheck", "complete"), batches("x")).await, said, "{who}");
    }
    assert_eq!(
        api.does("bob", &task("recheck", "complete"), batches("z")).await,
        "task_completed recheck by bob, task_reopened pick by bob"
    );
}

#[tokio::test]
async fn what_can_be_done_with_a_task_is_told_with_reasons_and_a_schema() {
    let api = start().await;
    let case = api.parcel().await;
    let available = api.get("eve", &format!("{case}/available")).await.json();
    let told = |task: &Json| {
        let reasons = task["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap());
        let reasons = reasons.collect::<Vec<_>>().join(" ");
        format!("{} {} {} {reasons}", task["task"].as_str().unwrap(), task["state"].as_str().unwrap(), task["possible"])
    };
    let tasks = available["tasks"].as_array().unwrap();
    insta::assert_snapshot!(tasks.iter().map(told).collect::<Vec<_>>().join("\n"), @r"
    pick open true 
    recheck waiting false task_waiting
    tell open false role
    ");
    assert_eq!(tasks[0]["rows"], json!([{ "thing": "A" }, { "thing": "A" }]));
    assert_eq!(tasks[0]["input"]["properties"]["rows"]["items"]["required"], json!(["batch"]));
    assert_eq!(tasks[0]["input"]["properties"]["rows"]["maxItems"], 2);
    assert_eq!(tasks[2]["input"]["required"], json!(["reason", "agreed"]));
}

#[tokio::test]
async fn the_inbox_shows_what_waits_for_somebody_the_longest_waiting_first() {
    let api = start().await;
    let (one, two) = (api.parcel().await, api.parcel().await);
    api.clock.advance(std::time::Duration::from_secs(60));
    api.post("eve", &format!("{one}/tasks/pick/complete"), batches("x")).await;
    assert_eq!(api.inbox("ann", "").await, "P001 tell, P002 Pick, P002 tell, P001 Recheck");
    assert_eq!(api.inbox("ann", "?mine=true").await, "P001 tell, P002 tell");
    assert_eq!(api.inbox("ann", "?role=boss").await, "P001 Recheck");
    assert_eq!(api.inbox("eve", "?workflow=parcel").await, "P002 Pick", "who picked does not recheck");
    assert_eq!(api.inbox("max", "").await, "P002 Pick", "who opened does not recheck");
    assert_eq!(api.inbox("bob", "").await, "P001 Recheck");
    assert_eq!((api.inbox("aud", "").await, api.inbox("root", "").await), (String::new(), String::new()));
    let claim = format!("{two}/tasks/pick/claim");
    assert_eq!(api.does("eve", &claim, json!({})).await, "task_claimed pick by eve");
    assert_eq!(api.inbox("eve", "?mine=true").await, "P002 Pick claimed by eve");
    assert_eq!(api.inbox("max", "").await, "");
    let mut found = Vec::new();
    let mut path = "/v1/tasks?limit=1".to_owned();
    loop {
        let page = api.get("ann", &path).await.json();
        found.extend(page["data"].as_array().unwrap().iter().map(|work| work["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/tasks?limit=1&cursor={cursor}");
    }
    assert_eq!(found, ["tell", "tell", "recheck"]);
    assert_eq!(api.get("ann", "/v1/tasks?cursor=0.x.y~00000000").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.get("ann", "/v1/tasks?kind=case").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_request_for_approval_waits_for_a_second_person_and_is_shown() {
    let api = start().await;
    let case = api.parcel().await;
    let (cancel, answer) = (format!("{case}/transitions/cancel"), format!("{case}/approvals"));
    let ask = json!({ "input": { "reason": "late", "cost": 50 }, "comment": "please" });
    assert_eq!(api.does("bob", &answer, json!({ "approve": true })).await, "409 no_approval");
    assert_eq!(api.does("max", &cancel, ask.clone()).await, "approval_requested cancel by max");
    let shown = api.get("ann", &case).await.json();
    assert_eq!(shown["stage"], "packing");
    assert_eq!(
        shown["approval"]["input"],
        json!({ "set": { "cost": "50", "reason": "late" }, "clear": [] }),
        "the input is frozen"
    );
    assert_eq!(shown["approval"]["steps"], json!([{ "of": [{ "role": "boss" }], "count": 1, "given": [] }]));
    assert_eq!(api.inbox("bob", "?kind=approval").await, "P001 cancel");
    assert_eq!(api.inbox("max", "?kind=approval").await, "", "who asked does not agree");
    for (who, said) in [("ann", "403 role"), ("max", "403 four_eyes"), ("aud", "403 ")] {
        assert_eq!(api.does(who, &answer, json!({ "approve": true })).await, said, "{who}");
    }
    let available = api.get("max", &format!("{case}/available")).await.json();
    assert_eq!((&available["approval"]["possible"], &available["approval"]["withdraw"]), (&json!(false), &json!(true)));
    assert_eq!(api.does("bob", &answer, json!({ "approve": "yes" })).await, "422 not_a_flag");
    assert_eq!(
        api.does("bob", &answer, json!({ "approve": false, "comment": "no" })).await,
        "approval_lapsed cancel by bob"
    );
    assert_eq!(api.does("max", &cancel, ask).await, "approval_requested cancel by max");
    assert_eq!(
        api.does("bob", &answer, json!({ "approve": true })).await,
        "approval_given cancel by bob, taken cancel by max, task_dropped pick by max, task_dropped tell by max"
    );
    assert_eq!(api.get("ann", &case).await.json()["fields"]["cost"], "50");
    assert_eq!(api.inbox("bob", "").await, "");
}

#[tokio::test]
async fn while_somebody_is_away_their_work_is_their_delegates() {
    let api = start().await;
    let (case, other) = (api.parcel().await, api.parcel().await);
    let task = |name: &str, step: &str| format!("{case}/tasks/{name}/{step}");
    assert_eq!(api.does("ann", &task("pick", "claim"), json!({})).await, "task_claimed pick by ann");
    assert_eq!(api.inbox("bob", "").await, "");
    let away = json!({ "until": "2026-09-25T01:00:00Z", "delegate": "bob" });
    assert_eq!(api.put("eve", "/v1/absences/ann", away.clone()).await.status, StatusCode::FORBIDDEN);
    let kept = api.put("ann", "/v1/absences/ann", away).await.json();
    assert_eq!((&kept["from"], &kept["now"]), (&json!("2026-09-24T01:00:02Z"), &json!(true)));
    assert_eq!(api.get("bob", "/v1/absences").await.json()["data"], json!([kept]));
    assert_eq!(api.get("eve", "/v1/absences").await.json()["data"], json!([]));
    // Bob is no clerk, and does what ann had claimed and what names her; not what any clerk could.
    assert_eq!(api.inbox("bob", "").await, "P001 Pick claimed by ann for ann, P001 tell for ann, P002 tell for ann");
    assert_eq!(api.does("bob", &format!("{other}/tasks/pick/claim"), json!({})).await, "403 role");
    assert_eq!(
        api.does("bob", &task("pick", "complete"), batches("x")).await,
        "task_completed pick by bob for ann, task_opened recheck by bob for ann"
    );
    // Four eyes count both.
    for who in ["ann", "bob"] {
        assert_eq!(api.does(who, &task("recheck", "complete"), batches("x")).await, "403 four_eyes", "{who}");
    }
    let edited = api.patch("bob", &case, json!({ "fields": { "cost": 1 } })).await.json();
    assert_eq!((&edited["events"][0]["by"], edited["events"][0].get("for")), (&json!("bob"), None), "his own role");
    let tell = json!({ "input": { "reason": "told", "agreed": true } });
    assert_eq!(api.does("bob", &task("tell", "complete"), tell.clone()).await, "task_completed tell by bob for ann");
    api.clock.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(api.inbox("bob", "").await, "", "she is back");
    assert_eq!(api.does("bob", &format!("{other}/tasks/tell/complete"), tell).await, "403 role");
}

#[tokio::test]
async fn an_absence_is_read_strictly_and_can_be_taken_back() {
    let api = start().await;
    for (body, fault) in [
        (json!({}), "required"),
        (json!({ "delegate": "ann" }), "oneself"),
        (json!({ "delegate": "bob", "until": "2026-09-24T01:00:00Z" }), "before_from"),
        (json!({ "delegate": "bob", "from": "tomorrow" }), "not_a_datetime"),
        (json!({ "delegate": "bob", "till": "2026-09-25T01:00:00Z" }), "unknown_key"),
    ] {
        let answer = api.put("ann", "/v1/absences/ann", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["errors"][0]["code"].as_str()),
            (422, Some(fault)),
            "{answer}"
        );
    }
    assert_eq!(api.put("root", "/v1/absences/ann", json!({ "delegate": "bob" })).await.status, StatusCode::OK);
    let listed = api.get("root", "/v1/absences").await.json();
    assert_eq!(listed["data"][0]["user"], "ann");
    for _ in 0..2 {
        assert_eq!(api.ask("ann", "DELETE", "/v1/absences/ann").send(&api).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(api.get("root", "/v1/absences").await.json()["data"], json!([]));
    assert_eq!(api.get("root", "/v1/tables/.absences").await.status, StatusCode::NOT_FOUND);
}

/// Every route that changes a case goes through one gate: whoever has no role is refused, and so is who has the role
/// and took the step before, whichever road is taken.
#[tokio::test]
async fn no_road_leads_around_a_duty() {
    let api = start().await;
    let roads = contract::operations();
    let roads = roads.into_iter().filter(|(path, method)| path.starts_with("/v1/cases/{id}") && method != "GET");
    let mut walked = 0;
    for (road, method) in roads {
        let case = api.parcel().await;
        api.post("ann", &format!("{case}/tasks/pick/complete"), batches("x")).await;
        api.post("max", &format!("{case}/transitions/cancel"), json!({ "input": { "reason": "x", "cost": 11 } })).await;
        let body = match &*road {
            "/v1/cases/{id}" => json!({ "fields": { "cost": 1 } }),
            road if road.ends_with("/comments") => json!({ "text": "x" }),
            road if road.ends_with("/approvals") => json!({ "approve": true }),
            road if road.ends_with("/complete") => batches("x"),
            _ => json!({}),
        };
        let name = if road.contains("/transitions/") { "check" } else { "recheck" };
        let path = road.replace("/v1/cases/{id}", &case).replace("{name}", name);
        let before = api.get("root", &case).await.json()["version"].clone();
        let attempt = |who: &'static str| api.ask(who, &method, &path).json(body.clone()).send(&api);
        assert_eq!(attempt("aud").await.status, StatusCode::FORBIDDEN, "{method} {road}");
        // Max opened the parcel and asked for its end; the recheck, the check and the approval are not his.
        let bound = ["/transitions/{name}", "/claim", "/complete", "/approvals"].iter().any(|end| road.ends_with(end));
        if bound {
            let answer = attempt("max").await;
            assert_eq!(
                (answer.status.as_u16(), answer.json()["errors"][0]["code"].as_str()),
                (403, Some("four_eyes")),
                "{method} {road}"
            );
            walked += 1;
        }
        assert_eq!(api.get("root", &case).await.json()["version"], before, "{method} {road}");
    }
    assert_eq!(walked, 4);
}
