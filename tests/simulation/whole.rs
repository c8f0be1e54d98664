//! The whole engine under people, time and trouble, as seeds decide them: commands of several people, one after the
//! other and at the same time; a clock that jumps and is set back; definitions that change; messages to a peer that
//! fails; and a machine that stops at any step by which something comes to stay.
//!
//! The log that comes of it is judged by a second telling of the definitions (`facts.rs`), which knows nothing of the
//! engine: what was acknowledged is there once; nothing is held twice, and nobody waits for what is there; clocks,
//! timed transitions and schedules come once for each moment and never before it (R130); each message has one cause and one
//! id, and has come; nobody did what four eyes keep from them.
//!
//! `GENDAN_SEEDS` says how many seeds there are (1,000), `GENDAN_SEED` which one is played instead. Threads race in
//! earnest, so a seed that has failed is played some times before it is taken for sound.

#[path = "whole/bed.rs"]
mod bed;
#[path = "whole/book.rs"]
mod book;
#[path = "whole/clocks.rs"]
mod clocks;
#[path = "whole/days.rs"]
mod days;
#[path = "whole/duties.rs"]
mod duties;
#[path = "whole/facts.rs"]
mod facts;
#[path = "whole/follows.rs"]
mod follows;
#[path = "whole/holds.rs"]
mod holds;
#[path = "whole/hook.rs"]
mod hook;
#[path = "whole/kept.rs"]
mod kept;
#[path = "whole/kin.rs"]
mod kin;
#[path = "whole/play.rs"]
mod play;
#[path = "whole/script.rs"]
mod script;
#[path = "whole/timed.rs"]
mod timed;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::crash::number_from_environment;
use play::{Counts, Play};

/// Lines of the story of a seed that has failed.
const STORY_LINES: usize = 30;
/// How often a seed is played that is asked for by itself.
const AGAIN: usize = 10;

/// Plays a seed.
fn play(seed: u64) -> Result<Counts, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut play = Play::new(seed);
    let held = runtime.block_on(play.live());
    held.map_err(|wrong| story(seed, &play, &wrong)).map(|()| play.counts)
}

/// What went wrong, what went before, and what the log says of the case that it is about.
fn story(seed: u64, play: &Play, wrong: &str) -> String {
    let from = play.story.len().saturating_sub(STORY_LINES);
    let mut lines = vec![format!("GENDAN_SEED={seed}: {wrong}"), "It went like this:".to_owned()];
    lines.extend_from_slice(&play.story[from..]);
    let about =
        play.book.lives.values().find(|life| wrong.contains(&life.number) || wrong.contains(&life.id.to_string()));
    if let Some(life) = about {
        lines.push(format!("The log of {}:", life.number));
        for logged in play.book.log.iter().filter(|logged| logged.case == life.id) {
            let recorded = &logged.recorded;
            let mut event = format!("{:?}", recorded.event);
            event.truncate(event.floor_char_boundary(160));
            lines.push(format!("{} {} {}: {event}", recorded.version, recorded.at, recorded.by));
        }
    }
    lines.join("\n")
}

fn add(sum: &mut Counts, more: Counts) {
    sum.commands += more.commands;
    sum.events += more.events;
    sum.crashes += more.crashes;
    sum.races += more.races;
    sum.grants += more.grants;
    sum.rungs += more.rungs;
    sum.timed += more.timed;
    sum.agreements += more.agreements;
    sum.messages += more.messages;
    sum.again += more.again;
    sum.changes += more.changes;
}

/// Plays seeds on several threads until one fails.
fn play_all(seeds: u64) -> Counts {
    let (next, wrong, sum) = (AtomicU64::new(1), Mutex::new(None), Mutex::new(Counts::default()));
    let threads = thread::available_parallelism().map_or(2, NonZeroUsize::get) * 2;
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed > seeds {
                return;
            }
            match play(seed) {
                Ok(counts) => add(&mut sum.lock().unwrap(), counts),
                Err(story) => {
                    next.store(u64::MAX / 2, Ordering::SeqCst);
                    wrong.lock().unwrap().get_or_insert(story);
                }
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    if let Some(story) = wrong.into_inner().unwrap() {
        panic!("{story}");
    }
    sum.into_inner().unwrap()
}

#[test]
fn everything_holds_whatever_people_time_and_trouble_do() {
    if let Some(seed) = number_from_environment("GENDAN_SEED") {
        for _ in 0..AGAIN {
            let counts = play(seed).unwrap_or_else(|story| panic!("{story}"));
            println!("{counts:?}");
        }
        return;
    }
    let seeds = number_from_environment("GENDAN_SEEDS").unwrap_or(1_000);
    let counts = play_all(seeds);
    println!("{seeds} seeds: {counts:#?}");
    let Counts { crashes, races, grants, rungs, timed, agreements, messages, again, changes, .. } = counts;
    let each = [crashes, races, grants, rungs, timed, agreements, messages, again, changes];
    assert!(each.iter().all(|count| *count >= seeds / 8), "hardly anything happens: {counts:?}");
}
