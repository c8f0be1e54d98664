//! Any request at all: it is answered, never with a failure of the server, and a no is always a problem.

use proptest::prelude::*;

use super::*;

/// Texts that have broken servers before, beside any others.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("%FF%FE".to_owned()),
        Just("..%2F..%2Fetc".to_owned()),
        Just("%00".to_owned()),
        Just("A".to_owned()),
        Just("RQ20260924-0001".to_owned()),
        Just("request".to_owned()),
        Just("x".repeat(5_000)),
        "[a-zA-Z0-9%_.~-]{1,12}".prop_map(|text| text.replace('%', "%25")),
        "\\PC{1,6}".prop_map(|text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        Just(Json::from("A")),
        Just(json!({ "thing": "A", "amount": 1 })),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "fields",
                "input",
                "comment",
                "text",
                "case",
                "workflow",
                "with",
                "source",
                "user",
                "roles",
                "thing",
                "amount",
                "lines",
                "expires_at",
                "code",
                "least",
            ])
            .prop_map(str::to_owned),
            "\\PC{0,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => value().prop_map(|json| json.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => Just(b"code,name,least\nA,\"x\n".to_vec()),
    ]
}

#[derive(Clone, Debug)]
struct Any {
    operation: prop::sample::Index,
    pieces: Vec<String>,
    query: Option<(String, String)>,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn any_request() -> impl Strategy<Value = Any> {
    let parameter = prop::sample::select(vec!["limit", "after", "cursor", "q", "sort", "field.amount", "dry_run", "x"]);
    let header =
        prop::sample::select(vec!["if-match", "if-none-match", "idempotency-key", "last-event-id", "accept-language"]);
    let kinds = vec!["application/json", "application/x-ndjson", "text/csv", "text/plain", ""];
    let requests = (
        any::<prop::sample::Index>(),
        prop::collection::vec(piece(), 3),
        prop::option::of((parameter.prop_map(str::to_owned), piece())),
        prop::sample::select(kinds),
        prop::collection::vec((header, "[ -~]{0,20}"), 0..3),
        body(),
    );
    requests.prop_map(|(operation, pieces, query, kind, headers, body)| Any {
        operation,
        pieces,
        query,
        kind,
        headers,
        body,
    })
}

impl Any {
    fn path(&self, template: &str) -> String {
        let mut pieces = self.pieces.iter();
        let fill = |piece: &str| {
            if piece.starts_with('{') { pieces.next().cloned().unwrap_or_default() } else { piece.to_owned() }
        };
        let path = template.split('/').map(fill).collect::<Vec<_>>().join("/");
        match &self.query {
            Some((name, value)) => format!("{path}?{name}={value}"),
            None => path,
        }
    }
}

#[test]
fn any_request_is_answered_well() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let api = runtime.block_on(Api::start());
    runtime.block_on(api.opened());
    let operations = contract::operations();
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 2_000, ..ProptestConfig::default() });
    let check = |any: Any| {
        let (template, method) = any.operation.get(&operations);
        let who = if any.body.len().is_multiple_of(2) { "root" } else { "max" };
        let mut ask = api.ask(who, method, &any.path(template)).header("content-type", any.kind).body(any.body.clone());
        for (name, value) in &any.headers {
            ask = ask.header(name, value);
        }
        let answer = runtime.block_on(ask.send(&api));
        let status = answer.status.as_u16();
        prop_assert!(status < 500, "{method} {template}: {answer}");
        if status >= 400 {
            prop_assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer);
            prop_assert_eq!(answer.json()["status"].as_u64(), Some(u64::from(status)));
        }
        Ok(())
    };
    runner.run(&any_request(), check).unwrap();
}
