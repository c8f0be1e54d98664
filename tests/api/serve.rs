//! The server over loopback: what only shows on a real connection.

use std::io;
use std::time::Duration;

use gendan::http::serve;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test]
async fn a_stream_does_not_hold_up_the_end_of_the_server() {
    let api = Api::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api.router.clone(), shutdown.clone()));
    let stream = TcpStream::connect(address).await.unwrap();
    let key = &api.keys["ann"];
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\nAuthorization: Bearer {key}\r\n\r\n"
    );
    stream.writable().await.unwrap();
    assert_eq!(stream.try_write(request.as_bytes()).unwrap(), request.len());
    let mut text = String::new();
    while !text.contains("retry: 2000") {
        text += &more(&stream).await.expect("it must begin");
    }
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), server).await.expect("it must end soon").unwrap().unwrap();
    while let Some(piece) = more(&stream).await {
        text += &piece;
    }
    assert!(text.ends_with("0\r\n\r\n"), "the stream must end well: {text}");
}

/// What comes next; nothing when the server has closed.
async fn more(stream: &TcpStream) -> Option<String> {
    let mut piece = [0; 4096];
    loop {
        tokio::time::timeout(Duration::from_secs(20), stream.readable())
            .await
            .expect("it must answer or close")
            .unwrap();
        match stream.try_read(&mut piece) {
            Ok(0) => return None,
            Ok(read) => return Some(String::from_utf8_lossy(&piece[..read]).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}
