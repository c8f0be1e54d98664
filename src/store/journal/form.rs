//! The bytes of heads and records. Numbers are little-endian.

use sha2::{Digest, Sha256};

use super::{Address, Draft, End, Link};
use crate::model::limit::RECORD_BYTES_MAX;
use crate::store::{Error, Position};

/// The format that is written, and the newest one that is known.
pub(super) const FORMAT: u32 = 1;

/// Bytes of the head of a file.
pub(super) const FILE_HEAD_BYTES: usize = 64;

/// Bytes of the head of a record.
pub(super) const RECORD_HEAD_BYTES: usize = 56;

/// Most events of one record; the highest bit of the number marks the last record of a group.
pub(super) const EVENTS_MAX: u64 = 0x7fff_ffff;

/// The mark of the last record of a group.
const LAST: u32 = 0x8000_0000;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records as they were written.
    Journal,
    /// The same, compressed.
    Archive,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        match self {
            Self::Journal => *b"gendan-j",
            Self::Archive => *b"gendan-a",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Archive => "archive",
        }
    }

    /// The name of the file that begins at an address.
    pub(super) fn name(self, base: Address) -> String {
        format!("{:020}.{}", base.0, self.ending())
    }

    /// What a name says; `None` for a file that is none of the journal's.
    pub(super) fn parse(name: &str) -> Option<(Self, Address)> {
        let (digits, ending) = name.split_once('.')?;
        let base = Address(digits.parse().ok()?);
        [Self::Journal, Self::Archive]
            .into_iter()
            .find(|kind| kind.ending() == ending)
            .map(|kind| (kind, base))
            .filter(|_| digits.len() == 20 && !digits.starts_with('+'))
    }
}

/// Why the head of a file can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It was never written: the file is shorter, or has zeros there.
    Torn,
    /// It was written by a newer Gendan.
    Newer(u32),
    /// It is not what was written.
    Bad(&'static str),
}

/// The head of a file that begins after `base`.
pub(super) fn encode_file_head(kind: Kind, base: &End) -> [u8; FILE_HEAD_BYTES] {
    let mut head = Vec::with_capacity(FILE_HEAD_BYTES);
    head.extend(kind.magic());
    head.extend(FORMAT.to_le_bytes());
    head.extend(base.address.0.to_le_bytes());
    head.extend(base.position.0.to_le_bytes());
    head.extend(base.link);
    head.extend(crc32fast::hash(&head).to_le_bytes());
    let mut bytes = [0; FILE_HEAD_BYTES];
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    bytes
}

/// Reads the head of a file.
pub(super) fn decode_file_head(kind: Kind, bytes: &[u8]) -> Result<End, HeadFault> {
    let (Some(covered), Some(mut rest)) = (bytes.get(..FILE_HEAD_BYTES - 4), Take::at(bytes, 0)) else {
        return Err(HeadFault::Torn);
    };
    if bytes.len() < FILE_HEAD_BYTES || bytes.iter().take(FILE_HEAD_BYTES).all(|byte| *byte == 0) {
        return Err(HeadFault::Torn);
    }
    let read = (|| {
        let (magic, format) = (rest.array::<8>()?, rest.u32()?);
        let end = End { address: Address(rest.u64()?), position: Position(rest.u64()?), link: rest.array()? };
        Some((magic, format, end, rest.u32()?))
    })();
    let Some((magic, format, end, crc)) = read else { return Err(HeadFault::Torn) };
    if crc != crc32fast::hash(covered) {
        return Err(HeadFault::Bad("the checksum of its head is wrong"));
    }
    if magic != kind.magic() {
        return Err(HeadFault::Bad("it holds something else than its name says"));
    }
    if format > FORMAT {
        return Err(HeadFault::Newer(format));
    }
    if format == 0 { Err(HeadFault::Bad("there is no format 0")) } else { Ok(end) }
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    /// Bytes of the body.
    pub(super) body: usize,
    /// The checksum.
    crc: u32,
    /// Bytes of the group before this record.
    pub(super) offset: u32,
    /// How many events it holds.
    pub(super) events: u64,
    /// Whether it is the last of its group.
    pub(super) last: bool,
    /// The position of the last event before it.
    pub(super) position: Position,
    /// Its link.
    pub(super) link: Link,
}

impl RecordHead {
    /// Reads a head; `None` when there are not enough bytes, or the length can't be right.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Take::at(bytes, 0)?;
        let body = usize::try_from(rest.u32()?).ok()?;
        let (crc, offset, events) = (rest.u32()?, rest.u32()?, rest.u32()?);
        let (position, link) = (Position(rest.u64()?), rest.array()?);
        let (last, events) = (events & LAST != 0, u64::from(events & !LAST));
        (body <= RECORD_BYTES_MAX).then_some(Self { body, crc, offset, events, last, position, link })
    }

    /// Bytes of the whole record.
    pub(super) fn bytes(&self) -> usize {
        RECORD_HEAD_BYTES.saturating_add(self.body)
    }

    /// Whether a record at this address, with these bytes, is what was written.
    pub(super) fn is_sound(&self, address: Address, record: &[u8]) -> bool {
        let Some((length, rest)) = record.split_first_chunk::<4>() else { return false };
        let Some((_, rest)) = rest.split_first_chunk::<4>() else { return false };
        rest.len() == self.bytes().saturating_sub(8) && self.crc == checksum(address, *length, rest, &[])
    }
}

