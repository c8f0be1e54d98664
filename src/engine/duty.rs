//! Duties: who may do something, for whom, and whom four eyes keep out (R11, R52, R70, R125). Every way to change a
//! case asks here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::absence::{ABSENCES, Absence};
use crate::model::command::SYSTEM;
use crate::model::{Actor, Case, Name, Reason, Record, RefusalKind, Timestamp, Title, UserId, World};
use crate::workflow::{By, NotBy, Task, Transition};

/// Who is away, as of one moment.
#[derive(Clone, Copy)]
pub(super) struct Absences<'a> {
    pub(super) world: &'a Arc<dyn World>,
    pub(super) now: Timestamp,
}

/// What somebody may do: the reasons why not, and for whom they would do it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) reasons: Vec<Reason>,
    pub(super) on_behalf_of: Option<UserId>,
}

impl Absences<'_> {
    /// Whether `actor` stands in for `user` now.
    pub(super) fn stands_in(self, actor: &Actor, user: &str) -> bool {
        let row = self.world.row(ABSENCES, user);
        let absence = row.and_then(|row| Absence::from_row(&row));
        absence.is_some_and(|absence| absence.holds(self.now) && absence.delegate == actor.user)
    }
}

/// How `actor` stands to a transition of `case`; `fields` hold the persons.
pub(super) fn to_transition(
    transition: &Transition,
    case: &Case,
    fields: &Record,
    actor: &Actor,
    absences: Absences<'_>,
) -> Standing {
    let earlier = transition.not_by.iter().map(|name| (name, took(case, name)));
    stand(&transition.by, earlier, fields, actor, absences)
}

/// How `actor` stands to a task of `case`.
pub(super) fn to_task(task: &Task, case: &Case, actor: &Actor, absences: Absences<'_>) -> Standing {
    let earlier = task.not_by.iter().map(|not_by| (not_by.name(), did(case, not_by)));
    stand(&task.by, earlier, &case.fields, actor, absences)
}

/// Whether `actor` is among `by`, as themselves or for somebody: `None` is neither.
pub(super) fn may(by: &[By], fields: &Record, actor: &Actor, absences: Absences<'_>) -> Option<Option<UserId>> {
    let own = |by: &By| match by {
        By::Role(role) => actor.has(role),
        By::User(field) => fields.text(field).is_some_and(|user| user == &*actor.user),
    };
    if by.iter().any(own) {
        return Some(None);
    }
    let named = by.iter().filter_map(|by| match by {
        By::Role(_) => None,
        By::User(field) => fields.text(field),
    });
    let mut named = named.filter(|user| absences.stands_in(actor, user));
    named.next().map(|user| Some(user.into()))
}

/// Why `people` (one person, and for whom they act) may not do what these must not have done before.
pub(super) fn kept_out<'a>(
    earlier: impl Iterator<Item = (&'a Name, BTreeSet<&'a UserId>)>,
    people: &[&UserId],
) -> Vec<Reason> {
    let mut did: Vec<(&UserId, String)> = Vec::new();
    for (name, those) in earlier {
        let found = people.iter().find(|person| those.contains(**person));
        did.extend(found.map(|person| (*person, format!("`{name}`"))));
    }
    let Some((first, _)) = did.first() else { return Vec::new() };
    let names = did.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    let (zh, en) = (
        format!("`{first}` 已执行过 {names},须由另一人执行"),
        format!("`{first}` took {names} of this case; somebody else must take this one"),
    );
    vec![Reason::new(RefusalKind::Forbidden, "four_eyes", Title::new(&zh, &en))]
}

/// That the engine is no second person.
pub(super) fn no_person() -> Reason {
    let title = Title::new("系统不能代替第二个人", "the engine can't stand in for a second person");
    Reason::new(RefusalKind::Forbidden, "four_eyes", title)
}

/// That none of `by` is the actor.
pub(super) fn role(by: &[By], actor: &Actor) -> Reason {
    if by.is_empty() {
        let title = Title::new("只由系统自动执行", "is only taken by the engine itself");
        return Reason::new(RefusalKind::Forbidden, "role", title);
    }
    let names = by.iter().map(|by| match by {
        By::Role(role) => format!("`{role}`"),
        By::User(field) => format!("the person in `{field}`"),
    });
    let names = names.collect::<Vec<_>>().join(", ");
    let (zh, en) = (format!("需要角色 {names}"), format!("needs {names}; `{}` is neither", actor.user));
    Reason::new(RefusalKind::Forbidden, "role", Title::new(&zh, &en))
}

fn stand<'a>(
    by: &[By],
    earlier: impl ExactSizeIterator<Item = (&'a Name, BTreeSet<&'a UserId>)>,
    fields: &Record,
    actor: &Actor,
    absences: Absences<'_>,
) -> Standing {
    let standing = may(by, fields, actor, absences);
    let mut reasons = Vec::new();
    if standing.is_none() {
        reasons.push(role(by, actor));
    }
    let on_behalf_of = standing.flatten();
    let second = earlier.len() > 0;
    let people: Vec<&UserId> = std::iter::once(&actor.user).chain(&on_behalf_of).collect();
    reasons.extend(kept_out(earlier, &people));
    if second && actor.has(SYSTEM) {
        reasons.push(no_person());
    }
    Standing { reasons, on_behalf_of }
}

/// Everyone who ever took a transition of this name, or did a task of it in its last round.
pub(super) fn took<'a>(case: &'a Case, name: &str) -> BTreeSet<&'a UserId> {
    case.takers.get(name).into_iter().flatten().chain(super::task::doers(case, name)).collect()
}

/// Everyone whom `not_by` of a task counts.
pub(super) fn did<'a>(case: &'a Case, not_by: &NotBy) -> BTreeSet<&'a UserId> {
    match not_by {
        NotBy::Task(name) => case.task(name).into_iter().flat_map(|task| &task.doers).collect(),
        NotBy::Transition(name) => case.takers.get(name).into_iter().flatten().collect(),
    }
}
