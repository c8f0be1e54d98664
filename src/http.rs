//! The HTTP API: shapes, handlers and routers, a file per resource.

use std::io;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::runtime::Runtime;

/// What the shell may set about the HTTP side; limits that nobody needs to set stand in `model::limit`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether the banner of the documentation page shows that this is a demo.
    pub demo: bool,
}

/// The whole API as one router.
pub fn router(_runtime: Runtime, _settings: &Settings) -> axum::Router {
    axum::Router::new()
}

/// Accepts connections until `shutdown` is cancelled, then lets requests in flight end (25 s at most).
///
/// # Errors
/// When the listener fails.
pub async fn serve(_listener: TcpListener, _router: axum::Router, _shutdown: CancellationToken) -> io::Result<()> {
    Ok(())
}
