//! What a caller may not see in what is worked out from cases: hidden fields of theirs, and of their kin.

use std::collections::BTreeSet;

use crate::engine::hidden_fields;
use crate::model::{Actor, Name};
use crate::workflow::{Definition, Reads, Workflow};

use super::auth::may_read;

/// The fields of the cases of a workflow, and of their kin as [`Reads::of_kin`] writes them, that `actor` may not see;
/// nothing at all of kin whose workflow they may not read.
pub(super) fn unseen(definition: &Definition, workflow: &Workflow, actor: &Actor) -> BTreeSet<Name> {
    let mut unseen = hidden_fields(workflow, actor);
    for name in workflow.parent.iter().chain(workflow.children.values()) {
        let kin = definition.workflows.get(name).filter(|kin| may_read(actor, Some(kin)));
        match kin {
            Some(kin) => unseen.extend(hidden_fields(kin, actor).iter().map(|field| Reads::of_kin(name, field))),
            None => drop(unseen.insert(Reads::of_kin(name, ""))),
        }
    }
    unseen
}
