//! One request from beginning to end: its idempotency key, its turn, the decision, the commit, the answer.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use crate::engine;
use crate::model::limit::{CASE_LANES, DECIDE_RETRIES_MAX, PAGE_ITEMS_MAX};
use crate::model::{Act, Case, CaseId, Command, Mode, Refusal, Timestamp};
use crate::store::{self, Answer, AnswerKey, CaseItem, Item, Outcome};
use crate::workflow::Definition;

use super::series::Ticket;
use super::{Done, Failure, Render, Reply, Request, Runtime, Want, not_found, random, store_failure};

impl Runtime {
    /// Judges a request and, unless it is a dry run, makes its outcome durable before it returns.
    ///
    /// # Errors
    /// A refusal with its reasons, or what else stood in the way; then nothing has changed.
    pub async fn execute(&self, request: Request, render: Render) -> Result<Reply, Failure> {
        let retry = request.retry.as_ref().filter(|_| !request.dry_run);
        let key = retry.map(|retry| AnswerKey { actor: Arc::clone(&request.actor.user), key: Arc::clone(&retry.key) });
        let _flight = key.as_ref().map(|key| self.take_off(key)).transpose()?;
        if let (Some(key), Some(retry)) = (&key, retry)
            && let Some(answer) = self.0.store.answer(key).map_err(store_failure)?
        {
            return replay(answer, &retry.fingerprint);
        }
        let lane = lane(&request.want).and_then(|lane| self.0.lanes.get(lane));
        let _turn = match lane {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        self.settle(Arc::new(request), Arc::new(render), key).await
    }

    /// Decides and commits; decides again when the world has moved in between.
    async fn settle(
        &self,
        request: Arc<Request>,
        render: Arc<Render>,
        key: Option<AnswerKey>,
    ) -> Result<Reply, Failure> {
        for _ in 0..DECIDE_RETRIES_MAX {
            let attempt = self.attempt(&request, &render, key.clone()).await?;
            let (item, answer) = match attempt {
                Attempt::Answered(answer) => return Ok(Reply { answer, replayed: false }),
                Attempt::Commit(item, answer) => (item, answer),
            };
            match self.0.committer.commit(Item::Case(item)).await? {
                Outcome::Done(_) => return Ok(Reply { answer, replayed: false }),
                Outcome::Answered(answer) => {
                    let fingerprint = request.retry.as_ref().map(|retry| Arc::clone(&retry.fingerprint));
                    return replay(answer, &fingerprint.unwrap_or_default());
                }
                Outcome::Moved { .. } | Outcome::Held { .. } => {}
            }
        }
        Err(Failure::Overloaded)
    }

    async fn attempt(
        &self,
        request: &Arc<Request>,
        render: &Arc<Render>,
        key: Option<AnswerKey>,
    ) -> Result<Attempt, Failure> {
        let (runtime, request, render) = (self.clone(), Arc::clone(request), Arc::clone(render));
        self.0.deciders.run(move || runtime.decide(&request, &render, key)).await?
    }

    /// One round of deciding, on a decider's thread.
    fn decide(&self, request: &Request, render: &Render, key: Option<AnswerKey>) -> Result<Attempt, Failure> {
        let (definition, now) = (self.0.library.live(), self.now());
        let case = self.wanted_case(&request.want)?;
        if let (Some(case), Some(expected)) = (&case, request.expected)
            && case.version != expected
        {
            return Err(self.stale(case, expected));
        }
        let (act, ticket) = self.act(&definition, &request.want, now)?;
        let command = Command { actor: request.actor.clone(), act };
        let world = self.world();
        let decision = engine::decide(&definition, case.as_deref(), &command, &world, now).map_err(|refusal| {
            log_refusal(request, case.as_deref(), &refusal);
            Failure::Refused(Box::new(refusal))
        })?;
        let because = decision.because.iter().filter(|verdict| verdict.mode != Mode::Shadow).cloned().collect();
        let done = Done { case: Arc::new(decision.case), events: decision.events.into(), because };
        let mut answer = render(&done);
        answer.at = now;
        if request.dry_run || done.events.is_empty() {
            return Ok(Attempt::Answered(answer));
        }
        if let Some(retry) = &request.retry {
            answer.fingerprint = Arc::clone(&retry.fingerprint);
        }
        let item = CaseItem {
            hold: decision.hold,
            release: decision.release,
            series: decision.series,
            answer: key.map(|key| (key, answer.clone())),
            ..item(case.as_deref(), done)
        };
        // From here on the number is used, whatever becomes of the commit: it is never handed out twice.
        ticket.into_iter().for_each(Ticket::keep);
        Ok(Attempt::Commit(Box::new(item), answer))
    }

    fn wanted_case(&self, want: &Want) -> Result<Option<Arc<Case>>, Failure> {
        match want {
            Want::Open { .. } => Ok(None),
            Want::Take { id, .. } | Want::Edit { id, .. } | Want::Comment { id, .. } => self.stored(*id).map(Some),
        }
    }

    /// The command's act; an opening gets its id and its place in the number series here.
    fn act(&self, definition: &Definition, want: &Want, now: Timestamp) -> Result<(Act, Option<Ticket<'_>>), Failure> {
        Ok(match want {
            Want::Open { workflow, fields, comment } => {
                let Some(known) = definition.workflows.get(workflow) else {
                    return Err(not_found("workflow", workflow));
                };
                let series = known.number.series(workflow, now.day(known.zone));
                let ticket = self.0.series.draw(&series).map_err(store_failure)?;
                let (id, sequence) = (CaseId::new(now.0, random()?), ticket.sequence);
                let (workflow, fields, comment) = (Arc::clone(workflow), fields.clone(), comment.clone());
                (Act::Open { id, workflow, sequence, fields, comment }, Some(ticket))
            }
            Want::Take { transition, input, comment, .. } => {
                let (transition, input, comment) = (Arc::clone(transition), input.clone(), comment.clone());
                (Act::Take { transition, input, comment }, None)
            }
            Want::Edit { fields, comment, .. } => {
                (Act::Edit { fields: fields.clone(), comment: comment.clone() }, None)
            }
            Want::Comment { text, .. } => (Act::Comment { text: Arc::clone(text) }, None),
        })
    }

    fn stale(&self, case: &Case, expected: u64) -> Failure {
        let since = self.0.store.history(case.id, expected, PAGE_ITEMS_MAX).unwrap_or_default();
        Failure::Stale { expected, since, version: case.version }
    }

    fn take_off(&self, key: &AnswerKey) -> Result<Flight, Failure> {
        let mut in_flight = self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(Failure::InFlight);
        }
        Ok(Flight { runtime: self.clone(), key: key.clone() })
    }
}

