//! The runtime: between the core, which decides, and the store, which keeps.
//!
//! Commands are decided on threads of their own, in parallel; one committer makes groups of them durable. No
//! success is answered before that.

mod committer;
mod deciders;
mod keys;
mod list;
mod request;
mod series;
mod snapshot;
mod tables;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{broadcast, oneshot};

use crate::clock::Clock;
use crate::engine::{self, Availability, Decision};
use crate::library::Library;
use crate::model::command::Input;
use crate::model::limit::{CASE_LANES, DECIDE_RETRIES_MAX, EVENTS_BUFFER_MAX};
use crate::model::world::Hold;
use crate::model::{
    Act, Actor, Case, CaseId, Command, Language, Mode, Record, Refusal, Revision, Timestamp, Verdict, World,
};
use crate::store::{self, Answer, AnswerKey, CaseItem, Damage, Item, Logged, Outcome, Position, Shared};
use crate::workflow::{Definition, Workflow};

use committer::Committer;
use deciders::Deciders;
use keys::Keys;
use series::Series;
use snapshot::Snapshot;
use tables::Rows;

pub use request::{BadRow, Done, Evaluation, Failure, Page, Query, Render, Reply, Request, Retry, Sample, Want};

/// The runtime: a cheap handle to the parts that run.
#[derive(Clone, Debug)]
pub struct Runtime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Shared,
    library: Library,
    clock: Clock,
    rows: Rows,
    series: Series,
    keys: Keys,
    deciders: Deciders,
    committer: Committer,
    /// Requests whose idempotency key is being judged.
    in_flight: Mutex<BTreeSet<AnswerKey>>,
    /// Commands on one case are decided one after the other, in the order in which they came.
    lanes: Vec<tokio::sync::Mutex<()>>,
    wake: broadcast::Sender<Position>,
}

impl Runtime {
    /// Starts the parts that run.
    ///
    /// # Errors
    /// When the store can't be read, or threads can't be started.
    pub fn start(store: Shared, library: Library, clock: Clock) -> Result<Self, store::Error> {
        let (wake, _) = broadcast::channel(EVENTS_BUFFER_MAX);
        let rows = Rows::load(&store)?;
        let committer = Committer::start(Arc::clone(&store), rows.clone(), wake.clone(), clock.clone())?;
        Ok(Self(Arc::new(Inner {
            series: Series::new(Arc::clone(&store)),
            keys: Keys::load(&store)?,
            deciders: Deciders::start()?,
            committer,
            rows,
            store,
            library,
            clock,
            in_flight: Mutex::default(),
            lanes: (0..CASE_LANES).map(|_| tokio::sync::Mutex::new(())).collect(),
            wake,
        })))
    }

