//! Over loopback, with a router that does nothing of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::routing::get;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

async fn start(router: Router, bounds: Bounds) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve_within(listener, router, shutdown.clone(), bounds));
    Server { address, shutdown, task }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What comes next; empty when the server has closed. A reset is an end as well.
async fn some(stream: &TcpStream) -> String {
    let mut piece = [0; 1024];
    loop {
        tokio::time::timeout(Duration::from_secs(20), stream.readable())
            .await
            .expect("it must answer or close")
            .unwrap();
        match stream.try_read(&mut piece) {
            Ok(read) => return String::from_utf8_lossy(&piece[..read]).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return String::new(),
        }
    }
}

/// Everything that the server still says before it closes.
async fn rest(stream: &TcpStream) -> String {
    let mut text = String::new();
    loop {
        let piece = some(stream).await;
        if piece.is_empty() {
            return text;
        }
        text.push_str(&piece);
    }
}

async fn answer(stream: &TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("hello") {
        let piece = some(stream).await;
        assert!(!piece.is_empty(), "the connection ended after {text:?}");
        text.push_str(&piece);
    }
    text
}

#[tokio::test]
async fn a_client_that_sends_its_head_too_slowly_is_cut_off_and_others_are_served() {
    let server = start(hello(), Bounds { header: Duration::from_millis(200), ..Bounds::default() }).await;
    let slow = TcpStream::connect(server.address).await.unwrap();
    send(&slow, b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: ").await.unwrap();
    let quick = TcpStream::connect(server.address).await.unwrap();
    send(&quick, GET).await.unwrap();
    assert!(answer(&quick).await.starts_with("HTTP/1.1 200"));
    assert!(!rest(&slow).await.contains("200 OK"));
}

#[tokio::test]
async fn one_address_can_not_take_all_places() {
    let server = start(hello(), Bounds { per_address: 2, ..Bounds::default() }).await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let stream = TcpStream::connect(server.address).await.unwrap();
        send(&stream, GET).await.unwrap();
        answer(&stream).await;
        inside.push(stream);
    }
    let third = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(&third).await, "");
    drop(inside);
    loop {
        let again = TcpStream::connect(server.address).await.unwrap();
        let sent = send(&again, GET).await;
        if sent.is_ok() && some(&again).await.starts_with("HTTP/1.1 200") {
            break;
        }
    }
}

#[tokio::test]
async fn a_shutdown_lets_requests_in_flight_end() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, go) = (Arc::clone(&entered), Arc::clone(&leave));
    let handler = move || async move {
        inside.notify_one();
        go.notified().await;
        "hello"
    };
    let server = start(Router::new().route("/", get(handler)), Bounds::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    send(&stream, GET).await.unwrap();
    entered.notified().await;
    server.shutdown.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.notify_one();
    let text = rest(&stream).await;
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("hello"), "{text}");
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let router = Router::new().route("/", get(|| async { std::future::pending::<&str>().await }));
    let server = start(router, Bounds { drain: Duration::from_millis(50), ..Bounds::default() }).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    send(&stream, GET).await.unwrap();
    server.shutdown.cancel();
    server.task.await.unwrap().unwrap();
    assert_eq!(rest(&stream).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    struct Flag(Arc<AtomicBool>, Arc<Notify>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            self.1.notify_one();
        }
    }
    let (dropped, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (flag, notify) = (Arc::clone(&dropped), Arc::clone(&told));
    let endless = move || async move {
        let flag = Flag(flag, notify);
        let chunks = std::iter::repeat_with(move || {
            let _held = &flag;
            Ok::<_, io::Error>(vec![b'x'; 65_536])
        });
        Body::from_stream(tokio_stream::iter(chunks))
    };
    let bounds = Bounds { stalled: Duration::from_millis(200), ..Bounds::default() };
    let server = start(Router::new().route("/", get(endless)), bounds).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    send(&stream, GET).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), told.notified()).await.expect("the answer must be dropped");
    assert!(dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn ambiguous_or_oversized_heads_are_refused() {
    let server = start(hello(), Bounds::default()).await;
    let huge = format!("GET / HTTP/1.1\r\nHost: here\r\nX: {}\r\n\r\n", "x".repeat(HEADER_BYTES_MAX + 1));
    for (head, expected) in [
        (huge.as_str(), "HTTP/1.1 431"),
        ("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400"),
        ("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"),
        ("POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: xchunked\r\n\r\n", "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nHost: here\r\nX : y\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        send(&stream, head.as_bytes()).await.unwrap();
        let text = rest(&stream).await;
        assert!(text.starts_with(expected), "{}: {text}", head.chars().take(80).collect::<String>());
    }
}

#[tokio::test]
async fn nothing_is_read_behind_a_request_with_two_lengths() {
    let server = start(hello(), Bounds::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let both = "GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    send(&stream, &[both.as_bytes(), GET].concat()).await.unwrap();
    let text = rest(&stream).await;
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
    assert!(text.contains("connection: close"), "{text}");
}
