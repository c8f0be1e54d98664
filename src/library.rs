//! The library: the live definitions. A change is loaded aside, checked, and swapped in as a whole, or the
//! last good set stays; which of the two it was can be seen.
//!
//! INVARIANT: a set is live only after the store has kept it, so that every revision that an event names can
//! be read back, and the last good set survives a restart over broken files.

mod load;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::watch as channel;

use crate::clock::{self, Clock};
use crate::diagnostic::{Diagnostic, Level};
use crate::model::limit::DECIDER_STACK_BYTES;
use crate::model::{Place, Revision, Timestamp};
use crate::store::{self, Item, Shared};
use crate::workflow::{Compiled, Definition, Files};

use self::load::Loaded;

pub use self::watch::Watching;

/// What became of the last attempt to load the files.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// The revision of the files that were tried.
    pub revision: Revision,
    /// Whether they went live (or are live).
    pub accepted: bool,
    /// Everything that was found in them, warnings too.
    pub diagnostics: Vec<Diagnostic>,
}

/// The state of the definitions.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The live revision.
    pub revision: Revision,
    /// Since when it is live.
    pub since: Timestamp,
    /// The last attempt.
    pub attempt: Attempt,
}

/// Why there is nothing that could be live.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The files are broken or missing, and the store has no earlier set that could stand in.
    #[error("the definitions can't be used, and there are no earlier ones: {}", first(.diagnostics))]
    Broken {
        /// Everything that was found in the files.
        diagnostics: Vec<Diagnostic>,
        /// The files, as far as they could be read.
        files: Files,
    },
    /// The store can't be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What compiles a set of files.
pub type Compile = fn(&Files) -> Compiled;

/// The live definitions: a cheap handle.
#[derive(Clone, Debug)]
pub struct Library {
    shared: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    folder: PathBuf,
    store: Shared,
    clock: Clock,
    compile: Compile,
    live: ArcSwap<Live>,
    status: channel::Sender<Status>,
    /// Held by the one who loads.
    loading: Mutex<Tried>,
}

/// A set that is live.
#[derive(Debug)]
struct Live {
    definition: Arc<Definition>,
    files: Files,
}

/// What is known of the last attempt beside what everyone may see.
#[derive(Debug, Default)]
struct Tried {
    /// What was found in the folder; `None` to try again whatever stands there.
    fingerprint: Option<String>,
    /// The files, when they were refused.
    refused: Option<Files>,
}

impl Library {
    /// Opens the definitions in `folder`. When they are broken or missing, the set that was live last takes
    /// their place.
    ///
    /// # Errors
    /// When there is no set at all that can be used, or the store fails.
    pub fn open(folder: PathBuf, store: Shared, clock: Clock) -> Result<Self, OpenError> {
        Self::open_with(folder, store, clock, crate::workflow::compile)
    }

