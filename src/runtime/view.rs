//! Views over the stored cases, worked out in small pieces on the threads that decide, so that commands get their
//! turn in between.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{Cell, STAGE, Sight, compare};
use crate::model::limit::{SCAN_CASES, VIEW_CASES_MAX, VIEW_PLACES_MAX};
use crate::model::{Actor, Case, CaseId, Name, Timestamp, Value, World};
use crate::store;
use crate::workflow::{Definition, Sort, View};

use super::list::{self, Scope};
use super::{Failure, Query, Runtime, store_failure};

/// A part of a view that is wanted.
#[derive(Clone, Debug)]
pub struct Look {
    /// The definitions.
    pub definition: Arc<Definition>,
    /// The workflow.
    pub workflow: Name,
    /// The view.
    pub view: Name,
    /// Who looks.
    pub actor: Actor,
    /// The fields that they may not see.
    pub hidden: Arc<BTreeSet<Name>>,
    /// What it is sorted by; newest first without.
    pub sort: Vec<Sort>,
    /// Where the part before ended; for what is not sorted.
    pub after: Option<CaseId>,
    /// How many rows come before it; for what is sorted.
    pub skip: usize,
    /// At most this many rows; the rows of one case stay together where nothing is sorted, and may be a few more.
    pub limit: usize,
}

/// A part of a view.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Its rows.
    pub rows: Vec<ViewRow>,
    /// The case after which the next part begins; for what is not sorted.
    pub next: Option<CaseId>,
    /// How many rows there are in all; for what is sorted.
    pub count: Option<usize>,
    /// Whether there were more cases than one request looks at (`VIEW_CASES_MAX`, `VIEW_PLACES_MAX`).
    pub incomplete: bool,
}

/// A row of a view.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewRow {
    /// The case.
    pub case: CaseId,
    /// Its number.
    pub number: Name,
    /// The place of the row in the list of the case that the view goes through.
    pub line: Option<usize>,
    /// Its cells, one for each column.
    pub cells: Vec<Cell>,
}

/// A row that has its place in the order, and is not worked out yet.
struct Place {
    keys: Vec<Option<Value>>,
    case: CaseId,
    line: Option<usize>,
}

/// The cases of a workflow, newest first, a piece at a time.
pub(super) struct Cases {
    pub(super) definition: Arc<Definition>,
    query: Query,
    ended: bool,
}

impl Runtime {
    /// A part of a view.
    ///
    /// # Errors
    /// When there is no such view, or the store can't be read.
    pub async fn view(&self, look: Look) -> Result<Looked, Failure> {
        let look = Arc::new(look);
        let view = find(&look)?;
        let stages = view.stages.clone();
        let cases = self.cases(&look.definition, &look.workflow, stages, look.after)?;
        if look.sort.is_empty() { self.newest(&look, cases).await } else { self.sorted(&look, cases).await }
    }

    /// The cases of a workflow; those of some stages, or all.
    pub(super) fn cases(
        &self,
        definition: &Arc<Definition>,
        workflow: &Name,
        stages: Option<BTreeSet<Name>>,
        after: Option<CaseId>,
    ) -> Result<Cases, Failure> {
        let stages = match stages {
            Some(stages) => stages,
            None => stages_of(&*self.0.store, workflow).map_err(store_failure)?,
        };
        let ended = stages.is_empty();
        let query =
            Query { workflow: Some(Name::clone(workflow)), stages, after, limit: SCAN_CASES, ..Query::default() };
        Ok(Cases { definition: Arc::clone(definition), query, ended })
    }

    async fn newest(&self, look: &Arc<Look>, mut cases: Cases) -> Result<Looked, Failure> {
        let (mut looked, mut seen) = (Looked::default(), 0_usize);
        loop {
            let (runtime, own, left) = (self.clone(), Arc::clone(look), look.limit.saturating_sub(looked.rows.len()));
            let work = move || {
                let page = cases.next(&*runtime.0.store)?;
                Ok::<_, Failure>((runtime.rows_of(&own, &page, left)?, page.len(), cases))
            };
            let ((rows, last), count, rest) = self.0.deciders.run(work).await??;
            cases = rest;
            looked.rows.extend(rows);
            seen = seen.saturating_add(count);
            let full = looked.rows.len() >= look.limit;
            if full || seen >= VIEW_CASES_MAX {
                looked.incomplete = !full;
                looked.next = last.or(cases.query.after.filter(|_| !cases.ended));
                return Ok(looked);
            }
            if cases.ended {
                return Ok(looked);
            }
        }
    }

