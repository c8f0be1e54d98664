//! The keys under which things are stored: the only place that knows how they are written.
//!
//! Every kind of thing has a prefix of its own. Names that people choose are parts of keys; a part that is too
//! long, or has bytes that would confuse it with its neighbours, is replaced by its hash, and the value repeats
//! it in full. Cases stand under their inverted id, so that reading forward gives the newest first.

use sha2::{Digest, Sha256};

use crate::model::limit::KEY_BYTES_MAX;
use crate::model::world::Hold;
use crate::model::{CaseId, Recipient, SendingId, Timestamp};

use super::journal::Address;
use super::{AnswerKey, IndexKey};

/// A run of keys: from the first one on, up to the end and without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyRange {
    /// The first key that may belong to it.
    pub(super) from: Vec<u8>,
    /// The first key that does not.
    pub(super) to: Vec<u8>,
}

impl KeyRange {
    /// The same run without everything up to and including `key`.
    pub(super) fn after(mut self, key: &[u8]) -> Self {
        self.from = [key, &[0]].concat();
        self
    }
}

/// The snapshot of a case.
pub(super) fn case(id: CaseId) -> Vec<u8> {
    [b"c/".as_slice(), &inverted(id)].concat()
}

/// The snapshots of all cases, newest first.
pub(super) fn cases() -> KeyRange {
    prefix(b"c/".to_vec())
}

/// An entry of the index for a case.
pub(super) fn index(entry: &IndexKey, id: CaseId) -> Vec<u8> {
    [index_prefix(entry).as_slice(), &inverted(id)].concat()
}

/// The cases under an entry of the index, newest first.
pub(super) fn index_cases(entry: &IndexKey) -> KeyRange {
    prefix(index_prefix(entry))
}

/// The whole index.
pub(super) fn indexes() -> KeyRange {
    prefix(b"i/".to_vec())
}

/// The case at the end of a key of [`index`] or [`case`].
pub(super) fn case_at_end(key: &[u8]) -> Option<CaseId> {
    let bytes: [u8; 16] = *key.last_chunk()?;
    Some(CaseId::from_bytes(bytes.map(|byte| !byte)))
}

/// Who has a unique value.
pub(super) fn hold(hold: &Hold) -> Vec<u8> {
    parts(b"u/", &[&hold.workflow, &hold.field, &hold.value])
}

/// All unique values.
pub(super) fn holds() -> KeyRange {
    prefix(b"u/".to_vec())
}

/// The last place of a number series that was used.
pub(super) fn series(series: &str) -> Vec<u8> {
    parts(b"n/", &[series])
}

/// A row of a table.
pub(super) fn row(table: &str, key: &str) -> Vec<u8> {
    parts(b"t/", &[table, key])
}

/// The rows of all tables.
pub(super) fn rows() -> KeyRange {
    prefix(b"t/".to_vec())
}

/// An answer that was given under an idempotency key.
pub(super) fn answer(key: &AnswerKey) -> Vec<u8> {
    parts(b"a/", &[&key.actor, &key.key])
}

/// All answers.
pub(super) fn answers() -> KeyRange {
    prefix(b"a/".to_vec())
}

/// The entry by which answers that were written together are found when their time is over: the last of them
/// was given at `at`, and the state had reached `end`.
pub(super) fn expiry(at: Timestamp, end: Address) -> Vec<u8> {
    [expiry_time(at).as_slice(), &end.0.to_be_bytes()].concat()
}

/// The entries of answers that were all given before a moment.
pub(super) fn expiries(before: Timestamp) -> KeyRange {
    KeyRange { from: b"e/".to_vec(), to: expiry_time(before) }
}

/// The entries of all answers.
pub(super) fn all_expiries() -> KeyRange {
    prefix(b"e/".to_vec())
}

/// A sending of the outbox.
pub(super) fn sending(id: SendingId) -> Vec<u8> {
    [b"o/".as_slice(), &sending_bytes(id)].concat()
}

/// All sendings of a case, or of a notice of its own.
pub(super) fn sendings_of(source: CaseId) -> KeyRange {
    prefix([b"o/".as_slice(), &source.to_bytes()].concat())
}

/// All sendings.
pub(super) fn sendings() -> KeyRange {
    prefix(b"o/".to_vec())
}

/// The entry of a sending that waits: the one that is due first comes first.
pub(super) fn pending(due: Timestamp, id: SendingId) -> Vec<u8> {
    [b"q/p".as_slice(), &sortable(due), &sending_bytes(id)].concat()
}

/// The entries of sendings that are due by a moment.
pub(super) fn due(now: Timestamp) -> KeyRange {
    let end = [b"q/p".as_slice(), &sortable(Timestamp(now.0.saturating_add(1)))].concat();
    KeyRange { from: b"q/p".to_vec(), to: end }
}

/// The entries of all sendings that wait.
pub(super) fn all_pending() -> KeyRange {
    prefix(b"q/p".to_vec())
}

/// The entry of a sending that was sent: the newest one comes first.
pub(super) fn sent(at: Timestamp, id: SendingId) -> Vec<u8> {
    [b"q/s".as_slice(), &newest_first(at), &sending_bytes(id)].concat()
}