    /// As [`Library::open`], with a compiler of the caller's.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn open_with(folder: PathBuf, store: Shared, clock: Clock, compile: Compile) -> Result<Self, OpenError> {
        let stopwatch = clock::Watch::start();
        let at = clock.now();
        let loaded = load::settled(&folder);
        let fingerprint = Some(loaded.fingerprint());
        let tried = judge(&loaded, compile);
        let mut attempt = Attempt {
            at,
            revision: tried.revision(&loaded.files),
            accepted: tried.definition.is_some(),
            diagnostics: tried.diagnostics,
        };
        let (live, refused) = match tried.definition {
            Some(definition) => {
                keep(&*store, &definition.revision, &loaded.files, at)?;
                (Live { definition: Arc::new(definition), files: loaded.files }, None)
            }
            None => match stand_in(&*store, compile)? {
                Some(live) => (live, Some(loaded.files)),
                None => {
                    let diagnostics = std::mem::take(&mut attempt.diagnostics);
                    return Err(OpenError::Broken { diagnostics, files: loaded.files });
                }
            },
        };
        log(&attempt, &live.definition, stopwatch);
        let status = Status { revision: live.definition.revision.clone(), since: at, attempt };
        let (status, live) = (channel::Sender::new(status), ArcSwap::from_pointee(live));
        let loading = Mutex::new(Tried { fingerprint, refused });
        Ok(Self { shared: Arc::new(Parts { folder, store, clock, compile, live, status, loading }) })
    }

    /// A set that was compiled already, without a folder: nothing is ever loaded anew. It is kept like any other.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of(definition: Arc<Definition>, files: Files, store: Shared, clock: Clock) -> Result<Self, store::Error> {
        let (at, revision) = (clock.now(), definition.revision.clone());
        keep(&*store, &revision, &files, at)?;
        let attempt = Attempt { at, revision: revision.clone(), accepted: true, diagnostics: Vec::new() };
        let status = channel::Sender::new(Status { revision, since: at, attempt });
        let (compile, live): (Compile, _) =
            (crate::workflow::compile, ArcSwap::from_pointee(Live { definition, files }));
        let loading = Mutex::default();
        Ok(Self { shared: Arc::new(Parts { folder: PathBuf::new(), store, clock, compile, live, status, loading }) })
    }

    /// The live set. A request takes it once and uses it from beginning to end.
    #[must_use]
    pub fn live(&self) -> Arc<Definition> {
        Arc::clone(&self.shared.live.load().definition)
    }

    /// What is live, and what became of the last attempt.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status.borrow().clone()
    }

    /// Wakes whenever the status changes.
    #[must_use]
    pub fn subscribe(&self) -> channel::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// The folder that holds `workflows/` and `rules/`.
    #[must_use]
    pub fn folder(&self) -> &PathBuf {
        &self.shared.folder
    }

    /// The files of the live set.
    #[must_use]
    pub fn files(&self) -> Files {
        self.shared.live.load().files.clone()
    }

    /// The files of the last attempt, when it was refused: what its diagnostics are about.
    #[must_use]
    pub fn refused_files(&self) -> Option<Files> {
        self.loading().refused.clone()
    }

    /// Loads the files now, whether they changed or not.
    pub fn reload(&self) -> Attempt {
        let mut tried = self.loading();
        let loaded = load::settled(&self.shared.folder);
        self.attempt(&mut tried, loaded)
    }

    /// Watches the folder from now on, until what is returned is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(&self) -> Result<Watching, std::io::Error> {
        Watching::start(self.clone())
    }

    /// Loads the files if they are not those of the last attempt.
    fn refresh(&self) {
        let mut tried = self.loading();
        let loaded = load::changed(&self.shared.folder, tried.fingerprint.as_deref());
        if let Some(loaded) = loaded {
            self.attempt(&mut tried, loaded);
        }
    }

    fn loading(&self) -> MutexGuard<'_, Tried> {
        self.shared.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt(&self, tried: &mut Tried, loaded: Loaded) -> Attempt {
        let stopwatch = clock::Watch::start();
        let at = self.shared.clock.now();
        tried.fingerprint = Some(loaded.fingerprint());
        let mut judged = judge(&loaded, self.shared.compile);
        let revision = judged.revision(&loaded.files);
        if let Some(definition) = judged.definition.take_if(|definition| definition.revision != self.live().revision) {
            match keep(&*self.shared.store, &definition.revision, &loaded.files, at) {
                Ok(()) => judged.definition = Some(definition),
                Err(error) => {
                    // The files are good, so the next look at the folder is to try again.
                    tried.fingerprint = None;
                    judged.diagnostics.push(unkept(&error));
                }
            }
        }
        let accepted = judged.definition.is_some();
        let attempt = Attempt { at, revision, accepted, diagnostics: judged.diagnostics };
        tried.refused = if accepted { None } else { Some(loaded.files.clone()) };
        let swapped = judged.definition.filter(|definition| definition.revision != self.live().revision);
        let since = swapped.is_some().then_some(at);
        let next = swapped.map(|definition| Arc::new(Live { definition: Arc::new(definition), files: loaded.files }));
        // Swapped while the status is held: whoever sees the new set live reads the status that belongs to it.
        self.shared.status.send_modify(|status| {
            if let Some(next) = next {
                self.shared.live.store(next);
            }
            status.revision = self.live().revision.clone();
            status.since = since.unwrap_or(status.since);
            status.attempt = attempt.clone();
        });
        log(&attempt, &self.live(), stopwatch);
        attempt
    }
}

