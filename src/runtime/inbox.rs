//! The inbox: what of all cases waits for somebody, the longest waiting first.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{self, Work, WorkKind};
use crate::model::absence::ABSENCES;
use crate::model::limit::{LIST_CASES_MAX, SCAN_CASES};
use crate::model::{Actor, Case, CaseId, Name, Timestamp, World};
use crate::store::{self, IndexKey, Scan, Store};
use crate::workflow::Definition;

use super::{Failure, Runtime};

/// What is wanted of the inbox.
#[derive(Clone, Debug, Default)]
pub struct InboxQuery {
    /// Only cases of this workflow.
    pub workflow: Option<Name>,
    /// Only work that this role could do.
    pub role: Option<Name>,
    /// Only work of this kind.
    pub kind: Option<WorkKind>,
    /// Only work that waits for the very person, by a claim or by name.
    pub mine: bool,
    /// Where the page before ended.
    pub after: Option<InboxMark>,
    /// At most this many.
    pub limit: usize,
    /// Only cases of these workflows: those that the caller may read; `None` for all.
    pub readable: Option<BTreeSet<Name>>,
}

/// A place in the inbox: its deadline (the end of time without one), since when the work waits, of which case, under
/// which name.
pub type InboxMark = (Timestamp, Timestamp, CaseId, Name);

/// A page of the inbox.
#[derive(Clone, Debug, Default)]
pub struct InboxPage {
    /// The work, each with its case.
    pub work: Vec<(Arc<Case>, Work)>,
    /// Where the next page begins, when there is one.
    pub next: Option<InboxMark>,
    /// Whether so many cases may have work for them that only the oldest were looked at (`LIST_CASES_MAX`).
    pub incomplete: bool,
}

impl Runtime {
    /// What waits for `actor`: by deadline, those without one last; then the longest waiting first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn inbox(&self, actor: &Actor, query: InboxQuery) -> Result<InboxPage, Failure> {
        let (definition, world, now, actor) = (self.0.library.live(), self.world(), self.now(), actor.clone());
        let away = self.0.rows.now().tables.get(ABSENCES).cloned().unwrap_or_default();
        let stands_in = away.keys().any(|user| engine::stands_in(&actor, user, &world, now));
        let read = move |store: &dyn Store| {
            let asked = Asked { definition: &definition, world: &world, now, actor: &actor, query: &query };
            page(store, asked, stands_in, LIST_CASES_MAX)
        };
        self.read(read).await
    }
}

/// Who asks for what, under which definitions, as of when.
#[derive(Clone, Copy)]
struct Asked<'a> {
    definition: &'a Definition,
    world: &'a Arc<dyn World>,
    now: Timestamp,
    actor: &'a Actor,
    query: &'a InboxQuery,
}

fn page(store: &dyn Store, asked: Asked<'_>, stands_in: bool, most: usize) -> Result<InboxPage, store::Error> {
    let ids = candidates(store, asked, stands_in)?;
    let mut page = InboxPage { incomplete: ids.len() > most, ..InboxPage::default() };
    let mut found: Vec<(InboxMark, Arc<Case>, Work)> = Vec::new();
    // Ids sort by the time at which cases were opened: the oldest are looked at first.
    for id in ids.into_iter().take(most) {
        let Some(case) = store.case(id)? else { continue };
        found.extend(wanted(asked, &case).map(|work| (mark(&case, &work), Arc::clone(&case), work)));
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let behind = found.into_iter().filter(|(mark, ..)| asked.query.after.as_ref().is_none_or(|after| mark > after));
    for (mark, case, work) in behind {
        if page.work.len() == asked.query.limit {
            return Ok(page);
        }
        page.next = Some(mark);
        page.work.push((case, work));
    }
    page.next = None;
    Ok(page)
}

fn mark(case: &Case, work: &Work) -> InboxMark {
    (work.due.unwrap_or(Timestamp(i64::MAX)), work.since, case.id, format!("{}.{}", work.kind.word(), work.name).into())
}

/// What of a case is wanted.
fn wanted<'a>(asked: Asked<'a>, case: &Arc<Case>) -> impl Iterator<Item = Work> + use<'a> {
    let Asked { definition, world, now, actor, query } = asked;
    let workflow = definition.workflows.get(&case.workflow);
    let work = workflow.map(|workflow| engine::work(workflow, case, actor, world, now)).unwrap_or_default();
    work.into_iter().filter(|work| {
        query.kind.is_none_or(|kind| kind == work.kind)
            && query.role.as_ref().is_none_or(|role| work.roles.contains(role))
            && (!query.mine || work.personal)
    })
}

/// The cases that may have work for who asks.
fn candidates(store: &dyn Store, asked: Asked<'_>, stands_in: bool) -> Result<BTreeSet<CaseId>, store::Error> {
    let query = asked.query;
    let workflows = asked.definition.workflows.values().filter(|workflow| {
        query.workflow.as_ref().is_none_or(|wanted| *wanted == workflow.name)
            && query.readable.as_ref().is_none_or(|readable| readable.contains(&workflow.name))
    });
    let mut ids = BTreeSet::new();
    for workflow in workflows {
        for (facet, value) in engine::work_facets(workflow, asked.actor, stands_in) {
            if query.kind.is_some_and(|kind| kind.word() != &*facet) {
                continue;
            }
            let index = IndexKey { workflow: Name::clone(&workflow.name), facet, value };
            scan(store, &index, &mut ids)?;
        }
    }
    Ok(ids)
}

fn scan(store: &dyn Store, index: &IndexKey, ids: &mut BTreeSet<CaseId>) -> Result<(), store::Error> {
    let mut before = None;
    loop {
        let found = store.scan(&Scan { index: Some(index.clone()), before, limit: SCAN_CASES })?;
        before = found.last().copied();
        ids.extend(&found);
        if found.len() < SCAN_CASES {
            return Ok(());
        }
    }
}
