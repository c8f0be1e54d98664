//! Many clients want the same thing: one gets it, the others are told so.

use std::collections::BTreeSet;
use std::sync::Arc;

use gendan::runtime::{Failure, Reply};
use serde_json::json;
use tokio::task::JoinSet;

use crate::bed::{Ask, Bed, Kind, Told, block_on, told};

/// Sends all requests at once and gives what became of each.
async fn race(bed: &Arc<Bed>, asks: impl IntoIterator<Item = Ask>) -> Vec<Result<Reply, Failure>> {
    let mut tasks = JoinSet::new();
    for ask in asks {
        let bed = Arc::clone(bed);
        tasks.spawn(async move { bed.ask(ask).await });
    }
    tasks.join_all().await
}

#[test]
fn a_unique_value_is_taken_once_and_no_number_is_lost() {
    block_on(async {
        race_for_a_value(Kind::Memory, 50, 40).await;
        race_for_a_value(Kind::Sled, 10, 40).await;
    });
}

async fn race_for_a_value(kind: Kind, rounds: usize, clients: usize) {
    let bed = Arc::new(Bed::new(kind));
    let mut places = BTreeSet::new();
    for round in 0..rounds {
        let ask = |_| Ask::open("lot", json!({ "mark": format!("m{round}") }));
        let mut won = Vec::new();
        for reply in race(&bed, (0..clients).map(ask)).await {
            match reply {
                Ok(reply) => won.push(told(&reply)),
                Err(Failure::Refused(refusal)) => assert_eq!(&*refusal.reasons[0].code, "taken"),
                Err(failure) => panic!("{failure:?}"),
            }
        }
        let [won] = won.as_slice() else { panic!("{} winners in round {round}", won.len()) };
        assert!(places.insert(won.place), "{} was handed out twice", won.place);
    }
    // Losers gave their numbers back: who comes later fills the gaps they left.
    let (used, last) = (places.len() as u64, *places.last().unwrap());
    for _ in used..last {
        let reply = bed.ask(Ask::open("lot", json!({}))).await.unwrap();
        assert!(places.insert(told(&reply).place));
    }
    assert_eq!(places, (1..=last).collect());
    Arc::into_inner(bed).unwrap().end().await;
}

#[test]
fn numbers_have_neither_doubles_nor_gaps() {
    block_on(async {
        race_for_numbers(Kind::Memory, 1_000).await;
        race_for_numbers(Kind::Sled, 300).await;
    });
}

async fn race_for_numbers(kind: Kind, clients: usize) {
    let bed = Arc::new(Bed::new(kind));
    let replies = race(&bed, (0..clients).map(|_| Ask::open("lot", json!({})))).await;
    let places: BTreeSet<u64> = replies.into_iter().map(|reply| told(&reply.unwrap()).place).collect();
    assert_eq!(places, (1..=clients as u64).collect());
    Arc::into_inner(bed).unwrap().end().await;
}

#[test]
fn a_version_is_followed_by_one() {
    block_on(async {
        race_for_a_version(Kind::Memory, 40, 50).await;
        race_for_a_version(Kind::Sled, 10, 50).await;
    });
}

async fn race_for_a_version(kind: Kind, rounds: u64, clients: usize) {
    let bed = Arc::new(Bed::new(kind));
    let Told { id, version, .. } = told(&bed.ask(Ask::open("lot", json!({}))).await.unwrap());
    for version in version..version + rounds {
        let ask = |client| Ask::edit(id, json!({ "note": format!("{version} {client}") })).expecting(version);
        let mut won = 0;
        for reply in race(&bed, (0..clients).map(ask)).await {
            match reply {
                Ok(reply) => {
                    won += 1;
                    assert_eq!(told(&reply).version, version + 1);
                }
                Err(Failure::Stale { expected, version: now, since }) => {
                    assert_eq!((expected, now, since.len()), (version, version + 1, 1));
                }
                Err(failure) => panic!("{failure:?}"),
            }
        }
        assert_eq!(won, 1, "winners at version {version}");
    }
    // Without an expectation all of them are right, one after the other.
    let asks = (0..clients).map(|client| Ask::edit(id, json!({ "note": format!("all {client}") })));
    let versions: BTreeSet<u64> =
        race(&bed, asks).await.into_iter().map(|reply| told(&reply.unwrap()).version).collect();
    let first = version + rounds + 1;
    assert_eq!(versions, (first..first + clients as u64).collect());
    Arc::into_inner(bed).unwrap().end().await;
}

