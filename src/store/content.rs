//! The content of attachments: files under their SHA-256, beside the journal.
//!
//! ```text
//! data/attachments/ab/cdef...     a content whose SHA-256 begins with `ab`; never changed
//! data/attachments/pending/       `SHA256.CASE`: an upload of which no case may know yet
//! data/attachments/tmp/           an upload that has not come to its end
//! ```
//!
//! INVARIANT: a content is durable under its name before an event names it, and is removed only when no case has it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::model::attachment::is_sha256;
use crate::model::limit::SCAN_CASES;
use crate::model::{CaseId, Name};

use super::{Damage, Error, Scan, Store, hexadecimal};

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// The bytes at the beginning of a content by which its type is told.
pub const HEAD_BYTES: usize = 512;

/// The folder of contents: a cheap handle.
#[derive(Clone, Debug)]
pub struct Contents {
    folder: PathBuf,
    /// Held while a content comes or goes.
    turn: Arc<Mutex<()>>,
}

/// A content that is being received; what is not finished goes away with it.
#[derive(Debug)]
pub struct Upload {
    file: File,
    hash: Sha256,
    path: PathBuf,
    bytes: u64,
    head: Vec<u8>,
}

/// A content that was received to its end, and has no place yet.
#[derive(Debug)]
pub struct Received {
    /// Its SHA-256.
    pub sha256: Name,
    /// How many bytes it has.
    pub bytes: u64,
    /// How it begins.
    pub head: Vec<u8>,
    upload: Upload,
}

/// What came of looking after the contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contented {
    /// Contents that cases have.
    pub checked: u64,
    /// Those that are missing or changed.
    pub damages: Vec<Damage>,
    /// Contents that no case has.
    pub orphans: Vec<Name>,
}

