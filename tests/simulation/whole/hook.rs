//! A peer for messages that fails when chance says so, and remembers what it was given by whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};

use crate::dice::Dice;

/// The peer: one for the process, with a box for each seed.
pub(crate) struct Hook {
    /// Where it listens.
    pub(crate) port: u16,
    boxes: Arc<Mutex<BTreeMap<String, Box>>>,
}

#[derive(Default)]
struct Box {
    /// What decides when it fails; without it, it is well.
    moods: Option<Dice>,
    taken: Vec<(String, String)>,
}

/// The peer, which is started when it is asked for first.
pub(crate) fn hook() -> &'static Hook {
    static HOOK: OnceLock<Hook> = OnceLock::new();
    HOOK.get_or_init(start)
}

fn start() -> Hook {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let boxes = Arc::<Mutex<BTreeMap<String, Box>>>::default();
    let router = Router::new().fallback(take).with_state(Arc::clone(&boxes));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    Hook { port, boxes }
}

impl Hook {
    /// From now on it fails as these dice say, or is well.
    pub(crate) fn mood(&self, seed: u64, moods: Option<Dice>) {
        self.boxes.lock().unwrap().entry(format!("/{seed}")).or_default().moods = moods;
    }

    /// Everything that it was given for a seed: the id and the text.
    pub(crate) fn taken(&self, seed: u64) -> Vec<(String, String)> {
        self.boxes.lock().unwrap().get(&format!("/{seed}")).map(|of| of.taken.clone()).unwrap_or_default()
    }

    /// Forgets a seed.
    pub(crate) fn forget(&self, seed: u64) {
        self.boxes.lock().unwrap().remove(&format!("/{seed}"));
    }
}

type Boxes = Arc<Mutex<BTreeMap<String, Box>>>;

/// It takes what it is given, refuses it, or takes it and says that it did not.
async fn take(State(boxes): State<Boxes>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut boxes = boxes.lock().unwrap();
    let of = boxes.entry(uri.path().to_owned()).or_default();
    let mood = of.moods.as_mut().map_or(0, |dice| dice.below(4));
    if mood < 3 {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        of.taken.push((id, String::from_utf8(body.to_vec()).unwrap()));
    }
    if mood < 2 { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}
