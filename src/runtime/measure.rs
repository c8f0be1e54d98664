//! Measures over the stored cases (R132, R133, R134): judged once, and again only where something happened.
//!
//! What each case counts for is kept in memory with the position of the log up to which it holds. The next request
//! judges the cases that have had an event since; all of them, when what was judged may be otherwise now: other
//! definitions, changed rows of tables, another day or other cases for a measure that leans on them. Cases are judged in small pieces
//! on the threads that decide, so that commands get their turn in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use crate::engine::{Judged, Month, Part, Sight};
use crate::model::limit::{MEASURE_ITEMS_KEPT_MAX, MEASURES_KEPT_MAX, SCAN_CASES};
use crate::model::{Actor, Case, CaseId, Name, Revision, Timestamp};
use crate::store::Position;
use crate::workflow::{Definition, Measure};

use super::{Failure, Runtime, not_found, store_failure};

/// Events of the log after which everything is judged again, for that is then no more work.
const EVENTS_FOLLOWED_MAX: usize = 20_000;

/// What every case counts for, by the time at which it was opened.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    cases: BTreeMap<CaseId, Box<[Judged]>>,
}

/// A case, and a row of it, as a measure counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The case.
    pub case: CaseId,
    /// What it, or the row, counts for.
    pub judged: Judged,
}

/// What was judged, and as of when it holds.
#[derive(Clone, Debug)]
struct Kept {
    tally: Arc<Tally>,
    position: Position,
    stamp: Stamp,
}

/// What must be the same for what was judged to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    revision: Revision,
    rows: u64,
    day: Option<NaiveDate>,
    moment: Option<Timestamp>,
    position: Option<Position>,
}

/// What was judged of each measure, and when it was last asked for.
#[derive(Debug, Default)]
pub(super) struct Kepts(Mutex<Slots>);

/// How often something was asked for, and each measure with when that was.
type Slots = (u64, BTreeMap<Name, (u64, Slot)>);

/// Held while a measure is judged, so that those who ask at once wait for one answer.
type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

impl Tally {
    /// Everything that counts, the oldest case first.
    pub fn counted(&self) -> impl Iterator<Item = Counted> + '_ {
        let each = self.cases.iter();
        each.flat_map(|(case, judged)| judged.iter().map(|judged| Counted { case: *case, judged: *judged }))
    }

    /// What counts of the cases that are older than `before`, the newest first.
    pub fn newest_first(&self, before: Option<CaseId>) -> impl Iterator<Item = (CaseId, &[Judged])> + '_ {
        let before = before.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.cases.range((std::ops::Bound::Unbounded, before)).rev().map(|(case, judged)| (*case, &**judged))
    }

    fn put(&mut self, case: CaseId, judged: Vec<Judged>) {
        if judged.is_empty() { drop(self.cases.remove(&case)) } else { drop(self.cases.insert(case, judged.into())) }
    }
}

impl Judged {
    /// Whether it counts as one of `part` in one of some months.
    #[must_use]
    pub fn is(&self, month: Option<Month>, part: Option<Wanted>) -> bool {
        let wanted = part.is_none_or(|part| part == Wanted::of(self.part));
        wanted && (month.is_none() || month == self.month)
    }
}

/// Some of what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that are counted; of times, those that have one.
    Count,
    /// Those that are not.
    Rest,
    /// Those that can't be judged.
    Unknown,
}

impl Wanted {
    /// Where a part belongs.
    #[must_use]
    pub fn of(part: Part) -> Self {
        match part {
            Part::Count | Part::Time(_) => Self::Count,
            Part::Rest => Self::Rest,
            Part::Unknown => Self::Unknown,
        }
    }
}

