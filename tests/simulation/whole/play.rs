//! One life of a server, as a seed decides it: people, time and trouble, one step after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gendan::model::absence::Absence;
use gendan::model::{Name, Timestamp};
use gendan::runtime::{Done, Failure, Reply, Request, Retry, Runtime};
use gendan::store::{Answer, Fault, Store as _, Wanted};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::dice::Dice;
use crate::whole::bed::{self, Bed};
use crate::whole::book::{Book, Held};
use crate::whole::days::{DAY, HOUR, MINUTE};
use crate::whole::facts::{self, THINGS};
use crate::whole::hook::hook;
use crate::whole::kept::Fate;
use crate::whole::script::{self, Sent};
use crate::work::{self, Restart};

/// Steps of a life.
const STEPS: u64 = 36;
/// Looks until nothing is due any more.
const LOOKS_MAX: usize = 60;
/// How long it is waited for a command in a race to be decided.
const YIELDS_MAX: usize = 20_000;

/// What happened in a life.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commands: u64,
    pub(crate) events: u64,
    pub(crate) crashes: u64,
    pub(crate) races: u64,
    pub(crate) grants: u64,
    pub(crate) rungs: u64,
    pub(crate) timed: u64,
    pub(crate) agreements: u64,
    pub(crate) messages: u64,
    pub(crate) again: u64,
    pub(crate) changes: u64,
}

/// A life that is lived.
pub(crate) struct Play {
    seed: u64,
    bed: Bed,
    pub(crate) book: Book,
    pub(crate) story: Vec<String>,
    commands: u64,
    /// Commands of which nobody knows what became, for the process has ended.
    unknown: Vec<Sent>,
    pub(crate) counts: Counts,
}

/// What came of a command.
type Came = Result<Reply, Failure>;

fn request(sent: &Sent, dry_run: bool) -> Request {
    let key = format!("k{}", sent.number).as_str().into();
    let retry = Some(Retry { key, fingerprint: "f".into() });
    Request { actor: facts::actor(sent.user), want: sent.want.clone(), expected: None, retry, dry_run }
}

fn answer(done: &Done) -> Answer {
    let body = format!("{} {} {}", done.case.number, done.case.version, done.events.len()).as_str().into();
    Answer { fingerprint: "".into(), at: Timestamp(0), status: 200, headers: Vec::new(), body }
}

