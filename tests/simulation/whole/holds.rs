//! What is finite: nothing is granted that is not there, and nobody waits for what is.

use std::collections::BTreeMap;

use gendan::model::resource::Quantities;
use gendan::model::{CaseId, Event};
use gendan::store::Store;
use rust_decimal::Decimal;

use crate::whole::book::{Held, Life, Seen};
use crate::whole::facts::ended;

type Key = (String, String);

/// Every pool, and what each case holds.
#[derive(Default)]
pub(crate) struct Holds {
    pools: BTreeMap<Key, Pool>,
    held: BTreeMap<CaseId, BTreeMap<Key, Decimal>>,
    /// What was to be on hand of a thing, when nobody knows whether that was written.
    perhaps: Option<(String, Decimal)>,
    /// How often a case was granted something.
    pub(crate) grants: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pool {
    /// What was set to be there, when it was.
    set: Option<Decimal>,
    /// What was used up since.
    used: Decimal,
    held: Decimal,
}

impl Pool {
    fn on_hand(&self, resource: &str) -> Decimal {
        let default = if resource == "hours" { Decimal::from(8) } else { Decimal::ZERO };
        self.set.unwrap_or(default) - self.used
    }
}

impl Holds {
    /// Somebody has set what is there.
    pub(crate) fn set(&mut self, key: &str, on_hand: Decimal) {
        let pool = self.pools.entry(("stock".to_owned(), key.to_owned())).or_default();
        if pool.set.is_none() || pool.on_hand("stock") != on_hand {
            (pool.set, pool.used) = (Some(on_hand), Decimal::ZERO);
        }
    }

    /// Somebody has tried to, and was told nothing.
    pub(crate) fn perhaps(&mut self, key: &str, on_hand: Decimal) {
        self.perhaps = Some((key.to_owned(), on_hand));
    }

    /// What had no answer was written or was not: what is there is what it was or what it was to be.
    pub(crate) fn resolve(&mut self, store: &dyn Store) -> Held {
        let Some((key, on_hand)) = self.perhaps.take() else { return Ok(()) };
        let found = store.pool("stock", &key).map_err(|error| error.to_string())?.on_hand(Decimal::ZERO);
        let known = self.pools.get(&("stock".to_owned(), key.clone()));
        let before = known.map_or(Decimal::ZERO, |pool| pool.on_hand("stock"));
        if found == on_hand {
            self.set(&key, on_hand);
        } else if found != before {
            return Err(format!("{found} of `{key}` are on hand, neither {before} nor {on_hand}"));
        }
        Ok(())
    }

    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        match seen.event {
            Event::Reserved { resource, quantities } => self.move_all(seen.life, resource, quantities, Self::reserve),
            Event::Released { resource, quantities } => self.move_all(seen.life, resource, quantities, Self::release),
            Event::Consumed { resource, quantities, .. } => {
                self.move_all(seen.life, resource, quantities, |holds, id, key, quantity| {
                    holds.pools.entry(key.clone()).or_default().used += quantity;
                    holds.release(id, key, quantity)
                })
            }
            _ => Ok(()),
        }
    }

    fn move_all(
        &mut self,
        life: &Life,
        resource: &str,
        quantities: &Quantities,
        mut one: impl FnMut(&mut Self, CaseId, &Key, Decimal) -> Held,
    ) -> Held {
        for (key, quantity) in quantities {
            if *quantity <= Decimal::ZERO {
                return Err(format!("{quantity} of `{key}` is moved"));
            }
            one(self, life.id, &(resource.to_owned(), key.to_string()), *quantity)?;
        }
        Ok(())
    }

    fn reserve(&mut self, id: CaseId, key: &Key, quantity: Decimal) -> Held {
        let pool = self.pools.entry(key.clone()).or_default();
        pool.held += quantity;
        self.grants += 1;
        let (on_hand, held) = (pool.on_hand(&key.0), pool.held);
        *self.held.entry(id).or_default().entry(key.clone()).or_default() += quantity;
        if held > on_hand { Err(format!("{held} of {key:?} are held, and {on_hand} are on hand")) } else { Ok(()) }
    }

    fn release(&mut self, id: CaseId, key: &Key, quantity: Decimal) -> Held {
        let own = self.held.entry(id).or_default().entry(key.clone()).or_default();
        if *own < quantity {
            return Err(format!("the case holds {own} of {key:?} and gives back {quantity}"));
        }
        *own -= quantity;
        self.pools.entry(key.clone()).or_default().held -= quantity;
        Ok(())
    }

    /// What must hold whenever no command is on its way, and everybody was woken for whom there is more.
    pub(crate) fn settled(&self, lives: &BTreeMap<CaseId, Life>, store: &dyn Store) -> Held {
        for ((resource, key), pool) in &self.pools {
            let found = store.pool(resource, key).map_err(|error| error.to_string())?;
            let default = Pool::default().on_hand(resource);
            let (found, known) = ((found.on_hand(default), found.held), (pool.on_hand(resource), pool.held));
            if found != known {
                return Err(format!("`{key}` of `{resource}` says {found:?} on hand and held, and is {known:?}"));
            }
            let sum: Decimal =
                store.holders(resource, key, None, 1_000).map_err(|error| error.to_string())?.iter().map(|x| x.1).sum();
            if sum != pool.held {
                return Err(format!("the holders of `{key}` of `{resource}` hold {sum}, and it says {}", pool.held));
            }
        }
        for life in lives.values() {
            let held: Decimal = self.held.get(&life.id).map(|held| held.values().sum()).unwrap_or_default();
            if ended(&life.stage) && held > Decimal::ZERO {
                return Err(format!("{} has ended and still holds {held}", life.number));
            }
            if life.stage == "waiting" && self.covered(life) {
                return Err(format!("{} waits for what is there: {:?}", life.number, life.lines()));
            }
        }
        Ok(())
    }

    /// Whether all that a case wants is there; one that waits holds nothing.
    fn covered(&self, life: &Life) -> bool {
        let mut wanted: BTreeMap<String, Decimal> = BTreeMap::new();
        for (thing, count) in life.lines() {
            *wanted.entry(thing).or_default() += Decimal::from(count);
        }
        wanted.into_iter().all(|(thing, sum)| {
            let pool = self.pools.get(&("stock".to_owned(), thing)).copied().unwrap_or_default();
            pool.on_hand("stock") - pool.held >= sum
        })
    }
}
