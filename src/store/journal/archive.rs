//! Closed files, compressed.
//!
//! ```text
//! head     64 bytes, as of a `.journal` file, with its own magic
//! pieces   the records, 64 KiB at a time (the last piece is shorter), each compressed on its own as an LZ4 block
//! table    for each piece: u64 place in the file, u32 bytes, u32 CRC-32 of these bytes
//! index    for some records, at least 64 KiB apart: u64 position of the last event before, u64 address
//! foot      0  u64  bytes of the records
//!           8  u32  how many pieces
//!          12  u32  how many records are in the index
//!          16  u64  place of the table in the file; the index stands behind it, then the foot
//!          24  u64  position of the last event
//!          32  link of the last record, 32 bytes
//!          64  u32  CRC-32 of table and index
//!          68  u32  CRC-32 of the foot before
//! ```
//!
//! So any record is read by decompressing one or two pieces, and an archive gives back the file it was made of, byte
//! by byte. One is made beside that file under a name that ends in `.part`, synced, read back and compared; then it
//! gets its name, the folder is synced, and only then the file goes away. A stop in between leaves both or a part;
//! opening removes what is too much.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::file::{File, Form, Index, Mark, head_bytes};
use super::form::{self, Kind, Take};
use super::walk::{Chain, Cursor, LONG_BYTES, Step};
use super::{Address, End, Journal, PLACE, failed};
use crate::store::disk::Disk;
use crate::store::{Error, Position};

/// Bytes of records in one piece.
const PIECE_BYTES: usize = 64 * 1024;

/// Bytes of the foot.
const FOOT_BYTES: usize = 72;

/// Bytes of an entry of the table, and of the index.
const ENTRY_BYTES: usize = 16;

/// What a name ends in while the archive is written.
const PART: &str = ".part";

/// An archive that can be read.
#[derive(Debug)]
pub(super) struct Archive {
    base: Address,
    foot: Foot,
    /// Bytes of the file.
    bytes: u64,
    /// Read when it is needed first.
    tables: OnceLock<Arc<Tables>>,
    /// The piece that was read last.
    latest: Mutex<Option<(usize, Arc<Vec<u8>>)>>,
}

#[derive(Clone, Copy, Debug)]
struct Foot {
    records: u64,
    pieces: usize,
    marks: usize,
    table: u64,
    position: Position,
    link: super::Link,
    tables_crc: u32,
}

#[derive(Debug)]
struct Tables {
    pieces: Vec<Piece>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u64,
    bytes: u32,
    crc: u32,
}

impl Archive {
    /// Reads the foot of an archive.
    ///
    /// # Errors
    /// When it is not what was written, and when the disk can't be read.
    pub(super) fn open(disk: &dyn Disk, name: &str, base: Address) -> Result<Self, Error> {
        let length = disk.len(name).map_err(|error| failed(name, &error))?;
        let at = length.saturating_sub(u64::try_from(FOOT_BYTES).unwrap_or_default());
        let bytes = read_exactly(disk, name, at, FOOT_BYTES)?;
        let foot = Foot::decode(&bytes).filter(|foot| foot.fits(at));
        let foot = foot.ok_or_else(|| damaged(name, at, "its foot is not what was written"))?;
        Ok(Self { base, foot, bytes: length, tables: OnceLock::new(), latest: Mutex::default() })
    }

