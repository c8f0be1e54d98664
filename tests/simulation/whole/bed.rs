//! A server under a clock that is moved by hand, on a machine that may stop at any step.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use gendan::clock::Clock;
use gendan::library::Library;
use gendan::model::{Revision, Timestamp};
use gendan::runtime::Runtime;
use gendan::runtime::dispatch::Dispatcher;
use gendan::runtime::dispatch::settings::{Channels, Secret, Webhook};
use gendan::store::journal::Options;
use gendan::store::{Applying, Machine, Memory, Shared, SimDisk};
use gendan::workflow::{Compiled, Definition, Files, revision};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::whole::hook::hook;
use crate::work::Restart;

/// What the messages are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The definitions as they are at first, and after the change.
pub(crate) struct Set {
    pub(crate) definition: Arc<Definition>,
    files: Files,
}

/// Both sets, compiled once.
pub(crate) fn sets() -> &'static [Set; 2] {
    static SETS: OnceLock<[Set; 2]> = OnceLock::new();
    SETS.get_or_init(|| {
        let mut files = Files::new();
        read(&folder("set"), "", &mut files);
        let first = set(files.clone());
        read(&folder("later"), "", &mut files);
        [first, set(files)]
    })
}

/// The revision after the change.
pub(crate) fn later() -> Revision {
    sets()[1].definition.revision.clone()
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation").join(name)
}

fn read(folder: &Path, above: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{above}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name.as_str().into(), fs::read(path).unwrap().into());
        }
    }
}

fn set(files: Files) -> Set {
    let Compiled { definition, diagnostics } = gendan::workflow::compile(&files);
    Set { definition: Arc::new(definition.unwrap_or_else(|| panic!("{diagnostics:#?}"))), files }
}

/// Compiles one of the sets, which was done already.
fn compiled(files: &Files) -> Compiled {
    let wanted = revision(files);
    let set = sets().iter().find(|set| set.definition.revision == wanted).unwrap();
    Compiled { definition: Some(Definition::clone(&set.definition)), diagnostics: Vec::new() }
}

/// The machine, and the process that runs on it.
pub(crate) struct Bed {
    seed: u64,
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    /// Which of the sets is to be live.
    pub(crate) set: usize,
    /// The folder with the definitions, where they are to change under a running process.
    folder: Option<TempDir>,
    options: Options,
    process: Option<Process>,
}

/// What is gone when the process ends.
pub(crate) struct Process {
    pub(crate) store: Arc<Memory>,
    pub(crate) runtime: Runtime,
    pub(crate) dispatcher: Dispatcher,
}

impl Bed {
    /// A new machine on which nothing runs; `folder` says whether definitions change under a running process.
    pub(crate) fn new(seed: u64, folder: bool) -> Self {
        let bed = Self {
            seed,
            machine: Machine::new(SimDisk::seeded(seed)),
            clock: Clock::manual(Timestamp::parse("2026-09-21T01:00:00Z").unwrap()),
            set: 0,
            folder: folder.then(|| tempfile::tempdir().unwrap()),
            options: Options { segment_bytes: [4_000, 30_000, 200_000][Dice(seed).place(3)], ..Options::default() },
            process: None,
        };
        bed.write();
        bed
    }

    /// The process that runs.
    pub(crate) fn running(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.running().runtime
    }

    pub(crate) fn store(&self) -> &Memory {
        &self.running().store
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Moves the clock, forward or back.
    pub(crate) fn advance(&self, milliseconds: i64) {
        let Clock::Manual(moment) = &self.clock else { return };
        moment.fetch_add(milliseconds, std::sync::atomic::Ordering::SeqCst);
    }

    /// Whether everything has stopped at a step.
    pub(crate) fn stopped(&self) -> bool {
        self.machine.steps().stopped().is_some()
    }

    /// Starts a process; says whether it came up before the machine stopped.
    ///
    /// # Errors
    /// When it can't be started, and the machine has not stopped.
    pub(crate) fn start(&mut self) -> Result<bool, String> {
        match self.begin() {
            Ok(process) => {
                self.process = Some(process);
                Ok(true)
            }
            Err(_) if self.stopped() => Ok(false),
            Err(error) => Err(format!("the server does not start: {error}")),
        }
    }

    fn begin(&self) -> Result<Process, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let store = Memory::start(&self.machine, self.options, Applying::ByHand).map_err(|error| told(&error))?;
        let store = Arc::new(store);
        let shared: Shared = Arc::clone(&store) as Shared;
        let library = match &self.folder {
            Some(folder) => {
                let path = folder.path().to_owned();
                Library::open_with(path, Arc::clone(&shared), self.clock.clone(), compiled)
                    .map_err(|error| told(&error))
            }
            None => {
                let Set { definition, files } = &sets()[self.set];
                Library::of(Arc::clone(definition), files.clone(), Arc::clone(&shared), self.clock.clone())
                    .map_err(|error| told(&error))
            }
        }?;
        let runtime = Runtime::start(shared, library, self.clock.clone()).map_err(|error| told(&error))?;
        let hook = Webhook {
            url: format!("http://127.0.0.1:{}/{}", hook().port, self.seed),
            secret: Secret::Env("SECRET".into()),
            private: true,
        };
        let channels = Channels { webhook: Some(hook), ..Channels::default() };
        let dispatcher = Dispatcher::new(runtime.clone(), &channels, &|_| Some(SECRET.to_owned()))?;
        Ok(Process { store, runtime, dispatcher })
    }

    /// Ends the process; the machine is then as the next one finds it.
    pub(crate) fn stop(&mut self, Restart { kill, seed, damage }: Restart) {
        if let Some(process) = self.process.take() {
            process.runtime.stop();
        }
        self.machine = if kill { self.machine.after_kill(seed) } else { self.machine.after_power_loss(seed) };
        if damage {
            self.machine.kv().damage("a page is gone");
        }
    }

    /// Changes the definitions, or takes the change back: under the running process, where they stand in a folder.
    /// Says whether it has to be started again for that.
    ///
    /// # Errors
    /// When they are refused, and the machine has not stopped.
    pub(crate) fn change(&mut self) -> Result<bool, String> {
        self.set = 1 - self.set;
        if self.folder.is_none() {
            return Ok(true);
        }
        self.write();
        let attempt = self.runtime().library().reload();
        let live = self.runtime().revision() == sets()[self.set].definition.revision;
        if live || self.stopped() { Ok(false) } else { Err(format!("the change is refused: {attempt:?}")) }
    }

    /// Writes the set that is to be live into the folder.
    fn write(&self) {
        let Some(folder) = &self.folder else { return };
        for (name, bytes) in &sets()[self.set].files {
            let path = folder.path().join(&**name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            process.runtime.stop();
        }
        hook().forget(self.seed);
    }
}
