//! The `gendan` command as its users meet it: the real binary, its output and its exit codes.

#![cfg(test)]

#[path = "support/server.rs"]
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use gendan::cli::client::Client;
use gendan::model::{Case, Event, Recorded};
use gendan::store::{CaseItem, Item, Ledger, PoolUse, Store};
use serde_json::{Value as Json, json};

use server::{Home, KEY, Server};

/// What a command ended with and printed, for comparison: exit code, standard output, standard error.
fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
    [format!("exit {code}"), out, err].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(home: &Home, arguments: &[&str], code: i32, expected: &[&str]) -> String {
    let output = home.run(arguments);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    for part in expected {
        assert!(told.contains(part), "{arguments:?} does not say `{part}`:\n{told}");
    }
    told
}

#[test]
fn help_says_what_there_is_and_how_it_ends() {
    let home = Home::new();
    let help = check(&home, &["--help"], 0, &["Exit codes:", "gendan demo"]);
    for command in ["serve", "check", "import", "key", "verify", "backup", "restore", "export", "config", "demo"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing:\n{help}");
        let told = check(&home, &[command, "--help"], 0, &["Usage: gendan"]);
        assert!(told.contains("Example"), "`gendan {command} --help` shows no example:\n{told}");
    }
    check(&home, &["--version"], 0, &["gendan 0."]);
}

#[test]
fn a_wrong_call_ends_with_2_and_says_what_was_meant() {
    let home = Home::new();
    check(&home, &["serv"], 2, &["unrecognized subcommand 'serv'", "'serve'"]);
    check(&home, &["serve", "--listn", "x"], 2, &["unexpected argument '--listn'", "'--listen'"]);
    check(&home, &["serve", "--clock", "yesterday"], 2, &["`yesterday` is no moment for the clock"]);
    check(&home, &["serve", "--log", "a=b=c"], 2, &["`a=b=c` is no log filter"]);
    check(&home, &["import", "x.csv"], 2, &["--table <TABLE>", "--workflow <WORKFLOW>"]);
    check(&home, &["import", "--table", "places", "x.txt"], 2, &["`x.txt` does not say by its ending", "--as csv"]);
}

#[test]
fn the_manual_of_the_settings_is_a_file_of_settings() {
    let home = Home::new();
    let manual = check(&home, &["config"], 0, &["listen: 127.0.0.1:8080"]);
    home.write("settings.yaml", manual.strip_prefix("exit 0\n").unwrap());
    let arguments = ["serve", "--config", "settings.yaml", "--listen", "127.0.0.1:0"];
    assert!(Server::start(home.command(&arguments), &home.log()).stop().success());
    assert!(home.path().join("data/format").exists());
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let home = Home::new();
    home.write("gendan.yaml", "data: from-file\nlisten: 127.0.0.1:0\n");
    assert!(Server::start(home.command(&["serve"]), &home.log()).stop().success());
    let mut command = home.command(&["serve"]);
    command.env("GENDAN_DATA_DIR", "from-environment");
    assert!(Server::start(command, &home.log()).stop().success());
    let mut command = home.command(&["serve", "--data", "from-flag"]);
    command.env("GENDAN_DATA_DIR", "from-environment-too");
    assert!(Server::start(command, &home.log()).stop().success());
    for (folder, exists) in [
        ("from-file", true),
        ("from-environment", true),
        ("from-flag", true),
        ("from-environment-too", false),
        ("data", false),
    ] {
        assert_eq!(home.path().join(folder).exists(), exists, "{folder}");
    }
    home.write("gendan.yaml", "lisen: 127.0.0.1:0\n");
    check(&home, &["serve"], 3, &["`gendan.yaml`", "unknown field `lisen`", "`gendan config` explains every setting"]);
    check(&home, &["serve", "--config", "none.yaml"], 3, &["can't read the settings in `none.yaml`"]);
}

