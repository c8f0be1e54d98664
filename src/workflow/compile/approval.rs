//! Approvals and other duties: whether anybody could ever meet them, as far as the workflow alone says.

use std::collections::BTreeSet;

use crate::model::Name;
use crate::model::command::SYSTEM;
use crate::workflow::definition::By;
use crate::workflow::source::{ApprovalSource, TransitionSource};
use crate::workflow::task::ApprovalNeeded;
use crate::workflow::walk::At;

use super::workflow::Compiler;

impl Compiler<'_> {
    /// Who must agree to a transition.
    pub(super) fn approvals(&mut self, source: &TransitionSource, by: &[By]) -> Vec<ApprovalNeeded> {
        if let (true, Some(approval)) = (source.auto, source.approvals.first()) {
            let message = format!("the engine takes `{}` and can't ask for approval", source.name.value);
            let error = approval.spot.error("E166", message);
            self.found.push(error.help("leave out `auto`, or `approvals`"));
        }
        if let (Some(at), Some(approval)) = (&source.at, source.approvals.first()) {
            let name = &source.name.value;
            let message = format!("the engine takes `{name}` at `{}` and can't ask for approval then", at.value);
            let error = approval.spot.error("E172", message);
            self.found
                .push(error.help("leave out `approvals`, or let people take a transition of its own that has them"));
        }
        source.approvals.iter().filter_map(|approval| self.approval(approval, by)).collect()
    }

    fn approval(&mut self, source: &ApprovalSource, by: &[By]) -> Option<ApprovalNeeded> {
        let of = self.people(&source.of);
        let when = self.condition(source.when.as_ref());
        let (count, spot) = source.count.clone().unwrap_or((1, source.spot.clone()));
        if count == 0 {
            self.found.push(spot.error("E165", "an approval needs at least one person"));
            return None;
        }
        if of.len() == source.of.len() && !of.is_empty() {
            self.enough(&of, by, count, source);
        }
        Some(ApprovalNeeded { of, count: u32::try_from(count).ok()?, when, place: source.spot.place.clone() })
    }

    /// Whether so many people could agree: the engine never does, a field holds one person, and who asks never
    /// agrees.
    fn enough(&mut self, of: &[By], by: &[By], count: usize, source: &ApprovalSource) {
        let people: BTreeSet<&By> = of.iter().filter(|by| **by != By::Role(SYSTEM.into())).collect();
        if people.is_empty() {
            let error = source.spot.error("E167", "the engine never agrees, so nobody could approve this");
            self.found.push(error.help("name a role of people in `of`"));
            return;
        }
        if people.iter().any(|by| matches!(by, By::Role(_))) {
            return;
        }
        if count > people.len() {
            let message = format!("{count} people must agree, and `of` names {} at most", people.len());
            self.found.push(source.spot.error("E165", message));
        } else if let ([only], [asker]) = (&*people.into_iter().collect::<Vec<_>>(), by)
            && *only == asker
        {
            let error = source.spot.error("E167", "only one person may ask for this, and only the same one may agree");
            self.found.push(error.help("who asks never agrees; name somebody else in `of`"));
        }
    }

    /// Those whom four eyes keep from a transition: takers of transitions, and doers of tasks.
    pub(super) fn kept_out(&mut self, source: &TransitionSource) -> Vec<Name> {
        if let (Some(by), Some(first)) = (&source.by, source.not_by.first())
            && !by.is_empty()
            && by.iter().all(|by| &*by.value == SYSTEM)
        {
            let message =
                format!("the engine alone takes `{}`, and it never counts as another person", source.name.value);
            self.found.push(first.spot.error("E167", message).help("name a role of people in `by`"));
        }
        source.not_by.iter().filter_map(|name| self.kept_out_by(name, source)).collect()
    }

    fn kept_out_by(&mut self, name: &At<Name>, source: &TransitionSource) -> Option<Name> {
        if name.value == source.name.value {
            let message = format!("`{}` keeps out who took it before, so nobody could take it again", name.value);
            let error = name.spot.error("E167", message);
            self.found.push(error.help("name the transition that another person has taken"));
            return None;
        }
        if self.answers.contains_key(&name.value) {
            return Some(Name::clone(&name.value));
        }
        self.transition_name(name, true)
    }
}
