//! What is finite and held (R53-R56, R62): pools, what cases hold of them, and what a command moves.
//!
//! A pool is one key of a resource: the stock of one article, the hours of one day. How much of it is *on hand* is
//! what somebody has set, or else what its definition says, and what cases have put in and consumed since. What
//! cases *hold* is still on hand and is nobody else's.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::id::Name;
use super::limit::{RESOURCE_DECIMALS_MAX, RESOURCE_QUANTITY_MAX};

/// Quantities by the key of their pool.
pub type Quantities = BTreeMap<Name, Decimal>;

/// Whether a row, an arrival or a pool may say this: sums of such quantities are exact.
#[must_use]
pub fn is_quantity(quantity: Decimal) -> bool {
    let most = Decimal::from(RESOURCE_QUANTITY_MAX);
    (Decimal::ZERO..=most).contains(&quantity) && quantity.normalize().scale() <= RESOURCE_DECIMALS_MAX
}

/// What a case holds: by resource and key; never nothing of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Held(BTreeMap<Name, Quantities>);

impl Held {
    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is held of a pool.
    #[must_use]
    pub fn quantity(&self, resource: &str, key: &str) -> Decimal {
        self.0.get(resource).and_then(|pools| pools.get(key)).copied().unwrap_or_default()
    }

    /// What is held of each pool of a resource.
    #[must_use]
    pub fn of(&self, resource: &str) -> Quantities {
        self.0.get(resource).cloned().unwrap_or_default()
    }

    /// The resources of which something is held.
    pub fn resources(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }

    /// Each pool of which something is held: resource, key, quantity.
    pub fn each(&self) -> impl Iterator<Item = (&Name, &Name, Decimal)> {
        self.0.iter().flat_map(|(resource, pools)| pools.iter().map(move |(key, held)| (resource, key, *held)))
    }

    /// Holds more, or less where a quantity is negative.
    pub fn add(&mut self, resource: &Name, key: &Name, quantity: Decimal) {
        let pools = self.0.entry(Name::clone(resource)).or_default();
        let held = pools.get(key).copied().unwrap_or_default().saturating_add(quantity).normalize();
        if held.is_zero() {
            pools.remove(key);
        } else {
            pools.insert(Name::clone(key), held);
        }
        if pools.is_empty() {
            self.0.remove(resource);
        }
    }
}

/// What will come into a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// What whoever announced it calls it; each stands once in its pool.
    pub id: Name,
    /// The day from which it can be counted on.
    pub on: NaiveDate,
    /// How much.
    pub quantity: Decimal,
}

/// One pool, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// What somebody set to be on hand; without it, what the definition says is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Decimal>,
    /// What cases have put in since it was set, less what they have consumed.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub moved: Decimal,
    /// What will come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrivals: Vec<Arrival>,
    /// What all cases hold together.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub held: Decimal,
    /// Grows with every change; 0 when nothing ever happened to it.
    pub version: u64,
}

impl Pool {
    /// What is on hand, where `default` is what its definition says of a pool that nobody has set.
    #[must_use]
    pub fn on_hand(&self, default: Decimal) -> Decimal {
        self.set.unwrap_or(default).saturating_add(self.moved).normalize()
    }

    /// What is on hand and nobody holds; negative when more is held than there is.
    #[must_use]
    pub fn available(&self, default: Decimal) -> Decimal {
        self.on_hand(default).saturating_sub(self.held).normalize()
    }

    /// What arrives until a day and on it.
    #[must_use]
    pub fn arriving(&self, until: NaiveDate) -> Decimal {
        let arrivals = self.arrivals.iter().filter(|arrival| arrival.on <= until);
        arrivals.fold(Decimal::ZERO, |sum, arrival| sum.saturating_add(arrival.quantity)).normalize()
    }

    /// Takes over what cases have moved.
    pub fn follow(&mut self, by: Move) {
        self.moved = self.moved.saturating_add(by.on_hand).normalize();
        self.held = self.held.saturating_add(by.held).normalize();
        self.version = self.version.saturating_add(1);
    }

    /// Whether more of it has become available than in an earlier one, or more of it will arrive.
    #[must_use]
    pub fn gained(&self, earlier: &Self) -> bool {
        self.available(Decimal::ZERO) > earlier.available(Decimal::ZERO)
            || self.set.is_some() != earlier.set.is_some()
            || self.arrivals != earlier.arrivals
    }
}