    /// The end after its last record.
    pub(super) fn end(&self) -> End {
        let Foot { records, position, link, .. } = self.foot;
        End { address: self.base.plus_bytes(records), position, link }
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads records as they were written, up to the end of a piece; gives how many bytes there were.
    pub(super) fn read(&self, disk: &dyn Disk, name: &str, at: Address, bytes: &mut [u8]) -> Result<usize, Error> {
        let from = at.0.saturating_sub(self.base.0);
        if from >= self.foot.records {
            return Ok(0);
        }
        let piece_bytes = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let number = usize::try_from(from / piece_bytes).unwrap_or(usize::MAX);
        let inside = usize::try_from(from % piece_bytes).unwrap_or(usize::MAX);
        let piece = self.piece(disk, name, number)?;
        let there = piece.get(inside..).unwrap_or_default();
        let count = there.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), there.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    /// The index that was stored with it.
    pub(super) fn index(&self, disk: &dyn Disk, name: &str) -> Result<Index, Error> {
        Ok(Index::whole(self.tables(disk, name)?.marks.clone()))
    }

    /// Where in the file the piece stands that holds an address, and how many bytes it has.
    pub(super) fn place(&self, at: Address) -> (u64, u64) {
        let piece_bytes = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let number = usize::try_from(at.0.saturating_sub(self.base.0) / piece_bytes).unwrap_or(usize::MAX);
        let piece = self.tables.get().and_then(|tables| tables.pieces.get(number));
        piece.map_or((head_bytes(), 0), |piece| (piece.at, u64::from(piece.bytes)))
    }

    /// The address behind the piece that holds an address.
    pub(super) fn behind(&self, at: Address) -> Address {
        let piece_bytes = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
        let pieces = (at.0.saturating_sub(self.base.0) / piece_bytes).saturating_add(1);
        self.base.plus_bytes(pieces.saturating_mul(piece_bytes).min(self.foot.records))
    }

    /// Says whether it holds the same as a file that stands as it was written.
    pub(super) fn is_same(&self, disk: &dyn Disk, name: &str, file: &File) -> Result<bool, Error> {
        let end = self.end().address;
        let mut at = self.base;
        while at < end {
            let mut mine = vec![0; PIECE_BYTES];
            let count = self.read(disk, name, at, &mut mine)?;
            mine.truncate(count);
            let mut theirs = vec![0; count];
            if count == 0 || file.read(disk, at, &mut theirs)? != count || mine != theirs {
                return Ok(false);
            }
            at = at.plus(count);
        }
        Ok(true)
    }

    fn tables(&self, disk: &dyn Disk, name: &str) -> Result<Arc<Tables>, Error> {
        if let Some(tables) = self.tables.get() {
            return Ok(Arc::clone(tables));
        }
        let bytes = read_exactly(disk, name, self.foot.table, self.foot.tables_bytes())?;
        let tables = (crc32fast::hash(&bytes) == self.foot.tables_crc).then(|| self.foot.decode_tables(&bytes));
        let tables = tables.flatten();
        let tables = tables.ok_or_else(|| damaged(name, self.foot.table, "its table is not what was written"))?;
        Ok(Arc::clone(self.tables.get_or_init(|| Arc::new(tables))))
    }

    fn piece(&self, disk: &dyn Disk, name: &str, number: usize) -> Result<Arc<Vec<u8>>, Error> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, piece)) = latest.as_ref().filter(|(latest, _)| *latest == number) {
            return Ok(Arc::clone(piece));
        }
        let tables = self.tables(disk, name)?;
        let entry = tables.pieces.get(number).ok_or_else(|| damaged(name, self.foot.table, "a piece is missing"))?;
        let bytes = read_exactly(disk, name, entry.at, usize::try_from(entry.bytes).unwrap_or(usize::MAX))?;
        if crc32fast::hash(&bytes) != entry.crc {
            return Err(damaged(name, entry.at, "the checksum of a piece is wrong"));
        }
        let piece = lz4_flex::block::decompress(&bytes, self.foot.piece_bytes(number));
        let piece = piece.ok().filter(|piece| piece.len() == self.foot.piece_bytes(number));
        let piece = Arc::new(piece.ok_or_else(|| damaged(name, entry.at, "a piece can't be decompressed"))?);
        *latest = Some((number, Arc::clone(&piece)));
        Ok(piece)
    }
}

/// Whether a name is the one of an archive that was never finished.
pub(super) fn is_part(name: &str) -> bool {
    name.strip_suffix(PART).is_some_and(|name| matches!(Kind::parse(name), Some((Kind::Archive, _))))
}

