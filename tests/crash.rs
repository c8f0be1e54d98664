//! The real binary under load, killed at random moments: what was acknowledged is there, exactly once. Now and then
//! its state is lost or damaged in between and is built again from the journal, and that is killed too.
//!
//! `GENDAN_CRASH_ROUNDS` says how many times it is killed (50), `GENDAN_CRASH_SEED` when.

#![cfg(test)]

#[path = "crash/racers.rs"]
mod racers;
#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use gendan::cli::client::{Client, ClientError};
use serde_json::{Value as Json, json};

use racers::Racer;
use server::{Home, Server};

/// Clients that send commands at the same time.
const CLIENTS: usize = 4;
/// Clients that race for what is finite meanwhile.
const RACERS: usize = 3;
/// The longest time between the first command and the kill.
const MILLISECONDS_MAX: u64 = 160;
/// Commands of one client in one round, at most: what is checked afterwards stays readable.
const COMMANDS_MAX: usize = 200;

/// A command with the key under which it may be sent again.
#[derive(Clone, Debug)]
struct Sent {
    key: String,
    path: String,
    body: Json,
}

/// A command and the answer it got.
#[derive(Debug)]
struct Acknowledged {
    sent: Sent,
    status: u16,
    text: String,
}

/// A client: it works on cases of its own, so that none of its commands is refused.
#[derive(Debug, Default)]
struct Worker {
    number: usize,
    count: usize,
    /// Its cases with their stages.
    cases: Vec<(String, &'static str)>,
    /// What was answered since the last start of the server.
    round: Vec<Acknowledged>,
    /// What was sent and not answered before the server was killed.
    unknown: Option<Sent>,
    /// The keys of all that was done, by case.
    done: BTreeMap<String, Vec<String>>,
}

/// Numbers that a seed decides (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

impl Worker {
    /// Sends commands until the server is gone.
    fn work(&mut self, client: &Client, random: &mut Random) {
        for _ in 0..COMMANDS_MAX {
            let sent = self.next(random);
            if self.send(client, sent).is_err() {
                return;
            }
        }
    }

    /// The next command: a new case, or a step of one that is there.
    fn next(&mut self, random: &mut Random) -> Sent {
        self.count += 1;
        let key = format!("w{}-{}", self.number, self.count);
        let chosen = random.below(self.cases.len() as u64 + 2) as usize;
        let (path, body) = match self.cases.get(chosen) {
            None => ("/v1/workflows/job/cases".to_owned(), json!({ "fields": { "name": key }, "comment": key })),
            Some((id, _)) if random.below(3) == 0 => (format!("/v1/cases/{id}/comments"), json!({ "text": key })),
            Some((id, stage)) => {
                let step = if *stage == "waiting" { "start" } else { "pause" };
                (format!("/v1/cases/{id}/transitions/{step}"), json!({ "comment": key }))
            }
        };
        Sent { key, path, body }
    }

    /// Sends a command. Without an answer it is unknown whether it was done.
    fn send(&mut self, client: &Client, sent: Sent) -> Result<(), ClientError> {
        let answer = match client.once(&sent.key).post(&sent.path, &sent.body) {
            Ok(answer) => answer,
            Err(error) => {
                self.unknown = Some(sent);
                return Err(error);
            }
        };
        assert!(answer.is_ok(), "{sent:?} was refused: {}", answer.text);
        let case = &answer.json["case"];
        let id = case["id"].as_str().unwrap().to_owned();
        let stage = if case["stage"] == "waiting" { "waiting" } else { "working" };
        self.cases.retain(|(known, _)| *known != id);
        self.cases.push((id.clone(), stage));
        self.done.entry(id).or_default().push(sent.key.clone());
        self.round.push(Acknowledged { sent, status: answer.status, text: answer.text });
        Ok(())
    }

    /// After a restart: what had no answer is sent again and done once; what had one gets the same again.
    fn catch_up(&mut self, client: &Client) {
        for Acknowledged { sent, status, text } in std::mem::take(&mut self.round) {
            let again = client.once(&sent.key).post(&sent.path, &sent.body).unwrap();
            assert_eq!((again.status, &again.text), (status, &text), "{sent:?} was answered differently");
            assert!(again.header("idempotency-replayed").is_some(), "{sent:?} was done again");
        }
        if let Some(sent) = self.unknown.take() {
            self.send(client, sent).unwrap();
        }
    }