#[test]
fn a_key_has_one_effect_and_one_answer() {
    block_on(async {
        race_under_keys(Kind::Memory, 500, 200).await;
        race_under_keys(Kind::Sled, 10, 200).await;
    });
}

async fn race_under_keys(kind: Kind, keys: usize, clients: usize) {
    let bed = Arc::new(Bed::new(kind));
    let mut cases = BTreeSet::new();
    for key in 0..keys {
        let key = format!("k{key}");
        let ask = |_| Ask::open("lot", json!({})).under(&key, "f");
        let (mut bodies, mut fresh) = (BTreeSet::new(), 0);
        for reply in race(&bed, (0..clients).map(ask)).await {
            match reply {
                Ok(reply) => {
                    fresh += usize::from(!reply.replayed);
                    bodies.insert(told(&reply));
                }
                Err(Failure::InFlight) => {}
                Err(failure) => panic!("{failure:?}"),
            }
        }
        assert_eq!((bodies.len(), fresh), (1, 1), "{key}: one answer, once fresh");
        cases.extend(bodies);
        let again = bed.ask(Ask::open("lot", json!({})).under(&key, "f")).await.unwrap();
        assert!(again.replayed && cases.contains(&told(&again)));
        let other = bed.ask(Ask::open("lot", json!({})).under(&key, "another")).await;
        assert!(matches!(other, Err(Failure::KeyReused)), "{other:?}");
    }
    let places: BTreeSet<u64> = cases.iter().map(|told| told.place).collect();
    assert_eq!(places, (1..=keys as u64).collect(), "one case for each key, and no other");
    assert_eq!(bed.store.wrote().len(), keys);
    Arc::into_inner(bed).unwrap().end().await;
}

/// Clients that go away leave their command behind: it is done or it is not, and their key says which.
#[test]
fn a_client_that_went_away_gets_the_one_answer_when_it_comes_back() {
    block_on(async {
        go_away(Kind::Memory, 200).await;
        go_away(Kind::Sled, 40).await;
    });
}

async fn go_away(kind: Kind, keys: usize) {
    let bed = Arc::new(Bed::new(kind));
    let mut places = BTreeSet::new();
    for key in 0..keys {
        let ask = || Ask::open("lot", json!({})).under(&format!("k{key}"), "f");
        for patience in 0..4 {
            leave(&bed, ask(), (key + patience) % 40).await;
        }
        let (first, second) = (bed.ask(ask()).await.unwrap(), bed.ask(ask()).await.unwrap());
        assert_eq!(told(&first), told(&second));
        assert!(places.insert(told(&first).place));
    }
    assert_eq!(bed.store.wrote().len(), keys, "one effect for each key");
    // Who was decided under a key that had an answer by then gave its number back.
    let last = *places.last().unwrap();
    for _ in keys as u64..last {
        assert!(places.insert(told(&bed.ask(Ask::open("lot", json!({}))).await.unwrap()).place));
    }
    assert_eq!(places, (1..=last).collect());
    assert!(bed.runtime.verify().await.unwrap().is_empty());
}

/// Sends a request and goes away after so many looks.
async fn leave(bed: &Arc<Bed>, ask: Ask, looks: usize) {
    let bed = Arc::clone(bed);
    let gone = tokio::spawn(async move { bed.ask(ask).await.map(drop) });
    for _ in 0..looks {
        tokio::task::yield_now().await;
    }
    gone.abort();
    let _ = gone.await;
}