    /// The live definitions.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.0.library
    }

    /// The live revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.library.live().revision.clone()
    }

    /// The moment, by the runtime's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

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
        let decision = engine::decide(&definition, case.as_ref(), &command, &world, now).map_err(|refusal| {
            log_refusal(request, case.as_ref(), &refusal);
            Failure::Refused(Box::new(refusal))
        })?;
        let done = Done {
            case: decision.case.clone(),
            events: decision.events.clone(),
            because: decision.because.iter().filter(|verdict| verdict.mode != Mode::Shadow).cloned().collect(),
        };
        let mut answer = render(&done);
        answer.at = now;
        if request.dry_run || decision.events.is_empty() {
            return Ok(Attempt::Answered(answer));
        }
        if let Some(retry) = &request.retry {
            answer.fingerprint = Arc::clone(&retry.fingerprint);
        }
        let item = item(case.as_ref(), decision, key.map(|key| (key, answer.clone())));
        // From here on the number is used, whatever becomes of the commit: it is never handed out twice.
        ticket.into_iter().for_each(series::Ticket::keep);
        Ok(Attempt::Commit(Box::new(item), answer))
    }

    fn wanted_case(&self, want: &Want) -> Result<Option<Case>, Failure> {
        match want {
            Want::Open { .. } => Ok(None),
            Want::Take { id, .. } | Want::Edit { id, .. } | Want::Comment { id, .. } => self.stored(*id).map(Some),
        }
    }

    fn stored(&self, id: CaseId) -> Result<Case, Failure> {
        self.0.store.case(id).map_err(store_failure)?.ok_or_else(|| not_found("case", &id.to_string()))
    }

    /// The command's act; an opening gets its id and its place in the number series here.
    fn act(
        &self,
        definition: &Definition,
        want: &Want,
        now: Timestamp,
    ) -> Result<(Act, Option<series::Ticket<'_>>), Failure> {
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

    fn world(&self) -> Arc<dyn World> {
        Arc::new(Snapshot::new(self.0.rows.now(), Arc::clone(&self.0.store)))
    }

    fn stale(&self, case: &Case, expected: u64) -> Failure {
        let since = self.0.store.history(case.id, expected, crate::model::limit::PAGE_ITEMS_MAX).unwrap_or_default();
        Failure::Stale { expected, since, version: case.version }
    }

    fn take_off(&self, key: &AnswerKey) -> Result<Flight, Failure> {
        let mut in_flight = self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(Failure::InFlight);
        }
        Ok(Flight { runtime: self.clone(), key: key.clone() })
    }

    /// A case by id or by number.
    ///
    /// # Errors
    /// When there is none, or the store can't be read.
    pub async fn case(&self, id_or_number: &str) -> Result<Case, Failure> {
        if let Ok(id) = id_or_number.parse::<CaseId>()
            && let Some(case) = self.0.store.case(id).map_err(store_failure)?
        {
            return Ok(case);
        }
        let definition = self.0.library.live();
        for workflow in definition.workflows.keys() {
            let hold = Hold { workflow: Arc::clone(workflow), field: "number".into(), value: id_or_number.into() };
            if let Some(id) = self.0.store.holder(&hold).map_err(store_failure)? {
                return self.stored(id);
            }
        }
        Err(not_found("case", id_or_number))
    }

    /// The fields of `case` that `actor` may see.
    #[must_use]
    pub fn visible(&self, actor: &Actor, case: &Case) -> Record {
        let definition = self.0.library.live();
        match definition.workflows.get(&case.workflow) {
            Some(workflow) => engine::visible(&engine::hidden_fields(workflow, actor), &case.fields),
            None => Record::new(),
        }
    }

    /// For each transition of the workflow: whether `actor` can take it now, and every reason why not.
    ///
    /// # Errors
    /// When there is no such case, or the store can't be read.
    pub async fn available(
        &self,
        actor: &Actor,
        id: CaseId,
        language: Language,
    ) -> Result<(Case, Vec<Availability>), Failure> {
        let (runtime, actor) = (self.clone(), actor.clone());
        let judge = move || {
            let (definition, case) = (runtime.0.library.live(), runtime.stored(id)?);
            let workflow = known(&definition, &case.workflow)?;
            let world = runtime.world();
            let judged = engine::available(&definition, workflow, &case, &actor, &world, runtime.now(), language);
            Ok((case, judged))
        };
        self.0.deciders.run(judge).await?
    }

    /// What the live rule `rule`, or the draft script `source`, says about a case. `with` are its parameters.
    ///
    /// # Errors
    /// When there is no such rule or case, the script is broken, or the sample can't be read.
    pub async fn evaluate(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<String>,
        sample: Sample,
        with: Input,
    ) -> Result<Evaluation, Failure> {
        let (runtime, actor, rule) = (self.clone(), actor.clone(), rule.to_owned());
        self.0.deciders.run(move || runtime.evaluate_now(&actor, &rule, source.as_deref(), &sample, &with)).await?
    }

    fn evaluate_now(
        &self,
        actor: &Actor,
        rule: &str,
        source: Option<&str>,
        sample: &Sample,
        with: &Input,
    ) -> Result<Evaluation, Failure> {
        let (definition, now, world) = (self.0.library.live(), self.now(), self.world());
        let stored = match sample {
            Sample::Case(id) => Some(self.stored(*id)?),
            Sample::Draft { .. } => None,
        };
        let (workflow, case) = match (sample, &stored) {
            (Sample::Draft { workflow, fields }, _) => (known(&definition, workflow)?, Err(fields)),
            (Sample::Case(id), None) => return Err(not_found("case", &id.to_string())),
            (Sample::Case(_), Some(case)) => (known(&definition, &case.workflow)?, Ok(case)),
        };
        let compiled = match source {
            None => definition.rules.get(rule).cloned().ok_or_else(|| not_found("rule", rule))?,
            Some(source) => Arc::new(compile_draft(&definition, rule, source)?),
        };
        let facts = engine::sample(&definition, workflow, actor, case, &world, now)
            .map_err(|refusal| Failure::Refused(Box::new(refusal)))?;
        let parameters = parameters(workflow, rule, with);
        let (findings, error) = definition.engine.check(&compiled, &facts, &parameters);
        let verdict = Verdict { rule: Arc::clone(&compiled.name), mode: Mode::Enforce, findings, error };
        Ok(Evaluation { verdict, revision: definition.revision.clone() })
    }

    /// The events of a case after a version.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn history(&self, id: CaseId, after: u64, limit: usize) -> Result<Vec<Logged>, Failure> {
        self.read(move |store| store.history(id, after, limit)).await
    }

    /// The events of all cases after a position.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn log(&self, after: Position, limit: usize) -> Result<Vec<Logged>, Failure> {
        self.read(move |store| store.log(after, limit)).await
    }

    /// The position of the last event.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.store.position()
    }

    /// Wakes with the position of each group that became durable.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Position> {
        self.0.wake.subscribe()
    }

    /// Folds every case again and compares; see [`store::Store::verify`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn verify(&self) -> Result<Vec<Damage>, Failure> {
        self.read(|store| store.verify(&mut |_, _| ())).await
    }

    /// Whether commands can be taken now.
    ///
    /// # Errors
    /// The reason why not.
    pub fn ready(&self) -> Result<(), String> {
        self.0.committer.ready()
    }

    /// Ends the committer after what it has begun; nothing is taken any more.
    pub fn stop(&self) {
        self.0.committer.stop();
    }

    /// Reads from the store on a thread where that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn store::Store) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let store = Arc::clone(&self.0.store);
        let read = tokio::task::spawn_blocking(move || read(store.as_ref())).await;
        read.map_err(|_| Failure::Store)?.map_err(store_failure)
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

