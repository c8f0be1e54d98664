//! Lists: `map`, `filter`, `all`, `any` (also called `some`), `none`, `sum`, `first`, `last`, `count`, `len`, ...
//!
//! Rhai's own take what is no boolean for `false`; these don't.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, FnPtr, Module, NativeCallContext, Variant};

use super::super::fault::Fault;
use super::super::host::List;
use super::super::operator::{Op, calculate, compare};
use super::super::run;
use super::{Answer, add, truth};

/// Adds them, for lists of the case and for arrays that a script made.
pub(super) fn add_all(module: &mut Module) {
    with_closure(module, "map", map);
    with_closure(module, "filter", filter);
    with_closure(module, "any", |ctx, list, f| any(ctx, list, f, true));
    with_closure(module, "some", |ctx, list, f| any(ctx, list, f, true));
    with_closure(module, "all", |ctx, list, f| Ok(!any(ctx, list, f, false)?));
    with_closure(module, "none", |ctx, list, f| Ok(!any(ctx, list, f, true)?));
    with_closure(module, "count", count);
    with_closure(module, "find", find);
    with_closure(module, "sort_by", sort_by);
    with_closure(module, "sum", |ctx, list, f| sum(map(ctx, list, f)?.iter()));
    alone(module, "sum", |list| sum(list.iter()));
    alone(module, "min", |list| extreme(list, Ordering::Less));
    alone(module, "max", |list| extreme(list, Ordering::Greater));
    alone(module, "first", |list| end(list.item(0)));
    alone(module, "last", |list| end(list.len().checked_sub(1).and_then(|index| list.item(index))));
    alone(module, "len", |list| Ok(i64::try_from(list.len()).unwrap_or(i64::MAX)));
    alone(module, "is_empty", |list| Ok(list.len() == 0));
    alone(module, "reverse", |list| Ok(List::made(list.iter().collect::<Vec<_>>().into_iter().rev().collect())?));
    add(module, "join", |list: List, between: &str| join(list.iter(), between));
    add(module, "join", |of: Array, between: &str| join(of.into_iter(), between));
}

/// A function of a list and a closure.
fn with_closure<T: Variant + Clone>(
    module: &mut Module,
    name: &str,
    function: fn(&NativeCallContext<'_>, &List, &FnPtr) -> Answer<T>,
) {
    add(module, name, move |ctx: NativeCallContext<'_>, list: List, f: FnPtr| function(&ctx, &list, &f));
    add(module, name, move |ctx: NativeCallContext<'_>, of: Array, f: FnPtr| function(&ctx, &List::made(of)?, &f));
}

/// A function of a list alone.
fn alone<T: Variant + Clone>(module: &mut Module, name: &str, function: fn(&List) -> Answer<T>) {
    add(module, name, move |list: List| function(&list));
    add(module, name, move |of: Array| function(&List::made(of)?));
}

fn map(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<List> {
    let items: Answer<Vec<Dynamic>> = list.iter().map(|item| f.call_raw(ctx, None, [item])).collect();
    Ok(List::made(items?)?)
}

fn filter(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<List> {
    let mut kept = Vec::new();
    for item in list.iter() {
        if truth(&f.call_raw(ctx, None, [item.clone()])?)? {
            kept.push(item);
        }
    }
    Ok(List::made(kept)?)
}

/// Whether the condition is `wanted` for some item.
fn any(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr, wanted: bool) -> Answer<bool> {
    for item in list.iter() {
        if truth(&f.call_raw(ctx, None, [item])?)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn count(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<i64> {
    let kept = filter(ctx, list, f)?;
    Ok(i64::try_from(kept.len()).unwrap_or(i64::MAX))
}

fn find(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<Dynamic> {
    for item in list.iter() {
        if truth(&f.call_raw(ctx, None, [item.clone()])?)? {
            return Ok(item);
        }
    }
    end(None)
}

/// The items in the order of what the closure gives for each; equal ones keep their order.
fn sort_by(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<List> {
    let mut keyed = Vec::new();
    for item in list.iter() {
        keyed.push((f.call_raw(ctx, None, [item.clone()])?, item));
    }
    let mut fault = None;
    keyed.sort_by(|(left, _), (right, _)| match run::spend(1).and_then(|()| compare(left, right)) {
        Ok(order) => order,
        Err(found) => {
            fault.get_or_insert(found);
            Ordering::Equal
        }
    });
    match fault {
        Some(fault) => Err(fault.into()),
        None => Ok(List::made(keyed.into_iter().map(|(_, item)| item).collect())?),
    }
}

/// The sum; 0 of nothing.
fn sum(items: impl Iterator<Item = Dynamic>) -> Answer<Dynamic> {
    let mut total: Option<Dynamic> = None;
    for item in items {
        run::spend(1)?;
        total = Some(match total {
            Some(total) => calculate(Op::Add, &total, &item)?,
            None if item.is_unit() => return Err(Fault::missing("a sum").into()),
            None => item,
        });
    }
    Ok(total.unwrap_or_else(|| Dynamic::from(0_i64)))
}

fn extreme(list: &List, wanted: Ordering) -> Answer<Dynamic> {
    let mut best: Option<Dynamic> = None;
    for item in list.iter() {
        run::spend(1)?;
        best = match best {
            Some(best) if compare(&item, &best)? != wanted => Some(best),
            Some(_) | None => Some(item),
        };
    }
    end(best)
}

fn join(items: impl Iterator<Item = Dynamic>, between: &str) -> Answer<String> {
    let mut joined = String::new();
    for (index, item) in items.enumerate() {
        run::spend(1)?;
        if index > 0 {
            joined.push_str(between);
        }
        joined.push_str(&super::text::written(&item)?);
        if joined.len() > crate::model::limit::RULE_STRING_BYTES_MAX {
            return Err(Fault::budget("the text is too long").into());
        }
    }
    Ok(joined)
}

/// An item that may not be there.
fn end(item: Option<Dynamic>) -> Answer<Dynamic> {
    if item.is_none() {
        run::remember_missing(None);
    }
    Ok(item.unwrap_or(Dynamic::UNIT))
}
