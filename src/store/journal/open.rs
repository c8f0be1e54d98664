//! Opening: what stands is found, what was torn is cut off, and what is damaged is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive::{self, Archive};
use super::file::{File, Form, Index, Mark, head_bytes};
use super::form::{self, FILE_HEAD_BYTES, HeadFault, Kind};
use super::walk::{Chain, Cursor, LONG_BYTES, Step, group_of};
use super::{Address, Cut, End, Opened, Options, PLACE, failed};
use crate::store::Error;
use crate::store::disk::Disk;

/// How often a look beside the process that writes is tried again, when files were moved meanwhile.
const PEEKS_MAX: usize = 8;

/// What was found on a disk.
#[derive(Debug)]
pub(super) struct Found {
    /// The files, in their order.
    pub(super) files: Vec<Arc<File>>,
    /// Where the last whole group ends.
    pub(super) end: End,
}

/// Opens to write.
pub(super) fn open(disk: &Arc<dyn Disk>, options: Options) -> Result<(Found, Opened), Error> {
    let survey = Survey::new(disk)?;
    let mut opened = Opened::default();
    let Some(newest) = survey.files.last() else {
        if options.reaches > Address(0) {
            let reason = "all of its files are missing".to_owned();
            return Err(Error::Damaged { place: PLACE.to_owned(), reason });
        }
        if !options.create {
            return Err(Error::Io(format!("there is no journal in `{PLACE}`")));
        }
        opened.created = true;
        return begin(disk, &End::default(), true).map(|found| (found, opened));
    };
    let torn = newest.head == Err(HeadFault::Torn);
    if torn {
        survey.nothing_follows(disk, newest)?;
        opened.removed.push(newest.name());
    }
    let kept = survey.files.len().saturating_sub(usize::from(torn));
    let files = survey.check(disk, kept)?;
    // The power went while the very first file was being made; or a newest file without records lost its head
    // behind an archive.
    let Some(last) = files.last().filter(|last| last.archived_end().is_none()) else {
        let end = files.last().and_then(|last| last.archived_end()).unwrap_or_default();
        if end.address < options.reaches {
            return Err(lost(&newest.name(), head_bytes(), end, options.reaches));
        }
        let mut found = begin(disk, &end, false)?;
        found.files.splice(..0, files);
        survey.tidy(disk, &found.files, &mut opened)?;
        return Ok((found, opened));
    };
    let bytes = disk.len(&last.name()).map_err(|error| failed(&last.name(), &error))?;
    let whole = torn.then_some(newest.base);
    let tail = Tail::read(disk, last, bytes, whole)?;
    tail.judge(disk, last, whole)?;
    if tail.end.address < options.reaches {
        return Err(lost(&last.name(), last.offset(tail.end.address), tail.end, options.reaches));
    }
    opened.cut = tail.cut(last);
    tail.settle(disk, last)?;
    if torn {
        let name = newest.name();
        disk.remove(&name).map_err(|error| failed(&name, &error))?;
    }
    disk.sync_folder().map_err(|error| failed("", &error))?;
    *last.index() = tail.index;
    survey.tidy(disk, &files, &mut opened)?;
    Ok((Found { files, end: tail.end }, opened))
}

/// Looks at what another process is writing, without touching it.
pub(super) fn peek(disk: &Arc<dyn Disk>) -> Result<Found, Error> {
    patiently(|| look(disk))
}

/// Lists the files, perhaps beside a process that writes.
pub(super) fn survey(disk: &Arc<dyn Disk>) -> Result<Survey, Error> {
    patiently(|| Survey::new(disk))
}

fn patiently<T>(mut look: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut tries = 1;
    loop {
        match look() {
            Err(Error::Io(_) | Error::Damaged { .. }) if tries < PEEKS_MAX => tries += 1,
            looked => return looked,
        }
    }
}

fn look(disk: &Arc<dyn Disk>) -> Result<Found, Error> {
    let survey = Survey::new(disk)?;
    let Some(newest) = survey.files.last() else {
        return Err(Error::Io(format!("there is no journal in `{PLACE}`")));
    };
    let torn = newest.head == Err(HeadFault::Torn);
    let kept = survey.files.len().saturating_sub(usize::from(torn));
    let files = survey.check(disk, kept)?;
    let Some(last) = files.last() else { return Ok(Found { files, end: End::default() }) };
    if let Some(end) = last.archived_end() {
        return Ok(Found { files, end });
    }
    let bytes = disk.len(&last.name()).map_err(|error| failed(&last.name(), &error))?;
    let tail = Tail::read(disk, last, bytes, torn.then_some(newest.base))?;
    *last.index() = tail.index;
    Ok(Found { files, end: tail.end })
}

