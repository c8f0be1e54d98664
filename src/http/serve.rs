//! The accept loop: how many may be connected, how long a client may take, and how the server ends.
//!
//! Of its own because a plain loop gives each client all the time in the world.

mod door;
mod patient;

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::model::limit::{
    CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, DRAIN_SECONDS_MAX, HEADER_BYTES_MAX, HEADER_SECONDS_MAX, HEADERS_MAX,
    REQUEST_SECONDS_MAX,
};

use door::{Door, Place};
use patient::Patient;

/// Tells what runs long that the server ends.
#[derive(Clone, Debug)]
pub(super) struct Ending(pub(super) Arc<CancellationToken>);

/// Accepts connections until `shutdown` is cancelled, then lets requests in flight end (25 s at most).
///
/// # Errors
/// When the listener has no address any more.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    serve_within(listener, router, shutdown, Bounds::default()).await
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    connections: usize,
    per_address: usize,
    header: Duration,
    stalled: Duration,
    drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            per_address: CONNECTIONS_PER_ADDRESS_MAX,
            header: Duration::from_secs(HEADER_SECONDS_MAX),
            stalled: Duration::from_secs(REQUEST_SECONDS_MAX),
            drain: Duration::from_secs(DRAIN_SECONDS_MAX),
        }
    }
}

async fn serve_within(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    bounds: Bounds,
) -> io::Result<()> {
    tracing::debug!(address = %listener.local_addr()?, "listening");
    let door = Arc::new(Door::new(bounds.connections, bounds.per_address));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&mut connections, &door, stream, peer.ip(), &router, &shutdown, bounds),
                Err(error) => wait_out(&error).await,
            },
        }
    }
    drop(listener);
    drain(connections, bounds.drain).await;
    Ok(())
}

fn admit(
    connections: &mut JoinSet<()>,
    door: &Arc<Door>,
    stream: TcpStream,
    address: IpAddr,
    router: &Router,
    shutdown: &CancellationToken,
    bounds: Bounds,
) {
    let Some(place) = door.enter(address) else {
        // Dropping the stream closes it; whoever holds too many learns it at once.
        tracing::debug!(%address, "turned away: too many connections");
        super::metrics::turned_away();
        return;
    };
    connections.spawn(connection(stream, place, router.clone(), shutdown.clone(), bounds));
}

async fn connection(stream: TcpStream, _place: Place, router: Router, shutdown: CancellationToken, bounds: Bounds) {
    // Small answers must not wait for the next packet; a stream that can't say so still works.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Patient::new(stream, bounds.stalled));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADER_BYTES_MAX);
    let ending = Ending(Arc::new(shutdown.clone()));
    let answer = service_fn(move |request| answer(router.clone(), ending.clone(), request));
    let mut connection = pin!(builder.serve_connection(io, answer));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Answers a request. One with `Transfer-Encoding` is the last of its connection: when it had a `Content-Length` too,
/// which hyper has taken away by now, what follows could be meant as a part of it (RFC 9112, 6.1).
async fn answer(
    mut router: Router,
    ending: Ending,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    request.extensions_mut().insert(ending);
    let mut response = router.call(request).await?;
    if chunked {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn drain(mut connections: JoinSet<()>, longest: Duration) {
    tracing::info!(open = connections.len(), "draining");
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(longest, all).await.is_err() {
        tracing::warn!(open = connections.len(), "cut off: not ended in time");
        connections.shutdown().await;
    }
}

/// One client's broken connection is no reason to wait; having no file descriptors left is.
async fn wait_out(error: &io::Error) {
    let broken = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if !broken.contains(&error.kind()) {
        tracing::error!(%error, "can't accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests;