#[test]
fn check_reports_every_mistake_with_its_place() {
    let home = Home::new();
    check(&home, &["check", "--deny-warnings"], 0, &["sound: 1 workflow, 1 rule, revision "]);
    home.write("people.yaml", "people: {}\n");
    check(
        &home,
        &["check", "--staff", "people.yaml"],
        1,
        &["E171", "nobody on the staff may take", "workflows/job.yaml:"],
    );
    check(&home, &["check", "--staff", "none.yaml"], 3, &["`none.yaml` can't be read"]);
    home.write("workflows/job.yaml", "workflow: job\ntitel: Job\nstages:\n  waiting: { onwer: worker }\n");
    let told = check(&home, &["check"], 1, &["workflows/job.yaml:2", "`titel`", "`title`", "`onwer`", "4 errors"]);
    assert!(!told.contains('\u{1b}'), "colours in a pipe: {told}");
    check(&home, &["check", "--color", "always"], 1, &["\u{1b}["]);
    check(&home, &["check", "--staff", "none.yaml"], 1, &["4 errors"]);
    check(&home, &["check", "--format", "github"], 1, &["::error file=workflows/job.yaml,line=2,col="]);
    let output = home.run(&["check", "--format", "json"]);
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["ok"], false);
    assert!(report["diagnostics"].as_array().unwrap().len() >= 2, "{report}");
    check(&home, &["check", "nowhere"], 3, &["nowhere", "name the one that holds `workflows/` and `rules/`"]);
}

#[test]
fn check_can_take_warnings_as_mistakes() {
    let home = Home::new();
    home.write("rules/idle.rhai", "/// Nobody asks it.\nfn check(job) {\n}\n");
    check(&home, &["check"], 0, &["sound", "1 warning"]);
    check(&home, &["check", "--deny-warnings"], 1, &["1 warning"]);
}

#[test]
fn a_server_starts_once_per_folder_and_address() {
    let home = Home::new();
    let server = home.serve();
    check(&home, &["serve", "--listen", "127.0.0.1:0"], 3, &["`data` is in use by another gendan"]);
    check(&home, &["verify"], 3, &["`data` is in use by a server", "--server"]);
    check(&home, &["verify", "--server", &server.address, "--key", KEY], 0, &["sound"]);
    check(&home, &["verify", "--server", &server.address, "--key", "gk_no_key"], 1, &["key"]);
    let taken = server.address.strip_prefix("http://").unwrap();
    check(&home, &["serve", "--listen", taken, "--data", "other"], 3, &["can't listen on", taken]);
    assert!(!home.path().join("other").exists(), "a start that fails leaves no folder behind");
    assert!(server.stop().success());
    check(&home, &["verify"], 0, &["sound"]);
}