/// Compresses closed files, all but the newest `keep`; gives how many.
pub(super) fn archive(journal: &Journal, keep: usize) -> Result<usize, Error> {
    let (files, _) = journal.view();
    let closed = files.len().saturating_sub(1);
    let mut done = 0;
    for (file, next) in files.iter().zip(files.iter().skip(1)).take(closed.saturating_sub(keep)) {
        if file.kind() == Kind::Journal {
            replace(&journal.disk, file, &next.base)?;
            done += 1;
        }
    }
    Ok(done)
}

fn replace(disk: &Arc<dyn Disk>, file: &Arc<File>, end: &End) -> Result<(), Error> {
    let (name, old) = (Kind::Archive.name(file.base.address), file.name());
    let part = format!("{name}{PART}");
    let index = check(disk, file, end)?;
    let made = make(disk, file, end, &part, &index);
    let archive = match made {
        Ok(archive) => archive,
        Err(error) => {
            // A part that stays is removed when the journal is opened.
            drop(disk.remove(&part));
            return Err(error);
        }
    };
    disk.rename(&part, &name).and_then(|()| disk.sync_folder()).map_err(|error| failed(&name, &error))?;
    *file.index() = index;
    file.turn_into(Form::Archive(Arc::new(archive)));
    disk.remove(&old).and_then(|()| disk.sync_folder()).map_err(|error| failed(&old, &error))
}

/// Reads a closed file from the front to its end; only what is sound is worth keeping.
fn check(disk: &Arc<dyn Disk>, file: &Arc<File>, end: &End) -> Result<Index, Error> {
    let mut index = Index::growing();
    let mut chain = Chain::between_groups(file.base);
    let mut cursor = Cursor::new(Arc::clone(disk), Arc::clone(file), file.base.address, end.address, LONG_BYTES);
    while chain.end.address < end.address {
        let before = chain.end;
        let followed = match cursor.step()? {
            Step::Record(head, record) => chain.follow(&head, record),
            Step::Bad(reason) => Err(reason),
            Step::End => Err("the file ends"),
        };
        followed.map_err(|reason| file.damaged(before.address, reason))?;
        index.note(Mark { position: before.position, address: before.address });
        cursor.at = chain.end.address;
    }
    if chain.end == *end {
        return Ok(index);
    }
    Err(file.damaged(chain.end.address, "the next file does not follow from it"))
}

/// Writes an archive, makes it durable, and reads it back.
fn make(disk: &Arc<dyn Disk>, file: &Arc<File>, end: &End, part: &str, index: &Index) -> Result<Archive, Error> {
    let io = |error: std::io::Error| failed(part, &error);
    match disk.create(part) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => disk.truncate(part, 0),
        made => made,
    }
    .map_err(io)?;
    disk.write(part, 0, &form::encode_file_head(Kind::Archive, &file.base)).map_err(io)?;
    let mut at = head_bytes();
    let (mut from, mut tables, mut pieces) = (file.base.address, Vec::new(), 0);
    while from < end.address {
        let left = usize::try_from(end.address.0.saturating_sub(from.0)).unwrap_or(PIECE_BYTES);
        let mut raw = vec![0; PIECE_BYTES.min(left)];
        if file.read(&**disk, from, &mut raw)? != raw.len() {
            return Err(file.damaged(from, "the file ends"));
        }
        let piece = lz4_flex::block::compress(&raw);
        disk.write(part, at, &piece).map_err(io)?;
        let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        tables.extend(at.to_le_bytes());
        tables.extend(bytes.to_le_bytes());
        tables.extend(crc32fast::hash(&piece).to_le_bytes());
        (at, from, pieces) = (at.saturating_add(u64::from(bytes)), from.plus(raw.len()), pieces + 1);
    }
    for mark in index.marks() {
        tables.extend(mark.position.0.to_le_bytes());
        tables.extend(mark.address.0.to_le_bytes());
    }
    let foot = Foot {
        records: end.address.0.saturating_sub(file.base.address.0),
        pieces,
        marks: index.marks().len(),
        table: at,
        position: end.position,
        link: end.link,
        tables_crc: crc32fast::hash(&tables),
    };
    tables.extend(foot.encode());
    disk.write(part, at, &tables).and_then(|()| disk.sync(part)).map_err(io)?;
    let archive = Archive::open(&**disk, part, file.base.address)?;
    if archive.is_same(&**disk, part, file)? && archive.index(&**disk, part)?.marks() == index.marks() {
        return Ok(archive);
    }
    Err(damaged(part, 0, "it does not read back as it was written"))
}