/// The entries of all sendings that were sent.
pub(super) fn all_sent() -> KeyRange {
    prefix(b"q/s".to_vec())
}

/// The entry of a sending that is dead: the newest one comes first.
pub(super) fn dead(at: Timestamp, id: SendingId) -> Vec<u8> {
    [b"q/d".as_slice(), &newest_first(at), &sending_bytes(id)].concat()
}

/// The entries of all sendings that are dead.
pub(super) fn all_dead() -> KeyRange {
    prefix(b"q/d".to_vec())
}

/// The entries of all sendings, by their state.
pub(super) fn lists_of_sendings() -> KeyRange {
    prefix(b"q/".to_vec())
}

/// The entry of a sending in a box: the newest one comes first.
pub(super) fn boxed(of: &Recipient, at: Timestamp, id: SendingId) -> Vec<u8> {
    [box_prefix(of).as_slice(), &newest_first(at), &sending_bytes(id)].concat()
}

/// The entries of a box.
pub(super) fn inbox(of: &Recipient) -> KeyRange {
    prefix(box_prefix(of))
}

/// The entries of all boxes.
pub(super) fn inboxes() -> KeyRange {
    prefix(b"b/".to_vec())
}

/// The sending at the end of a key of it, of its lists, or of a box.
pub(super) fn sending_at_end(key: &[u8]) -> Option<SendingId> {
    let bytes: &[u8; 26] = key.last_chunk()?;
    let (source, rest) = bytes.split_first_chunk::<16>()?;
    let (version, place) = rest.split_first_chunk::<8>()?;
    let place: &[u8; 2] = place.first_chunk()?;
    Some(SendingId {
        source: CaseId::from_bytes(*source),
        version: u64::from_be_bytes(*version),
        place: u16::from_be_bytes(*place),
    })
}

/// An API key.
pub(super) fn api_key(id: &str) -> Vec<u8> {
    parts(b"k/", &[id])
}

/// All API keys.
pub(super) fn api_keys() -> KeyRange {
    prefix(b"k/".to_vec())
}

/// A pool of a resource.
pub(super) fn pool(resource: &str, key: &str) -> Vec<u8> {
    parts(b"p/", &[resource, key])
}

/// The pools of a resource.
pub(super) fn pools_of(resource: &str) -> KeyRange {
    prefix([parts(b"p/", &[resource]).as_slice(), &[0]].concat())
}

/// All pools.
pub(super) fn pools() -> KeyRange {
    prefix(b"p/".to_vec())
}

/// What a case holds of a pool.
pub(super) fn holder(resource: &str, key: &str, id: CaseId) -> Vec<u8> {
    [holder_prefix(resource, key).as_slice(), &inverted(id)].concat()
}

/// The cases that hold something of a pool, newest first.
pub(super) fn holders_of(resource: &str, key: &str) -> KeyRange {
    prefix(holder_prefix(resource, key))
}

/// What all cases hold.
pub(super) fn holders() -> KeyRange {
    prefix(b"h/".to_vec())
}

/// A file of a definition set, by the SHA-256 of its bytes.
pub(super) fn file(sha256: &str) -> Vec<u8> {
    parts(b"d/", &[sha256])
}

/// That a case wants to be woken at a moment. These keys sort like the pairs.
pub(super) fn wake(at: Timestamp, id: CaseId) -> Vec<u8> {
    [b"w/".as_slice(), &sortable(at), &id.to_bytes()].concat()
}

/// Every case that wants to be woken, the earliest first.
pub(super) fn wakes() -> KeyRange {
    prefix(b"w/".to_vec())
}

/// Those that want it up to a moment, and at it.
pub(super) fn wakes_until(until: Timestamp) -> KeyRange {
    let last = [b"w/".as_slice(), &sortable(until), &[u8::MAX; 16]].concat();
    KeyRange { to: [last.as_slice(), &[0]].concat(), ..wakes() }
}

/// The moment and the case in a key of [`wake`].
pub(super) fn wake_parts(key: &[u8]) -> Option<(Timestamp, CaseId)> {
    let (moment, case) = key.get(2..)?.split_first_chunk()?;
    let at = Timestamp((u64::from_be_bytes(*moment) ^ (1 << 63)).cast_signed());
    Some((at, CaseId::from_bytes(case.try_into().ok()?)))
}

/// How far work in the background has come.
pub(super) fn progress(of: &str) -> Vec<u8> {
    parts(b"g/", &[of])
}

/// The progress of all work.
pub(super) fn progresses() -> KeyRange {
    prefix(b"g/".to_vec())
}

/// Which definition set is live.
pub(super) fn live() -> Vec<u8> {
    b"live".to_vec()
}

/// How many cases are under each entry of the index.
pub(super) fn counts() -> Vec<u8> {
    b"counts".to_vec()
}

/// How far the state has come.
pub(super) fn reached() -> Vec<u8> {
    b"reached".to_vec()
}

