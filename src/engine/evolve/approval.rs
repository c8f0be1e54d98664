//! What events do to the approval that a case waits for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Agreed, Approval, ApprovalStep, Case, Changes, Name, Recorded};

/// A transition was asked for.
pub(super) fn request(
    case: &mut Case,
    transition: &Name,
    roles: &BTreeSet<Name>,
    (input, comment, steps): (&Changes, &Option<Name>, &[ApprovalStep]),
    recorded: &Recorded,
) {
    case.approval = Some(Box::new(Approval {
        transition: Arc::clone(transition),
        by: Arc::clone(&recorded.by),
        on_behalf_of: recorded.on_behalf_of.clone(),
        roles: roles.clone(),
        at: recorded.at,
        input: input.clone(),
        comment: comment.clone(),
        steps: steps.to_vec(),
    }));
}

/// Somebody agreed.
pub(super) fn agree(case: &mut Case, last: bool, recorded: &Recorded) {
    if last {
        case.approval = None;
        return;
    }
    let mut steps = case.approval.iter_mut().flat_map(|approval| &mut approval.steps);
    if let Some(step) = steps.find(|step| step.missing() > 0) {
        step.given.push(Agreed { by: Arc::clone(&recorded.by), on_behalf_of: recorded.on_behalf_of.clone() });
    }
}
