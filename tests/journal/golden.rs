//! Bytes that were written once are read for ever, and the same is still written the same way.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use gendan::store::journal::{Draft, End, Journal, Options};
use gendan::store::{Disk, SimDisk};

use crate::bed::{held, open, records};

/// Format 1: two groups in the first file and one in the next.
const FILES: [(&str, &str); 2] =
    [("journal-1.bin", "00000000000000000000.journal"), ("journal-1-next.bin", "00000000000000000209.journal")];

/// The first file, as an archive.
const ARCHIVE: (&str, &str) = ("journal-1-archive.bin", "00000000000000000000.archive");

fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn written() -> Vec<Vec<Draft>> {
    let draft = |events, body: &str| Draft { events, body: body.as_bytes().to_vec() };
    vec![
        vec![draft(1, "{\"first\":1}"), draft(0, "")],
        vec![draft(3, "下一条: \u{0}\u{1}, and 字\n twenty")],
        vec![draft(u64::from(u32::MAX >> 1), "the most events")],
    ]
}

fn disk(files: &[(&str, &str)]) -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new());
    files.iter().for_each(|(golden_name, name)| disk.put(name, &golden(golden_name)));
    disk
}

/// The journal as text.
fn text(journal: &Journal) -> String {
    let line = |record: gendan::store::journal::Record| {
        let link: String = record.link.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let body = String::from_utf8(record.body).unwrap();
        format!(
            "{} after event {}: {} events, link {link}..., {body:?}\n",
            record.address.0, record.position.0, record.events
        )
    };
    let lines: String = records(journal, End::default()).unwrap().into_iter().map(line).collect();
    format!("{lines}{:?}", journal.end())
}

#[test]
fn what_was_written_is_read() {
    for files in [&FILES[..], &[ARCHIVE, FILES[1]]] {
        let journal = open(&disk(files), 200);
        assert_eq!(held(&journal), written().concat());
        insta::allow_duplicates!(insta::assert_snapshot!(text(&journal), @r#"
        0 after event 0: 1 events, link 27d233bb0c11..., "{\"first\":1}"
        67 after event 1: 0 events, link a56312a8b58d..., ""
        123 after event 1: 3 events, link 9447dbb81d7c..., "下一条: \0\u{1}, and 字\n twenty"
        209 after event 4: 2147483647 events, link 68ed25c13d60..., "the most events"
        End(280 after event 2147483651, link 68ed25c13d60c4d44c59d5cd6d6aa4842e3611f7eca72da50bd2c084693b8d48)
        "#));
    }
}

#[test]
fn the_same_is_written_the_same_way() {
    let disk = Arc::new(SimDisk::new());
    let (journal, _) =
        Journal::open(disk.clone() as Arc<dyn Disk>, Options { segment_bytes: 200, ..Options::default() }).unwrap();
    for group in written() {
        journal.append(&group).unwrap();
    }
    for (golden_name, name) in FILES {
        assert_eq!(disk.bytes(name).unwrap(), golden(golden_name), "{golden_name}");
    }
    // How well an archive is compressed may change; what it gives back may not.
    journal.archive(0).unwrap();
    assert_eq!(held(&journal), written().concat());
}
