//! One connection to a server that is kept alive: a request at a time, driven by the task that waits for the answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

/// Connections that come from one loopback address; a server may limit them.
const PER_ADDRESS: usize = 200;

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    sender: SendRequest<String>,
    connection: Pin<Box<Connection<TokioIo<TcpStream>, String>>>,
    /// The body of the last answer.
    pub(super) body: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    /// The status.
    pub(super) status: StatusCode,
    /// The headers.
    pub(super) headers: HeaderMap,
}

impl Wire {
    /// Connects. The number of the client chooses the loopback address that it comes from, where there are many.
    ///
    /// # Errors
    /// Why there is no connection.
    pub(super) async fn open(server: SocketAddr, client: usize) -> Result<Self, String> {
        let stream = connect(server, client).await.map_err(|error| format!("can't connect: {error}"))?;
        // A request must not wait for the next one; a stream that can't say so still works.
        let _ = stream.set_nodelay(true);
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| format!("can't connect: {error}"))?;
        Ok(Self { sender, connection: Box::pin(connection), body: Vec::new() })
    }

    /// Sends a request and reads the whole answer; its body is in [`Wire::body`] then.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn send(&mut self, request: Request<String>) -> Result<Head, String> {
        let (sender, bytes) = (&mut self.sender, &mut self.body);
        bytes.clear();
        let asked = async {
            sender.ready().await?;
            let (head, mut body) = sender.send_request(request).await?.into_parts();
            while let Some(frame) = frame(&mut body).await {
                bytes.extend_from_slice(frame?.data_ref().map_or(&[], |data| &data[..]));
            }
            Ok::<_, hyper::Error>(Head { status: head.status, headers: head.headers })
        };
        tokio::select! {
            biased;
            answered = asked => answered.map_err(|error| format!("the connection broke off: {error}")),
            ended = self.connection.as_mut() => Err(match ended {
                Ok(()) => "the server closed the connection".to_owned(),
                Err(error) => format!("the connection broke off: {error}"),
            }),
        }
    }
}

async fn connect(server: SocketAddr, client: usize) -> std::io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    let block = client.checked_div(PER_ADDRESS).and_then(|block| u8::try_from(block).ok()).unwrap_or_default();
    // Only some systems have more loopback addresses than one; elsewhere the first has to do.
    if block > 0 && cfg!(target_os = "linux") && server.is_ipv4() {
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, block)), 0))?;
    }
    socket.connect(server).await
}

async fn frame(body: &mut Incoming) -> Option<Result<Frame<hyper::body::Bytes>, hyper::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}
