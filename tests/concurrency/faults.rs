//! The store fails or loses power between the decision and the answer: keys stay exact.

use std::sync::Arc;
use std::time::Duration;

use gendan::runtime::{Failure, Reply};
use gendan::store::{Fault, Memory, Scan, Store as _};
use serde_json::json;

use crate::bed::{Ask, Bed, block_on, told};

fn ask() -> Ask {
    Ask::open("lot", json!({ "mark": "only" })).under("k", "f")
}

/// The one case there is, which both replies are about.
fn one(store: &Memory, replies: &[Reply]) {
    let cases = store.scan(&Scan { limit: 10, ..Scan::default() }).unwrap();
    assert_eq!(cases.len(), 1, "cases");
    assert!(replies.iter().all(|reply| told(reply).id == cases[0]), "all are about it");
    assert_eq!(store.history(cases[0], 0, 10).unwrap().len(), 1, "events");
    assert!(store.verify(&mut |_, _| ()).unwrap().is_empty());
}

/// The request fails; it is sent again before the power goes, after it, or both.
#[test]
fn a_failed_commit_and_its_repetition_have_one_effect() {
    let check = async |fault: Fault, before: bool, crash: bool| {
        let memory = Arc::new(Memory::new());
        let bed = Bed::over(Arc::clone(&memory) as _, None);
        memory.fault(1, fault);
        let failed = bed.ask(ask()).await;
        assert!(matches!(failed, Err(Failure::Store)), "{failed:?}");
        assert!(bed.runtime.ready().is_err(), "the store could not write");
        // Nothing is sent to who is not ready, so that must end by itself.
        bed.clock.advance(Duration::from_secs(10));
        assert!(bed.runtime.ready().is_ok(), "it may be tried again");
        let mut replies = Vec::new();
        if before {
            replies.push(bed.ask(ask()).await.unwrap());
        }
        bed.runtime.stop();
        let memory = if crash { Arc::new(memory.crash().unwrap()) } else { memory };
        let bed = Bed::over(Arc::clone(&memory) as _, None);
        for _ in 0..2 {
            replies.push(bed.ask(ask()).await.unwrap());
        }
        assert!(replies.last().unwrap().replayed);
        one(&memory, &replies);
        bed.end().await;
    };
    block_on(async {
        for fault in [Fault::Fail, Fault::Tear] {
            for before in [false, true] {
                check(fault, before, false).await;
                check(fault, before, true).await;
            }
        }
    });
}

/// The answer was lost on its way, and the power went.
#[test]
fn what_was_acknowledged_is_answered_again_after_the_power_went() {
    block_on(async {
        let memory = Arc::new(Memory::new());
        let bed = Bed::over(Arc::clone(&memory) as _, None);
        let first = bed.ask(ask()).await.unwrap();
        let after = Arc::new(memory.crash().unwrap());
        bed.runtime.stop();
        let bed = Bed::over(Arc::clone(&after) as _, None);
        let again = bed.ask(ask()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.answer.body, first.answer.body);
        one(&after, &[first, again]);
        bed.end().await;
    });
}

/// Power goes while many commands race and some of their groups tear: whoever was told a success still has it, and
/// who repeats under its key gets one effect.
#[test]
fn nothing_acknowledged_is_lost_among_faults() {
    let check = async |seed: u64| {
        let memory = Arc::new(Memory::new());
        let bed = Arc::new(Bed::over(Arc::clone(&memory) as _, None));
        for (step, fault) in [Fault::Tear, Fault::Fail, Fault::Tear].into_iter().enumerate() {
            memory.fault(1 + (seed >> step) % 4 + 2 * step as u64, fault);
        }
        let ask = |client: usize| Ask::open("lot", json!({})).under(&format!("k{client}"), "f");
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..40 {
            let (bed, ask) = (Arc::clone(&bed), ask(client));
            tasks.spawn(async move { (client, bed.ask(ask).await) });
        }
        let first = tasks.join_all().await;
        let after = Arc::new(memory.crash().unwrap());
        bed.runtime.stop();
        let bed = Bed::over(Arc::clone(&after) as _, None);
        let mut failures = 0;
        for (client, reply) in first {
            let again = bed.ask(ask(client)).await.unwrap();
            match reply {
                Ok(reply) => assert_eq!((again.replayed, told(&again)), (true, told(&reply)), "seed {seed}"),
                Err(Failure::Store) => failures += 1,
                Err(failure) => panic!("seed {seed}: {failure:?}"),
            }
        }
        assert_eq!(after.scan(&Scan { limit: 100, ..Scan::default() }).unwrap().len(), 40, "seed {seed}");
        bed.end().await;
        failures
    };
    block_on(async {
        let mut failures = 0;
        for seed in 0..32 {
            failures += check(seed).await;
        }
        assert!(failures > 0, "no group failed");
    });
}

/// What waits together is written together, unless something in it is too large: then that fails, alone.
#[test]
fn who_is_too_large_fails_alone() {
    block_on(async {
        let memory = Arc::new(Memory::new());
        let bed = Arc::new(Bed::over(Arc::clone(&memory) as _, None));
        memory.fault(1, Fault::Stall);
        let (decided, all_decided) = std::sync::mpsc::channel();
        let mut tasks = tokio::task::JoinSet::new();
        let ahead = Arc::clone(&bed);
        tasks.spawn(async move { ("small", ahead.ask(Ask::open("lot", json!({}))).await) });
        while !memory.stalled() {
            tokio::task::yield_now().await;
        }
        for note in ["small", "small", "large", "small", "small"] {
            let (bed, decided) = (Arc::clone(&bed), decided.clone());
            let ask = Ask::open("lot", json!({ "note": note })).watched(move |_| decided.send(()).unwrap());
            tasks.spawn(async move { (note, bed.ask(ask).await) });
        }
        for _ in 0..5 {
            all_decided.recv().unwrap();
        }
        memory.resume();
        for (note, reply) in tasks.join_all().await {
            assert_eq!(reply.is_ok(), note == "small", "{note}: {reply:?}");
        }
        assert!(bed.runtime.ready().is_ok(), "the store is well");
        assert_eq!(bed.store.wrote().len(), 5);
    });
}

/// A store that panics takes the committer with it: nobody is told a success, and the server says that it is not
/// ready.
#[test]
fn a_store_that_panics_is_reported() {
    block_on(async {
        let bed = Bed::over(Arc::new(Memory::new()), None);
        bed.ask(Ask::open("lot", json!({}))).await.unwrap();
        bed.store.panic();
        let failed = bed.ask(ask()).await;
        assert!(matches!(failed, Err(Failure::Store)), "{failed:?}");
        let failed = bed.ask(ask()).await;
        assert!(matches!(failed, Err(Failure::Overloaded | Failure::Store)), "{failed:?}");
        assert!(bed.runtime.ready().is_err());
        bed.clock.advance(Duration::from_secs(3_600));
        assert!(bed.runtime.ready().is_err(), "it never comes back");
        bed.runtime.stop();
    });
}
