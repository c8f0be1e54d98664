//! The real binary: a backup beside a server under load, and what the restored folder serves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use gendan::cli::client::Answer;
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
    for path in ["/v1/cases?limit=20", "/v1/events?limit=50", "/v1/tables/places", "/v1/keys"] {
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
    let given = job(&server, "given");
    assert_eq!(given.status, 201);
    let (stop, opened, answered) = (AtomicBool::new(false), AtomicU64::new(1), AtomicU64::new(1));
    let mut last = 0;
    thread::scope(|scope| {
        for client in 0..3 {
            let (server, stop, opened, answered) = (&server, &stop, &opened, &answered);
            scope.spawn(move || open_jobs(server, client, stop, opened, answered));
        }
        let mut rounds = 0;
        while rounds < 4 || (rounds < 500 && answered.load(Ordering::SeqCst) < 60) {
            rounds += 1;
            let before = answered.load(Ordering::SeqCst).max(last);
            let made = done(&home, &["backup", "b"]);
            last = made["events"].as_u64().unwrap();
            assert!(last >= before, "{made}, {before} were answered before");
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(answered.load(Ordering::SeqCst) > 1);
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
    // Beside this server, all of it goes into a third folder.
    let (code, _, err) = run(&home, &["export", "all.ndjson", "--data", "again"]);
    assert!(code == Some(0) && err.contains(made["link"].as_str().unwrap()), "{err}");
    assert!(server.stop().success());
    let imported = done(&home, &["import", "all.ndjson", "--data", "third"]);
    assert_eq!((&imported["link"], &imported["events"]), (&made["link"], &made["events"]));
    let server = on(&home, "third");
    assert_eq!(told(&server), before);
    let again = job(&server, "given");
    assert_eq!((again.status, &again.text), (201, &given.text));
    assert!(again.header("idempotency-replayed").is_some(), "it was done again: {}", again.text);
    assert!(server.stop().success());
}

/// Opens jobs until it is told to stop; each adds one event.
fn open_jobs(server: &Server, client: usize, stop: &AtomicBool, opened: &AtomicU64, answered: &AtomicU64) {
    while !stop.load(Ordering::SeqCst) {
        let number = opened.fetch_add(1, Ordering::SeqCst);
        let fields = json!({ "fields": { "name": format!("{client}-{number}"), "place": "A" } });
        let answer = server.client().post("/v1/workflows/job/cases", &fields).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text);
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// Opens a job under an idempotency key.
fn job(server: &Server, name: &str) -> Answer {
    server.client().once(name).post("/v1/workflows/job/cases", &json!({ "fields": { "name": name } })).unwrap()
}

/// What the demo made, with the definitions that ship, goes both ways.
#[test]
fn a_demo_comes_back_from_its_backup_and_from_its_export() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("elsewhere")).unwrap();
    let arguments = ["demo", "--exit", "--cases", "30", "--folder", "../demo", "--format", "json"];
    let played = home.command(&arguments).current_dir(home.path().join("elsewhere")).output().unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let made = done(&home, &["backup", "b", "--data", "demo/data"]);
    assert!(made["events"].as_u64().unwrap() > 60, "{made}");
    let restored = done(&home, &["restore", "b", "--data", "restored"]);
    let (code, text, err) = run(&home, &["export", "--data", "restored"]);
    assert_eq!(code, Some(0), "{err}");
    home.write("all.ndjson", &text);
    let imported = done(&home, &["import", "all.ndjson", "--data", "imported"]);
    assert_eq!(imported, restored);
    assert_eq!(imported["link"], made["link"]);
    let (code, again, err) = run(&home, &["export", "--data", "imported"]);
    assert_eq!(code, Some(0), "{err}");
    let without_ends = |text: &str| text.lines().skip(1).take(text.lines().count() - 2).map(str::to_owned).collect();
    let (text, again): (Vec<String>, Vec<String>) = (without_ends(&text), without_ends(&again));
    assert!(text == again, "the lines differ");
    // An export knows which files the cases have and not what is in them.
    let (code, _, err) = run(&home, &["verify", "--data", "imported"]);
    assert_eq!(code, Some(1), "{err}");
    std::fs::rename(home.path().join("restored/attachments"), home.path().join("imported/attachments")).unwrap();
    let (code, _, err) = run(&home, &["verify", "--data", "imported"]);
    assert_eq!(code, Some(0), "{err}");
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
    let (code, out, err) = run(&home, &["export", "e.ndjson"]);
    // How far the server had come with the definitions when it was stopped is a record, or none yet.
    let records = std::fs::read_to_string(home.path().join("e.ndjson")).unwrap().lines().count() - 2;
    assert!((7..=8).contains(&records), "{records}");
    let said = format!("exported: 0 events, {records} records, link {link}");
    assert_eq!((code, &*out, err.trim()), (Some(0), "", &*said));
    insta::assert_snapshot!(run(&home, &["export", "e.ndjson"]).2, @r"
    error: can't write `e.ndjson`: File exists (os error 17)
    help: name a file that is not there yet
    ");
    imports_say_why_not(&home);
}

fn imports_say_why_not(home: &Home) {
    insta::assert_snapshot!(run(home, &["import", "e.ndjson"]).2, @r"
    error: say what the rows are: --table <TABLE> or --workflow <WORKFLOW>
    help: only what `gendan export` wrote needs neither, but --data with a new folder
    ");
    home.write("rows.ndjson", "{\"name\": \"x\"}\n");
    insta::assert_snapshot!(run(home, &["import", "rows.ndjson", "--data", "new"]).2, @r"
    error: say what the rows are: --table <TABLE> or --workflow <WORKFLOW>
    help: only what `gendan export` wrote needs neither, but --data with a new folder
    ");
    insta::assert_snapshot!(run(home, &["import", "e.ndjson", "--data", "data"]).2, @r"
    error: `data` is not empty
    help: name a new folder
    ");
    insta::assert_snapshot!(run(home, &["import", "none.ndjson", "--data", "new"]).2, @"error: can't read `none.ndjson`: No such file or directory (os error 2)");
}
