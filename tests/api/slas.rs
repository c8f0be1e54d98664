//! The clocks of a case over HTTP: what is owed by when, and why then.

use std::fs;

use super::*;

const WORKFLOW: &str = "
workflow: timed
calendar: office
open: { by: clerk, to: review }
stages:
  review:
    owner: boss
    transitions:
      approve: { by: boss, to: approved }
  approved: { final: success }
slas:
  answer:
    title: { zh: 答复, en: Answer }
    stage: review
    within: 2 working hours
    owner: boss
    breach: [ escalate: auditor ]
";

const OFFICE: &str = "
calendar: office
time_zone: Asia/Shanghai
hours: { mon-fri: [ \"09:00-10:00\", \"13:00-18:00\" ] }
years: { 2026: }
";

async fn timed() -> (tempfile::TempDir, Api) {
    let folder = tempfile::tempdir().unwrap();
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/set/workflows");
    fs::create_dir_all(folder.path().join("workflows/calendars")).unwrap();
    for file in ["roles.yaml", "tables.yaml"] {
        fs::copy(set.join(file), folder.path().join("workflows").join(file)).unwrap();
    }
    fs::write(folder.path().join("workflows/timed.yaml"), WORKFLOW).unwrap();
    fs::write(folder.path().join("workflows/calendars/office.yaml"), OFFICE).unwrap();
    let api = Api::over(folder.path().to_path_buf()).await;
    (folder, api)
}

#[tokio::test]
async fn the_clocks_of_a_case_are_shown_and_explained() {
    let (_folder, api) = timed().await;
    let opened = api.post("ann", "/v1/workflows/timed/cases", json!({ "fields": {} })).await;
    let case = opened.headers["location"].to_str().unwrap().to_owned();
    // It is nine in Shanghai.
    let shown = api.get("bob", &format!("{case}/slas")).await.json();
    let clock = &shown["data"][0];
    assert_eq!((&clock["state"], &clock["due"]), (&json!("running"), &json!("2026-09-24T06:00:00Z")), "{shown}");
    assert_eq!((&clock["title"], &clock["within"]), (&json!("Answer"), &json!("2 working hours")), "{shown}");
    assert_eq!(clock.get("spans"), None, "{shown}");
    api.clock.advance(std::time::Duration::from_secs(6 * 3_600));
    let approved = api.post("bob", &format!("{case}/transitions/approve"), json!({})).await;
    assert_eq!(approved.status, StatusCode::OK, "{approved}");
    let shown = api.get("bob", &format!("{case}/slas?explain=true")).await.json();
    let clock = &shown["data"][0];
    assert_eq!((&clock["state"], &clock["closed"]), (&json!("met_late"), &json!("2026-09-24T07:00:00Z")), "{shown}");
    let spans = clock["spans"].as_array().unwrap().iter();
    let spans: Vec<String> = spans.map(|span| format!("{} {} {}", span["from"], span["code"], span["why"])).collect();
    insta::assert_snapshot!(spans.join("\n"), @r#"
    "2026-09-24T01:00:00Z" "working_hours" "working hours"
    "2026-09-24T02:00:00Z" "outside_hours" "outside working hours"
    "2026-09-24T05:00:00Z" "working_hours" "working hours"
    "#);
    let events = api.get("bob", &format!("{case}/events?after=2")).await.json();
    let told: Vec<&str> =
        events["data"].as_array().unwrap().iter().map(|event| event["data"]["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["taken", "clock_breached", "escalated", "clock_met_late"], "{events}");
    assert_eq!(events["data"][2]["data"]["escalation"], json!({ "to": "auditor", "owner": "boss", "sla": "answer" }));
    let refused = api.get("bob", &format!("{case}/slas?explan=true")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused}");
    assert_eq!(api.get("eve", "/v1/cases/01j00000000000000000000000/slas").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_sla_has_its_hit_rate_by_itself() {
    const HOUR: u64 = 3_600;
    let (_folder, api) = timed().await;
    let wait = |seconds: u64| api.clock.advance(std::time::Duration::from_secs(seconds));
    let open = async || {
        let opened = api.post("ann", "/v1/workflows/timed/cases", json!({ "fields": {} })).await;
        opened.header("location").unwrap().to_owned()
    };
    let approve = async |case: &str| {
        let approved = api.post("bob", &format!("{case}/transitions/approve"), json!({})).await;
        assert_eq!(approved.status, StatusCode::OK, "{approved}");
    };
    // In time, and an hour late.
    for hours in [1, 6] {
        let case = open().await;
        wait(hours * HOUR);
        approve(&case).await;
    }
    // From half past four on the last of September: due on the first of October, at half past nine.
    wait(6 * 24 * HOUR + HOUR / 2);
    let (exact, late) = (open().await, open().await);
    wait(17 * HOUR);
    approve(&exact).await;
    insta::assert_snapshot!(api.months("bob", "/v1/measures/slas.timed.answer").await, @r#"
    {"month":"2026-09","of":2,"count":1,"share":"0.5","unknown":0}
    {"month":"2026-10","of":1,"count":1,"share":"1","unknown":0}
    total {"of":3,"count":2,"share":"0.6667","unknown":0}
    undated null
    "#);
    wait(1);
    approve(&late).await;
    insta::assert_snapshot!(api.months("bob", "/v1/measures/slas.timed.answer").await, @r#"
    {"month":"2026-09","of":2,"count":1,"share":"0.5","unknown":0}
    {"month":"2026-10","of":2,"count":1,"share":"0.5","unknown":0}
    total {"of":4,"count":2,"share":"0.5","unknown":0}
    undated null
    "#);
    insta::assert_snapshot!(api.behind("/v1/measures/slas.timed.answer/cases?part=rest").await, @r#"
    {"number":"timed-0004","clock":1,"month":"2026-10","part":"rest"}
    {"number":"timed-0002","clock":1,"month":"2026-09","part":"rest"}
    more: false
    "#);
    let listed = api.get("bob", "/v1/measures").await.json();
    let expected = json!({ "measure": "slas.timed.answer", "workflow": "timed", "title": "Answer", "kind": "clocks" });
    assert_eq!(listed["data"], json!([expected]));
}
