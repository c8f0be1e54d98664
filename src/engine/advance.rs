//! Automatic transitions, and timed ones whose moment has come: after each event they run to their end, within the
//! same command.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::limit::AUTO_STEPS_MAX;
use crate::model::{Actor, Reason, Refusal, RefusalKind, Title, Verdict};
use crate::workflow::{Branch, Transition};

use super::draft::Draft;
use super::hold::SHORT;
use super::judge;

impl Draft<'_> {
    /// Takes automatic transitions until none is possible: those of this case, then those of every case that it has
    /// reached, and of kin that wait for one that has moved, in the order in which they became due (Meaning 6). Each
    /// case takes at most `AUTO_STEPS_MAX` of them.
    pub(super) fn advance(&mut self) -> Result<(), Refusal> {
        self.actor = Actor::system();
        self.on_behalf_of = None;
        self.input = Arc::default();
        self.run_out()?;
        while let Some(id) = self.family.next_due() {
            if id == self.case.id {
                self.compute().map_err(Refusal::because)?;
                self.run_out()?;
            } else if let Some(work) = self.family.take(id, &**self.world) {
                self.yield_to(work, |other| {
                    other.compute().map_err(Refusal::because)?;
                    other.run_out()
                })?;
            }
        }
        Ok(())
    }

    /// Takes the automatic transitions of this case, one after the other.
    fn run_out(&mut self) -> Result<(), Refusal> {
        loop {
            match self.step() {
                Ok(false) => return Ok(()),
                Ok(true) if self.family.stepped(self.case.id) >= AUTO_STEPS_MAX => break,
                Ok(true) => {}
                Err(reason) => return Err(self.refusal(reason, Vec::new())),
            }
        }
        let title = Title::new(
            &format!("自动流转超过 {AUTO_STEPS_MAX} 步,已停止"),
            &format!("more than {AUTO_STEPS_MAX} automatic transitions would follow; the workflow runs in a circle"),
        );
        Err(Refusal::because(Reason::new(RefusalKind::Conflict, "auto_steps", title)))
    }

    /// Takes the first automatic transition that is possible, or else the first timed one that is due and possible;
    /// says whether there was one.
    fn step(&mut self) -> Result<bool, Reason> {
        let workflow = self.workflow;
        let stage = Arc::clone(&self.case.stage);
        for transition in workflow.transitions.iter().filter(|transition| transition.auto) {
            if transition.from.contains(&stage) && self.automatic(transition)? {
                return Ok(true);
            }
        }
        for transition in self.due_transitions() {
            if self.automatic(transition)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the transition, unless there is not enough of something: then it is not possible now.
    fn attempt(
        &mut self,
        transition: &Transition,
        branch: Option<&Branch>,
        because: Vec<Verdict>,
    ) -> Result<bool, Reason> {
        let before = self.checkpoint();
        match self.perform(transition, branch, None, because) {
            Ok(()) => Ok(true),
            Err(reason) if &*reason.code == SHORT => {
                self.come_back_to(before);
                self.compute()?;
                Ok(false)
            }
            Err(reason) => Err(reason),
        }
    }

    fn automatic(&mut self, transition: &Transition) -> Result<bool, Reason> {
        // The engine can't ask for approval; the compiler refuses such a transition.
        if !transition.approvals.is_empty() || !self.missing(&transition.name).is_empty() {
            return Ok(false);
        }
        let facts = self.facts()?;
        if let Some(reason) = self.condition_fails(transition, &facts) {
            // A condition that can't be judged is a mistake somebody must see; one that does not hold is the
            // usual state of an automatic transition.
            return if &*reason.code == "condition" { Ok(false) } else { Err(reason) };
        }
        let verdicts = self.verdicts(transition, &facts);
        if verdicts.iter().any(|(refuse_on_error, verdict)| !judge::reasons(verdict, *refuse_on_error).is_empty()) {
            return Ok(false);
        }
        let branch = match self.branch(transition, &facts) {
            Ok(branch) => branch,
            Err(reason) if &*reason.code == "no_branch" => return Ok(false),
            Err(reason) => return Err(reason),
        };
        let asked: BTreeSet<_> = transition.ask.iter().map(|ask| Arc::clone(&ask.field)).collect();
        self.begin(&|field| asked.contains(field))?;
        let because = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        self.attempt(transition, branch, because)
    }
}
