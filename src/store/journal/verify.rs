//! Reading all there is, and going on behind what is damaged.

use std::sync::Arc;

use super::archive::Archive;
use super::file::{File, Form, Index, head_bytes};
use super::form::{HeadFault, Kind, RecordHead};
use super::open::{Entry, survey};
use super::walk::{Chain, Cursor, LONG_BYTES, Step, group_of};
use super::{Address, Cut, End, Flaw, Report};
use crate::store::Error;
use crate::store::disk::Disk;

/// Bytes between two reports of progress.
const PROGRESS_BYTES: u64 = 1024 * 1024;

/// Reads everything up to `end`, or up to where the newest file ends.
///
/// # Errors
/// When a head is newer than this binary, and when the disk can't be read.
pub(super) fn verify(
    disk: &Arc<dyn Disk>,
    end: Option<End>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    let entries: Vec<Entry> = survey(disk)?.files;
    // What begins at the end or behind it may be in the making.
    let is_before = |entry: &Entry, end: End| {
        entry.base < end.address || (entry.base == end.address && entry.head != Err(HeadFault::Torn))
    };
    let entries: Vec<Entry> = entries.into_iter().filter(|entry| end.is_none_or(|end| is_before(entry, end))).collect();
    let newest = entries.last().map_or(0, |entry| entry.base.0.saturating_add(entry.bytes));
    let all = end.map_or(newest, |end| end.address.0);
    let chain = Chain::between_groups(End::default());
    let mut check =
        Check { disk, report: Report::default(), progress, all, told: 0, chain, linked: true, whole: Whole::default() };
    (check.progress)(0, all);
    check.beginning(&entries, end);
    for (entry, next) in entries.iter().zip(entries.iter().skip(1).map(Some).chain([None])) {
        check.file(entry, next.map(|next| next.base), end)?;
    }
    (check.progress)(all, all);
    Ok(check.done(end))
}

/// Readable bytes of a file that follow each other.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: Address,
    to: Address,
}

/// A piece of an archive that can't be read.
#[derive(Debug)]
struct Hole {
    from: Address,
    to: Address,
    /// Where it stands in the file.
    at: u64,
    bytes: u64,
    reason: String,
}

/// A file with what can be read of it.
#[derive(Debug)]
struct Part {
    file: Arc<File>,
    runs: Vec<Run>,
    holes: Vec<Hole>,
    /// Where its records end.
    there: Address,
}

/// What stood at a place.
#[derive(Debug)]
enum Seen {
    Sound,
    /// It is what was written, but it does not follow from what stands before.
    Stray(&'static str),
    Bad(String),
}

struct Check<'a> {
    disk: &'a Arc<dyn Disk>,
    report: Report,
    progress: &'a mut dyn FnMut(u64, u64),
    all: u64,
    /// Up to where progress was told.
    told: u64,
    chain: Chain,
    /// Whether the link of the chain's end is known: it is not behind damage.
    linked: bool,
    /// Up to where groups are whole.
    whole: Whole,
}

/// How far groups are whole.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    end: Address,
    records: u64,
    events: u64,
}

