//! The real binary: a backup beside a server under load, and what the restored folder serves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value as Json, json};

use crate::server::{Home, KEY, Server};

/// The exit code, standard output and standard error of a command.
fn run(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn done(home: &Home, arguments: &[&str]) -> Json {
    let (code, out, err) = run(home, &[arguments, &["--format", "json"]].concat());
    assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn on(home: &Home, data: &str) -> Server {
    Server::start(home.command(&["serve", "--listen", "127.0.0.1:0", "--data", data]), &home.log())
}

/// All that the API tells of cases: the list, page by page, and the events.
fn told(server: &Server) -> Vec<String> {
    let client = server.client();
    let mut pages = Vec::new();
    for path in ["/v1/cases?limit=50", "/v1/events?limit=200", "/v1/tables/places", "/v1/keys"] {
        let mut next = Some(path.to_owned());
        while let Some(address) = next.take() {
            let page = client.get(&address).unwrap();
            assert!(page.is_ok(), "{address}: {}", page.text);
            let more = page.json["has_more"] == true;
            let parts = [("cursor", &page.json["next_cursor"]), ("after", &page.json["next_after"])];
            let part = parts.iter().find_map(|(name, value)| Some(format!("{path}&{name}={}", value.as_str()?)));
            next = part.filter(|_| more);
            pages.push(page.text);
        }
    }
    assert!(pages.len() > 4, "there were several pages");
    pages
}

#[test]
fn a_backup_beside_a_busy_server_is_what_the_server_goes_on_with() {
    let home = Home::new();
    home.write("places.ndjson", "{\"code\": \"A\", \"name\": \"Attic\"}\n");
    let server = home.serve();
    done(&home, &["import", "--table", "places", "places.ndjson", "--server", &server.address, "--key", KEY]);
    let (stop, opened) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut seen = Vec::new();
    thread::scope(|scope| {
        for client in 0..3 {
            let (server, stop, opened) = (&server, &stop, &opened);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let fields = json!({ "fields": { "name": format!("{client}-{number}"), "place": "A" } });
                    let answer = server.client().post("/v1/workflows/job/cases", &fields).unwrap();
                    assert_eq!(answer.status, 201, "{}", answer.text);
                    opened.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..4 {
            let before = opened.load(Ordering::SeqCst);
            let made = done(&home, &["backup", "b"]);
            assert!(made["events"].as_u64().unwrap() >= before, "{made}, {before} were answered before");
            seen.push(made["link"].clone());
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(opened.load(Ordering::SeqCst) > 0);
    let made = done(&home, &["backup", "b"]);
    let before = told(&server);
    assert!(server.stop().success());

    let checked = done(&home, &["restore", "b", "--check"]);
    assert_eq!((&checked["link"], &checked["events"]), (&made["link"], &made["events"]));
    let restored = done(&home, &["restore", "b", "--data", "again"]);
    assert_eq!((&restored["link"], &restored["cases"]), (&made["link"], &json!(opened.load(Ordering::SeqCst))));
    let (code, _, err) = run(&home, &["verify", "--data", "again"]);
    assert_eq!(code, Some(0), "{err}");
    let server = on(&home, "again");
    assert_eq!(told(&server), before);
    assert!(server.stop().success());
}

#[test]
fn the_commands_say_what_they_did_and_why_not() {
    let home = Home::new();
    let (code, out, err) = run(&home, &["backup", "b"]);
    assert_eq!((code, &*out), (Some(3), ""));
    insta::assert_snapshot!(err, @r"
    error: there is no data folder `data`
    help: name it with --data
    ");
    assert!(home.serve().stop().success());
    let (code, out, err) = run(&home, &["backup", "b"]);
    let link = out.strip_prefix("link ").unwrap().trim();
    assert!(code == Some(0) && link.len() == 64 && err.starts_with("backed up: 0 events, 1 file, "), "{out}{err}");
    let (code, out, err) = run(&home, &["restore", "b"]);
    assert_eq!((code, &*out), (Some(1), ""));
    insta::assert_snapshot!(err, @r"
    error: `data` is not empty
    help: name a new folder
    ");
    let (code, out, err) = run(&home, &["restore", "b", "--data", "again"]);
    assert_eq!((code, out.trim()), (Some(0), &*format!("link {link}")));
    insta::assert_snapshot!(err, @"restored: 0 events of 0 cases, all verified");
}
