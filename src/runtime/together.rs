//! What a schedule does to all of its cases together: one message about all of them (R91).
//!
//! A message has an id that follows from its schedule and due time alone. So however often a due time is begun again,
//! it is sent once, in the words of the first time.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::engine;
use crate::model::limit::TOGETHER_CASES_MAX;
use crate::model::{Case, CaseId, Notice, Timestamp};
use crate::workflow::{Definition, Schedule, Workflow};

use super::{Failure, Runtime};

impl Runtime {
    /// Sends what the schedule says of all the cases that it is for at a due time; nothing where there are none.
    ///
    /// # Errors
    /// When the store fails; what was not sent is sent by the next call.
    pub(super) async fn tell_together(
        &self,
        workflow: &Arc<Workflow>,
        schedule: &Schedule,
        due: Timestamp,
    ) -> Result<(), Failure> {
        if schedule.together.is_empty() {
            return Ok(());
        }
        let mut ids = Vec::new();
        for stage in &schedule.stages {
            let mut before = None;
            loop {
                let page = self.in_stage(workflow, stage, before).await?;
                let Some(last) = page.last().copied() else { break };
                before = Some(last);
                ids.extend(page);
            }
        }
        // A case that has moved meanwhile may stand there twice.
        ids.sort_unstable();
        ids.dedup();
        let (runtime, name) = (self.clone(), Arc::clone(&workflow.name));
        let which = schedule.name.clone();
        let work = move || {
            let live = runtime.library().live();
            let workflow = live.workflows.get(&name)?;
            let schedule = workflow.schedules.iter().find(|schedule| schedule.name == which)?;
            Some(runtime.written_together(&live, workflow, schedule, &ids, due))
        };
        let written = self.0.deciders.run(work).await?.unwrap_or(Ok(Vec::new()))?;
        for (id, notice) in written {
            self.announce(id, notice).await?;
        }
        Ok(())
    }

    /// The messages, and their ids.
    fn written_together(
        &self,
        definition: &Definition,
        workflow: &Workflow,
        schedule: &Schedule,
        ids: &[CaseId],
        due: Timestamp,
    ) -> Result<Vec<(CaseId, Notice)>, Failure> {
        let mut cases: Vec<Arc<Case>> = Vec::new();
        for id in ids {
            let case = self.stored(*id)?;
            // Each is judged with a budget of its own.
            match engine::falls_under(definition, workflow, schedule, &case, due, &self.world()) {
                Ok(true) => cases.push(case),
                Ok(false) => {}
                Err(refusal) => {
                    let schedule = &schedule.name;
                    tracing::warn!(case = %id, %schedule, %refusal, "nobody can say whether a schedule is for a case");
                }
            }
        }
        cases.sort_by(|one, other| (one.opened_at, &one.number).cmp(&(other.opened_at, &other.number)));
        let mut written = Vec::new();
        for (place, notify) in schedule.together.iter().enumerate() {
            for (part, cases) in cases.chunks(TOGETHER_CASES_MAX).enumerate() {
                let cause = format!("{}/{}/{place}/{part}", workflow.name, schedule.name);
                match engine::together(definition, workflow, notify, cases, &self.world(), due) {
                    Ok(notice) => written.push((notice_id(&cause, due), notice)),
                    Err(refusal) => tracing::error!(message = cause, %refusal, "its cases can't be seen"),
                }
            }
        }
        Ok(written)
    }
}

/// The id of a message: the same for ever for the same cause.
fn notice_id(cause: &str, due: Timestamp) -> CaseId {
    let digest = Sha256::digest(cause.as_bytes());
    let random = digest.iter().take(10).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    CaseId::new(due.0, random)
}
