//! Watching the folder: what the system tells at once, and a look every two seconds for what it does not.
//!
//! Many events make one reload, one reload runs at a time, and what happens meanwhile makes one more. The
//! files themselves decide whether anything changed, so a wrong or missing event does no harm.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::clock;

use super::Library;
use super::load::FOLDERS;

/// How long it must be quiet after an event.
const QUIET: Duration = Duration::from_millis(30);

/// How long events may go on before the files are looked at all the same.
const QUIET_WAIT_MAX: Duration = Duration::from_millis(500);

/// How often the files are looked at without an event.
const POLL: Duration = Duration::from_secs(2);

/// The folder is watched while this lives.
#[derive(Debug)]
pub struct Watching {
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Something happened in the folder.
    Changed,
    /// Nobody wants to know any more.
    Stop,
}

impl Watching {
    /// Begins to watch.
    pub(super) fn start(library: Library) -> Result<Self, std::io::Error> {
        let (signals, received) = channel();
        let events = signals.clone();
        let watch = move || Loop { library, signals: events, received, armed: None }.run();
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(watch)?;
        Ok(Self { signals, thread: Some(thread) })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && self.signals.send(Signal::Stop).is_ok()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watched the definitions had failed");
        }
    }
}

struct Loop {
    library: Library,
    signals: Sender<Signal>,
    received: Receiver<Signal>,
    armed: Option<Armed>,
}

/// The folders that are watched, by what they were when the watch began: a folder that is made again, or a
/// link that leads elsewhere, is another one.
struct Armed {
    folders: Vec<Option<(PathBuf, Identity)>>,
    /// Ends its watch when dropped; `None` where the system can't watch.
    _watcher: Option<RecommendedWatcher>,
}

/// What tells a folder from another one at the same path.
type Identity = (u64, u64);

impl Loop {
    fn run(mut self) {
        // What changed between opening and now is seen by the first look.
        let mut changed = true;
        loop {
            // The watch is set up before the look, so that nothing slips in between.
            if changed || self.armed.as_ref().is_none_or(|armed| armed.folders != self.folders()) {
                self.arm();
            }
            self.library.refresh();
            changed = match self.received.recv_timeout(POLL) {
                Ok(Signal::Changed) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            if changed && !self.quiet() {
                return;
            }
        }
    }

    /// Waits until no more events come; says whether to go on.
    fn quiet(&self) -> bool {
        let waited = clock::Watch::start();
        while waited.elapsed() < QUIET_WAIT_MAX {
            match self.received.recv_timeout(QUIET) {
                Ok(Signal::Changed) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    fn arm(&mut self) {
        let folders = self.folders();
        self.armed = None;
        let watcher = watcher(self.library.folder(), self.signals.clone());
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of the definitions can't be watched; they are looked for every two seconds");
        }
        self.armed = Some(Armed { folders, _watcher: watcher.ok() });
    }

    fn folders(&self) -> Vec<Option<(PathBuf, Identity)>> {
        let folder = self.library.folder();
        let all = FOLDERS.iter().map(|name| folder.join(name)).chain([folder.clone()]);
        all.map(|path| Some((path.canonicalize().ok()?, identity(&path)?))).collect()
    }
}

/// Watches the two folders with all that is in them, and the one above for when they are replaced.
fn watcher(folder: &Path, signals: Sender<Signal>) -> notify::Result<RecommendedWatcher> {
    // The paths of events are absolute, whatever the folder was called.
    let above = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // A failure to tell is reason enough to look.
        if event.is_ok_and(|event| !is_change(&above, &event)) {
            return;
        }
        if signals.send(Signal::Changed).is_err() {
            tracing::trace!("a change came after the end of the watch");
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    for path in FOLDERS.iter().map(|name| folder.join(name)).filter(|path| path.is_dir()) {
        watcher.watch(&path, RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

/// Reading is no change: our own would wake us for ever. Nor is what is written into a file beside the folders:
/// a log there would never be quiet. That something there is made, removed or renamed may replace a folder.
fn is_change(above: &Path, event: &notify::Event) -> bool {
    let beside = !event.paths.is_empty() && event.paths.iter().all(|path| path.parent() == Some(above));
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => !beside,
        EventKind::Access(_) => false,
        EventKind::Modify(ModifyKind::Name(_)) => true,
        EventKind::Modify(_) => !beside,
        EventKind::Any | EventKind::Create(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// Where folders have no numbers, their paths must do.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|_| (0, 0))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, RenameMode};

    use super::*;

    #[test]
    fn what_is_written_beside_the_folders_is_no_change() {
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        for (kind, path, change) in [
            (written, "/set/workflows/a.yaml", true),
            (closed, "/set/rules/a.rhai", true),
            (EventKind::Access(AccessKind::Read), "/set/rules/a.rhai", false),
            (written, "/set/server.log", false),
            (closed, "/set/server.log", false),
            (renamed, "/set/..data", true),
            (EventKind::Create(CreateKind::Folder), "/set/rules", true),
        ] {
            let event = notify::Event::new(kind).add_path(path.into());
            assert_eq!(is_change(Path::new("/set"), &event), change, "{kind:?} {path}");
        }
        assert!(is_change(Path::new("/set"), &notify::Event::new(EventKind::Other)), "what is not known is looked at");
    }
}
