//! The staff: who has which roles, and whether these people can meet every duty of a workflow (R11, R52, R125).
//!
//! A step that four eyes keep people from, or that others must agree to, needs several persons at once. They are
//! looked for together: each place is for one person of some, and some places must have different persons.

mod people;
mod seats;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::model::{Name, Place};

use super::definition::{By, Definition, Transition, Workflow};
use super::task::{NotBy, Task};
use seats::{Candidates, Seats};

pub use people::{Staff, staff};

/// Looks for duties that `staff` can't meet, and for those that one absence would leave to nobody.
#[must_use]
pub fn duties(definition: &Definition, staff: &Staff) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for workflow in definition.workflows.values() {
        let judge = Judge { workflow, staff };
        for transition in workflow.transitions.iter().chain([&workflow.open]) {
            found.extend(judge.transition(transition));
        }
        found.extend(workflow.tasks().filter_map(|task| judge.task(task)));
    }
    found.sort_by(|one, other| (&one.place, &one.code).cmp(&(&other.place, &other.code)));
    found
}

/// The places that were looked at, by what is done there.
type Known<'a> = BTreeMap<&'a Name, usize>;

/// What somebody does.
enum Step<'a> {
    /// Takes a transition; those of one name count as one.
    Taken(Vec<&'a Transition>),
    /// Does a task.
    Done(&'a Task),
}

/// One workflow and who is there.
struct Judge<'a> {
    workflow: &'a Workflow,
    staff: &'a Staff,
}

impl<'a> Judge<'a> {
    fn transition(&self, transition: &'a Transition) -> Option<Diagnostic> {
        let (mut seats, mut known) = (Seats::default(), Known::new());
        let taker = self.seat(&mut seats, &mut known, &Step::Taken(vec![transition]), false);
        let mut agreed = vec![taker];
        for approval in &transition.approvals {
            for _ in 0..approval.count {
                let seat = seats.add(self.people(&approval.of), false);
                for name in &transition.not_by {
                    let earlier = self.earlier(&mut seats, &mut known, name);
                    seats.differ(seat, earlier);
                }
                agreed.iter().for_each(|other| seats.differ(seat, Some(*other)));
                agreed.push(seat);
            }
        }
        let (mut what, mut why) = ("take", kept_out(transition.not_by.iter()));
        if !transition.approvals.is_empty() {
            what = "take and approve";
            let others: u32 = transition.approvals.iter().map(|approval| approval.count).sum();
            why.push(format!("{others} others must agree"));
        }
        self.verdict(&seats, (what, &why.join(", and ")), &transition.name, &transition.by, &transition.place)
    }

    fn task(&self, task: &'a Task) -> Option<Diagnostic> {
        let (mut seats, mut known) = (Seats::default(), Known::new());
        self.seat(&mut seats, &mut known, &Step::Done(task), false);
        let why = kept_out(task.not_by.iter().map(NotBy::name)).concat();
        self.verdict(&seats, ("do", &why), &task.name, &task.by, &task.place)
    }

    /// The place of who takes a step, with those whom four eyes keep from it. The engine is never a second person.
    fn seat(&self, seats: &mut Seats, known: &mut Known<'a>, step: &Step<'a>, earlier: bool) -> usize {
        let mut people = Candidates::default();
        let mut not_by: Vec<&'a Name> = Vec::new();
        let name = match step {
            Step::Taken(transitions) => {
                for transition in transitions {
                    let one = self.people(&transition.by);
                    people.people.extend(one.people);
                    people.engine |= transition.auto || (one.engine && transition.not_by.is_empty());
                    not_by.extend(&transition.not_by);
                }
                transitions.first().map(|transition| &transition.name)
            }
            Step::Done(task) => {
                people = self.people(&task.by);
                people.engine &= task.not_by.is_empty();
                not_by.extend(task.not_by.iter().map(NotBy::name));
                Some(&task.name)
            }
        };
        let seat = seats.add(people, earlier);
        known.extend(name.map(|name| (name, seat)));
        for name in not_by {
            let earlier = self.earlier(seats, known, name);
            seats.differ(seat, earlier);
        }
        seat
    }

    /// The place of who did before what stands under a name.
    fn earlier(&self, seats: &mut Seats, known: &mut Known<'a>, name: &'a Name) -> Option<usize> {
        if let Some(seat) = known.get(name) {
            return Some(*seat);
        }
        if let Some(task) = self.workflow.tasks().find(|task| task.name == *name) {
            return Some(self.seat(seats, known, &Step::Done(task), true));
        }
        let transitions = self.workflow.transitions.iter().chain([&self.workflow.open]);
        let named: Vec<&Transition> = transitions.filter(|transition| transition.name == *name).collect();
        (!named.is_empty()).then(|| self.seat(seats, known, &Step::Taken(named), true))
    }

    /// Who is among `by`. A field may name whoever has its role.
    fn people(&self, by: &[By]) -> Candidates {
        let mut found = Candidates::default();
        for by in by {
            match by {
                By::Role(role) if &**role == crate::model::command::SYSTEM => found.engine = true,
                By::Role(role) => found.people.extend(self.staff.with(role).cloned()),
                By::User(field) => found.people.extend(self.named(field)),
            }
        }
        found
    }

    fn named(&self, field: &str) -> BTreeSet<Name> {
        let role = match self.workflow.schema.get(field).map(|field| &field.kind) {
            Some(crate::field::Kind::User { role }) => role.clone(),
            _ => None,
        };
        match role {
            Some(role) => self.staff.with(&role).cloned().collect(),
            None => self.staff.people.keys().cloned().collect(),
        }
    }

    fn verdict(
        &self,
        seats: &Seats,
        (what, why): (&str, &str),
        name: &Name,
        by: &[By],
        place: &Place,
    ) -> Option<Diagnostic> {
        let own = &self.workflow.name;
        if !seats.can_be_taken(None) {
            let alone = self.people(by);
            let message = if alone.people.is_empty() && !alone.engine {
                format!("nobody on the staff may {what} `{name}` of `{own}`")
            } else {
                format!("too few on the staff may {what} `{name}` of `{own}`: {why}")
            };
            let help = format!("those who may {}: {}", what_first(what), listed(&alone.people));
            return Some(Diagnostic::error("E171", place.clone(), message).length(name.chars().count()).help(help));
        }
        let missed: BTreeSet<Name> =
            seats.people().into_iter().filter(|person| !seats.can_be_taken(Some(person))).collect();
        if seats.is_alone() || missed.is_empty() {
            return None;
        }
        let message = format!("nobody could {what} `{name}` of `{own}` while {} is away", listed(&missed));
        let warning = Diagnostic::warning("W120", place.clone(), message).length(name.chars().count());
        Some(warning.help("give somebody else the role too"))
    }
}

/// That others have done something before, in words.
fn kept_out<'a>(names: impl Iterator<Item = &'a Name>) -> Vec<String> {
    let names: BTreeSet<Name> = names.cloned().collect();
    if names.is_empty() { Vec::new() } else { vec![format!("it takes another person than {}", listed(&names))] }
}

fn what_first(what: &str) -> &str {
    what.split(' ').next().unwrap_or(what)
}

fn listed(people: &BTreeSet<Name>) -> String {
    if people.is_empty() {
        return "nobody".to_owned();
    }
    people.iter().map(|person| format!("`{person}`")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