/// Makes the first file, or makes it again.
fn begin(disk: &Arc<dyn Disk>, base: &End, create: bool) -> Result<Found, Error> {
    let name = Kind::Journal.name(base.address);
    let made = if create { disk.create(&name) } else { disk.truncate(&name, 0) };
    made.and_then(|()| disk.write(&name, 0, &form::encode_file_head(Kind::Journal, base)))
        .and_then(|()| disk.sync(&name))
        .and_then(|()| disk.sync_folder())
        .map_err(|error| failed(&name, &error))?;
    Ok(Found { files: vec![Arc::new(File::new(*base, Form::Journal, Index::growing()))], end: *base })
}

/// The error for a journal whose newest records are missing.
fn lost(name: &str, at: u64, end: End, reaches: Address) -> Error {
    Error::Damaged {
        place: format!("{PLACE}{name}: byte {at}"),
        reason: format!(
            "the journal ends at address {}, but was acknowledged up to {}; the newest records are missing",
            end.address.0, reaches.0
        ),
    }
}

/// The names and heads of all files.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Those to read, in their order.
    pub(super) files: Vec<Entry>,
    /// Files that are there as they were written and as archives too.
    doubled: Vec<Address>,
    /// Archives that were never finished.
    parts: Vec<String>,
}

/// A file, as its name and its head tell.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is.
    pub(super) kind: Kind,
    /// The address in its name.
    pub(super) base: Address,
    /// What stands before it.
    pub(super) head: Result<End, HeadFault>,
    /// Its length.
    pub(super) bytes: u64,
}

impl Survey {
    /// # Errors
    /// When a head says that a newer Gendan wrote it, and when the disk can't be read.
    fn new(disk: &Arc<dyn Disk>) -> Result<Self, Error> {
        let mut survey = Self::default();
        let mut files: BTreeMap<Address, Entry> = BTreeMap::new();
        for name in disk.list().map_err(|error| failed("", &error))? {
            let Some((kind, base)) = Kind::parse(&name) else {
                survey.parts.extend(archive::is_part(&name).then_some(name));
                continue;
            };
            let entry = Entry::read(disk, &name, kind, base)?;
            // As long as a file stands there as it was written, that is the one to read; its name sorts last.
            if files.insert(base, entry).is_some() {
                survey.doubled.push(base);
            }
        }
        survey.files = files.into_values().collect();
        Ok(survey)
    }

    /// Checks that the first files follow from each other, without reading their records.
    fn check(&self, disk: &Arc<dyn Disk>, kept: usize) -> Result<Vec<Arc<File>>, Error> {
        if self.files.first().is_some_and(|first| first.base != Address::default()) {
            return Err(missing(Address::default()));
        }
        let mut files = Vec::new();
        for (number, entry) in self.files.iter().take(kept).enumerate() {
            let next = self.files.get(number.saturating_add(1));
            files.push(Arc::new(entry.file(disk, next)?));
        }
        Ok(files)
    }

    /// Removes what a stop in the middle of archiving left behind.
    fn tidy(&self, disk: &Arc<dyn Disk>, files: &[Arc<File>], opened: &mut Opened) -> Result<(), Error> {
        let mut removed = self.parts.clone();
        for (file, next) in files.iter().zip(files.iter().skip(1)).filter(|(file, _)| self.is_doubled(file)) {
            let name = Kind::Archive.name(file.base.address);
            match archived(disk, file, &next.base) {
                Some(archive) => {
                    removed.push(file.name());
                    file.turn_into(Form::Archive(Arc::new(archive)));
                }
                None => removed.push(name),
            }
        }
        // A file that is still written to was never archived whole.
        let newest = files.last().filter(|file| self.is_doubled(file));
        removed.extend(newest.map(|file| Kind::Archive.name(file.base.address)));
        for name in &removed {
            disk.remove(name).map_err(|error| failed(name, &error))?;
        }
        if !removed.is_empty() {
            disk.sync_folder().map_err(|error| failed("", &error))?;
        }
        opened.removed.extend(removed);
        Ok(())
    }

