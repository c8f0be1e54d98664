//! Stored bytes: what the first version wrote is read for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gendan::model::resource::Arrival;
use gendan::model::{
    CaseId, Changes, Channel, Event, Notice, Recipient, Revision, Sending, SendingId, Timestamp, Title,
};
use gendan::store::journal::{Draft as RecordDraft, End, Options};
use gendan::store::{DeliveryChange, FolderDisk, Item, Journal, KeyRecord, Ledger, PoolSet, Position, Waits, Wanted};

use crate::bed::{Bed, Draft, answer, answer_key, comment, entry, event, id, opened, record, unique};
use crate::pools::{enough, number, reserved};

/// One of everything that is stored.
fn items() -> Vec<Item> {
    let first = Draft::open(id(1), "W1")
        .hold(&unique("a"))
        .index(&[entry("stage", "new")], &[])
        .series("w/20260924", 1)
        .answer(&answer_key("k"), &answer("{}", 5));
    let second = Draft::after(id(1), &[event(1, opened("W1"))], vec![comment("x"), comment(&"y".repeat(9_000))]);
    let arrival = Arrival { id: "po1".into(), on: "2026-10-01".parse().unwrap(), quantity: number("2.5") };
    let arrivals = Some(vec![arrival]);
    let quantities = |quantity: &str| [("a".into(), number(quantity))].into();
    let resource = || "stock".into();
    let moves = vec![
        opened("W2"),
        reserved("a", "7.5"),
        Event::Released { resource: resource(), quantities: quantities("1.5") },
        Event::Consumed { resource: resource(), quantities: quantities("2"), used_as: Some("scrap".into()) },
        Event::Put { resource: resource(), quantities: quantities("1") },
    ];
    let mut third = Draft::after(id(2), &[], moves).leans(enough("a", "0", "7.5"));
    third.0.waits = Waits { pools: ["stock/a".into()].into(), only: true };
    let before = [event(1, opened("W1")), event(2, comment("x")), event(3, comment(&"y".repeat(9_000)))];
    let fourth = Draft::after(id(1), &before, vec![Event::Notified { notice: notice() }]);
    let text: Arc<[u8]> = b"workflow: w\n".as_slice().into();
    let bytes: Arc<[u8]> = [0xff].as_slice().into();
    vec![
        first.into(),
        second.into(),
        Item::Rows { table: "t".into(), put: vec![("r".into(), record("name", "名"))], remove: Vec::new() },
        Item::Key(KeyRecord {
            id: "gd_1".into(),
            secret_sha256: "aa".into(),
            last4: "wxyz".into(),
            user: "li".into(),
            roles: ["sales".into()].into(),
            created_at: Timestamp(1),
            expires_at: Some(Timestamp(2)),
            revoked_at: None,
        }),
        Item::Live {
            revision: Revision("r1".into()),
            files: [("workflows/w.yaml".into(), text), ("workflows/x".into(), bytes)].into(),
            at: Timestamp(7),
        },
        Item::Pools {
            resource: "stock".into(),
            put: vec![("a".into(), PoolSet { on_hand: Some(number("10")), arrivals })],
        },
        third.into(),
        fourth.into(),
        Item::Notice { id: id(9), at: Timestamp(6), notice: Box::new(notice()) },
        Item::Delivery { id: sending(id(9), 0), at: Timestamp(7), change: failed() },
    ]
}

fn notice() -> Notice {
    let sending = |channel, to: Recipient| Sending { channel, to };
    Notice {
        message: "hello".into(),
        language: None,
        subject: Title::new("甲", "A"),
        body: Title::new("乙", "B"),
        html: Title::default(),
        sendings: vec![
            sending(Channel::Email, Recipient::Email("a@example.com".into())),
            sending(Channel::Inbox, Recipient::Role("r".into())),
        ],
        failed: None,
    }
}

fn sending(source: CaseId, version: u64) -> SendingId {
    SendingId { source, version, place: 0 }
}

fn failed() -> DeliveryChange {
    DeliveryChange::Failed { reason: "no".into(), next: Timestamp(8) }
}

/// What came later, each in a file of its own.
fn later() -> Vec<(&'static str, Vec<Item>)> {
    let timers = vec![
        Draft::open(id(1), "W1").due(70).into(),
        Draft::after(id(1), &[event(1, opened("W1"))], vec![due("remind", "new", 70)]).due(90).into(),
        Draft::after(id(1), &[event(1, opened("W1")), event(2, due("remind", "new", 70))], Vec::new()).into(),
        Item::Progress { of: "schedule".into(), reached: "r1".into() },
    ];
    let scheduled = Event::Scheduled { schedule: "daily".into(), due: Timestamp(70), changes: Changes::default() };
    let schedules =
        vec![Draft::open(id(1), "W1").into(), Draft::after(id(1), &[event(1, opened("W1"))], vec![scheduled]).into()];
    vec![("timers.txt", timers), ("schedules.txt", schedules)]
}

