//! Cases that belong together: what one command does to several of them is never there by half.

use std::collections::BTreeMap;

use gendan::model::CaseId;

use crate::whole::book::{Held, Life};
use crate::whole::facts::ended;

/// What must hold of parents and children whenever no command is on its way.
pub(crate) fn settled(lives: &BTreeMap<CaseId, Life>) -> Held {
    for life in lives.values() {
        let number = &life.number;
        if let Some(parent) = life.parent.and_then(|parent| lives.get(&parent))
            && !parent.children.contains(&life.id)
        {
            return Err(format!("{number} is a child of {}, which does not know it", parent.number));
        }
        let children: Vec<Option<&Life>> = life.children.iter().map(|child| lives.get(child)).collect();
        if children.iter().any(|child| child.is_none_or(|child| child.parent != Some(life.id))) {
            return Err(format!("{number} has a child that does not know it"));
        }
        let open = children.iter().flatten().filter(|child| !ended(&child.stage)).count();
        let made = life.workflow == "batch" && ["making", "done"].contains(&life.stage.as_str());
        if made && children.len() != life.lines().len() {
            return Err(format!("{number} has {} children for its {:?}", children.len(), life.lines()));
        }
        if ended(&life.stage) && open > 0 {
            return Err(format!("{number} has ended as `{}` with {open} children that have not", life.stage));
        }
        if life.stage == "making" && open == 0 {
            return Err(format!("{number} waits for its children, and all of them have ended"));
        }
    }
    Ok(())
}
