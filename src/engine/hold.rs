//! What a transition does with what is finite (R56, R62): reserve, release, consume, put.
//!
//! Rows of one pool are added up. What the case holds already counts as available to it, so a reservation takes
//! only what is missing. What is granted here stands only when the committer grants it too: the decision leans on
//! each pool that it looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::action::{Hold, Rows, Verb};
use crate::field::{Kind, Resource};
use crate::model::limit::{RESOURCE_DECIMALS_MAX, RESOURCE_QUANTITY_MAX};
use crate::model::resource::{Quantities, is_quantity};
use crate::model::{Event, Name, Reason, Record, RefusalKind, Title, Value};
use crate::rule::Facts;
use crate::workflow::Given;

use super::draft::{Draft, conflict};
use super::judge;

/// The code of a reason: there is not enough.
pub(super) const SHORT: &str = "short";

/// What one row wants.
struct Wanted {
    /// How people write the row: `lines[0]`; nothing for a row that is no list's.
    path: String,
    key: Name,
    quantity: Decimal,
}

impl Draft<'_> {
    /// What the actions do, in their order. The formulas see it already; it is yet to be recorded.
    pub(super) fn hold(&mut self, holds: &[&Hold]) -> Result<Vec<Event>, Reason> {
        let mut events = Vec::new();
        for (hold, (name, rows)) in holds.iter().flat_map(|hold| hold.parts.iter().map(move |part| (hold, part))) {
            let Some(resource) = self.definition.resources.get(name) else { continue };
            let quantities = self.quantities(hold, resource, rows)?;
            if !quantities.is_empty() {
                let event = self.held_event(hold, name, quantities)?;
                Arc::make_mut(&mut self.holdings).follow(&event);
                events.push(event);
            }
        }
        if !events.is_empty() {
            self.compute()?;
        }
        Ok(events)
    }

    /// A case that has ended holds nothing any more, whatever road led there.
    pub(super) fn release_at_the_end(&mut self) {
        let ended = self.workflow.stages.get(&self.case.stage).is_some_and(|stage| stage.end.is_some());
        if !ended {
            return;
        }
        let held: Vec<(Name, Quantities)> =
            self.case.held.resources().map(|name| (Name::clone(name), self.case.held.of(name))).collect();
        for (resource, quantities) in held {
            let event = Event::Released { resource, quantities };
            Arc::make_mut(&mut self.holdings).follow(&event);
            self.record(event, Vec::new());
        }
    }

    fn held_event(&self, hold: &Hold, resource: &Name, quantities: Quantities) -> Result<Event, Reason> {
        let resource = Name::clone(resource);
        Ok(match hold.verb {
            Verb::Reserve => Event::Reserved { resource, quantities },
            Verb::Release => Event::Released { resource, quantities },
            Verb::Put => Event::Put { resource, quantities },
            Verb::Consume => {
                let used_as = match &hold.used_as {
                    Some(given) => self.given(given, &Kind::Text, &self.facts()?, None)?,
                    None => None,
                };
                Event::Consumed { resource, quantities, used_as: used_as.as_ref().map(super::facet::value_text) }
            }
        })
    }

    /// How much is moved in each pool; never nothing.
    fn quantities(&self, hold: &Hold, resource: &Resource, rows: &Rows) -> Result<Quantities, Reason> {
        if matches!(rows, Rows::All) {
            return Ok(self.holdings.now.of(&resource.name));
        }
        let wanted = self.wanted(resource, rows)?;
        let mut sums = Quantities::new();
        for row in &wanted {
            let sum = sums.entry(Name::clone(&row.key)).or_default();
            *sum = sum.saturating_add(row.quantity);
        }
        let now = |key: &Name| self.holdings.now.quantity(&resource.name, key);
        let moved: Quantities = match hold.verb {
            Verb::Reserve if hold.up_to_available => self.what_there_is(resource, sums),
            Verb::Reserve => self.missing_of(resource, sums, &wanted)?,
            Verb::Release => sums.into_iter().map(|(key, sum)| (Name::clone(&key), sum.min(now(&key)))).collect(),
            Verb::Consume => {
                let less = |(key, sum): (&Name, &Decimal)| now(key) < *sum;
                if sums.iter().any(less) {
                    return Err(self.not_enough(resource, &sums, &wanted, "not_held"));
                }
                sums
            }
            Verb::Put => sums,
        };
        let moved = moved.into_iter().filter(|(_, quantity)| *quantity > Decimal::ZERO);
        Ok(moved.map(|(key, quantity)| (key, quantity.normalize())).collect())
    }

    /// What is still to be taken so that the case holds all of it; a reason when that is not there.
    fn missing_of(&self, resource: &Resource, sums: Quantities, wanted: &[Wanted]) -> Result<Quantities, Reason> {
        let mut missing = Quantities::new();
        let mut short = false;
        for (key, sum) in &sums {
            let more = sum.saturating_sub(self.holdings.now.quantity(&resource.name, key));
            if more > Decimal::ZERO {
                let demand = self.holdings.demand(resource, key, *sum, None);
                short |= !self.world.enough(&resource.name, key, &demand);
                missing.insert(Name::clone(key), more);
            }
        }
        if short { Err(self.not_enough(resource, &sums, wanted, SHORT)) } else { Ok(missing) }
    }

    /// What is still to be taken, as far as it is there.
    fn what_there_is(&self, resource: &Resource, sums: Quantities) -> Quantities {
        let there = |(key, sum): (Name, Decimal)| {
            let pool = self.world.pool(&resource.name, &key);
            let most = self.holdings.demand(resource, &key, sum, None).available(&pool).min(sum);
            let more = most.saturating_sub(self.holdings.now.quantity(&resource.name, &key));
            // That it is there was seen; the decision leans on it too.
            let granted = self.world.enough(&resource.name, &key, &self.holdings.demand(resource, &key, most, None));
            let more = if granted { more } else { Decimal::ZERO };
            (key, more)
        };
        sums.into_iter().map(there).collect()
    }

    /// What the rows want, each of them.
    fn wanted(&self, resource: &Resource, rows: &Rows) -> Result<Vec<Wanted>, Reason> {
        match rows {
            Rows::All => Ok(Vec::new()),
            Rows::One(key, quantity) => {
                let facts = self.facts()?;
                let key = self.one(key, &resource.key_kind(), &facts, &resource.key)?;
                let number = Kind::Decimal(crate::field::Bounds::default());
                let quantity = self.one(quantity, &number, &facts, &resource.quantity)?;
                let row = [(Name::clone(&resource.key), key), (Name::clone(&resource.quantity), quantity)];
                Ok(vec![want(resource, &row.into_iter().collect(), String::new())?])
            }
            Rows::List(list, subset) => {
                let items = self.fields.get(list).and_then(Value::as_list).unwrap_or_default();
                let positions = match subset {
                    None => None,
                    Some(subset) => {
                        let facts = self.facts()?;
                        facts.subsets.get(&(Name::clone(list), Name::clone(subset))).cloned()
                    }
                };
                let all = items
                    .iter()
                    .enumerate()
                    .filter(|(position, _)| positions.as_ref().is_none_or(|positions| positions.contains(position)));
                let rows = all.filter_map(|(position, item)| Some((position, item.as_row()?)));
                rows.map(|(position, row)| want(resource, row, format!("{list}[{position}]"))).collect()
            }
        }
    }

    fn one(&self, given: &Given, kind: &Kind, facts: &Facts, what: &str) -> Result<Value, Reason> {
        self.given(given, kind, facts, None)?.ok_or_else(|| judge::required(what))
    }

    /// There is not enough: which rows, what they want of each pool together, and what the case could have.
    fn not_enough(&self, resource: &Resource, sums: &Quantities, wanted: &[Wanted], code: &str) -> Reason {
        let mut had: BTreeMap<&Name, Decimal> = BTreeMap::new();
        for (key, sum) in sums {
            let held = self.holdings.now.quantity(&resource.name, key);
            let most = if code == SHORT {
                let pool = self.world.pool(&resource.name, key);
                self.holdings.demand(resource, key, *sum, None).available(&pool).max(held)
            } else {
                held
            };
            if most < *sum {
                had.insert(key, most);
            }
        }
        let rows = wanted.iter().filter_map(|row| {
            let (most, sum) = (had.get(&row.key)?, sums.get(&row.key)?);
            let said = [
                ("key", Value::Text(Name::clone(&row.key))),
                ("wanted", Value::Decimal(sum.normalize())),
                (if code == SHORT { "available" } else { "held" }, Value::Decimal(most.normalize())),
                ("row", Value::text(&row.path)),
            ];
            Some(Value::Row(said.into_iter().map(|(name, value)| (name.into(), value)).collect()))
        });
        let rows = Value::List(rows.collect());
        let path = wanted.iter().find(|row| had.contains_key(&row.key)).map(|row| row.path.clone());
        let facts = [("resource", Value::Text(Name::clone(&resource.name))), ("rows", rows)];
        let facts: Record = facts.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let reason = conflict(code, &said_zh(resource, sums, &had, code), &said_en(resource, sums, &had, code));
        Reason { facts, ..reason.at(&path.unwrap_or_default()) }
    }
}

