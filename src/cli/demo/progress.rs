//! How far a case has come in its play, and what is due next. Pure: nothing is sent from here.

use std::collections::BTreeMap;

use super::play::{Deed, Move, Stages};
use super::random::Random;
use super::seen::Seen;
use super::source::text_of;

/// Where one case stands in the play.
#[derive(Clone, Debug)]
pub(crate) struct Progress<'p> {
    stages: &'p Stages,
    random: Random,
    stage: String,
    visits: BTreeMap<String, u32>,
    /// How often each move of the stage was tried in this visit.
    tried: Vec<u32>,
}

impl<'p> Progress<'p> {
    /// The progress of a case that is in no stage yet.
    pub(crate) fn new(stages: &'p Stages, random: Random) -> Self {
        Self { stages, random, stage: String::new(), visits: BTreeMap::new(), tried: Vec::new() }
    }

    /// The stage.
    pub(crate) fn stage(&self) -> &str {
        &self.stage
    }

    /// Takes note of the stage that the case is in now; coming from another one is a new visit.
    pub(crate) fn is_in(&mut self, stage: &str) {
        if self.stage == stage {
            return;
        }
        stage.clone_into(&mut self.stage);
        *self.visits.entry(stage.to_owned()).or_default() += 1;
        self.tried = vec![0; self.moves().len()];
    }

    /// Whether something in this stage depends on which tasks are open.
    pub(crate) fn has_tasks(&self) -> bool {
        self.moves().iter().any(|step| step.task.is_some())
    }

    /// The move that is due, which counts as tried; nothing when the play has no more for this stage.
    pub(crate) fn due(&mut self, seen: &Seen) -> Option<&'p Move> {
        let visit = self.visits.get(&self.stage).copied().unwrap_or_default();
        let moves = self.moves();
        for (step, tried) in moves.iter().zip(&mut self.tried) {
            if *tried >= step.times || visit > step.visits || !holds(step, seen) {
                continue;
            }
            *tried += 1;
            if *tried > 1 || self.random.happens(step.share.0) {
                return Some(step);
            }
            // It is not done in this visit, however often it is looked at.
            *tried = step.times;
        }
        None
    }

    /// The case's own chance.
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    fn moves(&self) -> &'p [Move] {
        self.stages.get(&self.stage).map_or(&[], Vec::as_slice)
    }
}

/// Whether a move can be made with the case as it is. While a transition waits for approval, only that is answered.
fn holds(step: &Move, seen: &Seen) -> bool {
    let wanted =
        |(field, wanted): (&String, &String)| seen.fields.get(field).map(text_of).unwrap_or_default() == *wanted;
    let possible = match (step.deed(), seen.waiting.as_deref()) {
        (Some(Deed::Agree(transition)), waiting) => waiting == Some(transition),
        (Some(Deed::Do(task)), None) => seen.tasks.contains(task),
        (Some(Deed::Take(_) | Deed::Edit), None) => true,
        (Some(Deed::Do(_) | Deed::Take(_) | Deed::Edit), Some(_)) | (None, _) => false,
    };
    possible && step.when.iter().all(wanted)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::demo::play::Play;
    use crate::cli::demo::source::Row;

    fn check(stages: &str, visited: &[&str], expected: &str) {
        let yaml = format!("staff: {{ a: [ann] }}\nopen: {{ as: a }}\nstages:\n  {stages}");
        let play: Play = serde_yaml::from_str(&yaml).unwrap();
        let mut progress = Progress::new(&play.stages, Random::new(1, 1));
        let fields = Row::from_iter([("why".to_owned(), "late".into())]);
        let seen = Seen { fields, tasks: BTreeSet::from(["open".to_owned()]), ..Seen::default() };
        let mut said = Vec::new();
        for stage in visited {
            progress.is_in(stage);
            let due = progress.due(&seen);
            said.push(due.and_then(|step| step.take.clone().or(step.task.clone())).unwrap_or_else(|| "-".into()));
        }
        assert_eq!(said.join(" "), expected, "{stages} {visited:?}");
    }

    #[test]
    fn moves_are_due_in_their_order() {
        check("s: [ { take: x, as: a }, { take: y, as: a } ]", &["s", "s", "s"], "x y -");
        check("s: [ { take: x, as: a, times: 2 }, { take: y, as: a } ]", &["s", "s", "s", "s"], "x x y -");
        check("s: [ { take: x, as: a, share: 0 }, { take: y, as: a } ]", &["s", "s"], "y -");
        check("s: [ { take: x, as: a } ]", &["other", "s"], "- x");
        check("s: [ { take: x, as: a, when: { why: dear } }, { take: y, as: a, when: { why: late } } ]", &["s"], "y");
    }

    #[test]
    fn a_task_is_due_while_it_is_open_and_an_approval_while_it_waits() {
        check("s: [ { do: closed, as: a }, { agree: go, as: a }, { do: open, as: a } ]", &["s", "s"], "open -");
        let play = "staff: { a: [ann] }\nopen: { as: a }\nstages: { s: [ { take: x, as: a }, { agree: go, as: a } ] }";
        let play: Play = serde_yaml::from_str(play).unwrap();
        let mut progress = Progress::new(&play.stages, Random::new(1, 1));
        progress.is_in("s");
        let mut due = |waiting: Option<&str>| {
            let seen = Seen { waiting: waiting.map(str::to_owned), ..Seen::default() };
            progress.due(&seen).and_then(|step| step.take.clone().or(step.agree.clone()))
        };
        assert_eq!(due(Some("stop")), None);
        assert_eq!(due(Some("go")).as_deref(), Some("go"));
        assert_eq!(due(None).as_deref(), Some("x"));
    }

    #[test]
    fn a_new_visit_begins_anew_until_there_were_enough() {
        check("s: [ { take: x, as: a } ]\n  t: []", &["s", "t", "s", "t", "s"], "x - x - -");
        check("s: [ { take: x, as: a, visits: 1 }, { take: y, as: a } ]\n  t: []", &["s", "t", "s"], "x - y");
    }
}
