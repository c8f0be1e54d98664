//! Clients that race for more than there is, while the server is killed under them: what is held is what somebody was
//! told that they hold, and never more than there is.

use gendan::cli::client::{Client, ClientError};
use serde_json::{Value as Json, json};

use crate::server::Home;
use crate::{Random, Sent};

/// What there is.
const SEATS: i64 = 5;
/// What each of them wants to hold.
const WANTED: usize = 2;
/// Commands of one of them in one round, at most.
const COMMANDS_MAX: usize = 120;

const CLAIM: &str = r#"workflow: claim
title: { zh: 占座, en: Claim }
number: "C-{seq:6}"
fields:
  name: { type: text, required: true, unique: true }
  wanted: { type: list, of: { place: { type: reference, table: places, required: true }, count: { type: integer, min: 1, required: true } } }
open: { by: worker, to: asked }
stages:
  asked:
    owner: worker
    transitions:
      book: { by: worker, to: booked, do: [ reserve: { seats: wanted } ] }
  booked:
    owner: worker
    transitions:
      leave: { by: worker, to: over }
  over: { final: success }
"#;

const RESOURCES: &str =
    "resources:\n  seats: { title: { zh: 座位, en: Seats }, per: places, row: { key: place, quantity: count } }\n";

/// Somebody who wants seats.
#[derive(Debug, Default)]
pub(crate) struct Racer {
    number: usize,
    count: usize,
    /// The case that has no seat yet.
    asked: Option<String>,
    /// The cases that have one, the first one first.
    booked: Vec<String>,
    /// What was sent and not answered before the server was killed.
    unknown: Option<(Step, Sent)>,
    /// How often they got a seat, and how often there was none.
    pub(crate) got: usize,
    pub(crate) short: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Open,
    Book(String),
    Leave(String),
}

/// Writes the definitions that they need.
pub(crate) fn define(home: &Home) {
    home.write("workflows/claim.yaml", CLAIM);
    home.write("workflows/resources.yaml", RESOURCES);
}

/// Says how many seats there are.
pub(crate) fn fill(client: &Client) {
    client.put("/v1/tables/places/A", &json!({ "name": "A" })).unwrap().ok().unwrap();
    client.put("/v1/resources/seats/A", &json!({ "on_hand": SEATS })).unwrap().ok().unwrap();
}

impl Racer {
    pub(crate) fn new(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    /// Books and leaves until the server is gone.
    pub(crate) fn race(&mut self, client: &Client, random: &mut Random) {
        for _ in 0..COMMANDS_MAX {
            let (step, sent) = self.next(random);
            if self.send(client, step, sent).is_err() {
                return;
            }
        }
    }

    fn next(&mut self, random: &mut Random) -> (Step, Sent) {
        self.count += 1;
        let key = format!("r{}-{}", self.number, self.count);
        let take = |id: &str, step: &str| (format!("/v1/cases/{id}/transitions/{step}"), json!({}));
        let leaves = self.booked.len() >= WANTED || !self.booked.is_empty() && random.below(4) == 0;
        let (step, (path, body)) = match (&self.asked, self.booked.first()) {
            (_, Some(id)) if leaves => (Step::Leave(id.clone()), take(id, "leave")),
            (Some(id), _) => (Step::Book(id.clone()), take(id, "book")),
            (None, _) => {
                let fields = json!({ "name": key, "wanted": [{ "place": "A", "count": 1 }] });
                (Step::Open, ("/v1/workflows/claim/cases".to_owned(), json!({ "fields": fields })))
            }
        };
        (step, Sent { key, path, body })
    }

    fn send(&mut self, client: &Client, step: Step, sent: Sent) -> Result<(), ClientError> {
        let answer = match client.once(&sent.key).post(&sent.path, &sent.body) {
            Ok(answer) => answer,
            Err(error) => {
                self.unknown = Some((step, sent));
                return Err(error);
            }
        };
        let short = matches!(step, Step::Book(_)) && answer.status == 409 && answer.text.contains("short");
        assert!(answer.is_ok() || short, "{sent:?} was refused: {}", answer.text);
        match step {
            Step::Book(_) if short => self.short += 1,
            Step::Open => self.asked = Some(answer.json["case"]["id"].as_str().unwrap().to_owned()),
            Step::Book(id) => {
                (self.asked, self.got) = (None, self.got + 1);
                self.booked.push(id);
            }
            Step::Leave(id) => self.booked.retain(|known| *known != id),
        }
        Ok(())
    }

    /// After a restart: what had no answer is sent again.
    pub(crate) fn catch_up(&mut self, client: &Client) {
        if let Some((step, sent)) = self.unknown.take() {
            self.send(client, step, sent).unwrap();
        }
    }
}

/// What is held is what they were told, case by case, and no more than there is.
pub(crate) fn check(racers: &[Racer], client: &Client) {
    let pool = client.get("/v1/resources/seats/A").unwrap().ok().unwrap().json;
    let number = |json: &Json| json.as_str().unwrap().parse::<i64>().unwrap();
    let mut booked: Vec<&str> = racers.iter().flat_map(|racer| &racer.booked).map(String::as_str).collect();
    let holders = pool["holders"].as_array().unwrap();
    let mut holding: Vec<&str> = holders.iter().map(|holder| holder["case"].as_str().unwrap()).collect();
    booked.sort_unstable();
    holding.sort_unstable();
    assert_eq!(holding, booked, "{pool}");
    let held = number(&pool["held"]);
    assert_eq!(held, i64::try_from(booked.len()).unwrap(), "{pool}");
    assert!(held <= SEATS && number(&pool["on_hand"]) == SEATS, "{pool}");
}
