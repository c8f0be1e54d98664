//! Attachments travel with a backup, and it is damaged without them.

use std::fs;

use gendan::model::{Attachment, CaseId, Event, Name};
use gendan::store::Ledger;
use gendan::store::content::Contents;

use crate::bed::{Folders, back_up, check, restore};
use crate::store::{Draft, event, id, opened};

/// A data folder with a case that has a file with this content; gives its SHA-256.
fn attach(folders: &Folders, case: u64, content: &[u8]) -> Name {
    let (data, case_id): (_, CaseId) = (folders.path("data"), id(case));
    let contents = Contents::of(&data);
    let store = Ledger::open(&data, true).unwrap();
    let mut upload = contents.begin(case.into()).unwrap();
    upload.write(content).unwrap();
    let received = upload.finish().unwrap();
    let (sha256, bytes) = (Name::clone(&received.sha256), received.bytes);
    contents.keep(received, case_id).unwrap();
    let attachment =
        Attachment { sha256: Name::clone(&sha256), name: "a".into(), media_type: "text/plain".into(), bytes };
    let number = format!("W{case}");
    store.commit_one(Draft::open(case_id, &number).into());
    let attached = Event::Attached { attachment };
    store.commit_one(Draft::after(case_id, &[event(1, opened(&number))], vec![attached]).into());
    contents.settled(&sha256, case_id);
    sha256
}

trait CommitOne {
    fn commit_one(&self, item: gendan::store::Item);
}

impl CommitOne for Ledger {
    fn commit_one(&self, item: gendan::store::Item) {
        gendan::store::Store::commit(self, vec![item]).unwrap();
    }
}

#[test]
fn a_backup_has_what_was_attached_and_copies_only_what_is_new() {
    let folders = Folders::new();
    let first = attach(&folders, 1, b"one");
    let made = back_up(&folders.path("data"), &folders.path("b")).unwrap();
    assert_eq!((made.attachments_copied, made.attachment_bytes_copied), (1, 3));
    let second = attach(&folders, 2, b"second");
    let made = back_up(&folders.path("data"), &folders.path("b")).unwrap();
    assert_eq!((made.attachments_copied, made.attachment_bytes_copied), (1, 6));
    check(&folders.path("b")).unwrap();
    restore(&folders.path("b"), &folders.path("again")).unwrap();
    let again = Contents::of(&folders.path("again"));
    assert!(again.open(&first).is_ok() && again.open(&second).is_ok());
}

#[test]
fn a_backup_without_a_content_or_with_another_one_is_damaged() {
    let folders = Folders::new();
    let sha256 = attach(&folders, 1, b"one");
    back_up(&folders.path("data"), &folders.path("b")).unwrap();
    let (begin, end) = sha256.split_at(2);
    let place = folders.path("b").join("attachments").join(begin).join(end);
    fs::write(&place, "another").unwrap();
    let told = folders.told(&check(&folders.path("b")).unwrap_err());
    assert_eq!(told, format!("the backup is damaged: the attachment {sha256} has another content"));
    assert!(restore(&folders.path("b"), &folders.path("again")).is_err());
    fs::remove_file(&place).unwrap();
    let told = folders.told(&restore(&folders.path("b"), &folders.path("again")).unwrap_err());
    assert_eq!(told, format!("what was brought back is not sound: the attachment `a` ({sha256}) is missing"));
    assert!(!folders.path("again").exists());
}
