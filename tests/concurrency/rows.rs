//! Rows change while commands that read them run: nothing rests on a row that was gone at its commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gendan::model::Name;
use gendan::runtime::Failure;
use serde_json::json;

use crate::bed::{Ask, Bed, Kind, block_on, told};
use crate::watched::Wrote;

#[test]
fn no_command_rests_on_a_row_that_is_gone() {
    block_on(async {
        check(Kind::Memory, 60).await;
        check(Kind::Sled, 15).await;
    });
}

/// Eight clients win `rounds` times each while rows come, change and go.
async fn check(kind: Kind, rounds: usize) {
    let bed = Arc::new(Bed::new(kind));
    let ended = Arc::new(AtomicBool::new(false));
    let changes = ["A", "B"].map(|thing| tokio::spawn(changes(Arc::clone(&bed), thing, Arc::clone(&ended))));
    let parts = tokio::spawn(parts(Arc::clone(&bed), Arc::clone(&ended)));
    let commands: Vec<_> = (0..8).map(|number| tokio::spawn(commands(Arc::clone(&bed), number, rounds))).collect();
    let mut won = 0;
    for task in commands {
        won += task.await.unwrap();
    }
    ended.store(true, Ordering::SeqCst);
    for task in changes.into_iter().chain([parts]) {
        task.await.unwrap();
    }
    let (cases, parts) = replay(&bed.store.wrote());
    assert_eq!(cases, won, "every acknowledged command was written");
    assert!(parts > 0, "no part was put");
    Arc::into_inner(bed).unwrap().end().await;
}

/// Opens cases on things and edits them, which computes again what stands in the row; how many times it worked.
async fn commands(bed: Arc<Bed>, number: usize, rounds: usize) -> usize {
    let mut won = 0;
    while won < rounds {
        let thing = if (number + won).is_multiple_of(2) { "A" } else { "B" };
        let opened = bed.ask(Ask::open("priced", json!({ "thing": thing }))).await;
        let Some(opened) = unless_gone(opened) else { continue };
        let edit = Ask::edit(told(&opened).id, json!({ "note": format!("{won}") }));
        won += 1 + usize::from(unless_gone(bed.ask(edit).await).is_some());
    }
    won
}

/// A refusal is right when the row is gone.
fn unless_gone<T>(reply: Result<T, Failure>) -> Option<T> {
    match reply {
        Ok(reply) => Some(reply),
        Err(Failure::Refused(_)) => None,
        Err(failure) => panic!("{failure:?}"),
    }
}

/// Puts new editions of a thing, and takes it away every third time.
async fn changes(bed: Arc<Bed>, thing: &'static str, ended: Arc<AtomicBool>) {
    for edition in 1.. {
        bed.put_thing(thing, edition).await;
        if edition % 3 == 0 {
            bed.runtime.remove_row("things", thing).await.unwrap();
        } else if ended.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// Puts rows that refer to a thing.
async fn parts(bed: Arc<Bed>, ended: Arc<AtomicBool>) {
    while !ended.load(Ordering::SeqCst) {
        let row = json!({ "code": "p", "thing": "A" });
        match bed.runtime.put_rows("parts", vec![(1, row.as_object().unwrap().clone())]).await {
            Ok(_) | Err(Failure::BadRows(_)) => {}
            Err(failure) => panic!("{failure:?}"),
        }
    }
}

/// Goes through everything that was written, in order, and checks it against the rows of that moment. How many
/// commands and parts there were.
fn replay(wrote: &[Wrote]) -> (usize, usize) {
    let mut things: BTreeMap<Name, String> = BTreeMap::new();
    let (mut cases, mut parts) = (0, 0);
    for wrote in wrote {
        match wrote {
            Wrote::Rows { table, put, remove } if &**table == "things" => {
                remove.iter().for_each(|key| drop(things.remove(key)));
                let put =
                    put.iter().map(|(key, row)| (Name::clone(key), row.get("edition").unwrap().to_json().to_string()));
                things.extend(put);
            }
            Wrote::Rows { put, .. } => {
                for (_, row) in put {
                    assert!(things.contains_key(row.text("thing").unwrap()), "a part of a thing that is gone");
                    parts += 1;
                }
            }
            Wrote::Case(case) => {
                let now = things.get(case.fields.text("thing").unwrap());
                let seen = case.fields.get("edition").map(|seen| seen.to_json().to_string());
                assert_eq!(seen.as_ref(), now, "{} was decided on a row that was gone", case.number);
                cases += 1;
            }
        }
    }
    (cases, parts)
}
