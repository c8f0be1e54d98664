//! How far a case has come in its play, and what is due next. Pure: nothing is sent from here.

use std::collections::BTreeMap;

use super::play::{Move, Play};
use super::random::Random;
use super::source::{Row, text_of};

/// Where one case stands in the play.
#[derive(Clone, Debug)]
pub(crate) struct Progress<'p> {
    play: &'p Play,
    random: Random,
    stage: String,
    visits: BTreeMap<String, u32>,
    /// How often each move of the stage was tried in this visit.
    tried: Vec<u32>,
}

impl<'p> Progress<'p> {
    /// The progress of a case that is in no stage yet.
    pub(crate) fn new(play: &'p Play, random: Random) -> Self {
        Self { play, random, stage: String::new(), visits: BTreeMap::new(), tried: Vec::new() }
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

    /// The move that is due, which counts as tried; nothing when the play has no more for this stage.
    pub(crate) fn due(&mut self, fields: &Row) -> Option<&'p Move> {
        let visit = self.visits.get(&self.stage).copied().unwrap_or_default();
        let moves = self.moves();
        for (step, tried) in moves.iter().zip(&mut self.tried) {
            if *tried >= step.times || visit > step.visits || !holds(step, fields) {
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
        self.play.stages.get(&self.stage).map_or(&[], Vec::as_slice)
    }
}

/// Whether the fields have what a move wants to see in them.
fn holds(step: &Move, fields: &Row) -> bool {
    step.when.iter().all(|(field, wanted)| fields.get(field).map(text_of).unwrap_or_default() == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stages: &str, visited: &[&str], expected: &str) {
        let yaml = format!("staff: {{ a: [ann] }}\nopen: {{ as: a }}\nstages:\n  {stages}");
        let play: Play = serde_yaml::from_str(&yaml).unwrap();
        let mut progress = Progress::new(&play, Random::new(1, 1));
        let fields = Row::from_iter([("why".to_owned(), "late".into())]);
        let mut said = Vec::new();
        for stage in visited {
            progress.is_in(stage);
            let due = progress.due(&fields);
            said.push(due.and_then(|step| step.take.clone()).unwrap_or_else(|| "-".into()));
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
    fn a_new_visit_begins_anew_until_there_were_enough() {
        check("s: [ { take: x, as: a } ]\n  t: []", &["s", "t", "s", "t", "s"], "x - x - -");
        check("s: [ { take: x, as: a, visits: 1 }, { take: y, as: a } ]\n  t: []", &["s", "t", "s"], "x - y");
    }
}
