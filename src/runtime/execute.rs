//! One request from beginning to end: its idempotency key, its turn, the decision, the commit, the answer.

use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use crate::store::{Answer, AnswerKey};

use super::decide::Asked;
use super::turn::Settled;
use super::{Failure, Render, Reply, Request, Runtime, Want, store_failure};

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
        let _lane = match &request.want {
            Want::Open { .. } => None,
            Want::Take { id, .. }
            | Want::Edit { id, .. }
            | Want::Comment { id, .. }
            | Want::Attach { id, .. }
            | Want::Wake { id }
            | Want::Task { id, .. }
            | Want::Approve { id, .. }
            | Want::Scheduled { id, .. } => self.0.turns.lane(*id).await,
        };
        let asked = Arc::new(Asked { request, render, key });
        self.settle(|| self.attempt(&asked)).await
    }

    /// One attempt, for which the task waits once: the thread that decides hands on to the committer.
    async fn attempt(&self, asked: &Arc<Asked>) -> Result<Settled<Reply>, Failure> {
        let (answer, answered) = oneshot::channel();
        let (runtime, asked) = (self.clone(), Arc::clone(asked));
        self.0.deciders.send(Box::new(move || runtime.decide_and_submit(&asked, answer)))?;
        answered.await.map_err(|_| Failure::Store)?
    }

    fn take_off(&self, key: &AnswerKey) -> Result<Flight, Failure> {
        let mut in_flight = self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(Failure::InFlight);
        }
        Ok(Flight { runtime: self.clone(), key: key.clone() })
    }
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

/// The stored answer, when it answered the same request.
pub(super) fn replay(answer: Answer, fingerprint: &str) -> Result<Reply, Failure> {
    if *answer.fingerprint == *fingerprint { Ok(Reply { answer, replayed: true }) } else { Err(Failure::KeyReused) }
}