impl Play {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            bed: Bed::new(seed, seed.is_multiple_of(4)),
            book: Book::new(bed::later()),
            story: Vec::new(),
            commands: 0,
            unknown: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Lives to the end.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) async fn live(&mut self) -> Held {
        self.start().await?;
        self.fill().await?;
        for number in 0..STEPS {
            let mut dice = Dice(self.seed.wrapping_mul(1_000_003).wrapping_add(number));
            if dice.one_in(7) {
                let nth = 1 + dice.below(12);
                self.bed.machine.steps().stop_at(nth);
            }
            self.step(&mut dice).await?;
            self.bed.runtime().quiet();
            if self.bed.stopped() {
                self.restart(work::restart(&mut dice)).await?;
            }
            self.settled()?;
        }
        self.end().await
    }

    fn say(&mut self, what: &str) {
        let now = Timestamp(self.bed.now());
        self.story.push(format!("{now} {what}"));
    }

    /// What must hold between two steps.
    fn settled(&mut self) -> Held {
        self.bed.runtime().quiet();
        if self.bed.stopped() {
            return Ok(());
        }
        self.book.read(self.bed.store())?;
        self.book.settled(self.bed.store())
    }

    async fn step(&mut self, dice: &mut Dice) -> Held {
        match dice.below(100) {
            0..=7 => {
                let sent = script::open(dice, self.next());
                self.send(sent).await
            }
            8..=54 => self.command(dice).await,
            55..=61 => self.race(dice).await,
            62..=79 => self.pass(dice).await,
            80..=82 => {
                let most = if dice.one_in(3) { 12 * HOUR } else { 90 * MINUTE };
                let back = MINUTE + i64::try_from(dice.below(most.unsigned_abs())).unwrap();
                self.bed.advance(-back);
                self.say("the clock is set back to then");
                if dice.one_in(2) { self.sweep().await } else { Ok(()) }
            }
            83..=87 => self.put(dice).await,
            88..=91 => self.round(dice).await,
            92 | 93 => self.change().await,
            94 => {
                let Restart { seed, damage, .. } = work::restart(dice);
                self.restart(Restart { kill: true, seed, damage }).await
            }
            95 | 96 => self.leave(dice).await,
            _ => {
                // What fails here is found by the next start.
                let _settled = self.bed.store().settle();
                let _archived = self.bed.store().archive(dice.place(2));
                Ok(())
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.commands += 1;
        self.commands
    }

    /// Rows of the tables, what is on hand, and the first cases.
    async fn fill(&mut self) -> Held {
        let rows = THINGS.iter().enumerate().map(|(line, code)| (line, json!({ "code": code })));
        let rows = rows.map(|(line, row)| (line + 1, row.as_object().unwrap().clone())).collect();
        self.bed.runtime().put_rows("things", rows).await.map_err(|failure| format!("{failure:?}"))?;
        let mut dice = Dice(self.seed);
        for thing in THINGS {
            self.set(thing, dice.below(7)).await?;
        }
        for _ in 0..3 {
            let sent = script::open(&mut dice, self.next());
            self.send(sent).await?;
            let number = self.next();
            if let Some(sent) = script::next(&mut dice, &self.book, self.bed.now(), number) {
                self.send(sent).await?;
            }
            self.settled()?;
        }
        Ok(())
    }

    async fn command(&mut self, dice: &mut Dice) -> Held {
        let number = self.next();
        let Some(sent) = script::next(dice, &self.book, self.bed.now(), number) else { return Ok(()) };
        if dice.one_in(10) {
            return self.only_judge(sent).await;
        }
        let again = dice.one_in(12);
        self.send(sent.clone()).await?;
        if again && !self.bed.stopped() { self.send_again(&sent).await } else { Ok(()) }
    }

    /// Sends a command, and keeps what came of it.
    async fn send(&mut self, sent: Sent) -> Held {
        let came = self.bed.runtime().execute(request(&sent, false), Box::new(answer)).await;
        self.came(sent, came)
    }

    fn came(&mut self, sent: Sent, came: Came) -> Held {
        self.counts.commands += 1;
        let (fate, told) = match &came {
            Ok(reply) if reply.answer.body.ends_with(" 0") => (Fate::Nothing, "nothing".to_owned()),
            Ok(reply) => (Fate::Done, reply.answer.body.to_string()),
            Err(Failure::Refused(refusal)) => {
                let codes: Vec<&str> = refusal.reasons.iter().map(|reason| &*reason.code).collect();
                (Fate::Nothing, codes.join(" "))
            }
            Err(_) if self.bed.stopped() => (Fate::Unknown, "nobody knows".to_owned()),
            Err(failure) => return Err(format!("{}: {failure:?}", script::told(&sent, &self.book))),
        };
        let what = format!("{}: {told}", script::told(&sent, &self.book));
        self.say(&what);
        if script::marks(&sent) {
            self.book.kept.told(sent.number, fate);
        }
        if fate == Fate::Unknown {
            self.unknown.push(sent);
        }
        Ok(())
    }

    /// A command that was sent before is answered as it was, and nothing happens.
    async fn send_again(&mut self, sent: &Sent) -> Held {
        self.bed.runtime().quiet();
        let before = self.bed.store().position();
        let again = self.bed.runtime().execute(request(sent, false), Box::new(answer)).await;
        let after = self.bed.store().position();
        match again {
            Ok(reply) if !reply.replayed && after != before => Err(format!("#{} was done twice", sent.number)),
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(_) if self.bed.stopped() => Ok(()),
            Err(failure) => Err(format!("#{} again: {failure:?}", sent.number)),
        }
    }

    /// A command that is only judged: nothing happens.
    async fn only_judge(&mut self, sent: Sent) -> Held {
        self.bed.runtime().quiet();
        let before = self.bed.store().position();
        // What comes of it is told to whoever asks; here it must leave no trace.
        let came = self.bed.runtime().execute(request(&sent, true), Box::new(answer)).await;
        let what = format!("{}, to see what would come of it: {}", script::told(&sent, &self.book), came.is_ok());
        self.say(&what);
        self.book.kept.told(sent.number, Fate::Nothing);
        let after = self.bed.store().position();
        if before == after { Ok(()) } else { Err(format!("#{} was only to be judged, and has happened", sent.number)) }
    }

    /// Commands at the same time; often all of them are decided before the first one is written.
    async fn race(&mut self, dice: &mut Dice) -> Held {
        let race = script::race(dice, &self.book, self.bed.now(), self.commands + 1);
        self.commands += race.len() as u64;
        if race.len() < 2 {
            return self.pass(dice).await;
        }
        self.counts.races += 1;
        self.say("at the same time:");
        let (runtime, store) = (self.bed.runtime().clone(), Arc::clone(&self.bed.running().store));
        let stalls = !dice.one_in(4) && self.bed.machine.steps().stopped().is_none();
        let ahead = if stalls { self.hold_up(&runtime).await } else { None };
        let (decided, mut running) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let wanted = race.len();
        for (place, sent) in race.into_iter().enumerate() {
            let (runtime, seen) = (runtime.clone(), Arc::clone(&decided));
            running.spawn(async move {
                let (told, first) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
                let tell = Arc::clone(&first);
                let render = move |done: &Done| {
                    told.fetch_add(usize::from(tell.fetch_add(1, Ordering::SeqCst) == 0), Ordering::SeqCst);
                    answer(done)
                };
                let came = runtime.execute(request(&sent, false), Box::new(render)).await;
                seen.fetch_add(usize::from(first.fetch_add(1, Ordering::SeqCst) == 0), Ordering::SeqCst);
                (place, sent, came)
            });
            // Two of them may have to go one after the other; then it is not waited for the second.
            for _ in 0..YIELDS_MAX {
                if ahead.is_none() || decided.load(Ordering::SeqCst) > place || !store.stalled() {
                    break;
                }
                tokio::task::yield_now().await;
                std::thread::yield_now();
            }
        }
        store.resume();
        let mut came = Vec::with_capacity(wanted);
        while let Some(done) = running.join_next().await {
            came.push(done.map_err(|error| error.to_string())?);
        }
        if let Some(ahead) = ahead {
            let _written = ahead.await;
        }
        came.sort_by_key(|(place, ..)| *place);
        came.into_iter().try_for_each(|(_, sent, came)| self.came(sent, came))
    }

    /// Lets the next thing that is written wait, with something before the race.
    async fn hold_up(&mut self, runtime: &Runtime) -> Option<tokio::task::JoinHandle<()>> {
        let store = Arc::clone(&self.bed.running().store);
        store.fault(1, Fault::Stall);
        let user = Name::from("nobody");
        let runtime = runtime.clone();
        let ahead = tokio::spawn(async move {
            // It writes something that nobody looks at.
            let _kept = runtime.set_absence(&user, None).await;
        });
        while !store.stalled() {
            if ahead.is_finished() || self.bed.stopped() {
                return None;
            }
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
        Some(ahead)
    }

    /// Time goes by: an hour, a day, weeks, or exactly until something is due.
    async fn pass(&mut self, dice: &mut Dice) -> Held {
        let milliseconds = |dice: &mut Dice, most: i64| i64::try_from(dice.below(most.unsigned_abs())).unwrap();
        let by = match dice.below(12) {
            0..=4 => milliseconds(dice, 6 * HOUR),
            5..=7 => milliseconds(dice, 2 * DAY),
            8 => milliseconds(dice, 18 * DAY),
            _ => {
                let first = self.bed.store().due(None, Timestamp(i64::MAX), 1).unwrap_or_default();
                let until = first.first().map_or(HOUR, |(due, _)| due.0 - self.bed.now());
                until.clamp(0, 30 * DAY) + i64::try_from(dice.below(2)).unwrap()
            }
        };
        self.bed.advance(by);
        self.say("it is then");
        if dice.one_in(5) { Ok(()) } else { self.sweep().await }
    }

    /// Does what is due, until nothing is.
    async fn sweep(&mut self) -> Held {
        self.bed.runtime().quiet();
        if self.bed.stopped() {
            return Ok(());
        }
        self.book.read(self.bed.store())?;
        self.book.timed.begin(&self.book.lives, self.bed.store())?;
        // A machine that is busy may have put something off; that must not be long.
        let first = self.sweep_once().await?;
        if first.is_ok() || self.bed.stopped() {
            return Ok(());
        }
        self.bed.advance(6 * MINUTE);
        self.sweep_once().await?
    }

    async fn sweep_once(&mut self) -> Result<Held, String> {
        for _ in 0..LOOKS_MAX {
            let next = match self.bed.runtime().sweep().await {
                Ok(next) => next,
                Err(_) if self.bed.stopped() => return Ok(Ok(())),
                Err(failure) => return Err(format!("what is due can't be done: {failure:?}")),
            };
            self.bed.runtime().quiet();
            if self.bed.stopped() {
                return Ok(Ok(()));
            }
            if next.is_none_or(|next| next.0 > self.bed.now()) {
                self.book.read(self.bed.store())?;
                self.book.settled(self.bed.store())?;
                return Ok(self.book.swept(self.bed.now(), self.bed.set == 1));
            }
            self.bed.advance(1);
        }
        Err("something is due all the time".to_owned())
    }

    async fn put(&mut self, dice: &mut Dice) -> Held {
        let (thing, on_hand) = (THINGS[dice.place(3)], dice.below(9));
        self.bed.runtime().quiet();
        if self.bed.stopped() {
            return Ok(());
        }
        self.book.read(self.bed.store())?;
        self.set(thing, on_hand).await
    }

    /// Sets what is on hand.
    async fn set(&mut self, thing: &str, on_hand: u64) -> Held {
        self.say(&format!("there are {on_hand} of `{thing}`"));
        let resource = self.bed.runtime().resource("stock").map_err(|failure| format!("{failure:?}"))?;
        let row = json!({ "key": thing, "on_hand": on_hand.to_string() }).as_object().unwrap().clone();
        let came = self.bed.runtime().put_pools(&resource, vec![(1, row)]).await;
        match came {
            Ok(_) => self.book.holds.set(thing, Decimal::from(on_hand)),
            Err(_) if self.bed.stopped() => self.book.holds.perhaps(thing, Decimal::from(on_hand)),
            Err(failure) => return Err(format!("{failure:?}")),
        }
        Ok(())
    }

    /// Brings messages to a peer that is not always well.
    async fn round(&mut self, dice: &mut Dice) -> Held {
        hook().mood(self.seed, Some(dice.clone()));
        self.say("messages are sent");
        let sent = self.bed.running().dispatcher.round().await;
        if let (Err(failure), false) = (sent, self.bed.stopped()) {
            return Err(format!("messages can't be sent: {failure:?}"));
        }
        self.announced()
    }

    /// Nothing has left that is not for ever in the log.
    fn announced(&mut self) -> Held {
        if self.bed.stopped() {
            return Ok(());
        }
        self.book.read(self.bed.store())?;
        self.book.follows.received(&hook().taken(self.seed)).map(drop)
    }

    /// Changes the definitions, or takes that back.
    async fn change(&mut self) -> Held {
        self.counts.changes += 1;
        self.say("the definitions change");
        if self.bed.change()? {
            self.restart(Restart { kill: true, seed: self.seed, damage: false }).await?;
        }
        let followed = self.bed.runtime().catch_up().await;
        if let (Err(failure), false) = (followed, self.bed.stopped()) {
            return Err(format!("the change can't be followed: {failure:?}"));
        }
        self.sweep().await
    }

    /// Somebody is away for a day, and somebody else stands in.
    async fn leave(&mut self, dice: &mut Dice) -> Held {
        let people = ["ann", "bob", "max", "wim"];
        let (user, delegate) = (people[dice.place(4)], people[dice.place(4)]);
        let (from, until) = (self.bed.now(), self.bed.now() + DAY);
        self.say(&format!("{user} is away for a day, and {delegate} stands in"));
        let absence = Absence { from: Timestamp(from), until: Some(Timestamp(until)), delegate: delegate.into() };
        let kept = self.bed.runtime().set_absence(&user.into(), Some(absence)).await;
        match kept {
            Ok(()) => drop(self.book.duties.away.insert(user.to_owned(), (from, until, delegate.to_owned()))),
            Err(_) if self.bed.stopped() => {}
            Err(failure) => return Err(format!("{failure:?}")),
        }
        Ok(())
    }

    /// The process ends, and the next one begins, as often as it takes. Everything that was known is still so; what
    /// had no answer is sent again.
    async fn restart(&mut self, mut restart: Restart) -> Held {
        loop {
            self.counts.crashes += u64::from(self.bed.stopped());
            let how = if restart.kill { "killed" } else { "cut off from power" };
            let at = self.bed.machine.steps().stopped();
            self.say(&format!("the server is {how} ({at:?}), and is started again"));
            self.bed.stop(restart);
            if self.start().await? {
                break;
            }
            restart.seed = restart.seed.wrapping_add(1);
        }
        self.book.same(self.bed.store())?;
        self.book.holds.resolve(self.bed.store())?;
        self.found_away();
        self.book.read(self.bed.store())?;
        for sent in std::mem::take(&mut self.unknown) {
            self.send(sent).await?;
        }
        if self.bed.stopped() { Box::pin(self.restart(restart)).await } else { Ok(()) }
    }

    /// Starts a process; says whether it is up.
    async fn start(&mut self) -> Result<bool, String> {
        if !self.bed.start()? {
            return Ok(false);
        }
        self.bed.runtime().quiet();
        let followed = self.bed.runtime().catch_up().await;
        match followed {
            Err(failure) if !self.bed.stopped() => Err(format!("the definitions can't be followed: {failure:?}")),
            Err(_) | Ok(()) => Ok(!self.bed.stopped()),
        }
    }

    /// Who is away now: what had no answer may have been written.
    fn found_away(&mut self) {
        for (user, absence) in self.bed.runtime().absences() {
            let until = absence.until.map_or(i64::MAX, |until| until.0);
            let away = (absence.from.0, until, absence.delegate.to_string());
            self.book.duties.away.insert(user.to_string(), away);
        }
    }

    /// In the end the disk and the peer are well. Everything that is due is done, every message has come, and all
    /// of it is still so in the next process.
    async fn end(&mut self) -> Held {
        self.bed.machine.steps().heal();
        hook().mood(self.seed, None);
        self.say("everything is well again");
        self.bed.advance(3 * DAY);
        self.sweep().await?;
        self.settled()?;
        let mut next = Some(Timestamp(0));
        for _ in 0..LOOKS_MAX {
            let round = self.bed.running().dispatcher.round().await;
            next = round.map_err(|failure| format!("messages can't be sent: {failure:?}"))?;
            let Some(next) = next else { break };
            self.bed.advance((next.0 - self.bed.now()).max(0) + 1);
        }
        if next.is_some() {
            return Err("messages wait for ever".to_owned());
        }
        let dead =
            self.bed.runtime().deliveries(Wanted::Dead(None), 1).await.map_err(|failure| format!("{failure:?}"))?;
        if let Some(dead) = dead.first() {
            return Err(format!("a message is dead: {dead:?}"));
        }
        self.announced()?;
        self.counts.again = self.book.follows.delivered(&hook().taken(self.seed))?;
        self.restart(Restart { kill: false, seed: self.seed, damage: self.seed.is_multiple_of(3) }).await?;
        self.settled()?;
        self.sweep().await?;
        self.book.kept.settled()?;
        self.book.replayed(self.bed.store())?;
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        self.counts.events = self.book.log.len() as u64;
        self.counts.grants = self.book.holds.grants;
        self.counts.rungs = self.book.clocks.rungs;
        self.counts.timed = self.book.timed.count;
        self.counts.agreements = self.book.duties.agreements;
        self.counts.messages = self.book.follows.to_send.len() as u64;
    }
}
