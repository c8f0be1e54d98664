//! The smallest server that the same libraries make: one route that answers one word. `gendan bench` holds the API
//! against it.

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// Answers `hello` until the process ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve_hello(listener: TcpListener) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // As the real server does; a stream that can't say so still works.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().route("/", get(|| async { "hello" }))).await
}
