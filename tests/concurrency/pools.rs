//! Many cases want the same pool: exactly what is there is granted, and who waits gets what comes.

use std::sync::Arc;

use gendan::model::{Attachment, CaseId, Name, TaskStep};
use gendan::runtime::{Failure, Want};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::bed::{Ask, Bed, Kind, block_on, told};

/// Cases that race for one pool.
const CLIENTS: usize = 200;

async fn put(bed: &Bed, on_hand: &str) {
    let resource = bed.runtime.resource("seats").unwrap();
    let row = json!({ "key": "A", "on_hand": on_hand });
    bed.runtime.put_pools(&resource, vec![(1, row.as_object().unwrap().clone())]).await.unwrap();
}

/// What is on hand and what is held of the pool.
fn stand(bed: &Bed) -> (String, String) {
    let resource = bed.runtime.resource("seats").unwrap();
    let pool = bed.runtime.pool(&resource, "A").unwrap();
    (pool.on_hand(resource.default).to_string(), pool.held.to_string())
}

fn places(counts: &[i64]) -> Json {
    let rows: Json = counts.iter().map(|count| json!({ "thing": "A", "count": count })).collect();
    json!({ "places": rows })
}

async fn open(bed: &Bed, counts: &[i64]) -> CaseId {
    told(&bed.ask(Ask::open("trip", places(counts))).await.unwrap()).id
}

async fn stage(bed: &Bed, id: CaseId) -> Name {
    Name::clone(&bed.runtime.case(&id.to_string()).await.unwrap().stage)
}