/// What a case asks of a pool: whether there is enough for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What is on hand where nobody has set it.
    pub default: Decimal,
    /// What the case held of it before the command; it counts as available to the case.
    pub own: Decimal,
    /// What the command has put in before, less what it has consumed.
    pub moved: Decimal,
    /// How much is wanted in all.
    pub wanted: Decimal,
    /// The day until which arrivals count; `None` counts none.
    pub until: Option<NaiveDate>,
}

impl Demand {
    /// What the case could have of the pool.
    #[must_use]
    pub fn available(&self, pool: &Pool) -> Decimal {
        let arriving = self.until.map(|until| pool.arriving(until)).unwrap_or_default();
        let others = pool.held.saturating_sub(self.own);
        let there = pool.on_hand(self.default).saturating_add(self.moved).saturating_add(arriving);
        there.saturating_sub(others).normalize()
    }

    /// Whether there is enough.
    #[must_use]
    pub fn met_by(&self, pool: &Pool) -> bool {
        self.available(pool) >= self.wanted
    }
}

/// What a decision leans on: the pool must still say so when it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lean {
    /// The resource.
    pub resource: Name,
    /// The key of the pool.
    pub key: Name,
    /// What it said.
    pub said: Said,
}

/// What a pool said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// All that it is: the pool was at this version.
    All(u64),
    /// Whether there was enough for a demand.
    Enough(Demand, bool),
}

impl Lean {
    /// Whether the pool still says so.
    #[must_use]
    pub fn holds(&self, pool: &Pool) -> bool {
        match &self.said {
            Said::All(version) => pool.version == *version,
            Said::Enough(demand, enough) => demand.met_by(pool) == *enough,
        }
    }

    /// What is on hand in the pool where nobody has set it, when it says that something is there to be held.
    #[must_use]
    pub fn granted(&self) -> Option<Decimal> {
        match &self.said {
            Said::Enough(demand, true) if demand.until.is_none() => Some(demand.default),
            Said::Enough(..) | Said::All(_) => None,
        }
    }
}

/// What was moved in one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// By how much more is held.
    pub held: Decimal,
    /// By how much more is on hand.
    pub on_hand: Decimal,
}

/// What was moved, by resource and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves(BTreeMap<(Name, Name), Move>);

impl Moves {
    /// What these events move.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut moves = Self::default();
        events.into_iter().for_each(|event| moves.add(event));
        moves
    }

    /// Adds what an event moves.
    pub fn add(&mut self, event: &Event) {
        let (resource, quantities, held, on_hand) = if let Event::Reserved { resource, quantities } = event {
            (resource, quantities, 1, 0)
        } else if let Event::Released { resource, quantities } = event {
            (resource, quantities, -1, 0)
        } else if let Event::Consumed { resource, quantities, .. } = event {
            (resource, quantities, -1, -1)
        } else if let Event::Put { resource, quantities } = event {
            (resource, quantities, 0, 1)
        } else {
            return;
        };
        for (key, quantity) in quantities {
            let sum = self.0.entry((Name::clone(resource), Name::clone(key))).or_default();
            sum.held = sum.held.saturating_add(signed(*quantity, held));
            sum.on_hand = sum.on_hand.saturating_add(signed(*quantity, on_hand));
        }
    }

    /// These and others together.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        self.sum(others, 1)
    }

    /// These without others.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        self.sum(others, -1)
    }

    fn sum(&self, others: &Self, sign: i8) -> Self {
        let mut all = self.clone();
        for (pool, moved) in &others.0 {
            let sum = all.0.entry(pool.clone()).or_default();
            sum.held = sum.held.saturating_add(signed(moved.held, sign));
            sum.on_hand = sum.on_hand.saturating_add(signed(moved.on_hand, sign));
        }
        all.0.retain(|_, moved| *moved != Move::default());
        all
    }

    /// What was moved in a pool.
    #[must_use]
    pub fn get(&self, resource: &str, key: &str) -> Move {
        self.0.get(&(Name::from(resource), Name::from(key))).copied().unwrap_or_default()
    }

    /// Whether nothing was moved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each pool in which something was moved.
    pub fn each(&self) -> impl Iterator<Item = (&Name, &Name, Move)> {
        self.0.iter().map(|((resource, key), moved)| (resource, key, *moved))
    }

    /// The pools of which others can have more afterwards.
    pub fn freed(&self) -> impl Iterator<Item = (&Name, &Name)> {
        let more = |moved: &Move| moved.on_hand > moved.held;
        self.0.iter().filter(move |(_, moved)| more(moved)).map(|((resource, key), _)| (resource, key))
    }
}

