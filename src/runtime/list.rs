//! Lists of cases: newest first, filtered, with a cursor that stands still while cases come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{value_text, visible};
use crate::model::limit::SCAN_CASES;
use crate::model::world::Hold;
use crate::model::{Case, CaseId, Name, Record, Value};
use crate::store::{self, IndexKey, Scan, Store};
use crate::workflow::{By, Definition};

use super::{Failure, Page, Query, Runtime};

impl Runtime {
    /// A page of cases.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn list(&self, query: Query) -> Result<Page, Failure> {
        let definition = self.0.library.live();
        self.read(move |store| list(store, &definition, &query)).await
    }
}

fn list(store: &dyn Store, definition: &Definition, query: &Query) -> Result<Page, store::Error> {
    let mut ids = Ids::new(store, sources(store, definition, query)?, query.oldest_first)?;
    let (mut cases, mut next, mut count) = (Vec::new(), None, 0);
    while let Some(id) = ids.next(store)? {
        let Some(case) = store.case(id)?.filter(|case| matches(definition, query, case)) else { continue };
        count += 1;
        let past = query.after.is_none_or(|after| if query.oldest_first { id > after } else { id < after });
        if past && cases.len() < query.limit {
            cases.push(case);
        } else if past {
            next = next.or_else(|| cases.last().map(|last: &Arc<Case>| last.id));
            if !query.count {
                break;
            }
        }
    }
    Ok(Page { cases, next, count: query.count.then_some(count) })
}

/// The ids that may match, in the order that is wanted.
enum Ids {
    NewestFirst(Vec<Source>),
    /// The store reads newest first only, so all ids are read (16 bytes each) and taken from the end.
    OldestFirst(Vec<CaseId>),
}

impl Ids {
    fn new(store: &dyn Store, mut sources: Vec<Source>, oldest_first: bool) -> Result<Self, store::Error> {
        if !oldest_first {
            return Ok(Self::NewestFirst(sources));
        }
        let mut all = Vec::new();
        while let Some(id) = newest(store, &mut sources)? {
            all.push(id);
        }
        Ok(Self::OldestFirst(all))
    }

    fn next(&mut self, store: &dyn Store) -> Result<Option<CaseId>, store::Error> {
        match self {
            Self::NewestFirst(sources) => newest(store, sources),
            Self::OldestFirst(ids) => Ok(ids.pop()),
        }
    }
}

/// A stream of ids, newest first, read from the store a piece at a time.
struct Source {
    index: Option<IndexKey>,
    before: Option<CaseId>,
    /// Read and not yet used, the newest last.
    waiting: Vec<CaseId>,
    ended: bool,
}

impl Source {
    fn peek(&mut self, store: &dyn Store) -> Result<Option<CaseId>, store::Error> {
        if self.waiting.is_empty() && !self.ended {
            let scan = Scan { index: self.index.clone(), before: self.before, limit: SCAN_CASES };
            self.waiting = store.scan(&scan)?;
            self.ended = self.waiting.len() < SCAN_CASES;
            self.waiting.reverse();
            self.before = self.waiting.first().copied().or(self.before);
        }
        Ok(self.waiting.last().copied())
    }
}

/// The newest id of all sources, taken out of each.
fn newest(store: &dyn Store, sources: &mut [Source]) -> Result<Option<CaseId>, store::Error> {
    let mut newest = None;
    for source in sources.iter_mut() {
        newest = newest.max(source.peek(store)?);
    }
    for source in sources {
        if newest.is_some() && source.waiting.last().copied() == newest {
            source.waiting.pop();
        }
    }
    Ok(newest)
}

/// The fewest streams that hold every match: one case for a unique value, the stages that the query names or
/// that wait for the owner it names, else everything.
fn sources(store: &dyn Store, definition: &Definition, query: &Query) -> Result<Vec<Source>, store::Error> {
    // Counting looks at every match, a page only at those behind the cursor.
    let before = if query.count || query.oldest_first { None } else { query.after };
    let source = |index| Source { index, before, waiting: Vec::new(), ended: false };
    let Some(workflow) = query.workflow.as_ref().and_then(|name| definition.workflows.get(name)) else {
        return Ok(vec![source(None)]);
    };
    for (field, value) in &query.fields {
        if workflow.schema.get(field).is_some_and(|field| field.unique) {
            let hold =
                Hold { workflow: Arc::clone(&workflow.name), field: Arc::clone(field), value: value.as_str().into() };
            let found = store.holder(&hold)?.filter(|id| before.is_none_or(|before| *id < before));
            return Ok(vec![Source { waiting: found.into_iter().collect(), ended: true, ..source(None) }]);
        }
    }
    let mut stages: BTreeSet<&Name> = query.stages.iter().collect();
    if let (true, Some(owner)) = (stages.is_empty(), &query.owner) {
        let waiting = workflow.stages.values().filter(|stage| match &stage.owner {
            Some(By::Role(role)) => role == owner,
            Some(By::User(_)) => true,
            None => false,
        });
        stages = waiting.map(|stage| &stage.name).collect();
        if stages.is_empty() {
            return Ok(Vec::new());
        }
    }
    if stages.is_empty() {
        return Ok(vec![source(None)]);
    }
    let index = |stage: &Name| IndexKey {
        workflow: Arc::clone(&workflow.name),
        facet: "stage".into(),
        value: Arc::clone(stage),
    };
    Ok(stages.into_iter().map(|stage| source(Some(index(stage)))).collect())
}

fn matches(definition: &Definition, query: &Query, case: &Case) -> bool {
    query.workflow.as_ref().is_none_or(|workflow| *workflow == case.workflow)
        && query.readable.as_ref().is_none_or(|readable| readable.contains(&case.workflow))
        && (query.stages.is_empty() || query.stages.contains(&case.stage))
        && query.owner.as_ref().is_none_or(|owner| waits_for(definition, case, owner))
        && query
            .fields
            .iter()
            .all(|(field, value)| case.fields.get(field).is_some_and(|found| *value_text(found) == **value))
        && query.text.as_ref().is_none_or(|text| contains(query, case, &text.to_lowercase()))
}

fn waits_for(definition: &Definition, case: &Case, owner: &str) -> bool {
    let stage = definition.workflows.get(&case.workflow).and_then(|workflow| workflow.stages.get(&case.stage));
    match stage.and_then(|stage| stage.owner.as_ref()) {
        Some(By::Role(role)) => &**role == owner,
        Some(By::User(field)) => case.fields.text(field) == Some(owner),
        None => false,
    }
}

/// A text that the caller may not see must not be found either.
fn contains(query: &Query, case: &Case, text: &str) -> bool {
    let found = |fields: &Record| fields.iter().any(|(_, value)| value_contains(value, text));
    case.number.to_lowercase().contains(text)
        || match query.hidden.get(&case.workflow) {
            Some(hidden) => found(&visible(hidden, &case.fields)),
            None => found(&case.fields),
        }
}

fn value_contains(value: &Value, text: &str) -> bool {
    match value {
        Value::Text(found) => found.to_lowercase().contains(text),
        Value::List(items) => items.iter().any(|item| value_contains(item, text)),
        Value::Row(row) => row.iter().any(|(_, value)| value_contains(value, text)),
        Value::Map(map) => map.values().any(|found| found.to_lowercase().contains(text)),
        Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_) => false,
    }
}
