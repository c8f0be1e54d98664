//! Arrays and maps that a script makes: `push`, `pop`, `insert`, `remove`, `get`, `keys`, `values`, ...

use rhai::{Array, Dynamic, Map, Module};

use super::super::fault::Fault;
use super::super::host::{elements, text};
use super::super::run;
use super::{Answer, add};
use crate::model::limit::RULE_ELEMENTS_MAX;

/// Adds them.
pub(super) fn add_all(module: &mut Module) {
    add(module, "push", |array: &mut Array, item: Dynamic| insert(array, i64::MAX, item));
    add(module, "insert", insert);
    add(module, "pop", |array: &mut Array| known(array.pop()));
    add(module, "remove", |array: &mut Array, index: i64| {
        let index = usize::try_from(index).ok().filter(|index| *index < array.len());
        known(index.map(|index| array.remove(index)))
    });
    add(module, "clear", |array: &mut Array| array.clear());
    add(module, "get", |map: &mut Map, key: &str| known(map.get(key).cloned()));
    add(module, "remove", |map: &mut Map, key: &str| known(map.remove(key)));
    add(module, "keys", |map: &mut Map| -> Array { map.keys().map(|key| text(key)).collect() });
    add(module, "values", |map: &mut Map| -> Array { map.values().cloned().collect() });
    add(module, "len", |map: &mut Map| i64::try_from(map.len()).unwrap_or(i64::MAX));
    add(module, "is_empty", |map: &mut Map| map.is_empty());
}

/// Rhai measures what a function gives, and not what it changes.
fn insert(array: &mut Array, index: i64, item: Dynamic) -> Answer<()> {
    let size = array.iter().chain([&item]).map(|item| 1 + elements(item, RULE_ELEMENTS_MAX)).sum::<usize>();
    if size > RULE_ELEMENTS_MAX {
        return Err(Fault::budget(format!("an array has more than {RULE_ELEMENTS_MAX} elements")).into());
    }
    run::spend(size)?;
    let index = usize::try_from(index).unwrap_or(0).min(array.len());
    array.insert(index, item);
    Ok(())
}

/// A value that may not be there.
fn known(value: Option<Dynamic>) -> Dynamic {
    if value.is_none() {
        run::remember_missing(None);
    }
    value.unwrap_or(Dynamic::UNIT)
}