    fn is_doubled(&self, file: &File) -> bool {
        self.doubled.contains(&file.base.address)
    }

    /// A newest file without a head was never in use, unless a later group than its first stands in it.
    fn nothing_follows(&self, disk: &Arc<dyn Disk>, newest: &Entry) -> Result<(), Error> {
        let base = End { address: newest.base, ..End::default() };
        let file = Arc::new(File::new(base, Form::Journal, Index::default()));
        let limit = newest.base.plus_bytes(newest.bytes.saturating_sub(head_bytes()));
        let mut cursor = Cursor::new(Arc::clone(disk), file, newest.base, limit, LONG_BYTES);
        match cursor.search(&|at, head| group_of(at, head).is_some_and(|group| group > newest.base))? {
            Some(_) => Err(newest.damaged(0, "its head is missing, and records follow that were confirmed")),
            None => Ok(()),
        }
    }
}

impl Entry {
    fn read(disk: &Arc<dyn Disk>, name: &str, kind: Kind, base: Address) -> Result<Self, Error> {
        let mut head = [0; FILE_HEAD_BYTES];
        let read = disk.read(name, 0, &mut head).map_err(|error| failed(name, &error))?;
        let head = form::decode_file_head(kind, head.get(..read).unwrap_or_default());
        if let Err(HeadFault::Newer(found)) = head {
            return Err(Error::Newer { found, known: form::FORMAT });
        }
        let bytes = disk.len(name).map_err(|error| failed(name, &error))?;
        Ok(Self { kind, base, head, bytes })
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        self.kind.name(self.base)
    }

    fn damaged(&self, at: u64, reason: impl Into<String>) -> Error {
        Error::Damaged { place: format!("{PLACE}{}: byte {at}", self.name()), reason: reason.into() }
    }

    /// The file, when it reaches up to the next one.
    fn file(&self, disk: &Arc<dyn Disk>, next: Option<&Self>) -> Result<File, Error> {
        let base = match self.head {
            Ok(base) if base.address == self.base => base,
            Ok(_) => return Err(self.damaged(0, "its name is the one of another file")),
            Err(HeadFault::Torn) => return Err(self.damaged(0, "its head is missing")),
            Err(HeadFault::Bad(reason)) => return Err(self.damaged(0, reason)),
            Err(HeadFault::Newer(found)) => return Err(Error::Newer { found, known: form::FORMAT }),
        };
        match self.kind {
            Kind::Journal => {
                let records = next.map_or(0, |next| next.base.0.saturating_sub(self.base.0));
                if self.bytes.saturating_sub(head_bytes()) < records {
                    let reason = "it ends before the next file begins: it was cut, or a file is missing";
                    return Err(self.damaged(self.bytes, reason));
                }
                Ok(File::new(base, Form::Journal, Index::default()))
            }
            Kind::Archive => {
                let archive = Archive::open(&**disk, &self.name(), self.base)?;
                let end = archive.end();
                // What is archived was closed: the file behind it was in use.
                let Some(next) = next.filter(|next| next.base == end.address) else { return Err(missing(end.address)) };
                if next.head != Ok(end) && next.head != Err(HeadFault::Torn) {
                    return Err(next.damaged(0, "its head does not follow from the file before"));
                }
                Ok(File::new(base, Form::Archive(Arc::new(archive)), Index::default()))
            }
        }
    }
}

/// The archive of a file that is still there, when it is sound and holds the same.
fn archived(disk: &Arc<dyn Disk>, file: &File, end: &End) -> Option<Archive> {
    let name = Kind::Archive.name(file.base.address);
    let archive = Archive::open(&**disk, &name, file.base.address).ok()?;
    let same = archive.end() == *end && archive.is_same(&**disk, &name, file).unwrap_or(false);
    same.then_some(archive)
}