/// What a row wants.
fn want(resource: &Resource, row: &Record, path: String) -> Result<Wanted, Reason> {
    let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let (key, quantity) = resource.of_row(row);
    let key = key.ok_or_else(|| judge::required(&at(&resource.key)))?;
    let quantity = quantity.ok_or_else(|| judge::required(&at(&resource.quantity)))?.normalize();
    if !is_quantity(quantity) {
        let most = RESOURCE_QUANTITY_MAX;
        let title = Title::new(
            &format!("须为 0 至 {most} 的数量，最多 {RESOURCE_DECIMALS_MAX} 位小数"),
            &format!("must be a quantity from 0 to {most} with at most {RESOURCE_DECIMALS_MAX} decimals"),
        );
        return Err(Reason::new(RefusalKind::Invalid, "quantity", title).at(&at(&resource.quantity)));
    }
    Ok(Wanted { path, key, quantity })
}

fn said_en(resource: &Resource, sums: &Quantities, had: &BTreeMap<&Name, Decimal>, code: &str) -> String {
    let name = &resource.name;
    let pools = had.iter().map(|(key, most)| {
        let sum = sums.get(*key).copied().unwrap_or_default().normalize();
        if code == SHORT {
            format!("`{key}`: {sum} wanted, {most} available")
        } else {
            format!("`{key}`: {sum} wanted, {most} held")
        }
    });
    let pools = pools.collect::<Vec<_>>().join("; ");
    if code == SHORT {
        format!("not enough of `{name}`: {pools}")
    } else {
        format!("does not hold so much of `{name}`: {pools}")
    }
}

fn said_zh(resource: &Resource, sums: &Quantities, had: &BTreeMap<&Name, Decimal>, code: &str) -> String {
    let name = &resource.name;
    let pools = had.iter().map(|(key, most)| {
        let sum = sums.get(*key).copied().unwrap_or_default().normalize();
        if code == SHORT {
            format!("`{key}` 需 {sum}，可用 {most}")
        } else {
            format!("`{key}` 需 {sum}，已占用 {most}")
        }
    });
    let pools = pools.collect::<Vec<_>>().join("；");
    if code == SHORT { format!("`{name}` 不足：{pools}") } else { format!("`{name}` 占用不足：{pools}") }
}
