//! Clocks: each starts, stands still and ends when it is due to, and every rung comes once and never before its time.

use std::collections::{BTreeMap, VecDeque};

use gendan::model::{CaseId, Changes, ClockChange, Event};

use crate::whole::book::{Held, Life, Seen};
use crate::whole::days::{Limit, Run, reaches};
use crate::whole::facts::{self, Edge, Sla, Warn};

/// The clocks of all cases.
#[derive(Default)]
pub(crate) struct Clocks {
    clocks: BTreeMap<(CaseId, &'static str), Clock>,
    /// How many rungs there were.
    pub(crate) rungs: u64,
}

/// What is known of one SLA of a case.
#[derive(Debug, Default)]
struct Clock {
    /// How many were started.
    count: u32,
    open: Option<Open>,
    /// What the last event is to be followed by.
    due: VecDeque<Next>,
}

#[derive(Debug)]
struct Open {
    runs: Vec<Run>,
    warned: bool,
    rungs: usize,
    /// The deadline that was told last.
    told: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Start,
    Pause,
    Resume,
    Stop,
    Void,
}

/// What an event did.
struct Step<'a> {
    opened: bool,
    left: Option<&'a str>,
    entered: Option<&'a str>,
    taken: Option<&'a str>,
    done: Option<&'a str>,
    changes: &'a Changes,
}

impl Step<'_> {
    fn causes(&self, edge: Edge) -> bool {
        match edge {
            Edge::Opened => self.opened,
            Edge::Enters(stage) => self.entered == Some(stage),
            Edge::Leaves(stage) => self.left == Some(stage),
            Edge::Taken(name) => self.taken == Some(name),
            Edge::Task(task) => self.done == Some(task),
            Edge::Field(field) => self.changes.set.get(field).is_some(),
        }
    }
}

fn step<'a>(event: &'a Event) -> Option<Step<'a>> {
    let step =
        |changes: &'a Changes| Step { opened: false, left: None, entered: None, taken: None, done: None, changes };
    Some(match event {
        Event::Opened { stage, changes, .. } => Step { opened: true, entered: Some(stage), ..step(changes) },
        Event::Taken { transition, from, to, changes, .. } => {
            let moved = from != to;
            let (left, entered) = (moved.then_some(&**from), moved.then_some(&**to));
            Step { left, entered, taken: Some(transition), ..step(changes) }
        }
        Event::TaskCompleted { task, redo, changes, .. } => {
            Step { done: redo.is_none().then_some(&**task), ..step(changes) }
        }
        Event::Edited { changes, .. } | Event::Scheduled { changes, .. } => step(changes),
        _ => return None,
    })
}

impl Open {
    fn paused(&self) -> bool {
        self.runs.last().is_some_and(|run| run.1.is_some())
    }

    fn started(&self) -> i64 {
        self.runs[0].0
    }

    fn deadline(&self, sla: &Sla, later: bool) -> Option<i64> {
        reaches(sla.within, &self.runs, later)
    }

    fn warns_at(&self, sla: &Sla, due: i64, later: bool) -> Option<i64> {
        let part = |amount: i64, share: i64| amount * share / 100;
        match (sla.warn?.0, sla.within) {
            (Warn::Before(amount), _) => Some((due - amount).max(self.started())),
            (Warn::Share(share), Limit::Elapsed(amount)) => {
                reaches(Limit::Elapsed(part(amount, share)), &self.runs, later)
            }
            (Warn::Share(share), Limit::Working(amount)) => {
                reaches(Limit::Working(part(amount, share)), &self.runs, later)
            }
            (Warn::Share(_), Limit::WorkingDays(_) | Limit::NextWorkingDay(_)) => None,
        }
    }

    /// The first rung that should have come before `now` and did not.
    fn late(&self, sla: &Sla, now: i64, later: bool) -> Option<usize> {
        let due = self.deadline(sla, later)?;
        let next = rung_at(sla, self.rungs, due, later)?;
        (next < now).then_some(self.rungs + 1)
    }
}

/// The moment after which a rung comes.
fn rung_at(sla: &Sla, place: usize, due: i64, later: bool) -> Option<i64> {
    let (after, _) = sla.rungs.get(place)?;
    after.map_or(Some(due), |after| reaches(after, &[(due, None)], later))
}