impl Contents {
    /// Those of a data folder. Nothing is made before something comes.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join("attachments"), turn: Arc::default() }
    }

    /// Begins to receive one.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn begin(&self, random: u128) -> std::io::Result<Upload> {
        let folder = self.folder.join("tmp");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{random:032x}"));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Upload { file, hash: Sha256::new(), path, bytes: 0, head: Vec::new() })
    }

    /// Gives a content its place, durably, for a case that is to have it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn keep(&self, received: Received, case: CaseId) -> std::io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.path(&received.sha256);
        let pending = self.pending(&received.sha256, case);
        for folder in place.parent().into_iter().chain(pending.parent()) {
            fs::create_dir_all(folder)?;
        }
        File::create(&pending)?.sync_all()?;
        if !place.is_file() {
            fs::rename(&received.upload.path, &place)?;
        }
        for folder in [place.parent(), pending.parent(), Some(&*self.folder), self.folder.parent()] {
            folder.map_or(Ok(()), sync)?;
        }
        Ok(())
    }

    /// That a case has it now: nobody will remove it.
    pub fn settled(&self, sha256: &str, case: CaseId) {
        // What stays is looked at again by the next sweep.
        drop(fs::remove_file(self.pending(sha256, case)));
    }

    /// A content, to be read from its beginning.
    ///
    /// # Errors
    /// When it is missing, or the disk says no.
    pub fn open(&self, sha256: &str) -> std::io::Result<File> {
        if !is_sha256(sha256) {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        File::open(self.path(sha256))
    }

    /// Whether anything was ever attached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.folder.is_dir()
    }

    /// Removes what no case came to have: uploads older than `old` says, and what is left of those that were cut off.
    /// Gives how many contents were removed.
    ///
    /// # Errors
    /// When the disk or the store says no.
    pub fn sweep(&self, store: &dyn Store, old: &dyn Fn(&fs::Metadata) -> bool) -> Result<u64, Error> {
        let told = |error: std::io::Error| Error::Io(format!("attachments can't be looked after: {error}"));
        let aged = |path: &Path| fs::metadata(path).is_ok_and(|metadata| old(&metadata));
        for path in entries(&self.folder.join("tmp")).map_err(told)? {
            if aged(&path) {
                drop(fs::remove_file(&path));
            }
        }
        let mut removed = 0;
        for path in entries(&self.folder.join("pending")).map_err(told)? {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
            let Some((sha256, case)) = name.filter(|_| aged(&path)) else { continue };
            let has = |id| Ok::<_, Error>(store.case(id)?.is_some_and(|case| case.attachment(sha256).is_some()));
            let settled = case.parse().map_or(Ok(false), has)? || has_any(store, sha256)?;
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            if !settled && !self.expected_elsewhere(sha256, &path).map_err(told)? {
                removed += u64::from(fs::remove_file(self.path(sha256)).is_ok());
            }
            drop(fs::remove_file(&path));
        }
        Ok(removed)
    }

    /// Reads every content that a case has and compares it with its name.
    ///
    /// # Errors
    /// When the disk or the store says no.
    pub fn verify(&self, store: &dyn Store) -> Result<Contented, Error> {
        let mut found = Contented::default();
        let mut known = std::collections::BTreeMap::new();
        each_case(store, &mut |case| {
            for filed in &case.attachments {
                let attachment = &filed.attachment;
                let wrong = known
                    .entry(Name::clone(&attachment.sha256))
                    .or_insert_with(|| self.check(&attachment.sha256, attachment.bytes));
                let damage = wrong.as_ref().map(|wrong| {
                    let what = format!("the attachment `{}` ({}) {wrong}", attachment.name, attachment.sha256);
                    Damage { case: Some(case.id), what }
                });
                found.damages.extend(damage);
            }
        })?;
        found.checked = u64::try_from(known.len()).unwrap_or(u64::MAX);
        let io = |error: std::io::Error| Error::Io(format!("attachments can't be read: {error}"));
        let names = self.names().map_err(io)?;
        found.orphans = names.into_iter().filter(|name| !known.contains_key(name)).collect();
        Ok(found)
    }

    /// The contents that are not what their names say.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn changed(&self) -> Result<Vec<Name>, Error> {
        let io = |error: std::io::Error| Error::Io(format!("attachments can't be read: {error}"));
        let mut changed = Vec::new();
        for sha256 in self.names().map_err(io)? {
            let (hash, _) = digest(self.open(&sha256).map_err(io)?, &mut |_| Ok(())).map_err(io)?;
            if *hash != *sha256 {
                changed.push(sha256);
            }
        }
        Ok(changed)
    }

    /// Copies what `to` does not have yet, and gives how many contents and bytes that were.
    ///
    /// # Errors
    /// When a disk says no, or a content is not what its name says.
    pub fn copy(&self, to: &Self) -> Result<(u64, u64), Error> {
        let io = |error: std::io::Error| Error::Io(format!("attachments can't be copied: {error}"));
        let (mut files, mut copied) = (0, 0);
        for sha256 in self.names().map_err(io)? {
            let place = to.path(&sha256);
            if place.is_file() {
                continue;
            }
            let bytes = self.copy_one(&sha256, &to.folder, &place).map_err(io)?;
            let Some(bytes) = bytes else {
                let (place, reason) = (self.path(&sha256).display().to_string(), "its content changed".to_owned());
                return Err(Error::Damaged { place, reason });
            };
            files += 1;
            copied += bytes;
        }
        Ok((files, copied))
    }

    /// Copies one, durably; nothing when it is not what its name says.
    fn copy_one(&self, sha256: &str, folder: &Path, place: &Path) -> std::io::Result<Option<u64>> {
        let above = place.parent().unwrap_or(folder);
        fs::create_dir_all(above)?;
        let part = folder.join(format!("{sha256}.part"));
        let mut to = File::create(&part)?;
        let (hash, bytes) = digest(File::open(self.path(sha256))?, &mut |chunk| to.write_all(chunk))?;
        to.sync_all()?;
        if hash != sha256 {
            fs::remove_file(&part)?;
            return Ok(None);
        }
        fs::rename(&part, place)?;
        for folder in [Some(above), Some(folder), folder.parent()] {
            folder.map_or(Ok(()), sync)?;
        }
        Ok(Some(bytes))
    }

    /// What is wrong with a content that should be there.
    fn check(&self, sha256: &str, bytes: u64) -> Option<String> {
        let file = match self.open(sha256) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some("is missing".to_owned()),
            Err(error) => return Some(format!("can't be read: {error}")),
        };
        match digest(file, &mut |_| Ok(())) {
            Ok((hash, read)) if hash == sha256 && read == bytes => None,
            Ok(_) => Some("has another content than when it was attached".to_owned()),
            Err(error) => Some(format!("can't be read: {error}")),
        }
    }

    /// The SHA-256 of every content there is.
    fn names(&self) -> std::io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for folder in entries(&self.folder)? {
            let begin = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if begin.len() != 2 || !folder.is_dir() {
                continue;
            }
            let paths = entries(&folder)?;
            let ends = paths.iter().filter_map(|path| path.file_name()?.to_str());
            names.extend(ends.map(|end| Name::from(format!("{begin}{end}"))).filter(|name| is_sha256(name)));
        }
        names.sort();
        Ok(names)
    }

    /// Whether another upload of the same content is not settled yet.
    fn expected_elsewhere(&self, sha256: &str, own: &Path) -> std::io::Result<bool> {
        let of_it = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(sha256)) && path != own
        };
        Ok(entries(&self.folder.join("pending"))?.iter().any(of_it))
    }

    fn path(&self, sha256: &str) -> PathBuf {
        let (begin, end) = sha256.split_at_checked(2).unwrap_or((sha256, ""));
        self.folder.join(begin).join(end)
    }

    fn pending(&self, sha256: &str, case: CaseId) -> PathBuf {
        self.folder.join("pending").join(format!("{sha256}.{case}"))
    }
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        self.file.write_all(chunk)?;
        self.hash.update(chunk);
        self.bytes = self.bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        let wanted = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(chunk.iter().take(wanted));
        Ok(())
    }

    /// How many bytes it has so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends it: its bytes are durable.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn finish(mut self) -> std::io::Result<Received> {
        self.file.sync_all()?;
        let sha256 = hexadecimal(&std::mem::take(&mut self.hash).finalize()).into();
        Ok(Received { sha256, bytes: self.bytes, head: std::mem::take(&mut self.head), upload: self })
    }
}