    /// The rows of some cases, and the case at which there were enough, when others of them come after it.
    fn rows_of(
        &self,
        look: &Look,
        cases: &[Arc<Case>],
        left: usize,
    ) -> Result<(Vec<ViewRow>, Option<CaseId>), Failure> {
        let (view, world, now) = (find(look)?, self.world(), self.now());
        let sight = sight(look, &world, now)?;
        let mut rows = Vec::new();
        for (place, case) in cases.iter().enumerate() {
            let lines: Vec<_> = sight.rows(view, &[], case).into_iter().map(|placed| placed.line).collect();
            if !lines.is_empty() {
                rows.extend(row(&sight, look, view, case, &lines));
            }
            if rows.len() >= left {
                return Ok((rows, (place.saturating_add(1) < cases.len()).then_some(case.id)));
            }
        }
        Ok((rows, None))
    }

    async fn sorted(&self, look: &Arc<Look>, mut cases: Cases) -> Result<Looked, Failure> {
        let (mut places, mut seen, mut looked) = (Vec::new(), 0_usize, Looked::default());
        while !cases.ended && !looked.incomplete {
            let (runtime, own) = (self.clone(), Arc::clone(look));
            let work = move || {
                let page = cases.next(&*runtime.0.store)?;
                Ok::<_, Failure>((runtime.places_of(&own, &page)?, page.len(), cases))
            };
            let (more, count, rest) = self.0.deciders.run(work).await??;
            (cases, seen) = (rest, seen.saturating_add(count));
            places.extend(more);
            looked.incomplete = !cases.ended && (seen >= VIEW_CASES_MAX || places.len() >= VIEW_PLACES_MAX);
        }
        // Who has waited longest comes first among equals.
        places.sort_by(|one: &Place, other: &Place| {
            compare(&look.sort, &one.keys, &other.keys).then((one.case, one.line).cmp(&(other.case, other.line)))
        });
        looked.count = Some(places.len());
        let mut wanted: Vec<_> = places.into_iter().skip(look.skip).take(look.limit).collect();
        while !wanted.is_empty() {
            let (runtime, own, piece) =
                (self.clone(), Arc::clone(look), wanted.split_off(wanted.len().saturating_sub(SCAN_CASES)));
            let rows = self.0.deciders.run(move || runtime.placed(&own, &piece)).await??;
            looked.rows.splice(0..0, rows);
        }
        Ok(looked)
    }

    fn places_of(&self, look: &Look, cases: &[Arc<Case>]) -> Result<Vec<Place>, Failure> {
        let (view, world, now) = (find(look)?, self.world(), self.now());
        let sight = sight(look, &world, now)?;
        let places = cases.iter().flat_map(|case| {
            let rows = sight.rows(view, &look.sort, case);
            rows.into_iter().map(|placed| Place { keys: placed.keys, case: case.id, line: placed.line })
        });
        Ok(places.collect())
    }

    fn placed(&self, look: &Look, places: &[Place]) -> Result<Vec<ViewRow>, Failure> {
        let (view, world, now) = (find(look)?, self.world(), self.now());
        let sight = sight(look, &world, now)?;
        let mut rows = Vec::with_capacity(places.len());
        for place in places {
            if let Some(case) = self.0.store.case(place.case).map_err(store_failure)? {
                rows.extend(row(&sight, look, view, &case, &[place.line]));
            }
        }
        Ok(rows)
    }
}

impl Cases {
    /// The next piece; the last one when it has `ended`.
    pub(super) fn next(&mut self, store: &dyn store::Store) -> Result<Vec<Arc<Case>>, Failure> {
        let scope = Scope { store, definition: &self.definition, query: &self.query, most: SCAN_CASES };
        let page = list::page(scope).map_err(store_failure)?;
        (self.query.after, self.ended) = (page.next.or(self.query.after), page.next.is_none());
        Ok(page.cases)
    }

    /// Whether there are no more.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }
}

/// The stages that cases of a workflow are in, also those that the live definitions do not have any more.
fn stages_of(store: &dyn store::Store, workflow: &Name) -> Result<BTreeSet<Name>, store::Error> {
    let counts = store.counts()?.into_iter();
    let own = counts.filter(|(entry, _)| entry.workflow == *workflow && &*entry.facet == STAGE);
    Ok(own.map(|(entry, _)| entry.value).collect())
}

fn find(look: &Look) -> Result<&View, Failure> {
    let view = look.definition.workflows.get(&look.workflow).and_then(|workflow| workflow.views.get(&look.view));
    view.ok_or_else(|| super::not_found("view", &look.view))
}

fn sight<'a>(look: &'a Look, world: &'a Arc<dyn World>, now: Timestamp) -> Result<Sight<'a>, Failure> {
    let definition = &*look.definition;
    let workflow =
        definition.workflows.get(&look.workflow).ok_or_else(|| super::not_found("workflow", &look.workflow))?;
    Ok(Sight { definition, workflow, actor: &look.actor, world, now })
}

fn row(sight: &Sight<'_>, look: &Look, view: &View, case: &Case, lines: &[Option<usize>]) -> Vec<ViewRow> {
    let rows = sight.cells(view, &look.hidden, case, lines).into_iter();
    let row = |(line, cells)| ViewRow { case: case.id, number: Name::clone(&case.number), line, cells };
    rows.map(row).collect()
}
