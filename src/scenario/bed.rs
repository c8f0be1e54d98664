//! What a test runs on: a runtime over a store in memory, whose clock stands until it is moved.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rust_decimal::Decimal;

use crate::clock::Clock;
use crate::library::Library;
use crate::model::command::Input;
use crate::model::limit::PAGE_ITEMS_MAX;
use crate::model::{Actor, Case, CaseId, Language, Name, Timestamp};
use crate::runtime::{Done, Failure, Request, Runtime, Want};
use crate::store::{Answer, Logged, Memory, Position, Shared, Wanted};
use crate::workflow::suite::{PoolPart, Rows};
use crate::workflow::{Definition, Files};

/// How many events are read at a time.
const EVENTS: usize = 1_000;

/// How often something can become due in one step.
const SWEEPS_MAX: usize = 100_000;

/// A product in memory.
pub(super) struct Bed {
    /// What runs.
    pub(super) runtime: Runtime,
    clock: Clock,
    seen: Position,
    /// The messages about many cases that were seen.
    letters: BTreeSet<CaseId>,
}

impl Bed {
    /// One that begins at `now`, with these rows in its tables.
    pub(super) async fn start(
        definition: &Arc<Definition>,
        files: &Files,
        now: Timestamp,
        (tables, pools): (&Rows, &Rows),
    ) -> Result<Self, Failure> {
        let clock = Clock::manual(now);
        let store: Shared = Arc::new(Memory::new());
        let failed = |error: crate::store::Error| {
            tracing::error!(%error, "a store in memory failed");
            Failure::Store
        };
        let library =
            Library::of(Arc::clone(definition), files.clone(), Arc::clone(&store), clock.clone()).map_err(failed)?;
        let runtime = Runtime::start(store, library, clock.clone()).map_err(failed)?;
        let bed = Self { seen: runtime.position(), runtime, clock, letters: BTreeSet::new() };
        bed.fill(tables).await?;
        bed.put_pools(pools).await?;
        // Schedules begin when they are seen for the first time.
        bed.runtime.sweep().await?;
        Ok(bed)
    }