/// Bytes of a record with such a body.
pub(super) fn record_bytes(body: usize) -> u64 {
    u64::try_from(body.saturating_add(RECORD_HEAD_BYTES)).unwrap_or(u64::MAX)
}

/// Appends a record that follows `before`; gives the end after it.
pub(super) fn push_record(
    buffer: &mut Vec<u8>,
    before: &End,
    offset: u64,
    last: bool,
    draft: &Draft,
) -> Result<End, Error> {
    let too_large = || Error::TooLarge(format!("a record of {} bytes is too large", draft.body.len()));
    let length = u32::try_from(draft.body.len()).ok().filter(|_| draft.body.len() <= RECORD_BYTES_MAX);
    let length = length.ok_or_else(too_large)?.to_le_bytes();
    let offset = u32::try_from(offset).map_err(|_| Error::TooLarge("a group is too large".to_owned()))?;
    let events = u32::try_from(draft.events).ok().filter(|_| draft.events <= EVENTS_MAX).ok_or_else(too_large)?;
    let link = link(&before.link, before.position, draft.events, &draft.body);

    let begin = buffer.len();
    buffer.reserve(RECORD_HEAD_BYTES.saturating_add(draft.body.len()));
    buffer.extend_from_slice(&length);
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&offset.to_le_bytes());
    buffer.extend_from_slice(&(if last { events | LAST } else { events }).to_le_bytes());
    buffer.extend_from_slice(&before.position.0.to_le_bytes());
    buffer.extend_from_slice(&link);
    let rest = buffer.get(begin.saturating_add(8)..).unwrap_or_default();
    let crc = checksum(before.address, length, rest, &draft.body);
    if let Some(place) = buffer.get_mut(begin.saturating_add(4)..begin.saturating_add(8)) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
    buffer.extend_from_slice(&draft.body);
    Ok(before.after(draft.body.len(), draft.events, link))
}

/// The link of a record.
pub(super) fn link(before: &Link, position: Position, events: u64, body: &[u8]) -> Link {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(position.0.to_le_bytes());
    hasher.update(events.to_le_bytes());
    hasher.update(body);
    hasher.finalize().into()
}

fn checksum(address: Address, length: [u8; 4], rest: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&address.0.to_le_bytes());
    hasher.update(&length);
    hasher.update(rest);
    hasher.update(body);
    hasher.finalize()
}

/// Takes numbers off the front of bytes.
#[derive(Debug)]
pub(super) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    /// From a place on; `None` when the bytes end before.
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        bytes.get(at..).map(Self)
    }

    /// So many bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    /// A number of four bytes.
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of eight bytes.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_journal_are_its_files() {
        for (name, expected) in [
            ("00000000000000000000.journal", Some((Kind::Journal, 0))),
            ("18446744073709551615.archive", Some((Kind::Archive, u64::MAX))),
            ("18446744073709551616.archive", None),
            ("00000000000000000000.archive.part", None),
            ("+0000000000000000000.journal", None),
            ("0.journal", None),
            ("lock", None),
        ] {
            let expected = expected.map(|(kind, base)| (kind, Address(base)));
            assert_eq!(Kind::parse(name), expected, "{name}");
            assert!(expected.is_none_or(|(kind, base)| kind.name(base) == name), "{name}");
        }
    }

    #[test]
    fn a_head_says_what_is_wrong_with_it() {
        let base = End { address: Address(5), position: Position(6), link: [7; 32] };
        let head = encode_file_head(Kind::Journal, &base);
        let mut newer = head.to_vec();
        newer[8] = 9;
        let crc = crc32fast::hash(&newer[..60]).to_le_bytes();
        newer[60..].copy_from_slice(&crc);
        let mut flipped = head.to_vec();
        flipped[8] = 9;
        for (bytes, expected) in [
            (&head[..], Ok(base)),
            (&head[..63], Err(HeadFault::Torn)),
            (&[0; 64][..], Err(HeadFault::Torn)),
            (&[][..], Err(HeadFault::Torn)),
            (&newer, Err(HeadFault::Newer(9))),
            (&flipped, Err(HeadFault::Bad("the checksum of its head is wrong"))),
        ] {
            assert_eq!(decode_file_head(Kind::Journal, bytes), expected);
        }
        let expected = Err(HeadFault::Bad("it holds something else than its name says"));
        assert_eq!(decode_file_head(Kind::Archive, &head), expected);
    }
}
