//! What holds for every route: keys, methods, problems, documentation.

use gendan::http::openapi;

use super::*;

/// Every operation of the document: path and method, in capitals.
pub(super) fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (path.clone(), method.to_uppercase()))
    });
    operations.collect()
}

/// A path with something in each of its places.
fn filled(path: &str) -> String {
    path.split('/').map(|piece| if piece.starts_with('{') { "x" } else { piece }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_document_and_the_router_agree() {
    let api = Api::start().await;
    let operations = operations();
    assert!(operations.len() > 25, "{operations:?}");
    for (path, _) in &operations {
        let mut documented: BTreeSet<String> =
            operations.iter().filter(|(other, _)| other == path).map(|(_, method)| method.clone()).collect();
        if documented.contains("GET") {
            documented.insert("HEAD".into());
        }
        let answer = api.ask("root", "TRACE", &filled(path)).send(&api).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (405, Some("method_not_allowed")),
            "{path}"
        );
        let allowed: BTreeSet<String> = answer.header("allow").unwrap().split(',').map(str::to_owned).collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[tokio::test]
async fn every_route_under_v1_needs_a_key() {
    let api = Api::start().await;
    for (path, method) in operations() {
        let answer =
            api.ask("", &method, &filled(&path)).header("content-type", "application/json").body("{").send(&api).await;
        if path.starts_with("/v1") {
            assert_eq!(
                (answer.status.as_u16(), answer.json()["code"].as_str()),
                (401, Some("unauthenticated")),
                "{method} {path}"
            );
        } else {
            assert_ne!(answer.status, 401, "{method} {path}");
        }
        assert_eq!(answer.header("x-request-id"), Some("r1"), "{method} {path}");
        assert_eq!(answer.header("cache-control") == Some("no-store"), path.starts_with("/v1"), "{method} {path}");
    }
}

/// What a role may do: nobody, a role of the workflow (twice), of another workflow, of none, the writer of tables, the
/// admin. A new route shows up here by itself.
const MATRIX: [&str; 7] = ["", "ann", "bob", "aud", "bot", "dat", "root"];

#[tokio::test]
async fn every_role_may_do_what_stands_here_and_nothing_else() {
    let api = Api::start().await;
    let mut matrix = String::new();
    for (path, method) in operations().into_iter().filter(|(path, _)| path.starts_with("/v1")) {
        let mut cells = Vec::new();
        for who in MATRIX {
            let answer = attempt(&api, who, &method, &path).await;
            cells.push(answer.status.as_u16().to_string());
        }
        matrix += &format!("{} {method} {path}\n", cells.join(" "));
    }
    insta::assert_snapshot!(matrix, @r"
    401 200 200 200 200 200 200 GET /v1/absences
    401 200 403 403 403 403 200 PUT /v1/absences/{user}
    401 204 403 403 403 403 204 DELETE /v1/absences/{user}
    401 200 200 200 200 200 200 GET /v1/cases
    401 200 200 403 403 403 200 GET /v1/cases/{id}
    401 200 200 403 403 403 403 PATCH /v1/cases/{id}
    401 409 409 403 403 403 409 POST /v1/cases/{id}/approvals
    401 200 200 403 403 403 200 GET /v1/cases/{id}/attachments
    401 201 201 403 403 403 403 POST /v1/cases/{id}/attachments
    401 200 200 403 403 403 200 GET /v1/cases/{id}/attachments/{sha256}
    401 200 200 403 403 403 200 GET /v1/cases/{id}/available
    401 200 200 403 403 403 403 POST /v1/cases/{id}/comments
    401 200 200 403 403 403 200 GET /v1/cases/{id}/documents
    401 200 200 403 403 403 200 GET /v1/cases/{id}/documents/{document}
    401 200 200 403 403 403 200 GET /v1/cases/{id}/events
    401 200 200 403 403 403 200 GET /v1/cases/{id}/slas
    401 404 404 403 403 403 404 POST /v1/cases/{id}/tasks/{name}/claim
    401 404 404 403 403 403 404 POST /v1/cases/{id}/tasks/{name}/complete
    401 404 404 403 403 403 404 POST /v1/cases/{id}/tasks/{name}/release
    401 200 403 403 403 403 403 POST /v1/cases/{id}/transitions/{name}
    401 200 200 200 200 200 200 GET /v1/definitions
    401 403 403 403 403 403 200 GET /v1/deliveries
    401 403 403 403 403 403 404 POST /v1/deliveries/{id}/retry
    401 200 200 200 200 200 200 GET /v1/events
    401 200 200 200 200 200 200 GET /v1/inbox
    401 404 404 404 404 404 404 POST /v1/inbox/{id}/read
    401 403 403 403 403 403 200 GET /v1/keys
    401 403 403 403 403 403 201 POST /v1/keys
    401 403 403 403 403 403 200 DELETE /v1/keys/{id}
    401 200 200 200 200 200 200 GET /v1/measures
    401 200 200 403 403 403 200 GET /v1/measures/{measure}
    401 200 200 403 403 403 200 GET /v1/measures/{measure}/cases
    401 200 200 200 403 200 200 GET /v1/resources
    401 404 404 404 403 404 404 GET /v1/resources/{resource}
    401 403 403 403 403 404 404 POST /v1/resources/{resource}
    401 404 404 404 403 404 404 GET /v1/resources/{resource}/{key}
    401 403 403 403 403 404 404 PUT /v1/resources/{resource}/{key}
    401 200 200 403 403 403 200 POST /v1/rules/{rule}/evaluate
    401 200 200 200 403 200 200 GET /v1/tables
    401 200 200 200 403 200 200 GET /v1/tables/{table}
    401 403 403 403 403 200 200 POST /v1/tables/{table}
    401 200 200 200 403 200 200 GET /v1/tables/{table}/{key}
    401 403 403 403 403 200 200 PUT /v1/tables/{table}/{key}
    401 403 403 403 403 204 204 DELETE /v1/tables/{table}/{key}
    401 200 200 200 200 200 200 GET /v1/tasks
    401 403 403 403 403 403 200 POST /v1/verify
    401 200 200 200 200 200 200 GET /v1/views
    401 200 200 403 403 403 200 GET /v1/views/{view}
    401 200 200 200 200 200 200 GET /v1/workflows
    401 200 200 403 403 403 200 GET /v1/workflows/{workflow}
    401 201 201 403 403 403 403 POST /v1/workflows/{workflow}/cases
    ");
}

/// A sound request of `who` for a fresh case, row or key.
async fn attempt(api: &Api, who: &str, method: &str, path: &str) -> Answer {
    api.put("dat", "/v1/tables/things/A", json!({ "name": "Anvil", "least": 10 })).await;
    let case = api.opened().await;
    let id = case.rsplit('/').next().unwrap();
    let key = api.post("root", "/v1/keys", json!({ "user": "x", "roles": [] })).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let row = json!({ "code": "A", "name": "Anvil", "least": 1 });
    let file = attached(api, &case).await;
    let body = match (method, path) {
        ("POST", path) if path.ends_with("/cases") => json!({ "fields": { "thing": "A", "amount": 1 } }),
        ("PATCH", _) => json!({ "fields": { "amount": 2 } }),
        ("POST", path) if path.ends_with("/comments") => json!({ "text": "x" }),
        ("POST", path) if path.ends_with("/evaluate") => json!({ "case": id }),
        ("POST", path) if path.ends_with("/approvals") => json!({ "approve": true }),
        ("PUT", "/v1/absences/{user}") => json!({ "delegate": "eve" }),
        ("POST", "/v1/keys") => json!({ "user": "x", "roles": [] }),
        ("POST", "/v1/tables/{table}") | ("PUT", _) => row,
        _ => json!({}),
    };
    let path = path
        .replace("/v1/cases/{id}", &case)
        .replace("/v1/keys/{id}", &format!("/v1/keys/{key}"))
        .replace("{name}", "submit")
        .replace("{workflow}", "request")
        .replace("{table}", "things")
        .replace("{key}", "A")
        .replace("{user}", "ann")
        .replace("{rule}", "within")
        .replace("{view}", "costs")
        .replace("{measure}", "approved")
        .replace("{document}", "note")
        .replace("{sha256}", &file);
    let (kind, query) = match method {
        "POST" if path == "/v1/tables/things" => ("application/x-ndjson", ""),
        "POST" if path.ends_with("/attachments") => ("text/plain", "?name=other.txt"),
        _ => ("application/json", ""),
    };
    let path = format!("{path}{query}");
    api.ask(who, method, &path).header("content-type", kind).body(body.to_string()).send(api).await
}

#[tokio::test]
async fn every_route_refuses_parameters_that_it_does_not_know() {
    let api = Api::start().await;
    for (path, method) in operations().into_iter().filter(|(path, _)| path.starts_with("/v1")) {
        let case = api.opened().await;
        let path = path
            .replace("/v1/cases/{id}", &case)
            .replace("{workflow}", "request")
            .replace("{table}", "things")
            .replace("{rule}", "within")
            .replace("{view}", "costs")
            .replace("{measure}", "approved")
            .replace("{document}", "note");
        let id = case.rsplit('/').next().unwrap();
        let body = match path.rsplit('/').next() {
            Some("comments") => json!({ "text": "x" }),
            Some("approvals") => json!({ "approve": true }),
            Some("evaluate") => json!({ "case": id }),
            _ => json!({}),
        };
        let who = if path.contains("cases") { "ann" } else { "root" };
        let answer = api.ask(who, &method, &format!("{}?zzz=1", filled(&path))).json(body).send(&api).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), body["code"].as_str()),
            (400, Some("unknown_parameter")),
            "{method} {path}: {answer}"
        );
    }
}

#[tokio::test]
async fn the_document_is_as_it_was() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/openapi.json");
    let api = Api::start().await;
    let served = api.get("", "/openapi.json").await.json();
    let document = serde_json::to_value(openapi()).unwrap();
    assert_eq!(served, document);
    let written = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if blessed() {
        std::fs::write(&path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == written,
        "the API has changed; look at the change, then run with GENDAN_BLESS=1:\n{}",
        first_difference(&kept, &written)
    );
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says so, not a setting of the server")]
fn blessed() -> bool {
    std::env::var_os("GENDAN_BLESS").is_some_and(|value| value == "1")
}

fn first_difference(kept: &str, written: &str) -> String {
    let mut lines = kept.lines().zip(written.lines()).enumerate();
    let found = lines.find(|(_, (old, new))| old != new);
    found.map_or_else(
        || "one of them goes on".to_owned(),
        |(line, (old, new))| format!("line {}: {old} -> {new}", line + 1),
    )
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut seen = BTreeSet::new();
    for (path, method) in operations() {
        let name = document["paths"][&path][method.to_lowercase()]["operationId"].as_str().unwrap().to_owned();
        assert!(seen.insert(name.clone()), "{name} stands twice");
    }
}

#[tokio::test]
async fn every_problem_has_a_page() {
    let api = Api::start().await;
    let problem = api.get("ann", "/v1/nowhere").await;
    insta::assert_snapshot!(problem, @r#"
    404
    {
      "type": "/problems/not_found",
      "title": "not found",
      "status": 404,
      "detail": "there is nothing here; check the names and ids in the path",
      "code": "not_found",
      "instance": "r1",
      "retryable": false
    }
    "#);
    let page =
        api.ask("", "GET", problem.json()["type"].as_str().unwrap()).header("accept-language", "zh").send(&api).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text.contains("<h1>不存在</h1>"), "{page}");
    assert_eq!(api.get("", "/problems/none").await.status, 404);
    assert_eq!(api.get("", "/problems/%3Cscript%3E").await.json()["code"], "not_found");
}

#[tokio::test]
async fn health_is_open_and_tells_no_case() {
    let api = Api::start().await;
    api.opened().await;
    insta::assert_snapshot!(api.get("", "/livez").await.text, @r#"{"status":"alive"}"#);
    insta::assert_snapshot!(api.get("", "/readyz").await.text, @r#"{"status":"ready"}"#);
    assert_eq!(api.get("", "/version").await.json()["name"], "gendan");
    let metrics = api.get("", "/metrics").await;
    assert!(metrics.text.contains("gendan_commands_total{act=\"open\",outcome=\"done\"}"), "{metrics}");
    assert!(!metrics.text.contains("RQ2026"), "{metrics}");
}

#[tokio::test]
async fn the_documentation_page_comes_from_the_binary() {
    let api = Api::start().await;
    let page = api.get("", "/docs/").await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{page}");
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        let answer = api.get("", &format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(
            answer.header("content-security-policy").unwrap().contains("script-src")
                || answer.header("content-security-policy").unwrap().contains("default-src 'self'")
        );
    }
    assert!(api.get("", "/docs/swagger-initializer.js").await.text.contains("/openapi.json"));
}

/// Attaches a file to a case, and gives its SHA-256.
async fn attached(api: &Api, case: &str) -> String {
    let ask = api.ask("ann", "POST", &format!("{case}/attachments?name=a.txt")).header("content-type", "text/plain");
    ask.body("a file").send(api).await.json()["sha256"].as_str().unwrap().to_owned()
}
