//! The application: wires the store, the library, the runtime and the HTTP side together.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::http;
use crate::library::{self, Library, Watching};
use crate::model::limit::DELIVERY_SECONDS_MAX;
use crate::runtime::dispatch::Dispatcher;
use crate::runtime::{Failure, Runtime};
use crate::store::content::Contents;
use crate::store::{self, Ledger, Shared};

/// How long uploads are left alone before they are looked after again.
const SWEEP: Duration = Duration::from_secs(3_600);

/// The role that may change keys, tables and definitions.
const ADMIN: &str = "admin";

/// A server that is ready to serve.
#[derive(Debug)]
pub struct App {
    /// The address it listens on.
    pub address: SocketAddr,
    /// What it does.
    pub runtime: Runtime,
    /// The API key that was made because there was none; it is never shown again.
    pub first_key: Option<String>,
    /// Reloads the definitions when they change, as long as the server runs.
    watching: Watching,
    listener: TcpListener,
    settings: http::Settings,
    dispatcher: Dispatcher,
}

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There are no sound definitions, neither in the folder nor from before.
    #[error(transparent)]
    Library(#[from] library::OpenError),
    /// The address can't be listened on.
    #[error("can't listen on `{address}`: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        reason: std::io::Error,
    },
    /// A channel for messages can't be used.
    #[error("the settings can't be used: {0}")]
    Channels(String),
    /// The definitions can't be watched.
    #[error("can't watch the definitions: {0}")]
    Watch(std::io::Error),
    /// The first API key can't be taken or made.
    #[error("there is no first API key: {0}")]
    FirstKey(String),
}

/// Opens the data folder (and makes it, if it is not there) and the definitions, and starts what works on them.
/// `progress` is told how many bytes of the journal were read, and how many are to be.
///
/// # Errors
/// When one of them can't be used.
pub fn open(
    data: &Path,
    definitions: &Path,
    clock: Clock,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Runtime, StartError> {
    let store: Shared = Arc::new(Ledger::open_with(data, true, progress)?);
    let library = Library::open(definitions.to_owned(), Arc::clone(&store), clock.clone())?;
    Ok(Runtime::start_with(store, library, clock, Some(Contents::of(data)))?)
}

/// Opens everything and listens. Until it is open, whoever asks is told how far it has come, and so is `progress`
/// (bytes of the journal read, and all that are to be).
///
/// # Errors
/// When something can't be opened, or the address is taken.
pub async fn start(
    config: &Config,
    clock: Clock,
    settings: http::Settings,
    mut progress: impl FnMut(u64, u64) + Send + 'static,
) -> Result<App, StartError> {
    let unheard = |reason| StartError::Listen { address: config.listen.clone(), reason };
    // First: a taken port is found before a long opening of the store.
    let listener = TcpListener::bind(&config.listen).await.map_err(unheard)?;
    let address = listener.local_addr().map_err(unheard)?;
    let (listener, second) = doubled(listener).map_err(unheard)?;
    let (starting, opened) = (http::Starting::default(), CancellationToken::new());
    let told = tokio::spawn(http::serve(second, starting.router(), opened.clone()));
    let (data, definitions) = (config.data.clone(), config.definitions.clone());
    let opening = tokio::task::spawn_blocking(move || {
        open(&data, &definitions, clock, &mut |done, all| {
            starting.set(done, all);
            progress(done, all);
        })
    });
    let runtime = opening.await.map_err(|error| store::Error::Io(error.to_string()))??;
    opened.cancel();
    let _ended = told.await;
    let first_key = first_key(&runtime, config.admin_key.as_deref()).await?;
    let dispatcher = Dispatcher::new(runtime.clone(), &config.channels, &Environment::variable);
    let dispatcher = dispatcher.map_err(StartError::Channels)?;
    let watching = runtime.library().watch().map_err(StartError::Watch)?;
    Ok(App { address, runtime, first_key, watching, listener, settings, dispatcher })
}

impl App {
    /// Serves until `shutdown` is cancelled, and does what is due when it is due; requests in flight end, and
    /// everything is on disk after it.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run_until(self, shutdown: CancellationToken) -> std::io::Result<()> {
        let timing = tokio::spawn(self.runtime.clone().keep_time(shutdown.clone()));
        let served = self.serve_until(shutdown).await;
        timing.abort();
        served
    }

    /// Serves as [`App::run_until`] does, but leaves it to the caller when the time of what is due has come.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_until(self, shutdown: CancellationToken) -> std::io::Result<()> {
        let router = http::router(self.runtime.clone(), &self.settings);
        let sweeping = tokio::spawn(sweep(self.runtime.clone()));
        let sending = tokio::spawn(self.dispatcher.clone().run());
        let served = http::serve(self.listener, router, shutdown).await;
        sweeping.abort();
        self.dispatcher.stop();
        // What is still on its way then is sent again after the next start, under the same id.
        let patience = Duration::from_secs(2 * DELIVERY_SECONDS_MAX);
        drop(tokio::time::timeout(patience, sending).await);
        drop(self.watching);
        self.runtime.stop();
        served
    }
}

/// Removes, again and again, uploads that no case came to have.
async fn sweep(runtime: Runtime) {
    loop {
        match runtime.sweep_uploads().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "uploads that no case came to have were removed"),
            Err(_) => tracing::warn!("uploads could not be looked after"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Two handles of one listener.
fn doubled(listener: TcpListener) -> std::io::Result<(TcpListener, TcpListener)> {
    let first = listener.into_std()?;
    let second = first.try_clone()?;
    Ok((TcpListener::from_std(first)?, TcpListener::from_std(second)?))
}

/// Makes sure that there is a key: the given one, or a new one, which is returned to be shown.
async fn first_key(runtime: &Runtime, given: Option<&str>) -> Result<Option<String>, StartError> {
    if !runtime.keys().is_empty() {
        return Ok(None);
    }
    let roles = BTreeSet::from([ADMIN.into()]);
    let made = match given {
        Some(key) => runtime.import_key(key, ADMIN, roles).await.map(|_| None),
        None => runtime.create_key(ADMIN, roles, None).await.map(|(_, key)| Some(key)),
    };
    made.map_err(|failure| {
        let Failure::BadQuery(reason) = failure else {
            return StartError::FirstKey("the store did not take it; the log says why".to_owned());
        };
        StartError::FirstKey(format!("GENDAN_ADMIN_KEY can't be used: {reason}"))
    })
}
