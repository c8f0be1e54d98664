//! The server of a demo, in this process, under a clock that the demo moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::time::Time;
use crate::app::{self, StartError};
use crate::cli::client::Client;
use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failed, serve};
use crate::clock::{Clock, Watch};
use crate::config::{Config, LogFormat};
use crate::http;
use crate::model::Timestamp;
use crate::runtime::Runtime;

/// Where it listens when nobody says otherwise and the port is free.
const USUAL: &str = "127.0.0.1:8080";
/// Where it listens otherwise.
const ANY: &str = "127.0.0.1:0";
/// What is logged while it serves: the changes of definitions, and what goes wrong. That nobody takes the mail to
/// made-up people goes without saying; `/v1/deliveries` has it.
const LOG: &str = "warn,gendan::library=info,gendan::runtime::dispatch=off";
/// What is logged when it ends after the summary.
const QUIET_LOG: &str = "warn,gendan::runtime::dispatch=off";
/// Milliseconds between two moves of the clock once it runs.
const TICK_MILLISECONDS: u64 = 50;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    /// A client with the key of an admin.
    pub(crate) admin: Client,
    /// The key of an admin.
    pub(crate) admin_key: String,
    /// Its time, which stands still unless it is moved.
    pub(crate) time: Time,
    clock: Arc<AtomicI64>,
    runtime: Runtime,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    tokio: tokio::runtime::Runtime,
}

impl Server {
    /// Starts it with its clock at `moment`. Without an address it takes the usual one when that is free and it
    /// is going to stay (`stays`), else any.
    ///
    /// # Errors
    /// When it can't be started.
    pub(crate) fn start(
        place: &Place,
        listen: Option<&str>,
        stays: bool,
        moment: Timestamp,
        terminal: &Terminal,
    ) -> Result<Self, Failed> {
        let clock = Arc::new(AtomicI64::new(moment.0));
        let tokio = serve::threads()?;
        let log = if stays { LOG } else { QUIET_LOG };
        let first = listen.unwrap_or(if stays { USUAL } else { ANY });
        serve::start_log(&Config { log: log.to_owned(), ..config(place, first) }, terminal)?;
        let start = |address: &str| {
            let clock = Clock::Manual(Arc::clone(&clock));
            tokio.block_on(app::start(
                &config(place, address),
                clock,
                http::Settings { demo: true, ..http::Settings::default() },
                |_, _| (),
            ))
        };
        let app = match start(first) {
            Err(StartError::Listen { .. }) if listen.is_none() => start(ANY)?,
            started => started?,
        };
        let admin_key = app.first_key.clone();
        let admin_key = admin_key.ok_or_else(|| Failed::new(Exit::Unreachable, "the folder has keys already"))?;
        let admin = Client::new(&format!("http://{}", app.address), Some(&admin_key));
        let shutdown = CancellationToken::new();
        let runtime = app.runtime.clone();
        let time = Time::new(Arc::clone(&clock), runtime.clone(), tokio.handle().clone());
        let serving = tokio.spawn(app.serve_until(shutdown.clone()));
        tokio.spawn(serve::stop_on_signal(shutdown.clone()));
        Ok(Self { admin, admin_key, time, clock, runtime, shutdown, serving, tokio })
    }

    /// Whether somebody stopped it.
    pub(crate) fn is_stopped(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Lets the clock run on, and serves until the process is told to stop.
    ///
    /// # Errors
    /// When the listener fails.
    pub(crate) fn stay(self) -> Result<(), Failed> {
        self.tokio.spawn(run_on(Arc::clone(&self.clock)));
        self.tokio.spawn(self.runtime.clone().keep_time(self.shutdown.clone()));
        self.end()
    }

    /// Stops at once.
    ///
    /// # Errors
    /// When the listener failed.
    pub(crate) fn stop(self) -> Result<(), Failed> {
        self.shutdown.cancel();
        self.end()
    }

    fn end(self) -> Result<(), Failed> {
        let ended = self.tokio.block_on(self.serving);
        let ended = ended.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        ended.map_err(|error| Failed::new(Exit::Unreachable, error))
    }
}

async fn run_on(clock: Arc<AtomicI64>) {
    let (start, watch) = (clock.load(Ordering::SeqCst), Watch::start());
    loop {
        tokio::time::sleep(Duration::from_millis(TICK_MILLISECONDS)).await;
        let elapsed = i64::try_from(watch.elapsed().as_millis()).unwrap_or(i64::MAX);
        clock.store(start.saturating_add(elapsed), Ordering::SeqCst);
    }
}

fn config(place: &Place, listen: &str) -> Config {
    Config {
        data: place.data.clone(),
        definitions: place.definitions.clone(),
        listen: listen.to_owned(),
        clock: None,
        log: LOG.to_owned(),
        log_format: LogFormat::Text,
        attachments: http::AttachmentRules::default(),
        admin_key: None,
        channels: crate::runtime::dispatch::settings::Channels::default(),
    }
}