enum Attempt {
    /// Nothing is to be written.
    Answered(Answer),
    /// This is to be written, and then answered.
    Commit(Box<CaseItem>, Answer),
}

/// Holds an idempotency key as long as its request is being judged.
struct Flight {
    runtime: Runtime,
    key: AnswerKey,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.runtime.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Who was refused what, and why (R11).
fn log_refusal(request: &Request, case: Option<&Case>, refusal: &Refusal) {
    let codes = refusal.reasons.iter().map(|reason| &*reason.code).collect::<Vec<_>>().join(" ");
    let (number, dry_run) = (case.map(|case| &*case.number).unwrap_or_default(), request.dry_run);
    let wanted = match &request.want {
        Want::Open { workflow, .. } => format!("open {workflow}"),
        Want::Take { transition, .. } => format!("take {transition}"),
        Want::Edit { .. } => "edit".to_owned(),
        Want::Comment { .. } => "comment".to_owned(),
    };
    tracing::info!(actor = %request.actor.user, case = number, wanted, codes, dry_run, "refused");
}

fn lane(want: &Want) -> Option<usize> {
    match want {
        Want::Open { .. } => None,
        Want::Take { id, .. } | Want::Edit { id, .. } | Want::Comment { id, .. } => {
            let [.., high, low] = id.to_bytes();
            Some(usize::from(u16::from_be_bytes([high, low])) % CASE_LANES)
        }
    }
}

fn replay(answer: Answer, fingerprint: &str) -> Result<Reply, Failure> {
    if *answer.fingerprint == *fingerprint { Ok(Reply { answer, replayed: true }) } else { Err(Failure::KeyReused) }
}

fn item(before: Option<&Case>, done: Done) -> CaseItem {
    let keys = |case: &Case| {
        let keys = engine::facets(case).into_iter().map(|(facet, value)| store::IndexKey {
            workflow: Arc::clone(&case.workflow),
            facet,
            value,
        });
        keys.collect::<BTreeSet<_>>()
    };
    let (old, new) = (before.map(keys).unwrap_or_default(), keys(&done.case));
    CaseItem {
        expected: before.map_or(0, |case| case.version),
        events: done.events,
        index_add: new.difference(&old).cloned().collect(),
        index_remove: old.difference(&new).cloned().collect(),
        case: done.case,
        hold: Vec::new(),
        release: Vec::new(),
        series: None,
        answer: None,
    }
}
