//! Resources: `resource.NAME.available(x)`, `.on_hand(x)`, `.held(x)` and `.covers(row)`.
//!
//! What is asked about is a row of the table that has the pools, its key, a day, or a row of a list that names one.

use rhai::{Dynamic, Module};
use rust_decimal::Decimal;

use super::super::fault::{Fault, MISMATCH};
use super::super::host::{Date, Row, RowRole, Supplies, Supply};
use super::super::run;
use super::{Answer, add};
use crate::diagnostic::did_you_mean;
use crate::field::{Per, Resource};
use crate::model::{Name, Value};

/// Adds the functions.
pub(super) fn add_all(module: &mut Module) {
    add(module, "available", |of: Supply, what: Dynamic| available(&of, &what, None));
    add(module, "available", |of: Supply, what: Dynamic, until: Date| available(&of, &what, Some(until)));
    add(module, "on_hand", |of: Supply, what: Dynamic| on_hand(&of, &what));
    add(module, "held", |of: Supply, what: Dynamic| held(&of, &what));
    add(module, "covers", |of: Supply, row: Row| covers(&of, &row, None));
    add(module, "covers", |of: Supply, row: Row, until: Date| covers(&of, &row, Some(until)));
}

/// `resource.NAME`
pub(super) fn named(_: &mut Supplies, name: &str) -> Answer<Supply> {
    let found = run::see(|run| {
        let known = &run.facts.resources.known;
        known.get(name).cloned().ok_or_else(|| {
            let near = did_you_mean(name, known.keys().map(|name| &**name));
            let near = near.map(|near| format!(", did you mean `{near}`")).unwrap_or_default();
            Fault::script(format!("there is no resource `{name}`{near}"))
        })
    })?;
    Ok(Supply(found.into()))
}

/// What the case could have of a pool: on hand, without what others hold; arrivals until a day count with it.
fn available(of: &Supply, what: &Dynamic, until: Option<Date>) -> Answer<Decimal> {
    let key = key_of(&of.0, what)?;
    let (world, demand) = run::see(|run| {
        let demand = run.facts.resources.demand(&of.0, &key, Decimal::ZERO, until.map(|until| until.0));
        Ok((std::sync::Arc::clone(&run.facts.world), demand))
    })?;
    Ok(demand.available(&world.pool(&of.0.name, &key)))
}

fn on_hand(of: &Supply, what: &Dynamic) -> Answer<Decimal> {
    let key = key_of(&of.0, what)?;
    let (world, moved) = run::see(|run| {
        let moved = run.facts.resources.put(&of.0.name, &key);
        Ok((std::sync::Arc::clone(&run.facts.world), moved))
    })?;
    Ok(world.pool(&of.0.name, &key).on_hand(of.0.default).saturating_add(moved).normalize())
}

/// What the case itself holds.
fn held(of: &Supply, what: &Dynamic) -> Answer<Decimal> {
    let key = key_of(&of.0, what)?;
    Ok(run::see(|run| Ok(run.facts.resources.now.quantity(&of.0.name, &key)))?)
}

/// Whether there is enough for a row of a list, after the rows before it.
fn covers(of: &Supply, row: &Row, until: Option<Date>) -> Answer<bool> {
    let resource = &of.0;
    let rows = row.so_far();
    run::spend(rows.len())?;
    let own = rows.last().map(|row| resource.of_row(row)).unwrap_or_default();
    let (Some(key), Some(_)) = own else {
        let lacks = if own.0.is_none() { &resource.key } else { &resource.quantity };
        run::remember_missing(Some(lacks.to_string()));
        return Err(Fault::missing("`covers`").into());
    };
    let mut wanted = Decimal::ZERO;
    for row in rows {
        if let (Some(other), Some(quantity)) = resource.of_row(row)
            && other == key
        {
            wanted = wanted.saturating_add(quantity);
        }
    }
    let (world, demand) = run::see(|run| {
        let demand = run.facts.resources.demand(resource, &key, wanted, until.map(|until| until.0));
        Ok((std::sync::Arc::clone(&run.facts.world), demand))
    })?;
    Ok(world.enough(&resource.name, &key, &demand))
}

/// The key of the pool that is asked about.
fn key_of(resource: &Resource, what: &Dynamic) -> Result<Name, Fault> {
    if what.is_unit() {
        return Err(Fault::missing("a resource"));
    }
    let unfit = || Fault::new(MISMATCH, format!("`resource.{}` has no pool for this", resource.name));
    if let Some(row) = what.read_lock::<Row>() {
        return match (row.role(), &resource.per) {
            (RowRole::Table { table, key, .. }, Per::Table(of)) if table == of => Ok(Name::clone(key)),
            (RowRole::Table { .. } | RowRole::Kin(_), Per::Table(_) | Per::Day) => Err(unfit()),
            (RowRole::Case | RowRole::Plain, Per::Table(_) | Per::Day) => {
                let key = row.record().and_then(|record| resource.of_row(record).0);
                key.ok_or_else(|| {
                    run::remember_missing(Some(resource.key.to_string()));
                    Fault::missing("a resource")
                })
            }
        };
    }
    let value = match what.read_lock::<Date>() {
        Some(day) => Value::Date(day.0),
        None => Value::text(what.as_immutable_string_ref().map_err(|_| unfit())?.as_str()),
    };
    resource.key_of(&value).ok_or_else(unfit)
}