fn item(before: Option<&Case>, decision: Decision, answer: Option<(AnswerKey, Answer)>) -> CaseItem {
    let keys = |case: &Case| {
        let keys = engine::facets(case).into_iter().map(|(facet, value)| store::IndexKey {
            workflow: Arc::clone(&case.workflow),
            facet,
            value,
        });
        keys.collect::<BTreeSet<_>>()
    };
    let (old, new) = (before.map(keys).unwrap_or_default(), keys(&decision.case));
    CaseItem {
        expected: before.map_or(0, |case| case.version),
        events: decision.events,
        index_add: new.difference(&old).cloned().collect(),
        index_remove: old.difference(&new).cloned().collect(),
        case: decision.case,
        hold: decision.hold,
        release: decision.release,
        series: decision.series,
        answer,
    }
}

fn known<'a>(definition: &'a Definition, workflow: &str) -> Result<&'a Arc<Workflow>, Failure> {
    definition.workflows.get(workflow).ok_or_else(|| not_found("workflow", workflow))
}

fn not_found(what: &'static str, name: &str) -> Failure {
    Failure::NotFound { what, name: name.to_owned() }
}

/// The cause goes to the log, once, here; the client learns that it was not its fault.
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn store_failure(error: store::Error) -> Failure {
    tracing::error!(%error, "the store failed");
    Failure::Store
}

fn random() -> Result<u128, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "no randomness");
        Failure::Store
    })?;
    Ok(u128::from_ne_bytes(bytes))
}

fn compile_draft(definition: &Definition, rule: &str, source: &str) -> Result<crate::rule::Rule, Failure> {
    let file = format!("rules/{rule}.rhai");
    definition.engine.rule(rule, &file, source, std::collections::BTreeMap::new()).map_err(Failure::BadScript)
}

/// The parameters that a client gave, over those that the workflow gives the rule where it first uses it.
fn parameters(workflow: &Workflow, rule: &str, with: &Input) -> Record {
    let mut parameters = tables::rule_parameters(workflow, rule);
    for (name, json) in with {
        match tables::plain_value(json) {
            Some(value) => parameters.set(name.as_str().into(), value),
            None => drop(parameters.clear(name)),
        }
    }
    parameters
}

/// Where a thread sends what came of its work.
type Answering<T> = oneshot::Sender<T>;
