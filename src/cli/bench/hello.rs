//! The process that answers `hello`: what an HTTP server costs that does nothing.

use tokio::net::TcpListener;

use crate::cli::terminal::{Exit, Terminal};
use crate::cli::{Failed, serve};
use crate::http;

/// Answer `hello` on a free port; `gendan bench` starts it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command: until the process ends.
pub(crate) fn run(_: &Args, terminal: &Terminal) -> Result<Exit, Failed> {
    let unheard = |error| Failed::new(Exit::Unreachable, error);
    serve::threads()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(unheard)?;
        terminal.out(format_args!("listening on http://{}", listener.local_addr().map_err(unheard)?));
        http::serve_hello(listener).await.map_err(unheard)
    })?;
    Ok(Exit::Done)
}
