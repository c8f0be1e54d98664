//! A small HTTP server that keeps what it is sent and answers what it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

/// The server.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    status: Mutex<u16>,
    taken: Mutex<Vec<(HeaderMap, String)>>,
}

impl Hook {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner { status: Mutex::new(204), taken: Mutex::default() });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    /// What it answers from now on.
    pub(crate) fn answers(&self, status: u16) {
        *self.inner.status.lock().unwrap() = status;
    }

    /// Everything that was sent.
    pub(crate) fn taken(&self) -> Vec<(HeaderMap, String)> {
        self.inner.taken.lock().unwrap().clone()
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
    inner.taken.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
    let status = StatusCode::from_u16(*inner.status.lock().unwrap()).unwrap();
    let mut answer = HeaderMap::new();
    if status.is_redirection() {
        answer.insert("location", "/elsewhere".parse().unwrap());
    }
    (status, answer)
}
