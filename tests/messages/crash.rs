//! Stops in the middle: nothing is lost, what is sent twice has one id, and what was sent is not sent again.

use std::sync::Arc;

use gendan::store::{Ledger, Shared, Wanted};

use crate::bed::{Bed, ann, channels};
use crate::hook::Hook;
use crate::smtp::{Mood, Smtp};

fn ids(smtp: &Smtp) -> Vec<String> {
    let id = |text: &str| text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    smtp.taken().iter().map(|(_, text)| id(text)).collect()
}

#[tokio::test]
async fn a_stop_between_sending_and_its_record_sends_again_under_the_same_id() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let case = bed.open(ann()).await;
    bed.take(case, "mail").await;
    smtp.mood(Mood::Hangs);
    let dispatcher = bed.dispatcher();
    let sending = tokio::spawn(async move { dispatcher.round().await.map(drop) });
    smtp.heard().await;
    sending.abort();
    drop(sending.await);
    let Bed { store, clock, channels, definitions, runtime } = bed;
    runtime.stop();
    smtp.mood(Mood::Takes);
    let bed = Bed::over(store, clock, channels, definitions);
    bed.round().await;
    let ids = ids(&smtp);
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(bed.pending().await, []);
    bed.sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_sent_after_a_restart_and_what_was_sent_is_not() {
    let (smtp, hook) = (Smtp::start().await, Hook::start().await);
    let first = Bed::start(channels(Some(&smtp), Some(&hook)));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = |applier| -> Shared { Arc::new(Ledger::open(&data, applier).unwrap()) };
    let Bed { clock, channels, definitions, .. } = first;
    let bed = Bed::over(store(true), clock.clone(), channels.clone(), Arc::clone(&definitions));
    let case = bed.open(ann()).await;
    bed.take(case, "all").await;
    bed.round().await;
    assert_eq!((smtp.taken().len(), hook.taken().len()), (1, 2));
    hook.answers(500);
    bed.take(case, "all").await;
    bed.round().await;
    let before = everything(&bed).await;
    bed.take(case, "mail").await;
    bed.runtime.stop();
    drop(bed);
    // The state is lost as a whole; the journal has it all.
    std::fs::remove_dir_all(data.join("state")).unwrap();
    let bed = Bed::over(store(true), clock, channels, definitions);
    let after = everything(&bed).await;
    let old: Vec<&str> = after.lines().filter(|line| *line != "mail email ann@example.com pending after 0").collect();
    assert_eq!(old.join("\n"), before);
    bed.sound().await;
    hook.answers(200);
    bed.wait(3_600);
    bed.round().await;
    assert_eq!(bed.pending().await, []);
    let ids = ids(&smtp);
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{ids:?}");
    bed.sound().await;
    assert!(bed.definitions().exists());
}

async fn everything(bed: &Bed) -> String {
    let lists = [Wanted::Dead(None), Wanted::Sent(None), Wanted::Pending(None)];
    let mut all = Vec::new();
    for wanted in lists {
        all.push(bed.list(wanted).await);
    }
    all.join("\n---\n").trim_end().to_owned()
}

#[tokio::test]
async fn a_dispatcher_that_runs_sends_by_itself_and_ends_when_it_is_stopped() {
    let smtp = Smtp::start().await;
    let bed = Bed::start(channels(Some(&smtp), None));
    let dispatcher = bed.dispatcher();
    let running = tokio::spawn(dispatcher.clone().run());
    let case = bed.open(ann()).await;
    bed.take(case, "mail").await;
    smtp.heard().await;
    dispatcher.stop();
    running.await.unwrap();
    assert_eq!(bed.list(Wanted::Sent(None)).await, "mail email ann@example.com sent after 1");
}
