//! The folder that a backup is made into.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::model::Timestamp;
use crate::store::codec::hexadecimal;
use crate::store::disk::{Disk, FolderDisk};
use crate::store::journal::{End, Journal, Segment};
use crate::store::lock::Lock;
use crate::store::{self, Position};

use super::listed::Listed;
use super::manifest::{self, Manifest, make, sha256};
use super::source::Source;
use super::{CHUNK_BYTES, Copied, Error, Made, Progress, Step, io, refused};

/// What may stand in the folder of a backup.
const KNOWN: [&str; 5] = [manifest::NAME, manifest::PART, "attachments", "journal", "lock"];

/// What a file's name ends in while it is copied.
const PART: &str = ".part";

/// A folder in which a backup is being made.
#[derive(Debug)]
pub(super) struct Target {
    folder: PathBuf,
    /// The folder itself.
    top: FolderDisk,
    /// Its files of the journal.
    disk: FolderDisk,
    /// The backup that stands in it.
    before: Option<Manifest>,
    /// What was copied so far, by name; it stands there under another one.
    copied: BTreeMap<String, Copied>,
    /// The files of the new backup, in their order.
    files: Vec<Copied>,
    /// No other backup is made into it meanwhile.
    _lock: Lock,
}

impl Target {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// When it holds anything else than a backup, or another one is being made into it.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let fresh = is_fresh(folder)?;
        let journal = folder.join("journal");
        fs::create_dir_all(folder).map_err(|error| io(folder, &error))?;
        let lock = match Lock::take(folder) {
            Err(store::Error::InUse(_)) => {
                let what = format!("another backup into `{}` is being made", folder.display());
                return Err(refused(what, "wait until it has ended"));
            }
            lock => lock?,
        };
        let top = FolderDisk::make(folder).map_err(|error| io(folder, &error))?;
        if fresh {
            Manifest::announce(&top).map_err(|error| io(folder, &error))?;
        }
        let disk = FolderDisk::make(&journal).map_err(|error| io(&journal, &error))?;
        let before = Manifest::read(folder)?;
        let folder = folder.to_owned();
        Ok(Self { folder, top, disk, before, copied: BTreeMap::new(), files: Vec::new(), _lock: lock })
    }

    /// Whether the journal goes on from the backup that stands here.
    ///
    /// # Errors
    /// When it does not: it is another one, or it has lost what stands here.
    pub(super) fn follows(&self, journal: &Journal) -> Result<(), Error> {
        let Some(before) = &self.before else { return Ok(()) };
        let here = self.folder.display();
        let ends = journal.end().position;
        if before.end.address > journal.end().address {
            let what = format!(
                "the backup in `{here}` has {} events and the data folder {}: it is another's, or events were lost",
                before.end.position.0, ends.0
            );
            return Err(refused(what, "name an empty folder, and keep the backup that is there"));
        }
        match journal.scan(before.end).and_then(|mut scan| scan.next()) {
            Ok(_) => Ok(()),
            Err(store::Error::Damaged { place, reason }) => {
                let what = format!(
                    "`{here}` holds the backup of another data folder, or this one is damaged ({place}: {reason})"
                );
                Err(refused(what, "name an empty folder; `gendan verify` tells whether the data folder is damaged"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Copies what is new of a journal; says whether all of it could be read before a file was compressed.
    pub(super) fn copy(&mut self, source: &Source, journal: &Journal, progress: Progress<'_>) -> Result<bool, Error> {
        let segments = journal.segments();
        let all = segments.iter().map(|segment| segment.bytes).fold(0, u64::saturating_add);
        let mut done = 0_u64;
        let mut told = |bytes: u64| {
            done = done.saturating_add(bytes);
            progress(Step::Copying, done.min(all), all);
        };
        self.files.clear();
        // First those that may be compressed and removed at any moment; archives stay.
        let (archives, plain): (Vec<&Segment>, Vec<&Segment>) = segments.iter().partition(|segment| segment.archived);
        for segment in plain.into_iter().chain(archives) {
            let copied = match self.known(segment, &mut told)? {
                Some(known) => known,
                None => match self.copy_one(source, journal, segment, &mut told)? {
                    Some(copied) => copied,
                    None => return Ok(false),
                },
            };
            self.files.push(copied);
        }
        // Their names begin with their addresses.
        self.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(true)
    }

    /// How many files were copied so far, those too that have gone since.
    pub(super) fn copies(&self) -> usize {
        self.copied.len()
    }

    /// Checks what was copied, gives the files their names, and writes the manifest.
    pub(super) fn finish(self, end: End, now: Timestamp, progress: Progress<'_>) -> Result<Made, Error> {
        self.sound(&end, progress)?;
        let path = self.folder.join("journal");
        for name in self.fresh_names() {
            self.disk.rename(&part(&name), &name).map_err(|error| io(&path, &error))?;
        }
        self.disk.sync_folder().map_err(|error| io(&path, &error))?;
        let manifest = Manifest::new(now.to_string(), self.files.clone(), end);
        manifest.write(&self.top).map_err(|error| io(&self.folder, &error))?;
        self.sweep().map_err(|error| io(&path, &error))?;
        let fresh: BTreeSet<String> = self.fresh_names().collect();
        let copied = self.files.iter().filter(|file| fresh.contains(&file.name));
        let (files_copied, bytes_copied) = copied
            .fold((0_u64, 0_u64), |(files, bytes), file| (files.saturating_add(1), bytes.saturating_add(file.bytes)));
        let files = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        let Position(events) = end.position;
        let (bytes, link) = (manifest.bytes(), end.link);
        Ok(Made { files, bytes, files_copied, bytes_copied, events, link, ..Made::default() })
    }

    /// A file that need not be copied: the backup has it already, and it is still what was copied.
    fn known(&self, segment: &Segment, told: &mut dyn FnMut(u64)) -> Result<Option<Copied>, Error> {
        let is_it = |file: &&Copied| file.name == segment.name && file.bytes == segment.bytes;
        if let Some(copied) = self.copied.get(&segment.name).filter(|file| is_it(file)) {
            told(copied.bytes);
            return Ok(Some(copied.clone()));
        }
        let Some(before) = &self.before else { return Ok(None) };
        let Some(known) = before.files.iter().find(is_it) else { return Ok(None) };
        let mut read = 0_u64;
        let found = sha256(&self.disk, &known.name, known.bytes, &mut |bytes| read = read.saturating_add(bytes));
        // What can't be read, or is not what it was, is copied again.
        let same = matches!(found, Ok(Some(found)) if found == known.sha256);
        if same {
            told(read);
        }
        Ok(same.then(|| known.clone()))
    }

    /// Copies a file under another name; `None` when it was compressed meanwhile.
    fn copy_one(
        &mut self,
        source: &Source,
        journal: &Journal,
        segment: &Segment,
        told: &mut dyn FnMut(u64),
    ) -> Result<Option<Copied>, Error> {
        let name = part(&segment.name);
        let here = |error: std::io::Error| io(&self.folder.join("journal").join(&name), &error);
        make(&self.disk, &name).map_err(here)?;
        let (mut hash, mut at, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
        while at < segment.bytes {
            let read = match journal.copy(segment, at, &mut chunk) {
                Ok(read) if read > 0 => read,
                Ok(_) | Err(_) if !source.has(segment) => return Ok(None),
                Ok(_) => return Err(ends(segment, at)),
                Err(error) => return Err(error.into()),
            };
            let bytes = chunk.get(..read).unwrap_or_default();
            hash.update(bytes);
            self.disk.write(&name, at, bytes).map_err(here)?;
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            at = at.saturating_add(read);
            told(read);
        }
        self.disk.sync(&name).map_err(here)?;
        let copied = Copied { name: segment.name.clone(), bytes: at, sha256: hexadecimal(&hash.finalize()) };
        self.copied.insert(segment.name.clone(), copied.clone());
        Ok(Some(copied))
    }

    /// The files that were copied now.
    fn fresh_names(&self) -> impl Iterator<Item = String> + '_ {
        let is_copied = |file: &&Copied| self.copied.get(&file.name) == Some(file);
        self.files.iter().filter(is_copied).map(|file| file.name.clone())
    }

    /// Checks every record of the backup as it is going to be.
    fn sound(&self, end: &End, progress: Progress<'_>) -> Result<(), Error> {
        let fresh: BTreeSet<String> = self.fresh_names().collect();
        let files = self.files.iter().map(|file| {
            let now = if fresh.contains(&file.name) { part(&file.name) } else { file.name.clone() };
            (file.name.clone(), now, file.bytes)
        });
        let listed = Listed::new(FolderDisk::new(self.folder.join("journal")), files);
        match listed.check(end, progress)? {
            None => Ok(()),
            Some(flaw) => Err(Error::Damaged(format!("what was copied is damaged, as the data folder may be: {flaw}"))),
        }
    }

    /// Removes what no longer belongs to the backup: files that stand compressed beside, and what was given up.
    fn sweep(&self) -> std::io::Result<()> {
        let belongs: BTreeSet<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
        for name in self.disk.list()?.iter().filter(|name| !belongs.contains(name.as_str())) {
            self.disk.remove(name)?;
        }
        self.disk.sync_folder()
    }
}

/// Whether a folder has nothing yet.
fn is_fresh(folder: &Path) -> Result<bool, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(io(folder, &error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.insert(entry.map_err(|error| io(folder, &error))?.file_name().to_string_lossy().into_owned());
    }
    let foreign = names.iter().find(|name| !KNOWN.contains(&name.as_str()));
    let announced = names.contains(manifest::NAME) || names.contains(manifest::PART);
    match foreign.or_else(|| names.first().filter(|_| !announced)) {
        Some(name) => {
            let what = format!("`{}` holds `{name}`, which is no part of a backup", folder.display());
            Err(refused(what, "name an empty folder, or one with a backup of this data folder"))
        }
        None => Ok(!announced),
    }
}

fn part(name: &str) -> String {
    format!("{name}{PART}")
}

fn ends(segment: &Segment, at: u64) -> Error {
    Error::Damaged(format!("journal/{}: it ends at byte {at}, before its {} bytes", segment.name, segment.bytes))
}
