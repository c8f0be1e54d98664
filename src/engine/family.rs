//! The other cases of a command: those that it reads, opens or moves.
//!
//! One case is worked on at a time. Whoever reaches another one is set aside until the other's step is done; a step
//! of a case that is set aside can't begin before its own is done, so a circle is refused. Every case that was
//! reached stays here as it stands, and what it sees of its kin is how they stand.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::model::limit::{COMMAND_CASES_MAX, SIGNAL_DEPTH_MAX};
use crate::model::resource::Moves;
use crate::model::world::Hold;
use crate::model::{Case, CaseId, CaseName, Kin, Language, Name, Reason, Recorded, Refusal, RefusalKind, Title, World};
use crate::rule::{Holdings, Kindred, Relative};
use crate::workflow::{Definition, End, Workflow};

use super::Touched;
use super::draft::{Draft, conflict};
use super::hold::SHORT;

/// The other cases of a command.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    /// Those that were reached, in that order, as they stand.
    works: Vec<Work>,
    /// Those that are set aside, the outermost first.
    path: Vec<Aside>,
    /// Those that may go on by themselves now.
    due: VecDeque<CaseId>,
    /// Automatic transitions that each case has taken so far.
    steps: BTreeMap<CaseId, usize>,
    /// What else there is to say of why a step could not be done.
    pub(super) more: Vec<Reason>,
}

/// A case that was reached, between two of its steps.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// The case before the command; `None` for one that the command opens.
    pub(super) before: Option<Arc<Case>>,
    /// The case as it stands.
    pub(super) case: Arc<Case>,
    /// What has happened to it.
    pub(super) events: Vec<Recorded>,
    /// The number series it used, and the place in it.
    pub(super) series: Option<(Name, u64)>,
}

/// A case that is set aside while another one does a step.
#[derive(Clone, Debug)]
struct Aside {
    /// The case with the values as they are.
    case: Arc<Case>,
    /// The transition that it is taking.
    doing: Name,
}

impl Family {
    /// A case that may go on by itself.
    pub(super) fn now_due(&mut self, id: CaseId) {
        if !self.due.contains(&id) {
            self.due.push_back(id);
        }
    }

    /// The next case that may go on by itself.
    pub(super) fn next_due(&mut self) -> Option<CaseId> {
        self.due.pop_front()
    }

    /// Counts an automatic transition of a case; says how many that makes.
    pub(super) fn stepped(&mut self, id: CaseId) -> usize {
        let steps = self.steps.entry(id).or_default();
        *steps = steps.saturating_add(1);
        *steps
    }

    /// After an event of `case`: its kin may go on, where their workflows wait for that.
    pub(super) fn moved(&mut self, definition: &Definition, case: &Case) {
        let watches = |name: &CaseName, look: fn(&Workflow) -> bool| {
            definition.workflows.get(&name.workflow).is_some_and(|workflow| look(workflow))
        };
        let parent = case.kin.parent.iter().filter(|bond| watches(&bond.case, |workflow| workflow.watches.children));
        let children = case.kin.children.iter();
        let children = children.filter(|bond| watches(&bond.case, |workflow| workflow.watches.parent));
        parent.chain(children).for_each(|bond| self.now_due(bond.case.case));
    }

    /// A case as it stands, when it was reached.
    fn known(&self, id: CaseId) -> Option<&Arc<Case>> {
        let aside = self.path.iter().find(|aside| aside.case.id == id).map(|aside| &aside.case);
        aside.or_else(|| self.works.iter().find(|work| work.case.id == id).map(|work| &work.case))
    }

    /// Takes a case out to work on it; one that was not reached before is read.
    pub(super) fn take(&mut self, id: CaseId, world: &dyn World) -> Option<Work> {
        if let Some(place) = self.works.iter().position(|work| work.case.id == id) {
            // Its place is kept, so that the order is that in which they were first reached.
            return self.works.get(place).cloned();
        }
        let case = world.case(id)?;
        Some(Work { before: Some(Arc::clone(&case)), case, events: Vec::new(), series: None })
    }

    fn put(&mut self, work: Work) {
        match self.works.iter_mut().find(|known| known.case.id == work.case.id) {
            Some(known) => *known = work,
            None => self.works.push(work),
        }
    }

    /// Takes a case out for good.
    fn withdraw(&mut self, id: CaseId) -> Option<Work> {
        let place = self.works.iter().position(|work| work.case.id == id)?;
        Some(self.works.remove(place))
    }