/// Takes a transition; says whether it was refused because there is not enough.
async fn take(bed: &Bed, id: CaseId, transition: &str) -> bool {
    match bed.ask(Ask::take(id, transition)).await {
        Ok(_) => false,
        Err(Failure::Refused(refusal)) => {
            assert_eq!(&*refusal.reasons[0].code, "short");
            true
        }
        Err(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn exactly_what_is_there_is_granted() {
    block_on(async {
        race(Kind::Memory).await;
        race(Kind::Sled).await;
    });
}

/// Each wants one or two of 150; some of those who get something use it up or give it back meanwhile.
async fn race(kind: Kind) {
    let bed = Arc::new(Bed::new(kind));
    bed.put_thing("A", 1).await;
    put(&bed, "150").await;
    let mut tasks = JoinSet::new();
    for number in 0..CLIENTS {
        let bed = Arc::clone(&bed);
        tasks.spawn(async move {
            let counts: &[i64] = if number % 3 == 0 { &[1, 1] } else { &[1] };
            let id = open(&bed, counts).await;
            if take(&bed, id, "book").await {
                return (0, 0);
            }
            let got = i64::try_from(counts.len()).unwrap();
            match number % 10 {
                0 => assert!(!take(&bed, id, "ride").await),
                1 => assert!(!take(&bed, id, "drop").await),
                _ => return (got, 0),
            }
            (0, if number % 10 == 0 { got } else { 0 })
        });
    }
    let sums = tasks.join_all().await.into_iter().fold((0, 0), |sum, got| (sum.0 + got.0, sum.1 + got.1));
    assert_eq!(stand(&bed), ((150 - sums.1).to_string(), sums.0.to_string()));
    // Nobody was refused what was there: what is left is less than anybody could have wanted, or given back late.
    let left = 150 - sums.1 - sums.0;
    let late = open(&bed, &[left + 1]).await;
    assert!(take(&bed, late, "book").await);
    if left > 0 {
        let rest = open(&bed, &[left]).await;
        assert!(!take(&bed, rest, "book").await);
    }
    assert_eq!(stand(&bed).1, (150 - sums.1).to_string());
    Arc::into_inner(bed).unwrap().end().await;
}

#[test]
fn the_cases_of_one_command_race_for_a_pool_as_one() {
    block_on(async {
        parties(Kind::Memory).await;
        parties(Kind::Sled).await;
    });
}

/// Each party is two cases that one command opens, and they get seats both or not at all.
async fn parties(kind: Kind) {
    let bed = Arc::new(Bed::new(kind));
    bed.put_thing("A", 1).await;
    put(&bed, "100").await;
    let mut tasks = JoinSet::new();
    for number in 0..60_i64 {
        let bed = Arc::clone(&bed);
        tasks.spawn(async move {
            let wanted = [1 + number % 3, 1];
            let id = told(&bed.ask(Ask::open("party", places(&wanted))).await.unwrap()).id;
            if take(&bed, id, "go").await {
                return (0, id);
            }
            if number % 5 == 0 {
                assert!(!take(&bed, id, "swap").await, "what its own guests give back is theirs to take");
            }
            (wanted.iter().sum(), id)
        });
    }
    let told = tasks.join_all().await;
    let got: i64 = told.iter().map(|(got, _)| got).sum();
    assert_eq!(stand(&bed), ("100".to_owned(), got.to_string()));
    assert!((98..=100).contains(&got), "{got}: whoever was refused wanted more than was left");
    for (got, id) in told {
        let party = bed.runtime.case(&id.to_string()).await.unwrap();
        let mut held = Vec::new();
        for guest in party.kin.children("guests") {
            held.push(bed.runtime.case(&guest.case.to_string()).await.unwrap().held.quantity("seats", "A"));
        }
        let held = held.into_iter().sum::<rust_decimal::Decimal>();
        assert_eq!(held, got.into(), "{}", party.number);
    }
    Arc::into_inner(bed).unwrap().end().await;
}

#[test]
fn who_waits_longest_gets_what_comes_first() {
    block_on(async {
        let bed = Bed::new(Kind::Memory);
        bed.put_thing("A", 1).await;
        put(&bed, "1").await;
        let mut waiting = Vec::new();
        for count in [3, 2, 2, 1] {
            let id = open(&bed, &[count]).await;
            take(&bed, id, "queue").await;
            bed.clock.advance(std::time::Duration::from_secs(1));
            waiting.push(id);
        }
        let stages = async || {
            bed.runtime.quiet();
            let mut stages = Vec::new();
            for id in &waiting {
                stages.push(stage(&bed, *id).await.to_string());
            }
            stages.join(" ")
        };
        // The last one found what it wanted there at once.
        assert_eq!(stages().await, "queued queued queued booked");
        put(&bed, "2").await;
        assert_eq!(stages().await, "queued queued queued booked");
        put(&bed, "4").await;
        assert_eq!(stages().await, "booked queued queued booked");
        // What somebody gives back at the end comes to who waits; what is used up does not.
        take(&bed, waiting[3], "ride").await;
        assert_eq!(stages().await, "booked queued queued over");
        take(&bed, waiting[0], "drop").await;
        assert_eq!(stages().await, "over booked queued over");
        assert_eq!(stand(&bed), ("3".to_owned(), "2".to_owned()));
        bed.end().await;
    });
}

#[test]
fn who_waited_when_the_process_ended_is_woken_by_the_next_one() {
    block_on(async {
        let store = Arc::new(gendan::store::Memory::new());
        let bed = Bed::over(Arc::clone(&store) as gendan::store::Shared, None);
        bed.put_thing("A", 1).await;
        put(&bed, "1").await;
        let id = open(&bed, &[3]).await;
        take(&bed, id, "queue").await;
        bed.runtime.stop();
        // What came in just before the end, and nobody was told of.
        let set = gendan::store::PoolSet { on_hand: Some("3".parse().unwrap()), arrivals: None };
        let item = gendan::store::Item::Pools { resource: "seats".into(), put: vec![("A".into(), set)] };
        gendan::store::Store::commit(&*store, vec![item]).unwrap();
        let next = Bed::over(store, None);
        next.runtime.quiet();
        assert_eq!(&*stage(&next, id).await, "booked");
        next.end().await;
    });
}

/// What somebody does beside a case that waits does not take it out of the line.
#[test]
fn who_waits_goes_on_waiting_whatever_happens_beside_it() {
    block_on(async {
        let bed = Bed::new(Kind::Memory);
        bed.put_thing("A", 1).await;
        let sha256 = "a".repeat(64).as_str().into();
        let attachment = Attachment { sha256, name: "plan".into(), media_type: "text/plain".into(), bytes: 1 };
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let id = open(&bed, &[1]).await;
            take(&bed, id, "queue").await;
            waiting.push(id);
        }
        let id = |place: usize| waiting[place];
        take(&bed, id(0), "leave").await;
        for want in [
            Want::Approve { id: id(0), approve: true, comment: None },
            Want::Task { id: id(1), task: "watch".into(), step: TaskStep::Claim },
            Want::Attach { id: id(2), attachment },
            Want::Comment { id: id(3), text: "wait".into() },
        ] {
            bed.ask(Ask::new(want).by("bob")).await.unwrap();
        }
        put(&bed, "5").await;
        bed.runtime.quiet();
        for id in waiting {
            assert_eq!(&*stage(&bed, id).await, "booked");
        }
        bed.end().await;
    });
}
