//! Attachments: what is taken and kept, who may have it, and what is never kept.

use std::path::Path;

use axum::http::StatusCode;
use gendan::http::{AttachmentRules, Settings};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Answer, Api};

const PDF: &[u8] = b"%PDF-1.7 a plan";

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn api(rules: AttachmentRules) -> Api {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/files");
    Api::with(folder, &Settings { attachments: rules, ..Settings::default() }).await
}

async fn opened(api: &Api) -> String {
    let answer = api.post("ann", "/v1/workflows/request/cases", json!({ "fields": {} })).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer}");
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn attach(api: &Api, who: &str, case: &str, query: &str, kind: &str, content: &[u8]) -> Answer {
    let ask = api.ask(who, "POST", &format!("{case}/attachments{query}"));
    ask.header("content-type", kind).body(content).send(api).await
}

/// The files under the folder of contents, as `folder/...`.
fn kept(api: &Api) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![api.data.path().join("attachments")];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(api.data.path().join("attachments")).unwrap().display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_file_is_kept_under_its_content_and_given_back_r35_r63_r106() {
    let api = api(AttachmentRules::default()).await;
    let case = opened(&api).await;
    let (hash, name) = (sha256(PDF), "?name=%E5%9B%BE%201.pdf");
    let first = attach(&api, "ann", &case, name, "application/pdf", PDF).await;
    insta::assert_snapshot!(first, @r#"
    201
    etag: "v2"
    {
      "sha256": "<revision>",
      "name": "图 1.pdf",
      "type": "application/pdf",
      "bytes": 15,
      "at": "2026-09-24T01:00:00Z",
      "by": "ann"
    }
    "#);
    assert_eq!(first.json()["sha256"], hash.as_str());
    let (begin, end) = hash.split_at(2);
    assert_eq!(kept(&api), [format!("{begin}/{end}")]);
    // The same content is the same attachment, whoever sends it under whatever name.
    let again = attach(&api, "bob", &case, "?name=b.pdf", "application/pdf", PDF).await;
    assert_eq!((again.status, again.json()["by"].as_str()), (StatusCode::OK, Some("ann")));
    let list = api.get("ann", &format!("{case}/attachments")).await;
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 1, "{list}");
    let content = api.get("ann", &format!("{case}/attachments/{hash}")).await;
    assert_eq!((content.status, content.text.as_bytes()), (StatusCode::OK, PDF));
    for (header, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "15"),
        ("content-disposition", "attachment; filename=\"_ 1.pdf\"; filename*=UTF-8''%E5%9B%BE%201.pdf"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(content.header(header), Some(value), "{header}");
    }
    assert_eq!(api.get("ann", &format!("{case}/attachments/{}", "0".repeat(64))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(api.get("aud", &format!("{case}/attachments")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(api.get("", &format!("{case}/attachments/{hash}")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_field_takes_only_what_is_attached_to_its_case() {
    let api = api(AttachmentRules::default()).await;
    let (case, other) = (opened(&api).await, opened(&api).await);
    attach(&api, "ann", &other, "?name=a.pdf", "application/pdf", PDF).await;
    let hash = sha256(PDF);
    let input = json!({ "input": { "plan": hash } });
    let refused = api.post("ann", &format!("{case}/transitions/hand_in"), input.clone()).await;
    insta::assert_snapshot!(refused.faults(), @r#"
    422 invalid: "`plan`: this is not attached to the case; attach it first"
    - not_attached /plan this is not attached to the case; attach it first
    "#);
    let rows = api.patch("ann", &case, json!({ "fields": { "pages": [{ "scan": hash }] } })).await;
    insta::assert_snapshot!(rows.faults(), @r#"
    422 invalid: "`pages[0].scan`: this is not attached to the case; attach it first"
    - not_attached /pages/0/scan this is not attached to the case; attach it first
    "#);
    let opening = api.post("ann", "/v1/workflows/request/cases", json!({ "fields": { "plan": hash } })).await;
    assert_eq!(opening.status, StatusCode::UNPROCESSABLE_ENTITY);
    attach(&api, "ann", &case, "?name=a.pdf", "application/pdf", PDF).await;
    let taken = api.post("ann", &format!("{case}/transitions/hand_in"), input).await;
    assert_eq!(taken.status, StatusCode::OK, "{taken}");
}

#[tokio::test]
async fn what_only_a_hidden_field_holds_is_hidden() {
    let api = api(AttachmentRules::default()).await;
    let case = opened(&api).await;
    attach(&api, "bob", &case, "?name=s.pdf", "application/pdf", PDF).await;
    let hash = sha256(PDF);
    let set = api.patch("bob", &case, json!({ "fields": { "secret": hash } })).await;
    assert_eq!(set.status, StatusCode::OK, "{set}");
    for (who, count, status) in [("bob", 1, StatusCode::OK), ("ann", 0, StatusCode::FORBIDDEN)] {
        let list = api.get(who, &format!("{case}/attachments")).await;
        assert_eq!(list.json()["data"].as_array().unwrap().len(), count, "{who}");
        assert_eq!(api.get(who, &format!("{case}/attachments/{hash}")).await.status, status, "{who}");
    }
    // The log tells that something was attached, and not what.
    let events = api.get("ann", &format!("{case}/events")).await;
    assert!(events.text.contains("attached") && !events.text.contains("s.pdf"), "{events}");
}

#[tokio::test]
async fn what_can_t_be_taken_is_not_kept() {
    let api = api(AttachmentRules { bytes_max: 20, ..AttachmentRules::default() }).await;
    let case = opened(&api).await;
    let mut said = String::new();
    for (who, query, kind, content) in [
        ("ann", "", "application/pdf", PDF),
        ("ann", "?nam=a.pdf", "application/pdf", PDF),
        ("ann", "?name=a.pdf", "application/pfd", PDF),
        ("ann", "?name=a.pdf", "text/html", b"<html>"),
        ("ann", "?name=a.pdf", "application/pdf", b"MZ an executable"),
        ("ann", "?name=a.pdf", "application/pdf", b"%PDF-1.7 of far too many bytes"),
        ("ann", "?name=a.pdf", "application/pdf", b""),
        ("aud", "?name=a.pdf", "application/pdf", PDF),
    ] {
        said += &attach(&api, who, &case, query, kind, content).await.faults();
    }
    insta::assert_snapshot!(said, @r#"
    400 bad_parameter: "the parameter `name` is needed: the name of the file"
    - bad_parameter  the parameter `name` is needed: the name of the file
    400 unknown_parameter: "unknown parameter `nam`, did you mean `name`?"
    - unknown_parameter  unknown parameter `nam`, did you mean `name`?
    415 unsupported_media_type: "the type `application/pfd` is not taken; did you mean `application/pdf`?"
    415 unsupported_media_type: "the type `text/html` is not taken; those that are: application/pdf, image/png, image/jpeg, image/webp, text/plain, text/csv, application/vnd.openxmlformats-officedocument.wordprocessingml.document, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    415 unsupported_media_type: "the content is no `application/pdf`"
    413 too_large: "an attachment has at most 20 bytes"
    400 bad_request: "the file is empty: send its bytes as the body"
    403 forbidden: "this needs a role of the workflow `request`"
    "#);
    assert_eq!(kept(&api), Vec::<String>::new());
    let name = attach(&api, "ann", &case, "?name=..%2Fa.pdf", "application/pdf", PDF).await;
    insta::assert_snapshot!(name.faults(), @r#"
    422 invalid: "`name`: must not have / \\ or control characters"
    - bad_name /name must not have / \ or control characters
    "#);
    assert_eq!(api.get("ann", &format!("{case}/attachments")).await.json()["data"], json!([]));
}

#[cfg(unix)]
#[tokio::test]
async fn a_scanner_decides_and_without_its_word_nothing_is_kept() {
    for (scanner, said) in [
        ("/bin/true", "201"),
        ("/bin/false", "422 invalid: \"the scanner found something in the file; it was not kept\"\n"),
        (
            "/nowhere/scanner --fast",
            "503 unavailable: \"the scanner can't be used now, so the file was not kept; try again later\"\n",
        ),
        ("/bin/grep -q plan", "201"),
        ("/bin/grep -q virus", "422 invalid: \"the scanner found something in the file; it was not kept\"\n"),
    ] {
        let words = scanner.split(' ').map(str::to_owned).collect();
        let api = api(AttachmentRules { scanner: words, ..AttachmentRules::default() }).await;
        let case = opened(&api).await;
        let answer = attach(&api, "ann", &case, "?name=a.pdf", "application/pdf", PDF).await;
        let found = if answer.status == StatusCode::CREATED { "201".to_owned() } else { answer.faults() };
        assert_eq!(found, said, "{scanner}");
        assert_eq!(kept(&api).len(), usize::from(said == "201"), "{scanner}");
    }
}

#[tokio::test]
async fn verifying_finds_what_is_missing_and_what_has_changed() {
    let api = api(AttachmentRules::default()).await;
    let case = opened(&api).await;
    let contents: Vec<Vec<u8>> = (0..3).map(|number| format!("text {number}").into_bytes()).collect();
    for content in &contents {
        attach(&api, "ann", &case, "?name=t.txt", "text/plain; charset=utf-8", content).await;
    }
    let verified = async || api.post("root", "/v1/verify", json!({})).await.json();
    let sound = verified().await;
    assert_eq!((sound["ok"].as_bool(), sound["attachments"].as_u64()), (Some(true), Some(3)));
    let place = |content: &[u8]| {
        let hash = sha256(content);
        let (begin, end) = hash.split_at(2);
        api.data.path().join("attachments").join(begin).join(end)
    };
    std::fs::remove_file(place(&contents[0])).unwrap();
    std::fs::write(place(&contents[1]), "text X").unwrap();
    std::fs::copy(place(&contents[2]), place(b"stranger"))
        .or_else(|_| {
            std::fs::create_dir_all(place(b"stranger").parent().unwrap()).unwrap();
            std::fs::copy(place(&contents[2]), place(b"stranger"))
        })
        .unwrap();
    let damaged = verified().await;
    let damages = damaged["damages"].as_array().unwrap();
    let said: Vec<&str> = damages.iter().map(|damage| damage["what"].as_str().unwrap()).collect();
    assert_eq!((damaged["ok"].as_bool(), said.len()), (Some(false), 2), "{damaged}");
    assert!(said[0].ends_with("is missing") && said[1].ends_with("has another content than when it was attached"));
    assert_eq!(damaged["orphans"], json!([sha256(b"stranger")]));
}