    /// Refuses a step of a case that is set aside, with the way that led back to it.
    fn circle(&self, to: &CaseName, here: &Case, doing: &Name, take: &str) -> Result<(), Reason> {
        let aside = self.path.iter().position(|aside| aside.case.id == to.case);
        if aside.is_none() && to.case != here.id {
            return Ok(());
        }
        let outer = self.path.iter().skip(aside.unwrap_or(self.path.len()));
        let mut way: Vec<String> = outer.map(|aside| format!("{} `{}`", aside.case.number, aside.doing)).collect();
        way.push(format!("{} `{doing}`", here.number));
        way.push(format!("{} `{take}`", to.number));
        let way = way.join(" -> ");
        let (zh, en) = (format!("信号成环: {way}"), format!("signals go in a circle: {way}"));
        Err(Reason { case: Some(to.case), ..conflict("signal_circle", &zh, &en) })
    }

    fn touched(&self) -> usize {
        self.works.iter().filter(|work| !work.events.is_empty()).count()
    }
}

impl<'a> Draft<'a> {
    /// Refuses a step of another case where it would be one too many.
    pub(super) fn reachable(&self, to: &CaseName, doing: &Name, take: &str) -> Result<(), Reason> {
        self.family.circle(to, &self.case, doing, take)?;
        if self.family.path.len() >= SIGNAL_DEPTH_MAX {
            let zh = format!("单据之间的连锁超过 {SIGNAL_DEPTH_MAX} 层");
            return Err(conflict(
                "too_deep",
                &zh,
                &format!("one case would reach the next more than {SIGNAL_DEPTH_MAX} deep"),
            ));
        }
        if self.family.touched().saturating_add(1) >= COMMAND_CASES_MAX {
            let zh = format!("一次操作最多涉及 {COMMAND_CASES_MAX} 张单据");
            return Err(conflict(
                "too_many_cases",
                &zh,
                &format!("one command would change more than {COMMAND_CASES_MAX} cases"),
            ));
        }
        Ok(())
    }

    /// Sets this case aside, which is taking `doing`, and does a step of another one.
    pub(super) fn visit<T>(
        &mut self,
        work: Work,
        doing: &Name,
        step: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let workflow = super::find(self.definition, &work.case.workflow)?;
        let case = Arc::new(Case { fields: self.fields.clone(), ..self.case.clone() });
        self.family.path.push(Aside { case, doing: Arc::clone(doing) });
        let (done, all) = self.step_of(workflow, work, step);
        self.family.path.pop();
        if self.holdings.all() != all {
            Arc::make_mut(&mut self.holdings).resume(&all);
            self.forget_computed();
        }
        done
    }

    /// Lets another case go on by itself while this one, the command's own, does nothing: it can be reached then too.
    pub(super) fn yield_to(
        &mut self,
        work: Work,
        step: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let workflow = super::find(self.definition, &work.case.workflow)?;
        let events = self.events.len();
        let own = Work { before: None, case: self.case.clone().into(), events: self.events.clone(), series: None };
        self.family.put(own);
        let (done, all) = self.step_of(workflow, work, step);
        if let Some(own) = self.family.withdraw(self.case.id)
            && own.events.len() > events
        {
            self.come_back(own);
        }
        Arc::make_mut(&mut self.holdings).resume(&all);
        self.forget_computed();
        done
    }

