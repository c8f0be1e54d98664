//! Lists of cases: newest first, filtered, with a cursor that stands still while cases come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{PARENT, STAGE, value_text, visible};
use crate::model::limit::{LIST_CASES_MAX, SCAN_CASES};
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
        self.read(move |store| list(Scope { store, definition: &definition, query: &query, most: LIST_CASES_MAX }))
            .await
    }
}

/// What is listed, and from what.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) definition: &'a Definition,
    pub(super) query: &'a Query,
    /// How many cases are looked at, at most.
    pub(super) most: usize,
}

fn list(scope: Scope<'_>) -> Result<Page, store::Error> {
    let mut page = page(scope)?;
    if scope.query.count {
        let (count, incomplete) = count(scope)?;
        page.count = Some(count);
        page.incomplete |= incomplete;
    }
    Ok(page)
}

/// The cases behind the cursor, and where the next page begins.
pub(super) fn page(scope: Scope<'_>) -> Result<Page, store::Error> {
    let mut page = Page::default();
    let mut walk = Walk::new(scope, scope.query.after)?;
    while let Some(case) = walk.next()? {
        if page.cases.len() == scope.query.limit {
            page.next = page.cases.last().map(|last| last.id);
            return Ok(page);
        }
        page.cases.push(case);
    }
    page.next = walk.stopped_at;
    page.incomplete = page.next.is_some();
    Ok(page)
}

/// How many cases match, and whether it was given up before all were looked at.
fn count(scope: Scope<'_>) -> Result<(u64, bool), store::Error> {
    if let Some(count) = counted(scope)? {
        return Ok((count, false));
    }
    let mut walk = Walk::new(scope, None)?;
    let mut count = 0;
    while walk.next()?.is_some() {
        count += 1;
    }
    Ok((count, walk.stopped_at.is_some()))
}

/// How many cases match, when their stages decide it: the store has counted those.
fn counted(Scope { store, definition, query, .. }: Scope<'_>) -> Result<Option<u64>, store::Error> {
    if query.text.is_some() || !query.fields.is_empty() || query.parent.is_some() {
        return Ok(None);
    }
    let mut sum = 0_u64;
    for (entry, count) in store.counts()? {
        let (workflow, stage) = (&entry.workflow, &entry.value);
        let wanted = &*entry.facet == STAGE
            && query.workflow.as_ref().is_none_or(|wanted| wanted == workflow)
            && query.readable.as_ref().is_none_or(|readable| readable.contains(workflow))
            && (query.stages.is_empty() || query.stages.contains(stage));
        let waits = match (&query.owner, owner_of(definition, workflow, stage)) {
            (None, _) => true,
            (Some(owner), Some(By::Role(role))) => role == owner,
            (Some(_), Some(By::User(_))) if wanted => return Ok(None),
            (Some(_), Some(By::User(_)) | None) => false,
        };
        sum = sum.saturating_add(if wanted && waits { count } else { 0 });
    }
    Ok(Some(sum))
}

/// A walk over the cases that match, in the order that is wanted.
struct Walk<'a> {
    scope: Scope<'a>,
    ids: Ids,
    /// How many more cases are looked at.
    left: usize,
    /// The last case that was looked at.
    last: Option<CaseId>,
    /// The case at which it was given up, when it was.
    stopped_at: Option<CaseId>,
}

impl<'a> Walk<'a> {
    fn new(scope: Scope<'a>, after: Option<CaseId>) -> Result<Self, store::Error> {
        let Scope { store, definition, query, most } = scope;
        let sources = sources(store, definition, query, if query.oldest_first { None } else { after })?;
        let ids =
            if query.oldest_first { Ids::oldest_first(store, sources, after)? } else { Ids::NewestFirst(sources) };
        Ok(Self { scope, ids, left: most, last: None, stopped_at: None })
    }

