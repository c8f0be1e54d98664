//! Lists: `map`, `filter`, `all`, `any` (also called `some`), `none`, `sum`, `first`, `last`, `count`, `len`, ...

use std::cmp::Ordering;

use rhai::{Array, Dynamic, FnPtr, Module, NativeCallContext};

use super::super::fault::Fault;
use super::super::host::List;
use super::super::operator::{Op, calculate, compare};
use super::super::run;
use super::{Answer, add, truth};

/// Adds the functions of lists, for lists of the case and for arrays that a script made.
pub(super) fn add_list_functions(module: &mut Module) {
    add(module, "map", |ctx: NativeCallContext<'_>, list: List, f: FnPtr| map(&ctx, &list, &f));
    add(module, "filter", |ctx: NativeCallContext<'_>, list: List, f: FnPtr| filter(&ctx, &list, &f));
    for name in ["any", "some"] {
        add(module, name, |ctx: NativeCallContext<'_>, list: List, f: FnPtr| any(&ctx, &list, &f, true));
        add(module, name, |ctx: NativeCallContext<'_>, of: Array, f: FnPtr| any(&ctx, &List::made(of)?, &f, true));
    }
    for (name, wanted) in [("all", false), ("none", true)] {
        add(module, name, move |ctx: NativeCallContext<'_>, list: List, f: FnPtr| -> Answer<bool> {
            Ok(!any(&ctx, &list, &f, wanted)?)
        });
    }
    add(module, "count", |ctx: NativeCallContext<'_>, list: List, f: FnPtr| count(&ctx, &list, &f));
    add(module, "find", |ctx: NativeCallContext<'_>, list: List, f: FnPtr| find(&ctx, &list, &f));
    add(module, "sum", |list: List| sum(list.iter()));
    add(module, "sum", |of: Array| sum(of.into_iter()));
    add(module, "sum", |ctx: NativeCallContext<'_>, list: List, f: FnPtr| sum_of(&ctx, &list, &f));
    add(module, "sum", |ctx: NativeCallContext<'_>, of: Array, f: FnPtr| sum_of(&ctx, &List::made(of)?, &f));
    add(module, "min", |list: List| extreme(&list, Ordering::Less));
    add(module, "max", |list: List| extreme(&list, Ordering::Greater));
}

/// Adds the functions that look at single items.
pub(super) fn add_item_functions(module: &mut Module) {
    add(module, "first", |list: List| end(list.item(0)));
    add(module, "last", |list: List| end(list.len().checked_sub(1).and_then(|index| list.item(index))));
    add(module, "first", |of: Array| end(of.first().cloned()));
    add(module, "last", |of: Array| end(of.last().cloned()));
    add(module, "len", |list: List| i64::try_from(list.len()).unwrap_or(i64::MAX));
    add(module, "is_empty", |list: List| list.len() == 0);
    add(module, "join", |list: List, between: &str| join(list.iter(), between));
    add(module, "join", |of: Array, between: &str| join(of.into_iter(), between));
}

/// Adds all of them.
pub(super) fn add_all(module: &mut Module) {
    add_list_functions(module);
    add_item_functions(module);
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

fn sum_of(ctx: &NativeCallContext<'_>, list: &List, f: &FnPtr) -> Answer<Dynamic> {
    sum(map(ctx, list, f)?.iter())
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