impl Check<'_> {
    fn beginning(&mut self, entries: &[Entry], end: Option<End>) {
        let wanted = end.is_none_or(|end| end.address > Address::default());
        if wanted && entries.first().is_none_or(|first| first.base != Address::default()) {
            self.flaw(Kind::Journal.name(Address::default()), 0, 0, "the file is missing");
            self.linked = false;
        }
    }

    fn file(&mut self, entry: &Entry, next: Option<Address>, end: Option<End>) -> Result<(), Error> {
        self.report.files = self.report.files.saturating_add(1);
        let torn = entry.head == Err(HeadFault::Torn) && next.is_none() && end.is_none();
        if torn && self.nothing_later(&self.whole(entry), entry.base)? {
            let reason = "its head was never written".to_owned();
            self.report.tail = Some(Cut { file: entry.name(), at: 0, bytes: entry.bytes, reason });
            return Ok(());
        }
        self.head(entry);
        let limit = next.or(end.map(|end| end.address));
        let part = match entry.kind {
            Kind::Journal => self.whole(entry).up_to(limit),
            Kind::Archive => self.archived(entry, limit)?.up_to(limit),
        };
        self.walk(&part, next.is_none() && end.is_none())?;
        if limit.is_some_and(|limit| part.there < limit) && part.holes.is_empty() {
            let reason = if next.is_some() {
                "it ends before the next file begins: it was cut, or a file is missing"
            } else {
                "it ends before the end of the journal"
            };
            self.flaw(entry.name(), entry.bytes, 0, reason);
            self.linked = false;
        }
        if entry.kind == Kind::Archive && limit.is_none() {
            self.flaw(Kind::Journal.name(part.there), 0, 0, "the file is missing");
        }
        Ok(())
    }

    /// Checks a head, and goes on with what it says where the chain is broken.
    fn head(&mut self, entry: &Entry) {
        let here = End { address: entry.base, ..self.chain.end };
        let base = match entry.head {
            Ok(base) if base.address == entry.base => base,
            fault => {
                let reason = match fault {
                    Ok(_) => "its name is the one of another file",
                    Err(HeadFault::Bad(reason)) => reason,
                    Err(HeadFault::Torn | HeadFault::Newer(_)) => "its head is missing",
                };
                self.flaw(entry.name(), 0, head_bytes(), reason);
                self.linked &= self.chain.end.address == entry.base;
                self.chain = Chain::between_groups(here);
                return;
            }
        };
        if self.linked && self.chain.end != base {
            self.flaw(entry.name(), 0, head_bytes(), "its head does not follow from the file before");
        }
        self.chain = Chain::between_groups(base);
        self.linked = true;
    }

    /// A file that stands as it was written.
    fn whole(&self, entry: &Entry) -> Part {
        let base = End { address: entry.base, ..End::default() };
        let there = entry.base.plus_bytes(entry.bytes.saturating_sub(head_bytes()));
        let file = Arc::new(File::new(base, Form::Journal, Index::default()));
        Part { file, runs: vec![Run { from: entry.base, to: there }], holes: Vec::new(), there }
    }

    /// An archive, each of its pieces tried.
    fn archived(&mut self, entry: &Entry, limit: Option<Address>) -> Result<Part, Error> {
        let (name, base) = (entry.name(), End { address: entry.base, ..End::default() });
        let archive = match Archive::open(&**self.disk, &name, entry.base) {
            Ok(archive) => Arc::new(archive),
            Err(error) => return self.unreadable(entry, limit, error),
        };
        let there = archive.end().address;
        let file = Arc::new(File::new(base, Form::Archive(Arc::clone(&archive)), Index::default()));
        if let Err(error) = archive.index(&**self.disk, &name) {
            return self.unreadable(entry, limit, error);
        }
        let mut part = Part { file, runs: Vec::new(), holes: Vec::new(), there };
        let mut from = entry.base;
        while from < there {
            let to = archive.behind(from);
            match archive.read(&**self.disk, &name, from, &mut [0]) {
                Ok(_) => part.runs.push(Run { from, to }),
                Err(Error::Damaged { reason, .. }) => {
                    let (at, bytes) = archive.place(from);
                    part.holes.push(Hole { from, to, at, bytes, reason });
                }
                Err(error) => return Err(error),
            }
            from = to;
        }
        part.join();
        Ok(part)
    }

    /// An archive of which nothing can be read.
    fn unreadable(&mut self, entry: &Entry, limit: Option<Address>, error: Error) -> Result<Part, Error> {
        let Error::Damaged { reason, .. } = error else { return Err(error) };
        let there = limit.unwrap_or(entry.base.plus(1));
        let base = End { address: entry.base, ..End::default() };
        let hole = Hole { from: entry.base, to: there, at: 0, bytes: entry.bytes, reason };
        let file = Arc::new(File::new(base, Form::Journal, Index::default()));
        Ok(Part { file, runs: Vec::new(), holes: vec![hole], there })
    }

    fn walk(&mut self, part: &Part, newest: bool) -> Result<(), Error> {
        let mut cursor = None;
        let mut at = part.file.base.address;
        self.whole = self.now();
        while at < part.there {
            at = match self.step(part, &mut cursor, at)? {
                Seen::Sound => {
                    self.report.records = self.report.records.saturating_add(1);
                    self.chain.end.address
                }
                Seen::Stray(reason) => {
                    let to = self.chain.end.address;
                    self.flaw(part.file.name(), part.file.byte(at), to.0.saturating_sub(at.0), reason);
                    to
                }
                Seen::Bad(reason) if newest && self.nothing_later(part, at)? => {
                    self.torn(part, reason);
                    return Ok(());
                }
                Seen::Bad(reason) => self.resume(part, at, reason)?,
            };
            if self.chain.group.is_none() || self.chain.is_between_groups() {
                self.whole = self.now();
            }
            self.tell(at);
        }
        if newest && self.whole.end < part.there {
            self.torn(part, "the rest of its group is missing".to_owned());
        }
        Ok(())
    }

    fn now(&self) -> Whole {
        Whole { end: self.chain.end.address, records: self.report.records, events: self.report.events }
    }

    /// Takes back what was read of a group that was never acknowledged.
    fn torn(&mut self, part: &Part, reason: String) {
        let Whole { end, records, events } = self.whole;
        (self.report.records, self.report.events) = (records, events);
        self.chain.end.address = end;
        let bytes = part.there.0.saturating_sub(end.0);
        self.report.tail = Some(Cut { file: part.file.name(), at: part.file.byte(end), bytes, reason });
    }

    /// Looks at a record, and follows it.
    fn step(&mut self, part: &Part, cursor: &mut Option<Cursor>, at: Address) -> Result<Seen, Error> {
        let Some(run) = part.run(at) else {
            return Ok(Seen::Bad(String::new()));
        };
        let cursor = match cursor {
            Some(cursor) if cursor.limit == run.to => cursor,
            cursor => cursor.insert(part.cursor(self.disk, at, run.to)),
        };
        cursor.at = cursor.at.max(at);
        Ok(match cursor.step()? {
            Step::Record(head, record) => self.follow(at, &head, record),
            Step::Bad(reason) => Seen::Bad(reason.to_owned()),
            Step::End => Seen::Bad("the file ends".to_owned()),
        })
    }

    fn follow(&mut self, at: Address, head: &RecordHead, record: &[u8]) -> Seen {
        let before = self.chain;
        let followed = if self.linked { self.chain.follow(head, record) } else { Ok(()) };
        if !self.linked || followed.is_err() {
            self.chain = Chain { end: End { address: at, ..before.end }, ..before };
            self.chain.jump(head);
        }
        self.linked = true;
        self.report.events = self.report.events.saturating_add(head.events);
        followed.map_or_else(Seen::Stray, |()| Seen::Sound)
    }

    /// Notes damage, and finds where records go on; gives the end of the file when they don't.
    fn resume(&mut self, part: &Part, at: Address, reason: String) -> Result<Address, Error> {
        let least = self.chain.end.position;
        let mut found = None;
        for run in part.runs.iter().filter(|run| run.to > at.plus(1)) {
            let mut cursor = part.cursor(self.disk, run.from.max(at.plus(1)), run.to);
            if let Some(head) = cursor.search(&|_, head| head.position >= least)? {
                found = Some((cursor.at, head));
                break;
            }
        }
        let to = found.map_or(part.there, |(to, _)| to);
        let lost = found.map_or(0, |(_, head)| head.position.0.saturating_sub(least.0));
        let lost = match lost {
            0 => String::new(),
            1 => format!("; event {} is lost", least.0.saturating_add(1)),
            lost => format!("; events {} to {} are lost", least.0.saturating_add(1), least.0.saturating_add(lost)),
        };
        let mut holes = part.holes.iter().filter(|hole| hole.to > at && hole.from < to).peekable();
        if holes.peek().is_none() {
            let bytes = to.0.saturating_sub(at.0);
            self.flaw(part.file.name(), part.file.byte(at), bytes, &format!("{reason}{lost}"));
        }
        let name = if part.runs.is_empty() && !part.holes.is_empty() {
            Kind::Archive.name(part.file.base.address)
        } else {
            part.file.name()
        };
        for hole in holes {
            self.flaw(name.clone(), hole.at, hole.bytes, &format!("{}{lost}", hole.reason));
        }
        let position = found.map_or(least, |(_, head)| head.position);
        self.chain = Chain::somewhere(End { address: to, position, ..self.chain.end });
        self.linked = false;
        Ok(to)
    }

    /// Whether no sound record of a later group stands behind a place: then it was never acknowledged.
    fn nothing_later(&self, part: &Part, at: Address) -> Result<bool, Error> {
        let mut cursor = part.cursor(self.disk, at, part.there);
        Ok(cursor.search(&|address, head| group_of(address, head).is_some_and(|group| group > at))?.is_none())
    }

    fn flaw(&mut self, file: String, at: u64, bytes: u64, reason: &str) {
        let before = self.report.records;
        self.report.flaws.push(Flaw { file, at, bytes, reason: reason.to_owned(), before, after: 0 });
    }

    fn tell(&mut self, at: Address) {
        if at.0.saturating_sub(self.told) >= PROGRESS_BYTES {
            self.told = at.0;
            (self.progress)(at.0.min(self.all), self.all);
        }
    }

    fn done(mut self, end: Option<End>) -> Report {
        if let Some(end) = end.filter(|end| self.report.flaws.is_empty() && *end != self.chain.end) {
            let name = Kind::Journal.name(end.address);
            self.flaw(name, 0, 0, "the journal does not end as it was said to");
        }
        let all = self.report.records;
        for flaw in &mut self.report.flaws {
            flaw.after = all.saturating_sub(flaw.before);
        }
        self.report.bytes = self.chain.end.address.0;
        self.report
    }
}

impl Part {
    fn up_to(mut self, limit: Option<Address>) -> Self {
        self.there = limit.map_or(self.there, |limit| limit.min(self.there));
        self.runs.iter_mut().for_each(|run| run.to = run.to.min(self.there));
        self
    }

    /// Joins runs that touch each other.
    fn join(&mut self) {
        let mut joined: Vec<Run> = Vec::new();
        for run in self.runs.drain(..) {
            match joined.last_mut() {
                Some(last) if last.to == run.from => last.to = run.to,
                _ => joined.push(run),
            }
        }
        self.runs = joined;
    }

    fn run(&self, at: Address) -> Option<Run> {
        self.runs.iter().find(|run| run.from <= at && at < run.to).copied()
    }

    fn cursor(&self, disk: &Arc<dyn Disk>, at: Address, limit: Address) -> Cursor {
        Cursor::new(Arc::clone(disk), Arc::clone(&self.file), at, limit, LONG_BYTES)
    }
}
