//! What happens because its time has come: timed transitions, schedules, and tasks that come again; once for each
//! moment, and never before.

use std::collections::{BTreeMap, BTreeSet};

use gendan::model::{CaseId, Event, Value};
use gendan::store::Store;

use crate::whole::book::{Held, Life, Seen};
use crate::whole::days::{Again, DAY, HOUR, Limit, comes_at, last, next, reaches};

/// The schedules: where they come by.
const SCHEDULES: [(&str, Again, &[&str]); 2] = [
    ("daily", Again::OnWorkingDays(16 * HOUR), &["waiting", "making"]),
    ("weekly", Again::OnFridays(17 * HOUR), &["waiting", "ready", "making"]),
];

/// What was done.
#[derive(Default)]
pub(crate) struct Timed {
    /// By case, entry into a stage and transition: the moments for which it was taken.
    taken: BTreeMap<(CaseId, u32, String), BTreeSet<i64>>,
    /// The last time that a schedule came by a case.
    scheduled: BTreeMap<(CaseId, String), i64>,
    /// Since when the task that comes again is done.
    looked: BTreeMap<CaseId, i64>,
    before: Before,
    /// How often something came.
    pub(crate) count: u64,
}

/// How things stood before a sweep.
#[derive(Default)]
struct Before {
    done: BTreeMap<&'static str, Option<i64>>,
    entries: BTreeMap<CaseId, u32>,
}

fn done(store: &dyn Store, schedule: &str) -> Result<Option<i64>, String> {
    let done = store.progress(&format!("schedule/batch/{schedule}")).map_err(|error| error.to_string())?;
    Ok(done.map(|done| done.parse().unwrap()))
}

/// The moment at which the engine takes a transition of a case.
fn moment(life: &Life, transition: &str, later: bool) -> Option<i64> {
    match transition {
        "lapse" => match life.fields.get("answer_due") {
            Some(Value::Datetime(due)) => Some(due.0),
            _ => None,
        },
        "nag" => reaches(Limit::Working(2 * HOUR), &[(life.entered, None)], later),
        "remind" => Some(life.opened + DAY),
        _ => None,
    }
}

fn looks(later: bool) -> Again {
    if later { Again::Daily(9 * HOUR) } else { Again::OnWorkingDays(9 * HOUR) }
}

impl Timed {
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Held {
        let id = seen.life.id;
        match seen.event {
            Event::Taken { transition, from, to, due, .. } => {
                if from != to {
                    self.looked.remove(&id);
                }
                let due = due.map(|due| due.0);
                if due != moment(seen.life, transition, seen.later) {
                    return Err(format!("its moment is {:?}", moment(seen.life, transition, seen.later)));
                }
                let Some(due) = due else { return Ok(()) };
                self.count += 1;
                let taken = self.taken.entry((id, seen.life.entry, transition.to_string())).or_default();
                if seen.at < due || !taken.insert(due) {
                    return Err(format!("it is early, or was taken for this moment: {taken:?}"));
                }
            }
            Event::Scheduled { schedule, due, .. } => return self.schedule(seen, schedule, due.0),
            Event::TaskCompleted { task, .. } if &**task == "look" => drop(self.looked.insert(id, seen.at)),
            Event::TaskReopened { task, .. } if &**task == "look" => {
                let since = self.looked.remove(&id).ok_or("it was not done")?;
                let again = next(looks(seen.later), since, seen.later);
                self.count += 1;
                if seen.at < again {
                    return Err(format!("it comes at {again}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn schedule(&mut self, seen: &Seen<'_>, name: &str, due: i64) -> Held {
        let (_, again, stages) = SCHEDULES.iter().find(|(known, ..)| *known == name).ok_or("there is none")?;
        let before = self.scheduled.insert((seen.life.id, name.to_owned()), due);
        self.count += 1;
        if before.is_some_and(|before| before >= due) {
            return Err(format!("it came by at {before:?}"));
        }
        if !comes_at(*again, due, seen.later) || seen.at < due || seen.life.opened > due {
            return Err("it does not come by then".to_owned());
        }
        let here = stages.contains(&&*seen.life.stage) && seen.life.workflow == "batch";
        if here { Ok(()) } else { Err("it does not come by here".to_owned()) }
    }

    /// Remembers how things stand before a sweep.
    pub(crate) fn begin(&mut self, lives: &BTreeMap<CaseId, Life>, store: &dyn Store) -> Held {
        self.before.entries = lives.iter().map(|(id, life)| (*id, life.entry)).collect();
        for (name, ..) in SCHEDULES {
            self.before.done.insert(name, done(store, name)?);
        }
        Ok(())
    }

    /// Everything that is due by `now` was done.
    pub(crate) fn swept(&self, lives: &BTreeMap<CaseId, Life>, now: i64, later: bool) -> Held {
        for life in lives.values() {
            let transition = match life.stage.as_str() {
                "asked" => "lapse",
                "waiting" => "nag",
                "open" => "remind",
                _ => "",
            };
            let due = moment(life, transition, later).filter(|due| *due <= now);
            let taken = self.taken.get(&(life.id, life.entry, transition.to_owned()));
            let taken = taken.and_then(BTreeSet::last).copied();
            if due.is_some_and(|due| taken.is_none_or(|taken| taken < due)) {
                return Err(format!("{} was due to `{transition}` at {due:?}, and last did at {taken:?}", life.number));
            }
            let again = self.looked.get(&life.id).map(|since| next(looks(later), *since, later));
            if again.is_some_and(|again| again <= now) {
                return Err(format!("`look` of {} was to come again at {again:?}", life.number));
            }
            for schedule in &SCHEDULES {
                self.came_by(life, schedule, now, later)?;
            }
        }
        Ok(())
    }

    /// A schedule has come by every case that was there all the time.
    fn came_by(&self, life: &Life, (name, again, stages): &(&str, Again, &[&str]), now: i64, later: bool) -> Held {
        let due = last(*again, now, later);
        let Some(Some(done)) = self.before.done.get(name) else { return Ok(()) };
        let stayed = self.before.entries.get(&life.id) == Some(&life.entry);
        let here = life.workflow == "batch" && stages.contains(&&*life.stage) && stayed && life.opened <= due;
        let often = *name == "daily" && matches!(life.fields.get("seen"), Some(Value::Integer(9..)));
        let came = self.scheduled.get(&(life.id, (*name).to_owned()));
        if due > *done && here && !often && came.is_none_or(|came| *came < due) {
            return Err(format!("`{name}` did not come by {} at {due}; it was there at {came:?}", life.number));
        }
        Ok(())
    }
}