#[test]
fn what_can_not_be_served_is_refused_at_the_start() {
    let home = Home::new();
    home.write("data/format", "99\n");
    check(&home, &["serve", "--listen", "127.0.0.1:0"], 3, &["has format 99", "use a newer gendan"]);
    assert_eq!(fs::read_to_string(home.path().join("data/format")).unwrap(), "99\n");
    let home = Home::new();
    home.write("workflows/job.yaml", "workflow: job\ntitel: Job\n");
    check(&home, &["serve", "--listen", "127.0.0.1:0"], 1, &["workflows/job.yaml:2", "`titel`"]);
    let home = Home::new();
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let output = command.env("GENDAN_ADMIN_KEY", "secret").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

#[test]
fn broken_definitions_are_stood_in_for_by_those_that_were_live_last() {
    let home = Home::new();
    assert!(home.serve().stop().success());
    home.write("workflows/job.yaml", "workflow: job\ntitel: Job\n");
    let server = home.serve();
    let state = server.client().get("/v1/definitions").unwrap().json;
    assert_eq!(state["attempt"]["accepted"], false);
    let opened = server.client().post("/v1/workflows/job/cases", &json!({ "fields": { "name": "one" } })).unwrap();
    assert_eq!((opened.status, &opened.json["case"]["revision"]), (201, &state["revision"]), "{}", opened.text);
    let told = fs::read_to_string(home.log()).unwrap();
    for part in ["help: did you mean `title`?", "those that were live last go on"] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
}

#[test]
fn the_first_key_is_shown_once() {
    let home = Home::new();
    let start = || {
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env_remove("GENDAN_ADMIN_KEY").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let greeting =
            lines.by_ref().map(Result::unwrap).take_while(|line| !line.starts_with("listening on")).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        greeting
    };
    let first: Vec<String> = start();
    let key = first[0].strip_prefix("first API key, shown this once: ").unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(start(), Vec::<String>::new());
    let server = home.serve();
    assert!(Client::new(&server.address, Some(key)).get("/v1/keys").unwrap().is_ok());
    assert_eq!(server.client().get("/v1/keys").unwrap().status, 401, "GENDAN_ADMIN_KEY is the first key or none");
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let home = Home::new();
    let server = home.serve();
    let on_server = ["--server", &server.address, "--key", KEY];
    let run = |arguments: &[&str], code| check(&home, &[arguments, &on_server].concat(), code, &[]);
    let made = run(&["key", "create", "--user", "ann", "--role", "worker", "--role", "data"], 0);
    let key = made.lines().nth(1).unwrap();
    assert_eq!(Client::new(&server.address, Some(key)).get("/v1/workflows").unwrap().status, 200);
    let id = key.split('_').nth(1).unwrap();
    let listed = run(&["key", "list"], 0);
    assert!(listed.contains(id) && listed.contains("ann") && listed.contains("data, worker"), "{listed}");
    assert!(!listed.contains(key), "{listed}");
    run(&["key", "revoke", id], 0);
    assert_eq!(Client::new(&server.address, Some(key)).get("/v1/workflows").unwrap().status, 401);
    run(&["key", "revoke", "nobody"], 1);
    check(&home, &["key", "list", "--server", &server.address], 1, &["401", "--key or GENDAN_KEY"]);
    check(&home, &["key", "list", "--data", "data"], 3, &["in use"]);
    assert!(server.stop().success());

    let made = check(&home, &["key", "create", "--user", "bob", "--role", "admin", "--data", "data"], 0, &["gk_"]);
    let offline: Json =
        serde_json::from_slice(&home.run(&["key", "list", "--format", "json", "--data", "data"]).stdout).unwrap();
    let users: Vec<&str> =
        offline["data"].as_array().unwrap().iter().map(|key| key["user"].as_str().unwrap()).collect();
    assert!(users.contains(&"ann") && users.contains(&"bob"), "{offline}");
    let server = home.serve();
    let key = made.lines().nth(1).unwrap();
    assert!(Client::new(&server.address, Some(key)).get("/v1/keys").unwrap().is_ok());
    check(&home, &["key", "list", "--server", "127.0.0.1:1"], 3, &["can't reach `http://127.0.0.1:1/v1/keys`"]);
}

#[test]
fn a_table_is_imported_as_a_whole_or_not_at_all() {
    let home = Home::new();
    let server = home.serve();
    let import = |file: &str, code, expected: &[&str]| {
        let arguments = ["import", "--table", "places", file, "--server", &server.address, "--key", KEY];
        check(&home, &arguments, code, expected)
    };
    home.write("bad.csv", "code,name,floor\nA,Attic,4\nB,Basement,low\nC,,1\n");
    import("bad.csv", 1, &["line 3: floor: must be a whole number", "line 4: name: is required", "0 taken"]);
    assert_eq!(server.client().get("/v1/tables/places/A").unwrap().status, 404);
    home.write("good.csv", "\u{feff}code,name,floor\nA,Attic,4\nB,Basement,-1\n");
    import("good.csv", 0, &["2 taken"]);
    home.write("more.ndjson", "{\"code\": \"C\", \"name\": \"Cellar\"}\n");
    import("more.ndjson", 0, &["1 taken"]);
    assert_eq!(server.client().get("/v1/tables/places/B").unwrap().status, 200);
    assert_eq!(server.client().get("/v1/tables/places/C").unwrap().status, 200);
    let arguments = ["import", "--table", "nothing", "good.csv", "--server", &server.address, "--key", KEY];
    check(&home, &arguments, 1, &["404"]);
    import("none.csv", 3, &["can't read `none.csv`"]);
}

#[test]
fn cases_are_imported_one_by_one_and_never_twice() {
    let home = Home::new();
    let server = home.serve();
    let import = |file: &str, code, expected: &[&str]| {
        let arguments = ["import", "--workflow", "job", file, "--server", &server.address, "--key", KEY];
        check(&home, &arguments, code, expected)
    };
    let count = || server.client().get("/v1/cases?workflow=job&count=true").unwrap().json["count"].clone();
    home.write("jobs.csv", "name,size,urgent\nfirst,3,yes\n\nsecond,none,no\nthird,,\n");
    import("jobs.csv", 1, &["line 4: size: must be a whole number", "2 taken, 0 there already, 1 bad"]);
    assert_eq!(count(), 2);
    import("jobs.csv", 1, &["0 taken, 2 there already, 1 bad"]);
    assert_eq!(count(), 2);
    home.write("jobs.ndjson", "{\"name\": \"fourth\"}\n{\"name\": \"first\"}\n");
    import("jobs.ndjson", 1, &["line 2:", "1 taken, 0 there already, 1 bad"]);
    let arguments = ["import", "--workflow", "job", "jobs.csv", "--server", &server.address];
    check(&home, &arguments, 1, &["401"]);
}

#[test]
fn an_import_can_use_the_data_folder_itself() {
    let home = Home::new();
    home.write("places.csv", "code,name\nA,Attic\n");
    check(&home, &["import", "--table", "places", "places.csv", "--data", "data"], 0, &["1 taken"]);
    let arguments = [
        "import",
        "--workflow",
        "job",
        "-",
        "--as",
        "ndjson",
        "--data",
        "data",
        "--role",
        "worker",
        "--format",
        "json",
    ];
    let mut child = home.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"name\": \"one\", \"place\": \"A\"}\n{\"nam\": 1}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["taken"], &report["bad"][0]["line"]), (Some(1), &json!(1), &json!(2)));
    check(&home, &["verify"], 0, &["sound: 1 event checked"]);
    let server = home.serve();
    check(&home, &["import", "--table", "places", "places.csv", "--data", "data"], 3, &["in use"]);
    assert!(server.stop().success());
}

#[test]
fn verify_needs_a_folder_with_data() {
    let home = Home::new();
    check(&home, &["verify"], 3, &["there is no data folder `data`", "name it with --data"]);
    assert!(home.serve().stop().success());
    let report: Json = serde_json::from_slice(&home.run(&["verify", "--format", "json"]).stdout).unwrap();
    assert_eq!(report, json!({ "ok": true, "checked": 0, "attachments": 0, "damages": [], "orphans": [] }));
}

#[test]
fn verify_tells_what_is_damaged() {
    let home = Home::new();
    let server = home.serve();
    let opened = server.client().post("/v1/workflows/job/cases", &json!({ "fields": { "name": "one" } })).unwrap();
    let id = opened.json["case"]["id"].as_str().unwrap();
    assert!(server.stop().success());
    check(&home, &["verify"], 0, &["sound: 1 event checked"]);
    put_a_case_that_its_events_do_not_give(&home, id);
    let told = check(&home, &["verify"], 1, &["damaged", &format!("case {id}")]);
    assert!(!told.contains("sound"), "{told}");
    let report: Json = serde_json::from_slice(&home.run(&["verify", "--format", "json"]).stdout).unwrap();
    assert_eq!((&report["ok"], &report["damages"][0]["case"]), (&json!(false), &json!(id)));
}

#[test]
fn verify_tells_every_damage_of_a_journal_that_can_not_be_opened() {
    let home = Home::new();
    let server = home.serve();
    for name in ["one", "two", "three", "four"] {
        server.client().post("/v1/workflows/job/cases", &json!({ "fields": { "name": name } })).unwrap();
    }
    assert!(server.stop().success());
    let journal = home.path().join("data/journal/00000000000000000000.journal");
    let mut bytes = fs::read(&journal).unwrap();
    for name in ["one", "three"] {
        let at = bytes.windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
        bytes[at] ^= 1;
    }
    fs::write(&journal, &bytes).unwrap();
    // Without its state, the journal has to be read from the front.
    fs::remove_dir_all(home.path().join("data/state")).unwrap();
    let told = check(&home, &["verify"], 1, &["damaged in 2 places"]);
    assert_eq!(told.matches("00000000000000000000.journal").count(), 2, "{told}");
    assert_eq!(fs::read(&journal).unwrap(), bytes, "nothing is changed");
}

/// Writes past the engine: the case says `elsewhere`, and nothing ever happened that led there.
fn put_a_case_that_its_events_do_not_give(home: &Home, id: &str) {
    let store = Ledger::open(&home.path().join("data"), false).unwrap();
    let before = store.case(id.parse().unwrap()).unwrap().unwrap();
    let version = before.version + 1;
    let event = Event::Commented { text: "nothing moved".into() };
    let revision = before.revision.clone();
    let recorded = Recorded {
        version,
        at: before.updated_at,
        by: "nobody".into(),
        on_behalf_of: None,
        revision,
        event,
        because: Vec::new(),
    };
    let item = CaseItem {
        expected: before.version,
        events: vec![recorded].into(),
        case: Case { version, stage: "elsewhere".into(), ..Case::clone(&before) }.into(),
        index_add: BTreeSet::new(),
        index_remove: BTreeSet::new(),
        hold: Vec::new(),
        release: Vec::new(),
        series: None,
        pools: PoolUse::default(),
        due: None,
    };
    store.commit(vec![Item::from(item)]).unwrap();
}

#[test]
fn a_stop_lets_requests_end_and_says_so() {
    let home = Home::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let server = Server::start(home.command(&arguments), &home.log());
    let opened = server.client().post("/v1/workflows/job/cases", &json!({ "fields": { "name": "one" } })).unwrap();
    assert_eq!(opened.status, 201, "{}", opened.text);
    assert!(server.stop().success());
    let log = fs::read_to_string(home.log()).unwrap();
    let lines: Vec<Json> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let said = |message: &str| lines.iter().any(|line| line["fields"]["message"] == message);
    assert!(said("serving") && said("stopped"), "{log}");
    assert!(!log.contains(KEY), "a key stands in the log");
}

#[test]
fn a_second_signal_stops_at_once() {
    let home = Home::new();
    let server = home.serve();
    // A request whose body never comes: the server waits for it when it is asked to stop.
    let mut stalled = TcpStream::connect(server.address.strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "POST /v1/workflows/job/cases HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{{"
    );
    stalled.write_all(head.as_bytes()).unwrap();
    let log_says = |text: &str| {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(20));
            fs::read_to_string(home.log()).unwrap().contains(text)
        })
    };
    thread::sleep(Duration::from_millis(100));
    server.ask_to_stop();
    assert!(log_says("stopping after the requests in flight"));
    server.ask_to_stop();
    assert_eq!(server.wait().code(), Some(1));
    check(&home, &["verify"], 0, &["sound"]);
}

#[test]
fn a_port_that_is_free_is_taken_at_once() {
    let home = Home::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = Server::start(home.command(&["serve", "--listen", &address]), &home.log());
    assert_eq!(server.address, format!("http://{address}"));
    server.kill();
    let again = Server::start(home.command(&["serve", "--listen", &address]), &home.log());
    assert_eq!(again.client().get("/livez").unwrap().status, 200);
}