impl Received {
    /// Where it stands, for a scanner.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.upload.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // When it was kept, nothing stands there any more.
        drop(fs::remove_file(&self.path));
    }
}

/// The SHA-256 of a file, in hexadecimal, and its length; each chunk is handed on.
fn digest(mut file: File, each: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<(String, u64)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk)?;
        let part = chunk.get(..read).unwrap_or_default();
        if part.is_empty() {
            return Ok((hexadecimal(&hash.finalize()), bytes));
        }
        hash.update(part);
        each(part)?;
        bytes = bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// The paths in a folder, by name; none when it is not there.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = read.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn sync(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

fn has_any(store: &dyn Store, sha256: &str) -> Result<bool, Error> {
    let mut has = false;
    each_case(store, &mut |case| has |= case.attachment(sha256).is_some())?;
    Ok(has)
}

fn each_case(store: &dyn Store, look: &mut dyn FnMut(&crate::model::Case)) -> Result<(), Error> {
    let mut before = None;
    loop {
        let ids = store.scan(&Scan { index: None, before, limit: SCAN_CASES })?;
        let Some(last) = ids.last() else { return Ok(()) };
        before = Some(*last);
        for id in ids {
            if let Some(case) = store.case(id)? {
                look(&case);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attachment, Event, Recorded, Revision, Timestamp};
    use crate::store::{CaseItem, Memory};

    fn upload(contents: &Contents, content: &[u8], case: CaseId) -> Name {
        let mut upload = contents.begin(u128::from(content.first().copied().unwrap_or_default())).unwrap();
        upload.write(content).unwrap();
        let received = upload.finish().unwrap();
        let sha256 = Name::clone(&received.sha256);
        contents.keep(received, case).unwrap();
        sha256
    }

    /// Opens a case that has this content.
    fn file(store: &Memory, id: CaseId, sha256: &Name) {
        let attachment =
            Attachment { sha256: Name::clone(sha256), name: "a".into(), media_type: "text/plain".into(), bytes: 1 };
        let opened = Event::Opened {
            workflow: "w".into(),
            number: id.to_string().into(),
            stage: "s".into(),
            changes: crate::model::Changes::default(),
            comment: None,
            parent: None,
        };
        let recorded = |version, event| Recorded {
            version,
            at: Timestamp(0),
            by: "ann".into(),
            revision: Revision("r".into()),
            event,
            because: Vec::new(),
            on_behalf_of: None,
        };
        let events = [recorded(1, opened), recorded(2, Event::Attached { attachment })];
        let item = CaseItem {
            expected: 0,
            case: Arc::new(crate::engine::fold(id, &events).unwrap()),
            events: Arc::new(events),
            index_add: std::collections::BTreeSet::new(),
            index_remove: std::collections::BTreeSet::new(),
            hold: Vec::new(),
            release: Vec::new(),
            series: None,
            pools: Default::default(),
            due: None,
        };
        store.commit(vec![item.into()]).unwrap();
    }

    #[test]
    fn only_what_no_case_came_to_have_is_removed() {
        let (data, store) = (tempfile::tempdir().unwrap(), Memory::new());
        let contents = Contents::of(data.path());
        let id = |number| CaseId::new(1, number);
        // What a case has, whether or not the upload was told so; what another case has; what nobody has.
        let told = upload(&contents, b"told", id(1));
        file(&store, id(1), &told);
        contents.settled(&told, id(1));
        let untold = upload(&contents, b"untold", id(2));
        file(&store, id(2), &untold);
        let shared = upload(&contents, b"shared", id(3));
        upload(&contents, b"shared", id(4));
        file(&store, id(3), &shared);
        let lost = upload(&contents, b"lost", id(5));
        let cut_off = contents.begin(9).unwrap();
        std::mem::forget(cut_off);
        assert_eq!(contents.sweep(&store, &|_| false).unwrap(), 0);
        assert!(contents.open(&lost).is_ok());
        assert_eq!(contents.sweep(&store, &|_| true).unwrap(), 1);
        assert!(contents.open(&lost).is_err());
        for sha256 in [&told, &untold, &shared] {
            assert!(contents.open(sha256).is_ok(), "{sha256}");
        }
        for folder in ["pending", "tmp"] {
            assert_eq!(fs::read_dir(data.path().join("attachments").join(folder)).unwrap().count(), 0, "{folder}");
        }
    }

    #[test]
    fn a_copy_takes_what_is_new_and_nothing_that_has_changed() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (source, target) = (Contents::of(from.path()), Contents::of(to.path()));
        let id = CaseId::new(1, 1);
        let one = upload(&source, b"one", id);
        assert_eq!(source.copy(&target).unwrap(), (1, 3));
        assert_eq!(source.copy(&target).unwrap(), (0, 0));
        let two = upload(&source, b"other", id);
        fs::write(source.path(&two), b"changed").unwrap();
        assert!(matches!(source.copy(&target), Err(Error::Damaged { .. })));
        assert_eq!((source.changed().unwrap(), target.changed().unwrap()), (vec![two], Vec::new()));
        assert_eq!(target.names().unwrap(), [one]);
        assert!(source.open("../../etc/passwd").is_err());
    }
}