/// What the files in `folder` come to, with the files themselves; nothing goes live.
#[must_use]
pub fn check(folder: &Path) -> (Compiled, Files) {
    let loaded = load::settled(folder);
    let Judged { definition, diagnostics } = judge(&loaded, crate::workflow::compile);
    (Compiled { definition, diagnostics }, loaded.files)
}

/// What came of judging files, those that could not even be read too.
struct Judged {
    definition: Option<Definition>,
    diagnostics: Vec<Diagnostic>,
}

impl Judged {
    fn revision(&self, files: &Files) -> Revision {
        self.definition
            .as_ref()
            .map_or_else(|| crate::workflow::revision(files), |definition| definition.revision.clone())
    }
}

fn judge(loaded: &Loaded, compile: Compile) -> Judged {
    if !loaded.problems.is_empty() {
        return Judged { definition: None, diagnostics: loaded.problems.clone() };
    }
    // On a thread of its own: scripts nest deeper than the stack of any caller may allow.
    let compiled = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("compile".to_owned()).stack_size(DECIDER_STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || compile(&loaded.files));
        thread
            .map_err(|error| error.to_string())?
            .join()
            .map_err(|_| "the compiler stopped in the middle, the log says where".to_owned())
    });
    match compiled {
        Ok(Compiled { definition, diagnostics }) => Judged { definition, diagnostics },
        Err(reason) => {
            let message = format!("the files could not be judged: {reason}");
            Judged { definition: None, diagnostics: vec![Diagnostic::error("E907", Place::default(), message)] }
        }
    }
}

/// Has the store keep a set before it goes live; the one that is live there already is not written again.
fn keep(store: &dyn store::Store, revision: &Revision, files: &Files, at: Timestamp) -> Result<(), store::Error> {
    if store.live()?.is_some_and(|(live, kept)| live == *revision && kept == *files) {
        return Ok(());
    }
    store.commit(vec![Item::Live { revision: revision.clone(), files: files.clone(), at }]).map(|_| ())
}

/// The set that was live last, when it can still be used.
fn stand_in(store: &dyn store::Store, compile: Compile) -> Result<Option<Live>, store::Error> {
    let Some((revision, files)) = store.live()? else { return Ok(None) };
    let loaded = Loaded { files, problems: Vec::new() };
    let definition = judge(&loaded, compile).definition;
    if definition.is_none() {
        tracing::error!(%revision, "the definitions that were live last can't be used by this version");
    }
    Ok(definition.map(|definition| Live { definition: Arc::new(definition), files: loaded.files }))
}

fn unkept(error: &store::Error) -> Diagnostic {
    tracing::error!(%error, "new definitions could not be kept");
    Diagnostic::error("E908", Place::default(), "the store could not keep the definitions, so they did not go live")
        .help("they are tried again by themselves; the log has the cause")
}

fn log(attempt: &Attempt, live: &Definition, stopwatch: clock::Watch) {
    let milliseconds = stopwatch.elapsed().as_millis();
    for diagnostic in &attempt.diagnostics {
        let line = line(diagnostic);
        match diagnostic.level {
            Level::Error => tracing::error!("{line}"),
            Level::Warning => tracing::warn!("{line}"),
        }
    }
    if attempt.accepted {
        let (workflows, rules) = (live.workflows.len(), live.rules.len());
        tracing::info!(revision = %attempt.revision, workflows, rules, milliseconds, "definitions are live");
    } else {
        let refused = &attempt.revision;
        tracing::error!(%refused, live = %live.revision, milliseconds, "definitions were refused, the last good ones stay");
    }
}

fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, place, message, .. } = diagnostic;
    format!("{}:{}:{} {code} {message}", place.file, place.line, place.column)
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().find(|diagnostic| diagnostic.level == Level::Error).map(line).unwrap_or_default()
}
