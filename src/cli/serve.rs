//! `gendan serve`: the server.

use std::path::PathBuf;
#[cfg(unix)]
use std::task::Poll;

use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::{Config, Environment, LogFormat, Settings};
use crate::diagnostic::render;
use crate::http;

use super::Failed;
use super::terminal::{Exit, Paint, Terminal};

const EXAMPLES: &str = "\
Examples:
  gendan serve                                    serve ./workflows and ./rules, keep data in ./data
  gendan serve --listen 127.0.0.1:9000 --data /var/lib/gendan
  GENDAN_LOG=info,gendan::library=debug gendan serve
  gendan serve --clock 2026-09-24T09:00:00+08:00  try out how things go at another time

On the first start it prints an API key, once; GENDAN_ADMIN_KEY chooses it instead.
Ctrl-C or SIGTERM stops it after the requests in flight (25 s at most); a second one stops it at once, and
loses nothing that was answered.
`gendan config` explains every setting.";

/// Serve the workflows of a folder over HTTP
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// The file of settings [default: gendan.yaml, if it is there]
    #[arg(long, env = "GENDAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: Args, environment: &Environment, terminal: &Terminal) -> Result<Exit, Failed> {
    let config = Config::read(args.settings, args.config.as_deref(), environment)?;
    start_log(&config, terminal)?;
    threads()?.block_on(serve(&config, terminal))
}

/// The threads that wait for sockets and timers; commands are decided on threads of their own.
pub(crate) fn threads() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::new(Exit::Unreachable, format!("can't start threads: {error}")))
}

async fn serve(config: &Config, terminal: &Terminal) -> Result<Exit, Failed> {
    let signals = Signals::listen();
    let clock = config.clock.map_or(Clock::System, Clock::starting_at);
    let settings = http::Settings { attachments: config.attachments.clone(), ..http::Settings::default() };
    let app = app::start(config, clock, settings, opening(terminal)).await?;
    greet(&app, config, terminal);
    let shutdown = CancellationToken::new();
    tokio::spawn(signals.pass_on(shutdown.clone()));
    app.run_until(shutdown).await.map_err(|error| Failed::new(Exit::Unreachable, error))?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Shows how far the opening of the data has come: as a bar on a terminal, and in the log every tenth of the way.
fn opening(terminal: &Terminal) -> impl FnMut(u64, u64) + Send + 'static {
    let (bar, mut told) = (terminal.progress("building the state from the journal", 0), 0);
    move |done, all| {
        bar.set_length(all);
        bar.set_position(done);
        let tenth = done.saturating_mul(10).checked_div(all).unwrap_or_default();
        if tenth > told {
            told = tenth;
            tracing::info!(bytes = done, of = all, "building the state from the journal");
        }
        if done >= all {
            bar.finish_and_clear();
        }
    }
}

fn greet(app: &App, config: &Config, terminal: &Terminal) {
    let library = app.runtime.library();
    let status = library.status();
    if let Some(refused) = library.refused_files() {
        terminal.note(render(&status.attempt.diagnostics, &refused, terminal.color_err()));
        terminal.warning("the definitions were refused; those that were live last go on");
    }
    if let Some(key) = &app.first_key {
        terminal.out(format_args!("first API key, shown this once: {}", terminal.paint(Paint::Strong, key)));
    }
    terminal.out(format_args!("listening on http://{}", app.address));
    terminal.note(terminal.paint_err(Paint::Faint, format_args!("how to use it: http://{}/docs", app.address)));
    tracing::info!(
        address = %app.address,
        data = %config.data.display(),
        definitions = %config.definitions.display(),
        revision = %status.revision,
        "serving"
    );
    if !app.address.ip().is_loopback() {
        tracing::warn!(address = %app.address, "other machines can reach this address, and what they send is not encrypted");
    }
}

/// Waits for Ctrl-C or SIGTERM and passes it on; at the second one the process ends where it is.
pub(crate) async fn stop_on_signal(shutdown: CancellationToken) {
    Signals::listen().pass_on(shutdown).await;
}

/// The signals that ask the process to stop: heard from the moment this is made, so that none between the
/// greeting and the first wait is missed.
struct Signals {
    #[cfg(unix)]
    streams: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to listen; where that is impossible the signals end the process as they always do.
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self { streams: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect() }
    }

    /// Begins to listen.
    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    async fn pass_on(mut self, shutdown: CancellationToken) {
        self.next().await;
        tracing::info!("stopping after the requests in flight; once more stops at once");
        shutdown.cancel();
        self.next().await;
        std::process::exit(i32::from(Exit::Refused as u8));
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let streams = &mut self.streams;
        std::future::poll_fn(|context| {
            let heard = streams.iter_mut().any(|stream| matches!(stream.poll_recv(context), Poll::Ready(Some(()))));
            if heard { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Begins to log as the settings say.
pub(crate) fn start_log(config: &Config, terminal: &Terminal) -> Result<(), Failed> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| Failed::new(Exit::Usage, format!("`{}` is no log filter: {error}", config.log)))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(terminal.color_err()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
