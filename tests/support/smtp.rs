//! A small SMTP server that keeps what it is given, and can be told to refuse or to hang.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// What it does with the next messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes them.
    Takes,
    /// It answers the recipient with this line.
    Refuses(&'static str),
    /// It takes the message and never answers.
    Hangs,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Smtp {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    mood: Mutex<Mood>,
    /// The recipient and the message, as it came.
    taken: Mutex<Vec<(String, String)>>,
    heard: Notify,
}

impl Smtp {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Inner { mood: Mutex::new(Mood::Takes), taken: Mutex::default(), heard: Notify::new() };
        let smtp = Self { address, inner: Arc::new(inner) };
        let server = smtp.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let server = server.clone();
                // A client that goes away in the middle is no failure of the test.
                std::thread::spawn(move || drop(server.session(stream)));
            }
        });
        smtp
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// Everything that was taken.
    pub(crate) fn taken(&self) -> Vec<(String, String)> {
        self.inner.taken.lock().unwrap().clone()
    }

    /// Waits until a message has come.
    pub(crate) async fn heard(&self) {
        self.inner.heard.notified().await;
    }

    fn session(&self, mut writer: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(writer.try_clone()?);
        let mut to = String::new();
        writer.write_all(b"220 test\r\n")?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let verb = line.split([' ', '\r', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let mood = *self.inner.mood.lock().unwrap();
            let answer = match (verb.as_str(), mood) {
                ("RCPT", Mood::Refuses(answer)) => answer,
                ("RCPT", _) => {
                    to = line.trim().to_owned();
                    "250 ok"
                }
                ("DATA", _) => {
                    writer.write_all(b"354 go on\r\n")?;
                    let text = Self::data(&mut stream)?;
                    self.inner.taken.lock().unwrap().push((to.clone(), text));
                    self.inner.heard.notify_one();
                    if mood == Mood::Hangs {
                        hang();
                    }
                    "250 ok"
                }
                ("QUIT", _) => return writer.write_all(b"221 bye\r\n"),
                _ => "250 ok",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes())?;
        }
    }

    fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 || line == ".\r\n" {
                return Ok(text.replace("\r\n", "\n"));
            }
            text.push_str(&line);
        }
    }
}

/// Answers never again.
fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