    /// Does a step of another case; gives what the command has moved in pools after it, too.
    fn step_of<T>(
        &mut self,
        workflow: &'a Workflow,
        work: Work,
        step: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> (Result<T, Refusal>, Moves) {
        let holdings = self.holdings_of(&work);
        let mut other = Self::resumed(self.definition, workflow, work, self.actor.clone(), self.world, self.now);
        other.holdings = Arc::new(holdings);
        other.family = std::mem::take(&mut self.family);
        other.on_behalf_of.clone_from(&self.on_behalf_of);
        let done = step(&mut other);
        let all = other.holdings.all();
        let (work, mut family) = other.paused();
        family.put(work);
        self.family = family;
        self.kindred = OnceCell::new();
        (done, all)
    }

    /// What another case sees of resources, now that the command comes to it or back to it.
    fn holdings_of(&self, work: &Work) -> Holdings {
        let before = work.before.as_ref().map(|case| case.held.clone()).unwrap_or_default();
        let own = Moves::of(work.events.iter().map(|recorded| &recorded.event));
        Holdings::within(&self.definition.resources, &before, &work.case.held, own, &self.holdings.all())
    }

    /// What rules see of the case's kin, as they stand.
    pub(super) fn kindred(&self) -> Option<Arc<dyn Kindred>> {
        let kindred = || {
            if self.case.kin.is_empty() {
                return None;
            }
            let kin = self.case.kin.clone();
            let known = kin.all().filter_map(|name| Some((name.case, Arc::clone(self.family.known(name.case)?))));
            let known = known.collect();
            let named: BTreeSet<&Name> = kin.all().map(|name| &name.workflow).collect();
            let workflows = named.into_iter().filter_map(|name| self.definition.workflows.get_key_value(name));
            let workflows = workflows.map(|(name, workflow)| (Arc::clone(name), Arc::clone(workflow))).collect();
            let seen = Seen { kin, known, workflows, world: Arc::clone(self.world) };
            Some(Arc::new(seen) as Arc<dyn Kindred>)
        };
        self.kindred.get_or_init(kindred).clone()
    }

    /// What happens to the other cases; refused when one of them takes a unique value of another case.
    pub(super) fn others(&mut self, taken: &[Hold]) -> Result<Vec<Touched>, Refusal> {
        let mut held: BTreeSet<_> = taken.iter().cloned().collect();
        let mut touched = Vec::new();
        for work in std::mem::take(&mut self.family.works) {
            if work.events.is_empty() {
                continue;
            }
            let (before, series) = (work.before.clone(), work.series.clone());
            let workflow = super::find(self.definition, &work.case.workflow)?;
            let other = Self::resumed(self.definition, workflow, work, self.actor.clone(), self.world, self.now);
            let (hold, release) = other.unique_changes();
            for hold in &hold {
                if let Some(reason) = other.taken(hold) {
                    return Err(Refusal::because(abroad(reason, &other.case)));
                }
                if !held.insert(hold.clone()) {
                    return Err(Refusal::because(twice(hold)));
                }
            }
            touched.push(Touched { before, events: other.events, case: other.case, hold, release, series });
        }
        Ok(touched)
    }
}

/// A reason that stands in another case: it says in which, and names no field of this one. What there is of a pool is
/// the same for both.
pub(super) fn abroad(reason: Reason, case: &Case) -> Reason {
    let (name, id) = if case.version == 0 { (&case.workflow, None) } else { (&case.number, Some(case.id)) };
    let at = if reason.path.is_empty() { String::new() } else { format!(" `{}`", reason.path) };
    let told = |text: &str| format!("{name}{at}: {text}");
    let message = Title::new(&told(reason.message.text(Language::Zh)), &told(reason.message.text(Language::En)));
    let facts = if &*reason.code == SHORT { reason.facts } else { crate::model::Record::new() };
    Reason { message, path: "".into(), facts, case: reason.case.or(id), ..reason }
}

/// Two cases of one command would have one unique value.
fn twice(hold: &Hold) -> Reason {
    let Hold { workflow, field, value } = hold;
    let (zh, en) = (
        format!("{workflow} `{field}`: `{value}` 在本次操作中会属于两张单据"),
        format!("{workflow} `{field}`: `{value}` would belong to two cases of this command"),
    );
    conflict("taken", &zh, &en)
}

/// There is no such case any more, or it can't be read.
pub(super) fn gone(name: &CaseName) -> Reason {
    let number = &name.number;
    let title = Title::new(&format!("找不到单据 {number}"), &format!("the case {number} can't be found"));
    Reason { case: Some(name.case), ..Reason::new(RefusalKind::Unknown, "unknown_case", title) }
}

/// The kin of one case as it stands at one moment of a command.
struct Seen {
    kin: Kin,
    /// Those that the command has reached.
    known: BTreeMap<CaseId, Arc<Case>>,
    workflows: BTreeMap<Name, Arc<Workflow>>,
    world: Arc<dyn World>,
}

impl Seen {
    fn relative(&self, name: &CaseName) -> Option<Relative> {
        let case = self.known.get(&name.case).cloned().or_else(|| self.world.case(name.case))?;
        let workflow = self.workflows.get(&name.workflow)?;
        let stage = workflow.stages.get(&case.stage);
        let end = stage.and_then(|stage| stage.end);
        Some(Relative {
            fields: Arc::new(case.fields.clone()),
            schema: Arc::clone(&workflow.schema),
            number: Arc::clone(&case.number),
            stage: Arc::clone(&case.stage),
            stage_title: stage.map(|stage| stage.title.clone()).unwrap_or_default(),
            opened_at: case.opened_at,
            opened_by: Arc::clone(&case.opened_by),
            ended: end.is_some(),
            cancelled: end == Some(End::Cancelled),
        })
    }
}

impl Kindred for Seen {
    fn parent(&self) -> Option<Relative> {
        self.relative(&self.kin.parent.as_ref()?.case)
    }

    fn children(&self, role: &str) -> Vec<Relative> {
        self.kin.children(role).filter_map(|name| self.relative(name)).collect()
    }
}