    /// The moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Does what somebody wants.
    pub(super) async fn act(&self, actor: &Actor, want: Want) -> Result<Done, Failure> {
        let done: Arc<Mutex<Option<Done>>> = Arc::default();
        let told = Arc::clone(&done);
        let render = Box::new(move |done: &Done| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.clone());
            unread()
        });
        let request = Request { actor: actor.clone(), want, expected: None, retry: None, dry_run: false };
        self.runtime.execute(request, render).await?;
        // Who waited for what this has set free has had their turn before anything else happens.
        self.runtime.quiet();
        let done = done.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.ok_or(Failure::Store)
    }

    /// Lets `by` pass; what is due meanwhile is done when it is due, in the order in which it is.
    pub(super) async fn wait(&self, by: Duration) -> Result<(), Failure> {
        let milliseconds = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(self.now().0.saturating_add(milliseconds));
        for _ in 0..SWEEPS_MAX {
            self.runtime.quiet();
            let next = self.runtime.sweep().await?;
            self.runtime.quiet();
            let now = self.now();
            match next.filter(|next| *next <= until) {
                // What could not be done now is not tried again before the clock moves.
                Some(next) => self.clock.advance(between(now, next).max(Duration::from_millis(1))),
                None if now >= until => return Ok(()),
                None => self.clock.advance(between(now, until)),
            }
        }
        Err(Failure::Overloaded)
    }

    /// A case as it stands.
    pub(super) async fn case(&self, id: CaseId) -> Result<Arc<Case>, Failure> {
        self.runtime.case(&id.to_string()).await
    }

    /// The transitions that `actor` can take.
    pub(super) async fn available(&self, actor: &Actor, id: CaseId) -> Result<Vec<Name>, Failure> {
        let judged = self.runtime.available(actor, id, Language::En).await?;
        let possible = judged.transitions.into_iter().filter(|judged| judged.here && judged.possible);
        Ok(possible.map(|judged| judged.transition).collect())
    }

    /// What has happened since this was asked last.
    pub(super) async fn news(&mut self) -> Result<Vec<Logged>, Failure> {
        let news = self.after(self.seen).await?;
        self.seen = news.last().map_or(self.seen, |last| last.position);
        Ok(news)
    }

    /// The messages about many cases, which stand in no case's history, since this was asked last.
    pub(super) async fn letters(&mut self) -> Result<Vec<Name>, Failure> {
        let mut letters = Vec::new();
        for list in [Wanted::Pending, Wanted::Sent, Wanted::Dead] {
            let mut page = self.runtime.deliveries(list(None), PAGE_ITEMS_MAX).await?;
            while let Some(last) = page.last().map(|last| (last.moment(), last.id)) {
                let about_many = page.iter().filter(|delivery| delivery.id.version == 0);
                let new = about_many.filter(|delivery| self.letters.insert(delivery.id.source));
                letters.extend(new.map(|delivery| Name::clone(&delivery.message)));
                page = self.runtime.deliveries(list(Some(last)), PAGE_ITEMS_MAX).await?;
            }
        }
        Ok(letters)
    }

    /// What has happened since the beginning.
    pub(super) async fn everything(&self) -> Result<Vec<Logged>, Failure> {
        self.after(Position::default()).await
    }

    async fn after(&self, mut position: Position) -> Result<Vec<Logged>, Failure> {
        let mut events = Vec::new();
        loop {
            let some = self.runtime.log(position, EVENTS).await?;
            let Some(last) = some.last() else { return Ok(events) };
            position = last.position;
            events.extend(some);
        }
    }

    /// Fills the tables. A row may refer to rows of a table that comes later: then it has its turn again after it.
    async fn fill(&self, tables: &Rows) -> Result<(), Failure> {
        let mut left: Vec<&(Name, Vec<Input>)> = tables.iter().collect();
        while !left.is_empty() {
            let (before, mut bad) = (left.len(), Vec::new());
            for part in left {
                bad.extend(self.put(part).await?.map(|failure| (part, failure)));
            }
            if bad.len() == before {
                return bad.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure));
            }
            left = bad.into_iter().map(|(part, _)| part).collect();
        }
        Ok(())
    }

    /// Sets pools, in their order; then everybody who waited for them has had their turn.
    pub(super) async fn put_pools(&self, pools: &Rows) -> Result<(), Failure> {
        for (resource, rows) in pools {
            let resource = self.runtime.resource(resource)?;
            let rows = rows.iter().cloned().enumerate().map(|(index, row)| (index + 1, row)).collect();
            self.runtime.put_pools(&resource, rows).await?;
        }
        self.runtime.quiet();
        Ok(())
    }

    /// A part of a pool as it stands.
    pub(super) fn pool(&self, resource: &str, key: &str, part: PoolPart) -> Result<Decimal, Failure> {
        let resource = self.runtime.resource(resource)?;
        let pool = self.runtime.pool(&resource, key)?;
        Ok(match part {
            PoolPart::OnHand => pool.on_hand(resource.default),
            PoolPart::Held => pool.held,
            PoolPart::Available => pool.available(resource.default),
        })
    }

    /// Puts rows; gives back why they can't be taken yet.
    async fn put(&self, (table, rows): &(Name, Vec<Input>)) -> Result<Option<Failure>, Failure> {
        let rows = rows.iter().cloned().enumerate().map(|(index, row)| (index + 1, row)).collect();
        match self.runtime.put_rows(table, rows).await {
            Ok(_) => Ok(None),
            Err(bad @ Failure::BadRows(_)) => Ok(Some(bad)),
            Err(failure) => Err(failure),
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

/// The span from one moment to a later one.
pub(super) fn between(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(then.0.saturating_sub(now.0)).unwrap_or(0))
}

/// An answer that nobody reads.
fn unread() -> Answer {
    Answer { fingerprint: "".into(), at: Timestamp(0), status: 0, headers: Vec::new(), body: "".into() }
}
