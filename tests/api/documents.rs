//! Documents: numbered and frozen when they are issued, drafts before that.

use super::*;

impl Api {
    async fn printing() -> (Self, String) {
        let api = Self::over(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/printing")).await;
        let fields = json!({ "to": "Ann & <b>Bob</b>", "items": [{ "thing": "A", "pieces": 2 }] });
        let opened = api.post("ann", "/v1/workflows/parcel/cases", json!({ "fields": fields })).await;
        assert_eq!(opened.status, StatusCode::CREATED, "{opened}");
        let case = opened.header("location").unwrap().to_owned();
        (api, case)
    }

    async fn step(&self, case: &str, transition: &str) -> Answer {
        self.post("bob", &format!("{case}/transitions/{transition}"), json!({})).await
    }

    /// The headers that say what a page is, and the page.
    async fn page(&self, who: &str, path: &str) -> String {
        let answer = self.get(who, path).await;
        if answer.status != StatusCode::OK {
            return answer.faults();
        }
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; style-src"));
        let marks = ["gendan-document-number", "gendan-draft"].map(|name| answer.header(name).unwrap_or("-"));
        format!("{}\n{}", marks.join(" "), answer.text)
    }
}

#[tokio::test]
async fn a_draft_says_that_it_is_one() {
    let (api, case) = Api::printing().await;
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/slip")).await, @r#"
    - true
    <!doctype html>
    <html lang="zh">
    <style>@page { size: A4; margin: 20mm } td.worth { text-align: right }</style>
    <h1>随货单 草稿</h1>
    <p>P001 已装箱 2026年9月24日 Ann &amp; &lt;b&gt;Bob&lt;&#x2f;b&gt;</p>
    <table>
    <tr><td>1<td>Anvil<td>2
    </table>
    </html><div style="position:fixed;top:40%;left:0;width:100%;text-align:center;font:bold 96px sans-serif;color:rgba(200,0,0,.25);transform:rotate(-30deg);pointer-events:none">草稿</div>
    "#);
    insta::assert_snapshot!(api.get("ann", &format!("{case}/documents")).await, @r#"
    200
    {
      "data": [
        {
          "document": "slip",
          "title": "Packing slip",
          "issued": []
        }
      ]
    }
    "#);
    api.patch("ann", &case, json!({ "fields": { "items": [] } })).await;
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/slip")).await, @r#"409 conflict: "the document `slip` was not issued, and can't be as things stand""#);
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/slop")).await, @r#"404 not_found: "there is no document `slop`""#);
}

#[tokio::test]
async fn what_was_issued_is_frozen() {
    let (api, case) = Api::printing().await;
    let sent = api.step(&case, "send").await.json();
    insta::assert_snapshot!(steady(&sent["events"][1].to_string()), @r#"{"kind":"issued","workflow":"parcel","version":3,"at":"2026-09-24T01:00:00Z","by":"bob","revision":"<revision>","number":"SL20260924-001","document":"slip"}"#);
    let first = api.page("ann", &format!("{case}/documents/slip")).await;
    insta::assert_snapshot!(first, @r#"
    SL20260924-001 -
    <!doctype html>
    <html lang="zh">
    <style>@page { size: A4; margin: 20mm } td.worth { text-align: right }</style>
    <h1>随货单 SL20260924-001</h1>
    <p>P001 已发出 2026年9月24日 Ann &amp; &lt;b&gt;Bob&lt;&#x2f;b&gt;</p>
    <table>
    <tr><td>1<td>Anvil<td>2
    </table>
    </html>
    "#);
    // Neither a change of the case nor of a row changes it.
    api.patch("ann", &case, json!({ "fields": { "to": "Eve", "remark": "late" } })).await;
    api.put("dat", "/v1/tables/things/A", json!({ "name": "Anchor", "least": 10 })).await;
    assert_eq!(api.page("ann", &format!("{case}/documents/slip")).await, first);
    assert_eq!(api.step(&case, "again").await.status, StatusCode::OK);
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/slip")).await, @r#"
    SL20260924-002 -
    <!doctype html>
    <html lang="zh">
    <style>@page { size: A4; margin: 20mm } td.worth { text-align: right }</style>
    <h1>随货单 SL20260924-002</h1>
    <p>P001 已发出 2026年9月24日 Eve (late)</p>
    <table>
    <tr><td>1<td>Anchor<td>2
    </table>
    </html>
    "#);
    assert_eq!(api.page("ann", &format!("{case}/documents/slip?number=SL20260924-001")).await, first);
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/slip?number=SL1")).await, @r#"404 not_found: "there is no document `SL1`""#);
    let listed = api.get("ann", &format!("{case}/documents")).await.json();
    let numbers = listed["data"][0]["issued"].as_array().unwrap().iter().map(|issued| issued["number"].clone());
    assert_eq!(numbers.collect::<Vec<_>>(), ["SL20260924-001", "SL20260924-002"]);
    assert_eq!(api.runtime.verify().await.unwrap(), []);
}

#[tokio::test]
async fn what_comes_to_nothing_takes_no_number() {
    let (api, case) = Api::printing().await;
    api.patch("ann", &case, json!({ "fields": { "items": [] } })).await;
    insta::assert_snapshot!(api.step(&case, "send").await.faults(), @r#"
    409 conflict: "`slip` can't be issued now: items.len() > 0"
    - line 36: document_not_due  `slip` can't be issued now: items.len() > 0
    "#);
    let dry = api.post("bob", &format!("{case}/transitions/send?dry_run=true"), json!({})).await;
    assert_eq!(dry.status, StatusCode::CONFLICT, "{dry}");
    // A value that the template needs is missing.
    insta::assert_snapshot!(api.step(&case, "insure").await.faults(), @r#"
    422 invalid: "the document `policy` can't be printed: workflows/documents/policy.html:2: undefined value: a number is wanted, and there is no value"
    - document_not_printed  the document `policy` can't be printed: workflows/documents/policy.html:2: undefined value: a number is wanted, and there is no value
    "#);
    api.patch("ann", &case, json!({ "fields": { "items": [{ "thing": "A", "pieces": 1 }] } })).await;
    api.patch("bob", &case, json!({ "fields": { "worth": "1234.5" } })).await;
    for path in ["transitions/send?dry_run=true", "transitions/insure", "transitions/send"] {
        let taken = api.post("bob", &format!("{case}/{path}"), json!({})).await;
        assert_eq!(taken.status, StatusCode::OK, "{taken}");
    }
    insta::assert_snapshot!(api.page("bob", &format!("{case}/documents/policy")).await, @"
    PO1 -
    <!doctype html>
    <p>PO1: Ann &amp; &lt;b&gt;Bob&lt;&#x2f;b&gt; is insured for 1,234.50</p>
    ");
    let slip = api.get("bob", &format!("{case}/documents/slip")).await;
    assert_eq!(slip.header("gendan-document-number"), Some("SL20260924-001"));
    // Who may not see what it shows does not see it.
    insta::assert_snapshot!(api.page("ann", &format!("{case}/documents/policy")).await, @r#"403 forbidden: "the document `policy` shows fields that are hidden from you""#);
    let listed = api.get("ann", &format!("{case}/documents")).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn numbers_are_given_once_however_many_ask_at_once() {
    let (api, first) = Api::printing().await;
    let mut cases = vec![first];
    for _ in 0..11 {
        let fields = json!({ "to": "x", "items": [{ "thing": "A", "pieces": 2 }] });
        let opened = api.post("ann", "/v1/workflows/parcel/cases", json!({ "fields": fields })).await;
        cases.push(opened.header("location").unwrap().to_owned());
    }
    let mut sent = tokio::task::JoinSet::new();
    let api = Arc::new(api);
    for case in cases {
        let api = Arc::clone(&api);
        sent.spawn(async move { api.step(&case, "send").await.json()["events"][1]["number"].to_string() });
    }
    let numbers: BTreeSet<String> = sent.join_all().await.into_iter().collect();
    let expected: BTreeSet<String> = (1..=12).map(|place| format!("\"SL20260924-{place:03}\"")).collect();
    assert_eq!(numbers, expected);
}