    /// Everything that was acknowledged is in the log of its case, once, and nothing else is.
    fn check(&self, client: &Client) {
        for (id, keys) in &self.done {
            let case = client.get(&format!("/v1/cases/{id}")).unwrap().ok().unwrap().json;
            let events = events(client, id);
            let logged: Vec<&str> = events.iter().map(|event| event["data"]["comment"].as_str().unwrap()).collect();
            assert_eq!(logged, *keys, "the log of {id}");
            assert_eq!(case["version"], json!(events.len()), "{case}");
            let pauses = events.iter().filter(|event| event["data"]["transition"] == "pause").count();
            assert_eq!(case["fields"]["done"], json!(pauses), "{case}");
        }
    }
}

fn events(client: &Client, id: &str) -> Vec<Json> {
    let (mut events, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = client.get(&format!("/v1/cases/{id}/events?limit=200&after={after}")).unwrap().ok().unwrap().json;
        events.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["has_more"] == false {
            return events;
        }
        after = page["next_after"].as_str().unwrap().to_owned();
    }
}

#[expect(clippy::disallowed_methods, reason = "the length of a test is chosen by whoever runs it")]
fn number_from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A key for the clients, made on the first start.
fn worker_key(home: &Home) -> String {
    let server = home.serve();
    let worker = json!({ "user": "worker", "roles": ["worker"] });
    let made = server.client().post("/v1/keys", &worker).unwrap().ok().unwrap();
    racers::fill(&server.client());
    assert!(server.stop().success());
    made.json["key"].as_str().unwrap().to_owned()
}

/// Lets every client work until the server is killed under them.
fn kill_under_load(server: Server, client: &Client, workers: &mut [Worker], racers: &mut [Racer], random: &mut Random) {
    let wait = Duration::from_millis(5 + random.below(MILLISECONDS_MAX));
    thread::scope(|scope| {
        for worker in workers {
            let mut random = Random(random.below(u64::MAX));
            scope.spawn(move || worker.work(client, &mut random));
        }
        for racer in racers {
            let mut random = Random(random.below(u64::MAX));
            scope.spawn(move || racer.race(client, &mut random));
        }
        thread::sleep(wait);
        server.kill();
    });
}

/// Starts a server that is killed before or while it opens its folder, which takes about so long.
fn kill_while_opening(home: &Home, opening: Duration, random: &mut Random) {
    let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let most = u64::try_from(opening.as_micros()).unwrap() + 1;
    thread::sleep(Duration::from_micros(random.below(most)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What becomes of the state between two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Kept,
    Removed,
    Damaged,
}

impl State {
    fn in_round(round: u64) -> Self {
        match round % 6 {
            2 => Self::Removed,
            5 => Self::Damaged,
            _ => Self::Kept,
        }
    }

    /// Removes the state, or writes over the beginning of sled's log, which no later start can read then.
    fn suffer(self, home: &Home) {
        let folder = home.path().join("data/state");
        match self {
            Self::Kept => {}
            Self::Removed => fs::remove_dir_all(folder).unwrap(),
            Self::Damaged => {
                let db = folder.join("db");
                let mut bytes = fs::read(&db).unwrap();
                bytes.iter_mut().for_each(|byte| *byte = 0xab);
                fs::write(db, bytes).unwrap();
            }
        }
    }
}

/// Starts a server and says how long that took.
#[expect(clippy::disallowed_methods, reason = "a kill must come while the real server starts")]
fn serve(home: &Home) -> (Server, Duration) {
    let started = Instant::now();
    let server = home.serve();
    (server, started.elapsed())
}

/// How many states were put aside: each of them is kept.
fn put_aside(home: &Home) -> usize {
    let aside = |name: &str| name.starts_with("state.aside-");
    let names = fs::read_dir(home.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| aside(&name.to_string_lossy())).count()
}

fn verify(home: &Home) {
    let output = home.run(&["verify"]);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_was_acknowledged_survives_every_kill_exactly_once() {
    let rounds = number_from_environment("GENDAN_CRASH_ROUNDS", 50);
    let seed = number_from_environment("GENDAN_CRASH_SEED", 20_260_924);
    println!("{rounds} rounds; GENDAN_CRASH_SEED={seed}");
    let home = Home::new();
    racers::define(&home);
    let mut random = Random(seed);
    let mut racers: Vec<Racer> = (0..RACERS).map(Racer::new).collect();
    let mut workers: Vec<Worker> = (0..CLIENTS).map(|number| Worker { number, ..Worker::default() }).collect();
    let key = worker_key(&home);
    let mut damaged = 0;
    for round in 0..rounds {
        let (server, opening) = serve(&home);
        let client = Client::new(&server.address, Some(&key));
        workers.iter_mut().for_each(|worker| worker.catch_up(&client));
        racers.iter_mut().for_each(|racer| racer.catch_up(&client));
        racers::check(&racers, &server.client());
        kill_under_load(server, &client, &mut workers, &mut racers, &mut random);
        let state = State::in_round(round);
        state.suffer(&home);
        damaged += usize::from(state == State::Damaged);
        if round % 5 == 0 || state != State::Kept {
            (0..2).for_each(|_| kill_while_opening(&home, opening, &mut random));
        }
        if round % 10 == 0 {
            verify(&home);
        }
    }
    let server = home.serve();
    let client = Client::new(&server.address, Some(&key));
    for worker in &mut workers {
        worker.catch_up(&client);
        worker.check(&client);
    }
    racers.iter_mut().for_each(|racer| racer.catch_up(&client));
    racers::check(&racers, &server.client());
    let (got, short) = racers.iter().fold((0, 0), |sum, racer| (sum.0 + racer.got, sum.1 + racer.short));
    println!("{got} seats taken, and {short} times there was none");
    assert!(got as u64 > rounds && short as u64 > rounds / 5, "they hardly raced: {got} and {short}");
    let commands: usize = workers.iter().map(|worker| worker.count).sum();
    println!("{commands} commands, {rounds} kills, {damaged} damaged states");
    // Sled takes some of them for empty; those are filled again where they are.
    let aside = put_aside(&home);
    assert!(aside <= damaged, "{aside} of {damaged} damaged states were put aside");
    let log = fs::read_to_string(home.log()).unwrap();
    let told = log.contains("the state was empty; it was made from the journal") || log.contains("it was put aside as");
    assert!(told || rounds < 20, "no state was made again:\n{log}");
    assert!(commands as u64 > 10 * rounds, "the clients hardly worked: {commands} commands");
    assert!(server.stop().success());
    verify(&home);
}