impl Clocks {
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        let slas = facts::slas(seen.later);
        if let Event::Clock { sla, number, change, .. } = seen.event {
            let sla = slas.iter().find(|known| known.name == &**sla && known.workflow == seen.life.workflow);
            let sla = sla.ok_or("there is no such clock")?;
            let clock = self.clocks.entry((seen.life.id, sla.name)).or_default();
            self.rungs += u64::from(matches!(change, ClockChange::Breached { .. }));
            let number = *number == clock.count + u32::from(matches!(change, ClockChange::Started { .. }));
            return if number { clock.change(sla, change, seen) } else { Err("it is not the clock that runs".into()) };
        }
        let Some(step) = step(seen.event) else { return Ok(()) };
        for sla in slas.iter().filter(|sla| sla.workflow == seen.life.workflow) {
            self.clocks.entry((seen.life.id, sla.name)).or_default().expect(sla, &step, seen.life)?;
        }
        Ok(())
    }

    /// Nothing is left to happen to a clock.
    pub(crate) fn settled(&self) -> Held {
        let missing = self.clocks.iter().find(|(_, clock)| !clock.due.is_empty());
        missing.map_or(Ok(()), |((id, sla), clock)| Err(format!("the clock `{sla}` of {id} misses {:?}", clock.due)))
    }

    /// Everything that is due by `now` was done.
    pub(crate) fn swept(&self, lives: &BTreeMap<CaseId, Life>, now: i64, later: bool) -> Held {
        let slas = facts::slas(later);
        for ((id, name), clock) in &self.clocks {
            let (life, Some(open)) = (&lives[id], &clock.open) else { continue };
            let sla = slas.iter().find(|sla| sla.name == *name).unwrap();
            let wrong = |what: String| Err(format!("the clock `{name}` of {}: {what}", life.number));
            if facts::ended(&life.stage) {
                return wrong("it runs on after the end".to_owned());
            }
            if let Some(rung) = open.late(sla, now, later) {
                return wrong(format!("rung {rung} did not come: {open:?}"));
            }
            let Some(due) = open.deadline(sla, later) else { continue };
            if !open.paused() && open.told != Some(due) {
                return wrong(format!("it is due at {due}, and {:?} was told", open.told));
            }
            let warns = open.warns_at(sla, due, later).filter(|at| *at <= now && now <= due);
            if warns.is_some() && !open.warned && open.rungs == 0 {
                return wrong(format!("its warning did not come: {open:?}"));
            }
        }
        Ok(())
    }
}

impl Clock {
    /// What is to follow from an event.
    fn expect(&mut self, sla: &Sla, step: &Step<'_>, life: &Life) -> Held {
        if !self.due.is_empty() {
            return Err(format!("before it the clock `{}` misses {:?}", sla.name, self.due));
        }
        let stage = step.entered.unwrap_or(&life.stage);
        let mut runs = self.open.is_some();
        if runs && step.causes(sla.until) {
            self.due.push_back(Next::Stop);
            runs = false;
        } else if runs && let Some(stage) = step.entered {
            let paused = self.open.as_ref().is_some_and(Open::paused);
            match (sla.alive.contains(&stage), paused, sla.pause == Some(stage)) {
                (false, _, _) => {
                    self.due.push_back(Next::Void);
                    runs = false;
                }
                (true, false, true) => self.due.push_back(Next::Pause),
                (true, true, false) => self.due.push_back(Next::Resume),
                (true, true, true) | (true, false, false) => {}
            }
        }
        let done = match sla.until {
            Edge::Field(field) => life.fields.get(field).is_some() || step.causes(sla.until),
            _ => step.causes(sla.until),
        };
        let back = sla.pause.is_some() && step.left == sla.pause;
        if step.causes(sla.from) && !done && sla.alive.contains(&stage) && !(runs && back) {
            self.due.extend(runs.then_some(Next::Void));
            self.due.push_back(Next::Start);
        }
        Ok(())
    }