impl Foot {
    fn encode(&self) -> Vec<u8> {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = Vec::with_capacity(FOOT_BYTES);
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(count(self.pieces));
        bytes.extend(count(self.marks));
        bytes.extend(self.table.to_le_bytes());
        bytes.extend(self.position.0.to_le_bytes());
        bytes.extend(self.link);
        bytes.extend(self.tables_crc.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let covered = bytes.get(..FOOT_BYTES.saturating_sub(4))?;
        let mut rest = Take::at(bytes, 0)?;
        let foot = Self {
            records: rest.u64()?,
            pieces: usize::try_from(rest.u32()?).ok()?,
            marks: usize::try_from(rest.u32()?).ok()?,
            table: rest.u64()?,
            position: Position(rest.u64()?),
            link: rest.array()?,
            tables_crc: rest.u32()?,
        };
        (rest.u32()? == crc32fast::hash(covered)).then_some(foot)
    }

    /// Whether its numbers agree with each other and with its place in the file.
    fn fits(&self, at: u64) -> bool {
        let tables = u64::try_from(self.tables_bytes()).ok();
        let pieces = self.records.div_ceil(u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX));
        tables.and_then(|tables| self.table.checked_add(tables)) == Some(at) && u64::try_from(self.pieces) == Ok(pieces)
    }

    fn tables_bytes(&self) -> usize {
        self.pieces.saturating_add(self.marks).saturating_mul(ENTRY_BYTES)
    }

    /// Bytes of records in a piece.
    fn piece_bytes(&self, number: usize) -> usize {
        let records = usize::try_from(self.records).unwrap_or(usize::MAX);
        records.saturating_sub(number.saturating_mul(PIECE_BYTES)).min(PIECE_BYTES)
    }

    fn decode_tables(&self, bytes: &[u8]) -> Option<Tables> {
        let mut rest = Take::at(bytes, 0)?;
        let mut pieces = Vec::with_capacity(self.pieces);
        for _ in 0..self.pieces {
            pieces.push(Piece { at: rest.u64()?, bytes: rest.u32()?, crc: rest.u32()? });
        }
        let mut marks = Vec::with_capacity(self.marks);
        for _ in 0..self.marks {
            marks.push(Mark { position: Position(rest.u64()?), address: Address(rest.u64()?) });
        }
        Some(Tables { pieces, marks })
    }
}

fn read_exactly(disk: &dyn Disk, name: &str, at: u64, count: usize) -> Result<Vec<u8>, Error> {
    let length = disk.len(name).map_err(|error| failed(name, &error))?;
    let end = u64::try_from(count).ok().and_then(|count| at.checked_add(count));
    if end.is_none_or(|end| end > length) {
        return Err(damaged(name, length, "the file ends"));
    }
    let mut bytes = vec![0; count];
    let read = disk.read(name, at, &mut bytes).map_err(|error| failed(name, &error))?;
    if read == count { Ok(bytes) } else { Err(damaged(name, at, "the file ends")) }
}

fn damaged(name: &str, at: u64, reason: &str) -> Error {
    Error::Damaged { place: format!("{PLACE}{name}: byte {at}"), reason: reason.to_owned() }
}