/// The end of the newest file.
#[derive(Debug)]
struct Tail {
    /// Where the last whole group ends.
    end: End,
    /// Where it begins; the beginning of the file when there is none.
    group: Address,
    /// Where the records stop to follow from each other, and why; `None` when the file ends with a whole group.
    stop: Option<(Address, &'static str)>,
    /// Where the records of the file end.
    limit: Address,
    /// Bytes of the file.
    bytes: u64,
    index: Index,
}

impl Tail {
    /// Reads the newest file, up to `whole` when a file was begun there.
    fn read(disk: &Arc<dyn Disk>, file: &Arc<File>, bytes: u64, whole: Option<Address>) -> Result<Self, Error> {
        let from = file.base.address;
        let there = from.plus_bytes(bytes.saturating_sub(head_bytes()));
        let limit = whole.map_or(there, |whole| whole.min(there));
        let mut tail = Self { end: file.base, group: from, stop: None, limit, bytes, index: Index::growing() };
        let mut cursor = Cursor::new(Arc::clone(disk), Arc::clone(file), from, limit, LONG_BYTES);
        let mut chain = Chain::between_groups(file.base);
        let mut marks = Vec::new();
        loop {
            let at = chain.end;
            let followed = match cursor.step()? {
                Step::Record(head, record) => chain.follow(&head, record),
                Step::Bad(reason) => Err(reason),
                Step::End if chain.is_between_groups() => break,
                Step::End => Err("the rest of its group is missing"),
            };
            if let Err(reason) = followed {
                tail.stop = Some((at.address, reason));
                break;
            }
            marks.push(Mark { position: at.position, address: at.address });
            cursor.at = chain.end.address;
            if chain.is_between_groups() {
                (tail.group, tail.end) = (tail.end.address, chain.end);
                marks.drain(..).for_each(|mark| tail.index.note(mark));
            }
        }
        Ok(tail)
    }

    /// What stops to follow was torn, unless a later group stands behind it: that one was written after what is
    /// damaged here had been confirmed. So is what should reach up to the file that was begun behind it.
    fn judge(&self, disk: &Arc<dyn Disk>, file: &Arc<File>, whole: Option<Address>) -> Result<(), Error> {
        if let Some(whole) = whole.filter(|whole| *whole != self.end.address) {
            let (at, reason) = self.stop.unwrap_or((self.end.address, "the file ends"));
            return Err(file.damaged(at, format!("{reason}, and a file was begun at {}", whole.0)));
        }
        let Some((at, reason)) = self.stop else { return Ok(()) };
        let mut cursor = Cursor::new(Arc::clone(disk), Arc::clone(file), at.plus(1), self.limit, LONG_BYTES);
        let later = cursor.search(&|address, head| {
            head.position >= self.end.position && group_of(address, head).is_some_and(|group| group > at)
        })?;
        match later {
            Some(_) => Err(file.damaged(at, format!("{reason}, and records follow that were confirmed"))),
            None => Ok(()),
        }
    }

    /// What is to be cut off.
    fn cut(&self, file: &File) -> Option<Cut> {
        let at = file.offset(self.end.address);
        let bytes = self.bytes.saturating_sub(at);
        let reason = self.stop.map_or("a file was begun before it", |(_, reason)| reason);
        (bytes > 0).then(|| Cut { file: file.name(), at, bytes, reason: reason.to_owned() })
    }

    /// Cuts it off, and makes durable what stands. The last group is written again: when its sync failed in a
    /// process before, the system may take for written what never reached the disk.
    fn settle(&self, disk: &Arc<dyn Disk>, file: &File) -> Result<(), Error> {
        let name = file.name();
        let at = file.offset(self.end.address);
        let io = |error: std::io::Error| failed(&name, &error);
        if self.bytes > at {
            disk.truncate(&name, at).map_err(io)?;
        }
        let mut from = if self.group == file.base.address { 0 } else { file.offset(self.group) };
        while from < at {
            let wanted = usize::try_from(at.saturating_sub(from)).unwrap_or(LONG_BYTES).min(LONG_BYTES);
            let mut bytes = vec![0; wanted];
            let read = disk.read(&name, from, &mut bytes).map_err(io)?;
            if read < wanted {
                return Err(Error::Damaged {
                    place: format!("{PLACE}{name}: byte {from}"),
                    reason: "the file ends".to_owned(),
                });
            }
            disk.write(&name, from, &bytes).map_err(io)?;
            from = from.saturating_add(u64::try_from(wanted).unwrap_or(u64::MAX));
        }
        disk.sync(&name).map_err(io)
    }
}

fn missing(base: Address) -> Error {
    let place = format!("{PLACE}{}: byte 0", Kind::Journal.name(base));
    Error::Damaged { place, reason: "the file is missing".to_owned() }
}
