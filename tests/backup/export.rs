//! Exports: readable, complete, and the way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gendan::store::journal::{Draft as RecordDraft, Options};
use gendan::store::{FolderDisk, Journal, Ledger, Store};

use crate::bed::{Folders, export, fill, holds_items, import, links, names, records, tiny};

#[test]
fn an_export_can_be_read() {
    let folders = Folders::new();
    fill(&folders.path("data"), 1);
    insta::assert_snapshot!(export(&folders.path("data")).unwrap(), @r#"
    {"gendan_export":1,"version":"0.1.0","at":"2026-09-21T14:13:20Z","end":{"address":2061,"position":2,"link":"ef36568c3b4f843cafe7029545e7e872651a89ce28ac39ea7231ce5e6c7b2337"}}
    {"position":0,"events":0,"entry":{"file":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},"text":""}
    {"position":0,"events":0,"entry":{"file":{"sha256":"a5d390fc82481bea81e37f5742b5501deeeb1a9b0531b65a85d18b0044592c14"}},"text":"workflow: w\n"}
    {"position":0,"events":0,"entry":{"file":{"sha256":"8288fa614808ec70410a0840aefef60938fce67a0dc00b3caa59e6b7fd5805a7"}},"base64":"/wAH"}
    {"position":0,"events":0,"at_rfc3339":"1970-01-01T00:00:00.007Z","entry":{"live":{"revision":"r1","at":7,"files":[["rules/empty.rhai","e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],["workflows/w.yaml","a5d390fc82481bea81e37f5742b5501deeeb1a9b0531b65a85d18b0044592c14"],["workflows/名.bin","8288fa614808ec70410a0840aefef60938fce67a0dc00b3caa59e6b7fd5805a7"]]}}}
    {"position":0,"events":0,"at_rfc3339":"1970-01-01T00:00:00.001Z","entry":{"key":{"id":"gd_1","secret_sha256":"aa","last4":"wxyz","user":"li","roles":["one"],"created_at":1,"expires_at":2,"revoked_at":null}}}
    {"position":0,"events":0,"entry":{"rows":{"table":"t","put":[["r",{"name":{"t":"名\n\"x\""}}]]}}}
    {"position":0,"events":0,"entry":{"rows":{"table":"t","put":[["s",{"name":{"t":"2"}}]],"remove":["r"]}}}
    {"position":1,"events":1,"at_rfc3339":"1970-01-01T00:00:05Z","entry":{"case":{"case":"00000000z90000000000000007","workflow":"w","events":[{"version":1,"at":5000,"by":"li","revision":"r1","event":{"Opened":{"workflow":"w","number":"W1","stage":"new","changes":{"set":{"amount":{"i":5}}}}}}],"index_add":[["w","stage","new"]],"hold":[["w","external_id","W1"]],"series":["w/20260924",1],"answer":{"actor":"li","key":"W1","fingerprint":"f","at":5,"status":201,"headers":[["etag","\"1\""]]}}},"text":"{\"case\":1}\n名"}
    {"position":2,"events":1,"at_rfc3339":"1970-01-01T00:00:05Z","entry":{"case":{"case":"00000000z90000000000000007","workflow":"w","previous":1243,"events":[{"version":2,"at":5000,"by":"li","revision":"r1","event":{"Commented":{"text":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}}}]}}}
    {"gendan_export_end":1,"records":9,"events":2,"sha256":"b40eb9cb308e9051ba360619132baf5701e4eac864c3d73019bb2b2dcf0bd894"}
    "#);
}

#[test]
fn an_import_is_the_same_journal() {
    let folders = Folders::new();
    let (data, again) = (folders.path("data"), folders.path("deep/again"));
    fill(&data, 20);
    let text = export(&data).unwrap();
    assert!(!text.contains("\"json\":"), "all that is ever written comes back as it is");
    let built = import(&text, &again).unwrap().unwrap();
    assert_eq!((built.events, built.cases), (40, 20));
    assert_eq!(export(&again).unwrap(), text);
    holds_items(&again, 20);
}

#[test]
fn an_empty_journal_is_exported_too() {
    let folders = Folders::new();
    drop(Ledger::open(&folders.path("data"), true).unwrap());
    let text = export(&folders.path("data")).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(import(&text, &folders.path("again")).unwrap().unwrap().events, 0);
}

/// Letter by letter, since the chain runs over letters.
#[test]
fn a_record_that_json_would_change_is_kept_as_text() {
    let folders = Folders::new();
    let (data, again) = (folders.path("data"), folders.path("again"));
    drop(Ledger::open(&data, true).unwrap());
    let disk = Arc::new(FolderDisk::new(data.join("journal")));
    let (journal, _) = Journal::open(disk, Options::default()).unwrap();
    let odd: [&[u8]; 3] = [
        br#"{ "rows" : {"table": "t", "put":[["a", {"x": {"t": "\u0041"}}]]} }"#,
        br#"{"rows":{"table":"t","new":1e2,"remove":["a"]}}"#,
        br#"{"rows":{"table":"t","new":10000000000000000000000001}}"#,
    ];
    journal.append(&odd.map(|body| RecordDraft { events: 0, body: body.to_vec() })).unwrap();
    drop(journal);
    let text = export(&data).unwrap();
    assert_eq!(text.matches("\"json\":").count(), 3, "{text}");
    import(&text, &again).unwrap().unwrap();
    assert_eq!(links(&again), links(&data));
}

#[test]
fn files_are_compressed_while_they_are_exported() {
    let folders = Folders::new();
    let (all, data) = (folders.path("all"), folders.path("data"));
    fill(&all, 120);
    let records = records(&all);
    let journal = tiny(&data, &records, false);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for keep in (1..=names(&data).len()).rev() {
                journal.archive(keep).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let last = done.load(Ordering::SeqCst);
            let text = export(&data).unwrap();
            assert_eq!(text.lines().count(), records.len() + 2);
            if last {
                break;
            }
        }
    });
    drop(journal);
    import(export(&data).unwrap(), &folders.path("again")).unwrap().unwrap();
    holds_items(&folders.path("again"), 120);
}

/// A damage, and what is said about it.
#[track_caller]
fn told(damage: impl Fn(&str) -> String) -> String {
    let folders = Folders::new();
    let (data, again) = (folders.path("data"), folders.path("again"));
    fill(&data, 2);
    std::fs::create_dir(&again).unwrap();
    let error = import(damage(&export(&data).unwrap()), &again).unwrap_err();
    assert_eq!(std::fs::read_dir(&again).unwrap().count(), 0, "the folder is as it was");
    assert!(!folders.path("again.part").exists());
    folders.told(&error)
}

fn lines(text: &str, change: impl Fn(&mut Vec<&str>)) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    change(&mut lines);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_export_that_is_damaged_is_refused_with_the_line() {
    insta::assert_snapshot!(told(|text| text.trim_end().to_owned()), @"the export is damaged: line 13: it does not end: the file was cut");
    insta::assert_snapshot!(told(|text| lines(text, |lines| lines.truncate(12))), @"the export is damaged: line 12: its last line is missing: it was cut");
    insta::assert_snapshot!(told(|text| lines(text, |lines| lines.retain(|line| !line.contains("base64")))), @"the export is damaged: line 12: the lines before it are not those that were written");
    insta::assert_snapshot!(told(|text| lines(text, |lines| lines.swap(8, 9))), @"the export is damaged: line 9: it has position 2, and 1 was to come");
    insta::assert_snapshot!(told(|text| lines(text, |lines| lines.push("{}"))), @"the export is damaged: line 14: something follows what should be the last line");
    insta::assert_snapshot!(told(|text| text.replace("{\"t\":\"2\"}", "{\"t\":\"3\"}")), @"the export is damaged: line 13: the lines before it are not those that were written");
    insta::assert_snapshot!(told(|text| text.replace("\"entry\":{\"key\"", "\"entri\":{\"key\"")), @"the export is damaged: line 6: unknown field `entri`, expected one of `position`, `events`, `at_rfc3339`, `entry`, `json`, `text`, `base64` at line 1 column 72");
    insta::assert_snapshot!(told(|text| text.replace("\"gendan_export\":1", "\"gendan_export\":2")), @r"
    the export was made by a newer gendan
    help: use that one, or a newer one
    ");
}

/// Wherever the file is cut, and whichever byte is another one, nothing comes of it.
#[test]
fn a_change_anywhere_is_noticed() {
    let folders = Folders::new();
    let (data, again) = (folders.path("data"), folders.path("again"));
    fill(&data, 2);
    let text = export(&data).unwrap();
    let header = text.find('\n').unwrap() + 1;
    let mut bytes = text.into_bytes();
    for at in (header..bytes.len()).step_by(61) {
        assert!(import(&bytes[..at], &again).is_err(), "cut at {at}");
        bytes[at] ^= 1;
        assert!(import(&bytes, &again).is_err(), "changed at {at}");
        bytes[at] ^= 1;
        assert!(!again.exists());
    }
    import(&bytes, &again).unwrap().unwrap();
}

/// Who changes a line and the last one too, so that the sum is right again, does not get past the chain.
#[test]
fn a_forged_export_does_not_lead_to_the_same_end() {
    let told = told(|text| {
        let text = text.replace("{\"t\":\"2\"}", "{\"t\":\"3\"}");
        let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
        let before = format!("{before}\n");
        let (start, _) = last.split_once("\"sha256\"").unwrap();
        let sum: String = <sha2::Sha256 as sha2::Digest>::digest(before.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{before}{start}\"sha256\":\"{sum}\"}}\n")
    });
    insta::assert_snapshot!(told, @"what was brought back ends at address 2979 after event 4 with the link 3b35b69c054059ed79cfae724f2c6c15ffc16882e167a6845359a68e11497ee5, and not at address 2979 after event 4 with the link ab85f47b505ca408000ef0f6e1f74296aa4ab240914c65fade3d4a9feaa1ebef");
}

#[test]
fn what_is_no_export_is_none_and_a_folder_must_be_empty() {
    let folders = Folders::new();
    let data = folders.path("data");
    for text in ["", "a,b\n1,2\n", "{\"name\": \"x\"}\n", "{\"gendan_export\":", "no line"] {
        assert_eq!(import(text, &folders.path("again")).unwrap(), None, "{text}");
    }
    assert!(!folders.path("again").exists());
    fill(&data, 1);
    let text = export(&data).unwrap();
    insta::assert_snapshot!(folders.told(&import(&text, &data).unwrap_err()), @r"
    `data` is not empty
    help: name a new folder
    ");
    assert_eq!(Ledger::open(&data, false).unwrap().verify(&mut |_, _| ()).unwrap(), []);
}