/// A timed transition that stays, as it was taken.
fn due(transition: &str, stage: &str, at: i64) -> Event {
    let (changes, due) = (Changes::default(), Some(Timestamp(at)));
    Event::Taken {
        transition: transition.into(),
        from: stage.into(),
        to: stage.into(),
        changes,
        comment: None,
        signal: None,
        due,
    }
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The journal of a closed folder: how many events each record holds, and what it says.
fn records(folder: &Path) -> Vec<(u64, Vec<u8>)> {
    let journal = Journal::peek(Arc::new(FolderDisk::new(folder.join("journal")))).unwrap();
    let mut scan = journal.scan(End::default()).unwrap();
    std::iter::from_fn(|| scan.next().unwrap()).map(|record| (record.events, record.body)).collect()
}

fn unescape(quoted: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = quoted.trim().strip_prefix('"').unwrap().strip_suffix('"').unwrap().bytes();
    while let Some(letter) = letters.next() {
        let byte = if letter != b'\\' {
            letter
        } else {
            match letters.next().unwrap() {
                b't' => b'\t',
                b'r' => b'\r',
                b'n' => b'\n',
                b'x' => {
                    let digits = [letters.next().unwrap(), letters.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            }
        };
        bytes.push(byte);
    }
    bytes
}

#[test]
fn what_is_written_is_what_was_always_written() {
    for (name, items) in [vec![("store-2.txt", items())], later()].concat() {
        written(name, items);
    }
}

fn written(name: &str, items: Vec<Item>) {
    let bed = Bed::folder();
    bed.commit(items);
    let Bed::Folder(folder, store) = bed else { panic!("it is a folder") };
    drop(store);
    let lines = records(&folder.path().join("data")).into_iter();
    let written: String = lines.map(|(events, body)| format!("{events} \"{}\"\n", body.escape_ascii())).collect();
    let known = fs::read_to_string(golden(name)).unwrap_or_default();
    if written != known {
        let new = golden(name).with_extension("new");
        fs::write(&new, written).unwrap();
        panic!("the stored form has changed; compare {} with {}", new.display(), golden(name).display());
    }
}

/// A folder with the records of a file.
fn read(name: &str) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    drop(Ledger::open(&path, true).unwrap());
    let disk = Arc::new(FolderDisk::new(path.join("journal")));
    let (journal, _) = Journal::open(disk, Options::default()).unwrap();
    let text = fs::read_to_string(golden(name)).unwrap();
    let drafts = text.lines().map(|line| {
        let (events, body) = line.split_once(' ').unwrap();
        RecordDraft { events: events.parse().unwrap(), body: unescape(body) }
    });
    journal.append(&drafts.collect::<Vec<_>>()).unwrap();
    drop(journal);
    Bed::Folder(folder, Some(Ledger::open(&path, false).unwrap()))
}

#[test]
fn what_came_later_is_read() {
    for (name, items) in later() {
        let (old, new) = (read(name), Bed::memory());
        new.commit(items);
        assert_eq!(old.log(), new.log(), "{name}");
        let case = old.store().case(id(1)).unwrap().unwrap();
        assert_eq!(Some(&case), new.store().case(id(1)).unwrap().as_ref(), "{name}");
        assert_eq!(old.store().due_of(id(1)).unwrap(), None);
        assert_eq!(old.store().progress("schedule").unwrap(), new.store().progress("schedule").unwrap());
        assert!(!case.timers.is_empty());
        old.sound();
    }
}

#[test]
#[expect(clippy::cognitive_complexity, reason = "one comparison after the other")]
fn what_was_ever_written_is_read() {
    let old = read("store-2.txt");
    let new = Bed::memory();
    new.commit(items());
    assert_eq!(old.log(), new.log());
    assert_eq!(old.store().position(), Position(9));
    assert_eq!(old.store().pool("stock", "a").unwrap(), new.store().pool("stock", "a").unwrap());
    assert_eq!(old.store().holders("stock", "a", None, 9).unwrap(), [(id(2), number("4"))]);
    let everything = |bed: &Bed| {
        let lists = [Wanted::Pending(None), Wanted::Sent(None), Wanted::Dead(None)];
        lists.map(|wanted| bed.store().outbox(&wanted, 10).unwrap())
    };
    assert_eq!(everything(&old), everything(&new));
    assert_eq!(everything(&old).map(|list| list.len()), [2, 2, 0]);
    assert_eq!(old.store().notice(sending(id(1), 4)).unwrap(), Some(notice()));
    assert_eq!(old.store().case(id(1)).unwrap(), new.store().case(id(1)).unwrap());
    assert_eq!(old.scan(Some(entry("stage", "new"))), [id(1)]);
    assert_eq!(old.store().holder(&unique("a")).unwrap(), Some(id(1)));
    assert_eq!(old.store().series("w/20260924").unwrap(), 1);
    assert_eq!(old.store().answer(&answer_key("k")).unwrap(), Some(answer("{}", 5)));
    assert_eq!(old.store().rows().unwrap(), new.store().rows().unwrap());
    assert_eq!(old.store().keys().unwrap(), new.store().keys().unwrap());
    assert_eq!(old.store().live().unwrap(), new.store().live().unwrap());
    old.sound();
    old.one(Item::ForgetAnswers { before: Timestamp(6) });
    assert_eq!(old.store().answer(&answer_key("k")).unwrap(), None);
}
