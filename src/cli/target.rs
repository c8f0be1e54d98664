//! Where a command finds the server: a running one, or one of its own on a data folder that nobody uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use crate::http;
use crate::model::{Name, Timestamp};
use crate::runtime::Runtime;

use super::Failed;
use super::client::Client;
use super::serve;
use super::terminal::Exit;

/// Milliseconds after which the key of a server of one's own ends by itself.
const OWN_KEY_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// The flags that say where the server is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The address of a running server
    #[arg(long, env = "GENDAN_SERVER", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// The API key for it
    #[arg(long, env = "GENDAN_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Work on this data folder itself instead, while no server uses it
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// With --data: the folder that holds `workflows/` and `rules/`
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) definitions: PathBuf,
}

/// A client of the server, and that server itself when it runs in this process.
#[derive(Debug)]
pub(crate) struct Session {
    /// The client.
    pub(crate) client: Client,
    own: Option<Own>,
}

/// A server on loopback, for this command alone.
#[derive(Debug)]
struct Own {
    stop: CancellationToken,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Target {
    /// A client of the running server.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.server, self.key.as_deref())
    }

    /// Connects. With `--data` the client acts as `user` with `roles`, under a key that ends with the command.
    pub(crate) fn session(&self, user: &str, roles: &[String]) -> Result<Session, Failed> {
        match &self.data {
            None => Ok(Session { client: self.client(), own: None }),
            Some(data) => own(data, &self.definitions, user, roles),
        }
    }
}

/// The runtime on a data folder that no server uses, without a server: for what needs no API.
pub(crate) fn offline(data: &Path, definitions: &Path) -> Result<(tokio::runtime::Runtime, Runtime), Failed> {
    let tokio = serve::threads()?;
    let runtime = {
        let _inside = tokio.enter();
        app::open(data, definitions, Clock::System, &mut |_, _| ())?
    };
    Ok((tokio, runtime))
}

impl Session {
    /// Ends the server that runs in this process, if one does.
    pub(crate) fn close(self) -> Result<(), Failed> {
        let Some(own) = self.own else { return Ok(()) };
        own.stop.cancel();
        let ended = own.thread.join().unwrap_or_else(|_| Err(std::io::Error::other("the server broke")));
        ended.map_err(|error| Failed::new(Exit::Unreachable, error))
    }
}

fn own(data: &Path, definitions: &Path, user: &str, roles: &[String]) -> Result<Session, Failed> {
    let config = Config {
        data: data.to_owned(),
        definitions: definitions.to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        clock: None,
        log: String::new(),
        log_format: LogFormat::Text,
        attachments: http::AttachmentRules::default(),
        admin_key: None,
        channels: crate::runtime::dispatch::settings::Channels::default(),
    };
    let tokio = serve::threads()?;
    let app = tokio.block_on(app::start(&config, Clock::System, http::Settings::default(), |_, _| ()))?;
    let roles: BTreeSet<Name> = roles.iter().map(|role| Name::from(role.as_str())).collect();
    // It is revoked at the end; should this process be killed before, the key ends by itself.
    let end = Timestamp(app.runtime.now().0.saturating_add(OWN_KEY_MILLISECONDS));
    let made = tokio.block_on(app.runtime.create_key(user, roles, Some(end)));
    let (record, key) = made.map_err(|failure| Failed::new(Exit::Refused, format!("no key: {failure:?}")))?;
    let client = Client::new(&format!("http://{}", app.address), Some(&key));
    let stop = CancellationToken::new();
    let thread = std::thread::spawn({
        let stop = stop.clone();
        move || tokio.block_on(serve_until(app, stop, &record.id))
    });
    Ok(Session { client, own: Some(Own { stop, thread }) })
}

async fn serve_until(app: App, stop: CancellationToken, key: &str) -> std::io::Result<()> {
    let (runtime, shutdown) = (app.runtime.clone(), CancellationToken::new());
    // What is due waits for a server that stays: to look at a folder changes nothing in it.
    let serving = tokio::spawn(app.serve_until(shutdown.clone()));
    stop.cancelled().await;
    let _revoked = runtime.revoke_key(key).await;
    shutdown.cancel();
    serving.await.map_err(std::io::Error::other)?
}