/// A piece of the value of `key`, when it is too large for one.
pub(super) fn piece(key: &[u8], index: u32) -> Vec<u8> {
    [b"x/".as_slice(), key, &index.to_be_bytes()].concat()
}

/// A key for a person's eyes.
pub(super) fn show(key: &[u8]) -> String {
    match (key.first(), case_at_end(key)) {
        (Some(b'c'), Some(id)) => format!("case {id}"),
        _ => key.escape_ascii().to_string(),
    }
}

fn index_prefix(entry: &IndexKey) -> Vec<u8> {
    [parts(b"i/", &[&entry.workflow, &entry.facet, &entry.value]).as_slice(), &[0]].concat()
}

fn holder_prefix(resource: &str, key: &str) -> Vec<u8> {
    [parts(b"h/", &[resource, key]).as_slice(), &[0]].concat()
}

fn expiry_time(at: Timestamp) -> Vec<u8> {
    [b"e/".as_slice(), &sortable(at)].concat()
}

fn sending_bytes(id: SendingId) -> Vec<u8> {
    [id.source.to_bytes().as_slice(), &id.version.to_be_bytes(), &id.place.to_be_bytes()].concat()
}

fn box_prefix(of: &Recipient) -> Vec<u8> {
    let kind = match of {
        Recipient::Role(_) => "r",
        Recipient::User(_) => "u",
        Recipient::Email(_) | Recipient::Phone(_) | Recipient::Nobody => "-",
    };
    [parts(b"b/", &[kind, of.name()]).as_slice(), &[0]].concat()
}

/// The sign bit is flipped so that moments before 1970 sort before those after it.
fn sortable(at: Timestamp) -> [u8; 8] {
    (at.0.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn newest_first(at: Timestamp) -> [u8; 8] {
    sortable(at).map(|byte| !byte)
}

fn inverted(id: CaseId) -> [u8; 16] {
    id.to_bytes().map(|byte| !byte)
}

/// Everything that begins with `from`, whose last byte is not the greatest one.
fn prefix(from: Vec<u8>) -> KeyRange {
    let mut to = from.clone();
    if let Some(last) = to.last_mut() {
        *last = last.saturating_add(1);
    }
    KeyRange { from, to }
}

fn parts(prefix: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut key = prefix.to_vec();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            key.push(0);
        }
        push(&mut key, part);
    }
    key
}

/// Writes a part. A part that stays as it is never has a byte below 2, so none is taken for a hash or goes
/// over its end.
fn push(key: &mut Vec<u8>, part: &str) {
    if part.len() <= KEY_BYTES_MAX && part.bytes().all(|byte| byte > 1) {
        key.extend_from_slice(part.as_bytes());
    } else {
        key.push(1);
        key.extend_from_slice(super::codec::hexadecimal(&Sha256::digest(part)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_run_into_each_other() {
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        let rows = [("a", "b"), ("a\0b", ""), ("", "a\0b"), ("a", "b\0"), ("ab", ""), (&long, ""), (&long, "\u{1}")];
        let keys: std::collections::BTreeSet<_> = rows.iter().map(|(table, key)| row(table, key)).collect();
        assert_eq!(keys.len(), rows.len());
        assert!(keys.iter().all(|key| key.len() < 2 * KEY_BYTES_MAX + 3));
    }

    #[test]
    fn newer_cases_come_first_and_read_back() {
        let (old, new) = (CaseId::new(1, 0), CaseId::new(2, 0));
        assert!(case(new) < case(old));
        assert_eq!(case_at_end(&case(old)), Some(old));
        let entry = IndexKey { workflow: "w".into(), facet: "stage".into(), value: "new".into() };
        assert_eq!(case_at_end(&index(&entry, new)), Some(new));
        let range = index_cases(&entry);
        assert!(range.from < index(&entry, new) && index(&entry, old) < range.to);
    }

    #[test]
    fn wakes_sort_by_their_moments_and_read_back() {
        let moments = [i64::MIN, -1, 0, 1, i64::MAX].map(Timestamp);
        let keys: Vec<_> = moments.iter().map(|at| wake(*at, CaseId::new(3, 4))).collect();
        assert!(keys.is_sorted());
        let read: Vec<_> = keys.iter().filter_map(|key| wake_parts(key)).collect();
        assert_eq!(read, moments.map(|at| (at, CaseId::new(3, 4))));
        assert!(wake(Timestamp(5), CaseId::new(3, 4)) < wake(Timestamp(5), CaseId::new(3, 5)));
        for (until, count) in moments.into_iter().zip(1..) {
            let range = wakes_until(until);
            let before = keys.iter().filter(|key| range.from <= **key && **key < range.to).count();
            assert_eq!(before, count, "{until}");
        }
    }

    #[test]
    fn moments_sort() {
        let keys: Vec<_> = [i64::MIN, -1, 0, 1, i64::MAX].map(|at| expiry(Timestamp(at), Address(7))).into();
        assert!(keys.is_sorted());
        let range = expiries(Timestamp(0));
        let before = keys.iter().filter(|key| range.from <= **key && **key < range.to).count();
        assert_eq!(before, 2);
    }
}
