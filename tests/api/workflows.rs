//! Workflows, for clients that build forms and menus.

use super::*;

#[tokio::test]
async fn workflows_are_listed_for_those_who_have_a_role_in_them() {
    let api = Api::start().await;
    for (who, expected) in [("ann", "request"), ("aud", "audit"), ("bot", ""), ("root", "audit request")] {
        let list = api.get(who, "/v1/workflows").await.json();
        let names: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|found| found["workflow"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), expected, "{who}");
    }
    insta::assert_snapshot!(api.get("ann", "/v1/workflows/audit").await.faults(), @r#"403 forbidden: "this needs a role of the workflow `audit`""#);
    insta::assert_snapshot!(api.get("ann", "/v1/workflows/none").await.faults(), @r#"404 not_found: "there is no workflow `none`""#);
}

#[tokio::test]
async fn a_workflow_describes_itself() {
    let api = Api::start().await;
    let answer = api.ask("ann", "GET", "/v1/workflows/request").header("accept-language", "zh").send(&api).await;
    insta::assert_snapshot!(steady(&member_by_member(&answer.json())), @r#"
    workflow: "request"
    title: "申请"
    revision: "<revision>"
    zone: "UTC"
    settings: {"largest":100}
    fields: {"type":"object","properties":{"external_id":{"type":"string","maxLength":4000},"thing":{"type":"string","x-table":"things"},"amount":{"type":["string","number"],"format":"decimal","minimum":0,"title":"金额"},"budget":{"type":["string","number"],"format":"decimal"},"secret":{"type":"string","maxLength":4000},"reason":{"type":"string","maxLength":4000},"lines":{"type":"array","items":{"type":"object","properties":{"what":{"type":"string","maxLength":4000},"cost":{"type":["string","number"],"format":"decimal"}},"required":["what"],"additionalProperties":false},"minItems":0,"maxItems":1000}},"required":["thing","amount"],"additionalProperties":false}
    computed: "twice"
    open: {"transition":"open","title":"open","from":[],"to":["draft"],"by":[{"role":"clerk"},{"role":"boss"}],"not_by":[],"ask":[],"change":[],"auto":false}
    stages: {"stage":"draft","title":"草稿","owner":{"role":"clerk"}}
    stages: {"stage":"review","title":"待批","owner":{"role":"boss"}}
    stages: {"stage":"approved","title":"approved","end":"success"}
    stages: {"stage":"rejected","title":"rejected","end":"failure"}
    transitions: {"transition":"submit","title":"提交","from":["draft"],"to":["review"],"by":[{"role":"clerk"}],"not_by":[],"ask":[],"change":[],"auto":false}
    transitions: {"transition":"approve","title":"批准","from":["review"],"to":["approved"],"by":[{"role":"boss"}],"not_by":["open","submit"],"ask":[],"change":[],"auto":false}
    transitions: {"transition":"reject","title":"reject","from":["review"],"to":["rejected"],"by":[{"role":"boss"}],"not_by":[],"ask":[{"field":"reason","required":true}],"change":[],"auto":false}
    "#);
}

/// One line for each member, and for each item of a member that is a list.
fn member_by_member(json: &Json) -> String {
    let lines = json.as_object().unwrap().iter().flat_map(|(name, value)| match value.as_array() {
        Some(items) => items.iter().map(|item| format!("{name}: {item}\n")).collect(),
        None => vec![format!("{name}: {value}\n")],
    });
    lines.collect()
}