    fn next(&mut self) -> Result<Option<Arc<Case>>, store::Error> {
        let Scope { store, definition, query, .. } = self.scope;
        while let Some(id) = self.ids.next(store)? {
            let Some(left) = self.left.checked_sub(1) else {
                self.stopped_at = self.last;
                break;
            };
            (self.left, self.last) = (left, Some(id));
            let found = store.case(id)?.filter(|case| matches(definition, query, case));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The ids that may match, in the order that is wanted.
enum Ids {
    NewestFirst(Vec<Source>),
    /// The store reads newest first only, so all ids are read (16 bytes each) and taken from the end.
    OldestFirst(Vec<CaseId>),
}

impl Ids {
    /// Those behind `after`.
    fn oldest_first(store: &dyn Store, mut sources: Vec<Source>, after: Option<CaseId>) -> Result<Self, store::Error> {
        let mut all = Vec::new();
        while let Some(id) = newest(store, &mut sources)?.filter(|id| after.is_none_or(|after| *id > after)) {
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

/// The fewest streams that hold every match: the children of a case, one case for a unique value, the stages that the query names or
/// that wait for the owner it names, else everything.
fn sources(
    store: &dyn Store,
    definition: &Definition,
    query: &Query,
    before: Option<CaseId>,
) -> Result<Vec<Source>, store::Error> {
    let source = |index| Source { index, before, waiting: Vec::new(), ended: false };
    if let Some(parent) = query.parent {
        let index = |workflow| IndexKey { workflow, facet: PARENT.into(), value: parent.to_string().into() };
        let workflows = definition.workflows.values().filter(|workflow| workflow.parent.is_some());
        let wanted = workflows.filter(|found| query.workflow.as_ref().is_none_or(|wanted| *wanted == found.name));
        return Ok(wanted.map(|workflow| source(Some(index(Arc::clone(&workflow.name))))).collect());
    }
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
    let index =
        |stage: &Name| IndexKey { workflow: Arc::clone(&workflow.name), facet: STAGE.into(), value: Arc::clone(stage) };
    Ok(stages.into_iter().map(|stage| source(Some(index(stage)))).collect())
}

fn matches(definition: &Definition, query: &Query, case: &Case) -> bool {
    query.workflow.as_ref().is_none_or(|workflow| *workflow == case.workflow)
        && query.readable.as_ref().is_none_or(|readable| readable.contains(&case.workflow))
        && (query.stages.is_empty() || query.stages.contains(&case.stage))
        && query.parent.is_none_or(|parent| case.kin.parent.as_ref().is_some_and(|bond| bond.case.case == parent))
        && query.owner.as_ref().is_none_or(|owner| waits_for(definition, case, owner))
        && query
            .fields
            .iter()
            .all(|(field, value)| case.fields.get(field).is_some_and(|found| *value_text(found) == **value))
        && query.text.as_ref().is_none_or(|text| contains(query, case, &text.to_lowercase()))
}

/// Who a case in a stage waits for.
fn owner_of<'a>(definition: &'a Definition, workflow: &str, stage: &str) -> Option<&'a By> {
    definition.workflows.get(workflow)?.stages.get(stage)?.owner.as_ref()
}

fn waits_for(definition: &Definition, case: &Case, owner: &str) -> bool {
    match owner_of(definition, &case.workflow, &case.stage) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;
    use crate::model::{Changes, Event, Recorded, Revision, Timestamp};
    use crate::store::{CaseItem, Item, Memory, PoolUse};

    const WORKFLOW: &str = "workflow: w\ntitle: W\nopen: { by: clerk, to: new }\nstages: { new: { final: success } }\n";

    /// Cases 1 to 9; every third one is of another workflow.
    fn stored() -> Memory {
        let store = Memory::new();
        let item = |number: i64| {
            let workflow: Name = if number % 3 == 0 { "other" } else { "w" }.into();
            let id = CaseId::new(number, 0);
            let event = Event::Opened {
                workflow: Name::clone(&workflow),
                number: number.to_string().into(),
                stage: "new".into(),
                changes: Changes::default(),
                comment: None,
                parent: None,
            };
            let (at, by) = (Timestamp(number), "ann".into());
            let events = [Recorded {
                version: 1,
                at,
                by,
                on_behalf_of: None,
                revision: Revision("r".into()),
                event,
                because: Vec::new(),
            }];
            let case = engine::fold(id, &events).unwrap();
            let index = IndexKey { workflow, facet: STAGE.into(), value: "new".into() };
            Item::from(CaseItem {
                expected: 0,
                events: events.into(),
                case: case.into(),
                index_add: [index].into(),
                index_remove: BTreeSet::new(),
                hold: Vec::new(),
                release: Vec::new(),
                series: None,
                pools: PoolUse::default(),
                due: None,
            })
        };
        store.commit((1..=9).map(item).collect()).unwrap();
        store
    }

    /// The pages of a list of which so many cases are looked at for each.
    fn pages(most: usize, change: impl Fn(&mut Query)) -> String {
        let store = stored();
        let files = [("workflows/roles.yaml", "roles: { clerk: Clerk }"), ("workflows/w.yaml", WORKFLOW)];
        let files = files.map(|(path, text)| (path.into(), text.as_bytes().into())).into();
        let definition = crate::workflow::compile(&files).definition.unwrap();
        let mut query = Query { workflow: Some("w".into()), limit: 3, count: true, ..Query::default() };
        change(&mut query);
        let mut pages = Vec::new();
        loop {
            let scope = Scope { store: &store, definition: &definition, query: &query, most };
            let page = list(scope).unwrap();
            let numbers: Vec<_> = page.cases.iter().map(|case| &*case.number).collect();
            let mark = if page.incomplete { "..." } else { "" };
            pages.push(format!("{}{mark} of {}", numbers.join(" "), page.count.unwrap()));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return pages.join(", "),
            }
        }
    }

    #[test]
    fn a_page_ends_where_too_many_cases_had_to_be_looked_at() {
        let text = |query: &mut Query| query.text = Some("".into());
        assert_eq!(pages(20, text), "8 7 5 of 6, 4 2 1 of 6");
        assert_eq!(pages(5, text), "8 7 5... of 3, 4 2 1... of 3");
        assert_eq!(pages(9, text), "8 7 5 of 6, 4 2 1 of 6");
        assert_eq!(pages(2, text), "8... of 1, 7... of 1, 5 4... of 1, 2... of 1, 1... of 1");
        let oldest_first = |query: &mut Query| (query.oldest_first, query.text) = (true, Some("".into()));
        assert_eq!(pages(4, oldest_first), "1 2 4... of 3, 5 7 8... of 3, ... of 3");
    }

    #[test]
    fn what_the_stages_decide_is_not_counted_by_looking() {
        assert_eq!(pages(2, |_| ()), "8... of 6, 7... of 6, 5 4... of 6, 2... of 6, 1 of 6");
        let readable = |query: &mut Query| (query.workflow, query.readable) = (None, Some(["other".into()].into()));
        assert_eq!(pages(9, readable), "9 6 3 of 3");
        assert_eq!(pages(9, |query| query.stages = ["old".into()].into()), " of 0");
    }
}
