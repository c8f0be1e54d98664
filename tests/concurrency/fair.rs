//! Who loses races is decided again, alone in the end, and not for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gendan::model::limit::{DECIDE_RETRIES_MAX, LOSSES_BESIDE_MAX};
use gendan::runtime::Failure;
use gendan::store::{Fault, Memory};
use serde_json::json;

use crate::bed::{Ask, Bed, Kind, block_on, told};

#[test]
fn a_loser_is_decided_again_so_many_times() {
    let check = async |losses: usize, wins: bool| {
        let bed = Bed::new(Kind::Memory);
        bed.store.let_lose(losses);
        let decided = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&decided);
        let ask = Ask::open("lot", json!({})).watched(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let reply = bed.ask(ask).await;
        match reply {
            // Its number is the first one: lost races use none.
            Ok(reply) => assert_eq!((wins, told(&reply).place), (true, 1), "{losses} losses"),
            Err(Failure::Overloaded) => assert!(!wins, "{losses} losses"),
            Err(failure) => panic!("{losses} losses: {failure:?}"),
        }
        assert_eq!(decided.load(Ordering::SeqCst), (losses + 1).min(DECIDE_RETRIES_MAX + 1));
        bed.end().await;
    };
    block_on(async {
        check(0, true).await;
        check(1, true).await;
        check(LOSSES_BESIDE_MAX, true).await;
        check(DECIDE_RETRIES_MAX, true).await;
        check(DECIDE_RETRIES_MAX + 1, false).await;
        check(DECIDE_RETRIES_MAX + 100, false).await;
    });
}

/// A row changes whenever the command has been decided. As long as the command goes beside others it loses; alone
/// it wins, and the change that came in between waits until it is through.
#[test]
fn who_keeps_losing_goes_alone_and_wins() {
    block_on(async {
        let bed = Arc::new(Bed::new(Kind::Memory));
        bed.put_thing("A", 0).await;
        let (decided, changes) = mpsc::channel();
        let (changed, go_on) = mpsc::channel::<()>();
        let go_on = std::sync::Mutex::new(go_on);
        let (tokio, changing) = (tokio::runtime::Handle::current(), Arc::clone(&bed));
        let change = move |edition| {
            tokio.block_on(changing.put_thing("A", edition));
            // Nobody waits for the change that came while the command was alone.
            let _ = changed.send(());
        };
        let changer = std::thread::spawn(move || changes.iter().for_each(change));
        let rounds = AtomicUsize::new(0);
        let ask = Ask::open("priced", json!({ "thing": "A" })).watched(move |done| {
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            decided.send(i64::try_from(round).unwrap() + 1).unwrap();
            let waited = go_on.lock().unwrap().recv_timeout(Duration::from_millis(200));
            // Alone: the change has to wait for this command, however long.
            assert_eq!(waited.is_ok(), round < LOSSES_BESIDE_MAX, "in round {round}");
            assert_eq!(done.case.fields.get("edition").unwrap().to_json().to_string(), round.to_string());
        });
        bed.ask(ask).await.unwrap();
        tokio::task::spawn_blocking(move || changer.join().unwrap()).await.unwrap();
        let row = bed.runtime.row("things", "A").unwrap();
        assert_eq!(row.get("edition").unwrap().to_json().to_string(), (LOSSES_BESIDE_MAX + 1).to_string());
    });
}

/// A change of a row is on its way to the disk while a command is decided on the row as it was.
#[test]
fn what_was_decided_on_a_row_that_is_changing_is_decided_again() {
    block_on(async {
        let memory = Arc::new(Memory::new());
        let bed = Arc::new(Bed::over(Arc::clone(&memory) as _, None));
        bed.put_thing("A", 1).await;
        bed.put_thing("B", 1).await;
        memory.fault(1, Fault::Stall);
        let changing = tokio::spawn({
            let bed = Arc::clone(&bed);
            async move { bed.put_thing("A", 2).await }
        });
        while !memory.stalled() {
            tokio::task::yield_now().await;
        }
        let (seen, editions) = mpsc::channel();
        let ask = |thing: &str| {
            let seen = seen.clone();
            let note = move |done: &gendan::runtime::Done| {
                let fields = &done.case.fields;
                seen.send((
                    fields.text("thing").unwrap().to_owned(),
                    fields.get("edition").unwrap().to_json().to_string(),
                ))
                .unwrap();
            };
            let (bed, ask) = (Arc::clone(&bed), Ask::open("priced", json!({ "thing": thing })).watched(note));
            tokio::spawn(async move { bed.ask(ask).await })
        };
        let (on_a, on_b) = (ask("A"), ask("B"));
        let mut first = [editions.recv().unwrap(), editions.recv().unwrap()];
        first.sort();
        assert_eq!(first, [("A".into(), "1".into()), ("B".into(), "1".into())]);
        memory.resume();
        changing.await.unwrap();
        on_a.await.unwrap().unwrap();
        on_b.await.unwrap().unwrap();
        // The requests are over, and with this the last of those who tell.
        drop(seen);
        let again: Vec<_> = editions.iter().collect();
        assert_eq!(again, [("A".to_owned(), "2".to_owned())], "only who has seen the row is decided again");
    });
}