    fn change(&mut self, sla: &Sla, change: &ClockChange, seen: &Seen<'_>) -> Held {
        let next = match change {
            ClockChange::Started { .. } => Next::Start,
            ClockChange::Paused => Next::Pause,
            ClockChange::Resumed { .. } => Next::Resume,
            ClockChange::Met { .. } | ClockChange::MetLate { .. } => Next::Stop,
            ClockChange::Void => Next::Void,
            ClockChange::Undetermined { .. } => return Err("every year has data".to_owned()),
            ClockChange::Failed { .. } => return Err("every action can be done".to_owned()),
            ClockChange::Moved { .. } | ClockChange::Warned { .. } | ClockChange::Breached { .. } => {
                return self.open.as_mut().ok_or("it does not run")?.time(sla, change, seen);
            }
        };
        let due = self.due.pop_front();
        if due != Some(next) {
            return Err(format!("it is to {due:?}"));
        }
        if next == Next::Start {
            let open = Open { runs: vec![(seen.at, None)], warned: false, rungs: 0, told: told(change) };
            let deadline = open.deadline(sla, seen.later);
            (self.count, self.open) = (self.count + 1, Some(open));
            return agree(deadline, told(change));
        }
        let open = self.open.as_mut().ok_or("it does not run")?;
        if next != Next::Resume
            && let Some(rung) = open.late(sla, seen.at, seen.later)
        {
            return Err(format!("rung {rung} did not come before"));
        }
        open.turn(sla, next, change, seen)?;
        if matches!(next, Next::Stop | Next::Void) {
            self.open = None;
        }
        Ok(())
    }
}

impl Open {
    /// It stands still, runs on, or ends.
    fn turn(&mut self, sla: &Sla, next: Next, change: &ClockChange, seen: &Seen<'_>) -> Held {
        let last = self.runs.last_mut().unwrap();
        match next {
            // The clock of the machine may go back; time does not.
            Next::Pause => (last.1, self.told) = (Some(seen.at.max(last.0)), None),
            Next::Resume => {
                let from = last.1.unwrap_or(last.0).max(seen.at);
                self.runs.push((from, None));
                self.told = told(change);
                return agree(self.deadline(sla, seen.later), self.told);
            }
            Next::Stop => {
                let due = self.deadline(sla, seen.later);
                let late = due.is_some_and(|due| seen.at > due);
                if late != matches!(change, ClockChange::MetLate { .. }) {
                    return Err(format!("it is due at {due:?}"));
                }
                return agree(due, told(change));
            }
            Next::Void | Next::Start => {}
        }
        Ok(())
    }

    /// What time brings.
    fn time(&mut self, sla: &Sla, change: &ClockChange, seen: &Seen<'_>) -> Held {
        let due = self.deadline(sla, seen.later);
        let Some(deadline) = due else { return Err("it stands still".to_owned()) };
        match change {
            ClockChange::Moved { from, .. } => {
                if self.paused() || from.map(|from| from.0) != self.told || self.told == due {
                    return Err(format!("it was told as {:?}", self.told));
                }
                self.told = due;
            }
            ClockChange::Warned { .. } => {
                let at = self.warns_at(sla, deadline, seen.later);
                if self.warned || self.rungs > 0 || at.is_none_or(|at| seen.at < at) || seen.at > deadline {
                    return Err(format!("it warns at {at:?}: {self:?}"));
                }
                self.warned = true;
            }
            ClockChange::Breached { rung, .. } => {
                let at = rung_at(sla, self.rungs, deadline, seen.later);
                let next = usize::try_from(*rung).unwrap() == self.rungs + 1;
                if !next || at.is_none_or(|at| seen.at <= at) {
                    return Err(format!("the next rung comes after {at:?}: {self:?}"));
                }
                self.rungs += 1;
            }
            _ => {}
        }
        agree(due, told(change))
    }
}

/// The deadline that an event tells.
fn told(change: &ClockChange) -> Option<i64> {
    let told = match change {
        ClockChange::Started { due }
        | ClockChange::Resumed { due }
        | ClockChange::Met { due }
        | ClockChange::MetLate { due } => *due,
        ClockChange::Moved { to, .. } => *to,
        ClockChange::Warned { due } | ClockChange::Breached { due, .. } => Some(*due),
        ClockChange::Paused | ClockChange::Void | ClockChange::Undetermined { .. } | ClockChange::Failed { .. } => None,
    };
    told.map(|told| told.0)
}

fn agree(due: Option<i64>, told: Option<i64>) -> Held {
    if due == told { Ok(()) } else { Err(format!("it is due at {due:?}")) }
}
