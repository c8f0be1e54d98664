//! Who did what: nobody without the role, nobody whom four eyes keep out, and no approval without enough people.

use std::collections::{BTreeMap, BTreeSet};

use gendan::model::{CaseId, Event, Lapse};

use crate::whole::book::{Held, Seen};
use crate::whole::facts::{self, has};

/// Who is away from when until when, and who stands in.
pub(crate) type Away = (i64, i64, String);

/// Who did what in which case.
#[derive(Default)]
pub(crate) struct Duties {
    cases: BTreeMap<CaseId, Done>,
    /// Who is away.
    pub(crate) away: BTreeMap<String, Away>,
    /// How often something was agreed to.
    pub(crate) agreements: u64,
}

#[derive(Debug, Default)]
struct Done {
    takers: BTreeMap<String, BTreeSet<String>>,
    tasks: BTreeMap<String, Task>,
    pending: Option<Pending>,
    /// Enough people have agreed, and it is to be taken.
    granted: bool,
    /// The case has moved on from what waits for approval.
    stale: bool,
}

/// A task in the present entry into its stage.
#[derive(Debug, Default)]
struct Task {
    open: bool,
    done: bool,
    claimed: Option<String>,
    doers: BTreeSet<String>,
}

/// What waits for approval.
#[derive(Debug)]
struct Pending {
    asked: BTreeSet<String>,
    agreed: BTreeSet<String>,
}

/// Who acts, and for whom.
fn people(seen: &Seen<'_>) -> BTreeSet<String> {
    std::iter::once(seen.by).chain(seen.stands_for).map(str::to_owned).collect()
}

fn check(holds: bool, what: &str) -> Held {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

impl Duties {
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        let case = self.cases.entry(seen.life.id).or_default();
        match seen.event {
            Event::Opened { workflow, .. } => {
                case.takers.entry("open".to_owned()).or_default().insert(seen.by.to_owned());
                check(has(seen.by, if &**workflow == "part" { "system" } else { "clerk" }), "it is not theirs to open")
            }
            Event::Taken { .. } => case.taken(seen),
            Event::TaskOpened { task, .. } => {
                let waits = &**task == "check" && !case.tasks.get("pick").is_some_and(|pick| pick.done);
                let known = case.tasks.entry(task.to_string()).or_default();
                let again = std::mem::replace(&mut known.open, true);
                check(!waits && !again && !known.done, "it can't open now")
            }
            Event::TaskClaimed { task } => {
                case.may(task, seen, &self.away)?;
                let task = case.tasks.get_mut(&**task).ok_or("it is not open")?;
                check(task.claimed.is_none() && task.open, "it is somebody's, or not open")?;
                task.claimed = people(seen).into_iter().find(|user| Some(&**user) == seen.stands_for.or(Some(seen.by)));
                Ok(())
            }
            Event::TaskReleased { task } => {
                let task = case.tasks.get_mut(&**task).ok_or("it is not open")?;
                check(task.claimed.take().is_some(), "nobody has claimed it")
            }
            Event::TaskCompleted { task, redo, .. } => {
                case.may(task, seen, &self.away)?;
                let task = case.tasks.get_mut(&**task).ok_or("it is not open")?;
                check(task.open, "it is not open")?;
                (task.open, task.done, task.claimed) = (false, redo.is_none(), None);
                task.doers.extend(people(seen));
                Ok(())
            }
            Event::TaskReopened { task, waiting, .. } => {
                case.tasks.get_mut(&**task).ok_or("it was never open").map(Task::reopen)?;
                let waiting = waiting.iter().filter_map(|task| Some((task, case.tasks.remove(&**task)?)));
                let waiting: Vec<_> = waiting.map(|(task, state)| (task.to_string(), state)).collect();
                for (name, state) in waiting {
                    case.tasks.insert(name, Task { open: false, done: false, claimed: None, ..state });
                }
                Ok(())
            }
            Event::TaskDropped { task } => check(case.tasks.remove(&**task).is_some(), "it was never open"),
            Event::ApprovalRequested { transition, .. } => {
                let may = has(seen.by, "clerk") || has(seen.by, "boss");
                check(case.pending.is_none() && may && &**transition == "cancel", "it can't be asked for")?;
                case.pending = Some(Pending { asked: people(seen), agreed: BTreeSet::new() });
                Ok(())
            }
            Event::ApprovalGiven { last, .. } => {
                self.agreements += 1;
                case.agree(seen, *last)
            }
            Event::ApprovalLapsed { why, .. } => case.lapse(seen, *why),
            _ => Ok(()),
        }
    }

    /// What was agreed to was taken.
    pub(crate) fn settled(&self) -> Held {
        if let Some((id, _)) = self.cases.iter().find(|(_, case)| case.granted) {
            return Err(format!("enough people have agreed in {id}, and nothing was taken"));
        }
        let stale = self.cases.iter().find(|(_, case)| case.stale);
        stale.map_or(Ok(()), |(id, _)| Err(format!("{id} has moved on, and still waits for approval")))
    }

    /// Whether something waits for approval in a case.
    pub(crate) fn pending(&self, id: CaseId) -> bool {
        self.cases.get(&id).is_some_and(|case| case.pending.is_some())
    }
}

