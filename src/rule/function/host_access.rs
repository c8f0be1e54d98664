//! How scripts reach into host types: properties, indexes, iteration, `is_set`, `table`, and maps of texts.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, ImmutableString, Module};

use super::super::fault::{Fault, MISMATCH};
use super::super::host::{
    Date, Entered, Entrance, List, Moment, Person, Row, RowRole, Span, Supplies, Supply, Tasks, Texts, text,
};
use super::super::run;
use super::Answer;
use crate::diagnostic::did_you_mean;
use crate::model::Name;

/// Adds the functions.
pub(super) fn add(module: &mut Module) {
    super::add(module, "is_set", |value: Dynamic| is_set(&value));
    super::add(module, "table", table);
    super::add(module, "has_role", |_: Person, role: &str| -> Answer<bool> {
        Ok(run::see(|run| Ok(run.facts.actor.has(role)))?)
    });
    super::add(module, "get", |texts: Texts, key: &str| text_at(&texts, key));
    super::add(module, "keys", |texts: Texts| -> Array { texts.0.keys().map(|key| text(key)).collect() });
    super::add(module, "values", |texts: Texts| -> Array { texts.0.values().map(|value| text(value)).collect() });
    super::add(module, "len", |texts: Texts| i64::try_from(texts.0.len()).unwrap_or(i64::MAX));
    super::add(module, "is_empty", |texts: Texts| texts.0.is_empty());
}

/// Adds properties, indexes and iteration.
pub(in super::super) fn access(engine: &mut Engine) {
    engine
        .register_type_with_name::<Row>("record")
        .register_type_with_name::<List>("list")
        .register_type_with_name::<Texts>("map")
        .register_type_with_name::<Date>("date")
        .register_type_with_name::<Moment>("datetime")
        .register_type_with_name::<Span>("duration")
        .register_type_with_name::<Supplies>("`resource`")
        .register_type_with_name::<Supply>("a resource")
        .register_iterator::<List>()
        .register_iterator::<Array>()
        .register_indexer_get(|row: &mut Row, field: &str| -> Answer<Dynamic> { Ok(row.get(field)?) })
        .register_indexer_get(|list: &mut List, subset: &str| -> Answer<List> { Ok(list.subset(subset)?) })
        .register_indexer_get(|list: &mut List, index: i64| item(list, index))
        .register_indexer_get(|texts: &mut Texts, key: &str| text_at(texts, key))
        .register_indexer_get(|entered: &mut Entered, stage: &str| entry(entered, stage))
        .register_indexer_get(super::resource::named)
        .register_indexer_get(|tasks: &mut Tasks, name: &str| task(tasks, name))
        .register_get("at", |entry: &mut Entrance| Moment(entry.0.at))
        .register_get("by", |entry: &mut Entrance| ImmutableString::from(&*entry.0.by))
        .register_get("times", |entry: &mut Entrance| i64::from(entry.0.times))
        .register_get("user", |_: &mut Person| actor_user())
        .register_get("roles", |_: &mut Person| actor_roles());
    super::time::properties(engine);
    super::calendar::properties(engine);
    super::super::kin::access(engine);
}

/// Whether there is a value. An unset list is an empty one, so a list is set when it has an item.
fn is_set(value: &Dynamic) -> bool {
    run::remember_missing(None);
    if let Some(list) = value.read_lock::<List>() {
        return list.len() > 0;
    }
    if let Some(texts) = value.read_lock::<Texts>() {
        return !texts.0.is_empty();
    }
    !value.is_unit()
}

fn table(name: &str, key: Dynamic) -> Answer<Dynamic> {
    let key: Name = if let Ok(key) = key.as_immutable_string_ref() {
        key.as_str().into()
    } else if let Some(RowRole::Table { key, .. }) = key.read_lock::<Row>().map(|row| row.role().clone()) {
        key
    } else if key.is_unit() {
        return Err(Fault::missing("`table`").into());
    } else {
        return Err(Fault::new(MISMATCH, "the key of a table is a text").into());
    };
    let known = run::see(|run| {
        let tables = &run.facts.tables;
        tables.get_key_value(name).map(|(name, _)| Arc::clone(name)).ok_or_else(|| {
            let near = did_you_mean(name, tables.keys().map(|name| &**name));
            let near = near.map(|near| format!(", did you mean `{near}`")).unwrap_or_default();
            Fault::script(format!("there is no table `{name}`{near}"))
        })
    })?;
    let row = Row::in_table(&known, &key);
    let exists = matches!(row.role(), RowRole::Table { exists: true, .. });
    if !exists {
        run::remember_missing(Some(format!("{name}[{key}]")));
    }
    Ok(if exists { Dynamic::from(row) } else { Dynamic::UNIT })
}

/// The item at `index`; a negative one counts from the end.
fn item(list: &List, index: i64) -> Answer<Dynamic> {
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let from_start = if index < 0 { length.saturating_add(index) } else { index };
    let item = usize::try_from(from_start).ok().and_then(|position| list.item(position));
    Ok(item.ok_or_else(|| Fault::script(format!("the list has {length} items, and there is none at {index}")))?)
}

fn text_at(texts: &Texts, key: &str) -> Dynamic {
    if !texts.0.contains_key(key) {
        run::remember_missing(Some(key.to_owned()));
    }
    texts.0.get(key).map_or(Dynamic::UNIT, |value| text(value))
}

fn entry(entered: &Entered, stage: &str) -> Dynamic {
    if !entered.0.contains_key(stage) {
        run::remember_missing(Some(format!("entered.{stage}")));
    }
    entered.0.get(stage).map_or(Dynamic::UNIT, |entry| Dynamic::from(Entrance(entry.clone())))
}

fn task(tasks: &Tasks, name: &str) -> Answer<Row> {
    let found = tasks.0.tasks.get(name).map(|(record, schema)| Row::plain(record, Some(schema)));
    Ok(found.ok_or_else(|| {
        let near = did_you_mean(name, tasks.0.tasks.keys().map(|name| &**name));
        let near = near.map(|near| format!(", did you mean `{near}`")).unwrap_or_default();
        Fault::script(format!("there is no task `{name}`{near}"))
    })?)
}

fn actor_user() -> Answer<ImmutableString> {
    Ok(run::see(|run| Ok(ImmutableString::from(&*run.facts.actor.user)))?)
}

fn actor_roles() -> Answer<List> {
    Ok(run::see(|run| List::made(run.facts.actor.roles.iter().map(|role| text(role)).collect()))?)
}
