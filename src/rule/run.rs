//! One run of a script: what it may see and spend, held in a thread-local while the engine works.
//!
//! INVARIANT: nothing here calls into the engine while the run is borrowed, so a borrow never meets another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::Dynamic;

use crate::model::limit::{RULE_CLOCK_OPERATIONS, RULE_FINDING_BYTES_MAX, RULE_FINDINGS_MAX};
use crate::model::{Budget, Finding, Name, Title, World};

use super::Facts;
use super::fault::Fault;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// What a run sees and has used so far.
pub(super) struct Run {
    /// What it sees.
    pub(super) facts: Facts,
    /// Whether fields are bare names: in expressions, not in rules.
    pub(super) bare: bool,
    /// The list and the position of the row that is `line`.
    pub(super) line: Option<(Name, usize)>,
    /// The sentences of the rule's codes.
    pub(super) messages: Arc<BTreeMap<Name, Title>>,
    /// The file of the script.
    pub(super) file: Name,
    /// What was found.
    pub(super) findings: Vec<Finding>,
    finding_bytes: usize,
    budget: Budget,
    operations: u64,
    missing: Option<String>,
    pending: Option<Fault>,
}

impl Run {
    /// A run that has used nothing.
    pub(super) fn new(facts: &Facts, bare: bool, file: &Name) -> Self {
        Self {
            budget: facts.world.budget(),
            facts: facts.clone(),
            bare,
            line: None,
            messages: Arc::default(),
            file: Name::clone(file),
            findings: Vec::new(),
            finding_bytes: 0,
            operations: 0,
            missing: None,
            pending: None,
        }
    }
}

/// Does `work` inside `run`; gives the run back with what came of it.
pub(super) fn within<T>(run: Run, work: impl FnOnce() -> T) -> (T, Option<Run>) {
    let _restore = Restore { before: RUN.replace(Some(run)) };
    let result = work();
    (result, RUN.take())
}

/// Puts back what was there before, also when the work panics.
struct Restore {
    before: Option<Run>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        RUN.set(self.before.take());
    }
}

/// Looks at the present run.
///
/// # Errors
/// When no run is under way: a module is being loaded, and has no facts.
pub(super) fn see<T>(look: impl FnOnce(&Run) -> Result<T, Fault>) -> Result<T, Fault> {
    RUN.with_borrow(|run| match run {
        Some(run) => look(run),
        None => Err(Fault::script("facts can be used inside functions only")),
    })
}

/// The world of the present run.
pub(super) fn world() -> Option<Arc<dyn World>> {
    RUN.with_borrow(|run| run.as_ref().map(|run| Arc::clone(&run.facts.world)))
}

/// Counts one operation. An answer ends the run.
pub(super) fn progress(_: u64) -> Option<Dynamic> {
    RUN.with_borrow_mut(|run| {
        let run = run.as_mut()?;
        run.operations += 1;
        if let Some(fault) = run.pending.take() {
            return Some(Dynamic::from(fault));
        }
        if run.operations > run.budget.rule_operations_max {
            let most = run.budget.rule_operations_max;
            return Some(Dynamic::from(Fault::budget(format!("the rule used more than {most} operations"))));
        }
        if run.operations.is_multiple_of(RULE_CLOCK_OPERATIONS) && (run.budget.overdue)() {
            return Some(Dynamic::from(Fault::budget("the rule ran out of time")));
        }
        None
    })
}

/// Counts the elements that a host function goes through; they cost as much as operations.
pub(super) fn spend(elements: usize) -> Result<(), Fault> {
    for _ in 0..=elements / 8 {
        if let Some(token) = progress(0) {
            let fault = token.try_cast::<Fault>();
            return Err(fault.unwrap_or_else(|| Fault::budget("the rule ran out of its limits")));
        }
    }
    Ok(())
}

/// Remembers the field that was read and found unset: most faults are about it.
pub(super) fn remember_missing(field: Option<String>) {
    RUN.with_borrow_mut(|run| {
        if let Some(run) = run {
            run.missing = field;
        }
    });
}

/// The field that was read last and found unset.
pub(super) fn last_missing() -> Option<String> {
    RUN.with_borrow(|run| run.as_ref().and_then(|run| run.missing.clone()))
}

/// Remembers a fault that Rhai would swallow where it happens (inside a text with `${...}`).
pub(super) fn postpone(fault: Fault) {
    RUN.with_borrow_mut(|run| {
        if let Some(run) = run {
            run.pending.get_or_insert(fault);
        }
    });
}

/// The fault that waits to be told, if the run ended before it was.
pub(super) fn postponed(run: &mut Run) -> Option<Fault> {
    run.pending.take()
}

/// Keeps a finding.
///
/// # Errors
/// When there are too many, or they are too long together.
pub(super) fn report(finding: Finding, bytes: usize) -> Result<(), Fault> {
    RUN.with_borrow_mut(|run| {
        let run = run.as_mut().ok_or_else(|| Fault::script("findings can be reported inside functions only"))?;
        run.finding_bytes += bytes;
        if run.findings.len() >= RULE_FINDINGS_MAX || run.finding_bytes > RULE_FINDING_BYTES_MAX {
            return Err(Fault::budget(format!(
                "the rule reports more than {RULE_FINDINGS_MAX} findings or {RULE_FINDING_BYTES_MAX} bytes of them"
            )));
        }
        run.findings.push(finding);
        Ok(())
    })
}