impl Task {
    fn reopen(&mut self) {
        (self.open, self.done, self.claimed) = (true, false, None);
    }
}

impl Done {
    fn taken(&mut self, seen: &Seen<'_>) -> Held {
        let Event::Taken { transition, from, to, signal, .. } = seen.event else { return Ok(()) };
        let way = facts::find(&seen.life.workflow, transition, from, to).ok_or("there is no such way")?;
        check(&**from == seen.life.stage.as_str(), "the case is somewhere else")?;
        if way.by.contains(&"signal") {
            check(signal.is_some(), "only a signal takes it")?;
        } else {
            check(way.by.iter().any(|role| has(seen.by, role)) && signal.is_none(), "it is not theirs to take")?;
        }
        if &**transition == "approve" {
            let before = ["open", "submit"].iter().filter_map(|name| self.takers.get(*name)).flatten();
            check(!before.into_iter().any(|user| people(seen).contains(user)), "four eyes keep them out")?;
        }
        if &**transition == "cancel" && &**from != "draft" {
            check(std::mem::take(&mut self.granted), "not enough people have agreed")?;
        }
        if &**transition == "make" {
            let done = |task: &str| self.tasks.get(task).is_some_and(|task| task.done);
            check(done("pick") && done("check"), "its tasks are not done")?;
        }
        self.takers.entry(transition.to_string()).or_default().extend(people(seen));
        if from != to {
            // What was done is over; what is open yet is to be dropped.
            self.tasks.retain(|_, task| task.open);
            self.stale = self.pending.is_some();
        }
        Ok(())
    }

    /// Whether somebody may do a task.
    fn may(&self, task: &str, seen: &Seen<'_>, away: &BTreeMap<String, Away>) -> Held {
        let keeper = seen.life.fields.text("keeper");
        let stands_in = |user: &str| {
            let away = away.get(user);
            away.is_some_and(|(from, until, by)| *from <= seen.at && seen.at < *until && by == seen.by)
        };
        let own = match task {
            "pick" => has(seen.by, "worker"),
            "check" => has(seen.by, "worker") || has(seen.by, "checker"),
            _ => keeper == Some(seen.by) || seen.stands_for.is_some_and(|user| keeper == Some(user)),
        };
        check(own || seen.stands_for.is_some_and(stands_in), "it is not theirs to do")?;
        check(seen.stands_for.is_none_or(stands_in), "they don't stand in for anybody")?;
        let claimed = self.tasks.get(task).and_then(|task| task.claimed.as_deref());
        let theirs = claimed.is_none_or(|user| user == seen.by || seen.stands_for == Some(user));
        check(theirs, "it is somebody else's")?;
        let picked = self.tasks.get("pick").map(|pick| &pick.doers);
        let before = task == "check" && picked.is_some_and(|doers| !doers.is_disjoint(&people(seen)));
        check(!before, "four eyes keep them out")
    }

    fn agree(&mut self, seen: &Seen<'_>, last: bool) -> Held {
        let pending = self.pending.as_mut().ok_or("nothing waits for it")?;
        let people = people(seen);
        check(has(seen.by, "boss"), "it is not theirs to agree to")?;
        check(pending.asked.is_disjoint(&people), "they have asked for it")?;
        check(pending.agreed.is_disjoint(&people), "they have agreed before")?;
        pending.agreed.extend(people);
        check(last == (pending.agreed.len() >= 2), "two people are to agree")?;
        if last {
            (self.pending, self.granted) = (None, true);
        }
        Ok(())
    }

    fn lapse(&mut self, seen: &Seen<'_>, why: Lapse) -> Held {
        let pending = self.pending.take().ok_or("nothing waits")?;
        self.stale = false;
        match why {
            Lapse::Refused => {
                check(has(seen.by, "boss") && !pending.asked.contains(seen.by), "it is not theirs to refuse")
            }
            Lapse::Withdrawn => check(pending.asked.contains(seen.by), "it is not theirs to take back"),
            Lapse::Moved => Ok(()),
            Lapse::Changed => Err("nothing that was asked for can change".to_owned()),
        }
    }
}
