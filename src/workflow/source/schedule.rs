//! Schedules as written.

use crate::diagnostic::Diagnostic;
use crate::model::Name;
use crate::workflow::walk::{At, Node};

use super::condition::{Condition, condition};
use super::read::{Keys, check_name, entries, text};
use super::transition::{ActionSource, FromSource, actions, from};

/// A schedule as written.
#[derive(Debug)]
pub(in crate::workflow) struct ScheduleSource {
    /// Its name.
    pub(in crate::workflow) name: At<Name>,
    /// When it is due.
    pub(in crate::workflow) at: Option<At<Name>>,
    /// The stages it is for; `None` for all that are no end.
    pub(in crate::workflow) stages: Option<FromSource>,
    /// Which cases there.
    pub(in crate::workflow) when: Option<Condition>,
    /// What is done to each.
    pub(in crate::workflow) actions: Vec<ActionSource>,
    /// What is done to all of them together.
    pub(in crate::workflow) together: Vec<ActionSource>,
}

/// Reads `schedules`.
pub(super) fn schedules(node: &Node, found: &mut Vec<Diagnostic>) -> Vec<ScheduleSource> {
    let entries = entries(node, "`schedules`", found).unwrap_or_default();
    entries.iter().filter_map(|entry| schedule(&entry.key, &entry.value, found)).collect()
}

fn schedule(name: &At<Name>, node: &Node, found: &mut Vec<Diagnostic>) -> Option<ScheduleSource> {
    check_name(name, "a schedule", found);
    let keys = Keys::of(node, "a schedule", &["at", "for", "do", "together"], found)?;
    let cases = keys.get("for").and_then(|node| Keys::of(node, "`for`", &["stages", "when"], found));
    let stages = cases.as_ref().and_then(|keys| keys.get("stages"));
    let when = cases.as_ref().and_then(|keys| keys.get("when"));
    let together = keys.get("together").map(|node| actions(node, found));
    let each = if together.is_some() { keys.get("do") } else { keys.need("do", "a schedule", found) };
    Some(ScheduleSource {
        name: name.clone(),
        at: keys.need("at", "a schedule", found).and_then(|node| text(node, "`at`", found)),
        stages: stages.map(|node| from(node, "`stages`", found)),
        when: when.and_then(|node| condition(node, "`when`", found)),
        actions: each.map(|node| actions(node, found)).unwrap_or_default(),
        together: together.unwrap_or_default(),
    })
}
