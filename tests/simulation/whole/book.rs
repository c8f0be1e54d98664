//! What has happened, read from the log as anybody could, and judged by what must hold of it.

use std::collections::BTreeMap;

use gendan::engine;
use gendan::model::{CaseId, Changes, Event, Record, Revision};
use gendan::store::{Logged, Position, Store};

use crate::whole::clocks::Clocks;
use crate::whole::duties::Duties;
use crate::whole::follows::Follows;
use crate::whole::holds::Holds;
use crate::whole::kept::Kept;
use crate::whole::kin;
use crate::whole::timed::Timed;

/// `Err` says what does not hold.
pub(crate) type Held = Result<(), String>;

/// A case, as far as the log was read.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) id: CaseId,
    pub(crate) workflow: String,
    pub(crate) number: String,
    pub(crate) stage: String,
    /// Which entry into its stage this is, over all stages.
    pub(crate) entry: u32,
    pub(crate) entered: i64,
    pub(crate) opened: i64,
    pub(crate) fields: Record,
    pub(crate) parent: Option<CaseId>,
    pub(crate) children: Vec<CaseId>,
}

/// An event as the parts of the book see it: before it is written into the life of its case.
pub(crate) struct Seen<'a> {
    pub(crate) life: &'a Life,
    pub(crate) at: i64,
    pub(crate) by: &'a str,
    /// For whom.
    pub(crate) stands_for: Option<&'a str>,
    /// Whether it was decided after the change of the definitions.
    pub(crate) later: bool,
    pub(crate) event: &'a Event,
}

/// Everything that is known.
pub(crate) struct Book {
    pub(crate) lives: BTreeMap<CaseId, Life>,
    /// The whole log.
    pub(crate) log: Vec<Logged>,
    /// The revision of the definitions after the change.
    later: Revision,
    pub(crate) holds: Holds,
    pub(crate) clocks: Clocks,
    pub(crate) timed: Timed,
    pub(crate) follows: Follows,
    pub(crate) duties: Duties,
    pub(crate) kept: Kept,
}

impl Life {
    /// The rows of its list: which thing, and how many.
    pub(crate) fn lines(&self) -> Vec<(String, i64)> {
        let lines = self.fields.to_json();
        let lines = lines["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| (line["thing"].as_str().unwrap().into(), line["count"].as_i64().unwrap())).collect()
    }

    fn apply(&mut self, changes: &Changes) {
        changes.set.iter().for_each(|(name, value)| self.fields.set(name.clone(), value.clone()));
        for name in &changes.clear {
            self.fields.clear(name);
        }
    }

    fn enter(&mut self, stage: &str, at: i64) {
        (self.stage, self.entered) = (stage.to_owned(), at);
        self.entry += 1;
    }

    fn follow(&mut self, seen: &Event, at: i64) {
        match seen {
            Event::Opened { number, stage, changes, parent, .. } => {
                self.number = number.to_string();
                self.parent = parent.as_ref().map(|bond| bond.case.case);
                self.apply(changes);
                self.enter(stage, at);
            }
            Event::Taken { from, to, changes, .. } => {
                self.apply(changes);
                if from != to {
                    self.enter(to, at);
                }
            }
            Event::Edited { changes, .. } | Event::TaskCompleted { changes, .. } | Event::Scheduled { changes, .. } => {
                self.apply(changes);
            }
            Event::ChildOpened { child } => self.children.push(child.case.case),
            _ => {}
        }
    }
}

impl Book {
    pub(crate) fn new(later: Revision) -> Self {
        Self {
            lives: BTreeMap::new(),
            log: Vec::new(),
            later,
            holds: Holds::default(),
            clocks: Clocks::default(),
            timed: Timed::default(),
            follows: Follows::default(),
            duties: Duties::default(),
            kept: Kept::default(),
        }
    }

    /// Reads on in the log.
    pub(crate) fn read(&mut self, store: &dyn Store) -> Held {
        let news = store.log(self.position(), usize::MAX).map_err(|error| error.to_string())?;
        news.into_iter().try_for_each(|logged| self.see(logged))
    }

    /// How far the log was read.
    pub(crate) fn position(&self) -> Position {
        self.log.last().map_or(Position(0), |last| last.position)
    }

    /// Nothing that could be read has gone, or is another now.
    pub(crate) fn same(&self, store: &dyn Store) -> Held {
        let found = store.log(Position(0), self.log.len()).map_err(|error| error.to_string())?;
        let differs = self.log.iter().zip(&found).find(|(known, found)| known != found);
        if let Some((known, found)) = differs {
            return Err(format!("the log had {known:?} and now has {found:?}"));
        }
        let missing = self.log.get(found.len());
        missing.map_or(Ok(()), |missing| Err(format!("the log has lost {missing:?}")))
    }

    fn see(&mut self, logged: Logged) -> Held {
        let (id, recorded) = (logged.case, &logged.recorded);
        let unborn = || Life {
            id,
            workflow: logged.workflow.to_string(),
            number: String::new(),
            stage: String::new(),
            entry: 0,
            entered: 0,
            opened: recorded.at.0,
            fields: Record::new(),
            parent: None,
            children: Vec::new(),
        };
        let life = self.lives.entry(id).or_insert_with(unborn);
        let seen = Seen {
            life,
            at: recorded.at.0,
            by: &recorded.by,
            stands_for: recorded.on_behalf_of.as_deref(),
            later: recorded.revision == self.later,
            event: &recorded.event,
        };
        let held = self.kept.see(&seen);
        let held = held.and_then(|()| self.duties.see(&seen)).and_then(|()| self.holds.see(&seen));
        let held = held.and_then(|()| self.follows.see(&seen)).and_then(|()| self.timed.see(&seen));
        let held = held.and_then(|()| self.clocks.see(&seen));
        held.map_err(|wrong| format!("{} at {}, {:?}: {wrong}", life.number, recorded.at, recorded.event))?;
        life.follow(&recorded.event, recorded.at.0);
        self.log.push(logged);
        Ok(())
    }

    /// What must hold whenever no command is on its way.
    pub(crate) fn settled(&self, store: &dyn Store) -> Held {
        self.follows.settled()?;
        self.duties.settled()?;
        self.clocks.settled()?;
        kin::settled(&self.lives)?;
        self.holds.settled(&self.lives, store)
    }

    /// What must hold when everything that is due by `now` was done, under the definitions that are live.
    pub(crate) fn swept(&self, now: i64, later: bool) -> Held {
        self.clocks.swept(&self.lives, now, later)?;
        self.timed.swept(&self.lives, now, later)
    }

    /// Each case is what its events make of it, and no part of the store disagrees with another.
    pub(crate) fn replayed(&self, store: &dyn Store) -> Held {
        for (id, life) in &self.lives {
            let history = self.log.iter().filter(|logged| logged.case == *id).map(|logged| &logged.recorded);
            let folded = engine::fold(*id, history);
            let stored = store.case(*id).map_err(|error| error.to_string())?;
            if folded.as_ref() != stored.as_deref() {
                return Err(format!("{} is {stored:?}, and its events make {folded:?} of it", life.number));
            }
        }
        let damage = store.verify(&mut |_, _| ()).map_err(|error| error.to_string())?;
        if damage.is_empty() { Ok(()) } else { Err(format!("{damage:?}")) }
    }
}