fn signed(quantity: Decimal, sign: i8) -> Decimal {
    match sign {
        0 => Decimal::ZERO,
        1 => quantity,
        _ => Decimal::ZERO.saturating_sub(quantity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_case_can_have_of_a_pool() {
        let arrival = |on: &str, quantity| Arrival { id: on.into(), on: on.parse().unwrap(), quantity };
        let arrivals = vec![arrival("2026-09-28", number("5")), arrival("2026-10-08", number("2.5"))];
        let pool = Pool { set: Some(number("10")), moved: number("-1"), arrivals, held: number("4"), version: 7 };
        let check = |own: &str, moved: &str, until: Option<&str>, available: &str| {
            let until = until.map(|day| day.parse().unwrap());
            let (own, moved, wanted) = (number(own), number(moved), number(available));
            let demand = Demand { default: number("99"), own, moved, wanted, until };
            assert_eq!(demand.available(&pool).to_string(), available);
            assert!(demand.met_by(&pool));
            assert!(!Demand { wanted: wanted + number("0.1"), ..demand }.met_by(&pool));
        };
        check("0", "0", None, "5");
        check("3", "0", None, "8");
        check("0", "-2", None, "3");
        check("0", "0", Some("2026-09-27"), "5");
        check("0", "0", Some("2026-09-28"), "10");
        check("0", "0", Some("2026-10-08"), "12.5");
        assert_eq!(Pool::default().on_hand(number("99")), number("99"));
    }

    #[test]
    fn a_lean_holds_as_long_as_the_answer_is_the_same() {
        let pool = |set: &str, version| Pool { set: Some(number(set)), version, ..Pool::default() };
        let wanted = number("3");
        let demand = Demand { default: number("0"), own: number("0"), moved: number("0"), wanted, until: None };
        let check = |said, now: &Pool, holds| {
            let lean = Lean { resource: "r".into(), key: "k".into(), said };
            assert_eq!(lean.holds(now), holds, "{said:?} {now:?}");
        };
        check(Said::All(4), &pool("3", 4), true);
        check(Said::All(4), &pool("3", 5), false);
        check(Said::Enough(demand, true), &pool("3", 9), true);
        check(Said::Enough(demand, true), &pool("2.99", 9), false);
        check(Said::Enough(demand, false), &pool("2.99", 9), true);
        check(Said::Enough(demand, false), &pool("3", 9), false);
    }

    #[test]
    fn moves_add_up_and_cancel_out() {
        let quantities = |text: &str| Quantities::from([("A".into(), number(text))]);
        let reserved = Event::Reserved { resource: "stock".into(), quantities: quantities("2") };
        let put = Event::Put { resource: "stock".into(), quantities: quantities("5") };
        let (one, both) = (Moves::of([&reserved]), Moves::of([&reserved, &put]));
        assert_eq!(both.get("stock", "A"), Move { held: number("2"), on_hand: number("5") });
        assert_eq!(one.with(&Moves::of([&put])), both);
        assert_eq!(both.without(&one), Moves::of([&put]));
        assert!(both.without(&both).is_empty());
        assert_eq!((both.freed().count(), one.freed().count()), (1, 0));
    }

    #[test]
    fn what_is_held_is_never_nothing() {
        let mut held = Held::default();
        let (resource, key) = (Name::from("stock"), Name::from("A"));
        held.add(&resource, &key, number("2.50"));
        assert_eq!(serde_json::to_string(&held).unwrap(), r#"{"stock":{"A":"2.5"}}"#);
        assert_eq!(held, serde_json::from_str(r#"{"stock":{"A":"2.5"}}"#).unwrap());
        held.add(&resource, &key, number("-2.5"));
        assert!(held.is_empty());
    }
}