impl Runtime {
    /// The numbers of some cases.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn numbers(&self, cases: Vec<CaseId>) -> Result<BTreeMap<CaseId, Name>, Failure> {
        let number = |case: Arc<Case>| (case.id, Name::clone(&case.number));
        self.read(move |store| {
            cases.into_iter().filter_map(|id| store.case(id).map(|case| case.map(number)).transpose()).collect()
        })
        .await
    }

    /// What every case of `workflow` counts for in a measure of `definition`.
    ///
    /// # Errors
    /// When there is no such measure, or the store can't be read.
    pub async fn tally(
        &self,
        definition: &Arc<Definition>,
        workflow: &Name,
        measure: &Name,
    ) -> Result<Arc<Tally>, Failure> {
        let asked = Arc::new(Asked {
            definition: Arc::clone(definition),
            workflow: Name::clone(workflow),
            measure: Name::clone(measure),
        });
        let stamp = self.stamp(&asked)?;
        let slot = self.0.measures.slot(measure);
        let mut kept = slot.lock().await;
        // Asked for before it is judged, so that nothing that happens meanwhile is missed the next time.
        let position = self.position();
        let known = kept.take().filter(|known| known.stamp == stamp);
        let touched = match &known {
            Some(known) => self.touched(workflow, known.position, position).await?,
            None => None,
        };
        let tally = match (known, touched) {
            (Some(known), Some(touched)) if touched.is_empty() => known.tally,
            (Some(known), Some(touched)) => {
                let mut tally = Arc::unwrap_or_clone(known.tally);
                self.again(&asked, touched, &mut tally).await?;
                Arc::new(tally)
            }
            (None, _) | (_, None) => Arc::new(self.all(&asked).await?),
        };
        if tally.cases.len() <= MEASURE_ITEMS_KEPT_MAX {
            *kept = Some(Kept { tally: Arc::clone(&tally), position, stamp });
        }
        Ok(tally)
    }

    fn stamp(&self, asked: &Asked) -> Result<Stamp, Failure> {
        let (zone, leans, now) = (asked.workflow()?.zone, asked.measure()?.leans, self.now());
        Ok(Stamp {
            revision: asked.definition.revision.clone(),
            rows: self.0.rows.now().epoch(),
            day: leans.day.then(|| now.day(zone)),
            moment: leans.moment.then_some(now),
            position: leans.beyond.then(|| self.position()),
        })
    }

    /// The cases that had an event between two positions; `None` when there are too many to follow.
    async fn touched(&self, workflow: &Name, from: Position, to: Position) -> Result<Option<Vec<CaseId>>, Failure> {
        if to.0.saturating_sub(from.0) > u64::try_from(EVENTS_FOLLOWED_MAX).unwrap_or(u64::MAX) {
            return Ok(None);
        }
        if from == to {
            return Ok(Some(Vec::new()));
        }
        let log = self.log(from, EVENTS_FOLLOWED_MAX).await?;
        let own = log.iter().filter(|logged| logged.workflow == *workflow);
        Ok(Some(own.map(|logged| logged.case).collect::<BTreeSet<_>>().into_iter().collect()))
    }

    async fn again(&self, asked: &Arc<Asked>, mut touched: Vec<CaseId>, tally: &mut Tally) -> Result<(), Failure> {
        while !touched.is_empty() {
            let piece = touched.split_off(touched.len().saturating_sub(SCAN_CASES));
            let (runtime, own) = (self.clone(), Arc::clone(asked));
            let work = move || {
                let stored = piece.into_iter().filter_map(|id| runtime.0.store.case(id).transpose());
                let cases = stored.collect::<Result<Vec<_>, _>>().map_err(store_failure)?;
                runtime.judged(&own, &cases)
            };
            for (case, judged) in self.0.deciders.run(work).await?? {
                tally.put(case, judged);
            }
        }
        Ok(())
    }

    async fn all(&self, asked: &Arc<Asked>) -> Result<Tally, Failure> {
        let mut cases = self.cases(&asked.definition, &asked.workflow, None, None)?;
        let mut tally = Tally::default();
        while !cases.ended() {
            let (runtime, own) = (self.clone(), Arc::clone(asked));
            let work = move || {
                let page = cases.next(&*runtime.0.store)?;
                Ok::<_, Failure>((runtime.judged(&own, &page)?, cases))
            };
            let (judged, rest) = self.0.deciders.run(work).await??;
            cases = rest;
            judged.into_iter().for_each(|(case, judged)| tally.put(case, judged));
        }
        Ok(tally)
    }

    fn judged(&self, asked: &Asked, cases: &[Arc<Case>]) -> Result<Vec<(CaseId, Vec<Judged>)>, Failure> {
        let (world, now, actor) = (self.world(), self.now(), Actor::system());
        let (definition, workflow, measure) = (&*asked.definition, asked.workflow()?, asked.measure()?);
        let sight = Sight { definition, workflow, actor: &actor, world: &world, now };
        Ok(cases.iter().map(|case| (case.id, sight.judge(measure, case))).collect())
    }
}

/// A measure that is asked for.
struct Asked {
    definition: Arc<Definition>,
    workflow: Name,
    measure: Name,
}

impl Asked {
    fn workflow(&self) -> Result<&crate::workflow::Workflow, Failure> {
        let found = self.definition.workflows.get(&self.workflow);
        found.map(Arc::as_ref).ok_or_else(|| not_found("workflow", &self.workflow))
    }

    fn measure(&self) -> Result<&Measure, Failure> {
        self.workflow()?.measures.get(&self.measure).ok_or_else(|| not_found("measure", &self.measure))
    }
}

impl Kepts {
    /// The place of a measure. The one that nobody has asked for longest makes room.
    fn slot(&self, measure: &Name) -> Slot {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, slots) = &mut *all;
        *asked = asked.saturating_add(1);
        let slot = slots.entry(Name::clone(measure)).or_default();
        slot.0 = *asked;
        let slot = Arc::clone(&slot.1);
        if slots.len() > MEASURES_KEPT_MAX
            && let Some(oldest) = slots.iter().min_by_key(|(_, (asked, _))| *asked).map(|(name, _)| Name::clone(name))
        {
            slots.remove(&oldest);
        }
        slot
    }
}
